"""The fit of all estimators: parameters -> problem -> solver -> attributes."""

import warnings
from collections.abc import Callable
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._dispatch import at_home, keep_beside
from nno_sklearn._documentation import LinkedToDocumentation
from nno_sklearn._kept import SparseCoefficients, VersionedPickles, coef_table
from nno_sklearn._offset import check_offset
from nno_sklearn._online import OnlineLearning
from nno_sklearn._split import Data
from nno_sklearn._validation import (
    check_compatible,
    check_hyper_parameters,
    check_names,
    check_nested,
    check_new_data,
    make_loss,
    make_penalty,
    make_score_training,
    make_solver,
)
from nno_sklearn.callbacks.fit_task import hold_out
from nno_sklearn.callbacks.protocol import CallbackSupport, without_callbacks
from nno_sklearn.contracts import check_prediction, gradient_jumps
from nno_sklearn.counterparts import OF_MEAN, Strength
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.rows import exact_product
from nno_sklearn.session import Coefficients, FitSession, Limits, Parts, given_start
from nno_sklearn.solvers import Record, Solver, Status
from nno_sklearn.solvers.result import SolverResult
from nno_sklearn.types import Matrix, RandomState

if TYPE_CHECKING:
    from nno_sklearn.score_training import ScoreTraining
    from nno_sklearn.streams import Stream


def _has_corners(problem):
    targets = problem.rows.targets
    return gradient_jumps(problem.loss, np.stack([targets.low, targets.mean, targets.high]))


