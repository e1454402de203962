"""Which losses have gradients that jump: what a fit that stalls is told."""

import numpy as np
import pytest

from nno_sklearn.contracts import gradient_jumps
from nno_sklearn.losses import (
    AbsoluteError,
    EpsilonInsensitive,
    Hinge,
    Huber,
    LogLoss,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredHinge,
)

TARGETS = np.array([[0.0], [0.5], [1.0]])


@pytest.mark.parametrize("loss", [AbsoluteError(), Quantile(0.3), Hinge(), EpsilonInsensitive()])
def test_corners(loss):
    assert gradient_jumps(loss, TARGETS)


@pytest.mark.parametrize("loss", [LogLoss(), SquaredHinge(), Huber(), Poisson()])
def test_smooth_losses(loss):
    assert not gradient_jumps(loss, TARGETS)


@pytest.mark.parametrize("n_classes", [3, 10, 26])
def test_rounding_is_no_jump(n_classes):
    """A shift of all raw predictions changes a softmax by rounding alone, which does not shrink."""
    shares = np.linspace(1.0, 2.0, n_classes)
    targets = np.stack([np.zeros(n_classes), shares / shares.sum(), np.ones(n_classes)])
    assert not gradient_jumps(MultinomialLogLoss(), targets)
