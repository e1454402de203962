"""scikit-learn's own estimator for the objective that is being minimised."""

import numpy as np
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)

from nno_sklearn.losses import Huber


def make_baseline(n_samples, *, loss, penalty, alpha, l1_ratio, tol, max_iter, random_state):
    """Make the scikit-learn estimator with the same objective, for fits on n_samples rows.

    Parameters
    ----------
    n_samples : int
        Some of scikit-learn's penalties grow with the number of rows, ``alpha`` does not.
    loss, penalty, alpha, l1_ratio, tol, max_iter, random_state
        As in NNOClassifier and NNORegressor.

    Returns
    -------
    Estimator, or None where scikit-learn has none.
    """
    search = {"tol": tol, "max_iter": max_iter}
    if penalty is None:
        alpha = 0.0
    l1_ratio = {"l1": 1.0, "elasticnet": l1_ratio}.get(penalty, 0.0)
    smooth = alpha == 0 or l1_ratio == 0
    if loss in ("poisson", "gamma"):
        Model = PoissonRegressor if loss == "poisson" else GammaRegressor
        return Model(alpha=alpha, **search) if smooth else None
    search["random_state"] = random_state
    if loss == "squared_error":
        return _least_squares(n_samples, alpha, l1_ratio, search)
    if loss == "log_loss":
        C = 1.0 / (alpha * n_samples) if alpha > 0 else np.inf
        solver = "lbfgs" if smooth else "saga"
        return LogisticRegression(C=C, solver=solver, **_l1_share(l1_ratio), **search)
    # Ridge, Lasso and the like have no such loss, and LinearSVC penalises the intercept.
    if alpha == 0:  # which the step sizes of SGDClassifier divide by
        return None
    search |= {"penalty": "elasticnet", "alpha": alpha, "l1_ratio": l1_ratio}
    if loss == "huber":
        return SGDRegressor(loss=loss, epsilon=Huber().delta, **search)
    return SGDClassifier(loss=loss, **search)


def _least_squares(n_samples, alpha, l1_ratio, search):
    if alpha == 0:
        return LinearRegression()
    if l1_ratio == 0:
        return Ridge(alpha=alpha * n_samples, **search)
    if l1_ratio == 1:
        return Lasso(alpha=alpha, **search)
    return ElasticNet(alpha=alpha, l1_ratio=l1_ratio, **search)


def _l1_share(l1_ratio):
    """Say how much of the penalty is l1; scikit-learn 1.8 deprecated the word `penalty`."""
    if LogisticRegression().penalty == "deprecated":
        return {"l1_ratio": l1_ratio}
    return {"penalty": "elasticnet", "l1_ratio": l1_ratio} if l1_ratio > 0 else {}
