"""Cases of the suite "search": data, preprocessing, settings, and competitors."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from scipy import stats
from scipy.special import expit
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LassoCV
from sklearn.model_selection import KFold, ParameterGrid, ParameterSampler, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from benchmarks import data, search_data
from benchmarks.search_rivals import (
    MAX_ITER,
    Grid,
    LassoPaths,
    LogisticPaths,
    Loop,
    Ours,
    logistic,
    logistic_params,
)
from benchmarks.search_task import Task
from nno_sklearn import NNOClassifier, NNORegressor

L1_RATIOS = [0.1, 0.5, 0.9]
#: Tolerances: of all competitors, in their own units; of the reference, in ours.
TOL, EXACT = 1e-4, 1e-8


@dataclass(frozen=True)
class Case:
    """A search.

    Parameters
    ----------
    name : str
    source : callable
        Gives X and y; raises :class:`benchmarks.data.MissingDataError`.
    model : NNO model
    settings : callable
        ``settings(X, y)`` gives a list of dict.
    n_splits : int
    rivals : tuple of Rival
        Besides NNOSearchCV and GridSearchCV on our own model.
    before : transformer or None, default=None
        Preprocessing.
    is_quick : bool, default=False
        Generated data, done in seconds.
    """

    name: str
    source: Callable
    model: object
    settings: Callable
    n_splits: int = 5
    rivals: tuple = ()
    before: object = None
    is_quick: bool = False

    def task(self):
        """Load the data; returns Task."""
        X, y = self.source()
        labels = is_classifier(self.model)
        folds = (StratifiedKFold if labels else KFold)(self.n_splits, shuffle=True, random_state=0)
        scoring = "neg_log_loss" if labels else "neg_mean_squared_error"
        splits = list(folds.split(X, y))
        return Task(X, y, self.before, self.model, self.settings(X, y), splits, scoring)

    def searches(self):
        """The installed competitors, ours first."""
        ours = [
            Ours("NNOSearchCV", TOL),
            *(Ours(f"NNOSearchCV, {starts}", TOL, starts=starts) for starts in ("path", "cold")),
            Grid("GridSearchCV, ours", TOL, make=self._ours),
        ]
        return ours + [rival for rival in self.rivals if find_spec(rival.module)]

    def exact(self):
        """The competitor whose scores are the reference."""
        return Ours("NNOSearchCV, exact", EXACT)

    def _ours(self, tol):
        return clone(self.model).set_params(tol=tol)


# Settings ----------------------------------------------------------------------------------------


def grid(X, y, **values):
    """All combinations."""
    return list(ParameterGrid(values))


def draws(X, y, n_iter, **distributions):
    """As many settings drawn at random."""
    return list(ParameterSampler(distributions, n_iter, random_state=0))


def lasso_path(X, y, n_alphas=100):
    """The strengths that LassoCV takes by default."""
    largest = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    return grid(X, y, alpha=largest * np.logspace(0, -3, n_alphas))


# Models of other packages ------------------------------------------------------------------------


def elastic_net(tol, precompute):
    """scikit-learn's, with or without a Gram matrix."""
    return ElasticNet(tol=tol, max_iter=MAX_ITER, precompute=precompute)


def of_package(package, name, **options):
    """A class of celer or skglm, whose limits end no fit before its tolerance does."""
    return getattr(import_module(package), name)(max_iter=1000, max_epochs=MAX_ITER, **options)


def skglm_logistic(tol):
    """skglm's elastic-net logistic regression."""
    from skglm import SparseLogisticRegression

    class Logistic(SparseLogisticRegression):
        def predict_proba(self, X):  # its own is that of one model against another
            positive = expit(self.decision_function(X))
            return np.column_stack([1 - positive, positive])

    return Logistic(tol=tol, max_iter=1000, max_epochs=MAX_ITER)


def _grids(*solvers):
    return [
        Grid(
            f"GridSearchCV, {solver}",
            TOL,
            make=partial(logistic, solver=solver),
            params=logistic_params,
        )
        for solver in solvers
    ]


# Cases -------------------------------------------------------------------------------------------

