"""The form of a solver's result, and whether its claims hold."""

from numbers import Integral

import numpy as np

from nno_sklearn.contracts.answers import as_array, broken
from nno_sklearn.problem import Certificate
from nno_sklearn.solvers import AutoSolver, SolverResult, Status

#: Error of a solver's reported objective, relative to that of the null model.
ACCURACY = 1e-6
#: Decrease, in the same unit, above which it is not rounding.
ROUNDING = 1e-10
#: Iterations of a second solver where convergence is in doubt.
SECOND_OPINION = 100


def examine_result(solver, problem, result, tol):
    """Raise a ValueError where the result of a solver is malformed or a claim of it is false.

    Parameters
    ----------
    solver : Solver
    problem : Problem
    result : SolverResult
    tol : float
    """
    _check_form(solver, problem, result)
    with np.errstate(all="ignore"):
        point = problem.at(result.coef, problem.inner_intercept(result.coef, result.intercept))
        _check_objective(solver, problem, result, point)
        if result.status is Status.CONVERGED:
            _check_convergence(solver, problem, result, point, tol)


def _check_form(solver, problem, result):
    if not isinstance(result, SolverResult):
        raise broken(
            solver,
            "solve",
            f"returned a {type(result).__name__}, but a SolverResult is expected",
            "End with `return run.result(point)`, where run is a nno_sklearn.solvers.Run.",
        )
    for name, shape in (("coef", problem.shape), ("intercept", (problem.n_outputs,))):
        array = as_array(solver, "solve", getattr(result, name), shape)
        if not np.isfinite(array).all():
            remedy = "Take shorter steps, for instance to the minimum along a line."
            raise broken(solver, "solve", f"returned a {name} that is infinite", remedy)
    if not isinstance(result.status, Status):
        found = f"returned the status {result.status!r}, but a nno_sklearn.solvers.Status"
        raise broken(solver, "solve", f"{found} is expected", "Let a Run set it.")
    if not isinstance(result.n_iter, Integral) or result.n_iter < 1:
        found = f"returned n_iter={result.n_iter!r}, but a count of at least 1 is expected"
        raise broken(solver, "solve", found, "Let a Run count: one record for each iteration.")
    if not (isinstance(result.history, list) and result.history):
        found = f"returned history={result.history!r}, but a list of records is expected"
        raise broken(solver, "solve", found, "Return that of a Run.")
    for name in ("objective", "optimality", "dual_gap"):
        as_array(solver, "solve", getattr(result, name), ())
    point = result.point
    if point is not None and not (
        point.problem is problem and np.array_equal(point.coef, result.coef)
    ):
        raise broken(
            solver,
            "solve",
            "returned a point of another problem, or with other coefficients",
            "Return the point where the run ended, or point=None.",
        )


def _check_objective(solver, problem, result, point):
    intercept = problem.inner_intercept(result.coef, result.intercept)
    loss = problem.rows.values(point.raw, intercept).sum()
    value = loss + problem.alpha * problem.penalty.value(result.coef)
    unit = ACCURACY * max(abs(problem.null_value), abs(value))
    if not abs(value - result.objective) <= unit:
        raise broken(
            solver,
            "solve",
            f"returned objective={result.objective:g}, but that of its coefficients and intercept "
            f"is {value:g}",
            "Return coef, intercept and objective of one point, as Run.result does.",
        )


_REMEDY = "Claim convergence only where Run.done finds it."


def _check_convergence(solver, problem, result, point, tol):
    """Check a claim of convergence that the certificate of the point does not confirm.

    A run may have had a better bound than that of its last point. So another solver continues from
    it: an objective lower by more than ``tol`` refutes the claim.
    """
    if not result.optimality <= tol:
        raise broken(
            solver,
            "solve",
            f"returned {Status.CONVERGED} with optimality={result.optimality:g}, above tol={tol:g}",
            _REMEDY,
        )
    optimality = Certificate().judge(point)[1]
    if optimality <= tol * (1 + ACCURACY):
        return
    trusted = AutoSolver()
    if trusted.missing(problem.loss, problem.penalty):
        return
    lowest = trusted.solve(problem, point, max_iter=SECOND_OPINION, tol=tol, random_state=0)
    allowed = tol if problem.has_dual else tol**2  # a gap, or squared decrement
    if point.value - lowest.objective > max(allowed, ROUNDING) * abs(problem.null_value):
        raise broken(
            solver,
            "solve",
            f"returned {Status.CONVERGED}, but the optimality of its coefficients is "
            f"{optimality:.2g}, above tol={tol:g}, and {lowest.objective:g} lies below its "
            f"objective of {point.value:g}",
            _REMEDY,
        )
