"""glmnet: coordinate descent along a path of penalties, compiled Fortran."""

import numpy as np

from benchmarks.competitors.base import MAX_ITER, Competitor, Solution

#: Penalties on its path, from the largest useful one down to that of the objective.
N_ALPHAS = 10


def _options(f, tolerance, l2_scale=1.0):
    """Of a path without cross-validation, as lambda * (alpha |w|_1 + (1 - alpha) / 2 |w|^2)."""
    l1, l2 = f.alpha * f.l1_ratio, f.alpha * (1 - f.l1_ratio) * l2_scale
    return {
        "alpha": l1 / (l1 + l2),
        "lambda_path": np.geomspace(max(f.alpha_max() / l1, 1), 1, N_ALPHAS) * (l1 + l2),
        "standardize": False,
        "fit_intercept": f.fit_intercept,
        "n_splits": 0,
        "tol": tolerance,
        "max_iter": MAX_ITER,
    }


def _fit(f, tolerance):
    from glmnet import LogitNet

    model = LogitNet(**_options(f, tolerance)).fit(f.X, f.codes)
    coef, intercept = model.coef_path_[..., -1], model.intercept_path_[:, -1]
    return Solution(coef, intercept) if len(coef) > 1 else Solution(coef[0], intercept[0])


def _fit_numbers(f, tolerance):
    from glmnet import ElasticNet

    # It divides y by its standard deviation, which changes the share of the squares.
    model = ElasticNet(**_options(f, tolerance, np.std(f.y))).fit(f.X, f.y)
    return Solution(model.coef_path_[:, -1], model.intercept_path_[-1])


def _takes(f, losses):
    return f.loss in losses and f.l1_ratio > 0 and f.weight is None


COMPETITORS = [
    Competitor("glmnet path", "glmnet", lambda f: _takes(f, ("log_loss", "multinomial")), _fit),
    Competitor("glmnet gaussian", "glmnet", lambda f: _takes(f, ("squared_error",)), _fit_numbers),
]
