"""Newton's method in coefficients and intercept together, for problems with a cheap Hessian.

A look at the rows gives the objective, its slope and its Hessian by coefficients and intercept, and
a factor of that the next step. On small data this costs less than to find the best intercept and
step length, as the descent elsewhere does.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.linesearch import MEAN_ROUNDING
from nno_sklearn.types import Array

#: Share of the promised decrease with which a step is content, and how many lengths of a step, each
#: half of the one before, are tried.
CONTENT, MOST_TRIALS = 1e-4, 6
#: Share of a column's curvature that the columns before it must leave open, for a factor of the
#: Hessian to keep half of its digits; the next step then mends what this one lacks.
LEAST_PIVOT = 1e-8
#: Share of the objective whose promise is rounding: coefficients are then off by its square root.
NONE_LEFT = 1e-24


class Place(NamedTuple):
    """Coefficients with an intercept, (n_features + 1, n_outputs), and Newton's step from there."""

    joint: Array
    value: float
    step: Array
    #: Half the squared Newton decrement: what the step promises. nan where there is no step.
    decrease: float

    @property
    def coef(self) -> Array:
        return self.joint[:-1]

    @property
    def intercept(self) -> Array:
        """Of the centred columns."""
        return self.joint[-1]


def newton_jointly(problem, coef, intercept, accuracy, goes_on=lambda place: True):
    """Newton's steps, until one promises no more than a share ``accuracy`` of the objective.

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)
        Where to begin.
    intercept : ndarray of shape (n_outputs,)
        Of the centred columns, likewise.
    accuracy : float
    goes_on : callable
        Takes each place that is reached, and says whether to go on from there.

    Returns
    -------
    point : Point or None
        Where the last step leads; None where there was no step.
    has_ended : bool
        Whether it promised so little. If not, the Hessian's factor has few digits, no step
        descends, or ``goes_on`` was false: others may go on from there.
    """
    start = place = _place(problem, np.vstack([coef, intercept]))
    if place.decrease <= NONE_LEFT * place.value:
        return None, True
    while not place.decrease <= accuracy * place.value:
        following = _next(problem, place)
        place = following or place
        is_near = place.decrease <= accuracy * place.value
        if following is None or not (is_near or goes_on(place)):
            point = None if place is start else problem.at(place.coef, place.intercept)
            return point, False
    end = place.joint + place.step
    return problem.at(end[:-1], end[-1]), True


def _place(problem, joint):
    """The objective, and the step from there; one look at the rows."""
    coef, intercept, penalty = joint[:-1], joint[-1], problem.penalty
    data = problem.rows.second_order(coef, intercept)
    value = float(np.sum(data.values)) + problem.alpha * penalty.value(coef)
    slope = np.vstack([data.gradient + problem.alpha * penalty.gradient(coef), data.total])
    curvature = problem.alpha * penalty.curvature(coef)
    step = _step(data.blocks, curvature, slope)
    decrease = np.nan if step is None else -0.5 * float(np.vdot(slope, step))
    return Place(joint, value, step, decrease)


def _step(blocks, curvature, slope):
    """Newton's step of coefficients and intercept; None where a factor has too few digits.

    Each block of the Hessian is of as many outputs as interact, coefficients output by output, then
    the intercepts, where there are any.
    """
    step, n_coupled = np.zeros_like(slope), slope.shape[1] // len(blocks)
    for k, block in enumerate(blocks):
        outputs = slice(k * n_coupled, (k + 1) * n_coupled)
        diagonal = np.zeros(len(block))
        diagonal[: curvature[:, outputs].size] = curvature[:, outputs].T.ravel()
        right = slope[:, outputs]
        right = np.concatenate([right[:-1].T.ravel(), right[-1]])[: len(block)]
        if not np.isfinite(block).all():
            return None
        factor = ScaledCholesky(block, diagonal)
        if factor.pivots.min() < LEAST_PIVOT:
            return None
        solved = -factor.solve(right)
        n_coefs = curvature[:, outputs].size
        step[:-1, outputs] = solved[:n_coefs].reshape(n_coupled, -1).T
        if len(block) > n_coefs:
            step[-1, outputs] = solved[n_coefs:]
    return step


def _next(problem, place):
    """The place where a step leads that descends; None without one."""
    if place.step is None:
        return None
    slack, length = MEAN_ROUNDING * problem.rows.eps * abs(place.value), 1.0
    for _ in range(MOST_TRIALS):
        new = _place(problem, place.joint + length * place.step)
        enough = place.value - 2.0 * CONTENT * length * place.decrease
        if new.value <= enough + slack and not np.isnan(new.decrease):
            return new
        length *= 0.5
    return None
