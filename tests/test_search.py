"""NNOSearchCV as an estimator: rules of choice, strengths, failures, what it says and keeps."""

import re
import warnings
from functools import partial

import numpy as np
import pytest
from _data import Box
from _search import (
    ALPHAS,
    KINDS,
    LABELS,
    NUMBERS,
    WEIGHT,
    X,
    assert_same_search,
    both,
)
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.losses import SquaredError
from nno_sklearn.model_selection import one_standard_error
from nno_sklearn.model_selection.alphas import alpha_max
from nno_sklearn.penalties import L1
from nno_sklearn.problem import Problem

CLASSIFIER = NNOClassifier(tol=1e-8)
REGRESSOR = NNORegressor(tol=1e-8)
PATH = {"alpha": np.logspace(1, -3, 9)}


def search(estimator=REGRESSOR, grid=None, y=None, **params):
    y = (LABELS if is_classifier(estimator) else NUMBERS) if y is None else y
    return NNOSearchCV(estimator, grid, **{"cv": 4, **params}).fit(X, y)


def message(*args, fit=(X, NUMBERS), error=ValueError, **params):
    with pytest.raises(error) as caught:
        NNOSearchCV(*args, **params).fit(*fit)
    return str(caught.value)


# Choice


def test_one_standard_error_stays_on_the_path_of_the_best():
    grid = {**PATH, "penalty": ["l2", "elasticnet"], "l1_ratio": [0.1, 0.9]}
    found = search(grid=grid, refit="one_standard_error")
    results, best = found.cv_results_, found.cv_results_["mean_test_score"].argmax()
    error = results["std_test_score"][best] / np.sqrt(4 - 1)
    assert found.best_params_["alpha"] > results["params"][best]["alpha"]
    for k, params in enumerate(results["params"]):
        same = {**params, "alpha": 0} == {**results["params"][best], "alpha": 0}
        good = results["mean_test_score"][k] >= results["mean_test_score"][best] - error
        if same and good:
            assert params["alpha"] <= found.best_params_["alpha"]
    assert {**found.best_params_, "alpha": 0} == {**results["params"][best], "alpha": 0}
    assert found.best_score_ == results["mean_test_score"][found.best_index_]
    assert found.best_estimator_.alpha == found.best_params_["alpha"]


def test_one_standard_error_of_one_metric_of_several():
    rule = partial(one_standard_error, metric="neg_log_loss")
    both_metrics = search(CLASSIFIER, PATH, scoring=["accuracy", "neg_log_loss"], refit=rule)
    alone = search(CLASSIFIER, PATH, scoring="neg_log_loss", refit="one_standard_error")
    assert both_metrics.best_index_ == alone.best_index_
    assert not hasattr(both_metrics, "best_score_")


def test_a_rule_of_the_users_own():
    found = search(grid=PATH, refit=lambda results: np.int64(len(results["params"]) - 1))
    assert found.best_index_ == 8 and found.best_estimator_.alpha == pytest.approx(1e-3)
    assert not hasattr(found, "best_score_")


def test_without_refit():
    found = search(grid=PATH, refit=False)
    assert found.best_params_ == found.cv_results_["params"][found.best_index_]
    assert not hasattr(found, "best_estimator_") and not hasattr(found, "predict")
    several = search(grid=PATH, refit=False, scoring=["r2", "neg_median_absolute_error"])
    assert not hasattr(several, "best_index_") and several.multimetric_


@pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]])
def test_halving(scoring):
    refit = scoring[0] if scoring else True
    whole = search(grid=PATH, scoring=scoring, refit=refit)
    found = search(grid=PATH, scoring=scoring, refit=refit, halving=2)
    metric = refit if scoring else "score"
    scores = [found.cv_results_[f"split{k}_test_{metric}"] for k in range(4)]
    assert [np.isfinite(split).sum() for split in scores] == [9, 5, 3, 3]
    assert found.n_fits_ == 20 < whole.n_fits_ == 36
    mean, rank = (found.cv_results_[f"{key}_test_{metric}"] for key in ("mean", "rank"))
    survived = np.isfinite(scores[-1])
    np.testing.assert_allclose(
        mean[survived], whole.cv_results_[f"mean_test_{metric}"][survived], rtol=1e-5
    )
    assert np.isnan(mean[~survived]).all() and (rank[~survived] == 4).all()
    assert survived[found.best_index_] and sorted(rank[survived]) == [1, 2, 3]
    # Those who went on are the best of the splits so far.
    assert set(np.argsort(-scores[0])[:5]) == set(np.flatnonzero(np.isfinite(scores[1])))


