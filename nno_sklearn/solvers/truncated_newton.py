"""Newton's steps by conjugate gradients, for coupled outputs whose Hessian is dear to form.

A product with the Hessian takes no new look at the loss, which for few rows costs more than the
products with X do, and no search for an intercept or a step length.
"""

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.solvers.linesearch import exact_step

#: Share of the squared residual, in the metric of the preconditioner, at which a first step ends
#: (Dembo and Steihaug, 1983); later ones are as much more exact as the residual has fallen.
ROUGH = 0.3
#: Share of the gap that a run may leave, below which a step need not fall.
LEFT = 0.02
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
            share = ROUGH * np.sqrt(energy / largest) if largest > 0 else ROUGH
            enough = max(share * energy, LEFT * run.tol * point.unit)
            line = _newton_line(point, preconditioner, steepest, enough)
        found = exact_step(line, ACCURACY)
        if found is None:
            break
        step_size, point = np.max(found[0]), found[1]
    return point


def _newton_line(point, preconditioner, steepest, enough):
    """The line towards about the minimum of the second-order model: the residual's ``energy``
    there is at most ``enough``."""
    problem, rows = point.problem, point.problem.rows
    curvature = rows.curvature(point.raw, point.intercept)
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    direction, slope, residual = np.zeros(problem.shape), rows.nothing(), -point.gradient
    ahead, energy = steepest, float(np.vdot(residual, steepest))
    for _ in range(MOST_PRODUCTS):
        raw, product = rows.hessian_product(curvature, ahead)
        product += smooth * ahead
        along = float(np.vdot(ahead, product))
        if not along > 0:  # rounding, or a direction without curvature
            break
        step = energy / along
        direction, slope = direction + step * ahead, rows.combined(slope, step, raw)
        residual -= step * product
        steepest = preconditioner.solve(residual)
        before, energy = energy, float(np.vdot(residual, steepest))
        if not energy > enough:
            break
        ahead = steepest + energy / before * ahead
    if not direction.any():
        return point.towards(steepest)
    return Line(point, direction, slope)
