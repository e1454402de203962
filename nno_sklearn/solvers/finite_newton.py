"""Newton's method for losses with flat parts: it ends where the rows on them are known."""

import numpy as np

from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.linesearch import ROUNDING

#: Newton steps that may rise before one must have fallen below the start.
WATCHDOG_STEPS = 5


def finite_newton(point, preconditioner):
    """Full Newton steps in coefficients and intercept, until one falls below the start.

    Outputs that do not interact stop at steps of their own.

    With curvature that is 0 or constant in each row, a step ends the search once it knows which
    rows are curved (Mangasarian, 2002). Exact line searches learn these a few at a time, while a
    full step that rises may lead to where most of them are known. So some steps may rise (the
    watchdog technique; Chamberlain, Powell, Lemarechal and Pedersen, 1982).

    Parameters
    ----------
    point : Point
    preconditioner : CurvaturePreconditioner or WoodburyPreconditioner
        The Hessian at the point.

    Returns
    -------
    Point or None
        None where no step has fallen below the start; the way was none then.
    """
    problem, penalty, rows = point.problem, point.problem.penalty, point.problem.rows
    coef, raw, b = point.coef, point.raw, point.intercept
    gradient = point.gradient
    best = coef, raw, b
    rises = np.ones(point.values.shape, dtype=bool)
    for count in range(WATCHDOG_STEPS):
        sums = rows.sums(raw, b) if count else point.sums
        curvature = rows.curvature(raw, b)
        if count:
            shift = -curvature.intercept.solve(sums.total)
            gradient = rows.moved_gradient(raw, b, curvature, shift)
            gradient += problem.alpha * penalty.gradient(coef)
            preconditioner = landmark_preconditioner(point, point, curvature, 0.0)
        step = -preconditioner.solve(gradient)
        moved = rows.raw(step)
        b = b + rows.intercept_step(curvature, moved, sums.total)
        coef, raw = coef + step, rows.combined(raw, 1.0, moved)
        losses = problem.joined(rows.values(raw, b))
        # Falls by rounding alone would keep the other outputs from steps that do lead down.
        limit = point.values - ROUNDING * abs(point.values)
        falls = rises & (losses + problem.penalties(coef) < limit)
        raws = rows.chosen(falls, raw, best[1])
        best = np.where(falls, coef, best[0]), raws, np.where(falls, b, best[2])
        rises &= ~falls
        if not rises.any():
            break
    return None if rises.all() else problem.with_raw(*best)
