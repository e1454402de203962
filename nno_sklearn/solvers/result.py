"""What a run leaves: a history of records, how it ended, and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

import numpy as np

from nno_sklearn.losses import Loss
from nno_sklearn.problem import Point
from nno_sklearn.types import Array

#: What :attr:`Record.start` calls a start that the user, or a fit before this one, gave.
GIVEN = "given coefficients"


class Status(Enum):
    """How a run ended; the value is the sentence that a user reads."""

    CONVERGED = "converged"
    MAX_ITER = "the iteration limit was reached"
    NO_OPTIMUM = "the objective has no minimum, it falls for ever as the coefficients grow"
    ROUNDED = "the optimum is there, but not in the precision of the coefficients"
    STOPPED = "a callback stopped it"
    STALLED = "no step lowers the objective any more, the limit of floating-point precision"


class Record(NamedTuple):
    """One line of a history: an iteration of a run; of training on a score, the means of all folds;
    of a stream, a batch."""

    #: F; for training on a score, minus the score on the rows that are searched on; for a stream,
    #: that of the batch before the model has learnt from it, nan for the first.
    objective: float
    #: What ``tol`` bounds: the relative duality gap, or without a dual the Newton decrement; nan in
    #: training on a score and in streams, which have no certificate.
    optimality: float
    #: Bound on objective minus optimum; inf where none is known.
    dual_gap: float
    #: Length of the step to this point, nan at the start; of a stream, the largest change of a
    #: coefficient.
    step_size: float
    n_nonzeros: int
    n_passes: float
    seconds: float
    #: Score on held-out rows; nan where none are held out. Of training on a score, and of
    #: :class:`~nno_sklearn.EarlyStopping`, which may score the training rows instead.
    validation_score: float = np.nan
    #: Where the run starts, in its first record: the best "constant model", "given coefficients",
    #: the optimum on "landmarks" or on their neighbours' "cells", the "optimum without bounds",
    #: moved to within them, or about that of "stronger penalties".
    start: str = ""
    #: Objective of the other start, where two were compared; nan otherwise.
    other_start: float = np.nan
    #: Rows that the model has seen; of a stream, those so far. 0 in a run without an estimator.
    n_samples: int = 0

    def __str__(self) -> str:
        has_score = not np.isnan(self.validation_score)
        held_out = f"held-out score {self.validation_score:.6f}"
        return (
            f"objective {self.objective:.6e}  "
            f"{held_out if has_score else f'optimality {self.optimality:.1e}'}  "
            f"nonzeros {self.n_nonzeros}  passes {self.n_passes:.1f}  {self.seconds:.2f} s"
        )


#: Makes the coefficients, (n_features, n_outputs), and the intercept, for the user's X.
MakeCoefficients: TypeAlias = Callable[[], tuple[Array, Array]]
#: Called with each new record of a run and a function that makes its coefficients, which may take
#: time; the run ends where it returns something true.
Callback: TypeAlias = Callable[[Record, MakeCoefficients], object]


@dataclass(frozen=True)
class SolverResult:
    """What a solver returns; ``coef`` is (n_features, n_outputs), for the user's X."""

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int
    n_passes: float
    status: Status
    optimality: float
    dual_gap: float
    objective: float
    history: list[Record]
    #: The last point, from which a later fit can start; None where a solver does not return it.
    point: Point | None = None
    #: A bound on the optimum from below that holds in any precision; -inf where none is known.
    bound: float = -np.inf
    #: The loss with what was estimated of it, such as a scale; None where that is nothing.
    loss: Loss | None = None
    #: Whether Newton's steps have come as near to the optimum as precision goes.
    is_precise: bool = False


def name_of(start):
    """What :attr:`Record.start` calls a start that a solver was given."""
    return GIVEN if start.coef.any() else "constant model"
