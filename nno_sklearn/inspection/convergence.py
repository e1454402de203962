"""Draw how fast solvers approach the optimum."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._linear_model import LinearModel
from nno_sklearn.inspection.axes import two_axes
from nno_sklearn.solvers import Record


class ConvergenceDisplay:
    """Suboptimality of the objective against passes over the data and seconds.

    Make one with :meth:`from_estimators`; all parameters are kept as attributes.

    Parameters
    ----------
    histories : dict of str to list of records
        The ``history_`` of fits of one problem: same data, loss, penalty and alpha.

    Attributes
    ----------
    reference_ : float
        What is subtracted from the objectives: the largest lower bound of the optimum that any
        fit has certified; where none has, the smallest objective of any fit.
    certified_ : bool
        Whether ``reference_`` is a certified lower bound; the curves are then upper bounds of the
        suboptimality.
    axes_ : ndarray of 2 matplotlib Axes
        Against passes, and against seconds. Set by :meth:`plot`, like the two below.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The curves of the first axes, then those of the second.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.inspection import ConvergenceDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> fits = {
    ...     solver: NNOClassifier(solver=solver, alpha=0.01).fit(scale(X), y)
    ...     for solver in ("gd", "proximal")
    ... }
    >>> display = ConvergenceDisplay.from_estimators(fits)  # doctest: +SKIP
    """

    def __init__(self, histories: Mapping[str, Sequence[Record]]) -> None:
        self.histories = histories
        records = [record for history in histories.values() for record in history]
        if not records:
            raise ValueError(
                "There is nothing to draw: histories holds no record. Give at least one fitted "
                "estimator, for instance {'gd': NNOClassifier(solver='gd').fit(X, y)}."
            )
        bound = max(record.objective - record.dual_gap for record in records)
        self.certified_ = bool(np.isfinite(bound))
        lowest = min(record.objective for record in records)
        self.reference_ = float(bound if self.certified_ else lowest)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, LinearModel],
        *,
        ax: Sequence[Any] | None = None,
        **line_kw: Any,
    ) -> Self:
        """Draw the histories of fitted estimators.

        Parameters
        ----------
        estimators : dict of str to NNOClassifier or NNORegressor
            Fitted on the same data with the same loss, penalty and alpha; the keys are the
            labels of the curves.
        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        ConvergenceDisplay
        """
        for estimator in estimators.values():
            check_is_fitted(estimator, "history_")
        histories = {name: estimator.history_ for name, estimator in estimators.items()}
        return cls(histories).plot(ax=ax, **line_kw)

    def plot(self, ax: Sequence[Any] | None = None, **line_kw: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        ConvergenceDisplay
        """
        self.axes_ = two_axes(ax, "passes and for seconds", sharey=True)
        self.figure_ = self.axes_[0].figure
        self.lines_ = []
        for axes, field, label in zip(
            self.axes_, ("n_passes", "seconds"), ("passes over the data", "seconds"), strict=True
        ):
            for name, history in self.histories.items():
                x = [getattr(record, field) for record in history]
                self.lines_ += axes.plot(x, self._distance(history), label=name, **line_kw)
            axes.set(yscale="log", xlabel=label)
        reference = "lower bound" if self.certified_ else "best objective"
        self.axes_[0].set_ylabel(f"objective − {reference}")
        self.axes_[0].legend()
        return self

    def _distance(self, history):
        """Objectives minus the reference, at least the rounding error, for a log scale."""
        objectives = np.array([record.objective for record in history])
        rounding = np.finfo(float).eps * np.abs(objectives).max()
        return np.maximum(objectives - self.reference_, max(rounding, np.finfo(float).tiny))
