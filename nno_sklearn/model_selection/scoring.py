"""One scorer for all fits of a chain."""

import time
import traceback
import warnings
from inspect import signature
from numbers import Number

from sklearn.metrics import accuracy_score, check_scoring, make_scorer
from sklearn.utils.metadata_routing import MetadataRouter

#: scikit-learn's own scorers ask an estimator for predictions only.
SCORER = type(make_scorer(accuracy_score))


def make_scorers(estimator, scoring):
    """The scorer of one metric, or a dict of them, from what a user may give as ``scoring``."""
    if isinstance(scoring, dict):
        return {name: check_scoring(estimator, one) for name, one in scoring.items()}
    if isinstance(scoring, (list, tuple, set)):
        return {name: check_scoring(estimator, name) for name in scoring}
    return check_scoring(estimator, scoring)


class ChainScorer:
    """Scores all fits of a chain, as often as it is called: for test, then for training rows.

    Parameters
    ----------
    estimator : estimator
    scoring : str, callable, list, tuple, set, dict or None
        As in GridSearchCV.
    error_score : "raise" or number
    """

    def __init__(self, estimator, scoring, error_score):
        self.error_score, self.chain = error_score, None
        self.scorer = check_scoring(estimator, scoring, raise_exc=error_score == "raise")
        asked = make_scorers(estimator, scoring)
        self._is_multimetric = isinstance(asked, dict)
        asked = list(asked.values()) if self._is_multimetric else [asked]
        # Then transformed rows and the model behind them give the same score, at less cost.
        self._sees_predictions_only = all(isinstance(one, SCORER) for one in asked)
        self._is_estimators_own = scoring is None

    def __repr__(self):
        return repr(self.scorer)

    def _accept_sample_weight(self):
        """What GridSearchCV asks a scorer, from scikit-learn 1.9."""
        ask = getattr(self.scorer, "_accept_sample_weight", None)
        return ask() if ask else "sample_weight" in signature(self.scorer).parameters

    def get_metadata_routing(self):
        ask = getattr(self.scorer, "get_metadata_routing", None)
        return ask() if ask else MetadataRouter(owner=self)

    def __call__(self, chain, X, y=None, **params):
        """Score all fits that did not fail, and remember the chain."""
        self.chain, prepared = chain, chain.prepared_
        fits = [fit for fit in chain.fits_ if fit.failure is None]
        # A pipeline's own score may route arguments to its steps, under other names.
        only = self._sees_predictions_only or (self._is_estimators_own and not params)
        if prepared is not None and only:
            X = self._attempt(lambda: prepared.transform(X))  # once for all models
            if X is None:
                for fit in fits:
                    fit.scores.append(None)
                return 0.0
            prepared = None
        for fit in fits:
            began = time.perf_counter()
            estimator = fit.model if prepared is None else prepared.whole(fit.model)
            fit.scores.append(self._score(estimator, X, y, params))
            fit.score_time += time.perf_counter() - began
        return 0.0

    def _attempt(self, make):
        """What ``make`` gives; None, and a warning, where it fails."""
        try:
            return make()
        except Exception:
            if self.error_score == "raise":
                raise
            self._warn(traceback.format_exc())
            return None

    def _score(self, estimator, X, y, params):
        """Scores by name; None where scoring failed."""
        data = (X,) if y is None else (X, y)
        scores = self._attempt(lambda: self.scorer(estimator, *data, **params))
        if scores is None:
            return None
        scores = scores if isinstance(scores, dict) else {"score": scores}
        for name, score in scores.items():
            if self._is_multimetric and isinstance(score, str):  # why this metric failed
                self._warn(score)
                scores[name] = self.error_score
        return {name: _number(name, score) for name, score in scores.items()}

    def _warn(self, reason):
        warnings.warn(
            "Scoring failed. The score on this train-test partition for these parameters "
            f"will be set to {self.error_score}. Details:\n{reason}",
            UserWarning,
            stacklevel=3,
        )


def _number(name, score):
    if getattr(score, "size", 0) == 1:
        score = score.item()  # of an array of one number
    if not isinstance(score, Number):
        raise ValueError(f"scoring must return numbers, but {name!r} is {score!r}.")
    return float(score)