class LinearModel(
    OnlineLearning,
    SparseCoefficients,
    VersionedPickles,
    LinkedToDocumentation,
    CallbackSupport,
    BaseEstimator,
):
    """Base class of regressors and classifiers.

    A subclass defines its losses in ``named_losses``, the loss whose optimum starts training on a
    score in ``_convex_loss``, and in ``prepare`` how data become rows, targets of shape
    (n_samples, n_outputs) and weights. The interface is
    :class:`~nno_sklearn.session.SessionModel`.
    """

    named_losses: ClassVar[dict[str, type[Loss]]]
    _convex_loss: ClassVar[type[Loss]]
    strength_in: ClassVar[Strength] = OF_MEAN
    free_parameters: ClassVar[frozenset[str]] = frozenset(
        "alpha l1_ratio max_iter penalty random_state solver stream tol verbose warm_start".split()
    )

    __signature__: ClassVar[Signature]
    coef_: NDArray[Any]
    intercept_: Any
    objective_: float
    dual_gap_: float
    optimality_: float
    converged_: bool
    status_: Status
    advice_: str
    n_iter_: int
    n_passes_: float
    history_: list[Record]
    solver_: Solver
    loss_: Loss

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _, *parameters = signature(cls.__init__).parameters.values()
        cls.__signature__ = Signature(parameters)  # help() would show that of __new__

    def __new__(cls, *args: Any, **params: Any) -> Self:
        check_names(cls, params, TypeError)
        return super().__new__(cls)

    def __init__(
        self,
        *,
        loss: "str | Loss | ScoreTraining | Callable[..., float]",
        penalty: str | Penalty | None,
        alpha: float,
        l1_ratio: float,
        solver: str | Solver,
        stream: "str | Stream | None",
        fit_intercept: bool,
        max_iter: int,
        tol: float,
        warm_start: bool,
        random_state: RandomState,
        verbose: int | bool,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.stream = stream
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        # As scikit-learn's, which reads the signature anew each time: each clone asks for it.
        params: dict[str, Any] = {}
        for name in sorted(type(self).__signature__.parameters):
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                nested = value.get_params().items()
                params.update({f"{name}__{part}": one for part, one in nested})
            params[name] = value
        return params

    def set_params(self, **params: Any) -> Self:
        check_names(type(self), params, ValueError)
        check_nested(self, params)
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = self._score_training() is None
        return tags

    def fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> Self:
        """Fit the coefficients to training data.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            float32 is kept as float32; CSR and CSC are used as they are. A tensor of torch, jax or
            another library is taken for the array that it holds, its halves (float16, bfloat16) for
            float32.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; class labels for a classifier, or probabilities of its classes. Of a regression
            with several columns some may be missing (NaN): each output is then fitted to the rows
            that have its target.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of 2 means exactly that the row occurs twice, 0 that it does not occur. A
            regression of several outputs takes a table of shape (n_samples, n_outputs), too.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            What is known of the raw predictions, which are ``X @ coef_.T + intercept_ + offset``:
            the logarithm of the exposure, for counts, or another model's raw predictions. For
            more than two classes one column each.
        coef_init : array-like of the shape of ``coef_``, default=None
            Where the run starts, on which the optimum does not depend; goes before
            ``warm_start``. By default the best constant model, or after ``warm_start`` the last
            fit.
        intercept_init : array-like of the shape of ``intercept_``, default=None
            Where the search for the intercept that is best beside ``coef_init`` starts.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For invalid data or parameters; the message says what to do. A model fitted before
            stays unchanged, also after Ctrl-C.
        """
        options: dict[str, Any] = {} if offset is None else {"offset": offset}
        session = self.open_session(X, y, sample_weight, **options)
        starts = []
        if coef_init is not None or intercept_init is not None:
            if self._score_training() is not None:
                raise ValueError(
                    f"coef_init, intercept_init: loss={self.loss!r} is a score, whose training "
                    "starts at the optimum of a loss. Leave them out."
                )
            starts = [given_start(session.pose(self).problem, coef_init, intercept_init)]
        elif hasattr(self, "coef_") and self.warm_start:
            starts = [self._coefficients()]
        model, result = session.solve(self, starts)
        if not model.converged_ and result.status is not Status.STOPPED:
            warnings.warn(model.advice_, ConvergenceWarning, stacklevel=2)
        self.__dict__ = model.__dict__
        keep_beside(X, self)
        return self

    def open_session(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        n_models: int = 1,
    ) -> FitSession:
        """Fit many settings to the same data, each from the optimum of one solved before.

        Parameters
        ----------
        X, y, sample_weight, offset
            As for :meth:`fit`. They are checked when the first model is fitted.
        n_models : int, default=1
            About how many models will share the data.

        Returns
        -------
        FitSession
            Fits this model, and others of its class.
        """
        given = {"sample_weight": sample_weight, "offset": offset}
        data, held_out = hold_out(self, Data(X, y, given, {}))
        return FitSession(data.X, data.y, **data.for_fit, n_models=n_models, held_out=held_out)

    def parts(self) -> Parts:
        """Loss, penalty and solver of these parameters.

        Returns
        -------
        Parts

        Raises
        ------
        ValueError
            For invalid parameters.
        """
        check_hyper_parameters(self)
        training = self._score_training()
        if training is None:
            loss = self._loss()
        else:
            training.check_parameters()
            loss = self._convex_loss()
        penalty = make_penalty(self)
        solver = make_solver(self.solver)
        penalty.check_parameters()
        solver.check_parameters()
        check_compatible("solver", solver, self.solver, loss, penalty, self.penalty)
        return Parts(loss, penalty, solver, training)

    def _score_training(self):
        """How to train on the score that ``loss`` names; None where it is a loss."""
        return make_score_training(self.loss, self.named_losses)

    def _loss(self):
        """The loss that the parameters name, where it is no score."""
        return make_loss(self.loss, self.named_losses)

    def limits(self) -> Limits:
        """When a run ends: after ``max_iter`` iterations, or at ``tol``.

        Returns
        -------
        Limits
        """
        return Limits(self.max_iter, self.tol)

    def strength(self, total_weight: float) -> float:
        """Factor of the penalty in an objective with the mean loss: alpha.

        Parameters
        ----------
        total_weight : float
            Sum of the weights; alpha does not depend on it.

        Returns
        -------
        float
        """
        return self.strength_in.to_alpha(getattr(self, self.strength_in.parameter), total_weight)

    def _coefficients(self):
        """The fitted coefficients as a start."""
        model = at_home(self)
        coef, intercept = coef_table(model).T, np.atleast_1d(model.intercept_)
        return Coefficients(coef.astype(float), intercept.astype(float))

    def keep(
        self,
        result: SolverResult,
        loss: Loss,
        solver: Solver,
        dtype: DTypeLike,
        began: SolverResult | None = None,
    ) -> None:
        """Set fitted attributes from the result of a run.

        Parameters
        ----------
        result : SolverResult
        loss : Loss
        solver : Solver
            The one that ran.
        dtype : dtype
            That of X, for ``coef_``.
        began : SolverResult, default=None
            In training on a score, the result of its start, kept as the model ``start_``.
        """
        self._end_stream()
        self._keep_model(result.coef, result.intercept, loss, dtype)
        self.solver_ = solver
        self.n_iter_, self.n_passes_ = result.n_iter, result.n_passes
        self.objective_, self.dual_gap_ = result.objective, result.dual_gap
        self.optimality_, self.history_ = result.optimality, result.history
        self.status_, self.converged_ = result.status, result.status is Status.CONVERGED
        is_as_asked = result.status in (Status.CONVERGED, Status.STOPPED)
        self.advice_ = "" if is_as_asked else self._advice(result)
        self.__dict__.pop("start_", None)
        if began is not None:
            start = without_callbacks(self)
            start.keep(began, loss, solver, dtype)
            self.start_ = start

    def _keep_model(self, coef, intercept, loss, dtype):
        self.coef_ = np.ascontiguousarray(coef.T, dtype=dtype)
        self.intercept_ = intercept  # float64: it may be large next to X @ coef
        self.loss_ = loss

    def _advice(self, result):
        limits = self.limits()
        if self._score_training() is not None:
            return (
                f"{type(self).__name__}: {result.status.value}, {limits.max_iter} rounds, while "
                "the held-out score may still rise. Raise max_iter."
            )
        if result.status is Status.NO_OPTIMUM:
            return (
                f"{type(self).__name__} did not converge: {result.status.value}, as where a class "
                "or a count of 0 can be told from the rest without an error. The coefficients are "
                f"those of iteration {result.n_iter}. Next: add a penalty (penalty='l2', "
                "alpha > 0), or take the columns out that tell it."
            )
        if result.status is Status.STALLED and result.point and _has_corners(result.point.problem):
            return (
                f"{type(self).__name__} did not converge: the gradient of {self.loss_} jumps, so "
                f"no step along it is sure to lower the objective. After {result.n_iter} "
                f"iterations of {type(self.solver_).__name__} the optimality is "
                f"{result.optimality:.2e}, above tol={limits.tol:g}. Next: give the loss the "
                "method smoothed(width), which returns a smooth loss below it: fits then come as "
                "near as tol asks for. 'quantile', 'absolute_error', 'epsilon_insensitive' and "
                "'hinge' have it."
            )
        has_dual = result.point.problem.has_dual if result.point else True
        measure = "relative duality gap" if has_dual else "relative Newton decrement"
        if result.status is Status.MAX_ITER:
            remedy = f"raise max_iter (now {limits.max_iter})"
            if getattr(self, "solver", None) == "gd":
                remedy += ", or use solver='nearest_neighbor', which takes fewer iterations"
        elif self.coef_.dtype == np.float32:
            remedy = "pass X as float64, or raise tol"
        else:
            remedy = "raise tol, or alpha if columns are nearly collinear"
        return (
            f"{type(self).__name__} did not converge: {result.status.value}. After "
            f"{result.n_iter} iterations of {type(self.solver_).__name__} the {measure} is "
            f"{result.optimality:.2e}, above tol={limits.tol:g}. Next: {remedy}."
        )

    def _prediction(self, X, offset):
        """Predictions in the target's units, (n_samples, n_outputs)."""
        raw_prediction = self._raw_prediction(self._new_data(X), offset)
        return check_prediction(self.loss_, raw_prediction)

    def _new_data(self, X):
        """Checked rows to predict."""
        check_is_fitted(self)
        return check_new_data(self, X)

    def _raw_prediction(self, X, offset):
        """``X @ coef_.T + intercept_ + offset`` of checked rows, (n_samples, n_outputs)."""
        if sparse.issparse(self.coef_):
            coef = self.coef_.T.astype(float)
            raw_prediction = safe_sparse_dot(X, coef, dense_output=True) + self.intercept_
        else:
            coef = np.atleast_2d(self.coef_).T.astype(float, copy=False)
            raw_prediction = exact_product(X, coef) + self.intercept_
        if not self.loss_.takes_any_array:
            raw_prediction = np.asarray(raw_prediction)
        if offset is None:
            return raw_prediction
        return raw_prediction + self._spread(check_offset(X, offset), coef.shape[1])
