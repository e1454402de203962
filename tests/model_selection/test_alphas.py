"""Strengths that NNOSearchCV finds itself: from the first coefficient that moves, downwards."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import ElasticNet, FusedLasso, GroupLasso, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.losses import SquaredError
from nno_sklearn.model_selection.alphas import alpha_max
from nno_sklearn.penalties import L1
from tests.model_selection.searches import (
    CLASSIFIER,
    KINDS,
    LABELS,
    NUMBERS,
    REGRESSOR,
    WEIGHT,
    X,
    search,
)
from tests.problems import pose
from tests.user_objects import Box


@pytest.mark.pairwise
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
    """The strengths of ``alphas=3``."""

    def no_score(estimator, X, y, sample_weight=None):
        return 0.0

    found = NNOSearchCV(model, alphas=3, cv=2, refit=False, scoring=no_score, error_score="raise")
    return found.fit(rows, y, **fit).cv_results_["strength"]


NONSMOOTH = [{"penalty": "l1"}, {"penalty": "elasticnet", "l1_ratio": 0.3}]

FROM_ONE = [1.0, 10**-1.5, 1e-3]

FLIPS = np.tile([1.0, -1.0], 30)[:, None] * 0.1


@pytest.mark.each_value
@pytest.mark.parametrize("penalty", NONSMOOTH)
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


@pytest.mark.parametrize("penalty", NONSMOOTH)
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


@pytest.mark.parametrize("penalty", [*NONSMOOTH, {"penalty": "l2"}])
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


def ranges(coef):
    """Largest jump between coefficients of an output."""
    return np.ptp(coef, axis=-1).max()


def sizes(coef):
    """Largest of the coefficients from the third on."""
    return np.abs(coef[..., 2:]).max()


FREE = {
    "differences": (FusedLasso(l1_ratio=0.0), ranges),
    "l1": (L1(weights=[0, 0, 1, 2, 1, 1]), sizes),
    "bounded": (ElasticNet(0.5, weights=[0, 0, 1, 2, 1, 1], upper={0: 0.1}), sizes),
    "excluded": (L1(weights=[0, np.inf, 1, 2, 1, 1]), sizes),
    "groups": (GroupLasso([[0, 1], [2, 3], [4, 5]], weights=[0, 1, 1]), sizes),
}


@pytest.mark.pairwise
@pytest.mark.parametrize("name", list(FREE))
@pytest.mark.parametrize("kind", ["one", "two", "huber", "classes"])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_alpha_max_is_where_only_what_is_free_moves(name, kind, is_sparse):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(80, 6)) + 1.0
    data[:, 1] += data[:, 0]
    y = data @ [1.0, -2.0, 0.0, 0.5, 0.0, 1.0] + rng.normal(size=80)
    kinds = {"two": np.column_stack([y, -y + data[:, 3]]), "classes": np.digitize(y, [0, 2])}
    y = kinds.get(kind, y)
    estimator = NNOClassifier() if kind == "classes" else NNORegressor()
    if kind == "huber":
        estimator.set_params(loss="huber")
    penalty, left = FREE[name]
    model = estimator.set_params(penalty=penalty, tol=1e-7)
    given = sparse.csr_array(data) if is_sparse else data
    found = NNOSearchCV(model, alphas=3, cv=2, refit=False).fit(given, y)
    strongest = found.cv_results_["strength"][0]
    assert found.cv_results_["mean_converged"].all()
    held = clone(model).set_params(alpha=1.0001 * strongest).fit(given, y).coef_
    assert left(held) == 0 < np.abs(held).max()
    assert left(clone(model).set_params(alpha=0.97 * strongest).fit(given, y).coef_) > 1e-4


def test_a_fit_of_free_coefficients_that_leaves_nothing_keeps_the_first_strength():
    target = (X[:, [0]] - X[:, [0]].mean()) / X[:, 0].std()
    plain = alpha_max(pose(X[:, 1:], target, SquaredError(), L1(), 1.0))
    exact = alpha_max(pose(X, target, SquaredError(), L1(weights={0: 0.0}), 1.0))
    assert exact == pytest.approx(plain, rel=1e-6)


class OneIsFree(L1):
    """The lasso, but for the first coefficient."""

    def _free(self, w):
        return np.arange(len(w))[:, None] == 0

    gradient = L1.gradient  # though the others are not differentiable at 0

    def value(self, w):
        return super().value(w[1:])

    def prox(self, w, step):
        return np.where(self._free(w), w, super().prox(w, step))

    def subdiff_distance(self, w, gradient):
        return np.where(self._free(w), np.abs(gradient), super().subdiff_distance(w, gradient))


def test_strengths_are_of_what_the_fit_of_free_coefficients_leaves():
    first = np.column_stack([np.ones(len(X)), X[:, 0]])
    left = NUMBERS - first @ np.linalg.lstsq(first, NUMBERS, rcond=None)[0]
    lasso = alpha_max(pose(X[:, 1:], left[:, None], SquaredError(), L1(), 1.0))
    target = NUMBERS[:, None]
    for penalty in (OneIsFree(), L1(weights={0: 0.0})):
        free = alpha_max(pose(X, target, SquaredError(), penalty, 1.0))
        assert free == pytest.approx(lasso, rel=1e-6)
    for box in (Box(), Box(-1.0)):  # no strength matters to them
        boxed = alpha_max(pose(X, target, SquaredError(), box, 1.0))
        assert boxed == pytest.approx(X.var(axis=0).sum())
