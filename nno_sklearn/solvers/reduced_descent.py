"""Descent in the coefficients of coupled outputs, with Newton's step of the intercept.

Elsewhere the intercept is at its optimum at every point, and each step is as long as is best; for
coupled outputs both take several looks at the loss, more than the products with X. Here a look also
tells Newton's step of the intercept, and the gradient after it to first order; a step in the
coefficients is nearly always taken whole. It is one of the secants in a preconditioner: two
products and a look. Where these are so small that a look costs more than the products, it is
Newton's, by conjugate gradients, whose products with the Hessian take no look.

The secants' products are those of a copy of X in float32, whose rounding is that of a step: the
point where the steps end is looked at in the precision of X.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.problem.cost import most_few_looks, takes_single
from nno_sklearn.rows import Raw
from nno_sklearn.rows.replies import Reduced
from nno_sklearn.solvers.conjugate_gradients import model_minimum
from nno_sklearn.solvers.joint_descent import SURER, gap_at
from nno_sklearn.solvers.kronecker_preconditioner import KroneckerPreconditioner
from nno_sklearn.solvers.linesearch import first_lower
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.types import Array

#: Share of the squared residual, in the metric of the preconditioner, at which a first step of
#: Newton's ends (Dembo and Steihaug, 1983); later ones are as much more exact as the residual has
#: fallen.
ROUGH = 0.3
#: Share of the gap that a run may leave, below which a step need not fall.
LEFT = 0.1
#: The same at which steps end: one or two more than would do, for scores of folds that do not
#: depend on the solver.
ENOUGH = 0.3
TINY = np.finfo(float).tiny


class Place(NamedTuple):
    """Coefficients with an intercept of the centred columns, and what the rows tell of them."""

    coef: Array
    intercept: Array
    #: ``X @ coef``; steps are added to it.
    raw: Raw
    value: float
    #: Of the objective, where the intercept should be.
    slope: Array
    data: Reduced


def descend_reduced(run, point, preconditioner, past):
    """Steps of secants, or Newton's, until the run is done.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin; not an optimum.
    preconditioner : KroneckerAtPoint or DiagonalPreconditioners
    past : LBFGS
        Empty; of the steps that correct the preconditioner. Where it keeps none, steps are
        Newton's, by products with the Hessian.

    Returns
    -------
    Point
        The run has no status where no step from it descends, or as many as may be taken are.
    """
    whole, largest, step_size = point.problem, 0.0, np.nan
    is_newton, is_recorded = not past.most, True
    problem, share, is_last = whole.single() if takes_single(whole) else whole, ENOUGH, False
    past.carry_on(whole, point.coef)
    place, n_steps, most_steps = _place_of(point), 0, most_few_looks(whole)
    metric = Metric(past, _inverse(whole, place, preconditioner))
    while True:
        steepest = metric.solve(-place.slope)
        energy = -float(np.vdot(place.slope, steepest))
        largest = max(largest, energy)
        left = max(_left(problem, place, energy), TINY)  # rounding may leave less than nothing
        may_stay = place.value * run.may_leave / left  # the share of it that may
        is_near, found = may_stay >= 1 / share, None
        goes_on = energy > 0 and not (is_near or is_last)
        if goes_on and not is_recorded:
            goes_on = is_recorded = run.goes_by(place, step_size)
            is_last = not goes_on
        if goes_on:
            direction, slope = steepest, None
            if is_newton:
                enough = max(ROUGH * np.sqrt(energy / largest), LEFT * may_stay) * energy
                direction, slope = _newton_step(problem, place, metric, steepest, enough)
            found = _along(problem, place, direction, slope)
        if found is not None:
            (step_size, new), is_recorded = found, False
            past.add(new.coef - place.coef, new.slope - place.slope)
            place, n_steps = new, n_steps + 1
            is_last = n_steps >= most_steps
            if is_newton or _is_renewed_after(n_steps):
                metric = Metric(past, _inverse(problem, place, preconditioner))
            continue
        point = _point_of(whole, place)
        if problem is whole or is_near or is_last:
            has_ended = run.done(point, np.nan if is_recorded else step_size)
            if has_ended or is_last or not is_near:
                past.hand_on(whole, point.coef)
                return point
            is_recorded = True
        share *= SURER if is_near else 1.0
        if problem is not whole:  # float32 tells no more
            problem, place = whole, _place_of(point)


def _is_renewed_after(n_steps):
    """Whether secants get a new preconditioner after so many steps, each of which changes it less
    than those before: after 1, 2, 4, 8, ..."""
    return n_steps & (n_steps - 1) == 0


class Metric(NamedTuple):
    """A preconditioner at a place, corrected by past steps."""

    past: LBFGS
    inverse: KroneckerPreconditioner

    def solve(self, gradient: Array) -> Array:
        """What a gradient is in the corrected metric."""
        return self.past.solve(gradient, self.inverse)


def _place_of(point):
    """A point, whose intercept is at its optimum, as a place; no pass."""
    sums, still = point.sums, np.zeros_like(point.intercept)
    known = point.data_loss, sums.total, sums.curvature, still, point.data_gradient
    data = Reduced(*known, point.curvature)
    return Place(point.coef, point.intercept, point.raw, point.value, point.gradient, data)


def _point_of(problem, place):
    """The point at a place, in the precision of X."""
    coef, intercept = place.coef, place.intercept + place.data.shift
    if problem.rows.dtype == np.float32:  # as precise as a product would be
        return problem.with_raw(coef, place.raw, intercept)
    return problem.at(coef, intercept)


def _place(problem, coef, raw, intercept):
    """The objective and its slope; one look at the rows, and a pass."""
    penalty, alpha = problem.penalty, problem.alpha
    data = problem.rows.reduced(raw, intercept)
    slope = data.gradient + alpha * penalty.gradient(coef)
    return Place(coef, intercept, raw, data.value + alpha * penalty.value(coef), slope, data)


def _inverse(problem, place, preconditioner):
    """The preconditioner at a place."""
    outputs = place.data.outputs
    diagonal = problem.scale[:, None] ** 2 * outputs.diagonal
    return preconditioner.at(place.coef, diagonal, outputs.eigen())


def _left(problem, place, energy):
    """What is left to gain: at most, where there is a dual point, else to second order."""
    if problem.has_dual:
        return gap_at(problem, place.coef, place.data.gradient)
    return 0.5 * energy


def _newton_step(problem, place, metric, steepest, enough):
    """About the minimum of the second-order model: the residual's energy in the metric is at most
    ``enough`` there."""
    here = problem, place.data.curvature, place.coef
    return model_minimum(*here, -place.slope, metric, steepest, enough)


def _along(problem, place, direction, slope=None):
    """Length and end of a step, the intercept following it; None where none descends."""
    rows, data = problem.rows, place.data
    slope = rows.raw(direction) if slope is None else slope
    moves = rows.intercept_step(data.curvature, slope, 0.0) if problem.fit_intercept else 0.0
    begins = place.intercept + data.shift

    def at(t):
        raw = rows.combined(place.raw, t, slope)
        return _place(problem, place.coef + t * direction, raw, begins + t * moves)

    promised = np.vdot(data.total, data.shift) + np.vdot(place.slope, direction)
    return first_lower(problem, place.value, promised, at)
