"""Models with norms of groups: steps in the sizes of groups that interact."""

import numpy as np
import pytest
from scipy.optimize import nnls

from benchmarks import data
from nno_sklearn import GroupLasso, NNOClassifier, NNORegressor
from nno_sklearn.solvers.groups import _nonnegative_step

ONE_LARGE = [list(range(50)), *([j] for j in range(50, 300))]


@pytest.mark.parametrize("seed", range(20))
def test_step_is_the_best_that_leaves_no_size_below_0(seed):
    rng = np.random.default_rng(seed)
    n = 30
    root = rng.normal(size=(n + 2, 5)) @ rng.normal(size=(5, n)) + 0.1 * rng.normal(size=(n + 2, n))
    curvature, right = root.T @ root, rng.normal(size=n)
    sizes = np.where(rng.random(n) < 0.5, 0.0, rng.random(n))
    lower = np.linalg.cholesky(curvature)
    best = nnls(lower.T, np.linalg.solve(lower, right + curvature @ sizes))[0]
    step = _nonnegative_step(curvature, right, sizes)
    np.testing.assert_allclose(sizes + step, best, atol=1e-8 * best.max())


@pytest.mark.parametrize(("n", "alpha"), [(60, 0.01), (60, 0.04), (2500, 0.03)])
@pytest.mark.parametrize("groups", [ONE_LARGE, [[j, j + 1] for j in range(0, 300, 2)]])
def test_groups_that_interact(n, alpha, groups):
    """Sizes that fell to 0 may grow again within a step: else it leads up, and the fit ends."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 30)) @ rng.normal(size=(30, 300)) + 0.01 * rng.normal(size=(n, 300))
    y = X[:, :20] @ rng.normal(size=20) + rng.normal(size=n)
    X, y = X / X.std(), y / y.std()
    model = NNORegressor(penalty=GroupLasso(groups), alpha=alpha, tol=1e-8).fit(X, y)
    assert model.status_.value == "converged" and model.optimality_ <= 1e-8
    assert model.n_iter_ <= 12


@pytest.mark.parametrize("rank", [8, 30, 60])
@pytest.mark.parametrize("seed", range(5))
def test_sizes_of_groups_that_rows_hardly_tell_apart_are_the_best(rank, seed):
    """Block pivots go in circles there; the optimality conditions of the step."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(rank, 60)) + 2.0
    curvature = root.T @ root * np.outer(scale := 10.0 ** rng.uniform(-3, 3, 60), scale)
    right, sizes = curvature @ rng.normal(size=60), np.maximum(rng.normal(size=60), 0.0) / scale
    step = _nonnegative_step(curvature, right, sizes)
    new, slack = sizes + step, (right - curvature @ step) / scale
    size = np.abs(right / scale).max()
    assert (new >= 0).all() and slack.max() <= 1e-6 * size
    assert np.abs(slack * new * scale).max() <= 1e-6 * size * np.abs(new * scale).max()


@pytest.mark.parametrize("loss", ["modified_huber", "squared_hinge"])
def test_columns_that_resemble_each_other_take_few_iterations(loss):
    """Fits stalled after 150 iterations of 200 factors each, when block pivots went in circles."""
    X, y = data.wide_classes(60, 1000, 2)
    penalty = GroupLasso(np.arange(1000).reshape(-1, 5).tolist())
    model = NNOClassifier(loss, penalty=penalty, alpha=0.001, tol=1e-6, random_state=0).fit(X, y)
    assert model.converged_ and model.n_iter_ <= 20


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.1])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "modified_huber"])
def test_classes_that_share_groups_alone_take_few_iterations(loss, alpha, l1_ratio):
    """Each class has a Hessian of its own; their models, too large for one matrix, were left to
    thousands of proximal gradient steps."""
    X, y = data.wide_classes(40, 600, 4)
    penalty = GroupLasso(np.arange(600).reshape(-1, 5).tolist(), l1_ratio=l1_ratio)
    model = NNOClassifier(loss, penalty=penalty, alpha=alpha, random_state=0).fit(X, y)
    assert model.converged_ and model.n_iter_ <= 40


def test_targets_that_share_groups_alone_stay_where_models_hold():
    """At the constant model most rows are on the flat parts of the loss: models without curvature
    there had no minimum to speak of."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 300))
    Y = X[:, :10] @ rng.normal(size=(10, 12)) + rng.normal(size=(40, 12))
    penalty = GroupLasso(np.arange(300).reshape(-1, 5).tolist())
    model = NNORegressor("huber", penalty=penalty, alpha=0.02, tol=1e-6).fit(X, Y)
    assert model.converged_ and model.n_iter_ <= 12


@pytest.mark.parametrize("share", [0.01, 0.03])
@pytest.mark.parametrize("seed", [0, 1, 4, 5])
def test_quantiles_of_amounts_that_are_mostly_0(seed, share):
    """The gap of a model was there far smaller than that of the objective: models ended where they
    began, and fits stalled."""
    rng = np.random.default_rng(seed)
    X = np.hstack([np.eye(20)[rng.integers(20, size=300)] for _ in range(4)])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = rng.exponential(size=300) * (rng.random(300) < 0.15) * np.exp(0.5 * rng.normal(size=300))
    y /= y.std()
    alpha = share * np.abs(X.T @ (y - y.mean())).max() / 300
    penalty = GroupLasso(np.arange(80).reshape(-1, 5).tolist())
    model = NNORegressor("quantile", penalty=penalty, alpha=alpha).fit(X, y)
    assert model.converged_ and model.optimality_ <= 1e-4
