"""What users write: penalties, losses and solvers of their own."""

import numpy as np
import pytest
from scipy.optimize import minimize, nnls

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import L1, L2, ElasticNet, Penalty
from nno_sklearn.solvers import SOLVERS, Status
from tests.problems import (
    CONTAINERS,
    LOSSES,
    make_matrix,
    make_problem,
    make_target,
    make_weight,
    pose,
    solve,
)
from tests.user_objects import Box, PlainPseudoHuber, SteepestDescent


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor", "auto"])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csc_array"]])
def test_user_penalty_nonnegative_least_squares(container, solver):
    X, weight = make_matrix(80, 8), make_weight(80)
    y = make_target("squared_error", X)
    problem = pose(container(X), y, LOSSES["squared_error"], Box(), 1.0, sample_weight=weight)
    result = solve(solver, problem, tol=1e-8)
    root = np.sqrt(problem.rows.weight)
    centred = X - problem.rows.weight @ X
    expected, residual = nnls(
        root[:, None] * centred, root * (y[:, 0] - problem.rows.weight @ y[:, 0])
    )
    assert 0 < np.count_nonzero(expected) < 8
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.coef[:, 0], expected, atol=1e-6)
    assert result.objective == pytest.approx(0.5 * residual**2)
    np.testing.assert_array_equal(result.coef[:, 0] == 0, expected == 0)


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor", "auto"])
@pytest.mark.parametrize("name", ["log_loss", "poisson", "huber", "multinomial", "squared_hinge"])
def test_user_penalty_box(name, solver):
    problem = make_problem(name, Box(-0.2, 0.3), 0.7, n=80, fit_intercept=False)
    result = solve(solver, problem, tol=1e-7)
    shape, X = problem.shape, problem.rows.design.X

    def objective(w):
        eta = X @ w.reshape(shape)
        gradient = X.T @ (problem.rows.weight[:, None] * problem.loss.gradient(problem.rows.y, eta))
        value = problem.rows.weight @ problem.loss.value(problem.rows.y, eta).sum(axis=1)
        return value, gradient.ravel()

    size = np.prod(shape)
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2000}
    best = minimize(
        objective, np.zeros(size), jac=True, bounds=[(-0.2, 0.3)] * size, options=options
    )
    assert result.status is Status.CONVERGED
    assert problem.penalty.value(result.coef) == 0.0
    assert result.objective <= best.fun * (1 + 1e-8)
    assert ((best.x == 0.3) | (best.x == -0.2)).any()


class PlainElasticNet(Penalty):
    """The elastic net as a user may write it: half of the methods are left out."""

    def value(self, w):
        return np.abs(w).sum() + 0.1 * (w**2).sum()

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step, 0.0) / (1 + 0.2 * step)


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor", "auto"])
@pytest.mark.parametrize("name", ["squared_error", "gamma", "modified_huber", "multinomial"])
def test_user_penalty_with_kinks(name, solver):
    options = {"n": 60, "p": 12, "n_outputs": 3 if name == "squared_error" else None}
    problem = make_problem(name, PlainElasticNet(), 0.15, **options)
    result = solve(solver, problem, tol=1e-8)
    known = make_problem(name, ElasticNet(1 / 1.2), 0.15 * 1.2, **options)
    expected = solve("proximal", known, tol=1e-10)
    assert result.status is Status.CONVERGED and result.n_iter <= 15
    assert result.objective == pytest.approx(expected.objective, rel=1e-9)
    np.testing.assert_allclose(result.coef, expected.coef, atol=1e-5)
    np.testing.assert_array_equal(result.coef == 0, expected.coef == 0)
    assert 0 < np.count_nonzero(result.coef) < result.coef.size


@pytest.mark.parametrize("penalty", [L1(), L2()])
@pytest.mark.parametrize("outlier", [1.0, 1e6])
@pytest.mark.parametrize("solver", SOLVERS)
def test_user_loss_with_value_and_gradient_only(solver, outlier, penalty):
    if SOLVERS[solver]().missing(PlainPseudoHuber(), penalty):
        pytest.skip("gd needs a gradient of the penalty")
    X = make_matrix(300)
    y = make_target("huber", X)
    y[::7] *= outlier
    problem = pose(X, y, PlainPseudoHuber(), penalty, 0.01)
    assert (
        problem.rows.loss_curvature(problem.null.raw, problem.null.intercept).diagonal >= 0
    ).all()
    result = solve(solver, problem, tol=1e-6)
    assert result.status is Status.CONVERGED and np.isinf(result.dual_gap)
    expected = solve("auto", pose(X, y, PlainPseudoHuber(), penalty, 0.01), tol=1e-9)
    assert result.objective == pytest.approx(expected.objective, rel=1e-8)


class OnlyValue(Loss):
    def value(self, y, eta):
        return np.abs(eta - y)


class OnlySmooth(Penalty):
    def value(self, w):
        return np.log(np.cosh(w)).sum()

    def gradient(self, w):
        return np.tanh(w)


@pytest.mark.parametrize(
    ("solver", "loss", "penalty", "missing"),
    [
        ("gd", LOSSES["huber"], L1(), ["penalty.gradient"]),
        ("gd", LOSSES["huber"], L2(), []),
        ("gd", OnlyValue(), Box(), ["loss.gradient", "penalty.gradient"]),
        ("proximal", LOSSES["huber"], OnlySmooth(), ["penalty.prox"]),
        ("nearest_neighbor", LOSSES["huber"], OnlySmooth(), []),
        ("nearest_neighbor", LOSSES["huber"], Box(), []),
        ("auto", LOSSES["huber"], Penalty(), ["penalty.gradient|penalty.prox"]),
    ],
)
def test_missing_capabilities(solver, loss, penalty, missing):
    assert SOLVERS[solver]().missing(loss, penalty) == missing


@pytest.mark.parametrize("solver", ["gd", "nearest_neighbor", "auto"])
def test_user_penalty_with_a_gradient_only(solver):
    problem = make_problem("log_loss", OnlySmooth(), 0.1)
    result = solve(solver, problem, tol=1e-8)
    assert result.status is Status.CONVERGED and np.isinf(result.dual_gap)
    point = problem.at(result.coef)
    np.testing.assert_allclose(point.data_gradient + 0.1 * np.tanh(result.coef), 0, atol=1e-7)


def test_user_solver_costs_two_passes_an_iteration():
    problem = make_problem("squared_error", alpha=0.5)
    before = problem.n_passes
    result = solve(SteepestDescent(), problem, tol=1e-8)
    assert result.status is Status.CONVERGED
    assert result.n_passes - before == 2 * result.n_iter + 1
    assert result.objective == pytest.approx(solve("gd", problem).objective, rel=1e-6)
