"""The scale of residuals, for losses that estimate it with the coefficients."""

import numpy as np

from nno_sklearn.losses import SquaredError
from nno_sklearn.losses.concomitant import SquaredSlope
from nno_sklearn.problem.problem import Problem
from nno_sklearn.rows import Raw
from nno_sklearn.types import Array

#: Steps of a scale at most, the longest of them, and where a first guess and the best scale end.
MAX_STEPS, LONGEST, ABOUT, SETTLED = 100, 3.0, 1e-3, 1e-8


def scale_step(problem: Problem, raw: Raw, intercept: Array) -> tuple[Array, Array]:
    """How a problem's scale should change for given raw predictions.

    Parameters
    ----------
    problem : Problem
        With the loss at a scale.
    raw : Raw
    intercept : ndarray of shape (n_outputs,)

    Returns
    -------
    step : ndarray of shape (n_outputs,)
        What to add to the scale's logarithm: exact where no residual is beyond epsilon, else too
        short.
    squares : ndarray of shape (n_outputs,)
        Mean squared slopes, 1 at the best scale.
    """
    rows = problem.rows.with_loss(SquaredSlope(problem.loss))
    squares = rows.values(raw, intercept)
    with np.errstate(divide="ignore"):  # no residual is left
        return np.clip(0.5 * np.log(squares), -LONGEST, LONGEST), squares


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
    squared = problem.rows.with_loss(SquaredError()).values(raw, intercept)
    scale = np.sqrt(2.0 * squared)
    for _ in range(MAX_STEPS):
        known = np.where(scale > 0, scale, 1.0)
        step, _ = scale_step(problem.at_scale(known), raw, intercept)
        scale = scale * np.exp(step)
        if (np.abs(step) <= settled)[scale > 0].all():
            break
    return scale


def at_null_scale(problem: Problem) -> Problem:
    """The problem at the scale of the constant model's residuals."""
    scale = best_scale(problem, problem.null.raw, problem.null.intercept, settled=ABOUT)
    return problem.at_scale(np.where(scale > 0, scale, 1.0))
