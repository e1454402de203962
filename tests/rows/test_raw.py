"""Raw predictions that are not stored give the same sums; sweeps give the same derivatives."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import NNOClassifier
from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.rows import Labels, LocalRows, local
from nno_sklearn.rows.raw import RecomputedRaw, StoredRaw

N, P, K = 700, 6, 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) + np.arange(P)
CODES = RNG.integers(K, size=N)
WEIGHT = RNG.dirichlet(np.ones(N))
COEF, OTHER, B = RNG.normal(size=(P, K)), RNG.normal(size=(P, K)), RNG.normal(size=K)


def make(X=X, weight=WEIGHT, fit_intercept=True):
    options = {"fit_intercept": fit_intercept}
    return LocalRows(X, Labels(CODES, K), weight, MultinomialLogLoss(), **options)


@pytest.fixture
def nothing_stored(monkeypatch):
    monkeypatch.setattr(local, "MOST_STORED", 0)


def answers(rows):
    raw, slope = rows.raw(COEF), rows.raw(OTHER)
    mixed = rows.chosen(np.arange(K) % 2 == 0, rows.combined(raw, 0.3, slope), rows.nothing())
    sums = rows.sums(mixed, B)
    along = rows.sums(raw, B, slope, 0.2)
    return [
        sums.total, sums.size, sums.curvature.diagonal, sums.curvature.product(B),
        along.first, along.second, along.mixed,
        *rows.derivatives_along(raw, B, slope, 0.2, 0.1 * B),
        rows.values(raw, B, slope, 0.2), rows.gradient(mixed, B), rows.square(mixed),
        rows.conjugate(raw, B, 0.9), rows.gradient_sizes(raw, B),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_sums(nothing_stored, monkeypatch, dtype):
    rows = make(X.astype(dtype))
    assert isinstance(rows.raw(COEF), RecomputedRaw)
    found = answers(rows)
    monkeypatch.setattr(local, "MOST_STORED", np.inf)
    rows = make(X.astype(dtype))
    assert isinstance(rows.raw(COEF), StoredRaw)
    tolerance = 1e-10 if dtype == np.float64 else 1e-4
    for one, other in zip(found, answers(rows), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_what_is_stored():
    """Few outputs, and sparse rows, whose products by blocks are slow."""
    big = 2**27 // 8 // K + 1
    rows = make()
    rows.__dict__["design"].X = np.broadcast_to(np.float64(1), (big, P))
    assert not rows.stores_raw
    assert make(sparse.csr_array(X)).stores_raw


@pytest.mark.parametrize("kind", ["float64", "float32", "far", "csr", "idle rows", "constant"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_sweep_gives_value_and_derivatives(kind, fit_intercept):
    data, weight = X.copy(), WEIGHT.copy()
    if kind == "far":
        data += 1e7
    if kind == "constant":
        data[:, 2] = 5.0
    if kind == "idle rows":
        weight[::3] = 0.0
        weight /= weight.sum()
        data[::3] = 1e300
    data = sparse.csr_array(data) if kind == "csr" else data
    rows = make(data.astype(np.float32) if kind == "float32" else data, weight, fit_intercept)
    raw = rows.raw(COEF)
    found, sums = rows.first_order(COEF, B), rows.sums(raw, B)
    tolerance = 1e-4 if kind == "float32" else 1e-9
    options = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(found.value, rows.values(raw, B).sum(), **options)
    np.testing.assert_allclose(found.total, sums.total, **options)
    np.testing.assert_allclose(found.curvature, sums.curvature.diagonal, **options)
    np.testing.assert_allclose(found.gradient, rows.gradient(raw, B), **options)


def test_a_fit_without_stored_raw_predictions(nothing_stored, monkeypatch):
    data = (X - X.mean(axis=0)) @ RNG.normal(size=(P, 12))
    y = (data @ RNG.normal(size=(12, K)) + 3 * RNG.gumbel(size=(N, K))).argmax(axis=1)
    model = NNOClassifier(alpha=1e-2, tol=1e-6)
    coef = model.fit(data, y).coef_
    assert model.converged_ and model.dual_gap_ <= 1e-6 * model.objective_
    monkeypatch.setattr(local, "MOST_STORED", np.inf)
    np.testing.assert_allclose(coef, model.fit(data, y).coef_, atol=1e-3)
