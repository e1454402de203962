"""scikit-learn: every solver of each estimator with the same objective."""

from functools import partial

from benchmarks.competitors.base import MAX_ITER, Competitor, solution_of


def _ridge(f, tolerance, solver):
    from sklearn.linear_model import Ridge

    model = Ridge(
        alpha=f.alpha * f.total_weight,
        solver=solver,
        tol=tolerance,
        max_iter=MAX_ITER if solver in ("lsqr", "sag", "sparse_cg") else None,
        fit_intercept=f.fit_intercept,
        random_state=0,
    )
    return solution_of(model.fit(f.X, f.y, f.weight))


def _takes_ridge(f, solver):
    if f.loss != "squared_error" or f.l1_ratio > 0:
        return False
    if solver == "cholesky":  # the intercept would fill a sparse X
        return not (f.is_sparse and f.fit_intercept)
    return solver != "sparse_cg" or f.is_sparse


def _elastic_net(f, tolerance, solver):
    from sklearn.linear_model import ElasticNet

    model = ElasticNet(
        alpha=f.alpha,
        l1_ratio=f.l1_ratio,
        tol=tolerance,
        max_iter=MAX_ITER,
        precompute=solver == "gram",
        fit_intercept=f.fit_intercept,
    )
    return solution_of(model.fit(f.X, f.y))


def _takes_elastic_net(f, solver):
    if f.loss != "squared_error" or f.l1_ratio == 0 or f.weight is not None:
        return False
    return solver != "gram" or (not f.is_sparse and f.n_samples > f.X.shape[1])


def _logistic(f, tolerance, solver):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=1 / (f.alpha * f.total_weight),
        solver=solver,
        tol=tolerance,
        max_iter=MAX_ITER,
        fit_intercept=f.fit_intercept,
        random_state=0,
        **_l1_share(f.l1_ratio),
    )
    return solution_of(model.fit(f.X, f.y, f.weight))


def _l1_share(l1_ratio):
    """Say how much of the penalty is l1; scikit-learn 1.8 deprecated the word `penalty`."""
    from sklearn.linear_model import LogisticRegression

    if LogisticRegression().penalty == "deprecated":
        return {"l1_ratio": l1_ratio}
    return {"penalty": {0: "l2", 1: "l1"}[l1_ratio]}


def _takes_logistic(f, solver):
    if not f.is_classification or f.l1_ratio not in (0, 1):
        return False
    if solver == "liblinear":  # it penalises the intercept
        return f.loss == "log_loss" and not f.fit_intercept
    return f.l1_ratio == 0 or solver == "saga"


def _log_link(f, tolerance, solver):
    from sklearn.linear_model import GammaRegressor, PoissonRegressor

    model = {"poisson": PoissonRegressor, "gamma": GammaRegressor}[f.loss](
        alpha=f.alpha,
        solver=solver.removeprefix("glm-"),
        tol=tolerance,
        max_iter=MAX_ITER,
        fit_intercept=f.fit_intercept,
    )
    return solution_of(model.fit(f.X, f.y, f.weight))


def _takes_log_link(f, solver):
    return f.loss in ("poisson", "gamma") and f.l1_ratio == 0


def _huber(f, tolerance, solver):
    """HuberRegressor estimates a scale too; data whose scale is 1 have our optimum."""
    from sklearn.linear_model import HuberRegressor

    model = HuberRegressor(
        epsilon=f.delta,
        alpha=f.alpha * f.n_samples,
        tol=tolerance,
        max_iter=MAX_ITER,
        fit_intercept=f.fit_intercept,
    )
    return solution_of(model.fit(f.X, f.y))


def _takes_huber(f, solver):
    return f.loss == "huber" and f.l1_ratio == 0 and f.weight is None


def _sgd(f, tolerance, solver):
    """1 / tolerance epochs, at least one: its own stopping rule knows no optimum."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        alpha=f.alpha,
        l1_ratio=f.l1_ratio,
        fit_intercept=f.fit_intercept,
        max_iter=max(1, round(1 / tolerance)),
        tol=None,
        random_state=0,
    )
    return solution_of(model.fit(f.X, f.y))


def _takes_sgd(f, solver):
    return f.loss == "log_loss" and f.weight is None


def _solvers(fit, supports, *solvers):
    return [
        Competitor(
            f"scikit-learn {solver}",
            "sklearn",
            partial(supports, solver=solver),
            partial(fit, solver=solver),
        )
        for solver in solvers
    ]


COMPETITORS = [
    *_solvers(_ridge, _takes_ridge, "auto", "cholesky", "lsqr", "sag", "sparse_cg"),
    *_solvers(_elastic_net, _takes_elastic_net, "coordinate", "gram"),
    *_solvers(
        _logistic,
        _takes_logistic,
        *("lbfgs", "newton-cholesky", "newton-cg", "saga", "liblinear"),
    ),
    *_solvers(_log_link, _takes_log_link, "glm-lbfgs", "glm-newton-cholesky"),
    *_solvers(_huber, _takes_huber, "huber"),
    *_solvers(_sgd, _takes_sgd, "sgd"),
]