ELASTIC_NET_LOGISTIC = {
    "model": NNOClassifier(penalty="elasticnet", random_state=0),
    "settings": partial(grid, alpha=np.logspace(-2, -5, 10), l1_ratio=L1_RATIOS),
    "rivals": (
        *_grids("saga"),
        LogisticPaths("LogisticRegressionCV, saga", TOL, solver="saga"),
        Loop("skglm loop", TOL, "skglm", make=skglm_logistic),
    ),
}
LOGISTIC = {
    "model": NNOClassifier(random_state=0),
    "settings": partial(grid, alpha=np.logspace(0, -6, 20)),
    "rivals": (
        *_grids("newton-cholesky", "lbfgs"),
        LogisticPaths("LogisticRegressionCV, newton-cholesky", TOL, solver="newton-cholesky"),
        LogisticPaths("LogisticRegressionCV, lbfgs", TOL, solver="lbfgs"),
    ),
}
LASSO = {
    "model": NNORegressor(penalty="l1", random_state=0),
    "settings": lasso_path,
    "rivals": (
        LassoPaths("LassoCV", TOL, make=partial(LassoCV, max_iter=MAX_ITER)),
        LassoPaths("celer LassoCV", TOL, "celer", make=partial(of_package, "celer", "LassoCV")),
        Loop("celer loop", TOL, "celer", make=partial(of_package, "celer", "Lasso")),
        Loop("skglm loop", TOL, "skglm", make=partial(of_package, "skglm", "Lasso")),
    ),
}
ELASTIC_NET = {
    "model": NNORegressor(penalty="elasticnet", random_state=0),
    "before": make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(strategy="median"), SplineTransformer()),
                make_column_selector(dtype_include="number"),
            ),
            (OneHotEncoder(), make_column_selector(dtype_exclude="number")),
            sparse_threshold=0.0,
        ),
        StandardScaler(),
    ),
    "settings": partial(grid, alpha=np.logspace(0, -4, 30), l1_ratio=L1_RATIOS),
    "rivals": (
        Grid("GridSearchCV, ElasticNet", TOL, make=partial(elastic_net, precompute=False)),
        Grid("GridSearchCV, ElasticNet Gram", TOL, make=partial(elastic_net, precompute=True)),
        Loop("ElasticNet Gram loop", TOL, make=partial(elastic_net, precompute=True)),
    ),
}
MULTINOMIAL = {
    "model": NNOClassifier(random_state=0),
    "before": TfidfVectorizer(sublinear_tf=True),
    "settings": partial(grid, alpha=np.logspace(-3, -6, 8)),
    "n_splits": 3,
    "rivals": (
        *_grids("lbfgs"),
        Loop("lbfgs loop", TOL, make=partial(logistic, solver="lbfgs"), params=logistic_params),
    ),
}
DRAWS = {
    "model": NNOClassifier(penalty="elasticnet", random_state=0),
    "settings": partial(
        draws,
        n_iter=60,
        alpha=stats.loguniform(1e-5, 1e-2),
        l1_ratio=stats.uniform(0, 1),
        class_weight=[None, "balanced"],
    ),
}

#: Settings of a search that takes a second.
SHORT_GRID = {"settings": partial(grid, alpha=np.logspace(-1, -5, 8), l1_ratio=[0.5, 0.9])}

CASES = [
    Case("elastic_net_logistic-a9a", partial(data.load, "a9a"), **ELASTIC_NET_LOGISTIC),
    Case(
        "elastic_net_logistic-8000x90",
        partial(data.tall_labels, 8000, 90, 1.0),
        **ELASTIC_NET_LOGISTIC | SHORT_GRID,
    ),
    Case("logistic-a9a_dense", partial(search_data.dense, "a9a"), **LOGISTIC),
    Case("lasso-1000x10000", partial(search_data.correlated, 1000, 10_000), **LASSO),
    Case("elastic_net-california_housing", search_data.houses, **ELASTIC_NET),
    Case("multinomial-newsgroups20", search_data.newsgroups, **MULTINOMIAL),
    Case("draws-a9a", partial(data.load, "a9a"), **DRAWS),
]
_few_labels, _few_alphas = partial(data.tall_labels, 1000, 8, 1.0), partial(lasso_path, n_alphas=30)
QUICK = [
    Case("elastic_net_logistic-quick", _few_labels, is_quick=True, **ELASTIC_NET_LOGISTIC),
    Case("logistic-quick", _few_labels, is_quick=True, **LOGISTIC),
    Case(
        "lasso-quick",
        partial(search_data.correlated, 100, 400),
        is_quick=True,
        **LASSO | {"settings": _few_alphas},
    ),
    Case("elastic_net-quick", search_data.generated_houses, is_quick=True, **ELASTIC_NET),
    Case("multinomial-quick", search_data.generated_texts, is_quick=True, **MULTINOMIAL),
    Case("draws-quick", _few_labels, is_quick=True, **DRAWS),
]


def select(patterns, quick):
    """Cases whose names begin with or match one of the patterns; None for all of a size."""
    if patterns is None:
        return QUICK if quick else CASES
    every = QUICK if quick else CASES + QUICK
    return [one for one in every if any(fnmatch(one.name, f"{pattern}*") for pattern in patterns)]


def find(name):
    """The case of a name."""
    return next(one for one in CASES + QUICK if one.name == name)
