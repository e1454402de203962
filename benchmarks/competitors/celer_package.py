"""celer: working sets with dual extrapolation, compiled ahead.

Its MultiTaskLasso (0.7.4) does not run with scikit-learn 1.6 and newer.
"""

from functools import partial

from benchmarks.competitors.base import (
    LIMITS,
    Competitor,
    fit_group_lasso,
    fit_lasso,
    solution_of,
)


def _logistic(f, tolerance):
    from celer import LogisticRegression

    model = LogisticRegression(C=1 / (f.alpha * f.n_samples), tol=tolerance, **LIMITS)
    return solution_of(model.fit(f.X, f.y))


def _takes_least_squares(f):
    return f.loss == "squared_error" and f.l1_ratio > 0 and f.weight is None


def _takes_logistic(f):
    """It has neither an intercept nor an l2 part here."""
    return f.loss == "log_loss" and f.l1_ratio == 1 and not f.fit_intercept and f.weight is None


COMPETITORS = [
    Competitor(
        "celer coordinate", "celer", _takes_least_squares, partial(fit_lasso, package="celer")
    ),
    Competitor("celer newton", "celer", _takes_logistic, _logistic),
    Competitor(
        "celer groups",
        "celer",
        _takes_least_squares,
        partial(fit_group_lasso, package="celer"),
        penalties=("group_lasso",),
    ),
]
