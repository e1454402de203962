"""Squared errors in many columns: conjugate gradients, and where they are taken."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from nno_sklearn import NNORegressor
from nno_sklearn.solvers import conjugate_gradients, parabola


@pytest.fixture
def lines(returned):
    """Every line that conjugate gradients make."""
    return returned(parabola, "_line")


def wide(n_outputs, container):
    """More columns than fit a matrix, more rows than a matrix over the rows is made for."""
    rng = np.random.default_rng(4)
    W = sparse.csr_array(np.where(rng.random((1600, 2100)) < 0.01, rng.random((1600, 2100)), 0.0))
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
    monkeypatch.setattr(conjugate_gradients, "MOST_PRODUCTS", 3)
    model = NNORegressor(alpha=1e-3, tol=1e-8).fit(*wide(2, sparse.csr_array))
    assert model.converged_ and len(lines) > 3


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_kinks_are_no_parabola(penalty, lines):
    NNORegressor(penalty=penalty, alpha=0.05).fit(*wide(2, sparse.csr_array))
    assert not lines
