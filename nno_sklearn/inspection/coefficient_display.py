"""Draw the largest coefficients, by output."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._kept import coef_table
from nno_sklearn.inspection.table import feature_names, model_of, output_names, transformed
from nno_sklearn.inspection.table import standard_deviations as deviations_of
from nno_sklearn.types import Matrix


class CoefficientDisplay:
    """The largest coefficients of each output, as bars.

    Make one with :meth:`from_estimator`; all parameters are kept as attributes.

    Parameters
    ----------
    coef : array-like of shape (n_outputs, n_features)
    feature_names : sequence of n_features str
    output_names : sequence of n_outputs
        Titles of the axes, where there are several.
    standard_deviations : array-like of shape (n_features,) or None, default=None
        Of the columns: bars are then coefficients times these, the effect of a typical difference.

    Attributes
    ----------
    axes_ : ndarray of n_outputs matplotlib Axes
        Set by :meth:`plot`, like those below.
    figure_ : matplotlib Figure
    bars_ : list of matplotlib BarContainer
        The largest first.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.inspection import CoefficientDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = NNOClassifier(alpha=0.01).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(model, X=X)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        coef: ArrayLike,
        feature_names: Sequence[str],
        output_names: Sequence[Any],
        standard_deviations: ArrayLike | None = None,
    ) -> None:
        self.coef = coef
        self.feature_names = feature_names
        self.output_names = output_names
        self.standard_deviations = standard_deviations

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        X: Matrix | None = None,
        feature_names_out: Sequence[str] | None = None,
        n_coefs: int = 10,
        ax: Any = None,
        **bar_kw: Any,
    ) -> Self:
        """Draw the coefficients of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted NNOClassifier, NNORegressor or twin, a pipeline that ends in one, or a search
            of these.
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features), default=None
            Training rows: coefficients are then multiplied by their columns' standard deviations.
        feature_names_out : sequence of n_features str, default=None
            Names of the model's columns; see :func:`coefficients`.
        n_coefs : int, default=10
            Draw this many of each output, the largest.
        ax : matplotlib Axes, or sequence of n_outputs, default=None
            Where to draw; None makes a figure.
        **bar_kw
            Passed to ``Axes.barh``.

        Returns
        -------
        CoefficientDisplay
        """
        model = model_of(estimator)
        check_is_fitted(model)
        deviations = None if X is None else deviations_of(transformed(estimator, X))
        display = cls(
            coef=coef_table(model),
            feature_names=feature_names(estimator, feature_names_out),
            output_names=list(output_names(model)),
            standard_deviations=deviations,
        )
        return display.plot(n_coefs=n_coefs, ax=ax, **bar_kw)

    def plot(self, *, n_coefs: int = 10, ax: Any = None, **bar_kw: Any) -> Self:
        """Draw the bars.

        Parameters
        ----------
        n_coefs : int, default=10
            Draw this many of each output, the largest.
        ax : matplotlib Axes, or sequence of n_outputs, default=None
            Where to draw; None makes a figure.
        **bar_kw
            Passed to ``Axes.barh``.

        Returns
        -------
        CoefficientDisplay

        Raises
        ------
        ValueError
            Where ``n_coefs`` is below 1, or ``ax`` does not hold an Axes for each output.
        """
        if n_coefs < 1:
            raise ValueError(f"n_coefs={n_coefs}: draw at least 1 coefficient.")
        coef = np.asarray(self.coef, dtype=float)
        is_scaled = self.standard_deviations is not None
        sizes = coef * np.asarray(self.standard_deviations) if is_scaled else coef
        self.axes_ = self._axes(ax, len(coef), min(n_coefs, coef.shape[1]))
        self.figure_, self.bars_ = self.axes_[0].figure, []
        for axes, output, values in zip(self.axes_, self.output_names, sizes, strict=True):
            largest = np.argsort(-np.abs(values), kind="stable")[:n_coefs]
            labels = [self.feature_names[k] for k in largest]
            place = np.arange(len(largest))
            self.bars_.append(axes.barh(place, values[largest], **bar_kw))
            axes.set_yticks(place, labels)
            axes.invert_yaxis()
            axes.axvline(0.0, color="grey", linewidth=0.8)
            axes.set_xlabel("coefficient × standard deviation" if is_scaled else "coefficient")
            if len(coef) > 1:
                axes.set_title(str(output))
        return self

    def _axes(self, ax, n_outputs, n_bars):
        if ax is None:
            import matplotlib.pyplot as plt

            size = 4 * n_outputs + 1, 1.0 + 0.3 * n_bars
            _, ax = plt.subplots(1, n_outputs, figsize=size, layout="constrained", squeeze=False)
        axes = np.asarray(ax).ravel()
        if len(axes) != n_outputs:
            raise ValueError(
                f"ax must be {n_outputs} Axes, one for each output, but it is {len(axes)}. Use for "
                f"instance plt.subplots(1, {n_outputs})[1]."
            )
        return axes
