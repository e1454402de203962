"""The loop for differentiable objectives: gradient, metric, exact line search."""

import numpy as np

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
    past, step_size = LimitedMemory(point.problem, memory), np.nan
    while not run.done(point, step_size):
        found = _first_descent(run, point, metric_at, past)
        if found is None:
            run.stall()
            break
        step_size, new = np.max(found[0]), found[1]
        past.add(new.coef - point.coef, new.gradient - point.gradient)
        point = new
    return point


def _first_descent(run, point, metric_at, past):
    """The first step that lowers the objective, of those that may, the most promising first."""
    if run.newton is not None and (found := exact_step(run.newton.line)):
        return found
    metric = metric_at(point)
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
    # A quadratic's minimum on a line costs nothing more; and L-BFGS then takes the steps of CG.
    accuracy = 1e-8 if point.problem.loss.constant_curvature else 0.1
    return exact_step(point.towards(-past.solve(point.gradient, metric)), accuracy)
