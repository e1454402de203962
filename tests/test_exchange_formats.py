"""Models of ``to_sklearn`` in the formats that others read: ONNX, and skops instead of pickles."""

import numpy as np
import onnxruntime
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, linear_model, to_sklearn

NUMBERS = [
    NNORegressor(penalty="l1", alpha=0.1),
    NNORegressor("gamma", alpha=1.0),
    linear_model.HuberRegressor(),
    make_pipeline(StandardScaler(), NNORegressor("epsilon_insensitive")),
]
LABELS = [NNOClassifier(), NNOClassifier("squared_hinge"), linear_model.LogisticRegression()]


def by_onnx(plain, X):
    """What an ONNX runtime computes of float32 rows."""
    written = to_onnx(plain, X[:1])
    session = onnxruntime.InferenceSession(
        written.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: X})[0]


@pytest.mark.filterwarnings("default")  # of the libraries themselves
@pytest.mark.parametrize("model", NUMBERS, ids=repr)
def test_regressors_in_onnx(model):
    X, y = load_diabetes(return_X_y=True)
    X = X.astype(np.float32)
    plain = to_sklearn(model.fit(X, y))
    np.testing.assert_allclose(by_onnx(plain, X).ravel(), model.predict(X), rtol=1e-5)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", LABELS, ids=repr)
def test_classifiers_in_onnx(model, n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes].astype(np.float32), y[y < n_classes]
    np.testing.assert_array_equal(by_onnx(to_sklearn(model.fit(X, y)), X), model.predict(X))


@pytest.mark.parametrize("model", NUMBERS + LABELS, ids=repr)
def test_skops_trusts_plain_estimators(model):
    X, y = load_iris(return_X_y=True)
    plain = to_sklearn(model.fit(X, y + 1))
    written = skops.io.dumps(plain)
    assert skops.io.get_untrusted_types(data=written) == []
    np.testing.assert_array_equal(skops.io.loads(written).predict(X), plain.predict(X))
