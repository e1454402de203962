"""What every solver shares: the interface, the result, and the run that records its history."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from time import perf_counter
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from nno_sklearn._data_checks import is_count
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem import Certificate, Point, Problem, Verdict, leads_away, separates
from nno_sklearn.problem.cost import LOOK_BUDGET, has_room_for_newton, newton_cost
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.solvers.newton import NewtonStep, newton_step
from nno_sklearn.types import Array, RandomState

#: What :attr:`Record.start` calls a start that the user, or a fit before this one, gave.
GIVEN = "given coefficients"
#: Records without any progress after which a run has reached the limit of precision.
STANDSTILL = 11
#: Numbers of records after which a run may be on its way to infinity.
LONG_RUNS = 12, 50
#: Share of ``tol`` that an iteration gains at most when the objective has settled.
SETTLED = 1e-2
#: Change of a raw prediction by a Newton step above which the step is long, and how many long steps
#: along directions of recession show that there is no minimum, near which steps would shrink.
LONG_STEP, MANY_LONG_STEPS = 0.3, 5


class Status(Enum):
    """How a run ended; the value is the sentence that a user reads."""

    CONVERGED = "converged"
    MAX_ITER = "the iteration limit was reached"
    NO_OPTIMUM = "the objective has no minimum, it falls for ever as the coefficients grow"
    ROUNDED = "the optimum is there, but not in the precision of the coefficients"
    STOPPED = "a callback stopped it"
    STALLED = "no step lowers the objective any more, the limit of floating-point precision"


class Record(NamedTuple):
    """One line of a history: an iteration of a run; of training on a score, the means of all folds;
    of a stream, a batch."""

    #: F; for training on a score, minus the score on the rows that are searched on; for a stream,
    #: that of the batch before the model has learnt from it, nan for the first.
    objective: float
    #: What ``tol`` bounds: the relative duality gap, or without a dual the Newton decrement; nan in
    #: training on a score and in streams, which have no certificate.
    optimality: float
    #: Bound on objective minus optimum; inf where none is known.
    dual_gap: float
    #: Length of the step to this point, nan at the start; of a stream, the largest change of a
    #: coefficient.
    step_size: float
    n_nonzeros: int
    n_passes: float
    seconds: float
    #: Score on held-out rows; nan where none are held out. Of training on a score, and of
    #: :class:`~nno_sklearn.EarlyStopping`, which may score the training rows instead.
    validation_score: float = np.nan
    #: Where the run starts, in its first record: the best "constant model", "given coefficients",
    #: the optimum on "landmarks" or on their neighbours' "cells", the "optimum without bounds",
    #: moved to within them, or about that of "stronger penalties".
    start: str = ""
    #: Objective of the other start, where two were compared; nan otherwise.
    other_start: float = np.nan
    #: Rows that the model has seen; of a stream, those so far. 0 in a run without an estimator.
    n_samples: int = 0

    def __str__(self) -> str:
        has_score = not np.isnan(self.validation_score)
        held_out = f"held-out score {self.validation_score:.6f}"
        return (
            f"objective {self.objective:.6e}  "
            f"{held_out if has_score else f'optimality {self.optimality:.1e}'}  "
            f"nonzeros {self.n_nonzeros}  passes {self.n_passes:.1f}  {self.seconds:.2f} s"
        )


#: Makes the coefficients, (n_features, n_outputs), and the intercept, for the user's X.
MakeCoefficients: TypeAlias = Callable[[], tuple[Array, Array]]
#: Called with each new record of a run and a function that makes its coefficients, which may take
#: time; the run ends where it returns something true.
Callback: TypeAlias = Callable[[Record, MakeCoefficients], object]


@dataclass(frozen=True)
class SolverResult:
    """What a solver returns; ``coef`` is (n_features, n_outputs), for the user's X."""

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int
    n_passes: float
    status: Status
    optimality: float
    dual_gap: float
    objective: float
    history: list[Record]
    #: The last point, from which a later fit can start; None where a solver does not return it.
    point: Point | None = None
    #: A bound on the optimum from below that holds in any precision; -inf where none is known.
    bound: float = -np.inf
    #: The loss with what was estimated of it, such as a scale; None where that is nothing.
    loss: Loss | None = None
    #: Whether Newton's steps have come as near to the optimum as precision goes.
    is_precise: bool = False


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
        if seems_done or (verdict.optimality > self.tol and self._hardly_moves()):
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

    def _hardly_moves(self):
        """Whether the objective has settled but the gap, as with a weak penalty, is still loose."""
        if not self.problem.is_smooth or len(self.history) < self._next_look:
            return False
        moved = self.last.objective - self._point.value
        still_moves = moved > SETTLED * self.tol * self._point.unit
        if still_moves or newton_cost(self.problem) > LOOK_BUDGET:
            return False
        self._next_look = 2 * len(self.history)
        return True

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


