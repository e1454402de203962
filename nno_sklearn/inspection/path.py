"""Draw coefficients and scores of a search along its path of strengths."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from nno_sklearn.inspection.axes import two_axes
from nno_sklearn.inspection.search_path import (
    chosen_path,
    metric_of,
    name_of_score,
    threshold_of,
)
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.model_selection.results import standard_errors

#: Lines of coefficients that a legend names at most.
MOST_IN_LEGEND = 12
#: Characters of a name in the legend.
NAME_WIDTH = 24


class PathDisplay:
    """Coefficients and scores of a search against alpha, with the chosen model marked.

    Make one with :meth:`from_search`; all parameters are kept as attributes.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths of the penalty, at least two different ones.
    scores : array-like of shape (n_alphas,)
        Mean score of each over the splits; nan leaves a gap.
    standard_errors : array-like of shape (n_alphas,)
        Standard errors of these means.
    chosen : int
        Position of the chosen model.
    coefs : array-like of shape (n_alphas, n_coefs) or None, default=None
        Mean coefficients over the splits. None draws ``n_nonzeros`` instead.
    n_nonzeros : array-like of shape (n_alphas,) or None, default=None
        Mean number of coefficients that are not 0.
    names : sequence of n_coefs str or None, default=None
        Names of the coefficients, for the legend, which has the 12 largest; others are grey.
    threshold : float or None, default=None
        Score to draw as the line of one standard error.
    score_name : str, default="score"

    Attributes
    ----------
    axes_ : ndarray of 2 matplotlib Axes
        For coefficients, and for scores. Set by :meth:`plot`, like those below.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        Lines of the coefficients, the largest first; or the line of their number.
    errorbar_ : matplotlib ErrorbarContainer
        Scores with their standard errors.
    chosen_ : list of matplotlib Line2D
        A vertical line on each axes, and the mark of the score.
    threshold_ : matplotlib Line2D or None
        The line of one standard error.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor, NNOSearchCV
    >>> from nno_sklearn.inspection import PathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = NNOSearchCV(NNORegressor(penalty="l1"), alphas=20, refit="one_standard_error")
    >>> display = PathDisplay.from_search(search.fit(X, y))  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        alphas: ArrayLike,
        scores: ArrayLike,
        standard_errors: ArrayLike,
        chosen: int,
        coefs: ArrayLike | None = None,
        n_nonzeros: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        threshold: float | None = None,
        score_name: str = "score",
    ) -> None:
        self.alphas = alphas
        self.scores = scores
        self.standard_errors = standard_errors
        self.chosen = chosen
        self.coefs = coefs
        self.n_nonzeros = n_nonzeros
        self.names = names
        self.threshold = threshold
        self.score_name = score_name

    @classmethod
    def from_search(
        cls,
        search: NNOSearchCV,
        *,
        metric: str | None = None,
        n_coefs: int = 50,
        feature_names: Sequence[str] | None = None,
        score_name: str | None = None,
        ax: Sequence[Any] | None = None,
        **line_kw: Any,
    ) -> Self:
        """Draw the candidates that differ from the chosen one in alpha only.

        Parameters
        ----------
        search : NNOSearchCV
            Fitted; at least two strengths share the other settings of the chosen candidate.
        metric : str, default=None
            Which score to draw after a search with several metrics; None is the one that chose.
        n_coefs : int, default=50
            Draw this many coefficients, those that are largest somewhere on the path; the
            label of the axis says so where there are more.
        feature_names : sequence of n_features str, default=None
            Names of the model's columns, ``search.best_estimator_[:-1].get_feature_names_out()``
            for most pipelines. The legend names the 12 largest coefficients; the others are
            drawn in grey.
        score_name : str, default=None
            Name of the score on the axis; None takes that of the metric or of ``scoring``.
        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot`` for the coefficients and to ``Axes.errorbar`` for the scores.

        Returns
        -------
        PathDisplay

        Raises
        ------
        NotFittedError
            Where ``search`` is not fitted.
        ValueError
            Where there is no path to draw: the search is no NNOSearchCV, chose nothing or no NNO
            model, or has one alpha only.
        """
        check_is_fitted(search, "cv_results_")
        path, metric, results = chosen_path(search), metric_of(search, metric), search.cv_results_
        coefs, names = _lay_out([search.mean_coef_[k] for k in path], feature_names)
        display = cls(
            alphas=results["strength"][path],
            scores=results[f"mean_test_{metric}"][path],
            standard_errors=standard_errors(results, metric)[path],
            chosen=int(np.flatnonzero(path == search.best_index_)[0]),
            coefs=coefs,
            n_nonzeros=results["mean_n_nonzeros"][path],
            names=names,
            threshold=threshold_of(search, metric),
            score_name=score_name or name_of_score(search, metric),
        )
        return display.plot(n_coefs=n_coefs, ax=ax, **line_kw)

    def plot(self, *, n_coefs: int = 50, ax: Sequence[Any] | None = None, **line_kw: Any) -> Self:
        """Draw the path.

        Parameters
        ----------
        n_coefs : int, default=50
            Draw this many coefficients, those that are largest somewhere on the path.
        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **line_kw
            Passed to ``Axes.plot`` for the coefficients and to ``Axes.errorbar`` for the scores.

        Returns
        -------
        PathDisplay

        Raises
        ------
        ValueError
            Where ``n_coefs`` is below 1, or ``ax`` does not hold two Axes.
        """
        if n_coefs < 1:
            raise ValueError(f"n_coefs={n_coefs}: draw at least 1 coefficient.")
        self.axes_ = two_axes(ax, "coefficients and for scores")
        self.figure_ = self.axes_[0].figure
        order = np.argsort(self.alphas, kind="stable")
        alphas = np.asarray(self.alphas)[order]
        if self.coefs is None:
            self._plot_n_nonzeros(alphas, order, line_kw)
        else:
            self._plot_coefs(alphas, order, n_coefs, line_kw)
        self._plot_scores(alphas, order, line_kw)
        for axes in self.axes_:
            axes.set_xlabel("alpha")
            if alphas[0] > 0:
                axes.set_xscale("log")
            else:  # alpha = 0 has no logarithm
                axes.set_xscale("symlog", linthresh=alphas[alphas > 0][0])
        return self

    def _plot_n_nonzeros(self, alphas, order, line_kw):
        axes = self.axes_[0]
        self.lines_ = axes.plot(alphas, np.asarray(self.n_nonzeros)[order], **line_kw)
        axes.set_ylabel("nonzero coefficients (mean over splits)", wrap=True)

    def _plot_coefs(self, alphas, order, n_coefs, line_kw):
        axes, coefs = self.axes_[0], np.asarray(self.coefs)[order]
        largest = np.argsort(-np.nanmax(np.abs(coefs), axis=0), kind="stable")[:n_coefs]
        self.lines_ = axes.plot(alphas, coefs[:, largest], **line_kw)
        left_out = len(largest) < coefs.shape[1]
        which = f"the {len(largest)} largest of {coefs.shape[1]}, " if left_out else ""
        axes.set_ylabel(f"coefficients ({which}mean over splits)", wrap=True)
        if self.names is not None:
            self._name_lines(largest, line_kw)

    def _name_lines(self, columns, line_kw):
        """Name the largest coefficients in a legend; draw the others in grey."""
        for line, column in zip(self.lines_, columns, strict=True):
            line.set_label(self.names[column])
        named, others = self.lines_[:MOST_IN_LEGEND], self.lines_[MOST_IN_LEGEND:]
        if line_kw.keys().isdisjoint(("color", "c")):
            first_of_colour = {line.get_color(): line for line in reversed(named)}
            for line in named:
                if first_of_colour[line.get_color()] is not line:
                    line.set_linestyle("--")
            for line in others:
                line.set(color="lightgrey", zorder=1)
        labels = [_cut(line.get_label()) for line in named]
        title = f"the {len(named)} largest" if others else None
        # Beside the axes, where the layout makes room for it.
        has_layout = self.figure_.get_layout_engine() is not None
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if has_layout else {}
        self.axes_[0].legend(
            named, labels, title=title, fontsize="small", title_fontsize="small", **beside
        )

    def _plot_scores(self, alphas, order, line_kw):
        axes = self.axes_[1]
        scores, errors = (np.asarray(v)[order] for v in (self.scores, self.standard_errors))
        self.errorbar_ = axes.errorbar(alphas, scores, errors, **{"capsize": 2, **line_kw})
        alpha, score = self.alphas[self.chosen], self.scores[self.chosen]
        label = f"chosen: alpha={alpha:.3g}"
        self.chosen_ = [one.axvline(alpha, color="black", linestyle=":") for one in self.axes_]
        self.chosen_ += axes.plot(alpha, score, "o", color="black", zorder=3, label=label)
        self.threshold_ = None
        if self.threshold is not None:
            label = "best score − standard error"
            self.threshold_ = axes.axhline(
                self.threshold, color="grey", linestyle="--", label=label
            )
        axes.set_ylabel(f"{self.score_name} ± standard error", wrap=True)
        axes.legend()


def _cut(name):
    """Shorten a name in its middle, as names often differ in their ends."""
    half = NAME_WIDTH // 2
    return name if len(name) <= NAME_WIDTH else f"{name[:half]}…{name[1 - half :]}"


def _lay_out(coefs, feature_names):
    """One row of coefficients per candidate, nan where a fit failed; and names of the columns."""
    known = [coef for coef in coefs if coef is not None]
    if not known:
        return None, None
    shape = known[0].shape
    coefs = np.array([np.full(shape, np.nan) if coef is None else coef for coef in coefs])
    coefs = coefs.reshape(len(coefs), -1)
    if feature_names is None:
        return coefs, None
    if len(feature_names) != shape[-1]:
        raise ValueError(
            f"feature_names has {len(feature_names)} names, but the model has {shape[-1]} columns. "
            "Columns are those after preprocessing: take them from "
            "search.best_estimator_[:-1].get_feature_names_out()."
        )
    if len(shape) == 1 or shape[0] == 1:
        return coefs, [str(name) for name in feature_names]
    return coefs, [f"{name}, output {k}" for k in range(shape[0]) for name in feature_names]
