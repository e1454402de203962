"""Coefficients by name, and standard errors that resampling and closed forms confirm."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.inspection import coefficients
from nno_sklearn.linear_model import LinearSVC, LogisticRegression, Ridge
from nno_sklearn.losses import Huber
from nno_sklearn.solvers import Status

DIABETES, NUMBERS = load_diabetes(return_X_y=True, as_frame=True)
IRIS, LABELS = load_iris(return_X_y=True, as_frame=True)
RNG = np.random.default_rng(0)


def errors(model, X, y, **given):
    return coefficients(model, X=X, y=y, **given)["standard_error"].to_numpy()


def white(X, y, ridge=0.0):
    """White's (HC0) standard errors of least squares, with a ridge on all but the intercept."""
    Z = np.column_stack([np.ones(len(X)), X])
    A = Z.T @ Z + ridge * np.diag([0.0] + [1.0] * X.shape[1])
    coef = np.linalg.solve(A, Z.T @ y)
    B = Z.T @ (Z * ((y - Z @ coef) ** 2)[:, None])
    return np.sqrt(np.diag(np.linalg.solve(A, np.linalg.solve(A, B).T)))


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_least_squares_has_whites_errors(ridge):
    model = NNORegressor(alpha=ridge / 442, tol=1e-12).fit(DIABETES, NUMBERS)
    expected = white(DIABETES.to_numpy(), NUMBERS.to_numpy(), ridge)
    np.testing.assert_allclose(errors(model, DIABETES, NUMBERS), expected, rtol=1e-8)
    twin = Ridge(alpha=ridge).fit(DIABETES, NUMBERS)
    np.testing.assert_allclose(errors(twin, DIABETES, NUMBERS), expected, rtol=1e-8)
    sparse_errors = errors(model, sparse.csr_array(DIABETES.to_numpy()), NUMBERS)
    np.testing.assert_allclose(sparse_errors, expected, rtol=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        NNORegressor("poisson", alpha=1e-3),
        NNOClassifier(alpha=0.03),
        pytest.param(NNORegressor("huber", alpha=1e-2), marks=pytest.mark.exhaustive),
        pytest.param(NNOClassifier("squared_hinge", alpha=0.1), marks=pytest.mark.exhaustive),
    ],
)
def test_errors_are_those_of_fits_to_new_samples(model):
    beta, n = np.array([0.8, -0.5, 0.0]), 400

    def sample():
        X = RNG.normal(size=(n, 3))
        if isinstance(model, NNORegressor):
            return X, RNG.poisson(np.exp(0.3 + X @ beta)).astype(float)
        noise = RNG.gumbel(size=(n, 3))
        return X, (X @ np.diag(beta) + noise).argmax(axis=1)

    samples = [sample() for _ in range(150)]
    found = np.array([
        np.column_stack([(one := model.fit(X, y)).intercept_, np.atleast_2d(one.coef_)]).ravel()
        for X, y in samples
    ])  # fmt: skip
    expected = np.mean([errors(model.fit(X, y), X, y) for X, y in samples[:10]], axis=0)
    np.testing.assert_allclose(found.std(axis=0, ddof=1), expected, rtol=0.25)


def test_a_weight_is_a_repetition_and_an_offset_is_seen():
    weight = RNG.integers(0, 4, 150)
    again = np.repeat(np.arange(150), weight)
    model, rows = NNOClassifier(alpha=0.01), IRIS.to_numpy()
    weighted = errors(model.fit(rows, LABELS, weight), rows, LABELS, sample_weight=weight)
    repeated = errors(model.fit(rows[again], LABELS[again]), rows[again], LABELS[again])
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)
    y = NUMBERS.to_numpy()
    model = NNORegressor("poisson", alpha=0.0)
    shifted = errors(model.fit(DIABETES, y, offset=np.full(442, 2.0)), DIABETES, y,
                     offset=np.full(442, 2.0))  # fmt: skip
    np.testing.assert_allclose(shifted, errors(model.fit(DIABETES, y), DIABETES, y), rtol=1e-5)


def test_a_scale_that_the_fit_estimates_is_taken_as_known():
    X, y = DIABETES.to_numpy()[:, :4] * 20, NUMBERS.to_numpy()
    model = NNORegressor("concomitant_huber", alpha=0.0, tol=1e-10).fit(X, y)
    known = NNORegressor(Huber(delta=1.35 * float(model.loss_.scale[0])), alpha=0.0, tol=1e-10)
    np.testing.assert_allclose(errors(model, X, y), errors(known.fit(X, y), X, y), rtol=1e-4)


