"""Second moments stand for the rows: the same objective, certificate and intercept."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from nno_sklearn import NearestNeighborSolver, NNORegressor
from nno_sklearn.losses import Huber, SquaredError
from nno_sklearn.penalties import L1, L2, ElasticNet
from nno_sklearn.problem import summarise
from tests.problems import CONTAINERS, pose

PLENTY = np.inf


def make_data(n=3000, p=4, n_outputs=2, seed=0):
    """Shifted columns, one of them constant and two alike; targets with noise; weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(p) + 5.0
    X = np.hstack([X, np.full((n, 1), 0.1), X[:, :1]])
    y = X[:, 1:2] @ rng.normal(size=(1, n_outputs)) + rng.normal(size=(n, n_outputs)) + 3.0
    return X, y, rng.integers(1, 4, n).astype(float)


def both(penalty, fit_intercept=True, X=None, alpha=0.1):
    data, y, weight = make_data()
    X = data if X is None else X
    options = {"sample_weight": weight, "fit_intercept": fit_intercept}
    problem = pose(X, y, SquaredError(), penalty, alpha, **options)
    return problem, summarise(problem, PLENTY)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.3)])
def test_every_point_is_the_same(penalty, fit_intercept):
    problem, summary = both(penalty, fit_intercept)
    assert summary.n_samples <= problem.n_features + 1
    rng = np.random.default_rng(1)
    for coef in [np.zeros(problem.shape), rng.normal(size=problem.shape)]:
        coef[4] = 0.0  # the constant column's stays there
        one, other = problem.at(coef), summary.at(coef)
        np.testing.assert_allclose(other.value, one.value, rtol=1e-10)
        size = np.abs(one.data_gradient).max()
        np.testing.assert_allclose(other.data_gradient, one.data_gradient, atol=1e-9 * size)
        np.testing.assert_allclose(other.dual_gap, one.dual_gap, rtol=1e-8)
        np.testing.assert_allclose(
            summary.outer_intercept(other), problem.outer_intercept(one), rtol=1e-9, atol=1e-9
        )
    np.testing.assert_allclose(summary.null_residual, problem.null_residual)
    np.testing.assert_allclose(summary.scale, problem.scale)


def test_users_intercepts_come_back():
    problem, summary = both(L2())
    coef = np.random.default_rng(2).normal(size=problem.shape)
    outer = summary.outer_intercept(summary.at(coef))
    np.testing.assert_allclose(summary.inner_intercept(coef, outer), 0.0, atol=1e-8)


def test_siblings_with_another_penalty():
    _, summary = both(L2())
    sibling = summary.with_penalty(L1(), 0.2)
    coef = np.random.default_rng(3).normal(size=summary.shape)
    np.testing.assert_allclose(
        sibling.outer_intercept(sibling.at(coef)), summary.outer_intercept(summary.at(coef))
    )
    assert sibling.dtype == summary.dtype == np.float64


def test_only_where_it_says_the_same_and_is_cheap():
    X, y, weight = make_data()

    def same(problem, budget=PLENTY):
        return summarise(problem, budget) is problem

    assert not same(pose(X, y, SquaredError(), L2(), 0.1))
    assert same(pose(X, y, SquaredError(), L2(), 0.1), budget=0.0)
    assert not same(pose(X, y, SquaredError(), L1(), 0.1), budget=0.0)
    assert same(pose(X, y, Huber(), L2(), 0.1))
    assert same(pose(CONTAINERS["csr_array"](X), y, SquaredError(), L2(), 0.1))
    assert same(pose(X[:13], y[:13], SquaredError(), L2(), 0.1))
    summary = summarise(pose(X, y, SquaredError(), L2(), 0.1), PLENTY)
    assert same(summary)


@pytest.mark.parametrize("solver", ["gd", NearestNeighborSolver(n_neighbors=None), "proximal"])
def test_fits_look_at_the_rows_twice(solver):
    X, y, weight = make_data(n=5000)
    X = X[:, :-1]
    model = NNORegressor(solver=solver, alpha=0.01, tol=1e-12).fit(X, y, weight)
    assert model.n_passes_ < 2.5
    X[:, -1] = X[:, 0]  # moments say too little of columns that are alike: the rows are asked
    model = NNORegressor(solver=solver, alpha=0.01, tol=1e-12).fit(X, y, weight)
    assert 2.5 < model.n_passes_ < 3.5
    reference = Ridge(alpha=0.01 * weight.sum(), solver="svd").fit(X, y, weight)
    expected = reference.predict(X)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-6 * np.ptp(expected))


def test_float32_stays_float32():
    X, y, _ = make_data()
    model = NNORegressor(alpha=0.01).fit(X[:, :-1].astype(np.float32), y)
    assert model.n_passes_ < 2.5
    assert model.coef_.dtype == np.float32 and model.intercept_.dtype == np.float64


def test_exact_targets_leave_nothing():
    """No row of its own is left for what no feature explains, and rounding makes no nan of it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 5))
    model = NNORegressor(alpha=0.0, tol=1e-10).fit(X, X @ np.arange(5.0) + 7.0)
    np.testing.assert_allclose(model.coef_, np.arange(5.0), atol=1e-6)
    np.testing.assert_allclose(model.intercept_, 7.0, atol=1e-6)
