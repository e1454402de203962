"""Steps to the optimum of a model on landmark rows, where each look at all rows is a trip.

The objective on the landmarks gets a linear term that gives it the gradient of all rows at the last
place; its optimum, found in this process, is the next place (DANE: Shamir, Srebro and Zhang, 2014).
It holds the penalty, the intercept and the loss's own curvature, so that a full step nearly always
descends: a trip an iteration, while a search for the best intercept and step length takes four.
"""

from collections import deque

import numpy as np

from nno_sklearn.problem import unbalanced_gap
from nno_sklearn.problem.certificate import BALANCE
from nno_sklearn.problem.cost import growth_pays_trips, model_rows
from nno_sklearn.problem.intercept import NO_SEARCH
from nno_sklearn.solvers.joint_descent import SURE, SURER
from nno_sklearn.solvers.linesearch import MEAN_ROUNDING, first_lower

#: Share of the decrease that a model promises with which a step is content, and how many lengths of
#: one are tried.
CONTENT, MOST_TRIALS = 1e-2, 4
#: Share of the last model's promise above which the next one's says that landmarks are too few; and
#: such steps that are made where more landmarks do not pay.
SLOW, MOST_SLOW = 0.5, 3
#: Accuracy of a model's optimum, as a share of ``tol`` or of the root of what the last one
#: promised, and the finest one.
MODEL_SHARE, FINEST = 0.1, 1e-9
#: Models whose optima are mixed, and share of the largest of the moves that is rounding.
DEPTH, RANK = 6, 1e-10


def descend_by_models(run, point, landmarks, minimise):
    """Move from one model's optimum to the next, until it is proved that it is that of all rows.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin.
    landmarks : Landmarks
    minimise : callable
        Takes a point of a problem on landmarks, and the root of a share of the objective; returns
        a point that is so near its optimum.

    Returns
    -------
    Point
        Where the run has ended, or no model leads on.
    """
    problem, past = run.problem, Mixing()
    count, share, before, n_slow = model_rows(problem), SURE, np.inf, 0
    if run.done(point):
        return point
    while n_slow <= MOST_SLOW:
        few = problem.over(landmarks.drawn(count).rows)
        _, start = few.matched(point)
        root = float(np.sqrt(before / point.unit))
        better = minimise(start, max(FINEST, MODEL_SHARE * min(run.tol, root)))
        promised = float(start.value - better.value)
        is_slow = promised > SLOW * before
        if is_slow and growth_pays_trips(problem, count):
            count, before = 2 * count, np.inf
            continue
        if _is_near(run, point, start, promised, share):
            point = problem.with_raw(point.coef, point.raw, point.intercept, BALANCE)
            if run.done(point):
                return point
            share *= SURER
        is_rounding = promised <= MEAN_ROUNDING * problem.rows.eps * abs(point.value)
        if is_rounding and before > 0:  # a finer model may promise more
            before = 0.0
            continue
        least = CONTENT * promised
        found = None if is_rounding else past.step(point, start, better, least)
        found = found or _descent(point, better, promised)
        if found is None:
            break
        step_size, point = found
        run.moved(step_size)
        if not run.goes_by(point):
            break
        before, n_slow = promised, n_slow + is_slow
    return problem.with_raw(point.coef, point.raw, point.intercept)


class Mixing:
    """Steps to a mean of the last models' optima, whose moves cancel most (Anderson, 1965).

    Moves towards the optima shrink by what the landmarks' curvature is off. The affine mean whose
    moves have the least sum, in the landmarks' curvature, does what conjugate gradients do for a
    preconditioner (Walker and Ni, 2011). Coefficients that the last model holds at 0 stay there.
    """

    def __init__(self):
        self._past = deque(maxlen=DEPTH)

    def step(self, point, here, better, least):
        """As :func:`_descent`, if the mean lowers the objective by ``least``."""
        end, start = (np.vstack([one.coef, one.intercept]) for one in (better, point))
        self._past.append((end, end - start))
        if len(self._past) == 1:
            return None
        ends, moves = zip(*self._past, strict=True)
        apart = [moves[-1] - move for move in moves[:-1]]
        images = [_second_product(here, one) for one in apart]
        gram = [[np.vdot(one, image) for image in images] for one in apart]
        along = [np.vdot(moves[-1], image) for image in images]
        shares = np.linalg.lstsq(gram, along, rcond=RANK)[0]
        mean = end - sum(share * (end - one) for share, one in zip(shares, ends, strict=False))
        mean[:-1][better.coef == 0] = 0.0
        if np.isfinite(point.problem.penalty.value(mean[:-1])):
            new = point.problem.at(mean[:-1], mean[-1], NO_SEARCH)
            if new.value <= point.value - least:
                return 1.0, new
        self._past.clear()
        return None


def _second_product(point, move):
    """Second derivatives of the data loss, times a move of coefficients and intercept."""
    rows, curvature, shift = point.problem.rows, point.curvature, move[-1]
    slope = rows.raw(move[:-1])
    total = rows.second_total(curvature, slope) + curvature.intercept.product(shift)
    return np.vstack([rows.second_gradient(curvature, slope, shift), total])


def _is_near(run, point, here, promised, share):
    """Whether the gap, or without one the decrease that a model promises, is likely small enough.

    ``here`` is the same point on landmarks, whose conjugates tell about those of all rows.
    """
    if not point.problem.has_dual:
        return promised <= (share * run.tol) ** 2 * point.unit
    rows, given = here.problem.rows, (here.raw, here.intercept)
    whole = sum(rows.conjugate(*given, 1.0))
    along = np.vdot(point.data_gradient, point.coef) + point.sums.total @ point.intercept
    known = float(along) - point.data_loss  # Fenchel's inequality is an equality at u itself

    def conjugates(scaling):
        return known, sum(rows.conjugate(*given, scaling)) - whole

    return unbalanced_gap(point, conjugates) <= share * run.tol * point.unit


def _descent(point, better, promised):
    """A step towards a model's optimum that descends, and where it leads; None without one."""

    def at(t):
        coef, intercept = better.coef, better.intercept
        if t < 1.0:
            coef = point.coef + t * (coef - point.coef)
            intercept = point.intercept + t * (intercept - point.intercept)
        return point.problem.at(coef, intercept, NO_SEARCH)

    return first_lower(point.problem, point.value, -promised, at, CONTENT, MOST_TRIALS)
