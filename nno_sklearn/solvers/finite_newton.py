"""Newton's method for piecewise quadratic losses: finite once the rows on each piece are known."""

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.linesearch import ROUNDING, exact_step

#: Newton steps that may rise before one must have fallen below the start.
WATCHDOG_STEPS = 5
#: Share of the outputs that must find a lower full step for the next try to come at once.
WORTHWHILE = 0.5
#: Share of a step's slope that the objective's own curvature takes away along it, at least.
OWN_CURVATURE = 0.5


class FiniteNewton:
    """Newton's method for piecewise quadratic losses, tried ever less often where it does not help.

    Each try may cost as much as :data:`WATCHDOG_STEPS` steps along lines. Once most outputs found
    no lower full step, 1, 3, 7, ... iterations go by before the next one.
    """

    def __init__(self):
        self._n_vain = self._left = 0

    def step(self, point, preconditioner):
        """As of :func:`full_steps`."""
        if self._left:
            self._left -= 1
            return None
        found, share = full_steps(point, preconditioner)
        self._n_vain = 0 if share >= WORTHWHILE else self._n_vain + 1
        self._left = 2**self._n_vain - 1
        return found


def full_steps(point, preconditioner):
    """Full Newton steps in coefficients and intercept, until one is below the start.

    Outputs that do not interact each keep their own first lower step; those that find none take the
    best place along the first one, as long as others do.

    Where each row's curvature is either 0 or a constant, a full step reaches the optimum once the
    set of curved rows is that of the optimum (Mangasarian, 2002). Exact line searches change that
    set a few rows at a time; a full step changes many, even if it raises the objective. So some
    steps may rise (the watchdog technique; Chamberlain, Powell, Lemarechal and Pedersen, 1982).
    An output ends where its step is not the model's minimum: rows on linear parts have slopes also
    where no row has curvature, and what keeps the Hessian regular would say how far to go there.

    Parameters
    ----------
    point : Point
    preconditioner : CurvaturePreconditioner or WoodburyPreconditioner
        The Hessian at the point.

    Returns
    -------
    Point or None
        None where no step is below the start.
    float
        Share of the outputs not at their optimum yet that found such a step.
    """
    problem, penalty, rows = point.problem, point.problem.penalty, point.problem.rows
    coef, raw, b = point.coef, point.raw, point.intercept
    gradient = point.gradient
    best = coef, raw, b
    waits = np.ones(point.values.shape, dtype=bool)
    has_fallen = ~waits
    for count in range(WATCHDOG_STEPS):
        sums = rows.sums(raw, b) if count else point.sums
        curvature = rows.curvature(raw, b)
        if count:
            shift = -curvature.intercept.solve(sums.total)
            gradient = rows.moved_gradient(raw, b, curvature, shift)
            gradient += problem.alpha * penalty.gradient(coef)
            gradient = np.where(waits, gradient, 0.0)  # others need no factors any more
            preconditioner = landmark_preconditioner(point, point, curvature, 0.0)
        step = -preconditioner.solve(gradient)
        moved = rows.raw(step)
        if not count:
            line = Line(point, step, moved)
            # Where the first step promises nothing, an output is at its optimum.
            waits &= -line.initial_slope > ROUNDING * np.abs(point.values)
            n_waiting = np.count_nonzero(waits)
        waits &= _has_curvature(problem, coef, step, gradient, rows.sums(raw, b, moved))
        b = b + rows.intercept_step(curvature, moved, sums.total)
        coef, raw = coef + step, rows.combined(raw, 1.0, moved)
        losses = problem.joined(rows.values(raw, b))
        # A decrease within rounding does not count: that output may still find a real one.
        limit = point.values - ROUNDING * abs(point.values)
        falls = waits & (losses + problem.penalties(coef) < limit)
        raws = rows.chosen(falls, raw, best[1])
        best = np.where(falls, coef, best[0]), raws, np.where(falls, b, best[2])
        waits, has_fallen = waits & ~falls, has_fallen | falls
        if not waits.any():
            break
    if not has_fallen.any():
        return None, 0.0
    found = None if has_fallen.all() else exact_step(line)
    point = problem.with_raw(*best) if found is None else _joined(has_fallen, best, found[1])
    return point, np.count_nonzero(has_fallen) / n_waiting


def _joined(which, first, second):
    """The point that has some outputs of coefficients, raw predictions and intercepts, and all
    others of a second point."""
    coef, raw, b = first
    raw = second.problem.rows.chosen(which, raw, second.raw)
    b = np.where(which, b, second.intercept)
    return second.problem.with_raw(np.where(which, coef, second.coef), raw, b)


def _has_curvature(problem, coef, step, gradient, sums):
    """For which outputs the slope along a step ends by curvature, not by what keeps it regular."""
    second = problem.joined(sums.second)
    if problem.fit_intercept:
        drift = -sums.curvature.solve(sums.mixed)
        second = second + problem.inner(sums.mixed[None], drift[None])
    second += problem.alpha * problem.inner(step, problem.penalty.curvature(coef) * step)
    return second >= OWN_CURVATURE * np.abs(problem.inner(gradient, step))
