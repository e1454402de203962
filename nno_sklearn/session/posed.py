"""A posed problem: solved as callbacks watch, and kept in a model."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

import numpy as np

from nno_sklearn._copies import copy_of
from nno_sklearn.callbacks.base import Best
from nno_sklearn.callbacks.fit_task import AsFitted, FitTask
from nno_sklearn.callbacks.protocol import without_callbacks
from nno_sklearn.problem import Point, Problem
from nno_sklearn.session.minimise import certified, minimise
from nno_sklearn.session.model import Model, SessionModel
from nno_sklearn.session.threads import threads_for
from nno_sklearn.solvers import Record, Solver, SolverResult, Status
from nno_sklearn.solvers.result import Callback, MakeCoefficients
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.score_training import BoundTraining


class Posed(NamedTuple, Generic[Model]):
    """A model's problem on the data of a session."""

    #: The model with the attributes that the data alone determine, not yet fitted.
    model: Model
    problem: Problem
    solver: Solver
    #: How to train on a score with these targets; None for a loss.
    training: "BoundTraining | None"
    #: Sum of the weights in the user's own units.
    total_weight: float


class Fitted(NamedTuple, Generic[Model]):
    """A fitted model, and how its run ended."""

    model: Model
    result: SolverResult


def solve_posed(
    posed: Posed[Model], solver: Solver, start: Point, task: FitTask, *, is_returned: bool
) -> Fitted[Model]:
    """Run a solver on a problem, and keep its result in the model; see :func:`minimise`."""
    draft, problem, _, training, _ = posed
    limits, began = draft.limits(), None
    options: dict[str, Any] = {
        "max_iter": limits.max_iter,
        "tol": limits.tol,
        "callback": _callback(draft, task),
        "random_state": draft.random_state,
    }
    # Trial steps that are too long overflow.
    with np.errstate(over="ignore", invalid="ignore"), threads_for(problem):
        if training is None:
            result = minimise(problem, solver, start, is_returned=is_returned, **options)
            best = _of_best(result, task.best)
            if best is not result:
                result = certified(problem, solver, best, **{**options, "callback": None})
        else:
            began, result = training.train(problem, solver, **options)
    history = [record._replace(n_samples=task.n_samples) for record in result.history]
    result = copy_of(result, history=task.scored(history))
    draft.keep(result, (result.loss or problem.loss).kept, solver, problem.dtype, began)
    return Fitted(draft, result)


def _of_best(result: SolverResult, best: Best | None) -> SolverResult:
    """The result at the best model that callbacks found; itself where that is the last one."""
    if best is None or best.waited == 0 or best.record.n_passes == result.history[-1].n_passes:
        return result
    record = best.record
    return replace(
        result,
        coef=best.coef,
        intercept=best.intercept,
        status=Status.STOPPED,
        objective=record.objective,
        optimality=record.optimality,
        dual_gap=record.dual_gap,
        point=None,
    )


def preview(model: Model, problem: Problem, solver: Solver) -> AsFitted:
    """Makes the model as if its fit had ended at a record, without callbacks."""

    def as_fitted(record: Record, number: int, coef: Array, intercept: Array) -> Model:
        result = SolverResult(
            coef=coef,
            intercept=intercept,
            n_iter=max(1, number),
            n_passes=record.n_passes,
            status=Status.STOPPED,
            optimality=record.optimality,
            dual_gap=record.dual_gap,
            objective=record.objective,
            history=[record],
        )
        draft = without_callbacks(model)
        draft.keep(result, problem.loss.kept, solver, problem.dtype)
        return draft

    return as_fitted


def _callback(model: SessionModel, task: FitTask) -> Callback | None:
    """What a solver calls with each record: prints it, and shows it to the user's callbacks. None
    where nobody looks."""
    if not (model.verbose or task.callbacks):
        return None

    def see(record: Record, coefficients: MakeCoefficients) -> bool:
        if model.verbose:
            print(f"[{type(model).__name__}] {record}")
        return task.see(record._replace(n_samples=task.n_samples), coefficients)

    return see
