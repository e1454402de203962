"""Scores of a search's fits."""

import time
import traceback
import warnings
from functools import partial
from inspect import signature
from numbers import Number

import sklearn
from sklearn import get_config
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils.metadata_routing import get_routing_for_object

from nno_sklearn._offset import with_offset
from nno_sklearn._validation import check_scorer
from nno_sklearn.model_selection.row_means import ROW_MEANS, AlikeScorer

ACCURACY = get_scorer("accuracy")
#: scikit-learn's own scorers use predictions only, which several of them share.
SCORER = type(ACCURACY)
#: Whether the installed scikit-learn passes a search's sample_weight to scorers, and whether
#: scorers declare that they take it: in 1.7 and 1.8 all get it, and those that do not take it fail.
WEIGHTS_ARE_FORWARDED = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 7)
SCORERS_TELL = "sample_weight" in get_routing_for_object(ACCURACY).score.requests


def make_scorers(estimator, scoring):
    """The scorer of one metric, or a dict of scorers, from a search's ``scoring``."""
    scorer = check_scoring(estimator, scoring)
    if isinstance(scoring, dict):
        return {name: check_scoring(estimator, one) for name, one in scoring.items()}
    if isinstance(scoring, (list, tuple, set)):
        return {name: check_scoring(estimator, name) for name in scoring}
    return scorer


def check_callables(scoring, has_targets):
    """Raise a ValueError where ``scoring`` is a metric function instead of a scorer."""
    named = {"scoring": scoring}
    if isinstance(scoring, dict):
        named = {f"scoring[{name!r}]": one for name, one in scoring.items()}
    for name, one in named.items():
        if callable(one):
            check_scorer(one, name, n_arguments=2 + has_targets)


def takes_weights(scorer):
    """Whether a scorer takes ``sample_weight``, by its request or its signature."""
    if isinstance(scorer, SCORER):
        return not SCORERS_TELL or "sample_weight" in get_routing_for_object(scorer).score.requests
    return "sample_weight" in signature(scorer).parameters


class Scoring:
    """Scores fitted estimators.

    Parameters
    ----------
    estimator : estimator
    scoring : str, callable, list, tuple, set, dict or None
        As in GridSearchCV.
    error_score : "raise" or number
        The score where scoring fails.
    """

    def __init__(self, estimator, scoring, error_score):
        self.error_score = error_score
        self.scorers = make_scorers(estimator, scoring)
        self._is_several = isinstance(self.scorers, dict)
        self._own = estimator.score if scoring is None else None
        self._mean = ROW_MEANS.get(scoring) if isinstance(scoring, str) else None
        named = self.scorers if self._is_several else {"": self.scorers}
        # If so, the final model can be scored on rows transformed once for all models.
        self._sees_predictions_only = all(isinstance(one, SCORER) for one in named.values())
        # scikit-learn's own scorers share predictions. Others join them only with metadata routing:
        # without it, a multi-metric scorer passes arguments that others may not take.
        routed = get_config()["enable_metadata_routing"]
        self._alone = {k: f for k, f in named.items() if not (routed or isinstance(f, SCORER))}
        shared = {k: one for k, one in named.items() if k not in self._alone}
        self._shared = None
        if self._is_several and shared:
            self._shared = check_scoring(estimator, shared, raise_exc=error_score == "raise")

    def arguments(self, params, search):
        """The scorers' arguments among those of a search's ``fit``, without metadata routing.

        Warns of each metric that ignores the weights of the search.
        """
        weight = params.get("sample_weight")
        if weight is None or not WEIGHTS_ARE_FORWARDED:
            return {}
        named = {"": self._own or self.scorers}
        if self._is_several:
            named = {f"{name}=": scorer for name, scorer in self.scorers.items()}
        without = [name for name, scorer in named.items() if not takes_weights(scorer)]
        for name in without:
            scorer = self.scorers[name[:-1]] if name else self.scorers
            warnings.warn(
                f"The scoring {name}{scorer} does not support sample_weight, which may lead to "
                f"statistically incorrect results when fitting {search} with sample_weight. A "
                "metric with a sample_weight argument would take them.",
                UserWarning,
                stacklevel=6,
            )
        return {"sample_weight": weight} if len(without) < len(named) else {}

    def score(self, fits, prepared, data):
        """Append to each fit that did not fail its scores on the same rows.

        Parameters
        ----------
        fits : list of Fit
        prepared : Prepared or None
            The steps before the models; None for an estimator that is not an NNO model.
        data : Data
        """
        fits = [fit for fit in fits if fit.failure is None]
        given = data.given
        offset = None if prepared is None else prepared.model_params(data).get("offset")
        # A pipeline's own score may route arguments to its steps, under other names.
        is_plain = self._sees_predictions_only or (self._own and not data.for_score)
        if prepared is not None and is_plain:
            X = self._attempt(lambda: prepared.transform(data.X))  # once for all models
            if X is None:
                for fit in fits:
                    fit.scores.append(None)
                return
            prepared, given = None, (X, *given[1:])
        scores_of = self._scores_of(given, data.for_score, len(fits))
        for fit in fits:
            began = time.perf_counter()
            model = fit.model if offset is None else with_offset(fit.model, offset)
            estimator = model if prepared is None else prepared.whole(model)
            fit.scores.append(scores_of(estimator))
            fit.score_time += time.perf_counter() - began

    def _scores_of(self, given, params, n_models):
        """A function that takes an estimator and returns its scores on the same rows, by name; None
        where scoring failed."""
        if self._is_several:
            return lambda one: self._several(one, given, params)
        score = lambda one: self.scorers(one, *given, **params)  # noqa: E731
        if self._mean is not None and n_models > 1:
            score = AlikeScorer(self.scorers, self._mean, given, params)
        return partial(self._single, score)

    def _attempt(self, make):
        """The result of ``make``; None, and a warning, where it fails."""
        try:
            return make()
        except Exception:
            if self.error_score == "raise":
                raise
            self._warn(traceback.format_exc())
            return None

    def _single(self, score, estimator):
        """Scores by name, of a scorer that gives one or a dict; None where it fails."""
        found = self._attempt(lambda: score(estimator))
        if found is None:
            return None
        found = found if isinstance(found, dict) else {"score": found}
        return {name: _number(name, score) for name, score in found.items()}

    def _several(self, estimator, given, params):
        """Scores by name; ``error_score`` where one fails."""
        found = {}
        if self._shared is not None:
            found = self._attempt(lambda: self._shared(estimator, *given, **params)) or {}
        for name, scorer in self._alone.items():
            some = params if takes_weights(scorer) else {}
            found[name] = self._attempt(lambda one=scorer, kw=some: one(estimator, *given, **kw))
        scores = {}
        for name in self.scorers:
            score = found.get(name)
            if isinstance(score, str):  # scikit-learn's traceback of a failed metric
                self._warn(score)
                score = None
            scores[name] = self.error_score if score is None else _number(name, score)
        return scores

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
