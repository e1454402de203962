"""The base class of callbacks, and what they see of an iteration."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nno_sklearn.solvers import Record
from nno_sklearn.solvers.result import MakeCoefficients
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.callbacks.fit_task import FitTask


class Best(NamedTuple):
    """The best model so far."""

    score: float
    #: Iterations since a score was higher than all before.
    waited: int
    record: Record
    coef: Array
    intercept: Array


class Callback:
    """Base class of callbacks: subclass it and write :meth:`on_iteration`.

    It has the hooks of scikit-learn's callbacks, which do nothing here, and is set by
    ``model.set_callbacks(callback)``, also where scikit-learn is older than 1.9. An iteration is
    one of any solver, a round of training on a score, or a batch of ``partial_fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.callbacks import Callback
    >>> class TimeLimit(Callback):
    ...     def __init__(self, seconds):
    ...         self.seconds = seconds
    ...
    ...     def on_iteration(self, iteration):
    ...         return iteration.record.seconds > self.seconds
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NNOClassifier(solver="gd").set_callbacks(TimeLimit(seconds=0.0)).fit(X, y)
    >>> print(model.status_.value)
    a callback stopped it
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Called at the beginning of a fit, by scikit-learn's protocol."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called at the end of a fit, by scikit-learn's protocol."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called at the beginning of a task of a fit, by scikit-learn's protocol."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool | None:
        """Called at the end of a task of a fit, by scikit-learn's protocol; True ends the fit."""
        return None

    def on_begin(self, fit: "FitTask") -> None:
        """Called before the first iteration.

        Parameters
        ----------
        fit : FitTask
            With the ``estimator`` and the rows, ``data``, that it is fitted to.
        """

    def on_iteration(self, iteration: "Iteration") -> bool | None:
        """Called after each iteration.

        Parameters
        ----------
        iteration : Iteration

        Returns
        -------
        bool or None
            True ends the fit: its ``status_`` is ``Status.STOPPED``, and nothing is warned of. In
            ``partial_fit`` rows that come later are still learnt, as they are asked for.
        """


class Iteration:
    """An iteration, as callbacks see it.

    Attributes
    ----------
    record : Record
        Its line in ``history_``.
    number : int
        0 at the start.
    fit : FitTask
        With the ``estimator``, the rows ``data`` that it is fitted to, and those held out.
    """

    def __init__(
        self, record: Record, number: int, coefficients: MakeCoefficients, fit: "FitTask"
    ) -> None:
        self.record, self.number, self.fit = record, number, fit
        self._coefficients = coefficients

    @cached_property
    def _pair(self):
        return self._coefficients()

    @property
    def coef(self) -> Array:
        """Coefficients, (n_features, n_outputs), for the user's X; made when asked for."""
        return self._pair[0]

    @property
    def intercept(self) -> Array:
        """Intercept, (n_outputs,)."""
        return self._pair[1]

    @cached_property
    def model(self) -> Any:
        """The estimator as if the fit had ended here; made when asked for."""
        return self.fit.as_fitted(self.record, self.number, self.coef, self.intercept)

    def judge(self, score: float) -> int:
        """Note a score: it becomes the record's ``validation_score``, and the fit keeps the model
        of the highest one, of several equal ones the last.

        Parameters
        ----------
        score : float
            Greater is better; nan counts as the lowest.

        Returns
        -------
        int
            Iterations since a score was higher than all before it.
        """
        self.record = self.record._replace(validation_score=float(score))
        score = -np.inf if np.isnan(score) else float(score)
        best = self.fit.best
        waited = 0 if best is None or score > best.score else best.waited + 1
        if best is None or score >= best.score:
            best = Best(score, waited, self.record, self.coef.copy(), self.intercept.copy())
        self.fit.best = best._replace(waited=waited)
        return waited
