"""Active sets: a model's minimum, also among columns that are alike."""

import numpy as np
import pytest

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import GramModel

L1 = 0.1


@pytest.mark.parametrize("n_twins", [1, 3])
def test_those_in_use_settle_after_a_move_among_columns_that_are_alike(n_twins):
    """A twin enters along a direction without curvature, which leaves the others where they are."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(50, 3))
    X = np.hstack([columns, columns[:, [0] * n_twins]])
    y = columns @ [1.0, -2.0, 0.5] + rng.normal(size=50)
    w = np.zeros(3 + n_twins)
    w[:3] = 0.5, -1.5, 0.2  # signs as at the optimum, sizes are not
    residual = X @ w - y
    model, gradient = GramModel(X.T @ X / 50), X.T @ residual / 50
    assert (np.abs(gradient[3:]) > L1).all()  # the twins promise to lower the model
    sets = ActiveSets(
        KinkedModel(model, PiecewiseQuadratic(L1), w, gradient, residual @ residual / 50), 3
    )
    found = sets.minimise(1e-12)
    slope = X.T @ (X @ found - y) / 50
    assert np.abs(slope).max() <= L1 + 1e-9
    np.testing.assert_allclose(slope[found != 0], -L1 * np.sign(found[found != 0]), atol=1e-9)
