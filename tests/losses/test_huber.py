"""Huber's loss where its parabola is narrow beside the targets: solved as a loss with a corner."""

import numpy as np
import pytest

from nno_sklearn import GroupLasso, NNORegressor, NNOSearchCV, check_loss
from nno_sklearn.losses import Huber
from nno_sklearn.losses.regression import HuberEnvelope
from nno_sklearn.penalties import L2, MCP
from nno_sklearn.problem.cost import is_nearly_sharp
from tests.problems import pose

RNG = np.random.default_rng(0)
WIDE, TALL = RNG.normal(size=(40, 60)), RNG.normal(size=(150, 20))
CASES = [(penalty, X) for penalty in ("l2", "l1", GroupLasso()) for X in (WIDE, TALL)] + [
    (None, TALL)
]
NOISE = {len(X): RNG.normal(size=(len(X), 3)) for X in (WIDE, TALL)}


def targets(X, n_outputs, unit):
    y = X[:, :10] @ np.cos(np.arange(30.0)).reshape(10, 3) + NOISE[len(X)]
    return unit * (y[:, 0] if n_outputs == 1 else y[:, :n_outputs])


def steepest(X, y):
    """The largest slope of the constant model, nearly all of whose residuals are on the lines."""
    return 1.35 * np.abs(X.T @ np.sign(y - np.median(y, axis=0))).max() / len(X)


def test_contract_of_the_envelope():
    y = RNG.normal(size=(20, 1))
    check_loss(HuberEnvelope(0.7, 2.0), y)


@pytest.mark.parametrize("width", [0.1, 1.0, 30.0])
def test_the_envelope_is_the_least_of_the_loss_and_a_parabola(width):
    y, eta = np.zeros((9, 1)), np.linspace(-8, 8, 9)[:, None]
    z = np.linspace(-10, 10, 20001)
    least = (Huber(0.7).value(y, z[None]) + (eta - z) ** 2 / (2 * width)).min(axis=1, keepdims=True)
    np.testing.assert_allclose(HuberEnvelope(0.7, width).value(y, eta), least, atol=1e-5)


@pytest.mark.parametrize("unit", [1e2, 1e5, 1e9])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(("penalty", "X"), CASES)
def test_fits_of_targets_in_a_small_unit_end(penalty, X, n_outputs, unit):
    y = targets(X, n_outputs, unit)
    alpha = 0.03 * steepest(X, y) / (unit if penalty == "l2" else 1.0)
    model = NNORegressor("huber", penalty=penalty, alpha=alpha, max_iter=200).fit(X, y)
    assert model.converged_ and model.loss_.get_params() == Huber().get_params()
    residual = (model.predict(X) - y).reshape(len(X), -1)
    losses = Huber().value(np.zeros_like(residual), residual).sum() / len(X)
    assert losses <= model.objective_ * (1 + 1e-9)
    if penalty in ("l1", None):
        expected = losses + (alpha * np.abs(model.coef_).sum() if penalty else 0.0)
        assert model.objective_ == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("solver", ["gd", "nearest_neighbor", "proximal"])
def test_solvers_agree(solver):
    y = targets(TALL, 1, 1e5)
    given = {"alpha": 1e-7, "tol": 1e-8, "max_iter": 2000}
    one, other = (NNORegressor("huber", solver=s, **given).fit(TALL, y) for s in (solver, "auto"))
    assert one.objective_ == pytest.approx(other.objective_, rel=2e-8)


def test_a_search():
    search = NNOSearchCV(NNORegressor("huber", penalty="l1"), alphas=5, cv=3)
    search.fit(WIDE, targets(WIDE, 1, 1e5))
    assert search.cv_results_["mean_converged"].all()


@pytest.mark.parametrize(("unit", "expected"), [(0.1, False), (1.0, False), (1e4, True)])
def test_which_parabolas_are_narrow(unit, expected):
    problem = pose(TALL, targets(TALL, 3, unit), Huber(), L2(), 0.1)
    assert is_nearly_sharp(problem) is expected
    assert not is_nearly_sharp(pose(TALL, problem.rows.y, Huber(), MCP(), 0.1))