@pytest.mark.parametrize("refit", [False, lambda results: 0])
def test_halving_needs_one_metric_to_decide(refit):
    said = message(CLASSIFIER, PATH, fit=(X, LABELS), scoring=["accuracy", "f1_macro"],
                   halving=2, refit=refit)  # fmt: skip
    assert "halving" in said and "accuracy" in said


# Strengths


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("model", [CLASSIFIER, REGRESSOR, NNORegressor("huber", tol=1e-8)])
@pytest.mark.parametrize("scaled", [False, True])
def test_alpha_max_is_where_the_first_coefficient_moves(penalty, model, scaled):
    y = KINDS if model is CLASSIFIER else NUMBERS
    steps = Pipeline([("model", clone(model).set_params(penalty=penalty))])
    steps = Pipeline([("scale", StandardScaler()), *steps.steps]) if scaled else steps
    found = NNOSearchCV(steps, alphas=3, cv=2, refit=False)
    found.fit(X, y, model__sample_weight=WEIGHT)
    alpha_max = found.cv_results_["strength"][0]
    np.testing.assert_allclose(found.cv_results_["strength"] / alpha_max, [1, 10**-1.5, 1e-3])
    for factor, none_moves in ((1 + 1e-6, True), (0.97, False)):
        steps.set_params(model__alpha=alpha_max * factor, model__tol=1e-12)
        steps.fit(X, y, model__sample_weight=WEIGHT)
        assert (steps[-1].coef_ == 0).all() == none_moves


def test_numbers_and_spans_of_strengths():
    auto = search(alphas="auto", refit=False).cv_results_["strength"]
    assert len(auto) == 30 and auto[0] / auto[-1] == pytest.approx(1e6)
    np.testing.assert_allclose(np.diff(np.log(auto)), np.log(auto[1] / auto[0]))
    wide = NNOSearchCV(NNORegressor(penalty="l1"), alphas=2, cv=2).fit(X[:4], NUMBERS[:4])
    assert np.divide(*wide.cv_results_["strength"]) == pytest.approx(100)
    for alphas in ([0.3, 0.1], (0.3, 0.1), np.array([0.3, 0.1])):
        found = search(alphas=alphas, refit=False)
        assert found.cv_results_["params"] == [{"alpha": 0.3}, {"alpha": 0.1}]
    assert search(alphas=np.int64(1)).n_fits_ == 4


def test_each_setting_has_its_own_strengths():
    grid = {"penalty": ["elasticnet"], "l1_ratio": [0.25, 1.0]}
    strength = search(grid=grid, alphas=2, refit=False).cv_results_["strength"]
    assert strength[0] == pytest.approx(4 * strength[2])
    steps = make_pipeline(StandardScaler(), CLASSIFIER)
    grid = {"standardscaler__with_std": [True, False], "nnoclassifier__penalty": ["l1", "l2"]}
    found = search(steps, grid, alphas=2, refit=False)
    assert len(set(found.cv_results_["strength"])) == 8
    assert list(found.cv_results_["param_nnoclassifier__alpha"]) == list(
        found.cv_results_["strength"]
    )
    drawn = NNOSearchCV(REGRESSOR, param_distributions={"penalty": ["l1", "l2"]}, n_iter=2,
                        alphas=3, cv=2, random_state=0).fit(X, NUMBERS)  # fmt: skip
    assert drawn.n_fits_ == 12


def test_data_without_a_trace_of_signal_have_strengths():
    for rows, y in ((np.zeros_like(X), NUMBERS), (X, np.ones(len(X)))):
        for penalty in ("l1", "l2"):
            found = NNOSearchCV(
                NNORegressor(penalty=penalty), alphas=2, cv=2, scoring="neg_median_absolute_error"
            ).fit(rows, y)
            strength = found.cv_results_["strength"]
            assert np.isfinite(strength).all() and (strength > 0).all()
            np.testing.assert_allclose(found.best_estimator_.coef_, 0, atol=1e-6)


def strengths(model, rows, y, **fit):
    """What ``alphas=3`` stands for, without the fits' scores."""

    def no_score(estimator, X, y, sample_weight=None):
        return 0.0

    found = NNOSearchCV(model, alphas=3, cv=2, refit=False, scoring=no_score, error_score="raise")
    return found.fit(rows, y, **fit).cv_results_["strength"]


KINKED = [{"penalty": "l1"}, {"penalty": "elasticnet", "l1_ratio": 0.3}]
FROM_ONE = [1.0, 10**-1.5, 1e-3]
FLIPS = np.tile([1.0, -1.0], 30)[:, None] * 0.1


