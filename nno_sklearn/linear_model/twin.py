"""What all twins share: scikit-learn's parameters, and how they become an objective."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from nno_sklearn._classifier import NNOClassifier
from nno_sklearn._dispatch import follows_rows
from nno_sklearn._linear_model import LinearModel
from nno_sklearn._regressor import NNORegressor
from nno_sklearn._validation import check_compatible, check_number, check_run, make_solver
from nno_sklearn.counterparts import strength_of
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty, Penalty
from nno_sklearn.session import Limits, Parts, TrainingData
from nno_sklearn.solvers import SOLVERS, Solver
from nno_sklearn.types import Matrix, RandomState

#: scikit-learn's names of solvers that this package does not have: they all find the same optimum,
#: so ``auto`` stands for them.
THEIR_SOLVERS = frozenset(
    "lbfgs liblinear newton-cg newton-cholesky sag saga svd cholesky lsqr sparse_cg highs highs-ds "
    "highs-ipm interior-point".split()
    + ["revised simplex"]
)
#: The least relative duality gap that a twin asks for: rounding hides smaller ones.
FINEST = 1e-12
#: ``max_iter`` and ``tol`` where the estimator has none, or None.
MAX_ITER, TOL = 1000, 1e-4


def constructor_of(kind: type) -> Callable[..., None]:
    """An ``__init__`` with the parameters of another estimator, in the version installed."""
    parameters = signature(kind.__init__)  # type: ignore[misc]

    def __init__(self: Any, *args: Any, **params: Any) -> None:  # noqa: N807
        given = parameters.bind(self, *args, **params)
        given.apply_defaults()
        for name in list(parameters.parameters)[1:]:
            setattr(self, name, given.arguments[name])

    __init__.__signature__ = parameters  # type: ignore[attr-defined]
    return __init__


class Twin(LinearModel):
    """Base class of twins: a subclass says in ``_objective`` what it minimises.

    Parameters of the class statement
    ---------------------------------
    of : type
        scikit-learn's estimator. Its parameters, with their defaults in the installed version,
        become those of the twin.
    """

    documented_in = "nno_sklearn.linear_model"
    theirs: ClassVar[type[BaseEstimator]]
    #: Whether scikit-learn's ``tol`` bounds the gradient. A gradient of ``tol`` is an objective
    #: within about ``tol**2`` of its optimum, which is the gap that is asked for; but of a loss
    #: with corners, whose gradient jumps, ``tol`` is the gap.
    tol_is_of_gradient: ClassVar[bool] = True
    free_parameters = LinearModel.free_parameters | frozenset(
        "C copy_X dual n_jobs positive precompute selection".split()
    )

    if TYPE_CHECKING:  # each twin has the parameters of scikit-learn's estimator

        def __init__(self, *args: Any, **params: Any) -> None: ...

    # Those of estimators that have no such parameter.
    solver: str | Solver = "auto"
    max_iter: Any = None
    tol: Any = None
    warm_start: bool = False
    random_state: RandomState = None
    verbose: int | bool = 0

    def __init_subclass__(cls, of: type[BaseEstimator] | None = None, **kwargs: Any) -> None:
        if of is not None:
            cls.theirs, cls.__init__ = of, constructor_of(of)  # type: ignore[method-assign]
            cls.strength_in = strength_of(of) or cls.strength_in
        super().__init_subclass__(**kwargs)

    @abstractmethod
    def _objective(self) -> tuple[Loss, Penalty]:
        """Loss and penalty of the parameters; a ValueError where this package has none."""

    def parts(self) -> Parts:
        """Loss, penalty and solver; see :meth:`nno_sklearn.session.SessionModel.parts`."""
        self._check_parameters()
        loss, penalty = self._objective()
        is_theirs = isinstance(self.solver, str) and self.solver in THEIR_SOLVERS - set(SOLVERS)
        solver = make_solver("auto" if is_theirs else self.solver)
        for part in (penalty, solver):
            part.check_parameters()
        check_compatible("solver", solver, self.solver, loss, penalty, penalty)
        return Parts(loss, penalty, solver)

    def limits(self) -> Limits:
        """When a run ends; see :meth:`nno_sklearn.session.SessionModel.limits`."""
        max_iter, tol = self._run_parameters()
        of_gradient = self.tol_is_of_gradient and self._loss().is_smooth
        return Limits(max_iter, max(tol**2, FINEST) if of_gradient else tol)

    def _run_parameters(self):
        """``max_iter`` and ``tol``, or what stands for them."""
        max_iter = MAX_ITER if self.max_iter is None else self.max_iter
        tol = TOL if self.tol is None else self.tol
        check_number("tol", tol, low=0, why="it bounds the distance to the optimum")
        return max_iter, tol

    def _check_parameters(self):
        name, strength = self.strength_in.parameter, self._strength()
        if not (name == "C" and strength == np.inf):
            check_number(name, strength, low=0, why="a negative penalty has no optimum")
        if getattr(self, "l1_ratio", None) is not None:
            check_number("l1_ratio", self.l1_ratio, low=0, high=1, why="it is the l1 part's share")
        check_run(self, *self._run_parameters())

    def _strength(self):
        """The parameter that sets the strength; 0 where there is none."""
        return getattr(self, self.strength_in.parameter, 0.0)

    def _score_training(self):
        """A twin is not trained on a score."""

    def _loss(self):
        return self._objective()[0]

    @property
    def partial_fit(self) -> Any:
        """None: what SGDClassifier and SGDRegressor have is not for other estimators.

        Raises
        ------
        AttributeError
        """
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit, as in scikit-learn. SGDClassifier and "
            "SGDRegressor have it, and NNOClassifier and NNORegressor for every loss."
        )


class RegressorTwin(Twin, NNORegressor):
    """Base class of twins that predict numbers."""

    def _keep_model(self, coef, intercept, loss, dtype):
        super()._keep_model(coef, intercept, loss, dtype)
        if self.coef_.ndim == 2 and len(self.coef_) == 1:  # of a y of one column
            self.coef_ = self.coef_[0]
        self.intercept_ = self.intercept_ if self.fit_intercept else 0.0

    @follows_rows
    def predict(self, X: Matrix, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Predict targets, in their own units and the type of ``coef_``.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            As in :meth:`nno_sklearn.NNORegressor.predict`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        return super().predict(X, offset=offset).astype(self.coef_.dtype, copy=False)

    def _needs_positive_target(self):
        return False


class ClassifierTwin(Twin, NNOClassifier):
    """Base class of twins that predict classes."""


class PenalisedIntercept(Twin):
    """Base class of twins with the penalty ``(b / intercept_scaling)^2 / 2`` of the intercept b.

    It is the coefficient of a column of its own, full of ``intercept_scaling``.
    """

    intercept_scaling: float

    def prepare(
        self,
        X: Matrix,
        y: Any,
        sample_weight: ArrayLike | None,
        loss: Loss,
        offset: ArrayLike | None = None,
    ) -> TrainingData:
        """Check and encode data; see :meth:`nno_sklearn.session.SessionModel.prepare`."""
        data = super().prepare(X, y, sample_weight, loss, offset)
        if not self.fit_intercept:
            return data
        column = np.full((data.X.shape[0], 1), self.intercept_scaling, dtype=data.X.dtype)
        is_sparse = sparse.issparse(data.X)
        X = sparse.hstack([data.X, column], "csr") if is_sparse else np.hstack([data.X, column])
        return replace(data, X=X, has_intercept_column=True)

    def _keep_model(self, coef, intercept, loss, dtype):
        if self.fit_intercept:
            coef, intercept = coef[:-1], coef[-1] * self.intercept_scaling
        super()._keep_model(coef, intercept, loss, dtype)
        self.intercept_ = np.atleast_1d(self.intercept_) if self.fit_intercept else 0.0


def penalties_by_name(l1_ratio: float) -> dict[str | None, Penalty]:
    """What the names of penalties stand for.

    Parameters
    ----------
    l1_ratio : float
        Of the elastic net.
    """
    return {"l2": L2(), "l1": L1(), "elasticnet": ElasticNet(l1_ratio), None: NoPenalty()}


def choice(parameter: str, name: Any, known: dict[Any, Any]) -> Any:
    """What a name stands for; a ValueError for names that are not known.

    Parameters
    ----------
    parameter : str
        Whose value the name is.
    name : object
    known : dict
    """
    if name not in known:
        raise ValueError(f"{parameter}={name!r}: use one of {', '.join(map(repr, known))}.")
    return known[name]
