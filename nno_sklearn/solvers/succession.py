"""Runs through problems that any solver takes, towards one that none takes: what they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from time import perf_counter
from typing import Any, ClassVar, TypeAlias

import numpy as np

from nno_sklearn.problem import Point, Problem, nonsmooth_bound
from nno_sklearn.problem.cost import MOST_POLISHED_ENTRIES
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.result import Callback, Record, SolverResult, Status, name_of
from nno_sklearn.solvers.returned import as_returned
from nno_sklearn.types import RandomState

#: Newton decrement of a problem without a penalty.
EXACT = 1e-9
#: How runs end whose last look may be no proof.
ON_THE_WAY = (Status.MAX_ITER, Status.STOPPED)
#: Share of the gap that may be left for a problem to be worth it.
WORTHWHILE = 0.7

#: Refuses the result of a user's solver that breaks its contract.
Check: TypeAlias = Callable[[Solver, Problem, SolverResult, float], object]


def accept(*args: object) -> None:
    """Check nothing."""


class Succession(ABC):
    """The best point and bound so far, and the problem that comes next.

    Parameters
    ----------
    problem : Problem
        What is solved, with products in float64.
    start : Point
    max_iter : int
        Iterations at most, of all problems together.
    tol : float
    callback : callable or None
    unit : float
        Objective of the constant model.
    """

    #: Relative gap to which small problems are solved, which is cheap there: a weight then equals a
    #: repetition up to rounding.
    precise: ClassVar[float]

    def __init__(
        self,
        problem: Problem,
        start: Point,
        max_iter: int,
        tol: float,
        callback: Callback | None,
        unit: float,
    ) -> None:
        self._problem, self._max_iter, self._tol, self._callback = problem, max_iter, tol, callback
        is_small = problem.n_samples * problem.n_features <= MOST_POLISHED_ENTRIES
        self._goal = min(tol, self.precise) if is_small else tol
        self._started, self._bound, self._unit = perf_counter(), -np.inf, unit
        self.coef, self.intercept = start.coef, start.intercept
        self.raw = problem.rows.raw(start.coef) if start.coef.any() else problem.rows.nothing()
        self._n_iter, self._since = 0, 0
        #: The smallest optimality so far, and how many problems in a row have not been worth it.
        self._nearest, self._in_vain = np.inf, 0
        self.status: Status | None = None
        self.history: list[Record] = []

    def solve(
        self, solver: Solver, random_state: RandomState = None, check: Check = accept
    ) -> SolverResult:
        """Solve one problem after the other, until the one that is wanted is certified.

        Where the solver looks for a start of its own, the lower of that and the one that was given
        is the first record's, and the problems that follow need no further search.
        """
        solver = self._begin(solver, random_state)
        self._approach(solver, random_state)
        while self.status is None:
            options: dict[str, Any] = {
                "tol": self._inner_tol,
                "callback": None,
                "random_state": random_state,
            }
            problem, left = self._next_problem(), max(1, self._max_iter - self._n_iter)
            point = problem.with_raw(self.coef, self.raw, self._shift)
            found = solver.solve(problem, point, max_iter=left, **options)
            check(solver, problem, found, self._inner_tol)
            self._advance(self._refined(problem, solver, found, **options))
        return self._result()

    def _begin(self, solver, random_state):
        """Choose the start, and record it; the solver of the problems that follow."""
        start, other = name_of(self), np.nan
        may_search = self.status is None and not self.coef.any()
        found = solver.nearby(self._like_problem(), random_state) if may_search else None
        if found is not None:
            start, other = self._choose(found)
            solver = solver.without_search()
        self._record(np.nan, np.inf, start=start, other_start=other)
        if self.status is Status.CONVERGED:  # the constant model is perfect
            self._record(0.0, self._gap)
        return solver

    def _choose(self, found):
        """Go to a point, if that is lower; the name of the start, and the other's objective."""
        given = vars(self).copy()
        self._move_to(found)
        other, value = given["_value"], self._value
        if value < other:
            return "cells", other
        vars(self).update(given)
        return name_of(self), value

    def _move_to(self, found):
        """Be at the minimum of another problem."""
        self.coef, self.intercept, self.raw = found.coef, found.intercept, found.raw
        self._value = self._value_at(self.coef, self.raw)

    def _like_problem(self):
        """A problem like the first ones, for a start."""
        return self._next_problem()

    def _approach(self, solver, random_state):  # noqa: B027 - most have none
        """Go nearer to the optimum by a way of its own, if there is one."""

    @abstractmethod
    def _next_problem(self):
        """A problem that solvers take."""

    @property
    def _shift(self):
        """The intercept in terms of the next problem."""
        return self.intercept

    def _refined(self, problem, solver, found, **options):
        """The solution of a problem, more exact where that serves the others."""
        return found

    @abstractmethod
    def _look(self, point):
        """Learn from the solution of the last problem; the objective there."""

    @abstractmethod
    def _has_next(self, found, optimality):
        """Choose the next problem, given the solution of the last; False where none is nearer."""

    @property
    @abstractmethod
    def _measure(self):
        """The problem with the loss by which coefficients are measured now."""

    @abstractmethod
    def _accuracy(self, goal, last):
        """Accuracy of the next problem, given the optimality that is wanted and the last one."""

    @property
    def _estimated(self):
        """The loss with what was estimated of it; None where that is nothing."""
        return None

    @property
    def _inner_tol(self):
        """Accuracy that the next problem needs."""
        if self._problem.penalty.is_zero:  # a dual point is one of an exact solution only
            return EXACT
        last = self.history[-1].optimality
        return self._accuracy(self._goal, last if last > 0 else 1.0)  # nan at the start

    def _bound_by(self, problem, sums, dual, share=1.0):
        """Keep a better bound from below on the optimum; see :func:`nonsmooth_bound`."""
        bound = nonsmooth_bound(problem, self.coef, sums, dual, share)
        self._bound = max(self._bound, bound)

    def _advance(self, found):
        """Certify the solution of a problem, and choose the next one."""
        point, before = found.point, self.coef
        point = point.problem.at(point.coef, point.intercept)  # raw predictions are sums of steps
        below = self._below(point)
        self.coef, self.intercept, self.raw = point.coef, point.intercept, point.raw
        self._value = self._look(point)
        self._n_iter += found.n_iter
        self._problem.rows.release(self.raw)  # what it keeps is of the other loss
        optimality = self._optimality()
        # Nothing else is known but how far the other problem is from its own optimum, and that only
        # where its run ended by itself: a look on the way there bounds it from below.
        if np.isinf(optimality) and found.status not in ON_THE_WAY:
            optimality = found.optimality + (self._value - below) / self._least
        self._record(optimality, self._gap, np.abs(self.coef - before).max())
        self._decide(found, optimality)

    def _below(self, point):
        """The other problem's objective, less what it may be above its own."""
        return point.value

    def _value_at(self, coef, raw):
        """The objective, the intercept as it is."""
        problem = self._measure
        losses = problem.rows.values(raw, self.intercept).sum()
        return float(losses + problem.alpha * problem.penalty.value(coef))

    @property
    def _least(self):
        """What ``tol`` is a share of."""
        return max(self._value, LEAST_UNIT * self._unit)

    @property
    def _gap(self):
        """How far the objective may be above its optimum; a bound may exceed it by rounding."""
        return max(self._value - self._bound, 0.0)

    def _optimality(self):
        return self._gap / self._least

    def _decide(self, found, optimality):
        if optimality <= self._goal or (optimality <= self._tol and self._has_settled(found)):
            self.status = Status.CONVERGED
        elif self.status is Status.STOPPED:
            return
        elif found.status is Status.NO_OPTIMUM:
            self.status = Status.NO_OPTIMUM
        elif self._n_iter >= self._max_iter:
            self.status = Status.MAX_ITER
        elif not self._has_next(found, optimality):
            self.status = Status.CONVERGED if optimality <= self._tol else Status.STALLED

    def _gains(self, optimality):
        """Whether the last problem was worth it, which is kept."""
        gains = optimality < WORTHWHILE * self._nearest
        self._nearest = min(self._nearest, optimality)
        self._in_vain = 0 if gains else self._in_vain + 1
        return gains

    def _has_settled(self, found):
        """Whether the last problems gained nothing, or no other may follow."""
        recent = [record.optimality for record in self.history[self._since :][-3:]]
        at_an_end = self._n_iter >= self._max_iter or found.status is Status.NO_OPTIMUM
        return at_an_end or (len(recent) > 1 and recent[-1] > 0.5 * recent[0])

    def _record(self, optimality, gap, moved=np.nan, **of_start):
        record = Record(
            objective=self._value,
            optimality=float(optimality),
            dual_gap=float(gap),
            step_size=float(moved),
            n_nonzeros=int(np.count_nonzero(self.coef)),
            n_passes=self._problem.n_passes,
            seconds=perf_counter() - self._started,
            **of_start,
        )
        self.history.append(record)
        coefficients = lambda: (self.coef, self._problem.outer_intercept(self))  # noqa: E731
        is_heard = self._callback is not None and self.status is not Status.STOPPED
        if is_heard and self._callback(record, coefficients):
            self.status = self.status or Status.STOPPED

    def _result(self):
        """The result of the run, with the certificate of coefficients as the user gets them."""
        problem, coef = self._problem, as_returned(self._measure, self.coef, self._tol)
        is_same, self.coef = np.array_equal(coef, self.coef), coef
        intercept = problem.outer_intercept(self)
        if not is_same or problem.rounds_intercepts(coef, intercept):
            self._judge(problem.intercept_as_stored(coef, intercept))
        last = self.history[-1]
        return SolverResult(
            coef=coef,
            intercept=intercept,
            n_iter=max(1, self._n_iter),
            n_passes=problem.n_passes,
            status=self.status,
            optimality=last.optimality,
            dual_gap=last.dual_gap,
            objective=last.objective,
            history=self.history,
            loss=self._estimated,
        )

    def _judge(self, intercept):
        """Certify other coefficients and intercepts, near the last ones, by the same bound."""
        self.intercept, before = intercept, self._value
        self._value = self._value_at(self.coef, self._problem.rows.raw(self.coef))
        optimality = self._optimality()
        if np.isinf(optimality):
            rise = max(self._value - before, 0.0)
            optimality = self.history[-1].optimality + rise / self._least
        self._record(optimality, self._gap, 0.0)
        if self.status is Status.CONVERGED and optimality > self._tol:
            self.status = Status.ROUNDED
