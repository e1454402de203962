"""Points and lines: derivatives agree with values, and the dual gap bounds what is left."""

import numpy as np
import pytest

from nno_sklearn.losses import Loss, MultinomialLogLoss, Quantile
from nno_sklearn.penalties import L1, L2, NoPenalty
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.problem.intercept import Look
from nno_sklearn.problem.point import ALONG_A_LINE
from nno_sklearn.solvers import ProximalSolver
from tests.problems import (
    LOSSES,
    PENALTIES,
    assert_same,
    central_differences,
    make_coef,
    make_matrix,
    make_problem,
    make_target,
    pose,
)

every_loss = pytest.mark.parametrize("name", LOSSES)
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
#: Gradients and curvatures of the others jump, where differences are no derivatives.
SMOOTH = [name for name in LOSSES if LOSSES[name].largest_curvature is None]


@intercepts
@every_loss
def test_gradient_is_the_derivative_of_the_value(name, fit_intercept):
    problem = make_problem(name, fit_intercept=fit_intercept)
    coef = make_coef(problem)
    slopes = central_differences(lambda w: problem.at(w).value, coef, step=1e-5)
    np.testing.assert_allclose(problem.at(coef).gradient.ravel(), slopes, atol=1e-5)


def joint_value(line):
    """The objective on the line in w and b on which b moves as its optimum does at 0."""
    start, step = line.start, 1e-4
    drift = (line.point(step).intercept - line.point(-step).intercept) / (2 * step)

    def value(t):
        coef = start.coef + t * line.direction
        look = Look(start.problem, coef, start.raw, line.slope, t)
        return look.values(start.intercept + t * drift).sum() + start.problem.penalties(coef).sum()

    return value


