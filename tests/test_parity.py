"""The same optimum as scikit-learn's estimators, coefficient by coefficient, for every solver."""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.counterparts import COUNTERPARTS, INVERSE, counterparts
from nno_sklearn.losses import Huber
from tests.estimators import CORNERED, SMOOTH, SOLVERS

ALPHA = 0.02
#: tol for float64 and for float32: a nonsmooth penalty scales the dual point, which costs digits;
#: without a penalty or a dual tol bounds a Newton decrement.
TOLS = {"l2": (1e-14, 1e-10), "l1": (1e-12, 1e-6), "elasticnet": (1e-12, 1e-6), None: (1e-13, 1e-7)}
LAYOUTS = {"dense": np.asarray, "csr": sparse.csr_matrix, "csc": sparse.csc_array}
LOSS_NAMES = {name for one in COUNTERPARTS for name in one.losses}
#: Options for the most exact fits of scikit-learn's estimators.
PATIENT = {"max_iter": 100_000, "random_state": 0}
EXACT = {
    Lasso: PATIENT | {"tol": 1e-14},
    ElasticNet: PATIENT | {"tol": 1e-14},
    LogisticRegression: PATIENT | {"tol": 1e-14},
    PoissonRegressor: {"solver": "newton-cholesky", "tol": 1e-12},
    GammaRegressor: {"solver": "newton-cholesky", "tol": 1e-12},
    TweedieRegressor: {"solver": "lbfgs", "tol": 1e-12, "max_iter": 10_000},
    LinearSVC: PATIENT | {"tol": 1e-10},
    LinearSVR: PATIENT | {"tol": 1e-12},
}


def exact(theirs):
    """An estimator of scikit-learn with its most exact solver and options."""
    if getattr(theirs, "solver", None) == "lbfgs":
        theirs.set_params(solver="newton-cholesky")
    return theirs.set_params(**EXACT.get(type(theirs), {}))


def logistic(total_weight, **params):
    """LogisticRegression with an l2 penalty."""
    C = INVERSE.of_alpha(ALPHA, total_weight)
    return exact(LogisticRegression(C=C, **params))


class Case(NamedTuple):
    ours: object
    target: str

    def fit(self, solver, X, y, weight=None):
        """Fit as exactly as the precision allows."""
        has_dual = self.ours.loss != "inverse_gaussian"  # it is not convex
        exact, single = TOLS[self.ours.penalty if has_dual else None]
        tol = single if X.dtype == np.float32 else exact
        return clone(self.ours).set_params(alpha=ALPHA, solver=solver, tol=tol).fit(X, y, weight)

    def theirs(self, total_weight):
        """scikit-learn's estimator of the same objective."""
        names = ("loss", "penalty", "l1_ratio", "fit_intercept")
        objective = {name: getattr(self.ours, name) for name in names}
        return exact(counterparts(**objective, alpha=ALPHA, total_weight=total_weight)[0])


def without_intercept(penalty):
    return NNOClassifier("squared_hinge", penalty=penalty, fit_intercept=False)


ELASTIC_NET = {"penalty": "elasticnet", "l1_ratio": 0.3}
CASES = {
    "ridge": Case(NNORegressor(), "number"),
    "ridge without intercept": Case(NNORegressor(fit_intercept=False), "number"),
    "ridge of three": Case(NNORegressor(), "three numbers"),
    "least squares": Case(NNORegressor(penalty=None), "number"),
    "lasso": Case(NNORegressor(penalty="l1"), "number"),
    "elastic net": Case(NNORegressor(penalty="elasticnet", l1_ratio=0.7), "number"),
    "logistic": Case(NNOClassifier(), "two classes"),
    "logistic without penalty": Case(NNOClassifier(penalty=None), "two classes"),
    "logistic l1": Case(NNOClassifier(penalty="l1"), "two classes"),
    "logistic elastic net": Case(NNOClassifier(**ELASTIC_NET), "two classes"),
    "logistic without intercept": Case(NNOClassifier(fit_intercept=False), "two classes"),
    "multinomial": Case(NNOClassifier(), "three classes"),
    "multinomial l1": Case(NNOClassifier(penalty="l1"), "three classes"),
    "poisson": Case(NNORegressor("poisson"), "count"),
    "poisson without penalty": Case(NNORegressor("poisson", penalty=None), "count"),
    "gamma": Case(NNORegressor("gamma"), "size"),
    "gamma without penalty": Case(NNORegressor("gamma", penalty=None), "size"),
    "tweedie": Case(NNORegressor("tweedie"), "amount"),
    "tweedie without penalty": Case(NNORegressor("tweedie", penalty=None), "amount"),
    "inverse gaussian": Case(NNORegressor("inverse_gaussian"), "size"),
    "inverse gaussian without penalty": Case(
        NNORegressor("inverse_gaussian", penalty=None), "size"
    ),
    "squared insensitive": Case(
        NNORegressor("squared_epsilon_insensitive", fit_intercept=False), "number"
    ),
    "squared hinge": Case(without_intercept("l2"), "two classes"),
    "squared hinge l1": Case(without_intercept("l1"), "two classes"),
    "squared hinge of three classes": Case(without_intercept("l2"), "three classes"),
}
PAIRS = [(name, solver) for name, case in CASES.items() for solver in SOLVERS[case.ours.penalty]]


