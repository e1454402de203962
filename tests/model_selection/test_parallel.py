"""Workers in threads, processes and on a Dask cluster find what one worker finds."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from tests.model_selection.searches import (
    ALPHAS,
    KINDS,
    LABELS,
    NUMBERS,
    WEIGHT,
    X,
    assert_same_search,
)

PIPELINE = make_pipeline(StandardScaler(), NNOClassifier(penalty="elasticnet", tol=1e-10))
GRID = {
    "standardscaler__with_std": [True, False],
    "nnoclassifier__alpha": np.logspace(-2, 0, 4),
    "nnoclassifier__l1_ratio": [0.2, 0.8],
}


def search(backend=None, estimator=PIPELINE, grid=GRID, y=KINDS, **params):
    params = {"cv": 2, "scoring": ["accuracy", "neg_log_loss"], "refit": "accuracy", **params}
    given = {} if estimator is not PIPELINE else {"nnoclassifier__sample_weight": WEIGHT}
    asked = NNOSearchCV(estimator, grid, **params)
    if backend is None:
        return asked.fit(X, y, **given)
    with joblib.parallel_config(backend=backend):
        return asked.fit(X, y, **given)


def assert_alike(one, other):
    # Passes depend on what the fits of a process share; what they find does not.
    work = ("time", "n_passes")
    own = [key for key in other.cv_results_ if not any(word in key for word in work)]
    own = [key for key in own if not key.startswith("param")]
    for key in own:
        np.testing.assert_allclose(
            one.cv_results_[key], other.cv_results_[key], rtol=1e-3, atol=1e-5, err_msg=key
        )
    assert one.n_fits_ == other.n_fits_
    for mean, expected in zip(one.mean_coef_, other.mean_coef_, strict=True):
        np.testing.assert_allclose(mean, expected, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def alone():
    return search(n_jobs=1)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_workers(alone, backend):
    filters = [(kind[0], kind[2]) for kind in warnings.filters]
    assert_alike(search(backend, n_jobs=2), alone)
    assert [(kind[0], kind[2]) for kind in warnings.filters] == filters


def test_more_workers_than_splits_take_pieces_of_a_walk():
    grid = {"alpha": np.logspace(-3, 0, 9)}
    model = NNORegressor(tol=1e-12)
    params = {"scoring": None, "refit": True, "y": NUMBERS}
    one = search(None, model, grid, **params)
    many = search("threading", model, grid, n_jobs=7, **params)
    np.testing.assert_allclose(
        many.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"], rtol=1e-4
    )
    assert many.n_fits_ == one.n_fits_ == 18


def test_threads_do_not_mix_their_scores():
    """All tasks are of one scorer, whose chains must stay apart."""
    grid = {"alpha": np.logspace(-3, 0, 4), "class_weight": [None, "balanced"]}
    model = NNOClassifier(tol=1e-10)
    one = search(None, model, grid, y=LABELS, cv=4, return_train_score=True)
    many = search("threading", model, grid, y=LABELS, cv=4, n_jobs=4, return_train_score=True)
    for split in range(4):
        key = f"split{split}_train_neg_log_loss"
        np.testing.assert_allclose(many.cv_results_[key], one.cv_results_[key], rtol=1e-3)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0"
    ) as client:
        yield client


@pytest.mark.filterwarnings("error")
class TestDask:
    def test_same_results(self, client, alone):
        assert_alike(search("dask"), alone)

    def test_other_estimators(self, client):
        for model, grid in [
            (LogisticRegression(), {"C": [0.1, 1.0]}),
            (RandomForestClassifier(4, random_state=0), {"max_depth": [1, 3]}),
        ]:
            ours = search("dask", model, grid, scoring="accuracy", refit=True)
            theirs = GridSearchCV(model, grid, cv=2, scoring="accuracy").fit(X, KINDS)
            assert_same_search(ours, theirs, rtol=1e-12)

    def test_halving_and_strengths_that_fit_the_data(self, client):
        params = {"grid": None, "estimator": NNOClassifier(tol=1e-10), "alphas": 8, "halving": 2}
        params |= {"scoring": None, "refit": "one_standard_error", "y": LABELS, "cv": 4}
        there, here = search("dask", **params), search(None, **params)
        np.testing.assert_allclose(
            there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"], rtol=1e-6
        )
        assert there.best_params_ == here.best_params_

    def test_data_are_sent_once(self, client, monkeypatch):
        """Arrays are scattered, one time each, and travel with no task."""
        sent = []
        scatter = type(client).scatter

        def counted(self, data, *args, **kwargs):
            sent.append(data)
            return scatter(self, data, *args, **kwargs)

        monkeypatch.setattr(type(client), "scatter", counted)
        search("dask", NNOClassifier(), {"alpha": ALPHAS, "class_weight": [None, "balanced"]},
               y=LABELS.astype("U99"), cv=10)  # fmt: skip
        arrays = [data for data in sent if getattr(data, "shape", None) == X.shape]
        assert len(arrays) == 1
        assert sum(getattr(data, "dtype", None) == "U99" for data in sent) == 1
