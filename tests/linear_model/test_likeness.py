"""``like``: twins of estimators, pipelines and searches; NNOSearchCV on twins."""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier, VotingRegressor
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNOSearchCV, like, linear_model
from nno_sklearn.linear_model.likeness import TWINS


@pytest.mark.parametrize("kind", TWINS)
def test_of_an_estimator(kind):
    theirs = kind()
    twin = like(theirs)
    assert type(twin) is TWINS[kind]
    assert twin.get_params() == theirs.get_params()


def test_within_other_estimators():
    found = like(
        Pipeline(
            [
                ("columns", ColumnTransformer([("scaled", StandardScaler(), [0, 1])])),
                ("skipped", "passthrough"),
                ("model", OneVsRestClassifier(LogisticRegression(C=3.0))),
            ]
        )
    )
    assert isinstance(found["columns"].transformers[0][1], StandardScaler)
    assert found["skipped"] == "passthrough"
    assert type(found["model"].estimator) is linear_model.LogisticRegression
    assert found["model"].estimator.C == 3.0
    voting = like(VotingRegressor([("ridge", Ridge()), ("lasso", Lasso())]))
    assert [type(one) for _, one in voting.estimators] == [linear_model.Ridge, linear_model.Lasso]


def test_of_searches():
    X, y = load_breast_cancer(return_X_y=True)
    grid = {"logisticregression__C": [0.01, 0.1, 1.0]}
    theirs = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), grid, cv=3)
    search = like(theirs).fit(X, y)
    assert type(search) is NNOSearchCV
    assert search.best_params_ == theirs.fit(X, y).best_params_
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=0.01
    )
    np.testing.assert_allclose(search.cv_results_["strength"], [100.0, 10.0, 1.0])
    assert search.saved_seconds_ > 0  # settings share preprocessing
    drawn = like(RandomizedSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, n_iter=2, random_state=0))
    assert drawn.n_iter == 2 and type(drawn.estimator) is linear_model.Ridge


def test_strengths_of_a_search_are_in_the_models_unit():
    X, y = load_diabetes(return_X_y=True)
    sums = NNOSearchCV(linear_model.Ridge(), alphas=4, cv=2).fit(X, y)
    means = NNOSearchCV(linear_model.ElasticNet(l1_ratio=0.0), alphas=4, cv=2).fit(X, y)
    of_sums = [one["alpha"] for one in sums.cv_results_["params"]]
    of_means = [one["alpha"] for one in means.cv_results_["params"]]
    np.testing.assert_allclose(of_sums, np.multiply(of_means, len(y)))
    labels = y > np.median(y)
    inverse = NNOSearchCV(linear_model.LogisticRegression(), alphas=4, cv=2).fit(X, labels)
    C = [one["C"] for one in inverse.cv_results_["params"]]
    assert np.all(np.diff(C) > 0)  # the strongest penalty first


def test_warm_starts_over_inverse_strengths():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    grid = {"C": np.geomspace(1e-3, 10, 12)}
    search = NNOSearchCV(linear_model.LogisticRegression(), grid, cv=2, refit=False).fit(X, y)
    cold = sum(
        linear_model.LogisticRegression(C=C).fit(X[half], y[half]).n_passes_
        for C in grid["C"]
        for half in (slice(0, 284), slice(284, None))
    )
    assert search.n_passes_ < cold


def test_what_has_no_twin():
    with pytest.raises(ValueError, match="RandomForestClassifier has no twin in nno_sklearn.li"):
        like(make_pipeline(StandardScaler(), RandomForestClassifier()))


def test_our_own_stays():
    model = NNOClassifier(alpha=0.1)
    found = like(make_pipeline(StandardScaler(), model))
    assert type(found[-1]) is NNOClassifier and found[-1] is not model and found[-1].alpha == 0.1


@pytest.mark.parametrize(
    "model",
    [
        linear_model.LinearSVR(),
        linear_model.MultiTaskLasso(),
        linear_model.MultiTaskElasticNet(),
        linear_model.SGDRegressor("huber", penalty="l1"),
        linear_model.SGDClassifier(),
        linear_model.LinearSVC(loss="hinge"),
    ],
    ids=repr,
)
def test_search_over_automatic_strengths(model):
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if is_classifier(model):
        y = y > np.median(y)
    elif type(model).__name__.startswith("MultiTask"):
        y = np.column_stack([y, X[:, 0] - y])
    search = NNOSearchCV(model, alphas=3, cv=2).fit(X[:200], y[:200])
    name = "C" if hasattr(model, "C") else "alpha"
    strengths = [one[name] for one in search.cv_results_["params"]]
    assert np.all(np.diff(strengths) > 0 if name == "C" else np.diff(strengths) < 0)
    scores = search.cv_results_["mean_test_score"]
    assert search.best_score_ == scores.max() > scores[0]  # the strongest explains the least
    assert search.best_estimator_.converged_
