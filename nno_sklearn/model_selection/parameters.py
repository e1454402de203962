"""Checks of a search's parameters, before anything is fitted."""

from numbers import Integral, Real

from nno_sklearn._data_checks import is_count
from nno_sklearn._validation import check_flag
from nno_sklearn.model_selection.refit import SCORE, check_refit, deciding_metric
from nno_sklearn.model_selection.scoring import check_callables, make_scorers


def check_parameters(search, has_targets):
    """Raise a ValueError for invalid parameters of a search.

    Parameters
    ----------
    search : NNOSearchCV
    has_targets : bool
        Whether there is a y that scorers will be given.
    """
    if search.param_grid is not None and search.param_distributions is not None:
        raise ValueError("Give param_grid or param_distributions, not both.")
    if search.param_grid is None and search.param_distributions is None and search.alphas is None:
        raise ValueError(
            "There is nothing to search: give param_grid, param_distributions or alphas, for "
            "instance alphas='auto'."
        )
    _check_count("n_iter", search.n_iter, 1, "it counts draws from param_distributions")
    if search.halving is not None:
        why = "one of so many settings goes on after each split; None lets all go on"
        _check_count("halving", search.halving, 2, why)
    if not isinstance(search.verbose, Integral) or search.verbose < 0:
        raise ValueError(f"verbose={search.verbose!r}: use 0, or 1 to see how far the search is.")
    check_flag("return_train_score", search.return_train_score)
    if search.error_score != "raise" and not isinstance(search.error_score, Real):
        raise ValueError(f"error_score={search.error_score!r}: use 'raise' or a number.")
    _check_choice(search, has_targets)


def _check_count(name, value, least, why):
    if not is_count(value, least):
        raise ValueError(
            f"{name}={value!r}: it must be a whole number of at least {least}, since {why}."
        )


def _check_choice(search, has_targets):
    """Check ``scoring`` and ``refit``."""
    scoring, refit = search.scoring, search.refit
    check_callables(scoring, has_targets)
    scorers = make_scorers(search.estimator, scoring)
    if callable(scoring):
        return  # it may give one number, or several with their names
    metrics = list(scorers) if isinstance(scorers, dict) else [SCORE]
    check_refit(refit, metrics, [scoring] if isinstance(scoring, str) else [])
    if search.halving is not None:
        deciding_metric(refit, metrics)
