"""``NNORegressor(loss="log_loss")``: targets that are shares, or successes out of trials."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags

from nno_sklearn import NNOClassifier, NNORegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
TRIALS = RNG.integers(1, 20, 90)
SUCCESSES = RNG.binomial(TRIALS, 1 / (1 + np.exp(-X @ [1.0, -0.5, 0.0] + 0.3)))
SHARES = SUCCESSES / TRIALS
ALPHA = 0.01


def by_label(X, successes, trials):
    """One row for each trial, with its label."""
    rows = np.repeat(X, trials, axis=0)
    labels = [np.repeat([1, 0], [s, t - s]) for s, t in zip(successes, trials, strict=True)]
    return rows, np.concatenate(labels)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_trials_are_rows_with_labels(layout, penalty):
    options = {"penalty": penalty, "alpha": ALPHA, "tol": 1e-12}
    model = NNORegressor("log_loss", **options).fit(layout(X), SHARES, TRIALS)
    rows, labels = by_label(X, SUCCESSES, TRIALS)
    classifier = NNOClassifier(**options).fit(layout(rows), labels)
    np.testing.assert_allclose(model.coef_, classifier.coef_[0], atol=1e-8)
    expected = classifier.predict_proba(layout(X))[:, 1]
    np.testing.assert_allclose(model.predict(layout(X)), expected, atol=1e-8)
    assert model.objective_ == pytest.approx(classifier.objective_, rel=1e-10)
    assert model.dual_gap_ < 1e-11


def test_same_optimum_as_logistic_regression_of_both_labels():
    """scikit-learn takes shares as two weighted rows each."""
    twice = np.vstack([X, X]), np.repeat([1, 0], 90), np.concatenate([SHARES, 1 - SHARES])
    theirs = LogisticRegression(C=1 / (ALPHA * 90), tol=1e-12, max_iter=10_000).fit(*twice)
    ours = NNORegressor("log_loss", alpha=ALPHA, tol=1e-12).fit(X, SHARES)
    np.testing.assert_allclose(ours.coef_, theirs.coef_[0], atol=1e-6)


def test_minimum_is_that_of_the_formula():
    def objective(parameters):
        w, b = parameters[:-1], parameters[-1]
        eta = X @ w + b
        return np.mean(np.logaddexp(0, eta) - SHARES * eta) + ALPHA * w @ w / 2

    model = NNORegressor("log_loss", alpha=ALPHA, tol=1e-10).fit(X, SHARES)
    assert model.objective_ == pytest.approx(minimize(objective, np.zeros(4)).fun, rel=1e-9)


def test_several_outputs_and_batches():
    Y = np.column_stack([SHARES, 1 - SHARES])
    model = NNORegressor("log_loss", alpha=ALPHA, tol=1e-10).fit(X, Y)
    np.testing.assert_allclose(model.predict(X).sum(axis=1), 1.0, atol=1e-6)
    stream = NNORegressor("log_loss", alpha=ALPHA)
    stream.partial_fit(X[:50], SHARES[:50]).partial_fit(X[50:], SHARES[50:])
    batch = NNORegressor("log_loss", alpha=ALPHA).fit(X, SHARES)
    assert np.abs(stream.predict(X) - batch.predict(X)).max() < 0.05


def test_targets_beyond_0_and_1_are_refused():
    with pytest.raises(ValueError, match=r"needs labels 0 and 1, or shares between them, but y "):
        NNORegressor("log_loss").fit(X, 2 * SHARES)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_that_are_all_alike_are_predicted(share):
    with pytest.warns(UserWarning, match=f"Output 0 is {share:g} in all training rows"):
        model = NNORegressor("log_loss").fit(X, np.full(90, share))
    np.testing.assert_allclose(model.predict(X), share, atol=1e-12)
    assert np.isfinite(model.intercept_)


def test_tags_are_those_of_a_regressor():
    assert not get_tags(NNORegressor("log_loss")).target_tags.positive_only
