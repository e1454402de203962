"""`cv_results_` in scikit-learn's form, and rules that choose a candidate from it."""

import warnings
from numbers import Integral

import numpy as np
from scipy.stats import rankdata


def make_results(candidates, fits, error_score):
    """Lay fits out as ``cv_results_``.

    Parameters
    ----------
    candidates : list of dict
    fits : ndarray of Fit or None, shape (n_candidates, n_splits)
    error_score : float
        Score of fits that failed; that of fits that did not run, None, is nan.

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
    for key in ("n_iter", "n_passes", "n_nonzeros"):
        _store(results, key, _table(fits, lambda fit, key=key: getattr(fit, key)))
    return results


def _table(fits, value):
    """A number of each fit, in the shape of ``fits``; nan where there is none."""
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


def one_standard_error(results, metric="score"):
    """The strongest regularisation within one standard error of the best mean score.

    A rule for ``refit`` (Breiman, Friedman, Olshen and Stone, 1984). The standard error is that
    of the best candidate's mean over the splits; the best score decides among equal strengths.

    Parameters
    ----------
    results : dict
        ``cv_results_`` of a :class:`NNOSearchCV` whose candidates all are NNO models.
    metric : str, default="score"
        Name of the score; "score" where there is one metric only.

    Returns
    -------
    int
        Index of the candidate.

    Raises
    ------
    ValueError
        Where no candidate has a score, or one has no strength to compare.
    """
    mean, strength = results[f"mean_test_{metric}"], results.get("strength")
    if strength is None or np.isnan(strength).any():
        raise ValueError(
            "one_standard_error compares the alpha of models, which not all candidates have. Use "
            "it with NNO estimators only, or refit=True."
        )
    if np.isnan(mean).all():
        raise ValueError("one_standard_error: no candidate has a score. Look at the failed fits.")
    n_splits = sum(key.startswith("split") and key.endswith(f"_test_{metric}") for key in results)
    best = int(np.nanargmax(mean))
    error = results[f"std_test_{metric}"][best] / np.sqrt(max(n_splits - 1, 1))
    good = np.flatnonzero(mean >= mean[best] - error)
    return int(max(good, key=lambda k: (strength[k], mean[k])))


def choose(results, refit):
    """The best candidate by ``refit``, and its mean score; None where a callable chose.

    Parameters
    ----------
    results : dict
        ``cv_results_``.
    refit : bool, str or callable
        As in :class:`NNOSearchCV`.

    Returns
    -------
    index : int
    score : float or None
    """
    if callable(refit):
        index = refit(results)
        if not isinstance(index, Integral) or not 0 <= index < len(results["params"]):
            raise ValueError(
                f"refit={refit!r} returned {index!r}, but it must choose a candidate: a whole "
                f"number from 0 to {len(results['params']) - 1}."
            )
        return int(index), None
    if refit == "one_standard_error":
        index, metric = one_standard_error(results), "score"
    else:
        metric = refit if isinstance(refit, str) else "score"
        index = int(results[f"rank_test_{metric}"].argmin())
    return index, results[f"mean_test_{metric}"][index]
