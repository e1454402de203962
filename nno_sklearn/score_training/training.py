"""The parameters of training on a score: the scorer and the folds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nno_sklearn._data_checks import is_count
from nno_sklearn.problem import Problem
from nno_sklearn.score_training.scorer import RawPredictionScorer
from nno_sklearn.score_training.search import ScoreSearch, TrainedModel
from nno_sklearn.solvers import Solver
from nno_sklearn.solvers.result import Callback
from nno_sklearn.types import RandomState


class ScoreTraining(BaseEstimator):
    """Train a linear model on a score itself: ``NNOClassifier(loss=ScoreTraining("f1", cv=10))``.

    ``loss="f1"`` is short for ``loss=ScoreTraining("f1")``. A score has no derivatives, so the
    model is found by a search in coefficient space that starts at the optimum of a convex loss
    with tuned thresholds (:class:`nno_sklearn.score_training.search.ScoreSearch`). The parameters
    can be tuned as ``loss__cv`` and ``loss__scorer``.

    Parameters
    ----------
    scorer : str or callable
        A name that :func:`sklearn.metrics.get_scorer` knows, or ``scorer(estimator, X, y)``, such
        as :func:`sklearn.metrics.make_scorer` returns. Scorers of probabilities are refused: the
        model has none.
    cv : int or splitter, default=5
        The folds whose held-out rows tune the thresholds, stop the search, and decide whether it
        improves on its start. A number of folds, at least 2, or a splitter of
        :mod:`sklearn.model_selection`, which may have one split, as ``ShuffleSplit(1)``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn import NNOClassifier, ScoreTraining
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NNOClassifier(ScoreTraining("f1", cv=3), random_state=0).fit(X, y)
    >>> -model.objective_ > 0.9  # the score on the training data
    True
    """

    def __init__(self, scorer: str | Callable[..., float], cv: Any = 5) -> None:
        self.scorer = scorer
        self.cv = cv

    def check_parameters(self) -> None:
        """Raise a ValueError where ``cv`` is neither a number of folds nor a splitter."""
        if not (is_count(self.cv, 2) or hasattr(self.cv, "get_n_splits")):
            raise ValueError(
                f"ScoreTraining(cv={self.cv!r}): cv is a count, so it must be a whole number of at "
                "least 2, or a splitter of sklearn.model_selection."
            )

    def bind(self, y: np.ndarray, classes: np.ndarray | None) -> "BoundTraining":
        """Check the scorer against these targets.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
        classes : ndarray of shape (n_classes,) or None
            Labels of a classifier; None for a regressor.

        Raises
        ------
        ValueError
            Where the scorer cannot score predictions of ``y``.
        """
        scorer = RawPredictionScorer(self.scorer, classes)
        scorer.check_target(y)
        return BoundTraining(scorer, self.cv)


@dataclass(frozen=True)
class BoundTraining:
    """A :class:`ScoreTraining` bound to targets: the score is a function of raw predictions.

    Parameters
    ----------
    scorer : RawPredictionScorer
    cv : int or splitter
    """

    scorer: RawPredictionScorer
    cv: Any

    def train(
        self,
        problem: Problem,
        solver: Solver,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> TrainedModel:
        """Search for the coefficients with the highest score.

        Parameters
        ----------
        problem : Problem
            Its optimum is the start.
        solver : Solver
            For that optimum and those of the folds.
        max_iter : int
            Rounds at most: one line in each fold, and one of its intercept.
        tol : float
            The optima are found to 1e-3 of it.
        callback : callable, default=None
            Called with each new :class:`~nno_sklearn.solvers.Record`.
        random_state : int, RandomState instance or None, default=None
            Seed of the folds and directions.
        """
        options = {"max_iter": max_iter, "tol": tol, "callback": callback}
        search = ScoreSearch(
            problem, solver, self.scorer, self.cv, random_state=random_state, **options
        )
        return search.run()
