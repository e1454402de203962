"""Penalties with a shape, as users write them: weights, outputs and features tied together, bounds.

That a fit is at its optimum is checked by the conditions of optimality, with gradients of our own.
"""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso, MultiTaskLasso

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV, Penalty, check_penalty

RNG = np.random.default_rng(0)
N, P = 120, 6
X = RNG.normal(size=(N, P)) * [1, 3, 0.5, 1, 2, 1]
X[:, 5] = X[:, 1] + 0.3 * RNG.normal(size=N)
TRUE = RNG.normal(size=(P, 3)) * (RNG.random((P, 1)) < 0.6)
NUMBERS = X @ TRUE + 0.5 * RNG.normal(size=(N, 3))
KINDS = (NUMBERS + RNG.normal(size=(N, 3))).argmax(axis=1)
WEIGHTS = np.array([0.0, 1.0, 2.0, 0.5, 4.0, 1.0])
GROUPS = np.array([0, 1, 0, 2, 2, 1])
ALPHA = 0.05


class WeightedL1(Penalty):
    """``sum_j weights_j |w_j|``."""

    def __init__(self, weights):
        self.weights = weights

    def restrict(self, features, outputs):
        return WeightedL1(self.weights[features])

    def value(self, w):
        return float((self.weights[:, None] * np.abs(w)).sum())

    def prox(self, w, step):
        return np.sign(w) * np.maximum(np.abs(w) - step * self.weights[:, None], 0.0)

    def violation(self, w, gradient):
        weight = self.weights[:, None]
        inside = np.maximum(np.abs(gradient) - weight, 0.0)
        return np.where(w == 0, inside, np.abs(gradient + weight * np.sign(w))).max()


class RowNorms(Penalty):
    """``sum_j |w_j|_2``, each over the outputs of a feature."""

    is_separate = False

    def value(self, w):
        return float(np.linalg.norm(w, axis=1).sum())

    def prox(self, w, step):
        size = np.linalg.norm(w, axis=1, keepdims=True)
        return w * np.maximum(1 - step / np.where(size > 0, size, 1.0), 0.0)

    def conjugate(self, z):
        return 0.0 if np.linalg.norm(z, axis=1).max() <= 1 + 1e-12 else np.inf

    def dual_scaling(self, z):
        return 1 / max(1.0, np.linalg.norm(z, axis=1).max())

    def violation(self, w, gradient):
        size = np.linalg.norm(w, axis=1, keepdims=True)
        inside = np.maximum(np.linalg.norm(gradient, axis=1) - 1.0, 0.0)
        at = np.linalg.norm(gradient + w / np.where(size > 0, size, 1.0), axis=1)
        return np.where(size[:, 0] > 0, at, inside).max()


class GroupNorms(Penalty):
    """``sum_g |w_g|_2`` over groups of features, for one output."""

    def __init__(self, labels):
        self.labels = labels

    @property
    def groups(self):
        return self.labels

    def restrict(self, features, outputs):
        return type(self)(np.unique(self.labels[features], return_inverse=True)[1])

    def _sizes(self, w):
        return np.sqrt(np.bincount(self.labels, (w**2).sum(axis=1)))

    def value(self, w):
        return float(self._sizes(w).sum())

    def prox(self, w, step):
        size = self._sizes(w)[self.labels][:, None]
        return w * np.maximum(1 - step / np.where(size > 0, size, 1.0), 0.0)

    def violation(self, w, gradient):
        size = self._sizes(w)[self.labels][:, None]
        at = self._sizes(gradient + w / np.where(size > 0, size, 1.0))
        return np.where(self._sizes(w) > 0, at, np.maximum(self._sizes(gradient) - 1.0, 0.0)).max()


