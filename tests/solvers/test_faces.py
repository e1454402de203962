"""Quadratic models with piecewise linear penalties, solved face by face."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from benchmarks.fuzzing import checks, problems
from nno_sklearn import SLOPE, FusedLasso, NNOClassifier, NNORegressor
from nno_sklearn.penalties import L1
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers.faces import minimise_on_faces
from nno_sklearn.solvers.models import RowHessian, block_product
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


@pytest.mark.parametrize("penalty", [SLOPE(), FusedLasso(), FusedLasso(l1_ratio=0.0)], ids=str)
@pytest.mark.parametrize("n", [12, 60])
def test_models_of_outputs_are_solved_one_by_one(penalty, n):
    """By matrices, and by rows where these are fewer; or all outputs as one model."""
    problem = make_problem("squared_hinge", penalty, 1e-2, n=n, p=30, n_outputs=3)
    point, blocks = problem.null, hessian_blocks(problem.null)
    assert len(blocks) == 3
    everything = np.concatenate([index for index, _ in blocks])
    one = [(everything, block_diag(*(matrix for _, matrix in blocks)))]
    values = []
    for given in (blocks, one, RowHessian.blocks(point, None)):
        v = minimise_on_faces(point, given, 0.0)
        moved = v - point.coef
        quadratic = np.vdot(point.data_gradient, moved)
        quadratic += 0.5 * np.vdot(moved, block_product(blocks, moved))
        values.append(quadratic + problem.alpha * problem.penalty.value(v))
    assert values[0] < 0
    np.testing.assert_allclose(values[1], values[0], rtol=1e-6)
    if n < 30 and problem.has_dual:
        np.testing.assert_allclose(values[2], values[0], rtol=1e-4)


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
    # Slopes of coefficients of 1e4 are rounding times these: 1e-8 of the objective.
    assert abs(alpha * gap) < 1e-7 * point.value
    assert problem.penalty.dual_scaling(pull) > 1 - 1e-3


@pytest.mark.parametrize("seed", [1004019, 1004063, 1004067, 1004076])
def test_tiny_fits_end(seed):
    """The proximal steps of their models did not reach a minimum, so that fits took minutes."""
    problem = problems.draw(seed).replaced(warm=None)
    fits, faults = checks.examine(problem, [checks.Run("as drawn", problem)])
    assert not faults, "\n".join(map(str, faults))
    assert fits[0].converged and fits[0].n_passes < 2500


@pytest.mark.parametrize("penalty", [SLOPE(), FusedLasso()], ids=str)
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_classes_of_more_features_than_rows(penalty, loss):
    """They took seconds: all classes had one model, over all features."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    X = rng.normal(size=(30, 200)) + 2.0 * (np.arange(200) // 20 == y[:, None])
    model = NNOClassifier(loss, penalty=penalty, alpha=0.03, tol=1e-6).fit(X, y)
    assert model.converged_ and np.any(model.coef_)
    assert model.dual_gap_ <= 1e-6 * model.objective_ and model.history_[-1].n_passes < 300


def test_a_width_on_which_steps_stall_is_followed_by_a_larger_one():
    """Ever smaller ones left 1e-5 of the objective."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 30)) @ (np.eye(30) + 0.2 * rng.normal(size=(30, 30)))
    coef = np.zeros((30, 3))
    coef[5:12] = rng.normal(size=3)
    Y = X @ coef + 2.0 * rng.standard_t(3, size=(300, 3))
    model = NNORegressor("absolute_error", penalty=SLOPE(), alpha=0.005, tol=1e-6).fit(X, Y)
    assert model.converged_ and model.dual_gap_ <= 1e-6 * model.objective_
