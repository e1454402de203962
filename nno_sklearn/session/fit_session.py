"""Parameters and data -> problem -> solver -> attributes: one fit, or many on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from nno_sklearn._split import Data
from nno_sklearn._validation import check_compatible, draft_of
from nno_sklearn.callbacks.base import Best
from nno_sklearn.callbacks.fit_task import AsFitted, FitTask
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.penalties import NoPenalty, Penalty
from nno_sklearn.problem import Objective, Point, Problem, summarise
from nno_sklearn.problem.cost import MOMENTS_BUDGET, PASSES_PER_FIT
from nno_sklearn.rows import targets_of
from nno_sklearn.score_training import BoundTraining
from nno_sklearn.session.magnitude import check_magnitude
from nno_sklearn.session.minimise import certified, minimise, pilot_coefficients
from nno_sklearn.session.model import Model, Parts, SessionModel, TrainingData
from nno_sklearn.session.starts import Start, start_of
from nno_sklearn.session.threads import threads_for
from nno_sklearn.solvers import Record, Solver, SolverResult, Status
from nno_sklearn.solvers.base import Callback, MakeCoefficients
from nno_sklearn.types import Array


class Posed(NamedTuple, Generic[Model]):
    """A model's problem on the data of a session."""

    #: The model with the attributes that the data alone determine, not yet fitted.
    model: Model
    problem: Problem
    solver: Solver
    #: How to train on a score with these targets; None for a loss.
    training: BoundTraining | None
    #: Sum of the weights in the user's own units.
    total_weight: float


class Fitted(NamedTuple, Generic[Model]):
    """A fitted model, and how its run ended."""

    model: Model
    result: SolverResult


@dataclass(frozen=True)
class _Known(Generic[Model]):
    """A model posed before, and its problem."""

    model: Model
    parameters: dict[str, Any]
    problem: Problem
    total_weight: float
    training: BoundTraining | None

    @cached_property
    def key(self) -> Any:
        return key_of(self.parameters)


class FitSession:
    """Training data on which models are fitted one after the other, each from a solved one nearby.

    ``fit`` of an estimator is a session with one model. Data are checked, encoded and centred for
    the first model; those that differ from it only in penalty, strength or solver share this, and
    the cache of the solvers (Gram matrices, curvatures, landmarks). A start among the results on
    the same rows costs no pass over X.

    Parameters
    ----------
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets, or labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None for 1 each.
    offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        What raw predictions have besides ``X @ coef_.T + intercept_``; None for nothing.
    n_models : int, default=1
        About how many models will share the data: sets the budget of precomputation.
    held_out : Data, default=None
        Rows for callbacks to score, such as :class:`~nno_sklearn.EarlyStopping` holds out.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> session = NNORegressor().open_session(X, y, n_models=3)
    >>> start = []
    >>> for alpha in (1.0, 0.1, 0.01):
    ...     lasso = NNORegressor(penalty="l1", alpha=alpha)
    ...     model, result = session.solve(lasso, start)
    ...     start = [result]
    ...     print(int((model.coef_ != 0).sum()))
    3
    7
    10
    """

    def __init__(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        n_models: int = 1,
        held_out: Data | None = None,
    ) -> None:
        self._X, self._y, self._sample_weight = X, y, sample_weight
        self._options = {} if offset is None else {"offset": offset}
        self._budget = max(MOMENTS_BUDGET, PASSES_PER_FIT * n_models)
        self._known: list[_Known] = []
        self._held_out = held_out
        self._pilots: dict[Any, Array] = {}

    def pose(self, model: Model) -> Posed[Model]:
        """The problem that a model's parameters and the data define.

        Parameters
        ----------
        model : estimator
            It is not changed.

        Returns
        -------
        Posed
            A draft of the model, its problem and its solver.

        Raises
        ------
        ValueError
            For data or parameters that cannot be used.
        """
        parts = model.parts()  # errors in parameters come before errors in data
        known = self._like(model)
        if known is None:
            draft, known = self._pose_first(model, parts)
            if not parts.penalty.is_adaptive:
                return Posed(draft, known.problem, parts.solver, known.training, known.total_weight)
        else:
            draft = draft_of(known.model)
            for name, value in model.get_params(deep=False).items():
                setattr(draft, name, value)
        penalty = self._adapted(parts.penalty, known, draft.random_state)
        problem = known.problem.with_penalty(penalty, draft.strength(known.total_weight))
        _check_bound_penalty(problem, parts)
        return Posed(draft, problem, parts.solver, known.training, known.total_weight)

    def _adapted(self, penalty: Penalty, known: _Known[Model], random_state: Any) -> Penalty:
        """The penalty on these data: an adaptive one as a first fit makes it, one for all settings
        that share it."""
        if not penalty.is_adaptive:
            return penalty
        problem = known.problem
        pilot = penalty.pilot(problem.with_penalty(NoPenalty(), 1.0).null.data_diagonal)
        key = id(known), key_of(pilot.get_params())
        if key not in self._pilots:
            self._pilots[key] = pilot_coefficients(problem, pilot, random_state)
        return penalty.adapted(self._pilots[key])

    def _like(self, model: Model) -> _Known[Model] | None:
        """The entry of a model posed before, of the same class, that shares data and loss."""
        alike = [known for known in self._known if type(known.model) is type(model)]
        key = key_of(_binding_parameters(model)) if alike else None
        return next((known for known in alike if known.key == key), None)

    def _pose_first(self, model: Model, parts: Parts) -> tuple[Model, _Known[Model]]:
        draft, training = draft_of(model), None
        data = draft.prepare(self._X, self._y, self._sample_weight, parts.loss, **self._options)
        if parts.training is not None:
            _check_no_offset(data)
            data = replace(data, targets=np.asarray(data.targets))  # a score takes rows apart
            training = parts.training.bind(data.targets, getattr(draft, "classes_", None))
        with np.errstate(over="ignore", invalid="ignore"):
            examples = targets_of(data.targets).examples()
            data.loss.check_target(examples)
            check_loss_on(data.loss, examples)
            # An adaptive penalty is known after a first fit.
            penalty = NoPenalty() if parts.penalty.is_adaptive else parts.penalty
            terms = data.loss, penalty, draft.strength(data.total_weight)
            has_free_intercept = draft.fit_intercept and not data.has_intercept_column
            objective = Objective(*terms, fit_intercept=has_free_intercept)
            names = getattr(draft, "feature_names_in_", None)
            rows = data.X, data.targets, data.weight
            problem = Problem.of(objective, *rows, names, data.offset)
            if not parts.penalty.is_adaptive:
                _check_bound_penalty(problem, parts)
            check_magnitude(problem)
        if training is None:  # a score needs the rows, not their moments
            problem = summarise(problem, self._budget)
        parameters = _binding_parameters(model)
        known = _Known(draft_of(draft), parameters, problem, data.total_weight, training)
        self._known.append(known)
        return draft, known

    def solve(self, model: Model, starts: Sequence[Start] = ()) -> Fitted[Model]:
        """Fit a model from the first of ``starts`` that suits it, or from the constant model.

        Parameters
        ----------
        model : estimator
            It is not changed.
        starts : sequence of SolverResult or Coefficients, default=()
            Nearest first. Where the first two are results on the same rows and the penalty is
            smooth, the start is extrapolated from both.

        Returns
        -------
        Fitted
            A fitted model with the same parameters, and the result of its run. There is no
            warning of a run that did not converge; see ``converged_``.

        Raises
        ------
        ValueError
            For data or parameters that cannot be used.
        """
        posed = self.pose(model)
        draft, start = posed.model, start_of(posed.problem, starts)
        solver = clone(posed.solver).select(posed.problem)
        data = Data(self._X, self._y, {"sample_weight": self._sample_weight, **self._options}, {})
        as_fitted = _preview(draft_of(draft), posed.problem, solver)
        task = FitTask(model, data, as_fitted, held_out=self._held_out)
        return task.run(lambda: _solve(posed, solver, start, task), lambda fitted: fitted.model)


