"""The loop for differentiable objectives: gradient, metric, exact line search."""

import numpy as np

from nno_sklearn.solvers.finite_newton import finite_newton
from nno_sklearn.solvers.linesearch import exact_step
from nno_sklearn.solvers.metric import LimitedMemory, diagonal_metric
from nno_sklearn.solvers.newton import newton_step


def descend(run, point, metric_at, memory):
    """Move downhill from ``point`` until the run is done; two passes over X an iteration.

    Parameters
    ----------
    run : Run
    point : Point
    metric_at : callable
        Gives the metric to use at a point.
    memory : int
        Number of past steps that correct the metric (L-BFGS).

    Returns
    -------
    Point
    """
    past, step_size, metric = LimitedMemory(point.problem, memory), np.nan, None
    while not run.done(point, step_size):
        before, metric = metric, metric_at(point)
        if metric.is_hessian and metric is not before:
            past.clear()  # secants of the way here know less than second derivatives of this place
        found = _first_descent(run, point, metric, past)
        if found is None:
            run.stall()
            break
        step_size, new = np.max(found[0]), found[1]
        past.add(new.coef - point.coef, new.gradient - point.gradient)
        point = new
    return point


def _first_descent(run, point, metric, past):
    """The first step that lowers the objective, of those that may, the most promising first."""
    if run.newton is not None and (found := exact_step(run.newton.line)):
        return found
    if found := _step(point, metric, past):
        return found
    if len(past):
        past.clear()  # the corrections may mislead; the metric alone cannot
        if found := _step(point, metric, past):
            return found
    # Where a metric misleads, as between a loss's flat parts, plain gradients do not.
    if found := _step(point, diagonal_metric(point), past):
        return found
    return None if run.newton is not None else exact_step(newton_step(point).line)


def _step(point, metric, past):
    problem = point.problem
    has_flat_parts = problem.loss.largest_curvature is not None
    if metric.is_hessian and has_flat_parts and problem.correction.is_zero:
        found = finite_newton(point, metric)
        if found is not None:
            return np.ones(1), found
    # A quadratic's minimum on a line costs nothing more; and L-BFGS then takes the steps of CG.
    accuracy = 1e-8 if problem.loss.constant_curvature else 0.1
    return exact_step(point.towards(-past.solve(point.gradient, metric)), accuracy)
