"""The interface of a stream's algorithm, and what an estimator keeps of a stream."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.solvers.base import unmet
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.objective import StreamObjective


class Stream(BaseEstimator):
    """Base class of what ``partial_fit`` learns by; subclass it to bring your own.

    Like a solver it holds options only. What is known of the rows so far is a state, which
    :meth:`learn` takes and returns. docs/extending.md has an example, and
    :func:`nno_sklearn.check_stream` tests one.
    """

    #: Capabilities, as of a :class:`~nno_sklearn.solvers.Solver`.
    requires: ClassVar[frozenset] = frozenset({"loss.gradient"})

    def check_parameters(self) -> None:
        """Raise a ValueError where the parameters make no sense."""

    def missing(self, loss: Loss, penalty: Penalty) -> list[str]:
        """Requirements that a loss and a penalty do not meet, sorted."""
        return unmet(self.requires, loss, penalty)

    def select(self, objective: StreamObjective, n_features: int) -> "Stream":
        """The algorithm that learns: itself, but for "auto"."""
        return self

    def learn(
        self, state: Any, batch: Batch, objective: StreamObjective, *, max_iter: int, tol: float
    ) -> Any:
        """Learn from further rows.

        Parameters
        ----------
        state : object or None
            What this method returned for the rows before; None for the first ones. It must not
            be changed in place.
        batch : Batch
            The rows: X (dense or CSR), y (n_samples, n_outputs) and weight (n_samples,).
        objective : StreamObjective
            Loss, penalty, alpha, fit_intercept and the classes' factors.
        max_iter : int
            Iterations at most, for algorithms that refit.
        tol : float
            Relative duality gap at which a refit ends.

        Returns
        -------
        object
            The new state, with ``coef`` (n_features, n_outputs) and ``intercept`` (n_outputs,), in
            terms of the user's X; it is pickled with the estimator.
        """
        raise NotImplementedError(f"{type(self).__name__} has no learn.")


@dataclass(frozen=True)
class Learnt:
    """What an estimator knows of a stream, between two calls of ``partial_fit``.

    Parameters
    ----------
    how : str
        What must stay as it is from the first batch to the last.
    state : object or None
        Of the stream's algorithm.
    n_rows : int
    """

    how: str
    state: Any = None
    n_rows: int = 0

    @classmethod
    def nothing(cls, stream: Stream, objective: StreamObjective) -> "Learnt":
        """Before the first row."""
        return cls(repr((type(stream), objective.loss, objective.fit_intercept)))

    def and_from(
        self, batch: Batch, stream: Stream, objective: StreamObjective, *, max_iter: int, tol: float
    ) -> "Learnt":
        """After the rows of a batch.

        Raises
        ------
        ValueError
            Where algorithm, loss or fit_intercept differ from those that the stream began with.
        """
        now = self.nothing(stream, objective).how
        if now != self.how:
            raise ValueError(
                f"The stream began with {self.how}, but now it is {now}: what was learnt cannot be "
                "carried over. Set the parameters back, or begin anew with a clone of the "
                "estimator."
            )
        state = stream.learn(self.state, batch, objective, max_iter=max_iter, tol=tol)
        return replace(self, state=state, n_rows=self.n_rows + len(batch))
