"""Draw how training on a score went."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nno_sklearn.inspection.axes import one_axes
from nno_sklearn.inspection.table import model_of
from nno_sklearn.solvers import Record


class ScoreTrainingDisplay:
    """The score of each round of training on a score: on the rows searched on, and on others.

    Also of a fit with :class:`~nno_sklearn.EarlyStopping`, whose scores of held-out rows it draws.
    Make one with :meth:`from_estimator`; all parameters are kept as attributes.

    Parameters
    ----------
    history : list of records
        The ``history_`` of a model.
    score_name : str, default="score"

    Attributes
    ----------
    axes_ : matplotlib Axes
        Set by :meth:`plot`, like those below.
    figure_ : matplotlib Figure
    searched_line_ : matplotlib Line2D or None
        The score on the rows searched on; None where a loss was minimised.
    held_out_line_ : matplotlib Line2D
    best_ : matplotlib Line2D
        A mark at the round with the highest score of held-out rows.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn import NNOClassifier
    >>> from nno_sklearn.inspection import ScoreTrainingDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NNOClassifier("f1", random_state=0).fit(X, y)
    >>> display = ScoreTrainingDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(self, history: Sequence[Record], *, score_name: str = "score") -> None:
        self.history = history
        self.score_name = score_name
        if not any(np.isfinite(record.validation_score) for record in history):
            raise ValueError(
                "The history has no scores of held-out rows. Train on a score, as "
                "NNOClassifier('f1'), or fit with set_callbacks(EarlyStopping(...))."
            )

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **line_kw: Any) -> Self:
        """Draw the rounds of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted NNOClassifier or NNORegressor, or a pipeline that ends in one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        ScoreTrainingDisplay
        """
        model = model_of(estimator)
        check_is_fitted(model, "history_")
        name = model.loss if hasattr(model, "start_") and isinstance(model.loss, str) else "score"
        return cls(model.history_, score_name=name).plot(ax=ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot``.

        Returns
        -------
        ScoreTrainingDisplay
        """
        self.axes_ = one_axes(ax)
        self.figure_ = self.axes_.figure
        held_out = np.array([record.validation_score for record in self.history])
        self.searched_line_ = None
        if all(np.isnan(record.optimality) for record in self.history):  # no loss was minimised
            searched = [-record.objective for record in self.history]
            (self.searched_line_,) = self.axes_.plot(searched, label="rows searched on", **line_kw)
        (self.held_out_line_,) = self.axes_.plot(held_out, label="held-out rows", **line_kw)
        best = int(np.nanargmax(held_out))
        colour = self.held_out_line_.get_color()
        (self.best_,) = self.axes_.plot([best], held_out[[best]], "o", color=colour)
        self.axes_.set(xlabel="round", ylabel=self.score_name)
        self.axes_.legend()
        return self
