"""The best intercept: found in few looks, also where classes are all but certain."""

import numpy as np
import pytest

from nno_sklearn.losses import AbsoluteError, EpsilonInsensitive, Hinge, Quantile
from nno_sklearn.losses.classification import MultinomialLogLoss
from nno_sklearn.penalties import NoPenalty
from nno_sklearn.problem.intercept import Look, best_intercept
from tests.problems import pose


class Counted(Look):
    looks = 0

    def sums(self, b):
        self.looks += 1
        return super().sums(b)


@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("rare", [1.0, 1e-6])
def test_of_saturated_classes(size, rare):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 1)), np.eye(3)[np.arange(80) % 3]
    weight = np.where(y[:, 1] > 0, rare, 1.0)
    problem = pose(X, y, MultinomialLogLoss(), NoPenalty(), 1.0, sample_weight=weight)
    coef = size * np.array([[1.0, 0.2, -1.0]])
    look = Counted(problem, coef, problem.rows.raw(coef))
    for start in (np.zeros(3), size * np.array([-2.0, 5.0, -3.0])):
        look.looks = 0
        b, sums = best_intercept(look, start)
        assert look.looks <= 60
        assert np.abs(sums.total).max() <= 1e-9 * sums.size.max()
        assert b.mean() == pytest.approx(0.0, abs=1e-9 * size)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("loss", [Hinge(), Quantile(0.3), AbsoluteError(), "insensitive"], ids=str)
def test_at_a_corner(loss, scale):
    """The derivative jumps at the minimum: tangents meet there, where halves of a bracket would
    find its 50 binary digits one by one. Few doublings of a stretch lead to where targets are."""
    rng = np.random.default_rng(1)
    weight, y = rng.uniform(0.5, 2.0, 61), rng.normal(size=(61, 2)) + 0.3
    loss = EpsilonInsensitive(0.1 * scale) if loss == "insensitive" else loss
    y = (y > 0).astype(float) if isinstance(loss, Hinge) else scale * y
    problem = pose(np.ones((61, 1)), y, loss, NoPenalty(), 1.0, sample_weight=weight)
    look = Counted(problem, np.zeros((1, 2)), problem.rows.nothing())
    b, _ = best_intercept(look, np.zeros(2))
    assert look.looks <= (5 if isinstance(loss, Hinge) else 40)
    least = look.values(b)
    for moved in (-1e-6, 1e-6):
        assert (look.values(b + moved * scale) >= least * (1 - 1e-14)).all()
