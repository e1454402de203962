"""Newton's steps by conjugate gradients, where the Hessian is dear to form.

A product with the Hessian takes no new look at the loss, which for few rows of coupled outputs
costs more than the products with X do, and no search for an intercept or a step length. Of a
parabola it is all that there is to know; outputs share the steps, as they share the curvature, and
arrays of their coefficients' shape, which may be larger than X, are few and changed in place.
"""

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.problem.cost import is_parabola
from nno_sklearn.solvers.linesearch import exact_step

#: Share of the squared residual, in the metric of the preconditioner, at which a first step ends
#: (Dembo and Steihaug, 1983); later ones are as much more exact as the residual has fallen.
ROUGH = 0.3
#: Share of the gap that a run may leave, below which a step need not fall.
LEFT = 0.02
#: Share of what a gap is above the limit to which the energy falls in a step that is the last.
FALL = 0.1
#: Products with the Hessian in a step, at most.
MOST_PRODUCTS = 60
#: Share of the slope at which a search along a step ends: a whole step nearly always serves.
ACCURACY = 0.5


def descend_by_conjugate_gradients(run, point, preconditioner_at):
    """Newton's steps, each as exact as the progress so far is worth, until the run is done.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin.
    preconditioner_at : callable
        Takes a point, returns the preconditioner of the conjugate gradients there.

    Returns
    -------
    Point
        The run has no status where no step from it descends.
    """
    step_size, largest = np.nan, 0.0
    while not run.done(point, step_size):
        preconditioner = preconditioner_at(point)
        steepest = preconditioner.solve(-point.gradient)
        energy = -float(np.vdot(point.gradient, steepest))
        largest = max(largest, energy)
        if run.newton is not None:
            line = run.newton.line
        else:
            enough = _enough(point, run.tol, energy, largest)
            line = _newton_line(point, preconditioner, steepest, enough)
        found = exact_step(line, ACCURACY)
        if found is None:
            break
        step_size, point = np.max(found[0]), found[1]
    return point


def _enough(point, tol, energy, largest):
    """The residual's energy at which the conjugate gradients of a step end."""
    left = LEFT * tol * point.unit
    if not is_parabola(point.problem):
        share = ROUGH * np.sqrt(energy / largest) if largest > 0 else ROUGH
        return max(share * energy, left)
    # One step may be the last. Where it was not, a gap was more beside its energy than ``left`` has
    # it; that of the next step is alike.
    fall = FALL * tol * point.unit / point.dual_gap if point.dual_gap > 0 else 1.0
    return min(left, fall * energy)


def _newton_line(point, preconditioner, steepest, enough):
    """The line towards about the minimum of the second-order model: the residual's ``energy``
    there is at most ``enough``."""
    problem, rows = point.problem, point.problem.rows
    curvature = rows.curvature(point.raw, point.intercept)
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    direction, slope, residual = np.zeros(problem.shape), rows.nothing(), -point.gradient
    ahead, energy = steepest.copy(), float(np.vdot(residual, steepest))
    term = np.empty_like(direction)
    for _ in range(MOST_PRODUCTS):
        raw, product = rows.hessian_product(curvature, ahead)
        product += np.multiply(smooth, ahead, out=term)
        along = float(np.vdot(ahead, product))
        if not along > 0:  # rounding, or a direction without curvature
            break
        step = energy / along
        direction += np.multiply(step, ahead, out=term)
        slope = rows.combined(slope, step, raw)
        residual -= np.multiply(step, product, out=product)
        steepest = preconditioner.solve(residual)
        before, energy = energy, float(np.vdot(residual, steepest))
        if not energy > enough:
            break
        ahead *= energy / before
        ahead += steepest
    if not direction.any():
        return point.towards(steepest)
    return Line(point, direction, slope)
