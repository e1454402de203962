"""Quadratic models with a penalty are minimised."""

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import LogLoss
from nno_sklearn.penalties import L1, GroupLasso
from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers import quadratic
from nno_sklearn.solvers.models import GramModel, IllConditionedError, RowHessian
from nno_sklearn.solvers.quadratic import minimise_model
from tests.problems import (
    EVERY_PENALTY,
    make_coef,
    make_problem,
    pose,
)
from tests.user_objects import Box


@pytest.mark.parametrize("penalty", [*EVERY_PENALTY.values(), Box(-0.1, 0.2)], ids=str)
@pytest.mark.parametrize("name", ["squared_error", "poisson", "multinomial"])
def test_quadratic_models_are_minimised(name, penalty):
    problem = make_problem(name, penalty, 0.1, n=60, p=8, n_outputs=3)
    point = problem.at(penalty.prox(make_coef(problem), 0.1))
    blocks = hessian_blocks(point)
    hessian = np.zeros((24, 24))
    for index, matrix in blocks:
        hessian[np.ix_(index, index)] = matrix
    best = minimise_model(point, blocks, 1e-14)
    moved = (hessian @ (best - point.coef).ravel()).reshape(best.shape)
    distance = penalty.subdiff_distance(best, (point.data_gradient + moved) / 0.1)
    np.testing.assert_allclose(distance, 0.0, atol=1e-4)  # the null space has a ridge of 1e-7


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4])
@pytest.mark.parametrize("groups", ["rows", [[0, 1, 2], [3, 4], *([j] for j in range(5, 30))]])
@pytest.mark.parametrize("name", ["poisson", "squared_error"])
def test_models_of_outputs_that_groups_tie_by_matrices_and_by_rows_agree(name, groups, l1_ratio):
    penalty = GroupLasso(groups, l1_ratio=l1_ratio)
    problem = make_problem(name, penalty, 0.1, n=12, p=30, n_outputs=3)
    point = problem.at(np.zeros(problem.shape))
    by_rows = minimise_model(point, RowHessian.blocks(point, None), 1e-12)
    by_matrices = minimise_model(point, hessian_blocks(point), 1e-12)
    assert 0 < np.count_nonzero(by_rows) < by_rows.size
    np.testing.assert_allclose(by_rows, by_matrices, atol=1e-5 * np.abs(by_matrices).max())


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_rows_tell_columns_that_nearly_add_up_from_those_that_do(noise, monkeypatch):
    monkeypatch.setattr(quadratic, "has_cheap_rows", lambda problem, n_coefs: False)
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(400, 2)), np.eye(20)[rng.integers(0, 20, 400)]])
    X[:, -1] += noise * rng.normal(size=400)
    y = (rng.random((400, 1)) < 0.4).astype(float)
    problem = pose(sparse.csr_array(X), y, LogLoss(), L1(), 1e-3)
    point = problem.at(0.5 * rng.normal(size=problem.shape))
    [(index, matrix)] = hessian_blocks(point)
    model = GramModel(matrix, partial(quadratic._rows_tell, point, index))
    part = model.part(index, 0.0)
    assert np.flatnonzero(part.is_dependent).tolist() == [21]
    expected = pytest.raises(IllConditionedError) if noise else nullcontext()
    with expected:
        model.check(index, part.combination(21))