def name_of(start):
    """What :attr:`Record.start` calls a start that a solver was given."""
    return GIVEN if start.coef.any() else "constant model"


def check_count(owner: BaseEstimator, name: str, low: int) -> None:
    """Raise a ValueError unless the parameter ``name`` of ``owner`` is an integer >= ``low``."""
    value = getattr(owner, name)
    if not is_count(value, low):
        raise ValueError(
            f"{type(owner).__name__}({name}={value!r}): {name} is a count, so it must be a whole "
            f"number of at least {low}."
        )


def unmet(requires: frozenset[str], loss: Loss, penalty: Penalty) -> list[str]:
    """The requirements that a loss and a penalty do not meet, sorted."""
    return [*_unmet(requires, loss.provides, penalty.provides)]


@cache
def _unmet(requires, of_loss, of_penalty):
    offered = {"loss": of_loss, "penalty": of_penalty}

    def is_met(need):
        options = (option.split(".") for option in need.split("|"))
        return any(name in offered[kind] for kind, name in options)

    return sorted(need for need in requires if not is_met(need))


class Solver(BaseEstimator):
    """Base class of solvers; subclass it to bring your own.

    A solver holds options only; the state of a fit is in its :class:`Run`. It works with points and
    lines, never with X::

        class SteepestDescent(Solver):
            requires = frozenset({"penalty.gradient"})

            def __init__(self, shorten=1.0):
                self.shorten = shorten

            def solve(self, problem, start, *, max_iter, tol, callback=None, random_state=None):
                run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
                point = start
                while not run.done(point):
                    line = point.towards(-point.gradient)      # one pass over X
                    first, second = line.derivatives(0.0)      # no pass
                    point = line.point(-self.shorten * first / second)
                return run.result(point)
    """

    #: Methods it needs, as "loss.gradient" or "penalty.prox"; "a|b" means one of the two.
    requires: ClassVar[frozenset] = frozenset({"loss.gradient"})
    #: Name of the stream that ``partial_fit`` uses unless the user sets ``stream``.
    stream: ClassVar[str] = "auto"
    #: Whether it solves equations of all features, as Newton's steps do: losses with corners then
    #: begin near their optimum, by an interior point method.
    is_second_order: ClassVar[bool] = False
    #: Whether it leaves the method to the problem, which may then be solved without it.
    leaves_choice: ClassVar[bool] = False

    def check_parameters(self) -> None:
        """Raise a ValueError where the solver's own parameters are invalid."""

    def missing(self, loss: Loss, penalty: Penalty) -> list[str]:
        """Requirements that a loss and a penalty do not meet; a sorted list."""
        return unmet(self.requires, loss, penalty)

    def select(self, problem: Problem) -> "Solver":
        """The solver that runs on this problem: itself, except for "auto"."""
        return self

    def nearby(self, problem: Problem, random_state: RandomState) -> Point | None:
        """A start that the solver looks for by itself, from the constant model; None where it does
        not. Runs through several problems ask for it once."""
        return None

    def without_search(self) -> "Solver":
        """The solver that begins where it is told to."""
        return self

    def solve(
        self,
        problem: Problem,
        start: Point,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> SolverResult:
        """Minimise the objective of ``problem`` from the point ``start``.

        Parameters
        ----------
        problem : Problem
            What is minimised; it hands out points.
        start : Point
            Where to begin.
        max_iter : int
            Iterations at most.
        tol : float
            Relative duality gap, or Newton decrement, at which the run has converged.
        callback : callable, default=None
            For the :class:`Run`, which calls it with each new :class:`Record`, and ends where it
            says so.
        random_state : int, RandomState instance or None, default=None
            Seed of the draw of landmarks, for solvers that draw any.

        Returns
        -------
        SolverResult
            Best made by :class:`Run`.
        """
        raise NotImplementedError
