"""MCP, SCAD, groups and tasks: the same optimum as skglm's and celer's."""

import numpy as np
import pytest

from nno_sklearn import MCP, SCAD, GroupLasso, NNORegressor
from tests.peers.packages import assert_same_objective, half_square, numbers, package

ALPHA, SIZE = 0.2, 3
X, Y = numbers()
#: The penalties that are not convex are, with the loss of these rows, of a single optimum.
CONCAVE = {"mcp": MCP(3.0), "scad": SCAD(3.7)}
LIMITS = {"max_iter": 1000, "max_epochs": 100_000, "tol": 1e-10}


def mcp(coef, gamma=3.0):
    size = np.minimum(np.abs(coef), gamma * ALPHA)
    return (ALPHA * size - size**2 / (2 * gamma)).sum()


def scad(coef, gamma=3.7):
    size = np.minimum(np.abs(coef), gamma * ALPHA)
    return (ALPHA * size - np.maximum(size - ALPHA, 0) ** 2 / (2 * (gamma - 1))).sum()


@pytest.mark.parametrize("solver", ["auto", "proximal", "nearest_neighbor"])
@pytest.mark.parametrize("name", CONCAVE)
def test_concave(name, solver):
    with package("skglm") as skglm:
        from skglm import penalties
        from skglm.datafits import Quadratic
        from skglm.solvers import AndersonCD

        penalty = penalties.MCPenalty(ALPHA, 3.0) if name == "mcp" else penalties.SCAD(ALPHA, 3.7)
        of = AndersonCD(fit_intercept=True, **LIMITS)
        theirs = skglm.GeneralizedLinearEstimator(Quadratic(), penalty, of).fit(X, Y)
    ours = NNORegressor(penalty=CONCAVE[name], alpha=ALPHA, solver=solver, tol=1e-10).fit(X, Y)
    loss, value = half_square(X, Y), {"mcp": mcp, "scad": scad}[name]
    assert_same_objective(
        lambda coef, b: loss(coef, b) + value(coef), ours, (theirs.coef_, theirs.intercept_)
    )
    assert 0 < np.count_nonzero(ours.coef_) < X.shape[1]
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("name", ["skglm", "celer"])
def test_group_lasso(name):
    groups = np.arange(X.shape[1]).reshape(-1, SIZE)
    weights = np.array([0.5, 1.0, 2.0, 1.5])
    with package(name) as peer:
        theirs = peer.GroupLasso(groups=SIZE, alpha=ALPHA, weights=weights, **LIMITS).fit(X, Y)
    ours = NNORegressor(
        penalty=GroupLasso(groups.tolist(), weights=weights), alpha=ALPHA, tol=1e-10
    ).fit(X, Y)
    loss = half_square(X, Y)
    assert_same_objective(
        lambda coef, b: (
            loss(coef, b) + ALPHA * weights @ np.linalg.norm(coef.reshape(-1, SIZE), axis=1)
        ),
        ours,
        (theirs.coef_, theirs.intercept_),
    )
    assert 0 < np.count_nonzero(ours.coef_) < X.shape[1]


def test_tasks_of_skglm():
    X, Y = numbers(n_outputs=3)
    with package("skglm") as skglm:
        theirs = skglm.MultiTaskLasso(ALPHA, **LIMITS).fit(X, Y)
    ours = NNORegressor(penalty=GroupLasso("rows"), alpha=ALPHA, tol=1e-10).fit(X, Y)
    assert_same_objective(tasks(X, Y), ours, (theirs.coef_, theirs.intercept_))
    assert 0 < np.count_nonzero(ours.coef_) < ours.coef_.size


def test_tasks_of_celer():
    """By the function of its MultiTaskLasso, which itself asks for an older scikit-learn."""
    X, Y = numbers(n_outputs=3)
    X, Y = np.asfortranarray(X - X.mean(axis=0)), np.asfortranarray(Y - Y.mean(axis=0))
    with package("celer"):
        from celer.homotopy import mtl_path

        coef = mtl_path(X, Y, alphas=[ALPHA], tol=1e-12, max_iter=1000)[1][..., 0]
    ours = NNORegressor(
        penalty=GroupLasso("rows"), alpha=ALPHA, tol=1e-10, fit_intercept=False
    ).fit(X, Y)
    assert_same_objective(tasks(X, Y), ours, (coef, 0.0))


def tasks(X, Y):
    """The multi-task lasso: norms of features over outputs."""
    loss = half_square(X, Y)
    return lambda coef, b: loss(coef, b) + ALPHA * np.linalg.norm(coef, axis=0).sum()
