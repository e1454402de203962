"""Fused lasso: by linear and quadratic programs, and by the conditions of optimality."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog, lsq_linear
from sklearn.base import clone
from sklearn.linear_model import Lasso

from nno_sklearn import FusedLasso, NNORegressor, NNOSearchCV, check_penalty
from nno_sklearn.penalties.fused import total_variation
from tests.penalties.fits import fits_of_every_kind, pull_of
from tests.penalties.test_shape import KINDS, NUMBERS, P, X

ALPHA, TOL = 0.05, 1e-9
COUNTS = np.random.default_rng(4).poisson(np.exp(np.clip(NUMBERS[:, 0] / 4, -3, 2))).astype(float)


def value_of(l1_ratio, w):
    return (1 - l1_ratio) * np.abs(np.diff(w, axis=0)).sum() + l1_ratio * np.abs(w).sum()


def off_optimal(l1_ratio, coef, pull):
    """How far ``pull`` is from a subgradient: the least slack with which it is made of slopes of
    jumps and of sizes, those of nonzero ones being 1 or -1 (a linear program)."""
    worst = 0.0
    for w, z in zip(coef.T, pull.T, strict=True):
        n_jumps = len(w) - 1
        matrix = np.hstack([(1 - l1_ratio) * np.diff(np.eye(len(w)), axis=0).T,
                            l1_ratio * np.eye(len(w)), np.ones((len(w), 1))])  # fmt: skip
        other = matrix.copy()
        other[:, -1] = -1.0
        signs = np.sign(np.r_[np.diff(w), w])
        bounds = [(-1, 1) if sign == 0 else (sign, sign) for sign in signs] + [(0, None)]
        cost = np.r_[np.zeros(n_jumps + len(w)), 1.0]
        found = linprog(cost, A_ub=np.vstack([-matrix, other]), b_ub=np.r_[-z, z], bounds=bounds)
        worst = max(worst, found.fun)
    return worst


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_contract(l1_ratio):
    penalty = FusedLasso(l1_ratio)
    check_penalty(penalty)
    check_penalty(penalty, n_features=1)
    bound = penalty.bind(P, 3)
    w = np.random.default_rng(0).normal(size=(P, 3))
    assert bound.value(w) == pytest.approx(value_of(l1_ratio, w), rel=1e-12)
    assert pickle.loads(pickle.dumps(bound)).value(w) == bound.value(w)
    assert clone(penalty).get_params() == {"l1_ratio": l1_ratio}


numbers = st.integers(-24, 24).map(lambda number: number / 8)
strengths = st.sampled_from([0.125, 0.5, 1.0, 8.0])


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(1, 12).flatmap(lambda n: arrays(float, n, elements=numbers)), strengths)
def test_total_variation_is_exact(y, strength):
    """The sums of what it takes away are within the strength, at which they are at jumps."""
    x = total_variation(y, strength)
    sums, jumps = np.cumsum(y - x), np.diff(x)
    assert abs(sums[-1]) <= 1e-12 and (np.abs(sums[:-1]) <= strength + 1e-12).all()
    np.testing.assert_allclose(sums[:-1][jumps != 0], -strength * np.sign(jumps[jumps != 0]))
    assert (np.abs(jumps[jumps != 0]) > 1e-12).all()  # equal neighbours are equal exactly


def test_total_variation_of_many_is_a_quadratic_program():
    """Its dual, by bounded least squares."""
    y = np.random.default_rng(0).normal(size=120)
    dual = lsq_linear(np.diff(np.eye(120), axis=0).T, y, (-0.7, 0.7), tol=1e-14).x
    expected = y - np.diff(np.eye(120), axis=0).T @ dual
    np.testing.assert_allclose(total_variation(y, 0.7), expected, atol=1e-6)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    arrays(float, (5, 2), elements=numbers),
    arrays(float, (5, 2), elements=numbers),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    strengths,
)
def test_prox_conjugate_and_subgradients_agree(w, z, l1_ratio, step):
    penalty = FusedLasso(l1_ratio).bind(5, 2)
    best = penalty.prox(w, step)
    pull = (w - best) / step
    assert off_optimal(l1_ratio, best, pull) <= 1e-7
    np.testing.assert_allclose(penalty.subdiff_distance(best, -pull), 0.0, atol=1e-9)
    short = (w - penalty.prox(w - 1e-7 * z, 1e-7)) / 1e-7
    np.testing.assert_allclose(penalty.subdiff_distance(w, z), np.abs(short), atol=1e-5)
    face = penalty.face(w)
    moved = 1e-4 * face.project(z)
    sizes = face.sums(moved.ravel()) / face.counts
    rise = penalty.value(w + moved) - penalty.value(w)
    assert rise == pytest.approx(face.slopes @ sizes, abs=1e-9)
    if l1_ratio == 0:
        return
    assert penalty.value(best) + penalty.conjugate(pull) - np.vdot(pull, best) <= 1e-9
    assert penalty.value(best) + penalty.conjugate(z) >= np.vdot(z, best) - 1e-9
    scaling = penalty.dual_scaling(z)
    assert off_optimal(l1_ratio, np.zeros((5, 2)), scaling * z) <= 1e-9
    if scaling < 1:
        assert off_optimal(l1_ratio, np.zeros((5, 2)), 1.001 * scaling * z) > 1e-6
        assert penalty.conjugate((1 + 1e-6) * scaling * z) == np.inf


@pytest.mark.parametrize(
    ("solver", "l1_ratio"),
    [("auto", 0.0), ("auto", 0.3), ("proximal", 0.3), ("nearest_neighbor", 0.0)],
)
def test_every_loss_and_solver_is_certified(solver, l1_ratio):
    options = {"penalty": FusedLasso(l1_ratio), "alpha": ALPHA, "tol": TOL, "solver": solver}
    fits = fits_of_every_kind(X, NUMBERS, COUNTS, KINDS, **options)
    for model, y, weight in fits:
        assert model.converged_
        assert model.dual_gap_ <= 1e-8 if l1_ratio else model.dual_gap_ == np.inf
        assert off_optimal(l1_ratio, *pull_of(model, X, y, weight)) < 1e-4


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_jumps_are_found_among_many_columns(l1_ratio):
    rng = np.random.default_rng(0)
    rows, coef = rng.normal(size=(60, 150)), np.zeros(150)
    coef[20:40], coef[60:70] = 1.0, -1.0
    y = rows @ coef + 0.3 * rng.normal(size=60)
    model = NNORegressor(penalty=FusedLasso(l1_ratio), alpha=0.3, tol=1e-10).fit(rows, y)
    assert model.converged_ and off_optimal(l1_ratio, *pull_of(model, rows, y)) < 1e-6
    assert {19, 39, 59, 69} <= set(np.flatnonzero(np.diff(model.coef_)))
    assert np.count_nonzero(np.diff(model.coef_)) < 40


def test_only_an_l1_part_is_the_lasso():
    model = NNORegressor(penalty=FusedLasso(1.0), alpha=ALPHA, tol=TOL)
    plain = Lasso(ALPHA, tol=1e-14, max_iter=100_000).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.fit(X, NUMBERS[:, 0]).coef_, plain.coef_, atol=1e-7)


def test_a_strong_one_is_a_regression_on_the_sum():
    model = NNORegressor(penalty=FusedLasso(0.0), alpha=1e3, tol=TOL).fit(X, NUMBERS[:, 0])
    total = X.sum(axis=1)
    slope = np.polyfit(total, NUMBERS[:, 0], 1)[0]
    np.testing.assert_allclose(model.coef_, slope, rtol=1e-7)
    assert model.converged_


def test_float32_stays():
    model = NNORegressor(penalty="fused_lasso", alpha=ALPHA, tol=1e-5)
    single = model.fit(X.astype(np.float32), NUMBERS[:, 0]).coef_
    assert model.converged_ and single.dtype == np.float32
    exact = clone(model).set_params(tol=TOL).fit(X, NUMBERS[:, 0]).coef_
    np.testing.assert_allclose(single, exact, atol=1e-3)


def test_a_search_tunes_the_share():
    grid = {"alpha": [0.1, 0.02], "penalty__l1_ratio": [0.0, 0.5]}
    search = NNOSearchCV(NNORegressor(penalty=FusedLasso(), tol=TOL), grid, cv=3)
    best = search.fit(X, NUMBERS[:, 0]).best_estimator_
    np.testing.assert_allclose(best.coef_, clone(best).fit(X, NUMBERS[:, 0]).coef_, atol=1e-7)
    auto = NNOSearchCV(NNORegressor(penalty="fused_lasso"), alphas=4, cv=3).fit(X, NUMBERS[:, 0])
    strongest = auto.cv_results_["strength"].max()
    for alpha, is_zero in ((1.0001 * strongest, True), (0.999 * strongest, False)):
        model = NNORegressor(penalty="fused_lasso", alpha=alpha, tol=TOL).fit(X, NUMBERS[:, 0])
        assert (not model.coef_.any()) == is_zero


def test_streams():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(4000, 6))
    y = rows @ [1.0, 1.0, 1.0, 0.0, 0.0, 0.0] + 0.1 * rng.normal(size=4000)
    model = NNORegressor(penalty="fused_lasso", alpha=0.01, stream="cells")
    for part in np.array_split(np.arange(4000), 4):
        model.partial_fit(rows[part], y[part])
    np.testing.assert_allclose(model.coef_, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], atol=0.05)
    with pytest.raises(ValueError, match="FusedLasso"):
        clone(model).set_params(stream="ftrl").partial_fit(rows, y)


def test_errors():
    with pytest.raises(ValueError, match=r"FusedLasso\(l1_ratio=2\): l1_ratio must be between"):
        NNORegressor(penalty=FusedLasso(2)).fit(X, NUMBERS[:, 0])


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("alpha", [1e3, 1e12, 1e16, 1e100])
def test_beside_huge_strengths_slopes_keep_their_digits(l1_ratio, alpha):
    """Of equal coefficients the best is still found, which costs no jump."""
    y = NUMBERS[:, 0] + X.sum(axis=1)
    model = NNORegressor(penalty=FusedLasso(l1_ratio), alpha=alpha).fit(X, y)
    level = np.polyfit(X.sum(axis=1), y, 1)[0] if l1_ratio == 0 else 0.0
    np.testing.assert_allclose(model.coef_, level, rtol=1e-3)
    assert model.converged_
