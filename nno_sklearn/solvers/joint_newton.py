"""Newton's method in coefficients and intercept together, for problems with a cheap Hessian.

A look at the rows gives the objective, its slope and its Hessian by coefficients and intercept, and
a factor of that the next step. On small data this costs less than to find the best intercept and
step length, as the descent elsewhere does.
"""

from math import isfinite
from typing import NamedTuple

import numpy as np

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import is_polished, searches_lengths
from nno_sklearn.problem.intercept import Look
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.rows.sums import beside
from nno_sklearn.solvers.linesearch import MEAN_ROUNDING, rounding_of, shorter
from nno_sklearn.types import Array

#: Share of the promised decrease with which a step is content, and how many lengths are tried.
CONTENT, MOST_TRIALS = 1e-4, 6
#: Share of Newton's promise, times the cube of a step's length, that the step must gain beyond the
#: model for the next to be so many times as long as Newton's, where lengths are not searched: where
#: classes are nearly separated, curvature falls ahead of each step, and Newton's own are too short.
FLATTENS, LONGER = 0.25, 2.0
#: Share of the objective that a step must promise for its length to be searched; looks on its line
#: at most, the factor by which a length changes between two at most, and the share of it by which
#: it changes at the end.
FAR, MOST_LOOKS, CHANGE, SETTLED = 1e-2, 3, 4.0, 0.3
#: Share of a column's curvature that the columns before it must leave open, for a factor of the
#: Hessian to keep a third of its digits; the next step then mends what this one lacks.
LEAST_PIVOT = 1e-11
#: The same for a step that minimises a quadratic to be so exact that nothing is left to mend.
EXACT_PIVOT = 1e-4
#: Share of the objective whose promise is rounding: coefficients are then off by its square root.
NONE_LEFT = 1e-24
#: Share that a step promises from where it leads to the limit of precision, and share that such a
#: step may leave: raw predictions are then off by the root of that.
PRECISE, LEFT = 1e-17, 1e-21
#: Share of what a run may leave that its last step may.
LAST_SHARE = 1e-2
#: Newton's method converges quadratically: near the minimum the next step promises the square of
#: what this one does, as shares of the objective, times a constant that the last two steps show and
#: that is taken to be no less than this.
LEAST_GROWTH = 10.0
#: Steps at most: where they are more, as with a penalty whose Hessian is no diagonal, it is not
#: Newton's method.
MOST_STEPS = 50


class Place(NamedTuple):
    """Coefficients with an intercept of the centred columns, and Newton's step from there."""

    coef: Array
    intercept: Array
    value: float
    #: (n_features + 1, n_outputs), the intercept's part last.
    step: Array
    #: Half the squared Newton decrement: what the step promises. nan where none is known.
    decrease: float
    #: Of the data loss by the coefficients.
    gradient: Array
    #: Whether the step leads to the minimum, as the objective is quadratic.
    is_exact: bool = False

    def after(self, length: float) -> tuple[Array, Array]:
        """Coefficients and intercept where a share of the step leads."""
        return self.coef + length * self.step[:-1], self.intercept + length * self.step[-1]

    def end(self, problem: Problem) -> Point | None:
        """Where the whole step leads, unless that is up: flat rows that come to where they are
        curved are in no promise."""
        end = problem.at(*self.after(1.0))
        return end if end.value <= self.value + rounding_of(problem) else None


def descend_by_newton(run, point, look=None):
    """Newton's steps of a run from ``point``, which is recorded first; those of small problems end
    at the limit of precision.

    Parameters
    ----------
    run : Run
    point : Point
    look : callable, default=None
        Makes the places; :func:`place_at` by default.

    Returns
    -------
    Point
        Where the steps lead, for the run to look at; ``point`` itself where there are none.
    """
    is_precise = is_polished(run.problem)
    accuracy = min(LEFT if is_precise else 1.0, LAST_SHARE * run.may_leave)
    start = (look or place_at)(run.problem, point.coef, point.intercept)
    point.learn_gradient(start.gradient)
    if run.done(point):
        return point

    def goes_on(place):
        run.moved(1.0)
        return run.goes_by(place)

    found, has_ended = newton_jointly(run.problem, start, accuracy, goes_on, look)
    found = found or point
    # Where a model has kinks, its minimum may have few digits: there a gap tells.
    is_told = run.problem.is_smooth or not start.is_exact
    run.precise = found if is_precise and has_ended and is_told else None
    return found


def newton_jointly(problem, start, accuracy, goes_on=lambda place: True, look=None):
    """Newton's steps, until one leaves no more than a share ``accuracy`` of the objective.

    Parameters
    ----------
    problem : Problem
    start : Place
    accuracy : float
    goes_on : callable
        Takes each place that is reached, and says whether to go on from there.
    look : callable, default=None
        Makes the places; :func:`place_at` by default.

    Returns
    -------
    point : Point or None
        Where the last step leads; None where there was no step.
    has_ended : bool
        Whether it leaves so little. If not, the Hessian's factor has few digits, no step
        descends, or ``goes_on`` was false: others may go on from there.
    """
    place, flattens = start, False
    if place.decrease <= NONE_LEFT * max(place.value, 0.0):
        return None, True
    is_last = _is_last(start, start, accuracy)
    for _ in range(MOST_STEPS):
        if is_last:
            end = place.end(problem)
            if end is not None:
                return end, True
            break
        length = _length(problem, place, flattens)
        following = _next(problem, place, look or place_at, length)
        if following is None:
            break
        gained = (place.value - following.value) / place.decrease
        flattens = gained > length * (2.0 - length) + FLATTENS * length**3
        is_last, place = _is_last(following, place, accuracy), following
        if not (is_last or goes_on(place)):
            break
    return None if place is start else problem.at(place.coef, place.intercept), False


