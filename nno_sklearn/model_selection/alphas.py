"""Grids of regularisation strengths that fit the data."""

import numpy as np
from sklearn.base import clone

from nno_sklearn.model_selection.chain import Prepared, final_step, with_setting
from nno_sklearn.model_selection.shared_rows import SharedRows

#: Number of strengths that "auto" stands for.
N_ALPHAS = 30
#: Weakest strength of a grid over its strongest: where the strongest sets all coefficients to 0
#: (for more features than rows, too), and where it only shrinks them.
KINKED_SPAN, WIDE_SPAN, SMOOTH_SPAN = 1e-3, 1e-2, 1e-6
DOUBLINGS = 100


def strengths_of(group, n_alphas, X, y, params):
    """Grids for the settings of a group, on all rows; see :func:`alpha_grid`.

    Returns
    -------
    list of ndarray of shape (n_alphas,)
    """
    prepared = Prepared(clone(group.estimator), X, y, params)
    rows = SharedRows(prepared.rows, y, prepared.params, 0)
    model = final_step(group.estimator)
    models = [with_setting(model, {**setting, "alpha": 1.0}) for setting in group.settings]
    return [alpha_grid(rows.pose(model)[0], n_alphas) for model in models]


def alpha_grid(problem, n_alphas):
    """Strengths from the largest one that matters downwards, equally spaced in logarithms.

    The objective is a *mean* over the rows, so that a strength means the same on folds as on
    all rows.

    Parameters
    ----------
    problem : Problem
        Its own strength does not matter.
    n_alphas : int

    Returns
    -------
    ndarray of shape (n_alphas,)
    """
    span = KINKED_SPAN if problem.n_samples > problem.n_features else WIDE_SPAN
    span = SMOOTH_SPAN if problem.is_smooth else span
    return alpha_max(problem) * np.logspace(0, np.log10(span), n_alphas)


def alpha_max(problem):
    """The strength from which on a penalty is all that matters.

    With a kink at 0 (l1, elastic net), the smallest strength whose optimum is the constant
    model, found from the gradient there. Without one, the sum of the columns' curvatures, a
    bound on the largest: from there on coefficients are less than half of unpenalised ones.
    """
    null = problem.null
    if problem.is_smooth:
        bound = float(null.data_diagonal.sum(axis=0).max())
        return bound if bound > 0 else 1.0
    gradient, coef = null.data_gradient, null.coef

    def is_optimal(alpha):
        return not problem.penalty.subdiff_distance(coef, gradient / alpha).any()

    size = float(np.abs(gradient).max())
    if size == 0:
        return 1.0
    low = high = size
    for _ in range(DOUBLINGS):  # a penalty need not hold every coefficient
        if is_optimal(high):
            break
        low, high = high, 2 * high
    while is_optimal(low) and low > 1e-6 * size:
        low *= 0.5
    while high > low * (1 + 1e-9):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if is_optimal(middle) else (middle, high)
    return float(high)
