"""celer: working sets with dual extrapolation, compiled ahead."""

from benchmarks.competitors.base import Competitor, solution_of

#: Bounds on its loops, none of which should end a fit before its tolerance does.
LIMITS = {"max_iter": 1000, "max_epochs": 100_000}


def _least_squares(f, tolerance):
    from celer import ElasticNet, Lasso

    options = {"alpha": f.alpha, "tol": tolerance, "fit_intercept": f.fit_intercept, **LIMITS}
    model = Lasso(**options) if f.l1_ratio == 1 else ElasticNet(l1_ratio=f.l1_ratio, **options)
    return solution_of(model.fit(f.X, f.y))


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
    Competitor("celer coordinate", "celer", _takes_least_squares, _least_squares),
    Competitor("celer newton", "celer", _takes_logistic, _logistic),
]
