"""Grids of regularisation strengths, scaled to the data."""

import numpy as np
from sklearn.base import clone

from nno_sklearn.model_selection.chain import Prepared, final_step, with_setting
from nno_sklearn.problem import at_null_scale, best_intercepts

#: Number of strengths of "auto".
N_ALPHAS = 30
#: Weakest over strongest strength of a grid: for nonsmooth penalties, whose strongest sets all
#: coefficients to 0, with more rows than features and with fewer; and for smooth penalties.
NONSMOOTH_SPAN, WIDE_SPAN, SMOOTH_SPAN = 1e-3, 1e-2, 1e-6
#: Relative to the largest gradient entry: a strength that sets to 0 every coefficient that any
#: strength can, and one that is negligible.
STRONGEST, WEAKEST = 2.0**100, 1e-6
#: Bisections, in log(alpha), of an interval from a strength to its double: about nine digits.
BISECTIONS = 30
#: Widths of smoothed losses, in constant models' losses.
STRONG_SMOOTHING, WEAK_SMOOTHING = 1.0, 1e-3
#: Rounding error of sums over the rows, in units in the last place.
FEW_ULPS = 16


def strengths_of(group, n_alphas, data):
    """Grids for the settings of a group, from all rows; see :func:`alpha_grid`.

    Returns
    -------
    list of ndarray of shape (n_alphas,)
        In the unit of the model's own parameter.
    """
    session = Prepared(clone(group.estimator), data).open_session(data.y, n_models=1)
    model = final_step(group.estimator)
    unit, grids = model.strength_in, []
    for setting in group.settings:
        posed = session.pose(with_setting(model, {**setting, unit.parameter: 1.0}))
        grid = alpha_grid(_with_derivatives(posed.problem), n_alphas)
        grids.append(np.array([unit.of_alpha(alpha, posed.total_weight) for alpha in grid]))
    return grids


def _with_derivatives(problem):
    """The problem, or a smooth one near it where its loss has no derivatives.

    A weak smoothing keeps the gradient at the constant model, a strong one gives the curvature on
    the scale of the residuals.
    """
    if problem.loss.has_scale:
        return at_null_scale(problem)
    if problem.loss.has_intercepts:
        null, known = problem.null, problem.loss.intercepts
        return problem.at_intercepts(best_intercepts(problem, null.raw, known + null.intercept))
    if problem.loss.is_smooth:
        return problem
    share = STRONG_SMOOTHING if problem.is_smooth else WEAK_SMOOTHING
    return problem.smoothed(share * (problem.null_value or 1.0))


def alpha_grid(problem, n_alphas):
    """Strengths from :func:`alpha_max` downwards, equally spaced in logarithms.

    The objective is a *mean* over the rows, so that a strength means the same on folds as on
    all rows.

    Parameters
    ----------
    problem : Problem
        Its own strength is ignored.
    n_alphas : int

    Returns
    -------
    ndarray of shape (n_alphas,)

    Raises
    ------
    ValueError
        Where X or y are so small or large that strengths cannot be represented.
    """
    span = NONSMOOTH_SPAN if problem.n_samples > problem.n_features else WIDE_SPAN
    span = SMOOTH_SPAN if problem.is_smooth else span
    grid = alpha_max(problem) * np.logspace(0, np.log10(span), n_alphas)
    if not (np.isfinite(grid) & (grid >= np.finfo(float).tiny)).all():
        raise ValueError(
            f"alphas: strengths that fit these data go from {grid[0]:.3g} to {grid[-1]:.3g}, "
            "beyond what floating-point numbers represent. Multiply X or y by a constant, or "
            "scale them, for instance by StandardScaler."
        )
    return grid


def alpha_max(problem):
    """The strength from which on the penalty dominates the loss.

    For penalties that are not differentiable at 0 (l1, elastic net), the smallest strength whose
    optimum is the constant model, found from the gradient there; coefficients that no strength
    sets to 0, or every strength does, are ignored. For smooth ones, the sum of the columns'
    curvatures, a bound on the largest eigenvalue of the Hessian: above it coefficients are less
    than half of unpenalised ones. 1 where the gradient is 0.
    """
    null, gradient = problem.null, problem.null.data_gradient
    curvature = float(null.data_diagonal.sum(axis=0).max()) or 1.0
    if problem.is_smooth:
        return curvature

    def moved(alpha):
        with np.errstate(divide="ignore", over="ignore"):  # a gradient over a tiny alpha
            return problem.penalty.subdiff_distance(null.coef, gradient / alpha) > 0

    size = float(np.abs(gradient).max())
    if size <= _rounding(problem):
        return 1.0
    decided = moved(size * WEAKEST) & ~moved(size * STRONGEST)
    if not decided.any():
        return curvature

    def is_optimal(alpha):
        return not (moved(alpha) & decided).any()

    high = size
    while not is_optimal(high):
        high *= 2
    while np.isfinite(high) and is_optimal(high / 2):
        high /= 2
    low = high / 2
    for _ in range(BISECTIONS):
        middle = np.sqrt(low) * np.sqrt(high)  # their product may overflow or underflow
        low, high = (low, middle) if is_optimal(middle) else (middle, high)
    return float(high)


def _rounding(problem):
    """Size of the constant model's gradient below which it is rounding.

    Residuals of a constant target are rounding; so is the product of any residuals with columns
    that are uncorrelated with them.
    """
    null = problem.null
    # Not the root of a sum of squares, which could underflow.
    _, residual = problem.rows.gradient_sizes(null.raw, null.intercept)
    level = np.abs(problem.outer_intercept(null)).max()
    noise = FEW_ULPS * np.finfo(float).eps * level * problem.rows.largest_curvature(null.curvature)
    if residual <= noise:
        return np.inf
    return FEW_ULPS * np.finfo(problem.dtype).eps * problem.scale.max() * residual
