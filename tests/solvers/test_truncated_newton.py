"""Newton's steps by conjugate gradients: the optimum, and products with the Hessian."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.rows import LocalRows, Rows
from nno_sklearn.solvers import nearest_neighbor, truncated_newton

RNG = np.random.default_rng(8)
N_FEATURES, N_CLASSES = 90, 8  # more coefficients than one matrix is made for
X = RNG.normal(size=(400, N_FEATURES)) * np.logspace(-1, 1, N_FEATURES) + 2.0
ETA = (X - 2.0) / np.logspace(-1, 1, N_FEATURES) @ RNG.normal(size=(N_FEATURES, N_CLASSES)) / 3
Y = (ETA + RNG.gumbel(size=ETA.shape)).argmax(axis=1)
WEIGHT = RNG.uniform(0.5, 2.0, len(X))


@pytest.fixture
def lines(returned):
    """Every line that conjugate gradients make."""
    return returned(truncated_newton, "_newton_line")


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("alpha", [1e-2, 1e-5])
def test_same_optimum_as_by_gradients(alpha, container, fit_intercept, lines, monkeypatch):
    model = NNOClassifier(alpha=alpha, tol=1e-6, fit_intercept=fit_intercept)
    model.fit(container(X), Y, WEIGHT)
    assert model.converged_ and lines
    objective = model.objective_
    monkeypatch.setattr(nearest_neighbor, "takes_hessian_products", lambda problem: False)
    del lines[:]
    model.fit(container(X), Y, WEIGHT)
    assert not lines
    assert objective == pytest.approx(model.objective_, rel=2e-6)


def test_steps_descend_and_are_few(lines):
    model = NNOClassifier(alpha=1e-4, tol=1e-9).fit(X, Y)
    objectives = [record.objective for record in model.history_]
    assert (np.diff(objectives) <= 1e-12 * objectives[0]).all()
    assert len(lines) <= 15


def test_a_limit_of_steps_is_kept(lines):
    with pytest.warns(match="iteration limit"):
        model = NNOClassifier(alpha=1e-4, tol=1e-9, max_iter=3).fit(X, Y)
    assert model.n_iter_ == len(lines) == 3


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_products_are_those_of_any_rows(fit_intercept):
    targets = np.eye(N_CLASSES)[Y]
    weight = WEIGHT / WEIGHT.sum()
    rows = LocalRows(X, targets, weight, MultinomialLogLoss(), fit_intercept=fit_intercept)
    rng = np.random.default_rng(3)
    coef, direction = (0.1 * rng.normal(size=(N_FEATURES, N_CLASSES)) for _ in range(2))
    curvature = rows.curvature(rows.raw(coef), np.zeros(N_CLASSES))
    (slope, product), (other_slope, other) = (
        kind.hessian_product(rows, curvature, direction) for kind in (LocalRows, Rows)
    )
    np.testing.assert_allclose(slope.array, other_slope.array)
    np.testing.assert_allclose(product, other, atol=1e-12 * np.abs(other).max())


def wide(n_outputs, container):
    """More columns than fit a matrix, more rows than a matrix over the rows is made for."""
    rng = np.random.default_rng(4)
    W = sparse.random_array((1600, 2100), density=0.01, format="csr", rng=rng)
    T = W @ rng.normal(size=(2100, n_outputs)) + rng.normal(size=(1600, n_outputs))
    return container(W), T


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "container", [sparse.csr_array, sparse.csc_matrix, lambda W: W.astype(np.float32)]
)
def test_a_parabola_in_many_columns_is_ridge(container, fit_intercept, n_outputs, lines):
    W, T = wide(n_outputs, container)
    weight = np.random.default_rng(5).uniform(0.5, 2.0, len(T))
    model = NNORegressor(alpha=1e-2, tol=1e-9, fit_intercept=fit_intercept)
    model.fit(W, T, sample_weight=weight)
    other = Ridge(1e-2 * weight.sum(), fit_intercept=fit_intercept, solver="cholesky")
    other.fit(W.toarray().astype(float), T, sample_weight=weight)
    assert model.converged_ and 1 <= len(lines) <= 3
    size = np.abs(other.coef_).max()
    assert np.abs(model.coef_ - other.coef_).max() <= 1e-4 * size
    assert model.intercept_ == pytest.approx(other.intercept_, abs=1e-4)


def test_few_products_make_more_steps_of_a_parabola(lines, monkeypatch):
    monkeypatch.setattr(truncated_newton, "MOST_PRODUCTS", 3)
    model = NNORegressor(alpha=1e-3, tol=1e-8).fit(*wide(2, sparse.csr_array))
    assert model.converged_ and len(lines) > 3


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_kinks_are_no_parabola(penalty, lines):
    NNORegressor(penalty=penalty, alpha=0.05).fit(*wide(2, sparse.csr_array))
    assert not lines
