"""A scikit-learn scorer as a function of raw predictions."""

from functools import cached_property
from numbers import Real

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from nno_sklearn.score_training.confusion import ConfusionScore, recognise


class RawPredictionScorer:
    """A scikit-learn scorer as a function of raw predictions; greater is better.

    Parameters
    ----------
    scorer : str or callable
        A name that :func:`sklearn.metrics.get_scorer` knows, or
        ``scorer(estimator, X, y)``, or with a ``sample_weight``, as
        :func:`sklearn.metrics.get_scorer` and :func:`sklearn.metrics.make_scorer` return them.
        The X that it is given are raw predictions.
    classes : ndarray of shape (n_classes,), default=None
        Labels of a classifier; None for a regressor.
    """

    def __init__(self, scorer, classes=None):
        self.scorer = scorer
        self.classes = classes

    @cached_property
    def _call(self):
        return get_scorer(self.scorer)

    def labels(self, y: np.ndarray) -> np.ndarray:
        """Targets as the scorer takes them, from (n_samples, n_outputs)."""
        if self.classes is None:
            return y[:, 0] if y.shape[1] == 1 else y
        return self.classes[class_numbers(y)]

    def score(self, labels: np.ndarray, eta: np.ndarray, weight: np.ndarray | None = None) -> float:
        """Score of raw predictions.

        Parameters
        ----------
        labels : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            From :meth:`labels`.
        eta : ndarray of shape (n_samples, n_outputs)
            Raw predictions.
        weight : ndarray of shape (n_samples,), default=None

        Raises
        ------
        ValueError
            For a scorer that takes no weights, or that gives no finite number.
        """
        predictions = self._predictions()
        if weight is None:
            return self._number(self._call(predictions, eta, labels))
        try:
            return self._number(self._call(predictions, eta, labels, sample_weight=weight))
        except TypeError as error:
            raise ValueError(
                f"loss={self.scorer!r} takes no sample_weight, but rows have different weights. "
                "Fit without weights, or use a scorer that has them."
            ) from error

    def _number(self, score):
        if np.ndim(score) or not isinstance(score, Real) or not np.isfinite(score):
            raise ValueError(
                f"loss={self.scorer!r} gives {score!r} as a score, which says nothing of what is "
                "better. Use a scorer that gives finite numbers."
            )
        return float(score)

    def _predictions(self):
        if self.classes is None:
            return _RegressorPredictions()
        return _ClassifierPredictions(self.classes)

    @property
    def confusion(self) -> ConfusionScore | None:
        """The formula, if this is a score of the confusion matrix; else None."""
        return None if self.classes is None else self._recognised[0]

    @cached_property
    def _recognised(self):
        """The scorer's formula, if it has one, and the methods of an estimator that it calls."""
        n_classes, seen = len(self.classes), self._predictions()

        def score(true, predicted):
            eta = np.eye(n_classes)[predicted]
            eta = 2 * eta[:, [1]] - 1 if n_classes == 2 else eta
            return self._number(self._call(seen, eta, self.classes[true]))

        try:
            score(np.arange(n_classes), np.arange(n_classes))
            found = recognise(score, n_classes) if seen.asked == {"predict"} else None
        except Exception as error:
            raise ValueError(
                f"loss={self.scorer!r} cannot score {n_classes} classes {self.classes}: {error}"
            ) from error
        return found, seen.asked

    def check_target(self, y: np.ndarray) -> None:
        """Raise a ValueError where the scorer cannot score a model of ``y``."""
        if self.classes is None:
            try:
                for prediction in (y, 0.5 * (y + y.mean(axis=0))):
                    self.score(self.labels(y), prediction)
            except Exception as error:
                raise ValueError(
                    f"loss={self.scorer!r} cannot score a regressor of this y: {error}"
                ) from error
        elif "predict_proba" in self._recognised[1]:
            raise ValueError(
                f"loss={self.scorer!r} asks for probabilities, but a model that is trained on a "
                "score has none, so that it could not be scored. Use loss='log_loss', whose "
                "probabilities are the best ones of a linear model."
            )


def class_numbers(y: np.ndarray) -> np.ndarray:
    """Number of each row's class, from targets or raw predictions (n_samples, n_outputs).

    One output is the second class where it is above 0; ties go to the first class, as in
    ``predict``.
    """
    return (y[:, 0] > 0).astype(int) if y.shape[1] == 1 else y.argmax(axis=1)


class _ClassifierPredictions(ClassifierMixin, BaseEstimator):
    """A classifier whose X are raw predictions; it records which of its methods are called."""

    def __init__(self, classes):
        self.classes_, self.asked = classes, set()

    def __sklearn_is_fitted__(self):
        return True

    def decision_function(self, eta):
        self.asked.add("decision_function")
        return eta[:, 0] if eta.shape[1] == 1 else eta

    def predict(self, eta):
        self.asked.add("predict")
        return self.classes_[class_numbers(eta)]

    def predict_proba(self, eta):
        self.asked.add("predict_proba")
        return np.hstack([expit(-eta), expit(eta)]) if eta.shape[1] == 1 else softmax(eta, axis=1)


class _RegressorPredictions(RegressorMixin, BaseEstimator):
    """A regressor whose X are raw predictions."""

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, eta):
        return eta[:, 0] if eta.shape[1] == 1 else eta
