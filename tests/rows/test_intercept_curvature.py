"""The second derivative by the intercept: every form of it is the same matrix."""

import numpy as np
import pytest

from nno_sklearn.losses import Curvature, MultinomialLogLoss, SquaredHinge
from nno_sklearn.rows import intercept_curvature as forms


def make(loss, n_outputs, n=90, spread=1.0, dtype=float):
    rng = np.random.default_rng(3)
    eta = (spread * rng.normal(size=(n, n_outputs))).astype(dtype)
    y, weight = np.eye(n_outputs)[rng.integers(n_outputs, size=n)], rng.dirichlet(np.ones(n))
    return Curvature.of(loss.derivatives(y, eta)[1]), weight


CASES = {
    "separate": (SquaredHinge(), 5, forms.SeparateCurvature),
    "joint": (MultinomialLogLoss(), 5, forms.JointCurvature),
    "implicit": (MultinomialLogLoss(), 70, forms.ImplicitCurvature),
}
every_form = pytest.mark.parametrize("case", CASES)


@every_form
@pytest.mark.parametrize("spread", [0.1, 1.0, 8.0])
def test_products_and_solutions_are_those_of_the_matrix(case, spread):
    loss, n_outputs, form = CASES[case]
    entries, weight = make(loss, n_outputs, spread=spread)
    curvature, matrix = forms.intercept_curvature(entries, weight), entries.total(weight)
    assert type(curvature) is form
    shift = np.random.default_rng(1).normal(size=n_outputs)
    np.testing.assert_allclose(curvature.diagonal, matrix.diagonal(), atol=1e-15)
    np.testing.assert_allclose(curvature.product(shift), matrix @ shift, atol=1e-14)
    several = np.column_stack([shift, 2 * shift, np.ones(n_outputs)])
    np.testing.assert_allclose(curvature.product(several), matrix @ several, atol=1e-14)
    right = matrix @ shift  # where there is a solution
    solution = curvature.solve(right)
    near = 20 * forms.PRECISION if form is forms.ImplicitCurvature else 1e-9
    np.testing.assert_allclose(matrix @ solution, right, atol=near * np.abs(right).max())
    both = curvature.solve(np.column_stack([right, 2 * right]))
    np.testing.assert_allclose(both, np.column_stack([solution, 2 * solution]), rtol=1e-9)
    damped = np.linalg.solve(matrix + 0.1 * np.eye(n_outputs), right)
    np.testing.assert_allclose(
        curvature.solve(right, 0.1), damped, atol=near * np.abs(damped).max()
    )


@every_form
def test_parts_add_up(case):
    loss, n_outputs, _ = CASES[case]
    entries, weight = make(loss, n_outputs)
    whole = forms.intercept_curvature(entries, weight)
    parts = []
    for rows in slice(0, 30), slice(30, None):
        coupling = None if entries.coupling is None else entries.coupling[rows]
        some = Curvature(entries.diagonal[rows], coupling)
        parts.append(forms.intercept_curvature(some, 2 * weight[rows]))
    added = np.float64(0.5) * parts[0] + np.float64(0.5) * parts[1]
    shift = np.arange(float(n_outputs))
    np.testing.assert_allclose(added.product(shift), whole.product(shift), atol=1e-13)
    np.testing.assert_allclose(added.diagonal, whole.diagonal, atol=1e-15)


def test_no_curvature_has_no_solution_but_zero():
    flat = Curvature(np.zeros((4, 60)), np.zeros((4, 60)))
    np.testing.assert_array_equal(
        forms.intercept_curvature(flat, np.full(4, 0.25)).solve(np.ones(60)), np.zeros(60)
    )


def test_single_precision_stays_and_hardly_matters():
    single, weight = make(MultinomialLogLoss(), 70, dtype=np.float32)
    assert single.coupling.dtype == np.float32
    double, _ = make(MultinomialLogLoss(), 70)
    right = np.random.default_rng(2).normal(size=70)
    right -= right.mean()
    one, other = (forms.intercept_curvature(c, weight).solve(right) for c in (single, double))
    np.testing.assert_allclose(one - one.mean(), other - other.mean(), rtol=0, atol=1e-4 * 70)


def test_damping_below_rounding_counts_where_there_is_no_curvature():
    """It was added to a matrix that stayed singular, and a fit died."""
    curvature = forms.JointCurvature(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    step = curvature.solve(np.array([1.0, 3.0]), 1e-20)
    np.testing.assert_allclose(step.mean(), 2e20)
    assert np.isfinite(step).all()


def test_overflow_is_left_to_the_line_search():
    curvature = forms.JointCurvature(np.array([[1.0, np.inf], [np.inf, 1.0]]))
    assert np.isnan(curvature.solve(np.ones(2))).all()


def test_a_shift_of_all_outputs_has_no_curvature_in_float32():
    """Its eigenvalue is rounding of float32; so it is in a share of the matrix."""
    entries, weight = make(MultinomialLogLoss(), 5, dtype=np.float32)
    curvature = forms.intercept_curvature(entries, weight.astype(np.float32))
    for one in curvature, np.float64(0.5) * curvature:
        solution = one.solve(np.array([1.0, 2.0, -1.0, 0.0, 1.0]))
        assert abs(solution.sum()) <= 1e-3 * np.abs(solution).max()
