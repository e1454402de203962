"""Adaptive steps on rows of many, mostly empty columns."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import L1, L2, NNOClassifier, NNORegressor


def texts(n_columns=400, n_rows=300, seed=0):
    """Rows with 10 entries; each part of the rows has columns that those before it had not."""
    rng = np.random.default_rng(seed)
    last = np.linspace(40, n_columns - 50, n_rows).astype(int)
    columns = rng.integers(0, last[:, None], (n_rows, 10))
    rows = np.repeat(np.arange(n_rows), 10)
    X = sparse.csr_array(
        (rng.normal(1, 1, rows.size), (rows, columns.ravel())), (n_rows, n_columns)
    )
    return X, np.digitize(X @ rng.normal(size=n_columns) + rng.normal(size=n_rows), [-2, 2])


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("name", "penalty"),
    [
        ("adagrad", L2()),
        ("adagrad", L2(weights=np.linspace(0, 2, 400))),
        ("ftrl", L1()),
        ("ftrl", L1(weights=np.linspace(0, 2, 400))),
    ],
)
@pytest.mark.parametrize("estimator", [NNOClassifier, NNORegressor])
def test_empty_columns_are_left_out_without_effect(estimator, name, penalty, fit_intercept):
    X, y = texts()
    models = []
    for rows in (X, X.toarray()):
        model = estimator(stream=name, penalty=penalty, alpha=1e-3, fit_intercept=fit_intercept)
        known = {"classes": [0, 1, 2]} if estimator is NNOClassifier else {}
        for part in np.array_split(np.arange(300), 3):
            model.partial_fit(rows[part], y[part], **known)
            models.append((model.coef_, model.intercept_))
    for one, other in zip(models[:3], models[3:], strict=True):
        np.testing.assert_allclose(one[0], other[0], rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(one[1], other[1], rtol=1e-7, atol=1e-10)
    assert np.count_nonzero(models[0][0]) > 0
    empty = np.asarray(abs(X).sum(axis=0)).ravel() == 0
    assert empty.sum() >= 50 and not models[2][0][..., empty].any()


@pytest.mark.parametrize("name", ["adagrad", "ftrl"])
def test_steps_that_are_too_long_are_not_silent(name):
    """A few entries far from all others, under an exponential."""
    rng = np.random.default_rng(1)
    X = rng.standard_t(2.0, size=(10_000, 5))
    y = rng.poisson(np.exp(np.clip(0.3 * X @ rng.normal(size=5), -30, 4))).astype(float)
    model = NNORegressor("poisson", alpha=1e-3, stream=name)
    with pytest.warns(ConvergenceWarning, match="far better explained by a constant.*'cells'"):
        for part in np.array_split(np.arange(len(y)), 20):
            model.partial_fit(X[part], y[part])
    clipped, model = np.clip(X, -5, 5), NNORegressor("poisson", alpha=1e-3, stream=name)
    for part in np.array_split(np.arange(len(y)), 20):  # warnings are errors
        model.partial_fit(clipped[part], y[part])
    loss = model.loss_.value(y, clipped @ model.coef_ + model.intercept_).mean()
    assert loss < 0.8 * model.loss_.value(y, np.full(len(y), np.log(y.mean()))).mean()
