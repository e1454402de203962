"""Newton's steps by conjugate gradients, for coupled outputs whose Hessian is dear to form.

A product with the Hessian takes no new look at the loss, which for few rows costs more than the
products with X do. Coefficients and intercept move together, and a whole step nearly always
descends, so that neither an intercept nor a step length is searched for.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.rows import Raw
from nno_sklearn.rows.intercept_curvature import InterceptCurvature
from nno_sklearn.rows.replies import RowCurvature
from nno_sklearn.solvers.conjugate_gradients import model_minimum
from nno_sklearn.solvers.joint_descent import SURE, SURER, gap_at
from nno_sklearn.solvers.linesearch import first_lower
from nno_sklearn.types import Array

#: Share of the squared residual, in the metric of the preconditioner, at which a first step ends
#: (Dembo and Steihaug, 1983); later ones are as much more exact as the residual has fallen.
ROUGH = 0.3
#: Share of the gap that a run may leave, below which a step need not fall.
LEFT = 0.1
TINY = np.finfo(float).tiny


class Place(NamedTuple):
    """Coefficients with an intercept of the centred columns, and what the rows tell of them."""

    coef: Array
    intercept: Array
    raw: Raw
    value: float
    curvature: RowCurvature
    #: Second derivatives by the intercepts, were there any, for the preconditioner.
    outputs: InterceptCurvature
    #: Derivatives by the intercepts, and Newton's step of them alone.
    total: Array
    shift: Array
    #: Of the data loss, where the intercepts would be after that step, to first order.
    gradient: Array


def descend_by_conjugate_gradients(run, point, preconditioner):
    """Newton's steps, each as exact as the progress so far is worth, until the run is done.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin; not an optimum.
    preconditioner : KroneckerAtPoint

    Returns
    -------
    Point
        The run has no status where no step from it descends.
    """
    problem, largest, share, is_last = point.problem, 0.0, SURE, False
    place = _place(problem, point.coef, point.raw, point.intercept)
    while True:
        residual, inverse = _residual(problem, place), _inverse(problem, place, preconditioner)
        steepest = inverse.solve(residual)
        energy = float(np.vdot(residual, steepest))
        largest = max(largest, energy)
        left = max(_left(problem, place, energy), TINY)  # rounding may leave less than nothing
        may_stay, found = _may_leave(run, place) / left, None  # the share of it that may
        is_near = may_stay >= 1 / share
        if energy > 0 and not (is_near or is_last):
            enough = max(ROUGH * np.sqrt(energy / largest), LEFT * may_stay) * energy
            found = _newton_step(problem, place, residual, inverse, steepest, enough)
        if found is not None:
            step_size, place = found
            is_last = not run.goes_by(place, step_size)
            continue
        point = problem.at(place.coef, place.intercept + place.shift)
        if run.done(point) or not is_near:
            return point
        share *= SURER


def _place(problem, coef, raw, intercept):
    """The objective, its slope and its curvature; one pass."""
    rows, penalty = problem.rows, problem.penalty
    sums, curvature = rows.sums(raw, intercept), rows.curvature(raw, intercept)
    total = sums.total * problem.fit_intercept
    shift = -sums.curvature.solve(total)
    gradient = rows.moved_gradient(raw, intercept, curvature, shift)
    value = float(rows.values(raw, intercept).sum()) + problem.alpha * penalty.value(coef)
    outputs = sums.curvature
    return Place(coef, intercept, raw, value, curvature, outputs, total, shift, gradient)


def _residual(problem, place):
    """Minus the gradient of the objective."""
    return -place.gradient - problem.alpha * problem.penalty.gradient(place.coef)


def _inverse(problem, place, preconditioner):
    """The preconditioner at a place."""
    diagonal = problem.scale[:, None] ** 2 * place.outputs.diagonal
    return preconditioner.at(place.coef, diagonal, place.outputs.eigen())


def _may_leave(run, place):
    """What the objective may be above the optimum where the run ends."""
    has_dual = "conjugate" in run.problem.provides
    return place.value * (run.tol if has_dual else run.tol**2)


def _left(problem, place, energy):
    """What is left to gain: at most, where there is a dual point, else to second order."""
    if "conjugate" in problem.provides:
        return gap_at(problem, place.coef, place.gradient)
    return 0.5 * energy


def _newton_step(problem, place, residual, preconditioner, steepest, enough):
    """Length and end of a step to about the minimum of the second-order model, where the residual's
    energy in the metric of the preconditioner is at most ``enough``; None where none descends."""
    rows, curvature = problem.rows, place.curvature
    here = problem, curvature, place.coef
    direction, slope = model_minimum(*here, residual.copy(), preconditioner, steepest, enough)
    shift = rows.intercept_step(curvature, slope, place.total) * problem.fit_intercept

    def at(t):
        raw = rows.combined(place.raw, t, slope)
        return _place(problem, place.coef + t * direction, raw, place.intercept + t * shift)

    promised = np.vdot(place.total, place.shift) - np.vdot(residual, direction)
    return first_lower(problem, place.value, promised, at)
