"""Newton's method for losses with flat parts: it ends where the rows on them are known."""

import numpy as np

from nno_sklearn.problem.intercept import invert
from nno_sklearn.solvers.landmark_metric import landmark_metric
from nno_sklearn.solvers.linesearch import ROUNDING

#: Newton steps that may rise before one must have fallen below the start.
WATCHDOG_STEPS = 5


def finite_newton(point, metric):
    """Full Newton steps in coefficients and intercept, until one falls below the start.

    Outputs that do not interact stop at steps of their own.

    With curvature that is 0 or constant in each row, a step ends the search once it knows which
    rows are curved (Mangasarian, 2002). Exact line searches learn these a few at a time, while a
    full step that rises may lead to where most of them are known. So some steps may rise (the
    watchdog technique; Chamberlain, Powell, Lemarechal and Pedersen, 1982).

    Parameters
    ----------
    point : Point
    metric : CurvatureMetric or WoodburyMetric
        The Hessian at the point.

    Returns
    -------
    Point or None
        None where no step has fallen below the start; the way was none then.
    """
    problem, penalty = point.problem, point.problem.penalty
    coef, eta, intercept = point.coef, point.raw_prediction, point.intercept
    best, best_eta, best_intercept = coef, eta, intercept
    rises = np.ones(point.values.shape, dtype=bool)
    for count in range(WATCHDOG_STEPS):
        gradient, curvature = problem.loss.derivatives(problem.y, eta)
        inverse = invert(curvature.total(problem.weight)) * problem.fit_intercept
        shift = -inverse @ (problem.weight @ gradient)
        residual = gradient + curvature.product(np.broadcast_to(shift, eta.shape))
        slope = problem.design.rmatvec(problem.weight[:, None] * residual)
        slope += problem.alpha * penalty.gradient(coef)
        if count:
            metric = landmark_metric(point, point, curvature, 0.0)
        step = -metric.solve(slope)
        moved = problem.design.matvec(step)
        shift = shift - inverse @ (problem.weight @ curvature.product(moved))
        coef, eta, intercept = coef + step, eta + moved + shift, intercept + shift
        # Falls by rounding alone would keep the other outputs from steps that do lead down.
        falls = rises & (_values(problem, coef, eta) < point.values - ROUNDING * abs(point.values))
        best, best_eta = np.where(falls, coef, best), np.where(falls, eta, best_eta)
        best_intercept, rises = np.where(falls, intercept, best_intercept), rises & ~falls
        if not rises.any():
            break
    if rises.all():
        return None
    return problem.with_raw_prediction(best, best_eta - best_intercept, best_intercept)


def _values(problem, coef, eta):
    """As a point's ``values``, with the intercept as it is rather than at its optimum."""
    losses = problem.weight @ problem.loss.value(problem.y, eta)
    losses = losses if problem.is_separate else losses.sum(keepdims=True)
    return losses + problem.penalties(coef)
