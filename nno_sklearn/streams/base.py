"""The interface of a stream's algorithm, and the state that an estimator keeps of it."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.solvers.base import unmet
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.objective import StreamObjective
from nno_sklearn.streams.widening import Widening


class Stream(BaseEstimator):
    """Base class of the algorithms of ``partial_fit``; subclass it to bring your own.

    Like a solver it holds options only. :meth:`learn` takes and returns the state, all that is kept
    of the rows so far. docs/extending.md has an example, and
    :func:`nno_sklearn.check_stream` tests one.
    """

    #: Methods it needs, as of a :class:`~nno_sklearn.solvers.Solver`.
    requires: ClassVar[frozenset] = frozenset({"loss.gradient"})
    #: Whether :meth:`learn` adds a batch's ``offset`` to raw predictions; others get none.
    takes_offset: ClassVar[bool] = False

    def check_parameters(self) -> None:
        """Raise a ValueError where the parameters are invalid."""

    def missing(self, loss: Loss, penalty: Penalty) -> list[str]:
        """Requirements that a loss and a penalty do not meet; a sorted list."""
        return unmet(self.requires, loss, penalty)

    def objection(self, penalty: Penalty, shape: tuple[int, int]) -> str:
        """Why it cannot heed a penalty that has the methods it needs, which is bound to
        coefficients of this shape; "" where it can. The sentence's subject is the stream."""
        return ""

    def select(self, objective: StreamObjective, n_features: int) -> "Stream":
        """The algorithm that learns: itself, except for "auto"."""
        return self

    def learn(
        self, state: Any, batch: Batch, objective: StreamObjective, *, max_iter: int, tol: float
    ) -> Any:
        """Learn from further rows.

        Parameters
        ----------
        state : object or None
            What this method returned for the previous batch; None for the first. It must not
            be changed in place.
        batch : Batch
            The rows: X (dense or CSR), y (n_samples, n_outputs), weight (n_samples,) and, only
            where :attr:`takes_offset` is True, offset (n_samples, n_outputs) or None.
        objective : StreamObjective
            Loss, penalty, alpha, fit_intercept and the classes' factors.
        max_iter : int
            Iterations of a refit at most.
        tol : float
            Tolerance of a refit, as of a solver.

        Returns
        -------
        object
            The new state, with ``coef`` (n_features, n_outputs) and ``intercept`` (n_outputs,), for
            the user's X; it is pickled with the estimator.
        """
        raise NotImplementedError(f"{type(self).__name__} has no learn.")

    def widen(self, state: Any, widening: Widening) -> Any:
        """Take up classes that appear later: ``state.widened(widening)``, if it has that.

        Parameters
        ----------
        state : object
            What :meth:`learn` returned.
        widening : Widening
            Gives arrays of one column per output their new columns.

        Raises
        ------
        ValueError
            Where the state has no ``widened``.
        """
        if not hasattr(state, "widened"):
            raise ValueError(
                f"y has labels that are not in classes, and {type(self).__name__} cannot open "
                "outputs for them. Name all labels in the first call of partial_fit, or give its "
                "state a method widened(widening)."
            )
        return state.widened(widening)


@dataclass(frozen=True)
class Learnt:
    """What an estimator keeps of a stream between two calls of ``partial_fit``.

    Parameters
    ----------
    how : str
        Algorithm, loss and fit_intercept, which must not change between batches.
    state : object or None
        State of the stream's algorithm.
    n_rows : int
    """

    how: str
    state: Any = None
    n_rows: int = 0

    @classmethod
    def nothing(cls, stream: Stream, objective: StreamObjective) -> "Learnt":
        """Before the first row."""
        loss = objective.loss  # scikit-learn's own form of it takes a tenth of a small batch
        options = ", ".join(f"{name}={value!r}" for name, value in loss.get_params().items())
        described = f"{type(stream).__name__}, {type(loss).__name__}({options})"
        return cls(f"({described}, fit_intercept={objective.fit_intercept})")

    def widened(self, widening: Widening, stream: Stream, objective: StreamObjective) -> "Learnt":
        """With outputs for classes that appear later; where nothing else differs from before."""
        self._check_same(stream, replace(objective, loss=widening.loss))
        how = self.nothing(stream, objective).how
        return replace(self, how=how, state=stream.widen(self.state, widening))

    def and_from(
        self, batch: Batch, stream: Stream, objective: StreamObjective, *, max_iter: int, tol: float
    ) -> "Learnt":
        """After the rows of a batch.

        Raises
        ------
        ValueError
            Where algorithm, loss or fit_intercept differ from those that the stream began with.
        """
        self._check_same(stream, objective)
        state = stream.learn(self.state, batch, objective, max_iter=max_iter, tol=tol)
        return replace(self, state=state, n_rows=self.n_rows + len(batch))

    def _check_same(self, stream, objective):
        now = self.nothing(stream, objective).how
        if now != self.how:
            raise ValueError(
                f"The stream began with {self.how}, but now it is {now}: what was learnt cannot be "
                "carried over. Set the parameters back, or begin anew with a clone of the "
                "estimator."
            )
