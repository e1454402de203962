"""What chooses in NNOSearchCV: ``refit``, ``scoring`` and ``score``; users' own estimators."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer, mean_absolute_error, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn._validation import check_scorer
from nno_sklearn.model_selection import one_standard_error
from nno_sklearn.model_selection.scoring import WEIGHTS_ARE_FORWARDED
from tests.model_selection.searches import (
    ALPHAS,
    LABELS,
    NUMBERS,
    WEIGHT,
    X,
    assert_same_search,
    both,
)

CLASSIFIER, GRID = NNOClassifier(), {"alpha": ALPHAS}
SEVERAL = ["accuracy", "roc_auc"]


# refit


@pytest.mark.parametrize("refit", ["1se", "one_standart_error", "best", "f1", None, 1, 0.0, "True"])
@pytest.mark.parametrize("scoring", [None, "accuracy", make_scorer(accuracy_score)])
def test_refit_that_is_not_known(refit, scoring):
    search = NNOSearchCV(CLASSIFIER, GRID, refit=refit, scoring=scoring, cv=2)
    with pytest.raises(ValueError) as caught:
        search.fit(X, LABELS)
    names = ["one_standard_error", "score"] + ["accuracy"] * (scoring == "accuracy")
    assert (
        f"refit={refit!r} is not known. Use True, which is the best score, or one of {names}"
        in (str(caught.value))
    )


def test_refit_that_is_known():
    best = NNOSearchCV(CLASSIFIER, GRID, scoring="accuracy", cv=2).fit(X, LABELS)
    for refit in ("accuracy", "score", np.True_):
        found = NNOSearchCV(CLASSIFIER, GRID, scoring="accuracy", cv=2, refit=refit).fit(X, LABELS)
        assert found.best_index_ == best.best_index_ and found.best_score_ == best.best_score_
        assert found.score(X, LABELS) == best.score(X, LABELS)
    for refit in (False, np.False_):
        found = NNOSearchCV(CLASSIFIER, GRID, cv=2, refit=refit).fit(X, LABELS)
        assert not hasattr(found, "best_estimator_") and found.best_index_ in (0, 1)


def test_refit_is_refused_before_any_fit():
    def fails(estimator, X, y):
        raise AssertionError("was fitted")

    rules = [partial(one_standard_error, metric="auc"), "auc", True]
    for scoring in (SEVERAL, {"a": fails, "b": fails}):
        for refit in rules:
            with pytest.raises(ValueError, match="must be set to a scorer key.*one of \\["):
                NNOSearchCV(CLASSIFIER, GRID, scoring=scoring, refit=refit).fit(X, LABELS)
    with pytest.raises(ValueError, match="the only metric is called 'score'"):
        NNOSearchCV(CLASSIFIER, GRID, refit=rules[0]).fit(X, LABELS)
    with pytest.raises(ValueError, match="names no metric, but scoring gave several"):
        scoring = {"a": fails, "b": fails}
        NNOSearchCV(CLASSIFIER, GRID, scoring=scoring, refit=False, halving=2).fit(X, LABELS)


def test_halving_by_the_metric_of_a_rule():
    grid, rule = {"alpha": np.logspace(1, -3, 9)}, partial(one_standard_error, metric="roc_auc")
    several = NNOSearchCV(CLASSIFIER, grid, scoring=SEVERAL, refit=rule, halving=2, cv=4)
    alone = NNOSearchCV(
        CLASSIFIER, grid, scoring="roc_auc", refit="one_standard_error", halving=2, cv=4
    )
    assert several.fit(X, LABELS).best_index_ == alone.fit(X, LABELS).best_index_
    assert several.n_fits_ == alone.n_fits_ == 20


# score


def two_scores(estimator, X, y):
    return {"hits": estimator.score(X, y), "nothing": 0.0}


def test_score_by_the_metric_of_the_rule():
    rule = partial(one_standard_error, metric="roc_auc")
    found = NNOSearchCV(CLASSIFIER, GRID, scoring=SEVERAL, refit=rule, cv=2).fit(X, LABELS)
    assert found.score(X, LABELS) == found.scorer_["roc_auc"](found.best_estimator_, X, LABELS)
    assert found.refit is rule
    rule = partial(one_standard_error, metric="hits")
    found = NNOSearchCV(CLASSIFIER, GRID, scoring=two_scores, refit=rule, cv=2).fit(X, LABELS)
    assert found.score(X, LABELS) == found.best_estimator_.score(X, LABELS)


@pytest.mark.parametrize(
    ("scoring", "said"),
    [
        (SEVERAL, "search.scorer_['accuracy'](search.best_estimator_, X, y)."),
        (two_scores, "search.scorer_(search.best_estimator_, X, y)['hits']."),
    ],
)
def test_score_of_a_rule_that_names_no_metric(scoring, said):
    search = NNOSearchCV(CLASSIFIER, GRID, scoring=scoring, refit=lambda results: 1, cv=2)
    search.fit(X, LABELS)
    with pytest.raises(ValueError, match="a rule that names none of the metrics") as caught:
        search.score(X, LABELS)
    assert said in str(caught.value)
    call = said.rstrip(".")
    assert isinstance(eval(call, {"search": search, "X": X, "y": LABELS}), float)


def test_a_metric_may_be_called_score():
    scoring = {"score": "accuracy", "other": "roc_auc"}
    model = NNOClassifier(tol=1e-10)
    ours, theirs = both(model, GRID, X, LABELS, scoring=scoring, refit="other")
    assert_same_search(ours, theirs)
    assert ours.score(X, LABELS) == pytest.approx(theirs.score(X, LABELS))


@pytest.mark.parametrize("refit", [True, "score", "one_standard_error"])
def test_the_only_metric_may_be_called_score(refit):
    model, scoring = NNOClassifier(tol=1e-10), {"score": "roc_auc"}
    found = NNOSearchCV(model, GRID, scoring=scoring, refit=refit, cv=2).fit(X, LABELS)
    alone = NNOSearchCV(model, GRID, scoring="roc_auc", refit=refit, cv=2).fit(X, LABELS)
    assert found.best_index_ == alone.best_index_ and found.best_score_ == alone.best_score_
    assert found.score(X, LABELS) == alone.score(X, LABELS)


# scoring


def cost(y_true, y_pred, price=2.0):
    return price * np.mean(y_true != y_pred)


@pytest.mark.parametrize(
    "metric", [f1_score, mean_absolute_error, cost, lambda y, p: 1.0, lambda a, b: 1.0]
)
def test_a_metric_is_no_scorer(metric):
    name = metric.__name__
    for scoring, given in ((metric, "scoring"), ({"m": metric, "a": "r2"}, "scoring['m']")):
        with pytest.raises(ValueError) as caught:
            NNOSearchCV(CLASSIFIER, GRID, scoring=scoring, refit=False).fit(X, LABELS)
        said = str(caught.value)
        assert said.startswith(f"{given}={metric!r} looks like a metric function rather than a ")
        assert "but a scorer with (estimator, X, y)" in said
        assert f"sklearn.metrics.make_scorer({name}) makes a scorer" in said


class Scores:
    def __call__(self, estimator, X, y=None, **more):
        return 1.0


def test_scorers_are_no_metrics():
    scorers = [Scores(), make_scorer(f1_score), partial(two_scores), max, lambda *given: 1.0]
    scorers += [lambda model, X, y, sample_weight=None: 1.0]
    for scorer in scorers:
        check_scorer(scorer, "loss")
    check_scorer(lambda model, X: 1.0, "scoring", n_arguments=2)
    with pytest.raises(ValueError, match=r"^loss=.*called with \(model, X\), but a scorer with"):
        check_scorer(lambda model, X: 1.0, "loss")


def plain(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


def weighted(estimator, X, y, sample_weight=None):
    return float(np.average(estimator.predict(X) == y, weights=sample_weight))


def no_weights(y_true, y_pred):
    return recall_score(y_true, y_pred, pos_label="yes")


@pytest.mark.skipif(not WEIGHTS_ARE_FORWARDED, reason="this scikit-learn scores without weights")
@pytest.mark.parametrize(
    ("scoring", "refit", "unweighted"),
    [
        ({"a": "accuracy", "b": make_scorer(no_weights)}, "a", ["b=make_scorer(no_weights"]),
        ({"a": weighted, "b": plain}, "a", ["b=<function plain"]),
        (make_scorer(no_weights), True, ["make_scorer(no_weights"]),
        (plain, True, ["<function plain"]),
        (weighted, True, []),
    ],
)
def test_metrics_without_weights_are_named(scoring, refit, unweighted, recwarn):
    search = NNOSearchCV(NNOClassifier(tol=1e-10), GRID, scoring=scoring, refit=refit, cv=2)
    search.fit(X, LABELS, sample_weight=WEIGHT)
    said = [str(one.message) for one in recwarn]
    assert len(said) == len(unweighted)
    for text, name in zip(said, unweighted, strict=True):
        assert text.startswith(f"The scoring {name}") and "does not support sample_weight" in text
    recwarn.clear()
    alone = {"a": "accuracy", "b": "accuracy"} if isinstance(scoring, dict) else "accuracy"
    theirs = GridSearchCV(NNOClassifier(tol=1e-10), GRID, scoring=alone, refit=refit, cv=2)
    theirs.fit(X, LABELS, sample_weight=WEIGHT)
    key = "mean_test_a" if isinstance(scoring, dict) else "mean_test_score"
    same = np.allclose(search.cv_results_[key], theirs.cv_results_[key])
    assert same == (isinstance(scoring, dict) or scoring is weighted)


# Estimators


class ReturnsNone(ClassifierMixin, BaseEstimator):
    """As careless as scikit-learn's searches allow."""

    def __init__(self, number=0):
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.unique(y)

    def predict(self, X):
        return np.full(len(X), self.classes_[self.number])