@pytest.mark.parametrize("n_outputs", [1, 3])
@intercepts
@every_loss
def test_line_derivatives(name, fit_intercept, n_outputs):
    if name == "multinomial" and n_outputs == 1:
        n_outputs = 4
    problem = make_problem(name, n_outputs=n_outputs, fit_intercept=fit_intercept)
    line = problem.at(make_coef(problem)).towards(make_coef(problem, seed=8))
    steps = 1 if name == "multinomial" else n_outputs
    t = np.linspace(0.3, 0.7, steps)
    first, second = line.derivatives(t)
    assert first.shape == second.shape == (steps,)
    value = joint_value(line) if name == "multinomial" and fit_intercept else line.value
    np.testing.assert_allclose(first, central_differences(value, t, 1e-5), atol=1e-5)
    if name in SMOOTH:
        slopes = central_differences(lambda t: line.derivatives(t)[0], t, 1e-5)
        np.testing.assert_allclose(np.diag(second), slopes, rtol=ALONG_A_LINE, atol=1e-4)
    point = line.point(t)
    np.testing.assert_allclose(point.coef, line.start.coef + t * line.direction)
    assert_same(point, problem.at(point.coef))
    np.testing.assert_allclose(point.values.sum(), point.value)
    assert line.value(0.0) == pytest.approx(line.start.value)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_intercept_moves_along_where_the_loss_is_nearly_linear(n_outputs):
    huber = make_problem("huber", n_outputs=n_outputs)
    problem = huber.with_loss(Quantile(0.3).smoothed(0.5))
    line = problem.at(make_coef(problem)).towards(make_coef(problem, seed=8))
    t = np.linspace(0.3, 0.7, n_outputs)
    first, _ = line.derivatives(t)
    np.testing.assert_allclose(first, central_differences(joint_value(line), t, 1e-5), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_line_bends_with_the_penalty(alpha):
    problem = make_problem("squared_error", alpha=alpha)
    line = problem.at(make_coef(problem)).towards(make_coef(problem, seed=8))
    assert line.value(2.0) == pytest.approx(
        line.value(0.0) + 2 * line.derivatives(0.0)[0][0] + 2 * line.derivatives(0.0)[1][0]
    )


def dense_hessian(point, **options):
    size = point.coef.size
    hessian = np.zeros((size, size))
    for index, matrix in hessian_blocks(point, **options):
        hessian[np.ix_(index, index)] += matrix
    return hessian


@intercepts
@pytest.mark.parametrize("name", [*SMOOTH, "several", "shared"])
def test_hessian_is_the_derivative_of_the_gradient(name, fit_intercept):
    n_outputs = 3 if name in ("several", "shared", "multinomial") else 1
    name = {"several": "poisson", "shared": "squared_error"}.get(name, name)
    problem = make_problem(name, n_outputs=n_outputs, fit_intercept=fit_intercept)
    coef = make_coef(problem)
    rows = central_differences(lambda w: problem.at(w).data_gradient.ravel(), coef, step=1e-5)
    np.testing.assert_allclose(dense_hessian(problem.at(coef)), rows, atol=1e-6)
    # The line's second derivative is the Hessian's quadratic form, the penalty's added.
    direction = make_coef(problem, seed=8)
    second = problem.at(coef).towards(direction).derivatives(0.0)[1].sum()
    form = direction.ravel() @ rows @ direction.ravel() + 0.1 * np.vdot(direction, direction)
    assert second == pytest.approx(form, rel=1e-5)


def test_hessian_blocks_are_shared_or_joint():
    shared = hessian_blocks(make_problem("squared_error", n_outputs=3).null)
    assert len(shared) == 3 and len({id(matrix) for _, matrix in shared}) == 1
    separate = hessian_blocks(make_problem("poisson", n_outputs=3).null)
    assert len({id(matrix) for _, matrix in separate}) == 3
    point = make_problem("multinomial", fit_intercept=False).null
    assert len(hessian_blocks(point)) == 1
    apart = dense_hessian(point, max_joint_size=10)
    same = np.equal.outer(np.arange(15) % 3, np.arange(15) % 3)
    np.testing.assert_allclose(apart, np.where(same, dense_hessian(point), 0.0), atol=1e-14)


@pytest.mark.pairwise
@intercepts
@pytest.mark.parametrize("penalty", PENALTIES)
@every_loss
def test_dual_gap_bounds_the_distance_to_the_optimum(name, penalty, fit_intercept):
    problem = make_problem(name, PENALTIES[penalty], 0.05, fit_intercept=fit_intercept)
    best = ProximalSolver().solve(problem, problem.null, max_iter=500, tol=1e-12)
    assert best.optimality <= 1e-9
    for seed in range(12):
        size = 10.0 ** (seed % 4 - 2)
        near = best.coef if seed % 3 else 0.0
        point = problem.at(near + make_coef(problem, seed, size))
        distance = point.value - best.objective
        assert distance >= -1e-12 * problem.null.value
        assert point.dual_gap >= distance - 1e-10 * max(1.0, point.value)
    at_best = problem.at(best.coef)
    assert at_best.dual_gap <= 1e-8 * problem.null.value


def test_what_a_point_promises_is_of_its_problem():
    problem = make_problem("squared_error", L1())
    point = problem.at(make_coef(problem))
    before = point.promised_decrease
    other = problem.with_penalty(L1(), 3 * problem.alpha)
    expected = other.at(point.coef).promised_decrease
    np.testing.assert_allclose(point.of(other).promised_decrease, expected, rtol=1e-10)
    assert not np.allclose(before, expected)
    few = np.array([0, 2])
    part = point.on_columns(problem.columns(few), few)
    np.testing.assert_allclose(part.promised_decrease, before[few], rtol=1e-10)


def test_no_dual_gap_without_a_penalty_or_conjugate():
    class Other(MultinomialLogLoss):
        conjugate = Loss.conjugate

    problem = make_problem("multinomial", alpha=0.0)
    assert isinstance(problem.penalty, NoPenalty) and np.isinf(problem.null.dual_gap)
    assert not problem.has_dual
    X = make_matrix()
    problem = pose(X, make_target("multinomial", X), Other(), L2(), 0.1)
    assert np.isinf(problem.null.dual_gap) and not problem.has_dual


@every_loss
def test_no_dual_gap_unless_the_intercept_is_optimal(name):
    problem = make_problem(name)
    point = problem.at(make_coef(problem))
    assert np.isfinite(point.dual_gap)
    shift, other = np.linspace(0.5, 1.0, problem.n_outputs), problem.at(point.coef)
    other.sums = Look(problem, other.coef, other.raw).sums(other.intercept + shift)
    assert np.isinf(other.dual_gap)
