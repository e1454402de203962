"""The choice of a candidate by ``refit``."""

from numbers import Integral

import numpy as np

from nno_sklearn.model_selection.results import one_standard_error

#: Name of the score of a single metric in ``cv_results_``.
SCORE = "score"
RULES = {"one_standard_error": one_standard_error}


def check_refit(refit, metrics, also=()):
    """Raise a ValueError for a ``refit`` that is no rule of choice.

    Parameters
    ----------
    refit : bool, str or callable
    metrics : list of str
        Names of the scores; [SCORE] of a single metric.
    also : collection of str, default=()
        Further names of the single metric, such as its name in ``scoring``.
    """
    is_single, is_bool = metrics == [SCORE], isinstance(refit, (bool, np.bool_))
    if callable(refit):
        known = metric_of(refit) in [None, *metrics]
    elif isinstance(refit, str):
        known = refit in ([*RULES, SCORE, *also] if is_single else metrics)
    else:
        known = is_bool and (is_single or not refit)
    if known:
        return
    if is_single:
        raise ValueError(
            f"refit={refit!r} is not known. Use True, which is the best score, or one of "
            f"{[*RULES, SCORE, *also]}; False; or a callable that chooses from cv_results_, where "
            "the only metric is called 'score'."
        )
    raise ValueError(
        "For multi-metric scoring, the parameter refit must be set to a scorer key or a callable "
        f"to refit: one of {metrics}, functools.partial(one_standard_error, metric=...) with one "
        f"of them, or another callable; or to False. It is {refit!r}."
    )


def metric_of(rule):
    """The metric by which ``functools.partial(rule, metric=...)`` chooses; else None."""
    return getattr(rule, "keywords", {}).get("metric")


def deciding_metric(refit, metrics):
    """Name of the score by which candidates are compared.

    Raises
    ------
    ValueError
        Where there are several, and ``refit`` names none.
    """
    if metrics == [SCORE]:
        return SCORE
    metric = metric_of(refit) if callable(refit) else refit
    if metric not in metrics:
        raise ValueError(
            f"refit={refit!r} names no metric, but scoring gave several: {metrics}. Name the one "
            "that chooses; without halving, refit=False chooses none."
        )
    return metric


def metric_to_score(refit, metrics, scorer):
    """Name of the metric by which ``search.score`` scores what ``refit`` chose among several."""
    if callable(refit) and metric_of(refit) is None:
        data = "(search.best_estimator_, X, y)"
        call = f"{data}[{metrics[0]!r}]" if callable(scorer) else f"[{metrics[0]!r}]{data}"
        raise ValueError(
            f"refit={refit!r} chose by a rule that names none of the metrics {metrics}. Call one "
            f"of them: search.scorer_{call}."
        )
    return deciding_metric(refit, metrics)


def choose(results, refit, metrics):
    """The best candidate by ``refit``, and its mean score; None where a callable chose.

    Parameters
    ----------
    results : dict
        ``cv_results_``.
    refit : bool, str or callable
        As in :class:`NNOSearchCV`.
    metrics : list of str
        Names of the scores.

    Returns
    -------
    index : int
    score : float or None
    """
    if callable(refit):
        return _checked(refit, refit(results), len(results["params"])), None
    metric = deciding_metric(refit, metrics)
    if isinstance(refit, str) and metric == SCORE and refit in RULES:
        index = RULES[refit](results)
    else:
        index = int(results[f"rank_test_{metric}"].argmin())
    return index, results[f"mean_test_{metric}"][index]


def _checked(rule, index, n_candidates):
    """The index that a user's rule returned, checked to be that of a candidate."""
    wanted = f"it must be the number of a candidate, from 0 to {n_candidates - 1}"
    if not isinstance(index, Integral):
        raise TypeError(
            f"best_index_ returned is not an integer: refit={rule!r} gave {index!r}, but {wanted}."
        )
    if not 0 <= index < n_candidates:
        raise IndexError(
            f"best_index_ index out of range: refit={rule!r} gave {index!r}, but {wanted}."
        )
    return int(index)
