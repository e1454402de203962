"""The objective over data: identities, derivatives, passes and the certificate."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.penalties import L1, L2, NoPenalty
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers import GradientDescent, NearestNeighborSolver, ProximalSolver
from tests.problems import (
    CONTAINERS,
    LOSSES,
    assert_same,
    make_coef,
    make_matrix,
    make_problem,
    make_target,
    make_weight,
    pose,
)

every_loss = pytest.mark.parametrize("name", LOSSES)
THREE_FORMATS = [np.asarray, CONTAINERS["csr_array"], CONTAINERS["csc_array"]]
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])
#: Gradients and curvatures of these jump, where differences are no derivatives.
SMOOTH = [name for name in LOSSES if LOSSES[name].largest_curvature is None]
SEVERAL = ["squared_error", "poisson", "squared_hinge", "multinomial"]


@intercepts
@every_loss
def test_weights_are_repetitions(name, fit_intercept):
    X, counts = make_matrix(), np.random.default_rng(5).integers(0, 4, 40)
    y = make_target(name, X)
    options = (LOSSES[name], L2(), 0.1)
    problem = pose(X, y, *options, sample_weight=counts, fit_intercept=fit_intercept)
    repeated = pose(
        np.repeat(X, counts, axis=0),
        np.repeat(y, counts, axis=0),
        *options,
        fit_intercept=fit_intercept,
    )
    coef = make_coef(problem)
    one, other = problem.at(coef), repeated.at(coef)
    assert_same(one, other)
    np.testing.assert_allclose(problem.scale, repeated.scale, rtol=1e-12)
    np.testing.assert_allclose(
        problem.outer_intercept(one), repeated.outer_intercept(other), atol=1e-9
    )
    assert one.dual_gap == pytest.approx(other.dual_gap, rel=1e-9)


@every_loss
def test_order_of_rows_and_size_of_weights_do_not_matter(name):
    X, weight = make_matrix(), make_weight(40)
    y, order = make_target(name, X), np.random.default_rng(6).permutation(40)
    options = (LOSSES[name], L1(), 0.1)
    problem = pose(X, y, *options, sample_weight=weight)
    other = pose(X[order], y[order], *options, sample_weight=1e5 * weight[order])
    coef = make_coef(problem)
    assert_same(problem.at(coef), other.at(coef))


@intercepts
@every_loss
def test_scale_of_columns_does_not_matter(name, fit_intercept):
    X, factor = make_matrix(), 10.0 ** np.array([-6, -3, 0, 3, 6])
    y = make_target(name, X)
    options = (LOSSES[name], NoPenalty(), 1.0)
    problem = pose(X, y, *options, fit_intercept=fit_intercept)
    scaled = pose(X * factor, y, *options, fit_intercept=fit_intercept)
    coef, unit = make_coef(problem), factor[:, None]
    other = scaled.at(coef / unit)
    assert_same(problem.at(coef), (other.value, other.data_gradient / unit))
    np.testing.assert_allclose(scaled.scale, factor * problem.scale, rtol=1e-9)


@every_loss
def test_shift_of_columns_moves_the_intercept_only(name):
    X, shift = make_matrix(), np.array([0.0, 1.0, -10.0, 100.0, -1000.0])
    y = make_target(name, X)
    problem = pose(X, y, LOSSES[name], L2(), 0.1)
    shifted = pose(X + shift, y, LOSSES[name], L2(), 0.1)
    coef = make_coef(problem)
    one, other = problem.at(coef), shifted.at(coef)
    assert_same(one, other, rtol=1e-8)
    expected = problem.outer_intercept(one) - shift @ coef
    found = shifted.outer_intercept(other)
    inner = shifted.inner_intercept(coef, found)
    if name == "multinomial":  # a shift of all outputs changes nothing and is taken out
        assert found.mean() == pytest.approx(0.0, abs=1e-10)
        expected, inner = expected - expected.mean(), inner - inner.mean()
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(inner, other.intercept, atol=1e-8)
    np.testing.assert_allclose(
        problem.loss.predict((X + shift) @ coef + found),
        problem.loss.predict(one.raw.array + one.intercept),
        rtol=1e-8,
    )


@intercepts
@pytest.mark.parametrize("container", [np.asarray, *CONTAINERS.values()])
@pytest.mark.parametrize("name", ["squared_error", "multinomial"])
def test_parts_are_problems_over_parts_of_the_data(name, container, fit_intercept):
    problem = make_problem(name, container=container, fit_intercept=fit_intercept)
    X = make_matrix()
    rows, weight = np.array([3, 30, 4, 4, 17, 21, 8, 11]), make_weight(8, seed=9)
    target = np.roll(problem.rows.y[rows], 1, axis=0)
    options = (problem.loss, problem.penalty, problem.alpha)
    coef = make_coef(problem)
    small = problem.over(problem.rows.taken(rows, weight, target))
    explicit = pose(X[rows], target, *options, sample_weight=weight, fit_intercept=fit_intercept)
    assert small.n_samples == 8 and small.rows.weight.sum() == pytest.approx(1)
    assert_same(small.at(coef), explicit.at(coef))
    columns = np.array([0, 3, 4])
    few = problem.columns(columns)
    explicit = pose(
        X[:, columns],
        problem.rows.y,
        *options,
        sample_weight=problem.rows.weight,
        fit_intercept=fit_intercept,
    )
    held = np.zeros_like(coef)
    held[columns] = coef[columns]
    point = problem.at(held)
    assert few.shape == (3, problem.n_outputs)
    assert_same(few.at(coef[columns]), explicit.at(coef[columns]))
    assert_same(few.at(coef[columns]), (point.value, point.data_gradient[columns]))
    corner = small.columns(columns).at(coef[columns])
    assert corner.value == pytest.approx(small.at(held).value)


@intercepts
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("name", ["gamma", "multinomial"])
def test_formats_do_not_matter(name, container, fit_intercept):
    dense = make_problem(name, fit_intercept=fit_intercept)
    other = make_problem(name, container=container, fit_intercept=fit_intercept)
    coef, direction = make_coef(dense), make_coef(dense, seed=7)
    one, two = dense.at(coef), other.at(coef)
    assert_same(one, two)
    for first, second in zip(
        one.towards(direction).derivatives(0.5),
        two.towards(direction).derivatives(0.5),
        strict=True,
    ):
        np.testing.assert_allclose(first, second, rtol=1e-9)
    for (_, first), (_, second) in zip(hessian_blocks(one), hessian_blocks(two), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-12)
    inverse = np.linspace(1.0, 2.0, 5)
    kernels = [problem.rows.design.kernel(inverse) for problem in (dense, other)]
    np.testing.assert_allclose(*kernels, atol=1e-11)
    # Distances between standardised rows are the same, whether they are centred or not.
    rows = [problem.rows.design.standardised_rows(np.arange(6)) for problem in (dense, other)]
    rows = [part.toarray() if sparse.issparse(part) else part for part in rows]
    np.testing.assert_allclose(rows[0] - rows[0][0], rows[1] - rows[1][0], atol=1e-12)


@pytest.mark.pairwise
@every_loss
@pytest.mark.parametrize("start", [None, -30.0, 1e3, -1e6])
@pytest.mark.parametrize("size", [0.0, 0.5, 30.0])
def test_intercept_is_optimal_from_any_start(name, start, size):
    problem = make_problem(name, n_outputs=3 if name in SEVERAL else 1)
    if start is not None:
        start = start * np.linspace(0.5, 1.0, problem.n_outputs)
    point = problem.at(make_coef(problem, size=size), start)
    weight, gradient = problem.rows.weight, problem.rows.loss_gradient(point.raw, point.intercept)
    total, unit = weight @ gradient, weight @ np.abs(gradient)
    np.testing.assert_array_less(np.abs(total), 1e-10 * unit + 1e-13)
    nudges = [1e-3, -1e-3, 1.0, -1.0]
    with np.errstate(over="ignore"):
        values = [problem.rows.values(point.raw, point.intercept + d).sum() for d in nudges]
    assert min(values) >= point.data_loss * (1 - 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("solver", [GradientDescent(), NearestNeighborSolver(), ProximalSolver()])
def test_constant_columns_say_nothing(solver, container, dtype):
    X = np.insert(make_matrix(), [1, 3, 5], [0.0, 0.1, -1234.5], axis=1).astype(dtype)
    constant, y = [1, 4, 7], make_target("log_loss", make_matrix())
    problem = pose(container(X), y, LOSSES["log_loss"], L2(), 1e-3)
    np.testing.assert_array_equal(problem.scale == 0, np.isin(np.arange(8), constant))
    coef = make_coef(problem)
    other = pose(container(make_matrix().astype(dtype)), y, LOSSES["log_loss"], L2(), 1e-3)
    expected = other.at(np.delete(coef, constant, axis=0))
    point = problem.at(coef)
    assert point.data_loss == pytest.approx(expected.data_loss, rel=1e-5)
    np.testing.assert_array_equal(point.data_gradient[constant], 0.0)
    result = solver.solve(problem, problem.null, max_iter=500, tol=1e-6)
    np.testing.assert_array_equal(result.coef[constant], 0.0)
    assert np.count_nonzero(result.coef) == 5


def test_passes_are_counted():
    problem = make_problem("log_loss", n=100)
    before = problem.n_passes

    def passes():
        nonlocal before
        used, before = problem.n_passes - before, problem.n_passes
        return used

    point = problem.at(make_coef(problem))
    assert passes() == 1
    assert np.isfinite([point.value, *point.values]).all()
    assert np.isfinite(point.diagonal_curvature).all() and passes() == 0
    assert point.gradient is not None and passes() == 1
    assert point.dual_gap > 0 and point.data_gradient is not None and passes() == 0
    line = point.towards(-point.gradient)
    assert passes() == 1
    better = line.point(0.5)
    assert np.isfinite([better.value, line.value(0.25), *line.derivatives(0.1)[0]]).all()
    assert problem.null.value > 0 and passes() == 0
    assert len(hessian_blocks(point)) == 1 and passes() == 1
    rows = problem.rows
    problem.over(rows.taken(np.arange(10), rows.weight[:10], rows.y[:10])).at(point.coef)
    assert passes() == pytest.approx(0.1)
    problem.columns(np.array([0, 1])).at(point.coef[:2])
    assert passes() == pytest.approx(0.4)


@pytest.mark.parametrize(
    "container", [np.asarray, np.asfortranarray, *list(CONTAINERS.values())[1:3]]
)
def test_narrow_data_stay_narrow(container):
    X = container(make_matrix(200).astype(np.float32))
    y = make_target("gamma", make_matrix(200))
    problem = pose(X, y, LOSSES["gamma"], L2(), 0.1)
    assert problem.rows.design.X is X and X.dtype == np.float32
    wide = pose(make_matrix(200).astype(np.float32).astype(float), y, LOSSES["gamma"], L2(), 0.1)
    coef = make_coef(problem)
    point, expected = problem.at(coef), wide.at(coef)
    for array in (point.raw.array, point.data_gradient, problem.scale, problem.rows.design.centre):
        assert array.dtype == np.float64
    assert point.value == pytest.approx(expected.value, rel=1e-5)
    np.testing.assert_allclose(point.data_gradient, expected.data_gradient, atol=1e-5)
    np.testing.assert_allclose(problem.scale, wide.scale, rtol=1e-5)
    ProximalSolver().solve(problem, problem.null, max_iter=50, tol=1e-4)
    assert problem.rows.design.X.dtype == np.float32


def test_what_is_learnt_of_the_constant_model_stays_known():
    """Each look at ``null`` is a new point; its gradient is one pass, also for other penalties."""
    problem = make_problem("log_loss")
    null = problem.null
    gradient, passes = null.data_gradient, problem.n_passes
    assert problem.null.data_gradient is gradient
    other = problem.with_penalty(L1(), 0.3)
    assert other.null.data_gradient is gradient and other.null.problem is other
    assert null.problem is problem and problem.n_passes == passes
    assert other.null.value == pytest.approx(null.value)
