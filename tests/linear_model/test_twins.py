"""Twins: scikit-learn's parameters, attributes and results, and a certificate on top."""

import inspect
import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn import linear_model as theirs
from sklearn import svm
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter

from nno_sklearn import linear_model
from nno_sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LinearSVC,
    LinearSVR,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from nno_sklearn.linear_model.likeness import TWINS
from nno_sklearn.penalties import NoPenalty

PATIENT = {"tol": 1e-10, "max_iter": 100_000}
#: Of losses with corners, where ``tol`` is the gap.
PATIENT_GAP = {"tol": 1e-9, "max_iter": 1_000_000}
CLASSES, NUMBERS = ("two classes", "three classes"), ("number", "three numbers")
#: A twin with parameters, and the targets that it is fitted to.
CASES = [
    (LinearRegression(), NUMBERS),
    (LinearRegression(positive=True, fit_intercept=False), ("number",)),
    (Ridge(alpha=3.0), NUMBERS),
    (Ridge(alpha=3.0, positive=True), ("number",)),
    (Ridge(alpha=np.array([3.0, 0.1, 20.0])), ("three numbers",)),
    (RidgeClassifier(alpha=3.0), CLASSES),
    (RidgeClassifier(alpha=3.0, class_weight="balanced"), CLASSES),
    (Lasso(alpha=0.1, **PATIENT), NUMBERS),
    (Lasso(alpha=0.1, positive=True, **PATIENT), ("number",)),
    (ElasticNet(alpha=0.1, l1_ratio=0.3, fit_intercept=False, **PATIENT), NUMBERS),
    (MultiTaskLasso(alpha=0.1, **PATIENT), NUMBERS[1:]),
    (MultiTaskElasticNet(alpha=0.3, l1_ratio=0.6, **PATIENT), NUMBERS[1:]),
    (MultiTaskElasticNet(alpha=0.3, l1_ratio=0.2, fit_intercept=False, **PATIENT), NUMBERS[1:]),
    (LogisticRegression(C=0.3, **PATIENT), CLASSES),
    (LogisticRegression(C=np.inf, **PATIENT), CLASSES),
    (LogisticRegression(C=0.3, class_weight="balanced", **PATIENT), CLASSES),
    (LogisticRegression(C=0.3, fit_intercept=False, **PATIENT), CLASSES),
    (PoissonRegressor(alpha=0.1, **PATIENT), ("count",)),
    (linear_model.GammaRegressor(alpha=0.1, **PATIENT), ("size",)),
    (TweedieRegressor(alpha=0.1, **PATIENT), ("number",)),
    (TweedieRegressor(alpha=0.1, power=1.4, **PATIENT), ("count",)),
    (TweedieRegressor(alpha=0.1, power=3, **PATIENT), ("size",)),
    (LinearSVC(C=0.1, **PATIENT), CLASSES),
    (LinearSVC(C=0.1, intercept_scaling=3.0, **PATIENT), CLASSES),
    (LinearSVC(C=0.1, penalty="l1", dual=False, **PATIENT), CLASSES),
    (LinearSVC(C=0.1, fit_intercept=False, class_weight="balanced", **PATIENT), CLASSES[:1]),
    (LinearSVC(C=0.1, loss="hinge", **PATIENT_GAP), CLASSES[1:]),
    (LinearSVC(loss="hinge", fit_intercept=False, **PATIENT_GAP), CLASSES[:1]),
    (
        LinearSVC(loss="hinge", intercept_scaling=3.0, class_weight="balanced", **PATIENT_GAP),
        CLASSES[:1],
    ),
    (LinearSVR(C=0.1, **PATIENT_GAP), ("number",)),
    (LinearSVR(C=0.1, epsilon=0.3, fit_intercept=False, **PATIENT_GAP), ("number",)),
    (LinearSVR(C=0.1, epsilon=0.3, loss="squared_epsilon_insensitive", **PATIENT), ("number",)),
    (QuantileRegressor(quantile=0.8, alpha=0.02), ("number",)),
    (QuantileRegressor(alpha=0.1, fit_intercept=False), ("number",)),
    (HuberRegressor(alpha=2.0, **PATIENT), ("number",)),
    (HuberRegressor(epsilon=1.8, fit_intercept=False, **PATIENT), ("number",)),
    (RidgeCV(), NUMBERS),
    (RidgeCV(alpha_per_target=True), ("three numbers",)),
    (RidgeCV(alphas=[0.1, 10.0], cv=3), NUMBERS),
    (LassoCV(alphas=[0.5, 0.1, 0.02], cv=3, tol=1e-10), ("number",)),
    (ElasticNetCV(l1_ratio=[0.3, 0.9], alphas=[0.5, 0.1], cv=3, tol=1e-10), ("number",)),
    (MultiTaskLassoCV(alphas=[0.5, 0.1, 0.02], cv=3, tol=1e-10), NUMBERS[1:]),
    (
        MultiTaskElasticNetCV(l1_ratio=[0.3, 0.9], alphas=[0.5, 0.1], cv=3, tol=1e-10),
        NUMBERS[1:],
    ),
]
FITS = [pytest.param(model, y, id=f"{model}-{y}") for model, targets in CASES for y in targets]


