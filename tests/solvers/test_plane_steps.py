"""Proximal gradient steps with conjugate moves, on models with norms of many groups."""

import numpy as np
import pytest

from nno_sklearn import GroupLasso, NNORegressor
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.problem.cost import most_plane_steps
from nno_sklearn.solvers.plane_steps import PlaneSteps


def _model(l1, n_outputs=3, n_groups=40, seed=0):
    """A positive definite model, and its start at 0: norms, H, slope."""
    rng = np.random.default_rng(seed)
    n_features = 2 * n_groups
    root = rng.normal(size=(3 * n_features, n_features))
    root[:, 1:] += 0.7 * root[:, :-1]
    matrix, labels = root.T @ root / len(root), np.repeat(np.arange(n_groups), 2)
    norms = GroupNorms(labels, rng.uniform(1.0, 4.0, n_groups), l1)
    return norms, matrix, rng.normal(size=(n_features, n_outputs))


@pytest.mark.parametrize("l1", [0.0, 0.3])
def test_steps_end_at_the_optimum(l1):
    norms, matrix, slope = _model(l1)
    diagonal = np.full((len(matrix), 1), matrix.diagonal().max())
    start = np.zeros_like(slope)

    def distance(v, slope):
        return np.abs(norms.subdiff_distance(v, slope)).max()

    steps = PlaneSteps(norms, lambda d: matrix @ d, diagonal, start, slope)
    v, there, is_reached = steps.minimise(distance, 1e-9, 300)
    assert is_reached
    np.testing.assert_allclose(there, slope + matrix @ v, atol=1e-10)
    assert distance(v, slope + matrix @ v) <= 2e-9
    used = norms.norms(v) > 0
    assert used.any() and not used.all()  # groups that are not in use are 0 exactly


def test_steps_end_where_the_gap_does_not_fall():
    norms, matrix, slope = _model(0.0)
    calls = []

    def gap(v, slope):
        calls.append(v)
        return 1.0

    diagonal = np.ones((len(matrix), 1))
    steps = PlaneSteps(norms, lambda d: matrix @ d, diagonal, np.zeros_like(slope), slope)
    _, _, is_reached = steps.minimise(gap, 1e-9, 1000)
    assert not is_reached and len(calls) < 20


def test_few_groups_take_newton_steps():
    assert most_plane_steps(50, 50, 1, 200, (200, 20)) == 0
    assert most_plane_steps(3000, 3000, 1, 1000, (5000, 20)) > 0


@pytest.mark.parametrize(("l1_ratio", "fit_intercept"), [(0.0, False), (0.3, True)])
def test_many_tasks_with_many_features_in_use(l1_ratio, fit_intercept, monkeypatch):
    reached = []
    minimise = PlaneSteps.minimise
    monkeypatch.setattr(
        PlaneSteps,
        "minimise",
        lambda *given: reached.append(minimise(*given)) or reached[-1],
    )
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(500, 1500)), rng.normal(size=(500, 4))
    y = X[:, :500] @ rng.normal(size=(500, 4)) + noise
    given = {"penalty": GroupLasso(l1_ratio=l1_ratio), "fit_intercept": fit_intercept}
    loose, exact = (NNORegressor(alpha=0.05, tol=tol, **given).fit(X, y) for tol in (1e-2, 1e-4))
    assert reached
    assert loose.converged_ and exact.converged_
    assert (exact.coef_ != 0).any(axis=0).sum() > 200
    above = (loose.objective_ - exact.objective_) / exact.objective_
    assert -1e-4 <= above <= 1.1e-2  # each is within its own tolerance
