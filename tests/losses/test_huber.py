"""Huber's loss where its parabola is narrow beside the targets: solved as a loss with a corner."""

import numpy as np
import pytest

from nno_sklearn import SLOPE, FusedLasso, GroupLasso, NNORegressor, NNOSearchCV, check_loss
from nno_sklearn.losses import Huber
from nno_sklearn.losses.regression import HuberEnvelope
from nno_sklearn.penalties import L1, L2, MCP
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


@pytest.mark.parametrize("delta", [1e-2, 1e-4, 1e-7])
@pytest.mark.parametrize("penalty", ["l1", SLOPE(), FusedLasso(), GroupLasso([[0, 1, 2]])])
@pytest.mark.parametrize("n_rows", [5, 20])
def test_a_delta_below_all_residuals_is_that_many_absolute_errors(penalty, delta, n_rows):
    X, y = WIDE[:n_rows], targets(WIDE, 2, 1.0)[:n_rows]
    given = {"penalty": penalty, "tol": 1e-8, "max_iter": 200}
    model = NNORegressor(Huber(delta), alpha=0.1 * delta, **given).fit(X, y)
    lines = NNORegressor("absolute_error", alpha=0.1, **given).fit(X, y)
    assert model.converged_ and model.dual_gap_ <= 1e-8 * model.objective_
    below = delta * lines.objective_ - model.objective_  # by delta^2 / 2 for each entry at most
    rounding = 2e-8 * model.objective_
    assert -rounding <= below <= delta**2 + rounding


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_delta_and_targets_in_another_unit(unit):
    y = targets(WIDE, 1, 1.0)
    one = NNORegressor(Huber(1e-3), penalty="l1", alpha=1e-4).fit(WIDE, y)
    other = NNORegressor(Huber(1e-3 * unit), penalty="l1", alpha=1e-4 * unit).fit(WIDE, unit * y)
    assert other.n_iter_ == one.n_iter_
    np.testing.assert_allclose(other.coef_, unit * one.coef_, rtol=1e-6, atol=1e-8 * unit)


@pytest.mark.parametrize("penalty", ["l2", "l1", "group_lasso"])
@pytest.mark.parametrize("often", [0.0, 1e5])
def test_rows_of_equal_targets_tell_nothing_of_the_others(penalty, often):
    y = targets(WIDE, 1, 1e5)
    y[np.random.default_rng(1).random(len(y)) < 0.6] = often
    alpha = 0.01 * steepest(WIDE, y) / (1e5 if penalty == "l2" else 1.0)
    assert is_nearly_sharp(pose(WIDE, y[:, None], Huber(), L1(), alpha))
    model = NNORegressor("huber", penalty=penalty, alpha=alpha, max_iter=200).fit(WIDE, y)
    assert model.converged_ and model.n_iter_ < 100


def test_the_one_row_on_the_parabola_of_three_is_the_intercepts_own():
    X, y = WIDE[:3, :8], targets(WIDE, 2, 1.0)[:3]
    assert is_nearly_sharp(pose(X, y, Huber(0.05), L1(), 1e-4))
    model = NNORegressor(Huber(0.05), penalty="l1", alpha=1e-5, max_iter=200).fit(X, y)
    assert model.converged_


def test_a_few_targets_far_out_make_no_corner():
    y = targets(TALL, 1, 1.0)
    y[:10] *= 1e6
    assert not is_nearly_sharp(pose(TALL, y[:, None], Huber(), L1(), 0.1))


def test_a_search():
    search = NNOSearchCV(NNORegressor("huber", penalty="l1"), alphas=5, cv=3)
    search.fit(WIDE, targets(WIDE, 1, 1e5))
    assert search.cv_results_["mean_converged"].all()


@pytest.mark.parametrize(("unit", "expected"), [(0.1, False), (1.0, False), (1e4, True)])
def test_which_parabolas_are_narrow(unit, expected):
    problem = pose(TALL, targets(TALL, 3, unit), Huber(), L2(), 0.1)
    assert is_nearly_sharp(problem) is expected
    assert not is_nearly_sharp(pose(TALL, problem.rows.y, Huber(), MCP(), 0.1))