@cache
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5)) + [0, 1, 0, 0, 2]
    eta = X @ rng.normal(size=(5, 3)) / 2
    noisy = eta + rng.normal(size=eta.shape)
    targets = {
        "number": noisy[:, 0],
        "three numbers": noisy,
        "two classes": np.where(noisy[:, 0] > 0.5, "yes", "no"),
        "three classes": np.array(["a", "b", "c"])[(noisy - noisy.mean(axis=0)).argmax(axis=1)],
        "count": rng.poisson(np.exp(0.3 * eta[:, 0])).astype(float),
        "size": rng.gamma(2.0, np.exp(0.3 * eta[:, 0])),
    }
    return X, targets, rng.integers(1, 4, len(X)) / 2.0


def their_own(twin):
    """scikit-learn's estimator with the twin's parameters, at its most exact."""
    model = twin.theirs(**twin.get_params())
    if getattr(twin, "solver", None) == "lbfgs" and not getattr(twin, "positive", False):
        model.set_params(solver="newton-cholesky" if twin.fit_intercept else "newton-cg")
    if isinstance(model, theirs.Ridge | theirs.RidgeClassifier):
        model.set_params(tol=1e-12)
    return model


def fitted(model, X, y, weight):
    """scikit-learn's estimator, fitted to rows repeated by twice their weight if it takes none."""
    if weight is None:
        return model.fit(X, y)
    if has_fit_parameter(model, "sample_weight"):
        return model.fit(X, y, sample_weight=weight)
    times = (2 * weight).astype(int)
    return model.fit(np.repeat(X, times, axis=0), np.repeat(y, times, axis=0))


