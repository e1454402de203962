"""Certify the coefficients as they are returned: shortest, and in the precision of X."""

from dataclasses import replace

import numpy as np

from nno_sklearn.problem import shortest
from nno_sklearn.problem.cost import is_polished, takes_newton
from nno_sklearn.problem.intercept import NO_SEARCH, PRECISION
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.solvers.joint_newton import LEFT, PRECISE, newton_jointly, place_at
from nno_sklearn.solvers.linesearch import exact_step, rises, rounding_of
from nno_sklearn.solvers.newton import newton_step
from nno_sklearn.solvers.result import Status
from nno_sklearn.solvers.run import Run

#: Share of ``tol`` to solve to, so that the rounded result is still within ``tol``.
FINER = 0.25
#: Newton steps that polish a small problem's result, the share of the decrease before that a whole
#: step leaves near the optimum, and what the last one may add to what the coefficients promise,
#: where that is rounding.
POLISH_STEPS, FALLS, FARTHER = 10, 0.25, 2.0
#: Terms of a value, as multiples of it, whose rounding matters.
LARGE = 1e4
#: Roundings of a value that sums of as many terms may differ by.
DRIFT = 64
#: Relative gap from which on coefficients are far from those of the optimum.
FAR = 0.1
#: Relative gap at which curved penalties have settled which coefficients are 0.
SETTLED = 1e-11
EPS = np.finfo(float).eps
#: How runs end that rounding may have led astray.
SPOILT = (Status.ROUNDED, Status.STALLED, Status.NO_OPTIMUM)
#: Relative gap that is rounding.
GAP_ROUNDING = 64 * EPS


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
    coef, rows = as_returned(problem, result.coef, tol), _with_digits(problem, result)
    is_same = coef is result.coef or (
        problem.dtype == np.float64 and np.array_equal(coef, result.coef)
    )
    if is_same and rows is problem:
        return _or_null(problem, result, tol=tol, callback=callback)
    problem, limits = rows.exact(), {"tol": tol, "callback": callback}
    # Where a bound proves the result with its intercept, a better one is not worth looking for.
    is_proved = result.objective - result.bound <= tol * result.objective
    precision = NO_SEARCH if is_proved else PRECISION
    judged = _judged(problem, _near(problem, coef, result, precision), result, **limits)
    if judged.status is not Status.ROUNDED:
        return _or_null(problem, judged, **limits)
    start = _near(problem, result.coef, result)
    options = {"max_iter": max_iter, "tol": FINER * tol, "callback": callback}
    finer = solver.solve(problem, start, **options, random_state=random_state)
    history = _continued(result.history, finer.history)
    finer = replace(finer, status=Status.CONVERGED, history=history)
    coef = as_returned(problem, finer.coef, tol)
    if not np.isfinite(coef).all():  # float32 has no numbers so large
        return _or_null(problem, judged, **limits)
    # Slopes at rounded coefficients may be far from the dual point that those before rounding have.
    exact = _near(problem, finer.coef, finer)
    bound = float(exact.value - exact.dual_gap)
    better = _judged(problem, _near(problem, coef, finer), finer, **limits, bound=bound)
    is_better = better.status is Status.CONVERGED or better.objective <= judged.objective
    return _or_null(problem, better if is_better else judged, **limits)


def _or_null(problem, result, **limits):
    """A result, or the constant model where that is better: huge coefficients which cancel may
    not do so once they are rounded."""
    null, result = problem.null, _as_stored(problem, result, limits["tol"])
    if result.status is Status.CONVERGED or result.objective <= null.value:
        return result
    return _judged(problem, problem.at(null.coef, null.intercept), result, **limits)


