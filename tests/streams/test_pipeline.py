"""A pipeline that learns batch by batch: what its steps have learnt, and when."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.streams import StreamPipeline


def batches(n_batches=4, n_rows=60):
    rng = np.random.default_rng(0)
    for _ in range(n_batches):
        X = rng.normal(3.0, [1.0, 100.0, 0.01], size=(n_rows, 3))
        yield X, (X[:, 0] - 3.0 + rng.normal(size=n_rows) > 0).astype(int)


def stream_of(*steps):
    """With the names that make_pipeline gives."""
    return StreamPipeline(make_pipeline(*steps).steps)


@pytest.mark.parametrize("kind", [NNOClassifier, SGDClassifier])
def test_is_what_the_steps_do_by_hand(kind):
    model = stream_of(StandardScaler(), Normalizer(), kind(random_state=0))
    scaler, last = StandardScaler(), kind(random_state=0)
    for X, y in batches():
        assert model.partial_fit(X, y, classes=[0, 1]) is model
        scaled = Normalizer().transform(scaler.partial_fit(X).transform(X))
        last.partial_fit(scaled, y, classes=[0, 1])
    assert model[0].n_samples_seen_ == 240
    np.testing.assert_array_equal(model[-1].coef_, last.coef_)
    np.testing.assert_array_equal(
        model.predict(X), last.predict(Normalizer().transform(scaler.transform(X)))
    )
    assert model.n_features_in_ == 3


def test_arguments_are_those_of_the_last_step():
    (X, y), *_ = batches()
    weight = np.arange(len(y)) % 3
    model = stream_of(Normalizer(), NNORegressor()).partial_fit(X, y, sample_weight=weight)
    last = NNORegressor().partial_fit(Normalizer().transform(X), y, sample_weight=weight)
    np.testing.assert_array_equal(model[-1].coef_, last.coef_)


def test_text():
    model = stream_of(HashingVectorizer(n_features=2**6), NNOClassifier())
    texts, labels = ["win cash", "see you", "cash now", "you soon"], ["spam", "ham"] * 2
    assert model.partial_fit(texts, labels, classes=["ham", "spam"]).score(texts, labels) == 1


@pytest.mark.parametrize("left_out", ["passthrough", None])
def test_steps_that_are_left_out(left_out):
    (X, y), *_ = batches()
    model = StreamPipeline([("scale", left_out), ("model", NNORegressor())]).partial_fit(X, y)
    np.testing.assert_array_equal(model[-1].coef_, NNORegressor().partial_fit(X, y).coef_)


def test_a_frozen_step_learns_no_more():
    (X, y), (X2, y2), *_ = batches()
    scaler = StandardScaler().fit(X)
    mean = scaler.mean_.copy()
    model = clone(stream_of(FrozenEstimator(scaler), NNORegressor())).partial_fit(X2, y2)
    np.testing.assert_array_equal(model[0].mean_, mean)
    last = NNORegressor().partial_fit(scaler.transform(X2), y2)
    np.testing.assert_array_equal(model[-1].coef_, last.coef_)


def test_a_step_that_has_to_be_fitted_before():
    X, y = np.array([["a"], ["b"], ["c"]] * 5), np.arange(15.0)
    encoder = OneHotEncoder()
    model = stream_of(encoder, NNORegressor())
    with pytest.raises(
        ValueError, match="'onehotencoder': OneHotEncoder has no partial_fit, and s"
    ):
        model.partial_fit(X, y)
    encoder.fit(X)
    model.partial_fit(X, y)
    last = NNORegressor().partial_fit(OneHotEncoder().fit_transform(X), y)
    np.testing.assert_array_equal(model[-1].coef_, last.coef_)


def test_a_batch_that_the_last_step_refuses_is_learnt_by_none():
    (X, y), *_ = batches()
    model = stream_of(StandardScaler(), NNORegressor()).partial_fit(X, y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X, np.where(y > 0, np.nan, 0.0))
    assert pickle.dumps(model) == before
    assert pickle.loads(before).partial_fit(X, y)[0].n_samples_seen_ == 120


def test_a_last_step_that_cannot():
    model = stream_of(StandardScaler(), LogisticRegression())
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        model.partial_fit([[0.0]], [0])
    assert "'logisticregression', LogisticRegression, has none" in str(caught.value.__cause__)
