"""The minimum of a model with kinks, whichever way leads there."""

import numpy as np
import pytest

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers import kinked
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import GramModel


def place_of(n, p, share, l2=0.0, begin=0.0):
    """Least squares on correlated columns with an l1, at coefficients ``begin``."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    y = X[:, :5].sum(axis=1) + rng.normal(size=n)
    X, y = X - X.mean(axis=0), y - y.mean()
    matrix, cross = X.T @ X / n, X.T @ y / n
    terms = PiecewiseQuadratic(share * np.abs(cross).max(), l2)
    w = np.full(p, begin)
    return KinkedModel(GramModel(matrix), terms, w, matrix @ w - cross, y @ y / n)


def violation(place, v):
    slope = place.slope + place.model.product(v - place.v)
    return float(place.terms.subdiff_distance(v, slope).max() / place.terms.l1)


@pytest.mark.parametrize("begin", [0.0, 0.1])
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("share", [0.3, 0.03])
@pytest.mark.parametrize("shape", [(200, 20), (300, 150), (100, 160)])
def test_the_minimum_is_found(shape, share, l2, begin):
    place, start = (place_of(*shape, share, l2, begin) for _ in range(2))
    v = kinked.minimise_kinked(place, shape[0] - 1, 1e-14 * place.gap())
    assert violation(start, v) <= 1e-5
    assert start.rise(v) < 0


@pytest.mark.parametrize("found", [np.nan, 1e3])
def test_sweeps_that_lead_nowhere_are_not_followed(monkeypatch, found):
    def lead_astray(place, target_gap):
        place.move_to(np.full_like(place.v, found))

    monkeypatch.setattr(kinked, "settle_by_sweeps", lead_astray)
    place, start = (place_of(300, 150, 0.03) for _ in range(2))
    v = kinked.minimise_kinked(place, 299, 1e-12 * place.gap())
    assert violation(start, v) <= 1e-5
