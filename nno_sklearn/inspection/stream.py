"""Draw how streams were learnt."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nno_sklearn.inspection.axes import one_axes
from nno_sklearn.inspection.table import model_of
from nno_sklearn.solvers import Record


class StreamDisplay:
    """The prequential curve of streams: objective of new rows before they are learnt, by rows.

    Make one with :meth:`from_estimators`; all parameters are kept as attributes.

    Parameters
    ----------
    histories : dict of str to list of records
        The ``history_`` of models after ``partial_fit``.

    Attributes
    ----------
    axes_ : matplotlib Axes
        Set by :meth:`plot`, like those below.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        Of each stream the mean over all its rows so far.
    batches_ : list of matplotlib Line2D
        Of each stream the batches themselves, faint.

    References
    ----------
    A. P. Dawid (1984): Statistical theory: the prequential approach. J. Royal Statistical Society A
    147, 278-292.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.inspection import StreamDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NNOClassifier()
    >>> for first in range(5):
    ...     model = model.partial_fit(X[first::5], y[first::5], classes=[0, 1, 2])
    >>> display = StreamDisplay.from_estimators({"cells": model})  # doctest: +SKIP
    """

    def __init__(self, histories: Mapping[str, Sequence[Record]]) -> None:
        self.histories = histories
        for name, history in histories.items():
            if sum(np.isfinite(record.objective) for record in history[1:]) < 1:
                raise ValueError(
                    f"The history of {name!r} has fewer than two batches, so there is no row that "
                    "came after a model. Call partial_fit more often."
                )

    @classmethod
    def from_estimators(
        cls, estimators: Mapping[str, Any], *, ax: Any = None, **line_kw: Any
    ) -> Self:
        """Draw models that have learnt from the same rows.

        Parameters
        ----------
        estimators : dict of str to estimator
            Models after ``partial_fit``; the keys are the labels of the curves.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        StreamDisplay
        """
        models = {name: model_of(estimator) for name, estimator in estimators.items()}
        for name, model in models.items():
            check_is_fitted(model, "history_")
            if not hasattr(model, "stream_"):
                raise ValueError(
                    f"{name!r} was fitted to all rows at once. Draw it by ConvergenceDisplay."
                )
        return cls({name: model.history_ for name, model in models.items()}).plot(ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        StreamDisplay
        """
        self.axes_ = one_axes(ax)
        self.figure_, self.lines_, self.batches_ = self.axes_.figure, [], []
        for name, history in self.histories.items():
            n_rows = np.array([record.n_samples for record in history])
            values = np.array([record.objective for record in history])[1:]
            sizes, n_rows = np.diff(n_rows), n_rows[1:]
            mean = np.cumsum(sizes * values) / np.cumsum(sizes)
            (line,) = self.axes_.plot(n_rows, mean, label=name, **line_kw)
            faint = {**line_kw, "color": line.get_color(), "alpha": 0.25}
            self.batches_ += self.axes_.plot(n_rows, values, **faint)
            self.lines_.append(line)
        self.axes_.set(xlabel="rows", ylabel="objective before learning, mean so far")
        self.axes_.legend()
        return self
