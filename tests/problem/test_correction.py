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


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("loss", ["log_loss", "poisson", "multinomial", "huber"])
def test_second_order_of_a_corrected_problem(loss, diagonal):
    """Gradient and Hessian, by coefficients and intercepts, are derivatives of the value."""
    rng, plain = np.random.default_rng(1), make_problem(loss, PENALTIES["l2"])
    p, k = plain.shape
    root, curvature = rng.normal(size=(p, p)), np.diag(rng.uniform(0.1, 1, k))
    scatter = rng.uniform(size=p) if diagonal else root @ root.T
    linear, shift = 0.1 * rng.normal(size=(p, k)), 0.01 * rng.normal(size=k)
    problem = plain.corrected(Correction(linear, shift, scatter, curvature))

    def expanded(joint):
        joint = joint.reshape(p + 1, k)
        data = problem.rows.second_order(joint[:-1], joint[-1])
        return problem.correction.second_order(data, joint[:-1], joint[-1])

    joint, step = np.vstack([make_coef(problem), np.full(k, 0.1)]), rng.normal(size=(p + 1, k))
    found = expanded(joint)
    slope = np.vstack([found.gradient, found.total])
    numeric = central_differences(lambda z: expanded(z).values.sum(), joint)
    np.testing.assert_allclose(slope.ravel(), np.ravel(numeric), rtol=1e-4, atol=1e-7)
    ahead, behind = (expanded(joint + t * step) for t in (1e-5, -1e-5))
    moved = (ahead.gradient - behind.gradient) / 2e-5
    n_coupled = k // len(found.blocks)
    for first, block in zip(range(0, k, n_coupled), found.blocks, strict=True):
        part = step[:, first : first + n_coupled]
        product = block @ np.concatenate([part[:-1].T.ravel(), part[-1]])
        product = product[: p * n_coupled].reshape(n_coupled, p).T
        np.testing.assert_allclose(
            product, moved[:, first : first + n_coupled], rtol=1e-3, atol=1e-5
        )
