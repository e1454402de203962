"""Newton's step as a certificate, where the loss is hardly curved."""

import numpy as np
import pytest

from nno_sklearn.losses import LogLoss
from nno_sklearn.penalties import L1, MCP, SCAD
from nno_sklearn.solvers.newton import newton_step
from tests.problems import pose


@pytest.mark.parametrize("penalty", [L1(), MCP(3.0), SCAD(3.7)], ids=str)
def test_wrong_labels_predicted_for_sure_are_no_optimum(penalty):
    """All rows are saturated, so no direction is curved: the slope is what there is to gain."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3)) + np.sign(np.arange(12) - 5.5)[:, None] * 5.0
    y = (np.arange(12) < 6).astype(float)[:, None]
    problem = pose(X, y, LogLoss(), penalty, 1e-3, fit_intercept=False)
    point = problem.at(np.full((3, 1), 1e4))
    assert point.value > 1e4 and point.data_diagonal.max() == 0.0
    assert newton_step(point).decrease > 1e4
