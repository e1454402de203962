"""Quadratic models with piecewise linear penalties, solved face by face."""

import numpy as np
import pytest

from benchmarks.fuzzing import checks, problems
from nno_sklearn import SLOPE, FusedLasso
from nno_sklearn.penalties import L1
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers.faces import minimise_on_faces
from nno_sklearn.solvers.models import block_product
from nno_sklearn.solvers.quadratic import minimise_model
from tests.problems import make_problem


@pytest.mark.parametrize("penalty", [SLOPE(weights=np.ones(30)), FusedLasso(l1_ratio=1.0)], ids=str)
def test_the_minimum_is_that_of_active_sets_where_the_penalty_is_l1(penalty):
    """More features than rows, so that most faces have no curvature in some direction."""
    minima = {}
    for one in (penalty, L1()):
        problem = make_problem("poisson", one, 1e-4, n=12, p=30)
        blocks = hessian_blocks(problem.null)
        if one is penalty:
            assert problem.penalty.face(problem.null.coef) is not None
        minima[one] = minimise_model(problem.null, blocks, 0.0), problem.null, blocks
    best, null, blocks = minima[penalty]
    wanted, *_ = next(found for one, found in minima.items() if one is not penalty)

    def model(v):
        (index, matrix), *_ = blocks
        moved = (v - null.coef).ravel()[index]
        quadratic = null.data_gradient.ravel()[index] @ moved + 0.5 * moved @ matrix @ moved
        return quadratic + 1e-4 * null.problem.penalty.value(v)

    assert model(best) == pytest.approx(model(wanted), rel=1e-10)


def nearly_twice(X):
    """Columns, and almost the same again."""
    half = X.shape[1] // 2
    return np.hstack([X[:, :half], X[:, :half] + 1e-5 * X[:, half:]])


@pytest.mark.parametrize("penalty", [SLOPE(), FusedLasso(), FusedLasso(l1_ratio=0.9)], ids=str)
@pytest.mark.parametrize("alpha", [1e-1, 1e-6])
def test_collinear_columns_do_not_keep_the_model_from_its_minimum(penalty, alpha):
    problem = make_problem("log_loss", penalty, alpha, p=8, container=nearly_twice)
    point, blocks = problem.null, hessian_blocks(problem.null)
    best = minimise_on_faces(point, blocks, 0.0)
    slope = point.data_gradient + block_product(blocks, best - point.coef)
    pull = -slope / alpha
    gap = problem.penalty.value(best) - np.vdot(pull, best)
    assert abs(alpha * gap) < 1e-8 * point.value
    assert problem.penalty.dual_scaling(pull) > 1 - 1e-3


@pytest.mark.parametrize("seed", [1004019, 1004063, 1004067, 1004076])
def test_tiny_fits_end(seed):
    """The proximal steps of their models did not reach a minimum, so that fits took minutes."""
    problem = problems.draw(seed).replaced(warm=None)
    fits, faults = checks.examine(problem, [checks.Run("as drawn", problem)])
    assert not faults, "\n".join(map(str, faults))
    assert fits[0].converged and fits[0].n_passes < 2000
