"""Metrics that are means over the rows: the same numbers as scikit-learn's scorers, for less."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import get_scorer

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.model_selection.row_means import ROW_MEANS, AlikeScorer

LABELS = ["accuracy", "neg_log_loss"]


@pytest.fixture(name="X")
def rows():
    return np.random.default_rng(0).normal(size=(120, 3))


def targets(X, name, n_classes=2):
    latent = X @ [1.0, -1.0, 0.5] + np.random.default_rng(1).normal(size=len(X))
    if name not in LABELS:
        return latent
    return np.array(["a", "b", "c"])[np.digitize(latent, np.linspace(-0.5, 0.5, n_classes - 1))]


def models(X, y, name):
    make = NNOClassifier if name in LABELS else NNORegressor
    return [make(alpha=alpha).fit(X, y) for alpha in (1.0, 0.1, 0.01)]


class Counted:
    """A scorer that counts its calls, and adds something to its scores."""

    def __init__(self, name, more=0.0):
        self.scorer, self.more, self.calls = get_scorer(name), more, 0

    def __call__(self, *args, **params):
        self.calls += 1
        return self.scorer(*args, **params) + self.more


@pytest.mark.parametrize("name", ROW_MEANS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_scores_are_those_of_the_scorer(X, name, n_classes, dtype, is_weighted):
    X, y, scorer = X.astype(dtype), targets(X, name, n_classes), Counted(name)
    params = {"sample_weight": np.linspace(0.5, 2.0, len(X))} if is_weighted else {}
    alike, fitted = AlikeScorer(scorer, ROW_MEANS[name], (X, y), params), models(X, y, name)
    assert [alike(one) for one in fitted] == [scorer.scorer(one, X, y, **params) for one in fitted]
    if dtype == np.float64:  # some versions add float32 up in another type, and then go on
        assert scorer.calls == 1


@pytest.mark.parametrize("name", ROW_MEANS)
def test_a_scorer_that_gives_other_numbers_goes_on(X, name):
    y, scorer = targets(X, name), Counted(name, more=1e-3)
    alike, fitted = AlikeScorer(scorer, ROW_MEANS[name], (X, y), {}), models(X, y, name)
    assert [alike(one) for one in fitted] == [scorer.scorer(one, X, y) + 1e-3 for one in fitted]
    assert scorer.calls == len(fitted)


def test_the_scorer_sees_answers_that_are_not_finite(X):
    y, scorer = targets(X, "neg_mean_squared_error"), Counted("neg_mean_squared_error")
    first, second, _ = models(X, y, "neg_mean_squared_error")
    second.coef_ = np.full_like(second.coef_, np.nan)
    alike = AlikeScorer(scorer, ROW_MEANS["neg_mean_squared_error"], (X, y), {})
    alike(first)
    with pytest.raises(ValueError, match="NaN"):
        alike(second)


@pytest.mark.parametrize("name", ROW_MEANS)
def test_a_search_by_name_and_by_scorer_has_the_same_scores(X, name):
    y, model = targets(X, name), (NNOClassifier if name in LABELS else NNORegressor)()
    search = NNOSearchCV(model, {"alpha": [1.0, 0.1, 0.01]}, cv=3, return_train_score=True)
    named, given = (
        search.set_params(scoring=scoring).fit(X, y).cv_results_
        for scoring in (name, get_scorer(name))
    )
    for key in ("split0_test_score", "split2_test_score", "split1_train_score"):
        assert_array_equal(named[key], given[key])
        assert len(np.unique(named[key])) > 1
