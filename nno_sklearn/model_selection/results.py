"""`cv_results_` in scikit-learn's form, and functions of it."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning

from nno_sklearn.session import key_of
from nno_sklearn.types import Array


def make_results(candidates, fits, error_score):
    """``cv_results_`` of fits.

    Parameters
    ----------
    candidates : list of dict
    fits : ndarray of Fit or None, shape (n_candidates, n_splits)
    error_score : float
        Score of fits that failed; fits that did not run (None) have nan.

    Returns
    -------
    dict of str to ndarray or list
    """
    results = {}
    for key in ("fit_time", "score_time"):
        _store(results, key, _table(fits, lambda fit, key=key: getattr(fit, key)))
    for name in sorted({name for candidate in candidates for name in candidate}):
        results[f"param_{name}"] = _column(name, candidates)
    results["params"] = candidates
    for position, kind in enumerate(("test", "train")):
        for metric in _metrics(fits, position):

            def score(fit, position=position, metric=metric):
                scores = fit.scores[position] if fit.failure is None else None
                return error_score if scores is None else scores[metric]

            scores = _table(fits, score)
            for split, column in enumerate(scores.T):
                results[f"split{split}_{kind}_{metric}"] = column
            _store(results, f"{kind}_{metric}", scores)
            _warn_of_bad_scores(kind, scores, fits)
            if kind == "test":
                results[f"rank_test_{metric}"] = _rank(results[f"mean_test_{metric}"])
    for key in ("n_iter", "n_passes", "n_nonzeros", "converged"):
        _store(results, key, _table(fits, lambda fit, key=key: getattr(fit, key)))
    return results


def _table(fits, value):
    """``value`` of each fit, in the shape of ``fits``; nan where there is no fit."""
    numbers = [np.nan if fit is None else value(fit) for fit in fits.flat]
    return np.array(numbers, dtype=float).reshape(fits.shape)


def _metrics(fits, position):
    """Names of the scores on test rows (0) or training rows (1)."""
    known = [fit.scores[position : position + 1] for fit in fits.flat if fit is not None]
    names = [list(scores[0]) for scores in known if scores and scores[0] is not None]
    return names[0] if names else ["score"] * (position == 0)


def _store(results, key, values):
    results[f"mean_{key}"] = values.mean(axis=1)
    results[f"std_{key}"] = values.std(axis=1)


def _warn_of_bad_scores(kind, scores, fits):
    ran = np.array([fit is not None for fit in fits.flat]).reshape(fits.shape)
    if not np.isfinite(scores[ran]).all():
        warnings.warn(
            f"One or more of the {kind} scores are non-finite: {scores.mean(axis=1)}",
            UserWarning,
            stacklevel=5,
        )


def _rank(mean):
    """Ranks from 1, the best; candidates without a score share the last place."""
    if np.isnan(mean).all():
        return np.ones(len(mean), dtype=np.int32)
    worst = np.nanmin(mean) - 1
    return rankdata(-np.nan_to_num(mean, nan=worst), method="min").astype(np.int32)


def _column(name, candidates):
    """A parameter's values, masked where a candidate does not set it."""
    given = [name in candidate for candidate in candidates]
    values = [candidate[name] for candidate in candidates if name in candidate]
    dtype = np.result_type(*map(type, values)) if _are_numbers(values) else object
    column = np.ma.MaskedArray(np.empty(len(candidates), dtype=dtype), mask=True)
    for row, value in zip(np.flatnonzero(given), values, strict=True):
        column[row] = value
    return column


def _are_numbers(values):
    return all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in values)


def metrics_of(results: dict[str, Any]) -> list[str]:
    """Names of the scores; ["score"] for a single metric."""
    start = "mean_test_"
    return [key.removeprefix(start) for key in results if key.startswith(start)]


def standard_errors(results: dict[str, Any], metric: str = "score") -> Array:
    """Standard error of each candidate's mean score over the splits, (n_candidates,)."""
    ending = f"_test_{metric}"
    names = [key for key in results if key.startswith("split") and key.endswith(ending)]
    return results[f"std_test_{metric}"] / np.sqrt(max(len(names) - 1, 1))


