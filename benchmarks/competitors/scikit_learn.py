"""scikit-learn: every solver of each estimator with the same objective."""

from functools import partial

from benchmarks.competitors.base import MAX_ITER, Competitor, solution_of

#: Estimators of other folders than the linear models.
LIBLINEAR = ("LinearSVC", "LinearSVR")
LOG_LINK = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")


def _takes(f, names, condition):
    return any(name in f.counterparts for name in names) and condition(f)


def _fit(f, tolerance, names, options):
    from sklearn import linear_model, svm

    name = next(name for name in names if name in f.counterparts)
    model = getattr(svm if name in LIBLINEAR else linear_model, name)(**f.counterparts[name])
    random = {"random_state": 0} if "random_state" in model.get_params() else {}
    model.set_params(**{"tol": tolerance, "max_iter": MAX_ITER} | random | options)
    weight = {} if f.weight is None else {"sample_weight": f.weight}
    return solution_of(model.fit(f.X, f.y, **weight))


def _competitor(label, names, condition=lambda f: True, **options):
    return Competitor(
        f"scikit-learn {label}",
        "sklearn",
        partial(_takes, names=names, condition=condition),
        partial(_fit, names=names, options=options),
    )


def _ridge(solver, condition=lambda f: True, max_iter=None):
    return _competitor(solver, ["Ridge"], condition, solver=solver, max_iter=max_iter)


def _logistic(solver, condition):
    return _competitor(solver, ["LogisticRegression"], condition, solver=solver)


def _is_smooth(f):
    return f.l1_ratio == 0


def _has_no_weights(f):
    return f.weight is None


def _fits_gram(f):
    """A Gram matrix is smaller than X, and no weights are in its way."""
    return f.weight is None and not f.is_sparse and f.n_samples > f.X.shape[1]


def _fits_liblinear(f):
    """It penalises an intercept, and knows two classes."""
    return f.loss == "log_loss" and not f.fit_intercept and f.l1_ratio in (0, 1)


def _huber(f, tolerance):
    """HuberRegressor estimates a scale too; data whose scale is 1 have our optimum."""
    from sklearn.linear_model import HuberRegressor

    model = HuberRegressor(
        epsilon=f.delta,
        alpha=f.alpha * f.total_weight,
        tol=tolerance,
        max_iter=MAX_ITER,
        fit_intercept=f.fit_intercept,
    )
    return solution_of(model.fit(f.X, f.y))


def _tasks(f, tolerance):
    from sklearn.linear_model import MultiTaskLasso

    model = MultiTaskLasso(f.alpha, tol=tolerance, fit_intercept=f.fit_intercept, max_iter=MAX_ITER)
    return solution_of(model.fit(f.X, f.y))


def _quantile(f, tolerance):
    """An exact linear program: it has no tolerance."""
    from sklearn.linear_model import QuantileRegressor

    return solution_of(QuantileRegressor(**f.counterparts["QuantileRegressor"]).fit(f.X, f.y))


def _sgd(f, tolerance):
    """1 / tolerance epochs, at least one: its own stopping rule knows no optimum."""
    options = {"max_iter": max(1, round(1 / tolerance)), "tol": None}
    return _fit(f, tolerance, ["SGDClassifier"], options)


COMPETITORS = [
    _ridge("auto"),
    # The intercept would fill a sparse X.
    _ridge("cholesky", lambda f: not (f.is_sparse and f.fit_intercept)),
    _ridge("lsqr", max_iter=MAX_ITER),
    _ridge("sag", max_iter=MAX_ITER),
    _ridge("sparse_cg", lambda f: f.is_sparse, max_iter=MAX_ITER),
    _competitor("coordinate", ["ElasticNet"], _has_no_weights),
    _competitor("gram", ["ElasticNet"], _fits_gram, precompute=True),
    *(_logistic(solver, _is_smooth) for solver in ("lbfgs", "newton-cholesky", "newton-cg")),
    _logistic("saga", lambda f: True),
    _logistic("liblinear", _fits_liblinear),
    *(
        _competitor(f"glm-{solver}", LOG_LINK, solver=solver)
        for solver in ("lbfgs", "newton-cholesky")
    ),
    Competitor(
        "scikit-learn huber",
        "sklearn",
        lambda f: f.loss == "huber" and f.l1_ratio == 0 and f.weight is None,
        _huber,
    ),
    Competitor(
        "scikit-learn tasks",
        "sklearn",
        lambda f: f.loss == "squared_error" and f.weight is None,
        _tasks,
        penalties=("rows",),
    ),
    Competitor(
        "scikit-learn highs",
        "sklearn",
        lambda f: f.loss == "quantile" and "QuantileRegressor" in f.counterparts,
        _quantile,
        tolerances=(1e-9,),
    ),
    _competitor("support vectors", LIBLINEAR, _has_no_weights),
    Competitor(
        "scikit-learn sgd",
        "sklearn",
        lambda f: f.loss in ("log_loss", "modified_huber") and f.weight is None,
        _sgd,
    ),
]
