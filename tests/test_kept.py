"""Models that are kept: pickles tell their version, coefficients may be sparse."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from nno_sklearn import NNOClassifier, NNORegressor, _kept, to_sklearn
from nno_sklearn.inspection import coefficients
from nno_sklearn.linear_model import Lasso, LogisticRegression

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
IRIS, LABELS = load_iris(return_X_y=True)

MODELS = {
    "two classes": (NNOClassifier(penalty="l1", alpha=0.02), X, Y),
    "classes": (NNOClassifier(penalty="l1", alpha=0.02), IRIS, LABELS),
    "number": (NNORegressor(penalty="l1", alpha=0.1), X, X @ np.eye(30)[0]),
    "numbers": (NNORegressor(penalty="l1", alpha=0.1), IRIS, IRIS[:, :2]),
    "twin": (Lasso(alpha=0.1), X, Y.astype(float)),
}


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array, lambda X: X.astype("f4")])
@pytest.mark.parametrize("name", MODELS)
def test_sparse_coefficients_predict_the_same(name, wrap):
    model, rows, y = MODELS[name]
    model, rows = clone(model).fit(wrap(rows), y), wrap(rows)
    coef, predicted = model.coef_, model.predict(rows)
    assert model.sparsify() is model and sparse.issparse(model.sparsify().coef_)
    assert model.coef_.dtype == coef.dtype
    found = model.predict(rows)
    assert found.shape == predicted.shape
    np.testing.assert_allclose(found, predicted, rtol=1e-5, atol=1e-6)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.densify().coef_, coef)
    np.testing.assert_array_equal(model.densify().densify().coef_, coef)


def test_what_goes_on_from_sparse_coefficients():
    model = NNOClassifier(penalty="l1", alpha=0.02, warm_start=True).fit(X, Y).sparsify()
    plain, table = to_sklearn(model), coefficients(model)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    assert sparse.issparse(model.coef_) and np.isfinite(table["coefficient"]).all()
    assert isinstance(model.fit(X, Y).coef_, np.ndarray) and model.n_iter_ <= 2
    stream = NNORegressor(stream="ftrl", penalty="l1", alpha=0.1).partial_fit(X, Y).sparsify()
    assert isinstance(stream.partial_fit(X, Y).coef_, np.ndarray)
    with pytest.raises(NotFittedError):
        NNOClassifier().sparsify()


@pytest.mark.parametrize("make", [LogisticRegression, NNORegressor])
def test_a_pickle_of_another_version_is_told(make, tmp_path, monkeypatch):
    model = make_pipeline(make()).fit(X, Y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = joblib.load(path)
        assert "_nno_sklearn_version" not in vars(same[-1])
        copy.deepcopy(model)
    written = _kept.__version__
    monkeypatch.setattr(_kept, "__version__", "9.0.0")
    told = (
        rf"{make.__name__} was pickled by nno_sklearn {written}, and is loaded by 9.0.0, in which"
    )
    with pytest.warns(InconsistentVersionWarning, match=told):
        other = joblib.load(path)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    state = vars(model[-1])
    with pytest.warns(InconsistentVersionWarning, match="by nno_sklearn one without a number"):
        make().__setstate__(dict(state))
