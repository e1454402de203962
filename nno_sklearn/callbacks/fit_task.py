"""A fit, or a batch of a stream, that callbacks see."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nno_sklearn._split import Data
from nno_sklearn.callbacks.base import Best, Iteration
from nno_sklearn.callbacks.protocol import callbacks_of, with_callbacks
from nno_sklearn.solvers import Record
from nno_sklearn.solvers.result import MakeCoefficients
from nno_sklearn.types import Array

Fitted = TypeVar("Fitted")
#: Makes a fitted estimator of a record, the number of its iteration, coefficients and intercept.
AsFitted = Callable[[Record, int, Array, Array], Any]


class FitTask:
    """A fit, or a batch of a stream, that callbacks see.

    Attributes
    ----------
    estimator : estimator
        What the user fits.
    data : Data
        The rows it is fitted to: ``X``, ``y`` and the arguments of ``fit`` in ``for_fit``.
    n_samples : int
        Their number.
    held_out : Data or None
        Rows that a callback held out.
    n_iterations : int or None
        Iterations after which the fit ends; None for as many as it takes.
    best : Best or None
        The best model by :meth:`Iteration.judge`.
    """

    def __init__(
        self,
        estimator: Any,
        data: Data,
        as_fitted: AsFitted,
        *,
        held_out: Data | None = None,
        best: Best | None = None,
        n_samples: int | None = None,
    ) -> None:
        self.estimator, self.data, self.held_out = estimator, data, held_out
        self.n_samples = data.n_rows if n_samples is None else n_samples
        self.as_fitted, self.best = as_fitted, best
        self.n_iterations: int | None = None
        self.callbacks: tuple[Any, ...] = callbacks_of(estimator)
        self._context: Any = None
        self._is_over, self._n_seen, self._scores = False, 0, dict[tuple[float, float], float]()

    def run(self, fit: Callable[[], Fitted], fitted_of: Callable[[Fitted], Any]) -> Fitted:
        """Call the hooks around a fit.

        Parameters
        ----------
        fit : callable
            Fits, and calls :meth:`see` after each iteration.
        fitted_of : callable
            The fitted estimator of what ``fit`` returns.
        """
        if not self.callbacks:
            return fit()
        return _within(self.estimator, self, fit, fitted_of)

    def open(self, context: Any) -> None:
        """Begin, in a context of scikit-learn's protocol."""
        self._context = context
        for callback in self._own():
            callback.on_begin(self)

    def see(self, record: Record, coefficients: MakeCoefficients) -> bool:
        """Call the hooks of an iteration; whether any of them ends the fit.

        Parameters
        ----------
        record : Record
        coefficients : callable
            Makes coefficients and intercept, for the user's X.
        """
        if not self.callbacks or self._is_over:
            return self._is_over
        iteration = Iteration(record, self._n_seen, coefficients, self)
        self._n_seen += 1
        context = self._context.subcontext(task_name="iteration")
        context.call_on_fit_task_begin(estimator=self.estimator, **self.told)
        stops = context.call_on_fit_task_end(
            estimator=self.estimator,
            **self.told,
            reconstruction_attributes=lambda: vars(iteration.model),
        )
        for callback in self._own():
            stops |= bool(callback.on_iteration(iteration))
        self._scores[_key(record)] = iteration.record.validation_score
        is_last = self.n_iterations is not None and self._n_seen > self.n_iterations
        self._is_over = stops or is_last
        return self._is_over

    def scored(self, history: Sequence[Record]) -> list[Record]:
        """A history with the scores that callbacks noted."""
        if self.best is None:
            return list(history)
        return [
            record._replace(
                validation_score=self._scores.get(_key(record), record.validation_score)
            )
            for record in history
        ]

    @property
    def told(self) -> dict[str, Any]:
        """What hooks may ask for: the rows, and their weights."""
        weight = self.data.for_fit.get("sample_weight")
        metadata = None if weight is None else {"sample_weight": weight}
        return {"X": self.data.X, "y": self.data.y, "metadata": metadata}

    def _own(self):
        """The callbacks that see iterations as this package shows them."""
        return [one for one in self.callbacks if hasattr(one, "on_iteration")]


def hold_out(estimator: Any, data: Data) -> tuple[Data, Data | None]:
    """The rows to fit an estimator to, and those that one of its callbacks holds out.

    Parameters
    ----------
    estimator : estimator
    data : Data
    """
    held_out = None
    for callback in callbacks_of(estimator):
        if hasattr(callback, "hold_out") and (parts := callback.hold_out(estimator, data)):
            data, held_out = parts
    return data, held_out


def _key(record):
    return record.n_passes, record.objective


@with_callbacks
def _within(estimator, task, fit, fitted_of):
    # Public in spite of its name: https://scikit-learn.org/1.9/developers/callback_support.html
    context = estimator._init_callback_context(max_subtasks=None)
    context.call_on_fit_task_begin(estimator=estimator, **task.told)
    task.open(context)
    fitted = fit()
    context.call_on_fit_task_end(
        estimator=estimator,
        **task.told,
        reconstruction_attributes=lambda: vars(fitted_of(fitted)),
    )
    return fitted
