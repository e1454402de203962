"""One run of a solver, with the checks and certificates of its result; first fits."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from nno_sklearn.contracts import check_result
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import is_nearly_sharp
from nno_sklearn.solvers import (
    SOLVERS,
    Solver,
    SolverResult,
    certify_returned,
    solve_nonsmooth,
    solve_ordered,
    solve_with_scale,
)
from nno_sklearn.solvers.result import Status
from nno_sklearn.types import Array, RandomState

#: When a first fit ends: it is as exact as what is made of it.
PILOT_TOL, PILOT_MAX_ITER = 1e-9, 1000


def minimise(
    problem: Problem, solver: Solver, start: Point, *, is_returned: bool = True, **options: Any
) -> SolverResult:
    """Run a solver, and certify the coefficients as they are returned.

    Parameters
    ----------
    problem : Problem
    solver : Solver
        The one selected for the problem.
    start : Point
    is_returned : bool, default=True
        Whether a user gets the coefficients. Those that are only scored need no certificate beyond
        that of a run on float32 rows, in their precision.
    **options
        ``max_iter``, ``tol``, ``callback`` and ``random_state``, as of a solver.

    Returns
    -------
    SolverResult
    """
    sharp = problem.loss.sharp
    if sharp is not None and is_nearly_sharp(problem):
        problem = problem.with_loss(sharp)
    if not problem.loss.is_smooth:
        return solve_nonsmooth(problem, solver, start, **options, check=check_result)
    if problem.loss.has_scale:
        return solve_with_scale(problem, solver, start, **options, check=check_result)
    if problem.loss.has_intercepts:
        return solve_ordered(problem, solver, start, **options, check=check_result)
    result = solver.solve(problem, start, **options)
    check_result(solver, problem, result, options["tol"])
    if not (is_returned or problem.rows.is_exact) and result.status is Status.CONVERGED:
        return result
    return certified(problem, solver, result, **options)


def certified(
    problem: Problem, solver: Solver, result: SolverResult, **options: Any
) -> SolverResult:
    """A result with the certificate of its coefficients as they are returned.

    Parameters
    ----------
    problem, solver, **options
        As for :func:`minimise`.
    result : SolverResult
        Of a loss with corners, a scale or several intercepts it is certified already.
    """
    loss = problem.loss
    if loss.has_scale or loss.has_intercepts or not loss.is_smooth:
        return result
    return certify_returned(problem, solver, result, **options)


def pilot_coefficients(problem: Problem, penalty: Penalty, random_state: RandomState) -> Array:
    """Coefficients of the first fit that an adaptive penalty depends on.

    Parameters
    ----------
    problem : Problem
        With any penalty; its rows and loss are those of the fit.
    penalty : Penalty
        That of the first fit, with strength 1.
    random_state : int, RandomState instance or None

    Returns
    -------
    ndarray of shape (n_features, n_outputs)

    Warns
    -----
    ConvergenceWarning
        Where the first fit did not converge.
    """
    first = problem.with_penalty(penalty, 1.0)
    solver = SOLVERS["auto"]().select(first)
    options: dict[str, Any] = {"max_iter": PILOT_MAX_ITER, "tol": PILOT_TOL, "callback": None}
    result = minimise(first, solver, first.null, **options, random_state=random_state)
    if result.status is not Status.CONVERGED:
        warnings.warn(
            "The first fit, on whose coefficients the adaptive penalty depends, did not converge: "
            f"{result.status.value}. Its optimality is {result.optimality:.2e}, above "
            f"{PILOT_TOL:g}. Scale the columns, or pass weights of a fit of your own.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return result.coef
