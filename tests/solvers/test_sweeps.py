"""Sweeps over single coefficients and damped Newton steps: towards the minimum of a model with
kinks; and coefficients that depend on others."""

import numpy as np
import pytest

from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.dependent import leave_dependent
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import GramModel
from nno_sklearn.solvers.sweeps import pays_sweeps, settle_by_sweeps


def columns(n, p, seed=0):
    """Centred columns with a common part, of unlike sizes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    X *= 10.0 ** rng.uniform(-3, 3, size=p)
    return X - X.mean(axis=0)


def place_of(X, share, l2=0.0, seed=0):
    """The model of least squares at 0, with an l1 in units of the columns' sizes."""
    n, p = X.shape
    y = (X / X.std(axis=0))[:, :5].sum(axis=1) + np.random.default_rng(seed).normal(size=n)
    y -= y.mean()
    size, cross = X.std(axis=0), X.T @ y / n
    terms = PiecewiseQuadratic(share * np.abs(cross / size).max() * size, l2 * size**2)
    return KinkedModel(GramModel(X.T @ X / n), terms, np.zeros(p), -cross, y @ y / n)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("share", [0.3, 0.03, 0.003])
@pytest.mark.parametrize("shape", [(300, 150), (60, 200)])
def test_a_gap_is_reached(shape, share, l2):
    place = place_of(columns(*shape), share, l2)
    first = place.gap()
    assert pays_sweeps(place, shape[0] - 1)
    settle_by_sweeps(place, 0.03 * first)
    assert place.gap() <= 0.03 * first
    slope = place.slope.copy()
    place.move_to(place.v)  # the slope is that of the place
    np.testing.assert_allclose(place.slope, slope, atol=1e-12 * np.abs(slope).max())


def test_units_of_the_columns_do_not_matter():
    X = columns(100, 150)
    found = []
    for factor in (1.0, 2.0 ** np.random.default_rng(1).integers(-9, 9, 150)):
        place = place_of(X * factor, 0.01)
        settle_by_sweeps(place, 1e-3 * place.gap())
        found.append(place.v * factor)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=0)


@pytest.mark.parametrize("apart", [0.0, 1e-7])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_of_columns_that_are_alike_one_is_used(sign, apart):
    X = columns(200, 40)
    copies = X + apart * X.std(axis=0) * np.random.default_rng(1).normal(size=X.shape)
    place = place_of(np.hstack([X, sign * copies]), 0.01)
    settle_by_sweeps(place, 1e-3 * place.gap())
    v = place.v.reshape(2, 40)
    assert v.any() and not (v[0] * v[1]).any()


def test_of_columns_that_are_alike_one_in_use_stays():
    X = columns(200, 40)
    place = place_of(np.hstack([X, X]), 0.01)
    v = np.zeros(80)
    v[40:] = ActiveSets(place_of(X, 0.02), 199).minimise(0.0)
    place.move_to(v)
    settle_by_sweeps(place, 1e-6 * place.gap())
    is_in_use = v[40:] != 0
    assert is_in_use.sum() > 5
    assert not place.v[:40][is_in_use].any() and place.v[40:][is_in_use].any()


def test_columns_without_curvature_stay_at_0():
    place = place_of(columns(100, 60), 0.01)
    matrix, slope = place.model.matrix, place.slope
    matrix[7] = matrix[:, 7] = slope[7] = 0.0
    place = KinkedModel(GramModel(matrix), place.terms, np.zeros(60), slope, 1.0)
    settle_by_sweeps(place, 0.0)
    assert place.v[7] == 0 and np.isfinite(place.v).all()


def test_few_that_enter_are_left_to_active_sets():
    X = columns(300, 150)
    place = place_of(X, 0.03)
    place.move_to(ActiveSets(place, 299).minimise(0.0))
    assert np.count_nonzero(place.v) > 10
    assert not pays_sweeps(place, 299)  # nothing is left to enter
    assert pays_sweeps(place, np.count_nonzero(place.v))  # no room by the rank


def test_nothing_is_swept_with_bounds():
    place = place_of(columns(100, 120), 0.03)
    terms = PiecewiseQuadratic(place.terms.l1, 0.0, lower=0.0)
    bounded = KinkedModel(place.model, terms, place.v, place.slope, 1.0)
    assert pays_sweeps(place, 99) and not pays_sweeps(bounded, 99)


def test_dependent_coefficients_leave_and_predictions_stay():
    rng = np.random.default_rng(0)
    X = columns(30, 20)
    X = np.hstack([X, (X / X.std(axis=0)) @ rng.normal(size=(20, 15))])  # rank 20 of 35
    place = place_of(X, 0.01)
    place.move_to(rng.normal(size=35) / X.std(axis=0))
    before, predictions = place.terms.value(place.v), X @ place.v
    leave_dependent(place, np.inf)
    assert np.count_nonzero(place.v) == 20
    assert np.linalg.matrix_rank((X / X.std(axis=0))[:, place.v != 0]) == 20
    np.testing.assert_allclose(X @ place.v, predictions, atol=1e-9 * np.abs(predictions).max())
    assert place.terms.value(place.v) < before


def test_independent_coefficients_stay():
    place = place_of(columns(100, 30), 0.01)
    v = np.random.default_rng(0).normal(size=30)
    place.move_to(v.copy())
    leave_dependent(place, np.inf)
    assert (place.v == v).all()
