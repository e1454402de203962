"""Problems with a correction: value, gradient and lines agree with each other."""

import numpy as np
import pytest

from nno_sklearn.problem import Correction
from tests.problems import LOSSES, PENALTIES, central_differences, make_coef, make_problem


@pytest.mark.pairwise
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_corrected_problem(loss, penalty, diagonal):
    """Value, gradient and lines of a problem with a correction agree with each other."""
    rng, plain = np.random.default_rng(0), make_problem(loss, PENALTIES[penalty])
    p, k = plain.shape
    root, curvature = rng.normal(size=(p, p)), np.diag(rng.uniform(0.1, 1, k))
    scatter = rng.uniform(size=p) if diagonal else root @ root.T
    shift = 0.01 * rng.normal(size=k)
    shift -= shift.mean() if not plain.is_separate else 0.0
    correction = Correction(0.1 * rng.normal(size=(p, k)), shift, scatter, curvature)
    problem = plain.corrected(correction)
    coef = make_coef(problem)
    point = problem.at(coef)
    assert point.dual_gap == np.inf
    numeric = central_differences(lambda w: problem.at(w).data_loss, coef)
    np.testing.assert_allclose(point.data_gradient, numeric.reshape(p, k), rtol=1e-4, atol=1e-7)
    line = point.towards(make_coef(problem, seed=5))
    t = np.full(k if problem.is_separate else 1, 0.3)
    if problem.is_smooth:
        first, _ = line.derivatives(t)
        rise = (line.value(t + 1e-5) - line.value(t - 1e-5)) / 2e-5
        assert first.sum() == pytest.approx(rise, rel=1e-4, abs=1e-7)
    # In the user's terms: centring moves a part of the intercept's term.
    if problem.is_separate:
        losses = plain.rows.values(point.raw, point.intercept).sum()
        added = correction.values(coef).sum() + shift @ problem.outer_intercept(point)
        assert point.data_loss == pytest.approx(losses + added)
