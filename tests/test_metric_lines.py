"""Metrics of the confusion matrix: recognised by their values, maximised exactly on lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    fbeta_score,
    get_scorer,
    make_scorer,
    matthews_corrcoef,
    recall_score,
)

from nno_sklearn.score_training.breakpoints import Profile, flips, profile
from nno_sklearn.score_training.score import MetricLoss, class_numbers

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
        metric = MetricLoss(scorer, np.arange(n_classes))
        assert metric.confusion is not None
        for _ in range(5):
            true = np.r_[np.arange(n_classes), RNG.integers(n_classes, size=40)]
            eta = RNG.normal(size=(len(true), 1 if n_classes == 2 else n_classes))
            cells = confusion_matrix(true, class_numbers(eta)).astype(float)
            assert metric.confusion.score(cells) == pytest.approx(metric.score(true, eta), abs=1e-9)

    def test_gradient_is_that_of_the_score(self, n_classes, name, scorer):
        confusion = MetricLoss(scorer, np.arange(n_classes)).confusion
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
        assert MetricLoss(get_scorer(name), np.arange(2)).confusion is None


def test_an_unknown_function_of_labels_is_not_recognised():
    odd = make_scorer(lambda true, predicted: np.tanh((true == predicted).mean()) ** 3)
    assert MetricLoss(odd, np.arange(2)).confusion is None


def test_labels_may_be_text():
    scorer = make_scorer(f1_score, pos_label="spam")
    metric = MetricLoss(scorer, np.array(["ham", "spam"]))
    cells = np.array([[5.0, 2.0], [1.0, 4.0]])
    assert metric.confusion.score(cells) == pytest.approx(8 / 11)


def test_what_cannot_be_scored_is_said():
    with pytest.raises(ValueError, match="cannot score 3 classes .*multiclass"):
        MetricLoss(get_scorer("f1"), np.arange(3)).confusion  # noqa: B018


SMALL = st.integers(-4, 4)  # many ties


@st.composite
def lines(draw):
    """True classes, weights, raw predictions and slopes of a few rows."""
    n, n_outputs = draw(st.integers(2, 9)), draw(st.sampled_from([1, 3, 4]))
    n_classes = max(2, n_outputs)
    true = draw(hnp.arrays(int, n, elements=st.integers(0, n_classes - 1)))
    weight = draw(hnp.arrays(float, n, elements=st.integers(1, 3)))
    eta = draw(hnp.arrays(float, (n, n_outputs), elements=SMALL))
    slope = draw(hnp.arrays(float, (n, n_outputs), elements=SMALL))
    return true, weight, eta, slope


def between(eta, slope, longest):
    """The middle of each interval of a line in which no two outputs, nor one and 0, cross."""
    if eta.shape[1] == 1:
        eta, slope = (np.hstack([np.zeros_like(one), one]) for one in (eta, slope))
    places = [-longest, longest]
    for j in range(eta.shape[1]):
        for k in range(j):
            gap, rise = eta[:, j] - eta[:, k], slope[:, j] - slope[:, k]
            crossing = -gap[rise != 0] / rise[rise != 0]
            places += list(crossing[np.abs(crossing) < longest])
    places = np.unique(np.round(places, 12))
    return (places[1:] + places[:-1]) / 2


@settings(max_examples=80, deadline=None)
@given(lines(), st.sampled_from(["f1_macro", "balanced_accuracy", "matthews_corrcoef", "accuracy"]))
def test_best_is_that_of_brute_force(case, name):
    true, weight, eta, slope = case
    n_classes = max(2, eta.shape[1])
    metric = MetricLoss(get_scorer(name), np.arange(n_classes)).confusion

    def score(t):
        cells = confusion_matrix(true, class_numbers(eta + t * slope), sample_weight=weight,
                                 labels=np.arange(n_classes))  # fmt: skip
        return metric.score(cells)

    best, t = profile(metric, true, weight, eta, slope, 10.0).best()
    assert best == pytest.approx(max(score(t) for t in between(eta, slope, 10.0)), abs=1e-12)
    assert score(t) == pytest.approx(best, abs=1e-12)
    assert abs(t) < 10.0


@settings(max_examples=60, deadline=None)
@given(lines())
def test_flips_are_those_of_predict(case):
    _, _, eta, slope = case
    found = flips(eta, slope, 10.0)
    assert (np.diff(found.t) >= 0).all()
    assert (found.before != found.after).all()
    for t in between(eta, slope, 10.0):
        predicted = found.first.copy()
        for row, place, before, after in zip(
            found.row, found.t, found.before, found.after, strict=True
        ):
            if place < t:
                assert eta.shape[1] > 2 or predicted[row] == before
                predicted[row] = after
        np.testing.assert_array_equal(predicted, class_numbers(eta + t * slope))


def test_best_of_real_scorers():
    """Against the scorers themselves, with weights, on rows without ties."""
    true, weight = RNG.integers(2, size=30), RNG.uniform(0.5, 2.0, 30)
    eta, slope = RNG.normal(size=(2, 30, 1))
    for metric in (f1_score, matthews_corrcoef, recall_score):
        confusion = MetricLoss(make_scorer(metric), np.arange(2)).confusion
        best, t = profile(confusion, true, weight, eta, slope, 5.0).best()

        def score(t, metric=metric):
            return metric(true, class_numbers(eta + t * slope), sample_weight=weight)

        assert best == pytest.approx(max(map(score, between(eta, slope, 5.0))))
        assert best == pytest.approx(score(t))


def test_the_typical_place_is_in_the_middle_of_the_high_ones():
    low = np.array([-5.0, -1.0, 0.0, 1.0, 4.0])
    hill = Profile(low, np.r_[low[1:], 5.0], np.array([0.0, 0.90, 0.91, 0.90, 0.2]))
    assert hill.best() == (0.91, 0.5)
    score, t = hill.typical(0.1)
    assert 0.5 < t < 2.0
    assert score == 0.90
    valley = hill._replace(score=np.array([0.9, 0.1, 0.1, 0.1, 0.91]))
    assert valley.typical(0.01) == valley.best() == (0.91, 4.5)
