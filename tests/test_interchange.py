"""``to_sklearn``: plain estimators with the same predictions."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV, linear_model, to_sklearn
from nno_sklearn.losses import LogLoss

NUMBERS = [
    NNORegressor(penalty="l1", alpha=0.1),
    NNORegressor("huber"),
    NNORegressor("poisson", alpha=1.0),
    NNORegressor("gamma", alpha=1.0, fit_intercept=False),
    linear_model.Ridge(),
    linear_model.TweedieRegressor(power=1.5),
    linear_model.QuantileRegressor(),
    linear_model.HuberRegressor(),
    linear_model.LinearSVR(),
    linear_model.SGDRegressor(),
    make_pipeline(StandardScaler(), NNORegressor()),
]
LABELS = [
    NNOClassifier(),
    NNOClassifier("squared_hinge"),
    NNOClassifier("modified_huber", alpha=0.01),
    linear_model.LogisticRegression(fit_intercept=False),
    linear_model.RidgeClassifier(),
    linear_model.LinearSVC(),
    linear_model.LinearSVC(loss="hinge"),
    linear_model.SGDClassifier("modified_huber"),
    NNOSearchCV(make_pipeline(StandardScaler(), NNOClassifier()), alphas=[0.01, 0.1], cv=2),
]


def is_plain(estimator):
    steps = [one for _, one in getattr(estimator, "steps", [("", estimator)])]
    return all(type(one).__module__.startswith("sklearn.") for one in steps)


@pytest.mark.parametrize("model", NUMBERS, ids=repr)
def test_regressors(model):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    plain = to_sklearn(model.fit(X, y))
    assert is_plain(plain)
    again = pickle.loads(pickle.dumps(plain))
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", LABELS, ids=repr)
def test_classifiers(model, n_classes):
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    X, names = X[y < n_classes], names[y < n_classes]
    plain = to_sklearn(model.fit(X, names))
    assert is_plain(plain)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    np.testing.assert_allclose(
        plain.decision_function(X), model.decision_function(X), rtol=1e-9, atol=1e-12
    )
    assert hasattr(plain, "predict_proba") == hasattr(model, "predict_proba")
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(plain.predict_proba(X), model.predict_proba(X), atol=1e-10)


def test_several_targets():
    X, y = load_diabetes(return_X_y=True)
    model = NNORegressor().fit(X, np.column_stack([y, -y]))
    np.testing.assert_allclose(to_sklearn(model).predict(X), model.predict(X))


def test_what_has_no_plain_estimator():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="predicts several labels a row, as no linear model of"):
        to_sklearn(NNOClassifier().fit(X, np.column_stack([y == 0, y > 1]).astype(int)))
    with pytest.raises(ValueError, match="each class against the rest, as no linear model"):
        to_sklearn(NNOClassifier(LogLoss()).fit(X, y))
    with pytest.raises(ValueError, match=r"NNORegressor predicts by LogLoss\(\), as no linear"):
        to_sklearn(NNORegressor("log_loss").fit(X, y / 2))
    with pytest.raises(NotFittedError):
        to_sklearn(NNOClassifier())
