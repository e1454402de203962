"""The scale of residuals, for losses that estimate it with the coefficients."""

import numpy as np

from nno_sklearn.losses import Loss, SquaredError
from nno_sklearn.losses.concomitant import SquaredSlope
from nno_sklearn.problem.problem import Problem
from nno_sklearn.rows import Raw, Rows
from nno_sklearn.types import Array

#: Steps of a scale at most, and where a first guess and the best scale end.
MAX_STEPS, ABOUT, SETTLED = 100, 1e-3, 1e-8
#: What a mean squared slope of 1 may lack by rounding, and 1 / scale^2 where none is too large.
SLACK, FARTHEST = 1e-12, 1e40


def mean_squared_slope(rows: Rows, loss: Loss, raw: Raw, intercept: Array) -> Array:
    """That of a loss at a scale, (n_outputs,): 1 at the best one for given raw predictions, more at
    smaller ones."""
    return rows.with_loss(SquaredSlope(loss)).values(raw, intercept)


def root_mean_square(problem: Problem, raw: Raw, intercept: Array) -> Array:
    """That of the residuals, (n_outputs,): no scale that suits them is larger."""
    return np.sqrt(2.0 * problem.rows.with_loss(SquaredError()).values(raw, intercept))


def best_scale(problem: Problem, raw: Raw, intercept: Array, *, settled: float = SETTLED) -> Array:
    """The scale that suits raw predictions, from above; 0 where they are perfect.

    Parameters
    ----------
    problem : Problem
        With a loss that has ``at_scale``.
    raw : Raw
    intercept : ndarray of shape (n_outputs,)
    settled : float, default=1e-8
        Last step of the scale's logarithm: the objective is off by a share of its square.

    Returns
    -------
    ndarray of shape (n_outputs,)
    """
    first = root_mean_square(problem, raw, intercept)
    unit, ends = np.where(first > 0, first, 1.0), first == 0
    # The mean squared slope is a concave function of 1 / scale^2, here in units of the first one.
    # Secants from the left reach 1 from below, and are exact when no residual passes epsilon; but
    # beside one residual that is far larger than the others, rounding hides how it rises.
    low, at_low, high = np.zeros_like(unit), np.zeros_like(unit), np.full_like(unit, np.inf)
    place = np.ones_like(unit)
    for _ in range(MAX_STEPS):
        loss = problem.loss.at_scale(unit / np.sqrt(place))
        squares = mean_squared_slope(problem.rows, loss, raw, intercept)
        rise, missing = squares - at_low, 1.0 - squares
        secant = np.where(missing > SLACK, FARTHEST, place)  # where it rises no more, none is 1
        np.divide((place - low) * missing, rise, out=secant, where=rise > 0)
        secant[rise > 0] += place[rise > 0]
        is_above = (missing < -SLACK) & (low > 0)
        high = np.where(is_above, place, high)
        low, at_low = np.where(is_above, low, place), np.where(is_above, at_low, squares)
        is_inside = (secant < high) & ~is_above
        between = np.sqrt(low) * np.sqrt(np.where(is_inside, low, high))
        place = np.where(ends, low, np.where(is_inside, np.maximum(secant, low), between))
        ends = place - low <= 2.0 * settled * low
        if ends.all():
            break
    return np.where(first > 0, unit / np.sqrt(place), 0.0)


def at_null_scale(problem: Problem) -> Problem:
    """The problem at the scale of the constant model's residuals."""
    scale = best_scale(problem, problem.null.raw, problem.null.intercept, settled=ABOUT)
    return problem.at_scale(np.where(scale > 0, scale, 1.0))
