"""The interface of models that sessions can fit."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nno_sklearn._data_checks import effective_rows
from nno_sklearn.counterparts import Strength
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.rows import LocalRows, Rows, RowTargets, targets_of
from nno_sklearn.solvers import Solver, SolverResult
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.score_training import ScoreTraining


class Parts(NamedTuple):
    """The objects that a model's parameters name, checked."""

    loss: Loss
    penalty: Penalty
    solver: Solver
    #: How to train on a score, from the optimum of the loss; None to minimise the loss.
    training: "ScoreTraining | None" = None


@dataclass(frozen=True)
class TrainingData:
    """Data in the form that a problem takes."""

    #: float64 or float32, dense, CSR or CSC; (n_samples, n_features).
    X: Any
    #: (n_samples, n_outputs)
    targets: NDArray[np.float64] | RowTargets
    #: Weights of the rows up to a common factor, (n_samples,); (n_samples, n_outputs) where outputs
    #: count rows of their own.
    weight: NDArray[np.float64]
    #: For these targets, as the loss depends on the number of classes.
    loss: Loss
    #: Sum of the weights in the user's own units; (n_outputs,) of a table of weights.
    total_weight: Any
    #: What raw predictions have besides X w + b, (n_samples, n_outputs); None for nothing.
    offset: NDArray[np.float64] | None = None
    #: Whether the last column of X is a constant whose coefficient, penalised as all are, is the
    #: intercept; then no other is fitted.
    has_intercept_column: bool = False

    #: Rows as the user counts them; None where these are all.
    n_samples: ClassVar[int | None] = None

    def rows(self, *, fit_intercept: bool) -> Rows:
        """The rows with their loss, in weights that sum to 1."""
        weight = self.weight / self.weight.sum()
        options: dict[str, Any] = {"fit_intercept": fit_intercept, "offset": self.offset}
        return LocalRows(self.X, self.targets, weight, self.loss, **options)

    def output(self, k: int) -> "TrainingData":
        """Those of one output that counts rows of its own."""
        offset = None if self.offset is None else self.offset[:, [k]]
        given = self.weight[:, k], np.asarray(self.targets)[:, [k]], offset
        X, weight, targets, offset = effective_rows(self.X, *given)
        total = float(self.total_weight[k])
        return replace(self, X=X, targets=targets, weight=weight, total_weight=total, offset=offset)

    def examples(self) -> Array:
        """Dense targets that tell what all are like."""
        return targets_of(self.targets).examples()


class Limits(NamedTuple):
    """When a run ends."""

    max_iter: int
    #: Relative duality gap, or Newton decrement, at which it has converged.
    tol: float


class SessionModel(Protocol):
    """The interface of models that sessions can fit, such as this package's estimators.

    A subclass may override any of the methods. One that overrides ``fit`` alone is fitted by it in
    searches, too (see :func:`has_sessions`).
    """

    #: Parameters that do not affect what :meth:`prepare` returns: models that differ only in these
    #: share it.
    free_parameters: ClassVar[frozenset[str]]
    #: The parameter that sets the strength, and its unit.
    strength_in: ClassVar[Strength]
    fit_intercept: bool
    random_state: Any
    verbose: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn's BaseEstimator gives them."""

    def parts(self) -> Parts:
        """Loss, penalty and solver by the parameters; a ValueError for invalid ones."""

    def limits(self) -> Limits:
        """When a run ends, by the parameters."""

    def strength(self, total_weight: float) -> float:
        """Factor of the penalty in an objective with the *mean* loss.

        Parameters
        ----------
        total_weight : float
            Sum of the weights, or number of rows. A strength relative to the *sum* of the losses,
            such as ``1 / C``, must be divided by it.
        """

    def prepare(
        self, X: Any, y: Any, sample_weight: Any, loss: Loss, offset: Any = None
    ) -> TrainingData:
        """Check and encode data; sets the attributes that they determine, such as ``classes_``.

        ``offset`` is passed only where there is one.
        """

    def keep(
        self,
        result: SolverResult,
        loss: Loss,
        solver: Solver,
        dtype: DTypeLike,
        began: SolverResult | None = None,
    ) -> None:
        """Set fitted attributes from a result and, in score training, from that of its start."""


Model = TypeVar("Model", bound=SessionModel)


def has_sessions(estimator: object) -> bool:
    """Whether a session does what the estimator's ``fit`` does: one class defines both."""
    return come_from_one_class(estimator, "fit", "open_session")


def come_from_one_class(estimator: object, *names: str) -> bool:
    """Whether one class defines all these methods, so that they agree with each other."""
    kinds = type(estimator).__mro__
    writers = [next((one for one in kinds if name in vars(one)), None) for name in names]
    return None not in writers and len(set(writers)) == 1
