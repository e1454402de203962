"""Grids of regularisation strengths, scaled to the data."""

import numpy as np
from sklearn.base import clone

from nno_sklearn.model_selection.chain import Prepared, final_step, with_setting
from nno_sklearn.problem import at_null_scale, best_intercepts
from nno_sklearn.session.minimise import minimise
from nno_sklearn.solvers import SOLVERS, Status

#: Number of strengths of "auto".
N_ALPHAS = 30
#: Weakest over strongest strength of a grid: for nonsmooth penalties, whose strongest sets all
#: coefficients to 0, with more rows than features and with fewer; and for smooth penalties.
NONSMOOTH_SPAN, WIDE_SPAN, SMOOTH_SPAN = 1e-3, 1e-2, 1e-6
#: Relative to the largest gradient entry: a strength that holds every coefficient that any
#: strength can, and one that is negligible.
STRONGEST, WEAKEST = 2.0**100, 1e-6
#: Bisections, in log(alpha), of an interval from a strength to its double: about nine digits.
BISECTIONS = 30
#: Widths of smoothed losses, in constant models' losses.
STRONG_SMOOTHING, WEAK_SMOOTHING = 1.0, 1e-3
#: Rounding error of sums over the rows, in units in the last place.
FEW_ULPS = 16
#: Rounding of the slopes of what a penalty leaves free, relative to the largest slope.
ROUNDING = 1e-12
#: Of the fit of what a penalty leaves free: strengths, in those that hold the constant model,
#: when it ends, and ends that tell nothing.
FACTORS, FREE_TOL, FREE_MAX_ITER = (2.0, 1e2, 1e4), 1e-6, 1000
FAILED = {Status.NO_OPTIMUM, Status.MAX_ITER}


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

    For penalties that are not differentiable everywhere (l1, groups, differences), the smallest
    strength whose optimum is the fit of what costs no penalty: the constant model, or where a
    penalty leaves some coefficients free, or a common level of all, the best model of these alone.
    It is found from the gradient there. For smooth ones, the sum of the columns' curvatures, a
    bound on the largest eigenvalue of the Hessian: above it coefficients are less than half of
    unpenalised ones. 1 where the gradient is 0.
    """
    null = problem.null
    if problem.is_smooth:
        return _curvature(null)
    if np.abs(null.data_gradient).max() <= _rounding(null):
        return 1.0
    holds = Holds(null)
    if not holds.decided.any():
        return _curvature(null)
    strength = holds.least()
    if not (holds.leaves_free and strength < np.finfo(float).max / FACTORS[-1]):
        return strength
    free = _fit_of_free(problem, holds.decided, strength)
    if free is None or np.abs(free.data_gradient).max() <= _rounding(free):
        return strength
    left = Holds(free)
    return left.least() if left.decided.any() else strength


def _curvature(null):
    return float(null.data_diagonal.sum(axis=0).max()) or 1.0


class Holds:
    """Which coefficients a penalty keeps where they are, by the gradient there.

    Parameters
    ----------
    point : Point
        Where no strength of the penalty moves what it decides on.

    Attributes
    ----------
    leaves_free : bool
        Whether some coefficients move at every strength.
    decided : ndarray of shape (n_features, n_outputs)
        Those that a strength holds, and a negligible one does not. What the penalty pulls on
        where they are is not among them.
    """

    def __init__(self, point):
        self._penalty, self._coef = point.problem.penalty, point.coef
        self._gradient = point.data_gradient
        self._size = float(np.abs(self._gradient).max())
        self._limit = self._slopes(min(self._size * STRONGEST, np.finfo(float).max))
        self.leaves_free = bool(self._limit.any())
        # Slopes of what is free, and of a fit of it, are 0 but for rounding.
        is_rounded = self.leaves_free or bool(point.coef.any())
        self._noise = ROUNDING * self._size if is_rounded else 0.0
        pulled = pulls(self._penalty, self._coef)
        self.decided = self._moved(self._size * WEAKEST) & ~pulled

    def _slopes(self, alpha):
        """Sizes of the derivatives that are left by each coefficient."""
        # A gradient over a tiny alpha, or a strength that no float is.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return alpha * self._penalty.subdiff_distance(self._coef, self._gradient / alpha)

    def _moved(self, alpha):
        """What moves otherwise than under the strongest penalty."""
        return np.abs(self._slopes(alpha) - self._limit) > self._noise

    def least(self):
        """The smallest strength that holds all of the decided ones."""

        def is_optimal(alpha):
            return not (self._moved(alpha) & self.decided).any()

        high = self._size
        while not is_optimal(high):
            high *= 2
        while np.isfinite(high) and is_optimal(high / 2):
            high /= 2
        low = high / 2
        for _ in range(BISECTIONS):
            middle = np.sqrt(low) * np.sqrt(high)  # their product may overflow or underflow
            low, high = (low, middle) if is_optimal(middle) else (middle, high)
        return float(high)


def pulls(penalty, coef):
    """Where a penalty alone would move coefficients: they do not minimise it."""
    return penalty.subdiff_distance(coef, np.zeros_like(coef)) > 0


def _fit_of_free(problem, decided, strength):
    """The best :class:`Point` of what a penalty leaves free, the decided coefficients being where
    it wants them; None where no fit finds it.

    The optimum at any strength that is large enough: the gradient at the constant model tells
    one that most often is.
    """
    for factor in FACTORS:
        strong = problem.with_bound(problem.penalty, factor * strength)
        options = {"max_iter": FREE_MAX_ITER, "tol": FREE_TOL, "callback": None}
        solver = SOLVERS["auto"]().select(strong)
        result = minimise(strong, solver, strong.null, **options, random_state=0)
        if result.status in FAILED:
            return None
        if not (pulls(problem.penalty, result.coef) & decided).any():
            return problem.at(result.coef)
    return None


def _rounding(point):
    """Size of a point's gradient below which it is rounding.

    Residuals of a constant target are rounding; so is the product of any residuals with columns
    that are uncorrelated with them.
    """
    problem = point.problem
    # Not the root of a sum of squares, which could underflow.
    _, residual = problem.rows.gradient_sizes(point.raw, point.intercept)
    level = np.abs(problem.outer_intercept(point)).max()
    noise = FEW_ULPS * np.finfo(float).eps * level * problem.rows.largest_curvature(point.curvature)
    if residual <= noise:
        return np.inf
    return FEW_ULPS * np.finfo(problem.dtype).eps * problem.scale.max() * residual
