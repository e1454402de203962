"""The one fit: parameters -> problem -> solver -> attributes."""

import warnings
from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._online import OnlineLearning
from nno_sklearn._validation import (
    check_compatible,
    check_hyper_parameters,
    check_names,
    check_new_data,
    draft_of,
    make_loss,
    make_penalty,
    make_solver,
)
from nno_sklearn.contracts import (
    check_loss_on,
    check_penalty_on,
    check_prediction,
    check_result,
)
from nno_sklearn.problem import Problem, exact_product, summarise
from nno_sklearn.score_training.search import MetricResult
from nno_sklearn.solvers import Status, certify_returned

#: Passes over X that second moments may cost in one fit; they then save most others.
SUMMARY_BUDGET = 8.0
#: Least loss of the constant model that is a normal number, with some digits to spare.
SMALLEST_LOSS = 1e-304


class LinearModel(OnlineLearning, BaseEstimator):
    """What regressors and classifiers share.

    A subclass names its losses in ``_losses`` and turns data into rows, targets of shape
    (n_samples, n_outputs) and weights in ``_prepare``.
    """

    _losses: dict

    def __new__(cls, *args, **params):
        check_names(cls, params, TypeError)
        return super().__new__(cls)

    def __init__(
        self,
        *,
        loss,
        penalty,
        alpha,
        l1_ratio,
        solver,
        fit_intercept,
        max_iter,
        tol,
        warm_start,
        random_state,
        verbose,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def set_params(self, **params):
        check_names(type(self), params, ValueError)
        return super().set_params(**params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X, y, sample_weight=None):
        """Fit the coefficients to training data.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            float32 is kept as float32; CSR and CSC are used as they are.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; class labels for a classifier.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of 2 means exactly that the row occurs twice, 0 that it does not occur.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For data or parameters that cannot be used; the message says what to do. A model
            that was fitted before stays as it was, also after Ctrl-C.
        """
        draft = draft_of(self)
        draft._fit(X, y, sample_weight)
        self.__dict__ = vars(draft)
        return self

    def _fit(self, X, y, sample_weight):
        problem, solver = self._pose(X, y, sample_weight)
        result = self._solve(problem, solver, self._start(problem))
        if not self.converged_:
            warnings.warn(self._advice(result, problem.dtype), ConvergenceWarning, stacklevel=3)

    def _pose(self, X, y, sample_weight=None):
        """The problem that the data and the parameters state, and the solver for it."""
        loss, penalty, solver = self._parts()
        X, targets, weight, loss = self._prepare(X, y, sample_weight, loss)
        with np.errstate(over="ignore", invalid="ignore"):
            loss.check_target(targets)
            check_loss_on(loss, targets)
            problem = Problem(
                X,
                targets,
                loss,
                penalty,
                self.alpha,
                sample_weight=weight,
                fit_intercept=self.fit_intercept,
            )
            check_penalty_on(problem.penalty, problem.shape)
            _check_magnitude(problem)
        return summarise(problem, SUMMARY_BUDGET), solver

    def _pose_like(self, problem):
        """As :meth:`_pose`, for the rows, the loss and the intercept of a problem known already."""
        _, penalty, solver = self._parts()
        problem = problem.with_penalty(penalty, self.alpha)
        check_penalty_on(problem.penalty, problem.shape)
        return problem, solver

    def _parts(self):
        """Loss, penalty and solver, checked."""
        check_hyper_parameters(self)
        loss = make_loss(self.loss, self._losses)
        penalty = make_penalty(self.penalty, self.l1_ratio)
        solver = make_solver(self.solver)
        penalty.check_parameters()
        solver.check_parameters()
        check_compatible(solver, self.solver, loss, penalty, self.penalty)
        return loss, penalty, solver

    def _solve(self, problem, solver, start):
        """Solve the problem from a point, and keep what was found."""
        solver = clone(solver).select(problem)
        options = {
            "max_iter": self.max_iter,
            "tol": self.tol,
            "callback": self._print if self.verbose else None,
            "random_state": self.random_state,
        }
        with np.errstate(over="ignore", invalid="ignore"):  # of trial steps that go too far
            result = solver.solve(problem, start, **options)
            check_result(solver, problem, result, self.tol)
            if problem.metric is None:
                result = certify_returned(problem, solver, result, **options)
        self._keep(result, problem.metric or problem.loss, solver, problem.dtype)
        return result

    def _start(self, problem):
        """The point where the solver begins: the last coefficients, or the constant model."""
        return (self._point_in(problem) if self.warm_start else None) or problem.null

    def _point_in(self, problem):
        """The fitted coefficients as a point of a problem; None where they do not fit it."""
        if not hasattr(self, "coef_"):
            return None
        coef = np.atleast_2d(self.coef_).T.astype(float)
        if coef.shape != problem.shape or not np.isfinite(coef).all():
            return None
        coef = np.where(problem.scale[:, None] > 0, coef, 0.0)  # constant columns have none
        intercept = np.atleast_1d(self.intercept_).astype(float)
        return problem.at(coef, problem.inner_intercept(coef, intercept))

    def _keep(self, result, loss, solver, dtype):
        self._end_stream()
        self._keep_model(result.coef, result.intercept, loss, solver, dtype)
        self.n_iter_, self.n_passes_ = result.n_iter, result.n_passes
        self.objective_, self.dual_gap_ = result.objective, result.dual_gap
        self.optimality_, self.history_ = result.optimality, result.history
        self.converged_ = result.status is Status.CONVERGED
        vars(self).pop("start_", None)
        if isinstance(result, MetricResult):
            self.start_ = self._start_model(result, loss, solver, dtype)

    def _keep_model(self, coef, intercept, loss, solver, dtype):
        self.coef_ = np.ascontiguousarray(coef.T, dtype=dtype)
        self.intercept_ = intercept  # float64: it may be large beside what X tells
        self.solver_, self.loss_ = solver, loss

    def _start_model(self, result, loss, solver, dtype):
        """A fitted model like this one with the coefficients that the search began from."""
        start = copy(self)
        start._keep(result.start, loss, solver, dtype)
        return start

    def _advice(self, result, dtype):
        if isinstance(result, MetricResult):
            return (
                f"{type(self).__name__}: {result.status.value}, {self.max_iter} rounds, while the "
                "held-out score may still rise. Raise max_iter."
            )
        if result.status is Status.NO_OPTIMUM:
            return (
                f"{type(self).__name__} did not converge: {result.status.value}, as where a class "
                "or a count of 0 can be told from the rest without an error. The coefficients are "
                f"those of iteration {result.n_iter}. Next: add a penalty (penalty='l2', "
                "alpha > 0), or take the columns out that tell it."
            )
        has_dual = "conjugate" in result.point.problem.provides if result.point else True
        measure = "relative duality gap" if has_dual else "relative Newton decrement"
        if result.status is Status.MAX_ITER:
            remedy = f"raise max_iter (now {self.max_iter})"
            if self.solver == "gd":
                remedy += ", or use solver='nearest_neighbor', which takes fewer iterations"
        elif dtype == np.float32:
            remedy = "pass X as float64, or raise tol"
        else:
            remedy = "raise tol, or alpha if columns are nearly collinear"
        return (
            f"{type(self).__name__} did not converge: {result.status.value}. After "
            f"{result.n_iter} iterations of {type(self.solver_).__name__} the {measure} is "
            f"{result.optimality:.2e}, above tol={self.tol:g}. Next: {remedy}."
        )

    def _print(self, record):
        print(f"[{type(self).__name__}] {record}")

    def _prediction(self, X):
        """Predictions in the target's units, (n_samples, n_outputs)."""
        raw_prediction = self._raw_prediction(X)  # it checks that there is a fit
        return check_prediction(self.loss_, raw_prediction)

    def _raw_prediction(self, X):
        """``X @ coef_.T + intercept_``, (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = check_new_data(self, X)
        coef = np.atleast_2d(self.coef_).T.astype(float, copy=False)
        return exact_product(X, coef) + self.intercept_


def _check_magnitude(problem):
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


def _varies(y):
    """Whether a target differs from a constant by more than rounding."""
    return np.ptp(y, axis=0).max() > 1e-10 * np.abs(y).max()