@cache
def data():
    """X with zeros, shifted columns and float32 entries; targets that X explains in part."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 6)) + [0, 1, -1, 0, 0.5, 0]
    X[rng.random(X.shape) < 0.3] = 0
    X = X.astype(np.float32).astype(float)
    W = rng.normal(size=(6, 3))
    W[2] = 0
    eta = X @ W + [1.0, -0.5, 0.3]
    noisy = eta + rng.normal(size=eta.shape)
    targets = {
        "number": noisy[:, 0],
        "three numbers": noisy,
        "two classes": np.where(noisy[:, 0] > 0.5, "yes", "no"),
        "three classes": np.array(["a", "b", "c"])[(noisy * 0.7).argmax(axis=1)],
        "count": rng.poisson(np.exp(0.3 * eta[:, 0])).astype(float),
        "size": rng.gamma(2.0, np.exp(0.3 * eta[:, 0]) / 2.0),
    }
    weight = rng.integers(1, 4, len(X)) * 0.5
    targets["amount"] = targets["count"] * rng.gamma(2.0, size=len(X))
    return X, targets, weight


@cache
def reference(name, weighted):
    """Coefficients and intercept that scikit-learn finds."""
    X, targets, weight = data()
    case = CASES[name]
    total = weight.sum() if weighted else len(X)
    model = case.theirs(total).fit(
        X, targets[case.target], **({"sample_weight": weight} if weighted else {})
    )
    return model.coef_, model.intercept_


def assert_same(model, expected, rtol=1e-5, atol=1e-8):
    """Equal up to ``rtol`` each, or ``atol`` of the largest coefficient."""
    coef, intercept = expected
    atol = atol * np.abs(coef).max()
    np.testing.assert_allclose(model.coef_, coef, rtol=rtol, atol=atol)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=rtol, atol=atol)


@pytest.mark.pairwise
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "solver"), PAIRS)
def test_same_optimum(name, solver, layout, weighted):
    X, targets, weight = data()
    case = CASES[name]
    y = targets[case.target]
    model = case.fit(solver, LAYOUTS[layout](X), y, weight if weighted else None)
    assert_same(model, reference(name, weighted))


@pytest.mark.pairwise
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "solver"), PAIRS)
def test_same_optimum_in_float32(name, solver, layout):
    X, targets, _ = data()
    case = CASES[name]
    model = case.fit(solver, LAYOUTS[layout](X.astype(np.float32)), targets[case.target])
    assert model.coef_.dtype == np.float32
    assert_same(model, reference(name, False), rtol=5e-3, atol=5e-4)


def test_every_exact_counterpart_is_compared():
    compared = {type(case.theirs(1.0)) for case in CASES.values()}
    stochastic = {SGDClassifier, SGDRegressor}
    # test_nonsmooth.py and test_concomitant.py compare losses with corners, and with a scale.
    elsewhere = {QuantileRegressor, HuberRegressor}
    assert compared == {one.estimator for one in COUNTERPARTS} - stochastic - elsewhere
    penalties, losses = ("l2", "l1", "elasticnet", None), LOSS_NAMES.difference(CORNERED)
    for loss, penalty in product(losses - {"concomitant_huber"}, penalties):
        found = counterparts(
            loss=loss, penalty=penalty, alpha=ALPHA, total_weight=1.0, fit_intercept=False
        )
        if found and type(found[0]) not in stochastic:
            ours = [case.ours for case in CASES.values()]
            assert any((one.loss, one.penalty) == (loss, penalty) for one in ours)


@pytest.mark.pairwise
@pytest.mark.parametrize("target", ["two classes", "three classes"])
@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("kind", ["balanced", "dict"])
def test_class_weight(kind, solver, target):
    X, targets, _ = data()
    y = targets[target]
    labels, counts = np.unique(y, return_counts=True)
    factors = dict(zip(labels, (3.0, 0.5, 1.5), strict=False))
    class_weight = "balanced" if kind == "balanced" else factors
    total = len(y) if kind == "balanced" else counts @ list(factors.values())[: len(counts)]
    theirs = logistic(total, class_weight=class_weight).fit(X, y)
    ours = NNOClassifier(class_weight=class_weight, alpha=ALPHA, tol=1e-14, solver=solver).fit(X, y)
    assert_same(ours, (theirs.coef_, theirs.intercept_))


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("solver", SMOOTH)
def test_huber_at_its_fitted_scale(solver, weighted):
    X, targets, weight = data()
    weight = weight if weighted else np.ones(len(X))
    y = targets["number"] + 30.0 * (np.arange(len(X)) % 13 == 0)
    theirs = HuberRegressor(alpha=1.0, tol=1e-13, max_iter=10_000, warm_start=True)
    for _ in range(20):  # its L-BFGS stops early; each start from the last optimum goes on
        theirs.fit(X, y, weight)
    ours = NNORegressor(
        Huber(theirs.epsilon * theirs.scale_), alpha=theirs.scale_ / weight.sum(), tol=1e-14,
        solver=solver,
    ).fit(X, y, weight)  # fmt: skip
    assert_same(ours, (theirs.coef_, theirs.intercept_))
