"""Quadratic models with a penalty are minimised."""

import numpy as np
import pytest

from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers.quadratic import minimise_model
from tests.problems import (
    EVERY_PENALTY,
    make_coef,
    make_problem,
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