def test_names_come_from_the_pipeline_and_outputs_are_classes():
    model = make_pipeline(StandardScaler(), NNOClassifier(alpha=0.01)).fit(IRIS, LABELS)
    table = coefficients(model, X=IRIS)
    assert list(table.columns) == ["feature", "output", "coefficient", "standard_deviation"]
    assert list(table["feature"]) == 3 * ["(intercept)", *IRIS.columns]
    assert list(table["output"]) == [0] * 5 + [1] * 5 + [2] * 5
    np.testing.assert_array_equal(table["coefficient"][1:5], model[-1].coef_[0])
    np.testing.assert_array_equal(table["coefficient"][::5], model[-1].intercept_)
    np.testing.assert_allclose(table["standard_deviation"].dropna(), 1.0)
    names = coefficients(model, ["a", "b", "c", "d"])["feature"]
    assert list(names[:5]) == ["(intercept)", "a", "b", "c", "d"]
    search = NNOSearchCV(model, {"nnoclassifier__alpha": [0.1, 0.01]}, cv=2).fit(IRIS, LABELS)
    assert list(coefficients(search)["feature"][1:5]) == list(IRIS.columns)
    two = NNOClassifier().fit(IRIS[:100], np.array(["no", "yes"])[LABELS[:100]])
    assert set(coefficients(two)["output"]) == {"yes"}
    assert list(coefficients(NNORegressor().fit(np.eye(5), range(5)))["feature"])[:2] == [
        "(intercept)", "x0",
    ]  # fmt: skip


def test_deviations_are_those_of_weighted_rows_sparse_or_not():
    X, weight = RNG.normal(size=(50, 3)) + 2, RNG.integers(0, 3, 50)
    model = NNORegressor().fit(X, X[:, 0])
    expected = np.repeat(X, weight, axis=0).std(axis=0)
    for rows in (X, sparse.csr_array(X)):
        found = coefficients(model, X=rows, sample_weight=weight)["standard_deviation"][1:]
        np.testing.assert_allclose(found, expected)


def test_twins_and_models_without_an_intercept():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X[:, :4])
    ours = errors(NNOClassifier(alpha=1 / 569, tol=1e-12).fit(X, y), X, y)
    np.testing.assert_allclose(errors(LogisticRegression().fit(X, y), X, y), ours, rtol=1e-4)
    svm = LinearSVC().fit(X, y)  # it penalises the intercept
    table = coefficients(svm, X=X, y=y)
    assert len(table) == 5 and (table["standard_error"] > 0).all()
    none = coefficients(NNOClassifier(fit_intercept=False, alpha=0.01).fit(X, y), X=X, y=y)
    assert np.isnan(none["standard_error"][0]) and (none["standard_error"][1:] > 0).all()
    assert none["coefficient"][0] == 0.0


def test_what_has_no_standard_errors_says_why():
    X, y = IRIS, LABELS
    with pytest.raises(ValueError, match="need a smooth penalty, but L1.* is not differentiable"):
        errors(NNOClassifier(penalty="l1", alpha=0.01).fit(X, y), X, y)
    with pytest.raises(ValueError, match="second derivatives, but Quantile.* has corners"):
        errors(NNORegressor("quantile").fit(X, y), X, y)
    with pytest.raises(ValueError, match="this model is none: it did not converge, was stopped"):
        errors(NNOClassifier().partial_fit(X, y, classes=[0, 1, 2]), X, y)
    with pytest.raises(ValueError, match="y is given without X"):
        coefficients(NNOClassifier().fit(X, y), y=y)
    with pytest.raises(ValueError, match="has 2 names, but the model has 4 columns"):
        coefficients(NNOClassifier().fit(X, y), ["a", "b"])
    wide = RNG.normal(size=(4, 5001))
    model = NNORegressor(alpha=1.0).fit(wide, range(4))
    with pytest.raises(ValueError, match="the inverse of a matrix of 5002 rows, but at most 5000"):
        errors(model, wide, np.arange(4.0))
    assert model.status_ is Status.CONVERGED


def test_without_pandas_it_is_named(monkeypatch):
    model = NNORegressor().fit(np.eye(3), range(3))
    assert isinstance(coefficients(model), pd.DataFrame)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="a table of pandas, which is not installed: pip"):
        coefficients(model)
