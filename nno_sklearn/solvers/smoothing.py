"""Nonsmooth losses: smooth problems that come nearer, and the certificate of the loss itself."""

from collections.abc import Callable
from time import perf_counter
from typing import TypeAlias

import numpy as np

from nno_sklearn.problem import Point, Problem, nonsmooth_bound
from nno_sklearn.problem.cost import MOST_POLISHED_ENTRIES
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.solvers.base import Callback, Record, Solver, SolverResult, Status
from nno_sklearn.solvers.returned import as_returned
from nno_sklearn.types import RandomState

#: First width, in constant models' losses: from the constant model, and from a solved neighbour.
FIRST_WIDTH, NEAR_WIDTH = 1.0, 1e-2
#: Shares by which the next width is smaller, at least and at most.
LEAST_SHRINKAGE, MOST_SHRINKAGE = 0.5, 0.2
#: Share of ``tol`` that the next width aims at, the gap being as its square.
AIM = 0.2
#: Accuracy of a smooth problem, as a share of ``tol``, and at least in general.
FINER, ROUGH = 0.05, 1e-3
#: Newton decrement of a smooth problem without a penalty.
EXACT = 1e-9
#: Relative gap to which small problems are solved, which is cheap there: a weight then equals a
#: repetition up to rounding.
PRECISE = 1e-10
#: Widths in roundings of raw predictions, below which a smooth loss is no nearer.
ROUNDINGS = 256
EPS = np.finfo(float).eps

#: Refuses the result of a user's solver that breaks its contract.
Check: TypeAlias = Callable[[Solver, Problem, SolverResult, float], object]


def _accept(*args: object) -> None:
    """Check nothing."""


def solve_nonsmooth(
    problem: Problem,
    solver: Solver,
    start: Point,
    *,
    max_iter: int,
    tol: float,
    callback: Callback | None = None,
    random_state: RandomState = None,
    check: Check = _accept,
) -> SolverResult:
    """Minimise an objective whose loss is not differentiable.

    A smooth loss below it, whose corners are rounded off on a width, is solved by any solver, from
    the solution for the width before; the width shrinks as the gap asks for (a continuation;
    Nesterov, 2005). Its gradients are a dual point of the loss itself, which certifies each
    solution, and around which the next smooth loss is made (the method of multipliers; Rockafellar,
    1976): so widths need not become small for coefficients to become exact.

    Parameters
    ----------
    problem : Problem
    solver : Solver
    start : Point
    max_iter : int
        Iterations at most, of all smooth problems together.
    tol, callback, random_state
        As of a solver.
    check : callable, default=None
        Called with the solver, a smooth problem, the solver's result and its tolerance.

    Returns
    -------
    SolverResult
        Its history has one record per width, each of the loss itself.
    """
    # Small widths magnify the rounding of products in float32.
    run = _Continuation(problem := problem.exact(), start, max_iter, tol, callback)
    while run.status is None:
        options = {"tol": run.inner_tol, "callback": None, "random_state": random_state}
        smooth = problem.smoothed(run.width, run.dual)
        point = smooth.with_raw(run.coef, run.raw, run.intercept)
        found = solver.solve(smooth, point, max_iter=run.left, **options)
        check(solver, smooth, found, run.inner_tol)
        run.advance(found)
    return run.result()