def _solve(posed: Posed[Model], solver: Solver, start: Point, task: FitTask) -> Fitted[Model]:
    """Run a solver on a problem, and keep its result in the model."""
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
            result = minimise(problem, solver, start, **options)
            best = _of_best(result, task.best)
            if best is not result:
                result = certified(problem, solver, best, **{**options, "callback": None})
        else:
            began, result = training.train(problem, solver, **options)
    history = [record._replace(n_samples=task.n_samples) for record in result.history]
    result = replace(result, history=task.scored(history))
    draft.keep(result, result.loss or problem.loss, solver, problem.dtype, began)
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


def _preview(model: Model, problem: Problem, solver: Solver) -> AsFitted:
    """Makes the model as if its fit had ended at a record."""

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
        draft = draft_of(model)
        draft.keep(result, problem.loss, solver, problem.dtype)
        return draft

    return as_fitted


def _check_no_offset(data: TrainingData) -> None:
    """Raise a ValueError for offsets that training on a score would not see."""
    if data.offset is not None:
        raise ValueError(
            "offset: training on a score knows no offsets. Use a loss such as 'log_loss' or "
            "'squared_error'; NNOSearchCV then chooses the model by the score."
        )


def _check_bound_penalty(problem: Problem, parts: Parts) -> None:
    """Raise a ValueError where the penalty of these features is none that the solver takes."""
    check_penalty_on(problem.penalty, problem.shape)
    names = "solver", parts.solver, parts.solver, problem.loss, problem.penalty, parts.penalty
    check_compatible(*names)


def key_of(setting: dict[str, Any]) -> Any:
    """Something hashable that is equal for equal parameters."""
    try:
        return joblib.hash(sorted(setting.items()))
    except Exception:  # pickle may raise anything: lambdas, for instance, equal only themselves
        return tuple(sorted((name, id(value)) for name, value in setting.items()))


def _binding_parameters(model: SessionModel) -> dict[str, Any]:
    """The parameters that determine rows, targets, weights and loss."""
    params = model.get_params()
    return {k: v for k, v in params.items() if k.split("__")[0] not in model.free_parameters}


def _callback(model: SessionModel, task: FitTask) -> Callback:
    """What a solver calls with each record: prints it, and shows it to the user's callbacks."""

    def see(record: Record, coefficients: MakeCoefficients) -> bool:
        if model.verbose:
            print(f"[{type(model).__name__}] {record}")
        return task.see(record._replace(n_samples=task.n_samples), coefficients)

    return see
