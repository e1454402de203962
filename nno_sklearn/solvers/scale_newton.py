"""Newton's method in coefficients, intercept and scale together, for problems with a cheap Hessian.

At a given scale the best coefficients cost a run, and the best scale for given coefficients is half
of the truth: together they take as many steps as one run does.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.losses.concomitant import ScaleCurvature, SquaredSlope
from nno_sklearn.problem import mean_squared_slope
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.joint_newton import CONTENT, LEAST_PIVOT, MOST_TRIALS
from nno_sklearn.solvers.linesearch import MEAN_ROUNDING
from nno_sklearn.types import Array

#: Share of the objective that the last step promises.
PRECISE = 1e-17
#: Share of itself by which a scale falls at most in a step.
DEEPEST = 0.9
#: Steps at most: scales that fall on and on belong to residuals that vanish.
MOST_STEPS = 50


class Place(NamedTuple):
    """Coefficients, an intercept of the centred columns and a scale, and Newton's step from there.

    Outputs are columns: coefficients, then the intercept where one is fitted, then the scale.
    """

    joint: Array
    value: float
    step: Array
    #: Half the squared Newton decrement; nan where the Hessian has no factor.
    decrease: float


def newton_with_scale(problem, coef, intercept, scale, goes_on):
    """Lower an objective jointly, from coefficients and a scale to near the optimum.

    Parameters
    ----------
    problem : Problem
        With a loss that has ``at_scale``, and a differentiable penalty.
    coef : ndarray of shape (n_features, n_outputs)
    intercept, scale : ndarray of shape (n_outputs,)
    goes_on : callable
        Takes the objective, coefficients, intercept and scale where a step has led, and says
        whether another one may follow.

    Returns
    -------
    coef, intercept, scale : ndarray
        Where the last step leads; None where there is none.
    """
    rest = [intercept, scale] if problem.fit_intercept else [scale]
    start = place = _place(problem, np.vstack([coef, *rest]))
    for _ in range(MOST_STEPS):
        if place.decrease <= PRECISE * place.value:  # gaps are of first order in what is left
            return _parts(problem, place.joint + place.step)
        following = _next(problem, place)
        if following is None:
            break
        place = following
        if not goes_on(place.value, *_parts(problem, place.joint)):
            break
    return None if place is start else _parts(problem, place.joint)


def _parts(problem, joint):
    p = problem.n_features
    intercept = joint[p] if problem.fit_intercept else np.zeros(problem.n_outputs)
    return joint[:p], intercept, joint[-1]


def _place(problem, joint):
    """The objective, and the step from there."""
    coef, intercept, scale = _parts(problem, joint)
    rows, penalty, alpha = problem.rows, problem.penalty, problem.alpha
    loss = problem.loss.at_scale(scale)
    data = rows.with_loss(loss).second_order(coef, intercept)
    squares = rows.with_loss(SquaredSlope(loss)).first_order(coef, intercept)
    value = float(np.sum(data.values)) + alpha * penalty.value(coef)
    by_scale, twice = _scale_derivatives(rows, loss, rows.raw(coef), intercept)
    slope = np.vstack([data.gradient + alpha * penalty.gradient(coef), data.total])
    mixed = -0.5 * np.vstack([squares.gradient, squares.total])
    curvature, step = alpha * penalty.curvature(coef), np.empty_like(joint)
    for k, block in enumerate(data.blocks):
        n = len(block)
        hessian, diagonal = np.empty((n + 1, n + 1)), np.zeros(n + 1)
        hessian[:n, :n], hessian[n, n], diagonal[: len(coef)] = block, twice[k], curvature[:, k]
        hessian[n, :n] = hessian[:n, n] = mixed[:n, k]
        solved = _solved(hessian, diagonal, np.append(slope[:n, k], by_scale[k]))
        if solved is None:
            return Place(joint, value, np.zeros_like(joint), np.nan)
        step[:, k] = -solved
    slope = np.vstack([slope[: len(joint) - 1], by_scale])
    return Place(joint, value, step, -0.5 * float(np.vdot(slope, step)))


def _scale_derivatives(rows, loss, raw, intercept):
    """First and second derivative by the scale of each output, (n_outputs,) each."""
    first = 0.5 * (1.0 - mean_squared_slope(rows, loss, raw, intercept))
    return first, rows.with_loss(ScaleCurvature(loss)).values(raw, intercept)


def _solved(hessian, diagonal, right):
    """None where rounding takes too many digits of a factor."""
    if not np.isfinite(hessian).all():
        return None
    factor = ScaledCholesky(hessian, diagonal)
    return factor.solve(right) if factor.pivots.min() >= LEAST_PIVOT else None


def _next(problem, place):
    """The place where a step leads that descends; None without one."""
    slack = MEAN_ROUNDING * problem.rows.eps * abs(place.value)
    length = min(1.0, DEEPEST / max(np.max(-place.step[-1] / place.joint[-1]), DEEPEST))
    for _ in range(MOST_TRIALS):
        new = _place(problem, place.joint + length * place.step)
        enough = place.value - 2.0 * CONTENT * length * place.decrease
        falls = new.value < place.value or 2.0 * new.decrease <= place.decrease
        if new.value <= enough + slack and falls:
            return None if np.isnan(new.decrease) else new
        length *= 0.5
    return None
