"""A search over rows in parts: what it can do there, and scores that are made of sums."""

import time
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer, log_loss, make_scorer

from nno_sklearn._containers import check_no_table, kept, told_by_parts
from nno_sklearn._data_checks import is_count
from nno_sklearn._offset import with_offset
from nno_sklearn._split import Data
from nno_sklearn.model_selection.chain import is_ours, is_pipeline
from nno_sklearn.model_selection.refit import SCORE
from nno_sklearn.model_selection.scoring import Scoring
from nno_sklearn.session import come_from_one_class

#: Metrics that are means over the rows: means over parts make up that of all.
MEANS = (
    "accuracy",
    "neg_log_loss",
    "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error",
    "neg_mean_gamma_deviance",
    "neg_mean_poisson_deviance",
    "neg_mean_squared_error",
    "neg_mean_squared_log_error",
)
#: The metric that the own score of a regressor or of a classifier is.
OWN = {True: "accuracy", False: "r2"}


def check_in_parts(search, y, params):
    """Raise a ValueError for what a search over a collection of Dask cannot do.

    Parameters
    ----------
    search : NNOSearchCV
    y : collection of Dask
    params : dict
        Arguments of ``fit``.
    """
    if is_pipeline(search.estimator) or not is_ours(search.estimator):
        raise ValueError(
            f"estimator={search.estimator!r}: over a collection of Dask a search takes an NNO "
            "model by itself. Transform the rows before, for instance by X.map_blocks or by "
            "dask_ml.preprocessing; or pass rows that fit this process: X.compute()."
        )
    if search.cv is not None and not is_count(search.cv, 2):
        raise ValueError(
            f"cv={search.cv!r}: folds of a collection of Dask are ranges of the rows of its parts, "
            "which stay where they are. Pass the number of folds; shuffle rows that are in an "
            "order before, or pass rows that fit this process: X.compute()."
        )
    if params.get("groups") is not None:
        raise ValueError(
            "groups: folds of a collection of Dask are ranges of the rows of its parts, which "
            "know no groups. Leave them out, or pass rows that fit this process: X.compute()."
        )
    if effective_n_jobs(search.n_jobs) != 1:
        raise ValueError(
            f"n_jobs={search.n_jobs!r} asks for several workers here, but all workers that have "
            "rows share each fit already. Use n_jobs=None, outside of joblib.parallel_config."
        )
    check_no_table(search.estimator, y)


def kept_data(X, y, params):
    """X, y and the arguments of ``fit``, made once for all fits."""
    X, y, *values = kept(X, y, *params.values())
    return X, y, dict(zip(params, values, strict=True))


def score_in_parts(search, X, y, params):
    """Score of a search's best estimator on a collection of Dask, by the metric that chose it."""
    scoring = ScoringByParts(search.estimator, search.scoring, "raise")
    (scores,) = scoring.of_models([search.best_estimator_], Data(X, y, {}, params))
    return scores[search.refit if search.multimetric_ else SCORE]


def metric_in_parts(model, scoring, X, y, params):
    """A fitted model's score by a metric on a collection of Dask; params may have weights."""
    (scores,) = ScoringByParts(model, scoring, "raise").of_models([model], Data(X, y, {}, params))
    return scores[SCORE]


