"""Directions that neither rows nor penalty hold, in float64 and in the precision of float32."""

import numpy as np
import pytest

from nno_sklearn import L1, L2, ElasticNet, FusedLasso, GroupLasso, NNOClassifier, NNORegressor

#: Size that no coefficient needs to explain the data.
LARGE = 1e3


def models(*losses):
    classifier = ("squared_hinge", "log_loss", "modified_huber", "hinge")
    return [
        pytest.param(NNOClassifier(loss) if loss in classifier else NNORegressor(loss), id=loss)
        for loss in losses
    ]


def check_same(model, X, y):
    """A float32 fit is as good as one of float64, and as small."""
    expected = model.fit(X.astype(float), y).objective_
    model.fit(X.astype(np.float32), y)
    assert model.converged_
    assert np.abs(model.coef_).max() < LARGE
    assert model.objective_ == pytest.approx(expected, rel=2e-4, abs=1e-9)


@pytest.mark.parametrize(
    "model", models("squared_hinge", "log_loss", "gamma", "squared_epsilon_insensitive")
)
@pytest.mark.parametrize("seed", range(2))
def test_level_of_one_hot_columns(model, seed):
    # Columns that sum to 1, as the intercept's: total variation does not pull at their level.
    rng = np.random.default_rng(seed)
    X = np.eye(6)[rng.integers(6, size=100)]
    is_classifier = isinstance(model, NNOClassifier)
    y = rng.integers(2, size=100) if is_classifier else rng.gamma(2.0, size=100)
    check_same(model.set_params(penalty=FusedLasso(0), alpha=1e-3), X, y)


def wide(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 20))
    return X, X @ rng.normal(size=20) / 4 + 0.5 * rng.normal(size=8)


@pytest.mark.parametrize(
    "penalty",
    [
        ElasticNet(weights=[0.0] * 10 + [1.0] * 10),
        GroupLasso([range(10), range(10, 20)], weights=[0.0, 1.0]),
    ],
    ids=["coefficients", "group"],
)
@pytest.mark.parametrize("model", models("squared_error", "modified_huber", "squared_hinge"))
@pytest.mark.parametrize("seed", range(3))
def test_more_free_features_than_rows(model, penalty, seed):
    X, y = wide(seed)
    if isinstance(model, NNOClassifier):
        y = np.arange(8) % 3
    check_same(model.set_params(penalty=penalty, alpha=0.1), X, y)


@pytest.mark.parametrize("loss", ["huber", "quantile"])
@pytest.mark.parametrize("seed", [2, 7, 12, 22, 53])
def test_an_output_whose_rows_are_far_does_not_wait_for_the_others(loss, seed):
    # Rows far from a target have no curvature, and models of their output no minimum.
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(5, 6)), np.round(4 * rng.normal(size=(5, 2)))
    model = NNORegressor(loss, penalty=L2(lower=-0.3), alpha=0.0)
    apart = [model.fit(X, y).objective_ for y in Y.T]
    null = NNORegressor(loss, penalty=L2(lower=0.0, upper=0.0), alpha=0.0).fit(X, Y).objective_
    assert model.fit(X, Y).converged_
    assert model.objective_ == pytest.approx(sum(apart), rel=2e-4, abs=2e-6 * null)


@pytest.mark.parametrize("penalty", [L1, L2])
@pytest.mark.parametrize("model", models("squared_error", "huber", "quantile", "log_loss", "hinge"))
def test_dependent_features_without_a_penalty_are_shortest(model, penalty):
    # As with no penalty at all: which optimum it is depends neither on the solver nor on the dtype.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    X[:, 1] = 2 * X[:, 0]
    y = X @ [1.0, 1.0, 0.5, 0.0, 0.0] + rng.normal(size=60)
    y = (y > 0).astype(int) if isinstance(model, NNOClassifier) else y
    model.set_params(penalty=penalty(weights=[0.0, 0.0, 1.0, 1.0, 1.0]), alpha=0.05)
    for solver in ("auto", "proximal"):
        for dtype in (float, np.float32):
            coef = model.set_params(solver=solver).fit(X.astype(dtype), y).coef_.ravel()
            assert coef[1] == pytest.approx(2 * coef[0], rel=1e-3)