@pytest.mark.parametrize("penalty", KINKED)
@pytest.mark.parametrize("value", [0.0, 0.1, 3.0, -7.3e-5, 1e9, 1e-170])
def test_strengths_of_a_constant_target(value, penalty):
    y, model = np.full(len(X), value), NNORegressor(**penalty)
    for rows in (X, X + 1e6, X.astype(np.float32), sparse.csr_array(X)):
        np.testing.assert_allclose(strengths(model, rows, y), FROM_ONE)
    np.testing.assert_allclose(strengths(model, X, y, sample_weight=WEIGHT), FROM_ONE)
    np.testing.assert_allclose(strengths(model, X, np.column_stack([y, y])), FROM_ONE)
    varied = strengths(model, X, np.column_stack([y, NUMBERS]))
    np.testing.assert_allclose(varied, strengths(model, X, NUMBERS), rtol=1e-6)
    for loss in ("poisson", "gamma", "huber"):
        if value > 0:
            np.testing.assert_allclose(
                strengths(clone(model).set_params(loss=loss), X, y), FROM_ONE
            )


@pytest.mark.parametrize("penalty", KINKED)
def test_strengths_where_the_columns_say_nothing(penalty):
    halves, constant = np.tile([0, 0, 1, 1], 15), np.full((60, 4), 0.1)
    for model in (NNOClassifier(**penalty), NNOClassifier("squared_hinge", **penalty)):
        np.testing.assert_allclose(strengths(model, FLIPS, halves), FROM_ONE)
        np.testing.assert_allclose(strengths(model, constant, LABELS), FROM_ONE)
        np.testing.assert_allclose(
            strengths(model, constant, LABELS, sample_weight=WEIGHT), FROM_ONE
        )
        model.set_params(fit_intercept=False)
        np.testing.assert_allclose(strengths(model, constant, halves), FROM_ONE)
    thirds = np.tile([0, 0, 1, 1, 2, 2], 10)
    np.testing.assert_allclose(strengths(NNOClassifier(**penalty), FLIPS, thirds), FROM_ONE)
    regressor = NNORegressor(**penalty)
    np.testing.assert_allclose(strengths(regressor, FLIPS + 0.3, 5.0 + halves / 10), FROM_ONE)


@pytest.mark.parametrize("penalty", [*KINKED, {"penalty": "l2"}])
def test_strengths_have_the_scale_of_the_data(penalty):
    model = NNORegressor(**penalty)
    expected = strengths(model, X, NUMBERS)
    power = 0 if penalty["penalty"] == "l2" else 1
    for factor in (1e-140, 1e-9, 1e9, 1e150):
        found = strengths(model, X, factor * NUMBERS)
        np.testing.assert_allclose(found, factor**power * expected, rtol=1e-6)
    for factor in (1e-9, 1e9):
        found = strengths(model, factor * X, NUMBERS)
        np.testing.assert_allclose(found, factor ** (2 - power) * expected, rtol=1e-6)
    faint = strengths(model, X, 1e6 + 1e-3 * NUMBERS)
    np.testing.assert_allclose(faint, 1e-3**power * expected, rtol=1e-6)


def test_strengths_that_no_float_can_be():
    with pytest.raises(ValueError, match="underflows: y has values that are too small"):
        strengths(NNORegressor(penalty="l1"), X, 1e-320 * NUMBERS)
    model = NNORegressor(penalty="elasticnet", l1_ratio=1e-9)
    with pytest.raises(ValueError, match="alphas: strengths.*beyond what floating-point numbers"):
        strengths(model, 1e150 * X, 1e150 * NUMBERS)


class OneIsFree(L1):
    """The lasso, but for the first coefficient."""

    def _free(self, w):
        return np.arange(len(w))[:, None] == 0

    gradient = L1.gradient  # at a kink of the others

    def value(self, w):
        return super().value(w[1:])

    def prox(self, w, step):
        return np.where(self._free(w), w, super().prox(w, step))

    def subdiff_distance(self, w, gradient):
        return np.where(self._free(w), np.abs(gradient), super().subdiff_distance(w, gradient))


def test_strengths_do_not_depend_on_what_is_never_held_at_0():
    target = NUMBERS[:, None]
    lasso = alpha_max(Problem(X[:, 1:], target, SquaredError(), L1(), 1.0))
    free = alpha_max(Problem(X, target, SquaredError(), OneIsFree(), 1.0))
    assert free == pytest.approx(lasso, rel=1e-6)
    for box in (Box(), Box(-1.0)):  # no strength matters to them
        boxed = alpha_max(Problem(X, target, SquaredError(), box, 1.0))
        assert boxed == pytest.approx(X.var(axis=0).sum())


# Failures


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
