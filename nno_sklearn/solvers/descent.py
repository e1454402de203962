"""The loop for differentiable objectives: gradient, preconditioner, exact line search."""

import numpy as np

from nno_sklearn.problem.cost import has_room_for_newton
from nno_sklearn.solvers.finite_newton import FiniteNewton
from nno_sklearn.solvers.linesearch import exact_step
from nno_sklearn.solvers.newton import newton_step
from nno_sklearn.solvers.preconditioner import diagonal_preconditioner


def descend(run, point, preconditioner_at, past, step_size=np.nan):
    """Move downhill from ``point`` until the run is done; two passes over X an iteration.

    Parameters
    ----------
    run : Run
    point : Point
    preconditioner_at : callable
        Takes a point, returns the preconditioner to use there.
    past : LBFGS
        Empty; of the steps that correct the preconditioner.
    step_size : float, default=nan
        Of the step that led to the point; nan where none did.

    Returns
    -------
    Point
    """
    preconditioner, newton = None, FiniteNewton()
    past.carry_on(point.problem, point.coef)
    while not run.done(point, step_size):
        before, preconditioner = preconditioner, preconditioner_at(point)
        if preconditioner.is_hessian and preconditioner is not before:
            past.clear()  # earlier secants are less exact than the Hessian at this point
        found = _first_descent(run, point, preconditioner, past, newton)
        if found is None:
            run.stall()
            break
        step_size, new = np.max(found[0]), found[1]
        past.add(new.coef - point.coef, new.gradient - point.gradient)
        point = new
    past.hand_on(point.problem, point.coef)
    return point


def _first_descent(run, point, preconditioner, past, newton):
    """The first of several candidate steps that lowers the objective, the best candidate first."""
    if run.newton is not None and (found := exact_step(run.newton.line)):
        return found
    if found := _step(point, preconditioner, past, newton):
        return found
    if len(past):
        past.clear()  # corrected directions may fail to descend; the preconditioner's own cannot
        if found := _step(point, preconditioner, past, newton):
            return found
    # A preconditioner may underestimate curvature, as between a loss's flat parts.
    if found := _step(point, diagonal_preconditioner(point), past, newton):
        return found
    if run.newton is not None or not has_room_for_newton(point.problem):
        return None
    return exact_step(newton_step(point).line)


def _step(point, preconditioner, past, newton):
    problem = point.problem
    has_flat_parts = problem.loss.largest_curvature is not None
    if preconditioner.is_hessian and has_flat_parts and problem.correction.is_zero:
        found = newton.step(point, preconditioner)
        if found is not None:
            return np.ones(1), found
    # The minimum of a quadratic on a line is free, and makes L-BFGS equal conjugate gradients.
    accuracy = 1e-8 if problem.loss.constant_curvature else 0.1
    return exact_step(point.towards(-past.solve(point.gradient, preconditioner)), accuracy)