@pytest.mark.each_value
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(("model", "target"), FITS)
def test_same_results_and_attributes(model, target, weighted):
    X, targets, weight = data()
    if weighted and getattr(model, "class_weight", None) == "balanced":
        weight = np.full(len(X), 0.5)  # here classes are counted by weight
    y, weight = targets[target], weight if weighted else None
    chooses_on_folds = type(model).__name__.startswith("MultiTask") and hasattr(model, "cv")
    if weighted and chooses_on_folds and not has_fit_parameter(model.theirs, "sample_weight"):
        pytest.skip("scikit-learn's takes no weights here, and folds split repeated rows")
    ours = clone(model).fit(X, y, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        same = fitted(their_own(model), X, y, weight)
    atol = 1e-5 * np.abs(same.coef_).max()
    np.testing.assert_allclose(np.ravel(ours.coef_), np.ravel(same.coef_), rtol=1e-4, atol=atol)
    np.testing.assert_allclose(ours.intercept_, same.intercept_, rtol=1e-4, atol=10 * atol)
    assert np.shape(ours.intercept_) == np.shape(same.intercept_)
    if is_classifier(ours):
        assert (ours.predict(X) == same.predict(X)).all()
    else:
        assert ours.coef_.shape == same.coef_.shape
        np.testing.assert_allclose(ours.predict(X), same.predict(X), rtol=1e-3, atol=100 * atol)
    assert ours.score(X, y, sample_weight=weight) == pytest.approx(
        same.score(X, y, sample_weight=weight), abs=1e-5
    )
    for name in ("alpha_", "l1_ratio_", "best_score_", "mse_path_", "alphas_"):
        if hasattr(same, name):
            np.testing.assert_allclose(getattr(ours, name), getattr(same, name), rtol=1e-4)
    assert ours.converged_ and np.isfinite(ours.objective_)


@pytest.mark.parametrize("twin", TWINS.values())
def test_same_parameters(twin):
    assert inspect.signature(twin) == inspect.signature(twin.theirs)
    assert twin().get_params() == twin.theirs().get_params()


def test_every_twin_is_public_and_is_compared():
    assert {twin.__name__ for twin in TWINS.values()} == set(linear_model.__all__)
    compared = {type(model).__name__ for model, _ in CASES + ONLINE} | {"LogisticRegressionCV"}
    assert compared == set(linear_model.__all__)


#: Twins of estimators that only approach their optimum, and their targets.
ONLINE = [
    (SGDClassifier("hinge", alpha=0.05, tol=1e-8), "two classes"),
    (SGDClassifier("log_loss", alpha=0.05, tol=1e-8, penalty="l1"), "two classes"),
    (SGDClassifier("squared_hinge", alpha=0.05, tol=1e-8, penalty="elasticnet"), "two classes"),
    (SGDClassifier("modified_huber", alpha=0.05, tol=1e-8), "two classes"),
    (SGDRegressor("squared_error", alpha=0.05, tol=1e-8), "number"),
    (SGDRegressor("huber", alpha=0.05, epsilon=0.5, tol=1e-8, penalty="l1"), "number"),
    (SGDRegressor("epsilon_insensitive", alpha=0.05, epsilon=0.3, tol=1e-8), "number"),
    (
        SGDRegressor("squared_epsilon_insensitive", alpha=0.05, tol=1e-8, penalty="elasticnet"),
        "number",
    ),
]


@pytest.mark.parametrize(("model", "target"), ONLINE, ids=lambda one: getattr(one, "loss", one))
def test_objective_that_sgd_approaches(model, target):
    X, targets, _ = data()
    y = targets[target]
    ours = clone(model).fit(X, y)
    steps = {"learning_rate": "adaptive", "eta0": 0.02, "tol": 1e-6, "max_iter": 3000}
    same = model.theirs(**model.get_params() | steps | {"random_state": 0}).fit(X, y)
    assert ours.coef_.shape == same.coef_.shape and ours.intercept_.shape == same.intercept_.shape
    parts = model.parts()
    numbers = (y == ours.classes_[1]).astype(float) if is_classifier(ours) else y

    def objective(one):
        coef = np.atleast_2d(one.coef_).T
        loss = parts.loss.value(numbers[:, None], X @ coef + one.intercept_)
        return loss.mean() + model.alpha * parts.penalty.bind(*coef.shape).value(coef)

    assert ours.converged_ and objective(ours) == pytest.approx(ours.objective_)
    assert ours.objective_ - ours.dual_gap_ <= objective(same) <= 1.01 * ours.objective_


@pytest.mark.parametrize(("model", "target"), ONLINE, ids=lambda one: getattr(one, "loss", one))
def test_streams_come_near_the_fit(model, target):
    X, targets, weight = data()
    y, known = targets[target], {"classes": ["no", "yes"]} if is_classifier(model) else {}
    of_all, stream = clone(model).fit(X, y, sample_weight=weight), clone(model)
    for rows in np.split(np.arange(len(y)), 3):
        stream.partial_fit(X[rows], y[rows], sample_weight=weight[rows], **known)
    assert stream.n_samples_seen_ == len(y)
    assert stream.coef_.shape == of_all.coef_.shape
    expected = stream.score(X, y, sample_weight=weight)
    assert of_all.score(X, y, sample_weight=weight) == pytest.approx(expected, abs=0.02)


def test_parameters_of_steps_are_without_effect():
    X, targets, _ = data()
    y = targets["three classes"]
    steps = {"learning_rate": "constant", "eta0": 9.0, "average": True, "early_stopping": True}
    model = SGDClassifier("log_loss", **steps).fit(X, y)
    np.testing.assert_array_equal(model.coef_, SGDClassifier("log_loss").fit(X, y).coef_)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert not hasattr(SGDClassifier("hinge").fit(X, y), "predict_proba")


def test_a_corner_of_no_length_has_no_stream():
    X, targets, _ = data()
    with pytest.raises(ValueError, match="width=0.0.*the width must be greater than 0"):
        SGDRegressor("epsilon_insensitive", epsilon=0.0).partial_fit(X, targets["number"])


@pytest.mark.parametrize("layout", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_intercept_column(layout):
    X, targets, _ = data()
    dense = LinearSVC(C=0.1).fit(X, targets["two classes"])
    model = LinearSVC(C=0.1).fit(layout(X), targets["two classes"])
    assert model.n_features_in_ == 5 and model.coef_.shape == (1, 5)
    np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-4)
    np.testing.assert_allclose(model.intercept_, dense.intercept_, rtol=1e-4)


def penalty_of(**params):
    return LogisticRegression(**params).parts().penalty


def test_penalties_of_logistic_regression_by_either_parameter():
    assert penalty_of(penalty="l1").l1_ratio == 1.0
    assert penalty_of(penalty="elasticnet", l1_ratio=0.4).l1_ratio == 0.4
    assert isinstance(penalty_of(penalty=None), NoPenalty)
    assert penalty_of().l1_ratio == 0.0
    with pytest.raises(ValueError, match=r"penalty='l3' is not known. Use 'l1', 'l2'"):
        penalty_of(penalty="l3")
    if "penalty" in inspect.signature(theirs.LogisticRegression).parameters and (
        inspect.signature(theirs.LogisticRegression).parameters["penalty"].default == "deprecated"
    ):
        assert penalty_of(l1_ratio=1.0).l1_ratio == 1.0


@pytest.mark.parametrize("solver", ["lbfgs", "saga", "auto", "gd", "nearest_neighbor"])
def test_solvers_of_both(solver):
    X, targets, _ = data()
    model = LogisticRegression(solver=solver, tol=1e-8).fit(X, targets["two classes"])
    reference = LogisticRegression(tol=1e-8).fit(X, targets["two classes"])
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(solver="newton"), "solver='newton' is not known. Use one of 'auto'"),
        (LogisticRegression(C=-1.0), "C=-1.0: it must be a number of at least 0"),
        (Ridge(alpha=-1.0), "alpha=-1.0: it must be a number of at least 0"),
        (Ridge(alpha=[1.0, 2.0]), "Number of targets and number of penalties do not correspond"),
        (Lasso(tol=-1.0), "tol=-1.0: it must be a number of at least 0"),
        (ElasticNet(l1_ratio=2), "l1_ratio=2: it must be a number between 0 and 1"),
        (Lasso(max_iter=0), "max_iter=0: it counts iterations"),
        (TweedieRegressor(link="log"), "there is no such loss, as power 0.0 has the link 'identi"),
        (MultiTaskLasso(), "For mono-task outputs, use Lasso: y is one-dimensional"),
        (MultiTaskLassoCV(), "For mono-task outputs, use LassoCV: y is one-dimensional"),
        (MultiTaskElasticNet(), "For mono-task outputs, use ElasticNet: y is one-dimensional"),
        (SGDClassifier("perceptron"), "loss='perceptron': use one of 'hinge', 'log_loss'"),
        (SGDRegressor(penalty="l0"), "penalty='l0': use one of 'l2', 'l1', 'elasticnet', None"),
        (LinearSVR(loss="hinge"), "loss='hinge': use one of 'epsilon_insensitive', 'squared_epsil"),
        (QuantileRegressor(quantile=2), "it must lie between 0 and 1, as it is the share of targ"),
        (RidgeCV(cv=2, alpha_per_target=True), "cv!=None and alpha_per_target=True are incompati"),
    ],
)
def test_errors(model, message):
    X, targets, _ = data()
    y = targets["two classes" if is_classifier(model) else "number"]
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        model.fit(X, y)


