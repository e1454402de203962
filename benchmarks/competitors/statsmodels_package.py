"""statsmodels without a penalty: quantiles by weighted least squares, proportional odds by BFGS."""

import numpy as np

from benchmarks.competitors.base import Competitor, Solution


def _quantile(f, tolerance):
    from statsmodels.regression.quantile_regression import QuantReg

    X = np.column_stack([np.ones(f.n_samples), f.X])
    fitted = QuantReg(f.y, X).fit(q=0.5, p_tol=tolerance, max_iter=10_000)
    return Solution(fitted.params[1:], fitted.params[0])


def _ordinal(f, tolerance):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = OrderedModel(f.codes, f.X, distr="logit")
    params = model.fit(method="bfgs", gtol=tolerance, maxiter=10_000, disp=False).params
    thresholds = model.transform_threshold_params(params)[1:-1]
    return Solution(params[: f.X.shape[1]], -thresholds)


COMPETITORS = [
    Competitor(
        "statsmodels quantile",
        "statsmodels",
        lambda f: f.loss == "quantile" and f.alpha == 0 and f.fit_intercept and f.weight is None,
        _quantile,
    ),
    Competitor(
        "statsmodels ordinal",
        "statsmodels",
        lambda f: f.loss == "ordinal" and f.alpha == 0 and not f.is_sparse and f.weight is None,
        _ordinal,
    ),
]
