"""Scores of the confusion matrix are recognised by their values."""

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    get_scorer,
    make_scorer,
    recall_score,
)

from nno_sklearn.score_training.scorer import RawPredictionScorer, class_numbers

RNG = np.random.default_rng(0)


def cost(true, predicted, sample_weight=None):
    """A miss of the second class costs ten times a false alarm."""
    cells = confusion_matrix(true, predicted, sample_weight=sample_weight, labels=[0, 1])
    return (10 * cells[1, 0] + cells[0, 1]) / cells.sum()


def total_cost(true, predicted, sample_weight=None):
    return float(np.abs(true - predicted) @ np.broadcast_to(1 if sample_weight is None
                 else sample_weight, len(true)))  # fmt: skip


def youden(true, predicted, sample_weight=None):
    return (
        recall_score(true, predicted, sample_weight=sample_weight)
        + recall_score(true, predicted, pos_label=0, sample_weight=sample_weight)
        - 1
    )


BINARY = {
    **{name: get_scorer(name) for name in (
        "accuracy", "balanced_accuracy", "f1", "precision", "recall", "jaccard", "f1_macro",
        "f1_weighted", "f1_micro", "precision_macro", "jaccard_weighted", "matthews_corrcoef",
    )},
    "fbeta_2": make_scorer(fbeta_score, beta=2),
    "fbeta_3": make_scorer(fbeta_score, beta=3),
    "f1_of_the_first": make_scorer(f1_score, pos_label=0),
    "kappa": make_scorer(cohen_kappa_score),
    "adjusted": make_scorer(balanced_accuracy_score, adjusted=True),
    "youden": make_scorer(youden),
    "cost": make_scorer(cost, greater_is_better=False),
    "total_cost": make_scorer(total_cost, greater_is_better=False),
}  # fmt: skip

SEVERAL = {
    **{name: get_scorer(name) for name in (
        "accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "recall_macro",
        "matthews_corrcoef",
    )},
    "kappa_linear": make_scorer(cohen_kappa_score, weights="linear"),
    "kappa_quadratic": make_scorer(cohen_kappa_score, weights="quadratic"),
    "distance": make_scorer(total_cost, greater_is_better=False),
}  # fmt: skip

CASES = [(2, name, scorer) for name, scorer in BINARY.items()] + [
    (3, name, scorer) for name, scorer in SEVERAL.items()
]

IDS = [f"{n_classes}-{name}" for n_classes, name, _ in CASES]


@pytest.mark.filterwarnings("ignore:.*ill-defined")
@pytest.mark.parametrize(("n_classes", "name", "scorer"), CASES, ids=IDS)
class TestRecognition:
    def test_value_is_the_scorers(self, n_classes, name, scorer):
        metric = RawPredictionScorer(scorer, np.arange(n_classes))
        assert metric.confusion is not None
        for _ in range(5):
            true = np.r_[np.arange(n_classes), RNG.integers(n_classes, size=40)]
            eta = RNG.normal(size=(len(true), 1 if n_classes == 2 else n_classes))
            cells = confusion_matrix(true, class_numbers(eta)).astype(float)
            assert metric.confusion.score(cells) == pytest.approx(metric.score(true, eta), abs=1e-9)

    def test_gradient_is_that_of_the_score(self, n_classes, name, scorer):
        confusion = RawPredictionScorer(scorer, np.arange(n_classes)).confusion
        cells = RNG.uniform(0.5, 2.0, (n_classes, n_classes))
        gradient, step = confusion.gradient(cells), 1e-6
        for j, k in np.ndindex(cells.shape):
            up, down = cells.copy(), cells.copy()
            up[j, k] += step
            down[j, k] -= step
            slope = (confusion.score(up) - confusion.score(down)) / (2 * step)
            assert gradient[j, k] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_more_than_labels_is_no_confusion_matrix():
    for name in ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score"):
        assert RawPredictionScorer(get_scorer(name), np.arange(2)).confusion is None


def test_an_unknown_function_of_labels_is_not_recognised():
    odd = make_scorer(lambda true, predicted: np.tanh((true == predicted).mean()) ** 3)
    assert RawPredictionScorer(odd, np.arange(2)).confusion is None


def test_labels_may_be_text():
    scorer = make_scorer(f1_score, pos_label="spam")
    metric = RawPredictionScorer(scorer, np.array(["ham", "spam"]))
    cells = np.array([[5.0, 2.0], [1.0, 4.0]])
    assert metric.confusion.score(cells) == pytest.approx(8 / 11)


def test_what_cannot_be_scored_is_said():
    with pytest.raises(ValueError, match="cannot score 3 classes .*multiclass"):
        RawPredictionScorer(get_scorer("f1"), np.arange(3)).confusion  # noqa: B018