def test_errors_of_svm():
    X, targets, _ = data()
    with pytest.raises(ValueError, match="multi_class='crammer_singer': only 'ovr' is there"):
        LinearSVC(multi_class="crammer_singer").fit(X, targets["two classes"])
    with pytest.raises(ValueError, match="penalty='l0': use one of 'l1', 'l2'"):
        LinearSVC(penalty="l0").fit(X, targets["two classes"])


def test_what_scikit_learn_has_not_a_twin_has_not():
    assert not hasattr(Lasso(), "partial_fit")
    with pytest.raises(AttributeError, match="Lasso has no partial_fit, as in scikit-learn"):
        Lasso().partial_fit  # noqa: B018
    assert not hasattr(LinearSVC(), "predict_proba")
    assert not hasattr(RidgeClassifier(), "predict_proba")


def test_float32_stays():
    X, targets, _ = data()
    model = Ridge().fit(X.astype(np.float32), targets["number"])
    assert model.coef_.dtype == model.predict(X.astype(np.float32)).dtype == np.float32


def test_warm_start_and_pickle():
    X, targets, _ = data()
    model = Lasso(alpha=0.01, warm_start=True, tol=1e-8).fit(X, targets["number"])
    first = model.n_passes_
    assert model.fit(X, targets["number"]).n_passes_ <= first
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


