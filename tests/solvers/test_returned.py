"""What is returned: coefficients in the precision of X, never worse than none."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse, special
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import NNORegressor
from nno_sklearn.penalties import GroupLasso


def test_coefficients_beyond_float32_are_no_infinities():
    """They were inf, the intercept and the objective nan."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = (X[:, 0] + 0.01 * rng.normal(size=50)) * 1e15
    model = NNORegressor(penalty=None)
    with pytest.warns(ConvergenceWarning, match="not in the precision of the coefficients"):
        model.fit((X * 1e-30).astype(np.float32), y)
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_)
    assert model.objective_ <= 0.5 * y.var() * (1 + 1e-6)
    assert not model.converged_


def _far_away(n=8, seed=0):
    """Columns far from 0, two of which are nearly equal, and counts that they fit exactly."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n - 1)) * np.r_[1e-3, np.ones(n - 2)] + 1e9
    X = np.column_stack([X, X[:, 0] + 1e-6 * rng.normal(size=n)])
    return X, 30.0 * rng.poisson(3.0, n)


@pytest.mark.parametrize("loss", ["poisson", "absolute_error", "concomitant_huber"])
@pytest.mark.parametrize("seed", range(3))
def test_the_objective_is_that_of_the_stored_intercept(loss, seed):
    """A large one is rounded, and with it all raw predictions."""
    X, y = _far_away(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = NNORegressor(loss, penalty=None, tol=1e-9, random_state=0).fit(X, y)
    pairs = [
        [Fraction(x) * Fraction(w) for x, w in zip(row, model.coef_, strict=True)] for row in X
    ]
    eta = np.array([float(sum(pair) + Fraction(float(model.intercept_))) for pair in pairs])
    residuals = eta - y
    if loss == "poisson":
        exact = np.mean(np.exp(eta) - y * eta + special.xlogy(y, y) - y)
    elif loss == "absolute_error":
        exact = np.abs(residuals).mean()
    else:
        exact = np.mean(model.loss_.value(y[:, None], eta[:, None]))
    null = NNORegressor(loss, alpha=1e9).fit(X, y).objective_
    assert model.objective_ == pytest.approx(exact, rel=1e-2, abs=1e-12 * null)
    assert not model.converged_ or exact <= 1e-9 * max(exact, 1e-6 * null)


@pytest.mark.parametrize("max_iter", [10, 30, 100])
def test_a_run_cut_short_is_never_worse_than_the_constant_model(max_iter):
    """Coefficients of 1e8, which cancel, did not once the intercept was rounded: inf."""
    far = [-88568726, -236788049, -79552639.7, -31170670.6, -55978306.3, -138073829]
    X = np.tile([*far, -236788049, -24555030.9, -8342177.19, -23910366, -52350483.6], (14, 1))
    row = [1, 2, 4, 4, 6, 6, 8, 9, 9, 10, 11, 12, 12]
    column = [0, 10, 2, 3, 7, 8, 9, 2, 4, 10, 10, 2, 5]
    step = [1.45, -0.8, -0.86, -0.51, -0.4, -0.14, -0.39, 0.82, -0.92, 0.14, 0.2, 0.42, 2.26]
    X[row, column] += step
    y = np.array([19.0, 24, 35, 31, 14, 14, 15, 14, 17, 31, 18, 16, 20, 8])
    groups = GroupLasso([[9], [1, 6, 10], [2, 3, 8], [4], [0, 5, 7]])
    options = {"penalty": groups, "tol": 1e-10, "solver": "proximal", "max_iter": max_iter}
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        model = NNORegressor("tweedie", alpha=0.0, **options).fit(sparse.csr_array(X), y)
    null = NNORegressor("tweedie", alpha=1e9).fit(X, y).objective_
    assert model.objective_ <= null * (1 + 1e-8)