def _as_stored(problem, result, tol):
    """A result with the objective at its coefficients and intercept as they are stored, where
    rounding may have spoilt them."""
    coef, intercept = result.coef, result.intercept
    if result.status not in SPOILT and not problem.rounds_intercepts(coef, intercept):
        return result
    value = problem.value_as_stored(coef, intercept)
    value = value if np.isfinite(value) else np.inf
    rise = value - result.objective
    if rise <= DRIFT * EPS * abs(result.objective):
        return result
    unit = max(value, LEAST_UNIT * problem.null_value)
    gap, has_gap = result.dual_gap + rise, np.isfinite(result.dual_gap)
    share = gap / unit if has_gap else np.hypot(result.optimality, np.sqrt(rise / unit))
    status = result.status
    if status is Status.CONVERGED and share > tol:
        status = Status.ROUNDED
    last = result.history[-1]._replace(objective=value, dual_gap=gap, optimality=share)
    return replace(
        result,
        status=status,
        objective=value,
        dual_gap=gap,
        optimality=float(share),
        history=[*result.history[:-1], last],
        n_passes=problem.n_passes,
    )


def _with_digits(problem, result):
    """The problem on all rows, where second moments stand for them and lose digits of the value, as
    it is left of terms that cancel; else the problem as it is."""
    if problem.given is problem:
        return problem
    terms = np.sum((problem.scale @ np.abs(result.coef)) ** 2)
    return problem.given if terms > LARGE * result.objective else problem


def _continued(history, more):
    """A history, and that of a run which goes on where it ended: it has no start of its own."""
    ended = history[-1].seconds if history else 0.0
    return history + [
        record._replace(seconds=ended + record.seconds, start="", other_start=np.nan)
        for record in more
    ]


def _near(problem, coef, result, precision=PRECISION):
    """The point at ``coef``, near those of a result; its own, where that is no sum of steps."""
    own = result.point
    if own is not None and own.problem is problem and own.coef is coef and own.is_afresh:
        return own
    intercept = problem.inner_intercept(result.coef, result.intercept)
    return problem.at(coef, intercept, precision)


def polished(problem, solver, result, *, tol, callback, random_state):
    """The result of a small problem, refined to the limit of precision, which is cheap there.

    A weight then equals a repetition up to rounding, not only within ``tol``; and the objective is
    that of the coefficients, not of raw predictions which are sums of steps.
    """
    if result.is_precise or result.status is Status.STOPPED or not is_polished(problem):
        return result
    start = point = _near(problem, result.coef, result)
    is_exact = problem.loss.constant_curvature and result.dual_gap <= GAP_ROUNDING * start.value
    if result.status is Status.CONVERGED and not is_exact:
        point = _nearest(start, solver, random_state)
    has_drifted = abs(start.value - result.objective) > DRIFT * EPS * abs(start.value)
    if point is start and not has_drifted:
        return result
    return _judged(problem, point, result, tol=tol, callback=callback)


def _nearest(start, solver, random_state):
    """A point that is nearer to the optimum, as far as precision goes; the start where none is."""
    problem, point, has_ended = start.problem, start, False
    if problem.is_smooth and takes_newton(problem):
        first = place_at(problem, start.coef, start.intercept)
        found, has_ended = newton_jointly(problem, first, LEFT)
        point = found or start
    # Far from the optimum, which coefficients are 0 is for the solver to find.
    is_far = not problem.is_smooth and FAR * start.value < start.dual_gap < np.inf
    if not (has_ended or is_far):
        point = _newton_steps(point)
    least = _least_gap(point)
    if not problem.is_smooth and point.dual_gap > least * problem.null_value:
        # The solver must find which coefficients are 0.
        options = {"max_iter": POLISH_STEPS, "tol": least, "random_state": random_state}
        finer = solver.solve(problem, point, **options)
        point = _newton_steps(_near(problem, finer.coef, finer))
    if np.array_equal(point.coef, start.coef):
        return start
    if not has_ended:  # its raw predictions are sums of steps
        point = problem.at(point.coef, point.intercept)
    # Below rounding, a solver may end farther from the optimum than it started; a gap tells, and
    # without one values, whose rounding may be more than what is left.
    farthest = max(start.dual_gap, GAP_ROUNDING * start.value)
    is_near = point.dual_gap <= farthest
    return point if is_near and (np.isfinite(farthest) or not rises(point, start)) else start


def _least_gap(point):
    """Relative gap that Newton's steps leave where the right coefficients are 0: rounding, if such
    a step is exact; else more, as it is of first order in the gradient, their decrease of second.
    """
    is_exact = point.problem.penalty.piecewise_quadratic(point.coef) is not None
    return GAP_ROUNDING if is_exact else SETTLED