class OwnSetParams(ReturnsNone):
    def set_params(self, **params):
        self.number = params["number"]
        return self


class OwnTransform(StandardScaler):
    def set_params(self, **params):
        self.with_mean = params["with_mean"]
        return self


class ReturnsAnother(ReturnsNone):
    def fit(self, X, y):
        super().fit(X, y)
        return DummyClassifier().fit(X, y)


@pytest.mark.parametrize("kind", [ReturnsNone, OwnSetParams, ReturnsAnother])
@pytest.mark.parametrize("refit", [True, False])
def test_careless_estimators(kind, refit):
    grid = {"number": [1, 0]}
    ours, theirs = both(kind(), grid, X, LABELS, refit=refit, error_score="raise")
    assert_same_search(ours, theirs)
    if refit:
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    drawn = NNOSearchCV(kind(), param_distributions={"number": [0, 1]}, n_iter=2, cv=2)
    assert drawn.fit(X, LABELS).n_fits_ == 4


def test_careless_steps_before_a_model():
    steps = make_pipeline(OwnTransform(), NNORegressor())
    grid = [{"nnoregressor__alpha": ALPHAS}, {"owntransform__with_mean": [False]}]
    assert_same_search(*both(steps, grid, X, NUMBERS, error_score="raise"), rtol=1e-2)


class Forgetful(ReturnsNone):
    def set_params(self, **params):
        self.number = params["number"]


def test_a_set_params_that_returns_nothing():
    found = NNOSearchCV(Forgetful(), {"number": [0, 1]}, cv=2).fit(X, LABELS)
    assert found.best_estimator_.number == found.best_params_["number"]
