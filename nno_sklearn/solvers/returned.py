"""Certify the coefficients as they are returned: shortest, and in the precision of X."""

from dataclasses import replace

import numpy as np

from nno_sklearn.problem import shortest
from nno_sklearn.problem.cost import MOST_POLISHED_ENTRIES
from nno_sklearn.solvers.base import Run, Status
from nno_sklearn.solvers.linesearch import exact_step, rises
from nno_sklearn.solvers.newton import newton_step

#: Share of ``tol`` to solve to, so that the rounded result is still within ``tol``.
FINER = 0.25
#: Newton steps that polish a small problem's result, and the relative decrease worth another.
POLISH_STEPS, PRECISE = 10, 1e-17
EPS = np.finfo(float).eps


def certify_returned(problem, solver, result, *, max_iter, tol, callback, random_state):
    """The result with coefficients as the user gets them, and the certificate of these.

    Without a penalty they are the optimum of least norm; with a float32 X they are rounded to
    float32. Their certificate is computed with float64 products. Where it exceeds ``tol``, the
    solver continues from its own result with such products.

    Parameters
    ----------
    problem : Problem
    solver : Solver
    result : SolverResult
        What the solver returned.
    max_iter, tol, callback, random_state
        As given to the solver.

    Returns
    -------
    SolverResult
    """
    result = polished(
        problem, solver, result, tol=tol, callback=callback, random_state=random_state
    )
    coef = as_returned(problem, result.coef, tol)
    if problem.dtype == np.float64 and np.array_equal(coef, result.coef):
        return result
    problem, limits = problem.exact(), {"tol": tol, "callback": callback}
    judged = _judged(problem, _near(problem, coef, result), result, **limits)
    if judged.status is not Status.ROUNDED:
        return judged
    start = _near(problem, result.coef, result)
    options = {"max_iter": max_iter, "tol": FINER * tol, "callback": callback}
    finer = solver.solve(problem, start, **options, random_state=random_state)
    history = _continued(result.history, finer.history)
    finer = replace(finer, status=Status.CONVERGED, history=history)
    coef = as_returned(problem, finer.coef, tol)
    return _judged(problem, _near(problem, coef, finer), finer, **limits)


def _near(problem, coef, result):
    """The point at ``coef``, near those of a result."""
    return problem.at(coef, problem.inner_intercept(result.coef, result.intercept))


def polished(problem, solver, result, *, tol, callback, random_state):
    """The result of a small problem, refined to the limit of precision, which is cheap there.

    A weight then equals a repetition up to rounding, not only within ``tol``.
    """
    size = problem.n_samples * problem.n_features * problem.n_outputs
    if result.status is not Status.CONVERGED or size > MOST_POLISHED_ENTRIES:
        return result
    start = _near(problem, result.coef, result)
    point = _newton_steps(start)
    if not problem.is_smooth and point.dual_gap > 64 * EPS * problem.null.value:
        # The solver must find which coefficients are 0.
        options = {"max_iter": POLISH_STEPS, "tol": PRECISE, "random_state": random_state}
        finer = solver.solve(problem, point, **options)
        point = _near(problem, finer.coef, finer)
        point = _newton_steps(point)
    point = problem.at(point.coef, point.intercept)  # its raw predictions are sums of steps
    # Below rounding, a solver may end farther from the optimum than it started.
    is_nearer = point.dual_gap <= start.dual_gap and not rises(point, start)
    if not is_nearer or np.array_equal(point.coef, start.coef):
        return result
    return _judged(problem, point, result, tol=tol, callback=callback)


def _newton_steps(point):
    """Newton steps while a line search finds descent, then up to two full ones."""
    unit = point.problem.null.value
    for _ in range(POLISH_STEPS):
        step = newton_step(point)
        found = exact_step(step.line, accuracy=1e-8) if step.decrease > PRECISE * unit else None
        if found is None:
            break
        point = found[1]
    else:
        step = newton_step(point)
    for _ in range(2):
        whole = step.line.point(np.ones(1))
        next_step = newton_step(whole)
        ends_nearer = next_step.decrease < step.decrease and not rises(whole, point)
        if not (ends_nearer and _same_signs(whole, point)):
            break
        point, step = whole, next_step
    return point


def _same_signs(point, other):
    """Whether no coefficient has crossed 0, where the penalty may not be differentiable."""
    return point.problem.is_smooth or np.array_equal(np.sign(point.coef), np.sign(other.coef))


def as_returned(problem, coef, tol):
    """Coefficients as a user gets them."""
    if problem.penalty.is_zero:
        short = shortest(problem, coef)
        # Where X is rank-deficient by rounding only, it may matter to rows of huge curvature.
        if short is not coef and _costs_little(problem, short, coef, tol):
            coef = short
    coef = problem.penalty.constraints().prox(coef, 1.0)  # a bound may be missed by rounding
    return coef.astype(problem.dtype).astype(float)


def _costs_little(problem, coef, own, tol):
    own = problem.at(own)
    return problem.at(coef).value - own.value <= FINER * tol * own.unit


def _judged(problem, point, result, *, tol, callback):
    """``result`` with the coefficients of a point near its own, and their certificate."""
    run = Run(problem, max_iter=1, tol=tol, callback=callback)
    if not run.done(point, step_size=np.abs(point.coef - result.coef).max()):
        run.stall()
    status = run.status
    if status is Status.STALLED:  # it is not within tol
        # A run on float32 rows may have stalled by their precision alone: it may go on without.
        is_single = problem.dtype == np.float32 and result.status is Status.STALLED
        reached = is_single or result.status is Status.CONVERGED
        status = Status.ROUNDED if reached else result.status
    history = _continued(result.history, run.history)
    return replace(run.result(point), status=status, history=history, n_iter=len(history) - 1)


def _continued(history, records):
    """A history and the records of a later run, which goes on where and when the history ended."""
    ended, goes_on = history[-1].seconds if history else 0.0, {"start": "", "other_start": np.nan}
    return history + [
        record._replace(seconds=ended + record.seconds, **goes_on) for record in records
    ]