class _Continuation:
    """The best point and bound so far, and the width that comes next."""

    def __init__(self, problem, start, max_iter, tol, callback):
        self._problem, self._max_iter, self._tol, self._callback = problem, max_iter, tol, callback
        is_small = problem.n_samples * problem.n_features <= MOST_POLISHED_ENTRIES
        self._goal = min(tol, PRECISE) if is_small else tol
        self._started, self._bound, self._unit = perf_counter(), -np.inf, problem.null.value
        self.coef, self.intercept = start.coef, start.intercept
        self.raw = problem.rows.raw(start.coef) if start.coef.any() else problem.rows.nothing()
        self._value, self._n_iter, self.status = float(start.value), 0, None
        #: Around which the next smooth loss is made; None where no dual point is known.
        self.dual = None
        first = NEAR_WIDTH if start.coef.any() else FIRST_WIDTH
        self.width = first * self._unit
        self.history = []
        self._record(np.nan, np.inf)
        if self._unit <= 0:  # the constant model is perfect
            self._bound, self.status = 0.0, Status.CONVERGED
            self._record(0.0, 0.0)

    @property
    def left(self):
        """Iterations that the next problem may take."""
        return max(1, self._max_iter - self._n_iter)

    @property
    def inner_tol(self):
        """Accuracy that the next problem needs."""
        if self._problem.penalty.is_zero:  # a dual point is one of an exact solution only
            return EXACT
        rough = ROUGH * min(1.0, self.width / self._unit)
        last = self.history[-1].optimality  # nan at the start
        return max(FINER * self._goal, min(rough, FINER * last) if last > 0 else rough)

    def advance(self, found):
        """Certify the solution of the smooth problem for a width, and choose the next one."""
        problem, before = self._problem, self.coef
        point = found.point
        self.coef, self.intercept, self.raw = point.coef, point.intercept, point.raw
        self._value = self._value_at(problem, self.coef, self.raw)
        if "conjugate" in problem.loss.provides:
            self.dual = point.problem.rows.dual(self.raw, self.intercept)
            self._bound = max(self._bound, nonsmooth_bound(problem, point, self.dual))
        self._n_iter += found.n_iter
        problem.rows.release(self.raw)  # what it keeps is of the smooth loss
        optimality = self._optimality()
        if np.isinf(optimality):  # nothing is known but how far the smooth problem is from its own
            optimality = found.optimality + (self._value - point.value) / self._least
        self._record(optimality, self._value - self._bound, np.abs(self.coef - before).max())
        self._decide(found, optimality)

    def _value_at(self, problem, coef, raw):
        """The objective, the intercept as it is."""
        losses = problem.rows.values(raw, self.intercept).sum()
        return float(losses + problem.alpha * problem.penalty.value(coef))

    @property
    def _least(self):
        """What ``tol`` is a share of."""
        return max(self._value, LEAST_UNIT * self._unit)

    def _optimality(self):
        return max(self._value - self._bound, 0.0) / self._least

    def _decide(self, found, optimality):
        size = self._problem.rows.targets.size.max() + np.abs(self.intercept).max()
        size += (self._problem.scale @ np.abs(self.coef)).max()
        if optimality <= self._goal or (optimality <= self._tol and self._has_settled(found)):
            self.status = Status.CONVERGED
        elif self.status is Status.STOPPED:
            return
        elif found.status is Status.NO_OPTIMUM:
            self.status = Status.NO_OPTIMUM
        elif self._n_iter >= self._max_iter:
            self.status = Status.MAX_ITER
        else:
            aim = np.sqrt(AIM * self._goal / optimality)
            self.width *= np.clip(aim, MOST_SHRINKAGE, LEAST_SHRINKAGE)
            if self.width <= ROUNDINGS * EPS * size:
                self.status = Status.CONVERGED if optimality <= self._tol else Status.STALLED

    def _has_settled(self, found):
        """Whether the last widths gained nothing, or no other may follow."""
        then, now = self.history[-3:][0].optimality, self.history[-1].optimality
        at_an_end = self._n_iter >= self._max_iter or found.status is not Status.CONVERGED
        return at_an_end or now > 0.5 * then

    def _record(self, optimality, gap, moved=np.nan):
        record = Record(
            objective=self._value,
            optimality=float(optimality),
            dual_gap=float(gap),
            step_size=float(moved),
            n_nonzeros=int(np.count_nonzero(self.coef)),
            n_passes=self._problem.n_passes,
            seconds=perf_counter() - self._started,
        )
        self.history.append(record)
        coefficients = lambda: (self.coef, self._problem.outer_intercept(self))  # noqa: E731
        if self._callback is not None and self._callback(record, coefficients):
            self.status = self.status or Status.STOPPED

    def result(self):
        """The result of the run, with the certificate of coefficients as the user gets them."""
        problem, coef = self._problem, as_returned(self._problem, self.coef, self._tol)
        if not np.array_equal(coef, self.coef):
            self._judge(coef)
        last = self.history[-1]
        return SolverResult(
            coef=self.coef,
            intercept=problem.outer_intercept(self),
            n_iter=max(1, self._n_iter),
            n_passes=problem.n_passes,
            status=self.status,
            optimality=last.optimality,
            dual_gap=last.dual_gap,
            objective=last.objective,
            history=self.history,
        )

    def _judge(self, coef):
        """Certify other coefficients, near the last ones, by the same bound."""
        self.coef = coef
        self._value = self._value_at(self._problem, coef, self._problem.rows.raw(coef))
        optimality = self._optimality()
        if np.isinf(optimality):
            optimality = self.history[-1].optimality
        self._record(optimality, max(self._value - self._bound, 0.0), 0.0)
        if self.status is Status.CONVERGED and optimality > self._tol:
            self.status = Status.ROUNDED
