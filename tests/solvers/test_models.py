"""Quadratic models made of the rows."""

import numpy as np
import pytest

from nno_sklearn.penalties import GroupLasso
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers.models import GramModel, RowsModel, ThinModel, _kernel_factor
from tests.problems import make_coef, make_problem


@pytest.mark.parametrize("size", [1.0, 1e9])
def test_a_kernel_of_rows_has_a_factor_however_large_the_rows(size):
    rng = np.random.default_rng(0)
    rows = size * np.outer(rng.normal(size=5), rng.normal(size=8))  # of rank 1
    right = rng.normal(size=5)
    solution = _kernel_factor(rows).solve(right)
    # On the null space of the rows it is the identity.
    unit = rows[:, 0] / np.linalg.norm(rows[:, 0])
    expected = right - unit * (unit @ right) * (1 - 1 / (1 + np.linalg.norm(rows) ** 2))
    assert solution == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("n_used", [0, 2, 9])  # 9 are more than the rows: solved in their space
@pytest.mark.parametrize("n_groups", [1, 3, 12])
def test_curvature_by_a_matrix_and_by_rows_agree(l2, n_used, n_groups):
    """Along directions, the coefficients in use at their best."""
    problem = make_problem("log_loss", GroupLasso("rows"), n=7, p=12)
    point = problem.at(make_coef(problem))
    every = np.arange(12)
    thin = ThinModel(point, every, l2)
    gram = GramModel(np.column_stack([thin.product(unit) for unit in np.eye(12)]))
    rng = np.random.default_rng(0)
    index = rng.permutation(12)
    unit, starts = rng.normal(size=12), np.sort(rng.choice(12, n_groups, replace=False))
    starts -= starts[0]
    used, ridge = index[:n_used], rng.uniform(0.1, 1.0, n_used)
    ridge[:1] = 0.0  # of a group without a penalty
    found = []
    for model in (gram, thin):
        part = model.part(used, ridge) if n_used else None
        found.append(model.left(part, used, index, unit, starts))
    assert found[0].shape == (n_groups, n_groups)
    np.testing.assert_allclose(*found, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss", ["squared_hinge", "modified_huber", "huber_small", "log_loss"])
@pytest.mark.parametrize("p", [4, 30])
def test_a_model_by_rows_is_that_of_the_hessian(loss, p):
    """It has no more rows than are curved, nor than coefficients."""
    problem = make_problem(loss, n=20, p=p)  # under squares flat rows get no curvature
    point = problem.at(0.3 * make_coef(problem))
    [(index, hessian)] = hessian_blocks(point)
    model = RowsModel(point, index, np.zeros((0, 1), dtype=int))
    n_curved = np.count_nonzero(point.curvature.entries.diagonal)
    assert 0 < n_curved <= 20 and len(model._rows) == min(n_curved, p)
    product = np.column_stack([model.product(unit) for unit in np.eye(p)])
    np.testing.assert_allclose(product, hessian, rtol=1e-10, atol=1e-12)
