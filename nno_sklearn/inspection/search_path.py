"""The path of strengths through the chosen candidate of a fitted search."""

from functools import partial

import numpy as np

from nno_sklearn.model_selection import one_standard_error
from nno_sklearn.model_selection.results import path_of, standard_errors


def chosen_path(search):
    """Indices of the candidates that differ from the chosen one in alpha only, strongest first."""
    results = search.cv_results_
    if "strength" not in results:
        raise ValueError(
            f"{type(search).__name__} does not keep strengths and coefficients; use NNOSearchCV, "
            "which takes the same arguments."
        )
    if not hasattr(search, "best_index_"):
        raise ValueError(
            f"The search chose no candidate (refit={search.refit!r}), so there is no path through "
            "it. Let refit name a metric."
        )
    path = path_of(results, search.best_index_)
    strength = results["strength"][path]
    if len(np.unique(strength)) < 2:
        raise ValueError(
            f"Only one alpha ({strength[0]:g}) goes with the other settings of the chosen "
            "candidate, and one point is no path. Search with alphas='auto', or with several "
            "values of alpha in param_grid."
        )
    return path


def metric_of(search, metric):
    """Name of the score to draw, as ``cv_results_`` calls it."""
    known = [key[len("mean_test_") :] for key in search.cv_results_ if key.startswith("mean_test_")]
    if metric is None:
        metric = _choosing_metric(search)
    if metric not in known:
        raise ValueError(f"metric={metric!r}: the search has the scores {known}; name one of them.")
    return metric


def threshold_of(search, metric):
    """Best score minus its standard error, if that rule chose by this metric; else None."""
    rule = search.refit.func if isinstance(search.refit, partial) else search.refit
    if rule not in (one_standard_error, "one_standard_error") or metric != _choosing_metric(search):
        return None
    mean = search.cv_results_[f"mean_test_{metric}"]
    best = np.nanargmax(mean)
    return float(mean[best] - standard_errors(search.cv_results_, metric)[best])


def name_of_score(search, metric):
    """Name of a score for an axis."""
    if metric != "score":
        return metric
    return search.scoring if isinstance(search.scoring, str) else "score"


def _choosing_metric(search):
    """Metric by which ``refit`` chooses; None where it is unknown."""
    if not search.multimetric_:
        return "score"
    if isinstance(search.refit, partial):
        return search.refit.keywords.get("metric")
    return search.refit if isinstance(search.refit, str) else None
