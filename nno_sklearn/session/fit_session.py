"""Parameters and data -> problem -> solver -> attributes: one fit, or many on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic

import joblib
import numpy as np
from numpy.typing import ArrayLike

from nno_sklearn._containers import prepared
from nno_sklearn._copies import copy_of
from nno_sklearn._dispatch import draft_of
from nno_sklearn._split import Data
from nno_sklearn._validation import check_compatible
from nno_sklearn.callbacks.fit_task import FitTask
from nno_sklearn.contracts import check_loss_on, check_penalty_on
from nno_sklearn.penalties import NoPenalty, Penalty
from nno_sklearn.problem import Problem, summarise
from nno_sklearn.problem.cost import MOMENTS_BUDGET, PASSES_PER_FIT
from nno_sklearn.session.apart import ApartOutputs, are_apart, no_problem
from nno_sklearn.session.magnitude import check_magnitude
from nno_sklearn.session.minimise import pilot_coefficients
from nno_sklearn.session.model import Model, Parts, SessionModel, TrainingData
from nno_sklearn.session.posed import Fitted, Posed, preview, solve_posed
from nno_sklearn.session.starts import Start, start_of
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.score_training import BoundTraining


@dataclass(frozen=True)
class _Known(Generic[Model]):
    """A model posed before, and its problem."""

    model: Model
    problem: Problem
    total_weight: float
    training: "BoundTraining | None"

    @cached_property
    def key(self) -> Any:
        return key_of(_binding_parameters(self.model))


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
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Weights of the rows; None for 1 each. Where outputs have weights of their own, each is a
        problem by itself, which :meth:`pose` does not state.
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
        self._are_apart = are_apart(y, sample_weight)
        self._options = {} if offset is None else {"offset": offset}
        self._budget = max(MOMENTS_BUDGET, PASSES_PER_FIT * n_models)
        self._known: list[_Known] = []
        self._held_out, self._n_samples = held_out, None
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
        if self._are_apart:
            raise no_problem(
                "A start (coef_init), a grid of alphas that data determine, or a choice among them"
            )
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
        pilot = penalty.pilot(_curvature(problem.with_penalty(NoPenalty(), 1.0)))
        key = id(known), type(pilot), key_of(pilot.get_params())
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
        given = self._X, self._y, self._sample_weight, self._options
        trains_score = parts.training is not None
        data = prepared(draft, parts.loss, *given, trains_score=trains_score)
        self._n_samples = data.n_samples
        if parts.training is not None:
            _check_no_offset(data)
            data = replace(data, targets=np.asarray(data.targets))  # a score takes rows apart
            training = parts.training.bind(data.targets, getattr(draft, "classes_", None))
        with np.errstate(over="ignore", invalid="ignore"):
            examples = data.examples()
            data.loss.check_target(examples)
            check_loss_on(data.loss, examples)
            # An adaptive penalty is known after a first fit.
            penalty = NoPenalty() if parts.penalty.is_adaptive else parts.penalty
            has_free_intercept = draft.fit_intercept and not data.has_intercept_column
            rows = data.rows(fit_intercept=has_free_intercept)
            names = getattr(draft, "feature_names_in_", None)
            problem = Problem(rows, penalty, draft.strength(data.total_weight), names)
            if not parts.penalty.is_adaptive:
                _check_bound_penalty(problem, parts)
            check_magnitude(problem)
        if training is None:  # a score needs the rows, not their moments
            problem = summarise(problem, self._budget)
        known = _Known(copy_of(draft), problem, data.total_weight, training)
        self._known.append(known)
        return draft, known

    def solve(
        self, model: Model, starts: Sequence[Start] = (), *, is_returned: bool = True
    ) -> Fitted[Model]:
        """Fit a model from the first of ``starts`` that suits it, or from the constant model.

        Parameters
        ----------
        model : estimator
            It is not changed.
        starts : sequence of SolverResult or Coefficients, default=()
            Nearest first. Where the first two are results on the same rows and the penalty is
            smooth, the start is extrapolated from both.
        is_returned : bool, default=True
            Whether a user gets the coefficients, which are then certified in float64, in the
            precision of X. False where they are only scored: that of the run's products will do.

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
        if self._are_apart:
            given = self._X, self._y, self._sample_weight, self._options
            return ApartOutputs(model, *given).solve(starts, is_returned=is_returned)
        posed = self.pose(model)
        draft, start = posed.model, start_of(posed.problem, starts)
        solver = posed.solver.select(posed.problem)
        data = Data(self._X, self._y, {"sample_weight": self._sample_weight, **self._options}, {})
        as_fitted = preview(draft, posed.problem, solver)
        held_out, n = self._held_out, self._n_samples
        task = FitTask(model, data, as_fitted, held_out=held_out, n_samples=n)
        fit = partial(solve_posed, posed, solver, start, task, is_returned=is_returned)
        return task.run(fit, lambda fitted: fitted.model)


def _check_no_offset(data: TrainingData) -> None:
    """Raise a ValueError for offsets that training on a score would not see."""
    if data.offset is not None:
        raise ValueError(
            "offset: training on a score knows no offsets. Use a loss such as 'log_loss' or "
            "'squared_error'; NNOSearchCV then chooses the model by the score."
        )


def _curvature(problem: Problem) -> Array:
    """That of the data loss by each coefficient, (n_features, n_outputs), at the constant model; of
    a loss with corners, that of an envelope as wide as what the constant model loses."""
    if problem.loss.is_smooth:
        return problem.null.data_diagonal
    lost = problem.rows.values(problem.null.raw, problem.null.intercept)
    unit = problem.smoothed(1.0).null.data_diagonal
    return np.divide(unit, lost, out=unit.copy(), where=lost > 0)


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
