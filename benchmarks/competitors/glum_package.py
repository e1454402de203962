"""glum: iteratively reweighted least squares, and L-BFGS, for generalised linear models."""

from functools import partial

from benchmarks.competitors.base import Competitor, solution_of

FAMILIES = {
    "squared_error": "normal",
    "log_loss": "binomial",
    "poisson": "poisson",
    "gamma": "gamma",
    "tweedie": "tweedie",
}


def _fit(f, tolerance, solver):
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(
        family=FAMILIES[f.loss],
        link="log" if f.loss == "gamma" else "auto",
        alpha=f.alpha,
        l1_ratio=f.l1_ratio,
        solver=solver,
        gradient_tol=tolerance,
        max_iter=100_000,
        fit_intercept=f.fit_intercept,
    )
    y = (f.y == f.y.max()).astype(float) if f.loss == "log_loss" else f.y
    return solution_of(model.fit(f.X, y, sample_weight=f.weight))


def _takes(f, solver):
    return f.loss in FAMILIES and (f.l1_ratio == 0 or solver == "irls-cd")


COMPETITORS = [
    Competitor(
        f"glum {solver}", "glum", partial(_takes, solver=solver), partial(_fit, solver=solver)
    )
    for solver in ("irls-ls", "irls-cd", "lbfgs")
]
