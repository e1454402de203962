"""The small problems on which :func:`check_solver` runs a solver, and its checks of the runs."""

import numpy as np

from nno_sklearn.contracts.answers import broken
from nno_sklearn.contracts.solver import ACCURACY, examine_result
from nno_sklearn.losses import Huber, LogLoss, MultinomialLogLoss, Poisson, SquaredError
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty
from nno_sklearn.problem import Objective, Problem
from nno_sklearn.solvers import Status

N_SAMPLES, N_FEATURES = 60, 4
MAX_ITER, TOL, LOOSE = 300, 1e-5, 1e10
PENALTIES = (L2(), L1(), ElasticNet(0.5), NoPenalty())


def _data():
    """Rows, and targets for each loss."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_SAMPLES, N_FEATURES)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -1.0]
    eta = (X - X.mean(axis=0)) @ rng.normal(size=(N_FEATURES, 3)) / 2
    noisy = eta + rng.normal(size=eta.shape)
    return X, [
        (SquaredError(), noisy[:, :1]),
        (SquaredError(), noisy[:, :2]),
        (Huber(), noisy[:, :1]),
        (LogLoss(), (noisy[:, :1] > 0).astype(float)),
        (MultinomialLogLoss(), np.eye(3)[noisy.argmax(axis=1)]),
        (Poisson(), rng.poisson(np.exp(0.3 * eta[:, :1])).astype(float)),
    ]


def posed_problems(solver):
    """Problems with the losses and penalties that a solver accepts."""
    X, targets = _data()
    weight = np.random.RandomState(1).uniform(0.5, 2.0, N_SAMPLES)
    return [
        Problem.of(Objective(loss, penalty, 0.05), X, y, weight)
        for loss, y in targets
        for penalty in PENALTIES
        if not solver.missing(loss, penalty)
    ]


def run_all(solver, problem):
    """Raise a ValueError at the first violation of a solver's contract on a problem."""
    result = _run(solver, problem, problem.null)
    if result.status is not Status.CONVERGED and not result.objective < problem.null_value:
        found = "lowered nothing, although it started far from an optimum"
        raise broken(solver, "solve", found, "Return the best point of the run.")
    again = _run(solver, problem, problem.null)
    if not np.array_equal(result.coef, again.coef):
        found = "returned other coefficients for the same random_state=0"
        raise broken(solver, "solve", found, "Draw from check_random_state(random_state) only.")
    _check_limits(solver, problem)
    _check_start(solver, problem, result)


def _run(solver, problem, start, *, max_iter=MAX_ITER, tol=TOL):
    """Solve, and check the result, and that the arguments are unchanged."""
    seen, parameters = [], repr(solver.get_params())

    def note(record, coefficients):
        seen.append(record)

    coef, intercept, y = start.coef.copy(), start.intercept.copy(), problem.rows.y.copy()
    result = solver.select(problem).solve(
        problem, start, max_iter=max_iter, tol=tol, callback=note, random_state=0
    )
    examine_result(solver, problem, result, tol)
    kept = (start.coef, coef), (start.intercept, intercept), (problem.rows.y, y)
    if not all(np.array_equal(one, other) for one, other in kept):
        found = "changed the start, or the targets, in place"
        raise broken(solver, "solve", found, "Work on copies.")
    if repr(solver.get_params()) != parameters:
        found = "changed the solver's own parameters"
        raise broken(solver, "solve", found, "Keep what moves outside of the solver.")
    if not seen or len(seen) != len(result.history):
        found = f"called the callback {len(seen)} times for {len(result.history)} records"
        raise broken(solver, "solve", found, "Give the callback to the Run.")
    if not result.objective <= start.value + ACCURACY * abs(problem.null_value):
        found = f"ended at an objective of {result.objective:g}, above that of its start, "
        remedy = "Begin at the start that is given, and return the best point of the run."
        raise broken(solver, "solve", f"{found}{start.value:g}", remedy)
    return result


def _check_limits(solver, problem):
    short = _run(solver, problem, problem.null, max_iter=2)
    if short.n_iter > 2:
        found = f"took {short.n_iter} iterations with max_iter=2"
        raise broken(solver, "solve", found, "End where Run.done says so.")
    loose = _run(solver, problem, problem.null, tol=LOOSE)
    if loose.status is not Status.CONVERGED or loose.n_iter > 2:
        found = f"ended with {loose.status} after {loose.n_iter} iterations with tol={LOOSE:g}"
        raise broken(solver, "solve", found, "End where Run.done says so.")


def _check_start(solver, problem, result):
    """One iteration from the end of a run must not raise the objective."""
    intercept = problem.inner_intercept(result.coef, result.intercept)
    _run(solver, problem, problem.at(result.coef, intercept), max_iter=1)
