"""The interface of a solver."""

from functools import cache
from typing import ClassVar

from sklearn.base import BaseEstimator

from nno_sklearn._data_checks import is_count
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem import Point, Problem

# Fitted models that were saved, and solvers of users, know these by this module.
from nno_sklearn.solvers.result import Callback as Callback
from nno_sklearn.solvers.result import Record as Record
from nno_sklearn.solvers.result import SolverResult as SolverResult
from nno_sklearn.solvers.result import Status as Status
from nno_sklearn.types import RandomState


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
