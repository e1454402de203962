"""What a session asks of a model."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.rows import Labels
from nno_sklearn.score_training import ScoreTraining
from nno_sklearn.solvers import Solver, SolverResult


class Parts(NamedTuple):
    """What a model's parameters name, checked."""

    loss: Loss
    penalty: Penalty
    solver: Solver
    #: How to train on a score, from the optimum of the loss; None where the loss is what counts.
    training: ScoreTraining | None = None


@dataclass(frozen=True)
class TrainingData:
    """Data as a problem takes them."""

    #: float64 or float32, dense, CSR or CSC; (n_samples, n_features).
    X: Any
    #: (n_samples, n_outputs)
    targets: NDArray[np.float64] | Labels
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

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn's BaseEstimator gives them."""

    def parts(self) -> Parts:
        """What the parameters name; raises a ValueError for parameters that no fit can use."""

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

    def keep(
        self,
        result: SolverResult,
        loss: Loss,
        solver: Solver,
        dtype: DTypeLike,
        began: SolverResult | None = None,
    ) -> None:
        """Take the result of a run as attributes, and that from which training on a score began."""


Model = TypeVar("Model", bound=SessionModel)


def has_sessions(estimator: object) -> bool:
    """Whether a session of an estimator's does what its ``fit`` does: one class wrote both."""
    kinds = type(estimator).__mro__
    writers = [[one for one in kinds if name in vars(one)] for name in ("fit", "open_session")]
    return all(writers) and writers[0][0] is writers[1][0]
