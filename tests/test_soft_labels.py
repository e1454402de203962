"""Rows of probabilities as y of NNOClassifier: each row counts for all its classes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from nno_sklearn import NNOClassifier, NNOSearchCV, from_linear
from nno_sklearn.losses import MultinomialLogLoss
from tests.user_objects import Tempered

N, P, K = 150, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P))
LOGITS = X @ RNG.normal(size=(P, K)) + RNG.normal(size=(N, K))
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
WEIGHT = RNG.integers(1, 4, N).astype(float)
ALPHA = 0.01


def model(**params):
    return NNOClassifier(**{"alpha": ALPHA, "tol": 1e-12, **params})


def by_class(X, shares, weight):
    """Each row once for each class, with its share as weight: the same objective."""
    n_classes = shares.shape[1]
    labels = np.tile(np.arange(n_classes), len(X))
    return np.repeat(X, n_classes, axis=0), labels, (weight[:, None] * shares).ravel()


def two(shares):
    return np.column_stack([shares[:, 0], 1 - shares[:, 0]])


@pytest.mark.parametrize("solver", ["auto", "gd", "nearest_neighbor", "proximal"])
@pytest.mark.parametrize("shares", [SHARES, two(SHARES)], ids=["3 classes", "2 classes"])
def test_same_as_rows_repeated_for_each_class(shares, solver):
    ours = model(solver=solver).fit(X, shares, WEIGHT)
    repeated = model().fit(*by_class(X, shares, WEIGHT))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, repeated.intercept_, atol=1e-7)
    assert ours.objective_ == pytest.approx(repeated.objective_, rel=1e-9)
    assert ours.dual_gap_ < 1e-10
    np.testing.assert_array_equal(ours.classes_, np.arange(shares.shape[1]))
    assert not ours.multilabel_
    np.testing.assert_allclose(ours.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
def test_nonsmooth_penalties(penalty):
    ours = model(penalty=penalty).fit(X, SHARES)
    repeated = model(penalty=penalty).fit(*by_class(X, SHARES, np.ones(N)))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-6)
    assert ours.converged_ and ours.dual_gap_ < 1e-10


def test_same_optimum_as_logistic_regression():
    rows, labels, weight = by_class(X, SHARES, np.ones(N))
    theirs = LogisticRegression(C=1 / (ALPHA * N), tol=1e-10, max_iter=10_000)
    theirs.fit(rows, labels, sample_weight=weight)
    ours = model().fit(X, SHARES)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 2.0, 2: 0.5}])
def test_classes_have_weights(class_weight):
    ours = model(class_weight=class_weight).fit(X, SHARES, WEIGHT)
    repeated = model(class_weight=class_weight).fit(*by_class(X, SHARES, WEIGHT))
    np.testing.assert_allclose(ours.coef_, repeated.coef_, atol=1e-7)


def test_smoothed_labels_go_to_the_labels():
    codes = SHARES.argmax(axis=1)
    one_hot = np.eye(K)[codes]
    smooth = model().fit(X, (1 - 1e-9) * one_hot + 1e-9 / K)
    np.testing.assert_allclose(smooth.coef_, model().fit(X, codes).coef_, atol=1e-5)


def test_a_table_of_only_0_and_1_is_an_indicator():
    one_hot = np.eye(K)[SHARES.argmax(axis=1)]
    assert model().fit(X, one_hot).multilabel_
    one_hot[0] = 0.5, 0.5, 0.0
    assert not model().fit(X, one_hot).multilabel_


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_a_frame_are_the_classes(frame):
    ours = model().fit(X, frame(dict(zip("cab", SHARES.T, strict=True))))
    assert list(ours.classes_) == ["a", "b", "c"]
    np.testing.assert_allclose(ours.coef_, model().fit(X, SHARES).coef_[[1, 2, 0]], atol=1e-8)
    assert set(ours.predict(X)) <= {"a", "b", "c"}


def test_few_digits_do():
    rounded = np.round(SHARES, 4).astype(np.float32)
    ours = model(tol=1e-8).fit(X.astype(np.float32), rounded)
    assert ours.converged_ and ours.coef_.dtype == np.float32
    np.testing.assert_allclose(ours.coef_, model().fit(X, SHARES).coef_, atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3, 50])
def test_digits_of_bfloat16_do(n_classes):
    """A network's softmax in bfloat16 has 8 bits: rows add up to 1 within 2^-8."""
    shares = np.random.default_rng(3).dirichlet(np.ones(n_classes), N).astype(np.float32)
    rounded = ((shares.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32)
    assert 1e-4 < np.abs(rounded.sum(axis=1) - 1).max() <= 2**-8
    ours = model(tol=1e-6).fit(X, rounded)
    np.testing.assert_allclose(ours.coef_, model(tol=1e-6).fit(X, shares).coef_, atol=1e-2)


@pytest.mark.parametrize("stream", ["cells", "adagrad", "ftrl"])
def test_batches(stream):
    """A batch of one-hot rows, too: in a stream any table has probabilities."""
    codes = SHARES.argmax(axis=1)
    soft, hard = model(stream=stream), model(stream=stream)
    soft.partial_fit(X, np.eye(K)[codes])
    hard.partial_fit(X, codes, classes=np.arange(K))
    np.testing.assert_array_equal(soft.coef_, hard.coef_)
    soft.partial_fit(X, SHARES)
    assert soft.n_samples_seen_ == 2 * N
    assert np.abs(soft.predict_proba(X) - SHARES).mean() < 0.3


def test_batches_of_named_columns():
    stream = model().partial_fit(X, SHARES, classes=["x", "y", "z"])
    named = pd.DataFrame(SHARES[:, [2, 0, 1]], columns=["z", "x", "y"])
    again = model().partial_fit(X, named)
    np.testing.assert_allclose(stream.coef_, again.coef_, rtol=1e-12)  # summed in another order
    assert list(again.classes_) == ["x", "y", "z"]
    again.partial_fit(X, np.repeat(["x", "z"], N // 2))
    again.partial_fit(X, named.rename(columns={"z": "w"}))  # a class that appears later
    assert list(again.classes_) == ["w", "x", "y", "z"] and again.coef_.shape[0] == 4


def test_searches_take_it():
    search = NNOSearchCV(NNOClassifier(), {"alpha": [1.0, 0.01]}, cv=3, scoring=mean_log_score)
    search.fit(X, SHARES)
    assert search.best_params_["alpha"] in (1.0, 0.01)
    assert search.predict_proba(X).shape == (N, K)


def mean_log_score(estimator, X, y):
    return (y * estimator.predict_log_proba(X)).sum(axis=1).mean()


WITHOUT_ONE = two(SHARES) @ [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (model(loss="squared_hinge"), SHARES, "loss='squared_hinge' takes one label .*log_loss"),
        (model(loss=Tempered()), SHARES, "takes one label per row.*takes_shares = True"),
        (model(loss="f1_macro"), SHARES, "loss='f1_macro' is a score"),
        (model(), 2 * SHARES, r"y has 3 columns.*or probabilities of the classes \(each row with"),
        (model(), WITHOUT_ONE, r"the classes \[2\] the probability 0 .* Leave out their columns"),
        (model(class_weight={0: 1, 1: 0, 2: 1}), SHARES, r"gives the weight 0 to \[1\]"),
    ],
)
def test_errors_say_what_to_do(estimator, y, message):
    with pytest.raises(ValueError, match="(?s)" + message):
        estimator.fit(X, y)


def test_a_batch_of_other_numbers_is_refused():
    with pytest.raises(ValueError, match=r"do not sum to 1. Divide counts by their sum.*fit takes"):
        model().partial_fit(X, 3 * SHARES)
    with pytest.raises(ValueError, match="y has 3 columns for the 2 classes"):
        model().partial_fit(X, SHARES, classes=[0, 1])


def test_a_loss_of_ones_own_may_take_shares():
    class Own(Tempered):
        takes_shares = True

    assert MultinomialLogLoss.takes_shares and not Tempered.takes_shares
    assert model(loss=Own(), tol=1e-6).fit(X, SHARES).converged_


def test_a_layer_is_refined():
    layer = type("Layer", (), {"weight": np.zeros((K, P)), "bias": None})()
    warm = from_linear(layer, estimator=model(warm_start=True)).fit(X, SHARES)
    np.testing.assert_allclose(warm.coef_, model().fit(X, SHARES).coef_, atol=1e-7)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_a_fold_of_sure_rows_has_probabilities_too(form):
    """Where the whole y has probabilities, no fold is taken for an indicator."""
    half, codes = N // 2, SHARES.argmax(axis=1)
    table = np.vstack([np.eye(K)[codes[:half]], SHARES[half:]])
    rows = np.arange(N)

    def likelihood(estimator, X, y):
        assert list(estimator.classes_) == [0, 1, 2] and not estimator.multilabel_
        return (np.asarray(y) * estimator.predict_log_proba(X)).sum(axis=1).mean()

    cv = [(rows[:half], rows[half:]), (rows[half:], rows[:half])]
    search = NNOSearchCV(model(), alphas=[ALPHA], cv=cv, scoring=likelihood)
    scores = search.fit(X, form(table)).cv_results_["split0_test_score"]
    alone = model().fit(X[:half], codes[:half])
    np.testing.assert_allclose(scores, likelihood(alone, X[half:], SHARES[half:]), rtol=1e-6)


def test_a_fold_of_an_indicator_stays_one():
    """Rows with one label each, among rows with several."""
    table = (SHARES > 0.3).astype(float)
    rows = np.flatnonzero(table.sum(axis=1) == 1)
    others = np.setdiff1d(np.arange(N), rows)
    search = NNOSearchCV(model(), alphas=[ALPHA], cv=[(rows, others)], scoring="f1_micro")
    assert np.isfinite(search.fit(X, table).cv_results_["mean_test_score"]).all()