def _newton_steps(point):
    """Newton's steps to the limit of precision; a line search where a whole one goes too far."""
    step = newton_step(point)
    for _ in range(POLISH_STEPS):
        if step.decrease <= PRECISE * point.value:
            break
        end = step.line.point(np.ones(1))
        following = newton_step(end)
        if not following.decrease <= FALLS * step.decrease or rises(end, point):
            found = exact_step(step.line, accuracy=1e-8)
            if found is None:
                break
            end, following = found[1], newton_step(found[1])
        point, step = end, following
    last = _last_step if point.problem.has_dual else _last_proved_steps
    return last(point, step)


def _last_step(point, step):
    """One more step; whether that is nearer tells the duality gap."""
    end = step.line.point(np.ones(1))
    # What is left may be rounding at both; along directions of little curvature the step still
    # comes nearer.
    is_farther = _promise(end) > FARTHER * _promise(point) or rises(end, point)
    return point if is_farther or not _same_signs(end, point) else end


def _last_proved_steps(point, step):
    """Up to two more, while the decrement falls: where there is no gap, it alone tells."""
    for _ in range(2):
        end = step.line.point(np.ones(1))
        following = newton_step(end)
        is_nearer = following.decrease < step.decrease and not rises(end, point)
        if not (is_nearer and _same_signs(end, point)):
            break
        point, step = end, following
    return point


def _promise(point):
    return point.promised_decrease.sum()


def _same_signs(point, other):
    """Whether no coefficient has crossed 0, where the penalty may not be differentiable."""
    return point.problem.is_smooth or np.array_equal(np.sign(point.coef), np.sign(other.coef))


def as_returned(problem, coef, tol):
    """Coefficients as a user gets them."""
    free = _free_features(problem.penalty, coef)
    if len(free):
        is_all = len(free) == problem.n_features
        part, short = problem if is_all else problem.columns(free), coef.copy()
        short[free] = shortest(part, coef[free])
        # Where X is rank-deficient by rounding only, it may matter to rows of huge curvature.
        if (short != coef).any() and _costs_little(problem, short, coef, tol):
            coef = short
    coef = problem.penalty.constraints().prox(coef, 1.0)  # a bound may be missed by rounding
    if problem.dtype == np.float64:
        return coef
    with np.errstate(over="ignore"):
        return coef.astype(problem.dtype).astype(float)


def _free_features(penalty, coef):
    """Those that a penalty leaves free in all outputs."""
    if penalty.is_zero:
        return np.arange(len(coef))
    terms = penalty.piecewise_quadratic(coef)
    if terms is None or terms.grows:
        return np.empty(0, dtype=int)
    return np.flatnonzero(np.broadcast_to(terms.is_free, coef.shape).all(axis=1))


def _costs_little(problem, coef, own, tol):
    """Whether a Newton decrement stays within ``tol``, is rounding of raw predictions that leave
    nothing to explain, or no more than about that of a run's ``own`` coefficients. Values tell
    unless so little is rounding of their terms; then Newton steps do, which cost many passes.
    Losses with corners have no curvature, and a gap is of first order: values tell, as
    they do of penalties with kinks."""
    short, own = problem.at(coef), problem.at(own)
    if not (problem.loss.is_smooth and problem.is_smooth):
        return short.value - own.value <= FINER * tol * own.unit
    most = max((FINER * tol) ** 2 * own.unit, (64 * EPS) ** 2 * problem.null_value)
    if most > rounding_of(problem) and short.value - own.value <= most:
        return True
    decrease = newton_step(short).decrease
    return decrease <= most or decrease <= FARTHER * newton_step(own).decrease


def _judged(problem, point, result, *, tol, callback, bound=-np.inf):
    """``result`` with the coefficients of a point near its own, and their certificate, to which a
    bound from below on the optimum may serve."""
    bound = max(bound, result.bound)
    run = Run(problem, max_iter=1, tol=tol, callback=callback, bound=bound)
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
