"""One run of a solver: what certifies its points, keeps its history and decides when it ends."""

from time import perf_counter
from typing import Any

import numpy as np

from nno_sklearn.problem import Certificate, Point, Problem, Verdict, leads_away, separates
from nno_sklearn.problem.cost import LOOK_BUDGET, has_room_for_newton, look_pays, newton_cost
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.solvers.newton import NewtonStep, newton_step
from nno_sklearn.solvers.result import Callback, Record, SolverResult, Status, name_of

#: Records without any progress after which a run has reached the limit of precision.
STANDSTILL = 11
#: Numbers of records after which a run may be on its way to infinity.
LONG_RUNS = 12, 50
#: Share of ``tol`` that an iteration gains at most when the objective has settled.
SETTLED = 1e-2
#: Change of a raw prediction by a Newton step above which the step is long, and how many long steps
#: along directions of recession show that there is no minimum, near which steps would shrink.
LONG_STEP, MANY_LONG_STEPS = 0.3, 5


class Run:
    """One run of a solver: certifies each point, keeps the history, decides when to stop.

    Parameters
    ----------
    problem : Problem
    max_iter : int
        Steps at most; the start does not count.
    tol : float
        Optimality at which the run has converged.
    callback : callable, default=None
        Called with each new :class:`Record` and a function without arguments that returns its
        coefficients and intercept; the run ends where it returns something true.
    bound : float, default=-inf
        What no value of the objective is below, as a run before this one may have proved.

    Attributes
    ----------
    history : list of Record
    status : Status or None
        How the run ended; None while it goes on.
    newton : NewtonStep or None
        The Newton step at the last point, where the certificate needed one; a solver may take it.
    precise : Point or None
        The point to which a solver's Newton steps led, if as near to the optimum as precision goes.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        bound: float = -np.inf,
    ) -> None:
        self.problem, self.max_iter, self.tol, self.callback = problem, max_iter, tol, callback
        self.history: list[Record] = []
        self.status: Status | None = None
        self.newton: NewtonStep | None = None
        self._certificate, self._started = Certificate(bound), perf_counter()
        self._point: Point | None = None
        self.precise: Point | None = None
        self._long_steps, self._next_look = 0, 2
        self._start: tuple[str, float] | None = None
        #: Of the last step between two points; nan once a record has it.
        self._step_size = np.nan
        self._is_told_to_stop = False

    def choose_start(self, name: str, found: Point, start: Point) -> Point:
        """The lower of a point that was found, which has a name, and the start that was given."""
        is_lower, before = found.value < start.value, self._start
        given = name_of(start) if before is None else before[0]
        chosen, other = (found, start) if is_lower else (start, found)
        self._start = name if is_lower else given, float(other.value)
        other.release()
        return chosen

    def done(self, point: Point, step_size: float = np.nan) -> bool:
        """Record a point, unless it is the last one that was; True when the run ends here.

        A step that :meth:`moved` has told of need not be told again.
        """
        if point is self._point:
            return self.status is not None
        self._step_size = self._step_size if np.isnan(step_size) else step_size
        self._point, self.newton = point, None
        verdict = self._certificate.judge(point)
        seems_done = not verdict.is_proof and self._is_near_an_end(verdict)
        if seems_done or (verdict.optimality > self.tol and self._hardly_moves(verdict)):
            verdict = self._look_closer()
        self._record(point, verdict)
        if self.status is None and verdict.optimality <= self.tol:
            self.status = Status.CONVERGED
        elif self.status is None and self._is_told_to_stop:
            self.status = Status.STOPPED
        elif self.status is None and self._stands_still():
            self.stall()
        elif self.status is None and len(self.history) in LONG_RUNS and self._leads_away():
            self._end_without_optimum()
        elif self.status is None and len(self.history) > self.max_iter:
            self.status = Status.MAX_ITER
        return self.status is not None

    def moved(self, step_size: float) -> None:
        """Take in the length of a step between two points, for the record of where it led."""
        self._step_size = step_size

    def goes_by(self, place: Any) -> bool:
        """Whether a step may follow the one to a place between two points, which is then recorded;
        a place to which no step has led since the last record is in it.

        No more is known of it than the bound so far; it has a point's ``coef``, ``intercept`` and
        ``value``. Where no step may follow, the point there is still to be recorded: the run's
        last one, or one to be looked at closely, as so small a value may mean no optimum.
        """
        if np.isnan(self._step_size):
            return True
        unit = LEAST_UNIT * self.problem.null_value
        if len(self.history) >= self.max_iter or place.value < unit:
            return False
        gap = self._certificate.gap_of(place.value)
        share = gap / max(abs(place.value), unit) if unit > 0 else np.inf
        step_size = self._step_size
        self._record(place, Verdict(gap, share, False))
        if self._is_told_to_stop:
            self.history.pop()
            self._step_size = step_size
        return not self._is_told_to_stop

    def learn_bound(self, bound: float) -> None:
        """Take in a bound on the optimum from below that holds in any precision."""
        self._certificate.learn(bound)

    def _hardly_moves(self, verdict):
        """Whether the objective has settled but the gap, as with a weak penalty, is loose, and
        will be for longer than a closer look takes."""
        has_settled = self._may_look_closer() and self._has_settled(self._point.value)
        if not (has_settled and look_pays(self.problem, self._steps_left(verdict.optimality))):
            return False
        self._next_look = 2 * len(self.history)
        return True

    def _may_look_closer(self):
        """Whether the next point may be looked at closely, though its gap is loose."""
        is_due = self.problem.is_smooth and len(self.history) >= self._next_look
        return is_due and newton_cost(self.problem) <= LOOK_BUDGET

    def _steps_left(self, optimality):
        """Steps until the optimality is as wanted, if each does as much for it as the last one."""
        share = optimality / self.last.optimality
        if not (self.tol > 0 and 0 < share < 1):
            return np.inf
        return np.ceil(np.log(self.tol / optimality) / np.log(share))

    def _has_settled(self, value):
        """Whether a step has led from the last record to next to no lower a value."""
        return self.last.objective - value <= self._settled_by(value)

    def _settled_by(self, value):
        """What a step gains at most where the objective has settled."""
        return SETTLED * self.tol * max(abs(value), LEAST_UNIT * self.problem.null_value)

    def is_due(self, place: Any, rounding: float) -> bool:
        """Whether the point at a place is to be looked at, as its objective has settled while the
        bound so far is loose: a proof may need no more steps. ``rounding`` is the objective's."""
        if not self._may_look_closer() or rounding > self._settled_by(place.value):
            return False
        return self._has_settled(place.value)

    def _is_near_an_end(self, verdict):
        """Whether the point may be the optimum, or the objective is so small that there may be no
        optimum: farther on, rounding would decide on the coefficients."""
        return verdict.optimality <= self.tol or self._point.value < self._point.unit

    def _look_closer(self):
        """Certify the point by its Newton step, which is kept for the solver to take."""
        point = self._point
        self.newton = newton_step(point)
        verdict = self._certificate.prove(point, self.newton)
        # Where there is a dual, the penalty bounds the level sets: there is an optimum.
        if self.problem.has_dual or not self._is_near_an_end(verdict):
            return verdict
        if separates(point):
            self.status = Status.NO_OPTIMUM
            return self._certificate.without_optimum(point)
        if verdict.optimality > self.tol:
            return verdict
        # Near an optimum Newton steps shrink; long ones along a direction of recession mean none.
        _, longest = self.problem.rows.move_sizes(self.newton.slope, self.newton.shift)
        is_long = longest >= LONG_STEP
        if is_long and leads_away(point, self.newton):
            self._long_steps += 1
            verdict = verdict._replace(optimality=np.inf)
            if self._long_steps >= MANY_LONG_STEPS:
                self.status = Status.NO_OPTIMUM
                verdict = self._certificate.without_optimum(point)
        return verdict

    def _record(self, place, verdict):
        problem, first = self.problem, {}
        if not self.history:
            start, other = self._start or (name_of(self._point), np.nan)
            first = {"start": start, "other_start": other}
        record = Record(
            objective=float(place.value),
            optimality=float(verdict.optimality),
            dual_gap=float(verdict.gap),
            step_size=float(self._step_size),
            n_nonzeros=int(np.count_nonzero(place.coef)),
            n_passes=problem.n_passes,
            seconds=perf_counter() - self._started,
            **first,
        )
        self.history.append(record)
        self._step_size = np.nan
        if self.callback is not None and not self._is_told_to_stop:
            coefficients = lambda: (place.coef, problem.outer_intercept(place))  # noqa: E731
            self._is_told_to_stop |= bool(self.callback(record, coefficients))

    def _stands_still(self):
        """Whether neither the objective nor its certificate has moved for some time."""
        if len(self.history) <= STANDSTILL:
            return False
        then, recent = self.history[-STANDSTILL - 1], self.history[-STANDSTILL:]
        moved = then.objective - recent[-1].objective
        best = min(record.optimality for record in recent)
        return moved <= 1e-15 * abs(then.objective) and best >= then.optimality

    def stall(self) -> None:
        """End the run at a point without a lower one: converged if its Newton step confirms it,
        where there is room for one."""
        if self.status is not None:
            return
        if self.newton is None and has_room_for_newton(self.problem):
            verdict = self._look_closer()
            last = self.last._replace(optimality=verdict.optimality, dual_gap=verdict.gap)
            self.history[-1] = last
        if self.status is None and self.last.optimality <= self.tol:
            self.status = Status.CONVERGED
        elif self.status is None and self._leads_away():
            self._end_without_optimum()
        elif self.status is None:
            self.status = Status.STALLED

    def _end_without_optimum(self):
        """End the run at the last point, from which the objective falls for ever."""
        self.status, verdict = Status.NO_OPTIMUM, self._certificate.without_optimum(self._point)
        self.history[-1] = self.last._replace(optimality=verdict.optimality, dual_gap=verdict.gap)

    def _leads_away(self):
        """Whether there is no optimum; one that a dual point may prove exists."""
        return not self.problem.has_dual and separates(self._point)

    @property
    def may_leave(self) -> float:
        """Share of the objective by which the run's end may be above the optimum: ``tol`` bounds a
        gap, or without a finite dual the root of what a step could gain."""
        return self.tol if self.problem.has_dual else self.tol**2

    @property
    def last(self) -> Record:
        return self.history[-1]

    def result(self, point: Point) -> SolverResult:
        """The result of the run, which ended at ``point``."""
        return SolverResult(
            coef=point.coef,
            intercept=self.problem.outer_intercept(point),
            n_iter=max(1, len(self.history) - 1),
            n_passes=self.problem.n_passes,
            status=self.status,  # type: ignore[arg-type]  # a run with a result has ended
            optimality=self.last.optimality,
            dual_gap=self.last.dual_gap,
            objective=self.last.objective,
            history=self.history,
            point=point,
            bound=self._certificate.known,
            is_precise=point is self.precise,
        )