def path_of(results: dict[str, Any], index: int) -> NDArray[Any]:
    """Candidates that differ from one in their strength only, strongest first.

    Parameters
    ----------
    results : dict
        ``cv_results_`` of a :class:`NNOSearchCV`.
    index : int

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        Where the candidate has no strength, because its model is no NNO model.
    """
    strength, params = results.get("strength"), results["params"]
    if strength is None or np.isnan(strength[index]):
        raise ValueError(
            "There is no path of strengths: the candidate's model is no NNO estimator, so it has "
            "no alpha that could be compared."
        )

    # The strength's name: the parameter that equals it in all candidates.
    pairs = [pair for pair in zip(params, strength, strict=True) if not np.isnan(pair[1])]
    names = [n for n in params[index] if all(np.array_equal(c.get(n, s), s) for c, s in pairs)]
    others = [key_of({n: v for n, v in c.items() if n not in names}) for c in params]
    same = [k for k in range(len(params)) if others[k] == others[index]]
    return np.array(sorted(same, key=lambda k: -strength[k]))


def one_standard_error(results: dict[str, Any], metric: str = "score") -> int:
    """The strongest regularisation within one standard error of the best mean score.

    A rule for ``refit`` (Breiman, Friedman, Olshen and Stone, 1984), among the candidates that
    differ from the best one in alpha only: strengths of different penalties are not
    comparable. The standard error is that of the best candidate's mean over the splits.

    Parameters
    ----------
    results : dict
        ``cv_results_`` of a :class:`NNOSearchCV`.
    metric : str, default="score"
        Name of the score; "score" where there is one metric only.

    Returns
    -------
    int
        Index of the candidate.

    Raises
    ------
    ValueError
        Where there is no such score, no candidate has one, or the best is no NNO model.
    """
    if f"mean_test_{metric}" not in results:
        raise ValueError(f"metric={metric!r} is no score here; those are {metrics_of(results)}.")
    mean = results[f"mean_test_{metric}"]
    if np.isnan(mean).all():
        raise ValueError("one_standard_error: no candidate has a score. Look at the failed fits.")
    best = int(np.nanargmax(mean))
    enough = mean[best] - standard_errors(results, metric)[best]
    return next(int(k) for k in path_of(results, best) if mean[k] >= enough)


def mean_coef(fits):
    """Mean coefficients of a candidate over the splits; None where their columns differ."""
    ran = [fit for fit in fits if fit is not None]
    if any(fit.coef is None for fit in ran):
        return None
    kinds = {(fit.columns, fit.coef.shape) for fit in ran}
    return np.mean([fit.coef for fit in ran], axis=0) if len(kinds) == 1 else None


def report_failures(fits, error_score):
    """Warn of fits that failed or did not converge, with the reasons; raise where all failed."""
    ran = [fit for fit in fits.flat if fit is not None]
    unfinished = sum(fit.is_unfinished for fit in ran)
    if unfinished:
        warnings.warn(
            f"{unfinished} of {len(ran)} fits did not converge; cv_results_['mean_converged'] says "
            "of which candidates. Raise the model's max_iter or tol, or leave out alphas near 0.",
            ConvergenceWarning,
            stacklevel=3,
        )
    reasons = Counter(fit.failure for fit in ran if fit.failure is not None)
    if not reasons:
        return
    n_failed = sum(reasons.values())
    details = "\n".join(
        f"{count} fits failed with the following error:\n{why}" for why, count in reasons.items()
    )
    if n_failed == len(ran):
        raise ValueError(
            f"All the {n_failed} fits failed. It is very likely that your model is misconfigured; "
            f"error_score='raise' shows the first error where it happens.\n{details}"
        )
    warnings.warn(
        f"{n_failed} fits failed out of a total of {len(ran)}. The score on these train-test "
        f"partitions for these parameters will be set to {error_score}. error_score='raise' shows "
        f"the first error where it happens.\n{details}",
        FitFailedWarning,
        stacklevel=3,
    )
