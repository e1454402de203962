"""Preconditioners against dense algebra: Cholesky, Woodbury, heavy rows, diagonals."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import SquaredError
from nno_sklearn.penalties import L2
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers import finite_newton
from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.preconditioner import (
    CurvaturePreconditioner,
    DiagonalPreconditioner,
    HeavyRowsPreconditioner,
    ScaledCholesky,
    WoodburyPreconditioner,
    positive_diagonal,
)
from tests.problems import (
    CONTAINERS,
    LOSSES,
    make_coef,
    make_matrix,
    make_problem,
    make_target,
    make_weight,
    pose,
    solve,
    well_conditioned,
)

EQUAL, BADLY_SCALED = np.ones(6), 10.0 ** np.array([-6, -4, 0, 2, 5, 6])
scales = pytest.mark.parametrize("factor", [EQUAL, BADLY_SCALED], ids=["equal", "badly_scaled"])


@scales
def test_scaled_cholesky_solves(factor):
    matrix, rng = well_conditioned(6), np.random.default_rng(1)
    diagonal, right = rng.uniform(0.0, 0.5, 6), rng.normal(size=6)
    expected = np.linalg.solve(matrix + np.diag(diagonal), right)
    given = matrix * np.outer(factor, factor)
    before = given.copy()
    solution = ScaledCholesky(given, diagonal * factor**2).solve(right * factor)
    np.testing.assert_allclose(solution * factor, expected, rtol=1e-8)
    np.testing.assert_array_equal(given, before)


def test_scaled_cholesky_leaves_flat_directions_alone():
    matrix, right = np.diag([2.0, 0.0, 4.0]), np.array([2.0, 5.0, 4.0])
    solution = ScaledCholesky(matrix, np.zeros(3)).solve(right)
    np.testing.assert_allclose(solution, [1.0, 0.0, 1.0], rtol=1e-8)
    # A matrix of rank 1, and one that rounding made indefinite: a step downhill all the same.
    for matrix in (np.ones((3, 3)), np.ones((3, 3)) - 1e-9 * np.eye(3)):
        solution = ScaledCholesky(matrix, np.zeros(3)).solve(right)
        assert np.isfinite(solution).all() and right @ solution > 0


@scales
def test_curvature_preconditioner_solves_block_by_block(factor):
    rng = np.random.default_rng(2)
    position = np.arange(18).reshape(6, 3)
    shared, other = well_conditioned(6), well_conditioned(6, seed=3)
    blocks = [(position[:, 0], shared), (position[:, 1], other), (position[:, 2], shared)]
    diagonal, gradient = np.full((6, 3), 0.3), rng.normal(size=(6, 3))
    unit = factor[:, None]
    scaled = {id(matrix): matrix * np.outer(factor, factor) for matrix in (shared, other)}
    preconditioner = CurvaturePreconditioner(
        [(index, scaled[id(matrix)]) for index, matrix in blocks], diagonal * unit**2
    )
    solution = preconditioner.solve(gradient * unit) * unit
    for k, (_, matrix) in enumerate(blocks):
        expected = np.linalg.solve(matrix + 0.3 * np.eye(6), gradient[:, k])
        np.testing.assert_allclose(solution[:, k], expected, rtol=1e-8)


def test_curvature_preconditioner_of_coupled_outputs_is_newtons():
    problem = make_problem("multinomial", alpha=0.3)
    point = problem.at(make_coef(problem))
    [(index, hessian)] = hessian_blocks(point)
    full = np.empty_like(hessian)
    full[np.ix_(index, index)] = hessian
    full += 0.3 * np.eye(len(index))
    preconditioner = CurvaturePreconditioner([(index, hessian)], np.full(problem.shape, 0.3))
    expected = np.linalg.solve(full, point.gradient.ravel())
    np.testing.assert_allclose(preconditioner.solve(point.gradient).ravel(), expected, rtol=1e-8)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("name", ["squared_error", "poisson", "multinomial"])
@pytest.mark.parametrize("span", [0, 6])
def test_woodbury_preconditioner_solves(name, container, fit_intercept, span):
    n, p = 15, 40
    factor = 10.0 ** np.linspace(-span, span, p)
    X = make_matrix(n, p)
    y = make_target(name, X)
    problem = pose(
        container(X * factor), y, LOSSES[name], L2(), 0.1, sample_weight=make_weight(n),
        fit_intercept=fit_intercept,
    )  # fmt: skip
    unit = factor[:, None]
    point = problem.at(make_coef(problem) / unit)
    rng = np.random.default_rng(4)
    diagonal, gradient = rng.uniform(0.1, 1.0, problem.shape), rng.normal(size=problem.shape)
    preconditioner = WoodburyPreconditioner(point, point.curvature, diagonal * unit**2)
    solution = preconditioner.solve(gradient * unit) * unit
    rows_curvature = problem.rows.loss_curvature(point.raw, point.intercept)
    for k in range(problem.n_outputs):
        curvature = problem.rows.weight * rows_curvature.entry(k, k)
        mean = curvature @ X / curvature.sum() if fit_intercept else 0.0
        hessian = (X - mean).T @ (curvature[:, None] * (X - mean)) + np.diag(diagonal[:, k])
        expected = np.linalg.solve(hessian, gradient[:, k])
        np.testing.assert_allclose(solution[:, k], expected, rtol=1e-6, atol=1e-8)


def test_diagonal_preconditioner_divides():
    preconditioner = DiagonalPreconditioner(np.array([[2.0], [0.0], [1e-300]]))
    np.testing.assert_array_equal(
        preconditioner.solve(np.array([[4.0], [3.0], [0.0]])), [[2], [0], [0]]
    )
    np.testing.assert_array_equal(
        positive_diagonal(np.array([0.0, 0.5]), np.array([10.0, 10.0])), [1e-6, 0.5]
    )


@pytest.mark.parametrize("name", ["squared_error", "several", "multinomial"])
def test_heavy_rows_preconditioner_inverts_them_and_a_diagonal(name):
    n_outputs = 2 if name == "several" else 1
    loss = "poisson" if name == "several" else name
    problem = make_problem(
        loss, n=30, p=8, n_outputs=n_outputs, alpha=0.2, container=CONTAINERS["csr_array"]
    )
    point = problem.at(make_coef(problem))
    preconditioner = HeavyRowsPreconditioner(point, point.curvature, 5)
    curvature = problem.rows.loss_curvature(point.raw, point.intercept)
    X = make_matrix(30, 8)
    own = np.column_stack([curvature.entry(k, k) for k in range(problem.n_outputs)])
    own *= problem.rows.weight[:, None]
    mean = own.mean(axis=1)
    heavy = np.argsort(-mean * (X**2).sum(axis=1))[:5]
    squares = mean[heavy] @ X[heavy] ** 2
    rest = np.maximum(point.data_diagonal.mean(axis=1) - squares, 0.0)
    diagonal = 0.2 + rest
    diagonal = np.sqrt(diagonal * np.median(diagonal))
    gradient = np.random.default_rng(2).normal(size=problem.shape)
    solution = preconditioner.solve(gradient)
    rows = X[heavy] - problem.rows.design.centre
    for k in range(problem.n_outputs):
        matrix = np.diag(diagonal) + rows.T @ (own[heavy, k][:, None] * rows)
        np.testing.assert_allclose(matrix @ solution[:, k], gradient[:, k], atol=1e-10)


def test_few_long_rows_of_wide_sparse_data_take_few_iterations():
    rng = np.random.default_rng(0)
    X = sparse.random(300, 3000, density=0.01, random_state=0, format="csr")
    length = np.where(np.arange(300) % 50 == 0, 300.0, 1.0) * rng.uniform(0.5, 2.0, 300)
    X = sparse.csr_array(sparse.diags_array(length) @ X)
    y = X @ rng.normal(size=3000) + rng.normal(size=300)
    problem = pose(X, y[:, None], SquaredError(), L2(), 1e-3)
    runs = {name: solve(name, problem, tol=1e-6) for name in ("nearest_neighbor", "gd")}
    assert runs["nearest_neighbor"].n_iter < runs["gd"].n_iter / 2
    assert runs["nearest_neighbor"].objective <= runs["gd"].objective + 1e-6 * problem.null.value


@pytest.mark.parametrize(
    ("n_features", "kind"), [(60, CurvaturePreconditioner), (160, WoodburyPreconditioner)]
)
def test_few_rows_are_solved_for_in_their_own_space(n_features, kind):
    """Both are Newton's: the Hessian of all rows."""
    problem = make_problem("poisson", L2(), 0.1, n=60, p=n_features)
    point = problem.null
    found = landmark_preconditioner(point, point, point.curvature)
    assert isinstance(found, kind) and found.is_hessian
    step = found.solve(point.gradient)
    ((index, hessian),) = hessian_blocks(point)
    hessian = hessian + 0.1 * np.eye(n_features)
    np.testing.assert_allclose(
        hessian @ step[index % n_features, 0], point.gradient[:, 0], atol=1e-7
    )


def test_full_steps_are_tried_ever_less_often_while_they_fail(monkeypatch):
    shares, tries = iter([0.0, 0.4, 0.0, 1.0, 1.0, 0.0, 0.0]), []

    def full_steps(point, preconditioner):
        tries.append(point)
        return point, next(shares)

    monkeypatch.setattr(finite_newton, "full_steps", full_steps)
    newton = finite_newton.FiniteNewton()
    found = [newton.step(count, None) for count in range(18)]
    assert tries == [0, 2, 6, 14, 15, 16]
    assert [one for one in found if one is not None] == tries
