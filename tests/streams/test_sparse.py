"""Steps in the columns that rows have entries in: others stay, or shrink as the penalty asks."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import L1, L2, ElasticNet, NNOClassifier, NNORegressor
from nno_sklearn.streams.sparse import STEP_ROWS
from tests.streams.test_adaptive import texts


def words(n_rows=4000, n_columns=3000, n_words=20, seed=0):
    """Counts of words as frequent as Zipf's law has them, and two classes."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, n_columns + 1)
    columns = rng.choice(n_columns, (n_rows, n_words), p=share / share.sum()).ravel()
    rows = np.repeat(np.arange(n_rows), n_words)
    X = sparse.csr_array((np.ones(rows.size), (rows, columns)), (n_rows, n_columns))
    score = X @ rng.normal(size=n_columns) + rng.logistic(size=n_rows)
    return X, (score > np.median(score)).astype(int)


def learn(model, X, y, n_batches=4, **known):
    for rows in np.array_split(np.arange(len(y)), n_batches):
        model.partial_fit(X[rows], y[rows], **known)
    return model


def loss_of(model, X, y):
    return -model.predict_log_proba(X)[np.arange(len(y)), y].mean()


def test_one_pass_comes_near_the_optimum():
    X, y = words()
    train, test = slice(0, 3000), slice(3000, None)
    model = learn(NNOClassifier(stream="sparse", alpha=1e-3), X[train], y[train], classes=[0, 1])
    whole = NNOClassifier(alpha=1e-3).fit(X[train], y[train])
    constant, best = np.log(2), loss_of(whole, X[test], y[test])
    assert loss_of(model, X[test], y[test]) < best + 0.25 * (constant - best)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l2", L1(weights=np.linspace(0, 2, 400)), ElasticNet(0.3)])
@pytest.mark.parametrize("estimator", [NNOClassifier, NNORegressor])
def test_dense_rows_are_the_same_rows(estimator, penalty, fit_intercept):
    X, y = texts()
    known = {"classes": [0, 1, 2]} if estimator is NNOClassifier else {}
    options = {"penalty": penalty, "alpha": 1e-3, "fit_intercept": fit_intercept}
    one, other = (
        learn(estimator(stream="sparse", **options), rows, y, **known) for rows in (X, X.toarray())
    )
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-9)
    assert np.count_nonzero(one.coef_) > 0
    assert fit_intercept or not np.any(one.intercept_)


def test_batches_of_whole_steps_do_not_matter():
    X, y = words(n_rows=STEP_ROWS * 12)
    models = [
        learn(NNOClassifier(stream="sparse", alpha=1e-3), X, y, n, classes=[0, 1])
        for n in (1, 3, 12)
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.coef_, models[0].coef_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(model.intercept_, models[0].intercept_, rtol=1e-9)


def test_columns_without_entries_are_exactly_0():
    X, y = words()
    X = sparse.hstack([X, sparse.csr_array((X.shape[0], 50))], format="csr")
    model = learn(NNOClassifier(stream="sparse"), X, y, classes=[0, 1])
    assert (model.coef_[0, -50:] == 0).all()
    assert (model.coef_[0, :50] != 0).all()


def test_a_column_that_rows_do_not_touch_shrinks_as_the_whole_penalty_asks():
    """With linear terms z and proximal ones s of its own, w = -z / (s + alpha * weight)."""
    rng = np.random.default_rng(0)
    X, alpha = np.zeros((320, 2)), 0.01
    X[:32, 0], X[32:, 1] = 1.0, rng.normal(size=288)
    y = X @ [2.0, -1.0] + 0.1 * rng.normal(size=320)
    model = NNORegressor(stream="sparse", alpha=alpha, fit_intercept=False)
    model.partial_fit(X[:32], y[:32])
    before, state = model.coef_[0], model._learnt.state
    model.partial_fit(X[32:], y[32:])
    assert model._learnt.state.linear[0] == state.linear[0]
    steepness = state.steepness[0, 0]
    expected = before * (steepness + alpha * 32) / (steepness + alpha * 320)
    np.testing.assert_allclose(model.coef_[0], expected, rtol=1e-12)
    assert 0 < model.coef_[0] < before


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
def test_units_of_columns_do_not_matter(factor):
    X, y = words()
    scale = np.where(np.arange(X.shape[1]) % 3, 1.0, factor)
    models = [
        learn(NNOClassifier(stream="sparse", penalty=None), rows, y, classes=[0, 1])
        for rows in (X, sparse.csr_array(X.multiply(scale)))
    ]
    np.testing.assert_allclose(models[1].coef_ * scale, models[0].coef_, rtol=1e-9, atol=1e-12)


def test_l1_leaves_words_out():
    X, y = words()
    model = learn(NNOClassifier(stream="sparse", penalty="l1", alpha=3e-3), X, y, classes=[0, 1])
    used = np.count_nonzero(model.coef_)
    assert 0 < used < 0.2 * X.shape[1]
    assert model.score(X, y) > 0.6


def test_weights_are_counted_and_rows_without_leave_no_trace():
    X, y = words(n_rows=320)
    weight = np.ones(320)
    weight[200:] = 0.0
    some = NNOClassifier(stream="sparse").partial_fit(X[:200], y[:200], classes=[0, 1])
    weighted = NNOClassifier(stream="sparse").partial_fit(
        X, y, sample_weight=weight, classes=[0, 1]
    )
    np.testing.assert_array_equal(some.coef_, weighted.coef_)


def test_counts_and_many_outputs():
    X, _ = words()
    rng = np.random.default_rng(1)
    rate = np.exp(0.3 * (X @ rng.normal(size=(X.shape[1], 3))))
    y = rng.poisson(rate)
    model = learn(NNORegressor("poisson", stream="sparse", alpha=1e-3), X, y)
    mean = y.mean(axis=0)
    deviance = (model.predict(X) - y * np.log(model.predict(X))).mean()
    assert deviance < (mean - y * np.log(mean)).mean()
    assert model.coef_.shape == (3, X.shape[1])


def test_the_state_before_is_left_as_it_was():
    X, y = words(n_rows=640)
    model = NNOClassifier(stream="sparse").partial_fit(X[:320], y[:320], classes=[0, 1])
    state = model._learnt.state
    kept = {name: array.copy() for name, array in vars(state).items()}
    model.partial_fit(X[320:], y[320:])
    for name, array in kept.items():
        np.testing.assert_array_equal(getattr(state, name), array)


def test_what_it_cannot_take_says_so():
    X, y = words(n_rows=40)
    with pytest.raises(ValueError, match="stream='sparse' gives each coefficient a step"):
        NNOClassifier(stream="sparse", penalty="slope").partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="stream='sparse' begins at 0"):
        bounded = NNOClassifier(stream="sparse", penalty=L2(lower=1.0))
        bounded.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="overflows"):
        NNORegressor(stream="sparse").partial_fit(X * 1e200, 1e200 * y)
