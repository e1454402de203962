"""`tol` is a share of the objective that is reached, so that solvers agree wherever they stop."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor

SOLVERS = ("gd", "nearest_neighbor", "proximal")
TOL = 1e-4


def wide(n=60, p=400):
    """Wide rows of few factors: the optimum is far below the constant model's objective."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n, 10))
    X = factors @ rng.normal(size=(10, p)) + 0.5 * rng.normal(size=(n, p))
    return StandardScaler().fit_transform(X), factors[:, 0] + 0.3 * rng.normal(size=n)


CASES = [
    pytest.param(NNORegressor(), lambda y: y, id="squared_error"),
    pytest.param(NNORegressor("huber"), lambda y: y, id="huber"),
    pytest.param(NNOClassifier(), lambda y: y > 0, id="log_loss"),
    pytest.param(NNOClassifier("squared_hinge"), lambda y: y > 0, id="squared_hinge"),
    pytest.param(NNOClassifier(), lambda y: np.digitize(y, [-0.7, 0.7]), id="multinomial"),
]


@pytest.mark.parametrize(("model", "target_of"), CASES)
def test_solvers_agree_where_the_optimum_is_far_below_the_constant_model(model, target_of):
    X, y = wide()
    y = target_of(y)
    given = {"tol": TOL, "random_state": 0}  # cells may be drawn that begin near the optimum
    fits = [clone(model).set_params(solver=name, **given).fit(X, y) for name in SOLVERS]
    lowest = max(fit.objective_ - fit.dual_gap_ for fit in fits)
    for fit in fits:
        assert fit.converged_
        assert fit.objective_ < 0.01 * fit.history_[0].objective
        assert fit.objective_ - lowest <= TOL * fit.objective_
        assert fit.optimality_ == pytest.approx(fit.dual_gap_ / fit.objective_)


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_optimum_of_0_is_reached(solver):
    X, y = wide()
    fit = NNORegressor(penalty=None, solver=solver, tol=TOL).fit(X, y)
    assert fit.converged_ and fit.objective_ < 1e-12 * np.var(y)


def test_a_gap_falls_on_where_rounding_hides_the_objective():
    """A duality gap of l1 is of first order in the gradient, what is left to gain of second."""
    X, y = load_wine(return_X_y=True)
    fit = NNOClassifier(penalty="l1", alpha=1e-4, tol=1e-7).fit(X, y)
    assert fit.converged_ and fit.n_passes_ < 1000


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_clock_of_a_history_goes_on_to_the_coefficients_that_are_returned(dtype):
    X, y = load_digits(return_X_y=True)
    model = NNOClassifier(alpha=1e-2).fit(X.astype(dtype), y)
    seconds = [record.seconds for record in model.history_]
    assert seconds == sorted(seconds)
