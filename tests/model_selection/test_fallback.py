"""What is no NNO model, or fits in its own way, is fitted plainly, with GridSearchCV's results."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from nno_sklearn import NNORegressor
from tests.model_selection.searches import ALPHAS, LABELS, NUMBERS, X, assert_same_search, both

EXACT = {"tol": 1e-12, "max_iter": 5000}
REGRESSOR = NNORegressor(**EXACT)


class Repeating(Pipeline):
    """A pipeline whose rows change on the way, like those that resample."""

    def fit(self, X, y=None, **params):
        return super().fit(np.vstack([X, X[::2]]), np.concatenate([y, y[::2]]), **params)


class Rounded(NNORegressor):
    """A model with a fit of its own."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(np.round(X), y, sample_weight)


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (Repeating([("scale", StandardScaler()), ("model", REGRESSOR)]), {"model__alpha": ALPHAS}),
        (Rounded(**EXACT), {"alpha": ALPHAS}),
        (make_pipeline(StandardScaler(), Rounded(**EXACT)), {"rounded__alpha": ALPHAS}),
        (TransformedTargetRegressor(REGRESSOR, func=np.arcsinh, inverse_func=np.sinh),
         {"regressor__alpha": ALPHAS}),
    ],
    ids=["pipeline", "model", "model in a pipeline", "wrapped model"],
)  # fmt: skip
def test_a_fit_of_the_users_own_is_called(estimator, grid):
    assert_same_search(*both(estimator, grid, X, NUMBERS))


OTHERS = {
    "logistic": (LogisticRegression(), {"C": [0.1, 1.0]}),
    "forest": (RandomForestClassifier(5, random_state=0), {"max_depth": [1, 3]}),
    "pipeline": (make_pipeline(StandardScaler(), SVC()), {"svc__C": [0.1, 1.0]}),
    "clusters, with y": (KMeans(n_init=1, random_state=0), {"n_clusters": [2, 3]}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_estimators(name):
    estimator, grid = OTHERS[name]
    ours, theirs = both(estimator, grid, X, LABELS, return_train_score=True)
    assert_same_search(ours, theirs, rtol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert np.isnan(ours.cv_results_["strength"]).all()
    assert np.isnan(ours.cv_results_["mean_n_passes"]).all() and ours.n_passes_ == 0
    assert ours.mean_coef_ == [None] * len(ours.cv_results_["params"])


def test_other_estimators_without_y_and_with_a_kernel_for_data():
    assert_same_search(*both(KernelDensity(), {"bandwidth": [0.5, 2.0]}, X), rtol=1e-12)
    kmeans = make_pipeline(StandardScaler(), KMeans(n_init=1, random_state=0))
    ours, theirs = both(kmeans, {"kmeans__n_clusters": [2, 3]}, X)
    assert_same_search(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X))
    svc = SVC(kernel="precomputed")
    assert_same_search(*both(svc, {"C": [0.1, 1.0]}, X @ X.T, LABELS), rtol=1e-12)
