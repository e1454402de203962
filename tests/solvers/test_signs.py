"""Guesses of all signs at once: the minimum of a model with kinks, or nothing."""

import numpy as np
import pytest

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers import signs
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import GramModel
from nno_sklearn.solvers.signs import settled_signs


def model(n, p, correlation, seed):
    """A Gram matrix of columns with a common part, of unlike sizes, and its products with y."""
    rng = np.random.default_rng(seed)
    X = np.sqrt(1 - correlation) * rng.normal(size=(n, p))
    X += np.sqrt(correlation) * rng.normal(size=(n, 1))
    y = X[:, :3] @ rng.normal(size=3) + rng.normal(size=n)
    X *= 10.0 ** rng.uniform(-3, 3, size=p)
    X, y = X - X.mean(axis=0), y - y.mean()
    return X.T @ X / n, X.T @ y / n


def violation(matrix, cross, terms, v):
    """Largest violation of optimality, in units in which columns have curvature 1."""
    size = np.sqrt(matrix.diagonal() + terms.l2)
    return float((terms.subdiff_distance(v, matrix @ v - cross) / size).max())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
def test_guesses_settle_at_the_minimum(share, correlation, seed):
    matrix, cross = model(200, 30, correlation, seed)
    size = np.sqrt(matrix.diagonal())
    l1 = share * np.abs(cross / size).max() * size  # of standardised columns
    for terms in (
        PiecewiseQuadratic(l1),
        PiecewiseQuadratic(l1, 0.1 * size**2),
        PiecewiseQuadratic(np.where(np.arange(30) < 4, 0.0, l1)),
    ):
        v = settled_signs(matrix, terms, np.zeros(30), -cross)
        assert violation(matrix, cross, terms, v) <= 1e-12 * np.abs(cross / size).max()
        w = np.where(np.arange(30) % 3, 0.0, 1.0 / size)  # another place of the same model
        again = settled_signs(matrix, terms, w, matrix @ w - cross)
        assert again is not None
        np.testing.assert_allclose(again * size, v * size, atol=1e-9)
        assert ((again == 0) == (v == 0)).all()


def test_the_first_guess_is_that_nothing_changes(returned):
    """Far from a minimum by size, but not by signs, one factor is enough."""
    matrix, cross = model(200, 30, 0.95, 0)
    terms = PiecewiseQuadratic(0.1 * np.abs(cross))
    v = settled_signs(matrix, terms, np.zeros(30), -cross)
    factors, w = returned(signs, "dposv"), 0.5 * v
    again = settled_signs(matrix, terms, w, matrix @ w - cross)
    assert len(factors) == 1
    np.testing.assert_allclose(again, v, rtol=1e-9)


def test_columns_that_are_alike_are_left_to_active_sets():
    matrix, cross = model(50, 4, 0.3, 0)
    alike = np.r_[np.arange(4), 0]
    matrix, cross = matrix[np.ix_(alike, alike)], cross[alike]
    terms = PiecewiseQuadratic(0.01 * np.abs(cross).min())
    assert settled_signs(matrix, terms, np.zeros(5), -cross) is None
    v = ActiveSets(KinkedModel(GramModel(matrix), terms, np.zeros(5), -cross, 1.0), 4).minimise(
        1e-14
    )
    assert violation(matrix, cross, terms, v) <= 1e-7 * np.abs(cross).max()


def test_columns_without_curvature_stay_at_0():
    matrix, cross = model(50, 4, 0.3, 0)
    matrix[2] = matrix[:, 2] = cross[2] = 0.0
    for l1 in (0.0, 1e-3):
        v = settled_signs(matrix, PiecewiseQuadratic(l1), np.zeros(4), -cross)
        assert v[2] == 0 and np.count_nonzero(v) == 3


def test_nothing_enters_where_the_penalty_is_too_strong():
    matrix, cross = model(50, 4, 0.3, 0)
    terms = PiecewiseQuadratic(2.0 * np.abs(cross).max())
    assert not settled_signs(matrix, terms, np.zeros(4), -cross).any()
    v = settled_signs(matrix, terms, np.full(4, 1.0), matrix @ np.full(4, 1.0) - cross)
    assert not v.any()
