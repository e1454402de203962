"""Parameters and data -> problem -> solver -> attributes: one fit, or many on the same data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import joblib
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import clone

from nno_sklearn._validation import draft_of
from nno_sklearn.contracts import check_loss_on, check_penalty_on, check_result
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem import Point, Problem, summarise
from nno_sklearn.solvers import Record, Solver, SolverResult, certify_returned

#: Passes over X that second moments may cost in one fit; they then save most others.
SUMMARY_BUDGET = 8.0
#: Passes over X that a fit near a solved one takes, about: what moments may cost for each of many.
PASSES_PER_FIT = 3.0
#: Least loss of the constant model that is a normal number, with some digits to spare.
SMALLEST_LOSS = 1e-304


class Parts(NamedTuple):
    """What a model's parameters name, checked."""

    loss: Loss
    penalty: Penalty
    solver: Solver


@dataclass(frozen=True)
class TrainingData:
    """Data as a problem takes them."""

    #: float64 or float32, dense, CSR or CSC; (n_samples, n_features).
    X: Any
    #: (n_samples, n_outputs)
    targets: NDArray[np.float64]
    #: Weights of the rows up to a common factor, (n_samples,).
    weight: NDArray[np.float64]
    #: For these targets: that of several classes is another than that of two.
    loss: Loss
    #: Sum of the weights in the user's own units.
    total_weight: float


class SessionModel(Protocol):
    """What a session asks of a model; the estimators of this package are such models.

    A subclass may override each of the methods. One that overrides ``fit`` alone is fitted by it
    in searches, too (see :func:`has_sessions`).
    """

    #: Parameters without influence on what :meth:`prepare` returns: models that differ in no other
    #: share it.
    free_parameters: ClassVar[frozenset[str]]
    fit_intercept: bool
    max_iter: int
    tol: float
    random_state: Any
    verbose: int

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...

    def parts(self) -> Parts:
        """Loss, penalty and solver; raises a ValueError for parameters that no fit can use."""

    def strength(self, total_weight: float) -> float:
        """Factor of the penalty, where the mean loss has the factor 1.

        Parameters
        ----------
        total_weight : float
            Sum of the weights, the number of rows where none were given: a strength such as
            ``1 / C``, which is relative to the *sum* of the losses, is to be divided by it.
        """

    def prepare(self, X: Any, y: Any, sample_weight: Any, loss: Loss) -> TrainingData:
        """Check and encode data; what they alone determine (``classes_``) becomes attributes."""

    def keep(self, result: Any, loss: Any, solver: Solver, dtype: DTypeLike) -> None:
        """Take the result of a run as attributes."""


Model = TypeVar("Model", bound=SessionModel)


class Start(Protocol):
    """Where a run may begin: a result, or coefficients."""

    @property
    def coef(self) -> NDArray[np.float64]:
        """(n_features, n_outputs), in terms of the user's X."""

    @property
    def intercept(self) -> NDArray[np.float64]:
        """(n_outputs,)"""

    @property
    def point(self) -> Point | None:
        """The same with its raw predictions, which costs no pass on the rows it belongs to."""


class Coefficients(NamedTuple):
    """A start without raw predictions, which are as long as the data."""

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    point: None = None

    @classmethod
    def of(cls, start: Start) -> "Coefficients":
        return cls(start.coef, start.intercept)


class Posed(NamedTuple, Generic[Model]):
    """What a model states of the rows."""

    #: The model with what it has learnt of the data, not of their optimum.
    model: Model
    problem: Problem
    solver: Solver


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


class FitSession:
    """Training data on which models are fitted one after the other, each near a solved one.

    ``fit`` of an estimator is a session with one model. With many, data are checked, encoded and
    centred for the first; those that differ from it only in penalty, strength or solver share
    this, and what solvers learn of the rows (Gram matrices, curvatures, landmarks). A start among
    the results of the same rows costs no pass over X.

    Parameters
    ----------
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), default=None
    n_models : int, default=1
        How many models will share the data, about: what may be spent once for all of them.

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
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, *, n_models: int = 1
    ) -> None:
        self._X, self._y, self._sample_weight = X, y, sample_weight
        self._budget = max(SUMMARY_BUDGET, PASSES_PER_FIT * n_models)
        self._known: list[_Known] = []

    def pose(self, model: Model) -> Posed[Model]:
        """The problem that a model's parameters and the data state.

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
        loss, penalty, solver = model.parts()  # a wrong parameter is told before wrong data
        known = self._like(model)
        if known is None:
            draft, problem = self._pose_first(model, loss, penalty)
            return Posed(draft, problem, solver)
        draft = draft_of(known.model)
        for name, value in model.get_params(deep=False).items():
            setattr(draft, name, value)
        problem = known.problem.with_penalty(penalty, draft.strength(known.total_weight))
        check_penalty_on(problem.penalty, problem.shape)
        return Posed(draft, problem, solver)

    def _like(self, model: Model) -> _Known[Model] | None:
        """What is known of a model that states the same of the data."""
        if not self._known:
            return None
        key = key_of(_binding_parameters(model))
        return next((known for known in self._known if key_of(known.parameters) == key), None)

    def _pose_first(self, model: Model, loss: Loss, penalty: Penalty) -> tuple[Model, Problem]:
        draft = draft_of(model)
        data = draft.prepare(self._X, self._y, self._sample_weight, loss)
        with np.errstate(over="ignore", invalid="ignore"):
            data.loss.check_target(data.targets)
            check_loss_on(data.loss, data.targets)
            problem = Problem(
                data.X,
                data.targets,
                data.loss,
                penalty,
                draft.strength(data.total_weight),
                sample_weight=data.weight,
                fit_intercept=draft.fit_intercept,
            )
            check_penalty_on(problem.penalty, problem.shape)
            _check_magnitude(problem)
        problem = summarise(problem, self._budget)
        parameters = _binding_parameters(model)
        self._known.append(_Known(draft_of(draft), parameters, problem, data.total_weight))
        return draft, problem

    def solve(self, model: Model, starts: Sequence[Start] = ()) -> Fitted[Model]:
        """Fit a model from the first of ``starts`` that suits it, or from the constant model.

        Parameters
        ----------
        model : estimator
            It is not changed.
        starts : sequence of SolverResult or Coefficients, default=()
            Nearest first. From the first two, where both are results on the same rows and the
            penalty is smooth, the optimum is extrapolated.

        Returns
        -------
        Fitted
            A fitted model with the same parameters, and the result of its run. Nobody is warned
            of a run that did not converge; ``converged_`` tells.

        Raises
        ------
        ValueError
            For data or parameters that cannot be used.
        """
        draft, problem, solver = self.pose(model)
        start = _start(problem, starts)
        solver = clone(solver).select(problem)
        options: dict[str, Any] = {
            "max_iter": draft.max_iter,
            "tol": draft.tol,
            "callback": _printer(draft) if draft.verbose else None,
            "random_state": draft.random_state,
        }
        with np.errstate(over="ignore", invalid="ignore"):  # of trial steps that go too far
            result = solver.solve(problem, start, **options)
            check_result(solver, problem, result, draft.tol)
            if problem.metric is None:
                result = certify_returned(problem, solver, result, **options)
        draft.keep(result, problem.metric or problem.loss, solver, problem.dtype)
        return Fitted(draft, result)