def _is_last(place, before, accuracy):
    """Whether the step from a place leaves no more than ``accuracy``."""
    if place.is_exact or place.decrease <= max(accuracy, PRECISE) * max(place.value, 0.0):
        return True
    if not place.value > 0:
        return False
    falls = place.decrease / before.decrease
    left = place.decrease * max(falls**2, LEAST_GROWTH * place.decrease / place.value)
    return left <= accuracy * place.value


def place_at(problem, coef, intercept):
    """The objective, and the step from there; one look at the rows.

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
        Of the centred columns.

    Returns
    -------
    Place
    """
    penalty = problem.penalty
    data = problem.rows.second_order(coef, intercept)
    data = problem.correction.second_order(data, coef, intercept)
    value = float(data.values.sum()) + problem.alpha * penalty.value(coef)
    slope = beside(data.gradient + problem.alpha * penalty.gradient(coef), data.total)
    curvature = problem.alpha * penalty.curvature(coef)
    step, pivot = _step(data.blocks, curvature, slope)
    if pivot < LEAST_PIVOT:
        return Place(coef, intercept, value, np.zeros_like(slope), np.nan, data.gradient)
    is_exact = problem.is_piecewise_quadratic and pivot >= EXACT_PIVOT
    decrease = -0.5 * float(np.vdot(slope, step))
    return Place(coef, intercept, value, step, decrease, data.gradient, is_exact)


def _step(blocks, curvature, slope):
    """Newton's step of coefficients and intercept, and the least pivot of a factor; the step is
    unfinished where that is below ``LEAST_PIVOT``.

    Each block of the Hessian is of as many outputs as interact, coefficients output by output, then
    the intercepts, where there are any.
    """
    step, least, n_coupled = np.zeros(slope.shape), 1.0, slope.shape[1] // len(blocks)
    diagonal, n_coefs = beside(curvature, 0.0), len(curvature) * n_coupled
    for k, block in enumerate(blocks):
        if not isfinite(block.trace()):
            return step, 0.0
        outputs = slice(k * n_coupled, (k + 1) * n_coupled)
        factor = ScaledCholesky(block, _in_order(diagonal[:, outputs])[: len(block)])
        least = min(least, factor.pivots.min())
        if least < LEAST_PIVOT:
            return step, least
        solved = -factor.solve(_in_order(slope[:, outputs])[: len(block)])
        step[:-1, outputs] = solved[:n_coefs].reshape(n_coupled, -1).T
        if len(block) > n_coefs:
            step[-1, outputs] = solved[n_coefs:]
    return step, least


def _in_order(joint):
    """Numbers of coefficients and intercepts in the order of a block."""
    if joint.shape[1] == 1:
        return joint[:, 0]
    return np.concatenate([joint[:-1].T.ravel(), joint[-1]])


def _next(problem, place, look, length):
    """The place where so many times a step lead, or less, that descends; None without one."""
    if np.isnan(place.decrease):
        return None
    slack = MEAN_ROUNDING * problem.rows.eps * abs(place.value)
    for _ in range(MOST_TRIALS):
        new = look(problem, *place.after(length))
        enough = place.value - 2.0 * CONTENT * length * place.decrease
        # Where rounding hides what a step gains, it must promise less than the one before: a search
        # for lower values would go on for ever.
        falls = new.value < place.value or 2.0 * new.decrease <= place.decrease
        if new.value <= enough + slack and falls and not np.isnan(new.decrease):
            return new
        length *= shorter(place.value, -2.0 * place.decrease, length, new.value)
    return None


def _length(problem, place, flattens):
    """Length of a step to about the lowest place on its line, where looks on that take a small part
    of the time of a Hessian; else longer than Newton's where curvature was seen to fall ahead.

    Far from the optimum Newton's own is too short where curvature falls, as it does between
    classes, and too long where it grows, as that of counts does. Kinks that a whole step reaches
    exactly are missed by others.
    """
    if problem.loss.constant_curvature or not problem.is_smooth:
        return 1.0
    if not searches_lengths(problem):
        return LONGER if flattens else 1.0
    if not place.decrease > FAR * abs(place.value):
        return 1.0
    rows, t = problem.rows, 1.0
    raw = rows.raw(place.coef) if place.coef.any() else rows.nothing()
    slope = rows.raw(place.step[:-1])
    for _ in range(MOST_LOOKS):
        first, second = _derivatives(problem, place, raw, slope, t)
        is_model = second > 0 and isfinite(first)
        lowest = t - first / second if is_model else 0.0
        before, t = t, min(max(lowest, t / CHANGE), t * CHANGE)
        if abs(t - before) <= SETTLED * before:
            break
    return t


def _derivatives(problem, place, raw, slope, t):
    """Those of the objective by t, where t times a step leads."""
    (coef, _), direction = place.after(t), place.step[:-1]
    data = Look(problem, coef, raw, slope, t).derivatives_along(place.intercept, place.step[-1])
    correction, penalty, alpha = problem.correction, problem.penalty, problem.alpha
    gradient = correction.gradient(coef) + alpha * penalty.gradient(coef)
    turned = correction.product(direction) + alpha * penalty.curvature(coef) * direction
    others = np.sum(gradient * direction), np.sum(turned * direction)
    return tuple(float(np.sum(one) + other) for one, other in zip(data, others, strict=True))
