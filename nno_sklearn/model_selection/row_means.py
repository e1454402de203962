"""Named metrics that are means over the rows: many models are scored on rows checked once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy


class RowMean(NamedTuple):
    """A metric of scikit-learn's that is a mean over the rows.

    Attributes
    ----------
    method : str
        Of the model, whose answers are scored.
    prepare : callable
        Takes y; what ``of_rows`` needs of it.
    of_rows : callable
        Takes that and the answers; the rows' scores.
    """

    method: str
    prepare: Callable[[Any], Any]
    of_rows: Callable[[Any, Any], Any]


def _class_numbers(y):
    """Of each row, the number of its label among those that are there, in order."""
    return np.unique(y, return_inverse=True)[1]


def _log_likelihood(number, probability):
    eps = np.finfo(probability.dtype).eps
    chosen = np.clip(probability[np.arange(len(number)), number], eps, 1 - eps)
    return xlogy(np.ones_like(chosen), chosen)  # to the last digit as scikit-learn takes it


#: By the names that scikit-learn gives them.
ROW_MEANS = {
    "accuracy": RowMean("predict", np.asarray, np.equal),
    "neg_log_loss": RowMean("predict_proba", _class_numbers, _log_likelihood),
    "neg_mean_absolute_error": RowMean("predict", np.asarray, lambda y, p: -np.abs(p - y)),
    "neg_mean_squared_error": RowMean("predict", np.asarray, lambda y, p: -((y - p) ** 2)),
}


class AlikeScorer:
    """Scores models on the same rows as a scorer of scikit-learn's does, which checks these rows
    for each model anew, and spends most of its time on that.

    The scorer itself scores the first model. Where the mean over the rows is the same number, it
    scores the others; else the scorer goes on, as it does where the mean is not finite.

    Parameters
    ----------
    scorer : callable
    metric : RowMean or None
        What the scorer computes; None where that is not known.
    given : tuple
        The rows as the scorer takes them.
    params : dict
        Its other arguments, of which a mean knows a ``sample_weight``.
    """

    def __init__(self, scorer, metric, given, params):
        self._scorer, self._metric, self._given, self._params = scorer, metric, given, params
        self._is_first, self._targets = True, None

    def __call__(self, model):
        """The model's score."""
        if self._targets is not None and np.isfinite(score := self._mean(model)):
            return score
        score = self._scorer(model, *self._given, **self._params)
        if self._is_first:
            self._is_first = False
            self._begin(model, score)
        return score

    def _begin(self, model, score):
        """Take the mean over the rows from now on, where it is the first model's score."""
        is_known = self._metric is not None and set(self._params) <= {"sample_weight"}
        if not (is_known and np.ndim(self._given[-1]) == 1):
            return
        self._targets = self._metric.prepare(self._given[-1])
        if self._mean(model) != score:
            self._targets = None

    def _mean(self, model):
        answers = getattr(model, self._metric.method)(self._given[0])
        of_rows = self._metric.of_rows(self._targets, answers)
        return float(np.average(of_rows, weights=self._params.get("sample_weight")))
