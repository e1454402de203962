"""One scorer for all fits of a chain."""

import time
import traceback
import warnings
from inspect import signature
from numbers import Number

from sklearn import get_config
from sklearn.metrics import accuracy_score, check_scoring, make_scorer
from sklearn.utils.metadata_routing import MetadataRouter

from nno_sklearn._validation import check_scorer

#: scikit-learn's own scorers ask an estimator for predictions only.
SCORER = type(make_scorer(accuracy_score))
#: Whether the installed scikit-learn gives a search's sample_weight to its scorers, too.
WEIGHTS_ARE_FORWARDED = hasattr(SCORER, "_accept_sample_weight")


def make_scorers(estimator, scoring):
    """The scorer of one metric, or a dict of them, from what a user may give as ``scoring``."""
    scorer = check_scoring(estimator, scoring)
    if isinstance(scoring, dict):
        return {name: check_scoring(estimator, one) for name, one in scoring.items()}
    if isinstance(scoring, (list, tuple, set)):
        return {name: check_scoring(estimator, name) for name in scoring}
    return scorer


def check_callables(scoring, has_targets):
    """Raise a ValueError for metrics that are given as ``scoring``, where scorers belong."""
    named = {"scoring": scoring}
    if isinstance(scoring, dict):
        named = {f"scoring[{name!r}]": one for name, one in scoring.items()}
    for name, one in named.items():
        if callable(one):
            check_scorer(one, name, n_arguments=2 + has_targets)


def takes_weights(scorer):
    """Whether a scorer has a use for ``sample_weight``; functions tell by their arguments."""
    ask = getattr(scorer, "_accept_sample_weight", None)
    return ask() if ask else "sample_weight" in signature(scorer).parameters


def warn_of_weights(scorers, search):
    """Warn of each metric that scores without the weights that the search is fitted with."""
    named = {f"{k}=": one for k, one in scorers.items()} if isinstance(scorers, dict) else None
    for name, scorer in (named or {"": scorers}).items():
        if WEIGHTS_ARE_FORWARDED and not takes_weights(scorer):
            warnings.warn(
                f"The scoring {name}{scorer} does not support sample_weight, which may lead to "
                f"statistically incorrect results when fitting {search} with sample_weight. A "
                "metric with a sample_weight argument would take them.",
                UserWarning,
                stacklevel=6,
            )


class FunctionScorer:
    """A function among several scorers, which scikit-learn asks whether they take weights."""

    def __init__(self, function):
        self._function = function

    def __call__(self, *args, **params):
        return self._function(*args, **params)

    def _accept_sample_weight(self):
        return takes_weights(self._function)


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
        asked = make_scorers(estimator, scoring)
        if isinstance(scoring, dict) and not get_config()["enable_metadata_routing"]:
            scoring = {
                name: one if hasattr(one, "_accept_sample_weight") else FunctionScorer(one)
                for name, one in asked.items()
            }
        self.scorer = check_scoring(estimator, scoring, raise_exc=error_score == "raise")
        self._is_multimetric = isinstance(asked, dict)
        asked = list(asked.values()) if self._is_multimetric else [asked]
        # Then transformed rows and the model behind them give the same score, at less cost.
        self._sees_predictions_only = all(isinstance(one, SCORER) for one in asked)
        self._is_estimators_own = scoring is None

    def __repr__(self):
        return repr(self.scorer)

    def _accept_sample_weight(self):
        """What GridSearchCV asks a scorer; the search has warned already of those that do not."""
        return True

    def get_metadata_routing(self):
        ask = getattr(self.scorer, "get_metadata_routing", None)
        return ask() if ask else MetadataRouter(owner=self)

    def __call__(self, chain, X, y=None, **params):
        """Score all fits that did not fail, and remember the chain."""
        self.chain, prepared = chain, chain.prepared_
        if not get_config()["enable_metadata_routing"] and not takes_weights(self.scorer):
            params.pop("sample_weight", None)
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