class Box(Penalty):
    """0 between two bounds, inf outside."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def feasible_start(self, shape):
        return np.full(shape, np.clip(0.0, self.low, self.high))

    def value(self, w):
        return 0.0 if ((w >= self.low) & (w <= self.high)).all() else np.inf

    def prox(self, w, step):
        return np.clip(w, self.low, self.high)

    def violation(self, w, gradient):
        assert w.min() >= self.low and w.max() <= self.high
        up, down = np.minimum(gradient, 0.0), np.maximum(gradient, 0.0)
        moves = np.where(w < self.high, -up, 0.0) + np.where(w > self.low, down, 0.0)
        return moves.max()


PENALTIES = {
    "weights": WeightedL1(WEIGHTS),
    "rows": RowNorms(),
    "groups": GroupNorms(GROUPS),
    "box": Box(0.1, 1.0),
    "bounds": Box(-0.5, 0.5),
}
TARGETS = {
    "squared_error": NUMBERS[:, 0],
    "huber": NUMBERS[:, 0],
    "poisson": np.exp(np.clip(NUMBERS[:, 0] / 4, -3, 3)),
    "several": NUMBERS,
    "two": KINDS == 0,
    "three": KINDS,
}


def make(target, **params):
    if target in ("two", "three"):
        return NNOClassifier(alpha=ALPHA, **params)
    loss = "squared_error" if target == "several" else target
    return NNORegressor(loss, alpha=ALPHA, **params)


def violation(model, penalty, rows, y):
    """Distance from the conditions of optimality, relative to the gradient of the null model."""
    if model.loss_.__class__.__name__ == "MultinomialLogLoss":
        y = (y[:, None] == model.classes_).astype(float)
    y = np.asarray(y, dtype=float).reshape(N, -1)
    coef = np.atleast_2d(model.coef_).T
    gradient = rows.T @ model.loss_.gradient(y, rows @ coef + model.intercept_) / N
    null = rows.T @ model.loss_.gradient(y, np.zeros_like(y)) / N
    return penalty.violation(coef, gradient / ALPHA) * ALPHA / np.abs(null).max()


@pytest.mark.pairwise
@pytest.mark.parametrize(
    ("solver", "container"),
    [("auto", sparse.csr_array), ("proximal", np.asarray), ("nearest_neighbor", np.asarray)],
)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PENALTIES)
def test_fits_are_optimal(name, target, solver, container):
    penalty = PENALTIES[name]
    if name == "groups" and target in ("several", "three"):
        pytest.skip("this one ties the features of one output together")
    model = make(target, penalty=penalty, solver=solver, tol=1e-8).fit(
        container(X), TARGETS[target]
    )
    assert model.converged_
    assert violation(model, penalty, X, TARGETS[target]) < 1e-5
    if name == "rows":
        assert model.dual_gap_ <= 1e-7
    else:
        assert model.dual_gap_ == np.inf


def test_weights_are_a_scaling_of_the_columns():
    weights = np.array([0.2, 1.0, 2.0, 0.5, 4.0, 1.0])
    model = NNORegressor(penalty=WeightedL1(weights), alpha=ALPHA, tol=1e-8)
    plain = Lasso(ALPHA, tol=1e-14, max_iter=100_000).fit(X / weights, NUMBERS[:, 0])
    np.testing.assert_allclose(model.fit(X, NUMBERS[:, 0]).coef_, plain.coef_ / weights, atol=1e-4)


def test_rows_are_the_multi_task_lasso():
    model = NNORegressor(penalty=RowNorms(), alpha=0.5, tol=1e-8).fit(X, NUMBERS)
    theirs = MultiTaskLasso(0.5, tol=1e-14, max_iter=100_000).fit(X, NUMBERS)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-4)


def test_more_features_than_a_working_set():
    wide = np.random.default_rng(1).normal(size=(60, 300))
    weights = np.linspace(0.5, 2.0, 300)
    y = wide[:, 0] - wide[:, 299]
    model = NNORegressor(penalty=WeightedL1(weights), alpha=0.05, tol=1e-8).fit(wide, y)
    plain = Lasso(0.05, tol=1e-12, max_iter=100_000).fit(wide / weights, y)
    np.testing.assert_allclose(model.coef_, plain.coef_ / weights, atol=1e-4)


def test_a_search_over_strengths():
    search = NNOSearchCV(NNORegressor(penalty=Box(0.1, 1.0)), {"alpha": [0.1, 1.0]}, cv=3)
    assert search.fit(X, NUMBERS[:, 0]).best_estimator_.coef_.min() >= 0.1


@pytest.mark.parametrize("name", ["rows", "box", "bounds"])
def test_the_contract_knows_shapes(name):
    check_penalty(PENALTIES[name])


def test_a_start_that_is_not_allowed_is_told():
    class Hole(Box):
        def feasible_start(self, shape):
            return np.zeros(shape)

    with pytest.raises(ValueError, match="is inf where all coefficients are 0.*feasible_start"):
        NNORegressor(penalty=Hole(0.1, 1.0)).fit(X, NUMBERS[:, 0])