class ScoringByParts(Scoring):
    """Scores fitted NNO models by what parts of the rows tell; no row travels.

    Parameters
    ----------
    estimator : estimator
    scoring : str, list, tuple, set, dict or None
        As in GridSearchCV, of names of metrics that sums tell.
    error_score : "raise" or number
        The score where scoring fails.

    Raises
    ------
    ValueError
        For a metric that sums do not tell.
    """

    def __init__(self, estimator, scoring, error_score):
        super().__init__(estimator, scoring, error_score)
        names = scoring
        if not isinstance(scoring, dict):
            several = scoring if self._is_several else [scoring]
            names = {name if self._is_several else SCORE: name for name in several}
        self._metrics = {name: _metric(estimator, metric) for name, metric in names.items()}

    def score(self, fits, prepared, data):
        fits, began = [fit for fit in fits if fit.failure is None], time.perf_counter()
        models = [fit.model for fit in fits]
        found = self._attempt(lambda: self.of_models(models, data))  # one round trip for all
        if found is None:
            failed = dict.fromkeys(self._metrics, self.error_score) if self._is_several else None
            found = [failed] * len(fits)
        seconds = time.perf_counter() - began
        for fit, scores in zip(fits, found, strict=True):
            fit.scores.append(scores)
            fit.score_time += seconds / len(fits)

    def of_models(self, models, data):
        """Scores of models on the rows with a positive weight, a dict by name for each model.

        Parameters
        ----------
        models : list of estimator
        data : Data
            Its ``for_score`` may have weights, its ``for_fit`` an offset.
        """
        metrics = list(self._metrics.values())
        given = data.X, data.y, data.for_score.get("sample_weight"), data.for_fit.get("offset")
        parts = [one for one in told_by_parts(partial(_sums, models, metrics), *given) if one]
        if not parts:
            raise ValueError(
                "A fold has no rows of positive weight to score a model on. Use fewer folds, or "
                "parts with more rows each."
            )
        return [
            self._joined(model, of_parts)
            for model, of_parts in zip(models, zip(*parts, strict=True), strict=True)
        ]

    def _joined(self, model, of_parts):
        """A model's scores by name, of its sums for each metric in each part."""
        by_metric = zip(self._metrics.items(), zip(*of_parts, strict=True), strict=True)
        return {name: metric.joined(model, sums) for (name, metric), sums in by_metric}


def _sums(models, metrics, X, y, sample_weight, offset):
    """What a part tells of each model for each metric; None where none of its rows count."""
    n_rows = X.shape[0]
    weight = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    weight = np.broadcast_to(weight, (n_rows,))
    index = np.flatnonzero(weight)
    if not len(index):
        return None
    X, y, offset = (_taken(one, index) for one in (X, y, offset))
    return [[one.sums(model, X, y, weight[index], offset) for one in metrics] for model in models]


def _taken(values, index):
    """Some rows of an array or a data frame; None and a number stay."""
    if values is None or isinstance(values, Real):
        return values
    return values.iloc[index] if hasattr(values, "iloc") else values[index]


class OwnScore:
    """The model's own ``score``."""

    @staticmethod
    def sums(model, X, y, weight, offset):
        return model.score_sums(X, y, weight, offset)

    @staticmethod
    def joined(model, sums):
        return model.score_of(sums)


class MeanScore(NamedTuple):
    """A scorer that is a mean over the rows."""

    name: str

    def sums(self, model, X, y, weight, offset):
        scorer = self._scorer(model)
        model = model if offset is None else with_offset(model, offset)
        total = weight.sum()
        return total * scorer(model, X, y, sample_weight=weight), total

    def _scorer(self, model):
        if self.name == "neg_log_loss":  # the classes of all rows: a part may lack some
            given = {"response_method": "predict_proba", "greater_is_better": False}
            return make_scorer(log_loss, **given, labels=model.classes_)
        return get_scorer(self.name)

    @staticmethod
    def joined(model, sums):
        score, total = np.sum(sums, axis=0)
        return float(score / total)


def _metric(estimator, name):
    """How parts tell a metric; a ValueError where they cannot."""
    has_sums = come_from_one_class(estimator, "score", "score_sums", "score_of")
    if has_sums and name in (None, OWN[is_classifier(estimator)]):
        return OwnScore()
    if isinstance(name, str) and name in MEANS:
        return MeanScore(name)
    what = f"the score of {type(estimator).__name__}" if name is None else f"scoring={name!r}"
    raise ValueError(
        f"{what} is not known to be made of sums over parts of the rows, so that it needs them "
        "in one place. Over a collection of Dask use a model's own score (scoring=None) or "
        f"{', '.join(map(repr, MEANS))}; or pass rows that fit this process: X.compute()."
    )