LAYOUTS = ["legacy"] if sklearn.__version__ < "1.8" else ["legacy", "plain"]


@pytest.mark.pairwise
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("target", CLASSES)
@pytest.mark.parametrize("ratios", [None, (0.0, 0.5)])
def test_logistic_regression_cv(ratios, target, layout):
    X, targets, _ = data()
    y, params = targets[target], {"Cs": [0.1, 1.0], "cv": 3, "l1_ratios": ratios, "tol": 1e-9}
    params |= {"scoring": "neg_log_loss", "max_iter": 100_000}
    if LAYOUTS != ["legacy"]:
        params["use_legacy_attributes"] = layout == "legacy"
    elif ratios is not None:
        params["penalty"] = "elasticnet"
    if ratios is not None:
        params["solver"] = "saga"
    ours = LogisticRegressionCV(**params).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        same = theirs.LogisticRegressionCV(**params).fit(X, y)
    for name in ("C_", "l1_ratio_", "Cs_", "coef_", "intercept_"):
        if getattr(same, name) is not None and np.ravel(getattr(same, name))[0] is not None:
            found, expected = getattr(ours, name), getattr(same, name)
            assert np.shape(found) == np.shape(expected), name
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for name in ("scores_", "coefs_paths_"):
        found, expected = getattr(ours, name), getattr(same, name)
        if isinstance(expected, dict):
            assert list(found) == list(expected)
            found, expected = list(found.values()), list(expected.values())
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert ours.n_iter_.shape == same.n_iter_.shape and ours.converged_
    assert ours.score(X, y) == pytest.approx(same.score(X, y), rel=1e-4)


def test_logistic_regression_cv_without_a_refit():
    X, targets, _ = data()
    params = {"Cs": [0.1, 1.0], "cv": 3, "refit": False, "tol": 1e-9, "max_iter": 100_000}
    ours = LogisticRegressionCV(**params).fit(X, targets["three classes"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        same = theirs.LogisticRegressionCV(**params).fit(X, targets["three classes"])
    np.testing.assert_allclose(ours.coef_, same.coef_, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.C_, same.C_)
    assert not hasattr(ours, "objective_")  # no fit has these coefficients


def test_automatic_strengths_of_the_lasso():
    X, targets, _ = data()
    ours = LassoCV(cv=3, **few_alphas(5)).fit(X, targets["number"])
    same = theirs.LassoCV(cv=3, **few_alphas(5)).fit(X, targets["number"])
    np.testing.assert_allclose(ours.alphas_, same.alphas_, rtol=1e-6)
    np.testing.assert_allclose(ours.mse_path_, same.mse_path_, rtol=1e-3)
    assert ours.alpha_ == pytest.approx(same.alpha_)


def few_alphas(count):
    """The parameter of LassoCV that says how many, in the version installed."""
    name = "n_alphas" if sklearn.__version__ < "1.7" else "alphas"
    return {name: count}


def test_svm_is_found_where_it_lives():
    assert TWINS[svm.LinearSVC] is LinearSVC


@pytest.mark.parametrize("kind", ["PoissonRegressor", "Ridge", "LogisticRegression"])
def test_a_subclass_written_for_scikit_learn_knows_no_offset(kind):
    class Doubled(getattr(linear_model, kind)):
        def predict(self, X):
            return super().predict(X) * 2

        def decision_function(self, X):
            return -super().decision_function(X)

    X, y = np.arange(6.0)[:, None], np.array([0, 0, 1, 0, 1, 1])
    model, plain = Doubled().fit(X, y), getattr(linear_model, kind)().fit(X, y)
    is_classifier = hasattr(plain, "classes_")
    expected = 1 - plain.predict(X) if is_classifier else plain.predict(X)
    np.testing.assert_allclose(model.predict(X), 2 * expected)
    assert model.score(X, y) < plain.score(X, y)
