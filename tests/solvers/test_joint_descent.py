"""Many coupled outputs: coefficients and intercept move together, to the same certified optimum."""

import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nno_sklearn import NNOClassifier

N, P, K = 900, 12, 60
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, P)) * np.logspace(0, 1, P) + 2.0
Y = (X @ RNG.normal(size=(P, K)) + 5 * RNG.gumbel(size=(N, K))).argmax(axis=1)
ALPHA = 1e-2


def fit(X=X, **params):
    return NNOClassifier(**{"alpha": ALPHA, "tol": 1e-8, **params}).fit(X, Y)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_same_optimum_as_scikit_learn(fit_intercept):
    ours = fit(fit_intercept=fit_intercept, tol=1e-12)
    options = {"C": 1 / (ALPHA * N), "tol": 1e-9, "max_iter": 20_000}
    theirs = LogisticRegression(**options, fit_intercept=fit_intercept).fit(X, Y)
    assert ours.converged_ and ours.dual_gap_ <= 1e-12 * ours.objective_
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-5)


def test_two_hundred_classes_to_1e_6_as_scikit_learn():
    rng, n, n_classes = np.random.default_rng(0), 600, 200
    rows, weights = rng.normal(size=(n, 5)), rng.normal(size=(5, n_classes))
    codes = (rows @ weights + rng.gumbel(size=(n, n_classes))).argmax(axis=1)
    codes[:n_classes] = np.arange(n_classes)
    ours = NNOClassifier(alpha=ALPHA, tol=1e-6).fit(rows, codes)
    theirs = LogisticRegression(C=1 / (ALPHA * n), tol=1e-8, max_iter=5000).fit(rows, codes)
    losses = [-m.predict_log_proba(rows)[np.arange(n), codes].mean() for m in (ours, theirs)]
    sizes = [ALPHA / 2 * (m.coef_**2).sum() for m in (ours, theirs)]
    best = losses[1] + sizes[1]
    assert ours.converged_ and losses[0] + sizes[0] <= best * (1 + 1e-6)
    assert losses[0] + sizes[0] - best <= ours.dual_gap_ + 1e-9
    # Objectives so near leave coefficients farther apart, by the root.
    closer = NNOClassifier(alpha=ALPHA, tol=1e-8).fit(rows, codes)
    np.testing.assert_allclose(closer.predict_proba(rows), theirs.predict_proba(rows), atol=2e-4)


def test_every_record_has_a_proven_gap():
    """The mean of dual points bounds the optimum at places whose intercept is not at its best."""
    model, optimum = fit(tol=1e-4), fit(tol=1e-10).objective_
    gaps = np.array([record.dual_gap for record in model.history_])
    objectives = np.array([record.objective for record in model.history_])
    assert (gaps >= objectives - optimum).all() and (np.diff(gaps) <= 0).all()
    assert (np.diff(objectives) <= 1e-12).all()
    assert model.n_iter_ == len(model.history_) - 1


@pytest.mark.parametrize("max_iter", [1, 3])
def test_iterations_have_a_limit(max_iter):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model = fit(max_iter=max_iter)
    assert "iteration limit" in str(found[-1].message) and not model.converged_
    assert model.n_iter_ == max_iter and model.coef_.any()


def test_float32_is_taken_on_in_float64():
    single = fit(X.astype(np.float32), tol=1e-7)
    assert single.converged_ and single.coef_.dtype == np.float32
    assert single.objective_ <= fit().objective_ * (1 + 1e-7)


def test_a_thousand_classes_as_scikit_learn():
    rng, n_classes, n = np.random.default_rng(0), 1000, 2000
    rows = rng.normal(size=(n, 4))
    codes = np.r_[np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)]
    ours = NNOClassifier(alpha=ALPHA, tol=1e-12).fit(rows, codes)
    options = {"C": 1 / (ALPHA * n), "tol": 1e-9, "max_iter": 1000}
    theirs = LogisticRegression(**options).fit(rows, codes)
    assert ours.converged_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), atol=1e-6)


def test_ends_before_tol_without_whole_arrays():
    rng, n, n_classes = np.random.default_rng(0), 20_000, 100
    rows = rng.normal(size=(n, 8)).astype(np.float32)
    codes = np.r_[np.arange(n_classes), (rows @ rng.normal(size=(8, 100))).argmax(axis=1)[100:]]
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the iteration limit
        model = NNOClassifier(alpha=1e-3, max_iter=2).fit(rows, codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not model.converged_ and np.isfinite(model.optimality_)
    assert peak < 6 * 8 * n * n_classes