def has_sessions(estimator: object) -> bool:
    """Whether a session of an estimator's does what its ``fit`` does: one class wrote both."""
    kinds = type(estimator).__mro__
    writers = [[one for one in kinds if name in vars(one)] for name in ("fit", "open_session")]
    return all(writers) and writers[0][0] is writers[1][0]


def key_of(setting: dict[str, Any]) -> Any:
    """Something hashable that is equal for equal parameters."""
    try:
        return joblib.hash(sorted(setting.items()))
    except Exception:  # whatever pickle may raise: parameters such as lambdas equal only themselves
        return tuple(sorted((name, id(value)) for name, value in setting.items()))


def _binding_parameters(model: SessionModel) -> dict[str, Any]:
    """The parameters that shape the problem's rows, targets and weights, and its loss."""
    params = model.get_params()
    return {k: v for k, v in params.items() if k.split("__")[0] not in model.free_parameters}


def _printer(model: SessionModel) -> Callable[[Record], None]:
    return lambda record: print(f"[{type(model).__name__}] {record}")


def _start(problem: Problem, starts: Sequence[Start]) -> Point:
    """The point where a run begins."""
    for one, other in zip_longest(starts, starts[1:]):
        last, before = _point(problem, one), _point(problem, other)
        if last is not None:
            return last.of(problem) if before is None else _ahead(problem, before, last)
        if one.coef.shape == problem.shape and np.isfinite(one.coef).all():
            coef = np.where(problem.scale[:, None] > 0, one.coef, 0.0)  # constant columns: none
            return problem.at(coef, problem.inner_intercept(coef, one.intercept))
    return problem.null


def _point(problem: Problem, start: Start | None) -> Point | None:
    """Where a run on the problem's rows ended, if that is known."""
    point = None if start is None else start.point
    return None if point is None or point.problem.memory is not problem.memory else point


def _ahead(problem: Problem, before: Point, last: Point) -> Point:
    """The optimum that two known ones let expect: on the line through both, in the logarithm of
    alpha, where the penalty has no kinks; the last one, if that is better.
    """
    start = last.of(problem)
    old, new, alpha = before.problem.alpha, last.problem.alpha, problem.alpha
    if old == new or not problem.is_smooth:
        return start
    t = float(np.clip(np.log(alpha / new) / np.log(new / old), -1.0, 1.0))
    expected = problem.with_raw_prediction(
        last.coef + t * (last.coef - before.coef),
        last.linear + t * (last.linear - before.linear),
        last.intercept + t * (last.intercept - before.intercept),
    )
    return expected if expected.value < start.value else start


def _check_magnitude(problem: Problem) -> None:
    """Raise a ValueError for numbers whose squares leave the range of floats."""
    if not np.isfinite(problem.scale).all():
        raise ValueError(
            "X has columns so large that their squares overflow. Divide them by a constant."
        )
    if problem.design.underflows:
        raise ValueError(
            "X has columns so small that their squares underflow. Multiply them by a constant."
        )
    if not np.isfinite(problem.null.value):
        raise ValueError(
            "The loss of the best constant model overflows: y has values that are too large. "
            "Divide y by a constant."
        )
    if problem.null.value < SMALLEST_LOSS and _varies(problem.y):
        raise ValueError(
            "The loss of the best constant model underflows: y has values that are too small. "
            "Multiply y by a constant."
        )


def _varies(y: NDArray[np.float64]) -> bool:
    """Whether a target differs from a constant by more than rounding."""
    return np.ptp(y, axis=0).max() > 1e-10 * np.abs(y).max()
