"""statsmodels: quantile regression without a penalty, by iteratively reweighted least squares."""

import numpy as np

from benchmarks.competitors.base import Competitor, Solution


def _fit(f, tolerance):
    from statsmodels.regression.quantile_regression import QuantReg

    X = np.column_stack([np.ones(f.n_samples), f.X])
    fitted = QuantReg(f.y, X).fit(q=0.5, p_tol=tolerance, max_iter=10_000)
    return Solution(fitted.params[1:], fitted.params[0])


COMPETITORS = [
    Competitor(
        "statsmodels quantile",
        "statsmodels",
        lambda f: f.loss == "quantile" and f.alpha == 0 and f.fit_intercept and f.weight is None,
        _fit,
    ),
]
