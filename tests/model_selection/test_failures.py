"""Candidates, scorers and refits that fail: the same results and messages as GridSearchCV's."""

import re
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

from nno_sklearn import NNOClassifier, NNOSearchCV
from tests.model_selection.searches import (
    ALPHAS,
    CLASSIFIER,
    LABELS,
    NUMBERS,
    REGRESSOR,
    X,
    assert_same_search,
    both,
    message,
    search,
)


class Demanding(TransformerMixin, BaseEstimator):
    """Fails on rows of which it has seen too few, or always."""

    def __init__(self, fails="never"):
        self.fails = fails

    def fit(self, X, y=None):
        if self.fails == "always" or (self.fails == "first split" and 0 not in X[:, 0]):
            raise RuntimeError("too few rows")
        return self

    def transform(self, X):
        return X


FAILING = {
    "model": (CLASSIFIER, {"alpha": [0.1, -1, 0.01]}),
    "strength is no number": (CLASSIFIER, {"alpha": [0.1, None, "much", 0.01]}),
    "solver": (CLASSIFIER, {"solver": ["gd"], "penalty": ["l1", "l2"]}),
    "preprocessing": (
        Pipeline([("ask", Demanding()), ("model", CLASSIFIER)]),
        {"ask__fails": ["never", "first split", "always"], "model__alpha": ALPHAS},
    ),
    "another model": (
        Pipeline([("model", CLASSIFIER)]),
        {"model": [CLASSIFIER, LogisticRegression(C=-1.0), DummyClassifier()]},
    ),
}  # fmt: skip

NUMBERED = np.column_stack([np.arange(len(X)), X])


@pytest.mark.each_value
@pytest.mark.parametrize("error_score", [np.nan, -7.5])
@pytest.mark.parametrize("name", FAILING)
def test_failing_candidates(name, error_score):
    estimator, grid = FAILING[name]
    params = {"error_score": error_score, "cv": KFold(3), "return_train_score": True}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ours, theirs = both(estimator, grid, NUMBERED, LABELS, **params)
    assert_same_search(ours, theirs, rtol=1e-2)
    said = [str(w.message) for w in caught if w.category is FitFailedWarning]
    count = re.compile(r"(\d+) fits failed out of a total of (\d+)")
    assert count.search(said[0]).groups() == count.search(said[1]).groups()
    n_bad_scores = sum("scores are non-finite" in str(w.message) for w in caught)
    assert n_bad_scores == (4 if np.isnan(error_score) else 0)
    with pytest.raises(Exception) as theirs:
        GridSearchCV(estimator, grid, **{**params, "error_score": "raise"}).fit(NUMBERED, LABELS)
    with pytest.raises(theirs.type, match=re.escape(str(theirs.value))):
        NNOSearchCV(estimator, grid, **{**params, "error_score": "raise"}).fit(NUMBERED, LABELS)


def test_all_fail():
    said = message(REGRESSOR, {"alpha": [-1, -2]}, cv=2)
    assert "All the 4 fits failed" in said and "misconfigured" in said
    assert "2 fits failed with" in said and "alpha=-1: it must be a number of at least 0" in said
    said = message(REGRESSOR, {"alpha": [-1, -2]}, cv=2, error_score="raise")
    assert said.startswith("alpha=-1: it must") or said.startswith("alpha=-2: it must")


def fails_on_weak(estimator, X, y):
    if estimator.alpha < 0.1:
        raise RuntimeError("no score today")
    return float(np.mean(estimator.predict(X)))


def fails_on_some(estimator, X, y):
    return {"one": fails_on_weak(estimator, X, y), "two": 2.0}


@pytest.mark.parametrize(
    ("scoring", "refit"),
    [
        (fails_on_weak, True),
        ({"good": "r2", "bad": fails_on_weak}, "good"),
        ({"good": "r2", "bad": fails_on_weak}, "bad"),
    ],
)
def test_failing_scorers(scoring, refit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ours, theirs = both(REGRESSOR, {"alpha": ALPHAS}, X, NUMBERS, scoring=scoring, refit=refit)
    assert_same_search(ours, theirs)
    said = [str(w.message) for w in caught if "Scoring failed" in str(w.message)]
    assert len(said) == 4 and all("RuntimeError: no score today" in text for text in said)
    for kind in (NNOSearchCV, GridSearchCV):
        with pytest.raises(RuntimeError, match="no score today"):
            kind(REGRESSOR, {"alpha": ALPHAS}, scoring=scoring, refit=refit,
                 error_score="raise").fit(X, NUMBERS)  # fmt: skip


def test_a_parameter_that_no_model_has():
    for grid in ({"alfa": [1]}, [{"alpha": [1.0]}, {"alfa": [1]}]):
        for kind in (NNOSearchCV, GridSearchCV):
            with pytest.raises(ValueError, match="Invalid parameter 'alfa'"):
                kind(REGRESSOR, grid).fit(X, NUMBERS)


def test_fits_that_did_not_converge_are_told_of_once():
    model = NNOClassifier(tol=1e-12, solver="gd")
    with pytest.warns(ConvergenceWarning, match="^4 of 8 fits .*mean_converged") as caught:
        found = search(model, {"max_iter": [1, 1000]}, refit=False)
    assert len(caught) == 1
    assert found.cv_results_["mean_converged"].tolist() == [0.0, 1.0]
