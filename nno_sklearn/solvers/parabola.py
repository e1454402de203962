"""Squared errors with a smooth penalty in more columns than fit a matrix: a parabola.

Its second-order model is the objective itself, so that conjugate gradients are all that it takes:
one long step is the last, up to what its gap is above the one that was foreseen.
"""

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.solvers.conjugate_gradients import model_minimum
from nno_sklearn.solvers.linesearch import exact_step

#: Share of the gap that a run may leave, below which the energy need not fall.
LEFT = 0.02
#: Share of what a gap is above the limit to which the energy falls in a step that is the last.
FALL = 0.1


def descend_on_parabola(run, point, preconditioner_at):
    """Steps to about the minimum, until it is proved.

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
    step_size = np.nan
    while not run.done(point, step_size):
        found = exact_step(_line(run, point, preconditioner_at(point)))
        if found is None:
            break
        step_size, point = np.max(found[0]), found[1]
    return point


def _line(run, point, preconditioner):
    """The line to about the minimum."""
    if run.newton is not None:
        return run.newton.line
    steepest = preconditioner.solve(-point.gradient)
    energy = -float(np.vdot(point.gradient, steepest))
    place, residual = (point.problem, point.curvature, point.coef), -point.gradient
    enough = _enough(point, run.tol, energy)
    direction, slope = model_minimum(*place, residual, preconditioner, steepest, enough)
    if not direction.any():
        return point.towards(steepest)
    return Line(point, direction, slope)


def _enough(point, tol, energy):
    """The residual's energy at which the conjugate gradients end.

    Where a step was not the last, a gap was more beside its energy than ``LEFT`` has it; that of
    the next step is alike.
    """
    limit = tol * point.unit
    fall = FALL * limit / point.dual_gap if point.dual_gap > 0 else 1.0
    return min(LEFT * limit, fall * energy)
