"""Descent in coefficients and intercept together, for many coupled outputs.

Elsewhere the intercept is at its optimum at every point that a solver sees. For hundreds of coupled
outputs finding it takes several looks at all raw predictions, more than the rest of an iteration;
as one more row of the coefficients it costs nothing, and a full step nearly always descends. So an
iteration is one sweep over X, and nothing that is as long as the data is kept. The mean of the
sweeps' dual points tells how near the optimum is.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.problem import MeanDual
from nno_sklearn.problem.cost import has_room_for_newton
from nno_sklearn.problem.intercept import NO_SEARCH, PRECISION
from nno_sklearn.rows.replies import FirstOrder
from nno_sklearn.solvers.linesearch import first_lower
from nno_sklearn.types import Array

#: Power of the curvature of an output's intercept, the rest being the largest: with less damping
#: rare classes' intercepts leap, and steps get short; with more they lag behind.
SPREAD = 0.8
#: Share of ``tol`` below which an estimated gap has its proof looked for, and what it is multiplied
#: by where there is none.
SURE, SURER = 0.9, 0.3


class Place(NamedTuple):
    """Coefficients with an intercept, (n_features + 1, n_outputs), and the objective there."""

    joint: Array
    value: float
    slope: Array
    data: FirstOrder

    @property
    def coef(self) -> Array:
        return self.joint[:-1]

    @property
    def intercept(self) -> Array:
        """Of the centred columns."""
        return self.joint[-1]


class JointPreconditioner:
    """A preconditioner of the coefficients, and a diagonal for the intercept.

    Columns are centred, so that second derivatives by both nearly vanish.
    """

    def __init__(self, of_coef, of_intercept):
        self._of_coef, largest = of_coef, of_intercept.max()
        curvature = np.maximum(of_intercept, np.finfo(float).eps * largest)
        self._inverse = curvature**-SPREAD * largest ** (SPREAD - 1.0)

    def solve(self, gradient):
        return np.vstack([self._of_coef.solve(gradient[:-1]), self._inverse * gradient[-1]])


def descend_jointly(run, point, preconditioner, past):
    """Move towards the optimum until it is proved, or no step descends any more.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin; not an optimum.
    preconditioner : KroneckerAtPoint
    past : LBFGS
        Empty; of the steps that correct the preconditioner.

    Returns
    -------
    Point
        With the intercept at its optimum.
    """
    problem = point.problem
    mean, share, sure = MeanDual(problem) if MeanDual.serves(problem) else None, SURE, SURE
    if mean is not None and not has_room_for_newton(problem):
        share *= SURER  # the search for the best intercept would cost as much as many sweeps
    place = _place(problem, np.vstack([point.coef, point.intercept]))
    past.carry_on(problem, place.joint)
    while True:
        gap = gap_at(problem, place.coef, place.data.gradient)
        proved = _proved_gap(run, place, mean)
        limit = run.tol * place.value
        is_near = gap <= share * limit or proved <= sure * limit
        is_last = not (is_near or run.goes_by(place))
        found = None if is_near or is_last else _step_from(problem, place, preconditioner, past)
        if found is not None:
            step_size, new = found
            run.moved(step_size)
            past.add(new.joint - place.joint, new.slope - place.slope)
            place = new
        elif is_near or is_last or problem.rows.is_exact:
            precision = NO_SEARCH if proved <= limit else PRECISION
            point = problem.at(place.coef, place.intercept, precision)
            if run.done(point) or not is_near:
                past.hand_on(point.problem, place.joint)
                return point
            share, sure = SURER * share, SURER * sure
        else:  # float32 tells no more
            problem = problem.exact()
            place = _place(problem, place.joint)


def _proved_gap(run, place, mean):
    """The gap of a place with its own intercept, by the dual points of all places so far."""
    if mean is None:
        return np.inf
    mean.add(place.coef, place.intercept, place.data)
    run.learn_bound(mean.bound)
    return place.value - mean.bound


def _step_from(problem, place, preconditioner, past):
    """A step in the corrected preconditioner, and where it leads; None where none descends."""
    curvature = problem.scale[:, None] ** 2 * place.data.curvature
    of_coef = preconditioner.at(place.coef, curvature, (place.data.curvature, None))
    joint = JointPreconditioner(of_coef, place.data.curvature)
    direction = -past.solve(place.slope, joint)
    promised = np.vdot(place.slope, direction)
    at = lambda t: _place(problem, place.joint + t * direction)  # noqa: E731
    return first_lower(problem, place.value, promised, at)


def _place(problem, joint):
    """Objective and slope; one sweep over the rows."""
    coef, penalty = joint[:-1], problem.penalty
    data = problem.rows.first_order(coef, joint[-1])
    gradient = data.gradient + problem.alpha * penalty.gradient(coef)
    slope = np.vstack([gradient, data.total * problem.fit_intercept])
    return Place(joint, data.value + problem.alpha * penalty.value(coef), slope, data)


def gap_at(problem, coef, gradient):
    """The duality gap at coefficients and the data loss's gradient, were the intercept at its
    optimum; see :func:`dual_gap`."""
    penalty, alpha = problem.penalty, problem.alpha
    conjugate = penalty.conjugate(-gradient / alpha)
    return alpha * (penalty.value(coef) + conjugate) + np.vdot(gradient, coef)
