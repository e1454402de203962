"""NNOSearchCV as an estimator: rules of choice, strengths, failures, what it says and keeps."""

from functools import partial

import numpy as np
import pytest

from nno_sklearn.model_selection import one_standard_error
from tests.model_selection.searches import (
    CLASSIFIER,
    LABELS,
    X,
    message,
    search,
)

PATH = {"alpha": np.logspace(1, -3, 9)}


# Choice


def test_one_standard_error_stays_on_the_path_of_the_best():
    grid = [
        {**PATH, "penalty": ["l2"]},
        {**PATH, "penalty": ["elasticnet"], "l1_ratio": [0.1, 0.9]},
    ]
    found = search(grid=grid, refit="one_standard_error")
    results, best = found.cv_results_, found.cv_results_["mean_test_score"].argmax()
    error = results["std_test_score"][best] / np.sqrt(4 - 1)
    assert found.best_params_["alpha"] > results["params"][best]["alpha"]
    for k, params in enumerate(results["params"]):
        same = {**params, "alpha": 0} == {**results["params"][best], "alpha": 0}
        good = results["mean_test_score"][k] >= results["mean_test_score"][best] - error
        if same and good:
            assert params["alpha"] <= found.best_params_["alpha"]
    assert {**found.best_params_, "alpha": 0} == {**results["params"][best], "alpha": 0}
    assert found.best_score_ == results["mean_test_score"][found.best_index_]
    assert found.best_estimator_.alpha == found.best_params_["alpha"]


def test_one_standard_error_of_one_metric_of_several():
    rule = partial(one_standard_error, metric="neg_log_loss")
    both_metrics = search(CLASSIFIER, PATH, scoring=["accuracy", "neg_log_loss"], refit=rule)
    alone = search(CLASSIFIER, PATH, scoring="neg_log_loss", refit="one_standard_error")
    assert both_metrics.best_index_ == alone.best_index_
    assert not hasattr(both_metrics, "best_score_")


def test_a_rule_of_the_users_own():
    found = search(grid=PATH, refit=lambda results: np.int64(len(results["params"]) - 1))
    assert found.best_index_ == 8 and found.best_estimator_.alpha == pytest.approx(1e-3)
    assert not hasattr(found, "best_score_")


def test_without_refit():
    found = search(grid=PATH, refit=False)
    assert found.best_params_ == found.cv_results_["params"][found.best_index_]
    assert not hasattr(found, "best_estimator_") and not hasattr(found, "predict")
    several = search(grid=PATH, refit=False, scoring=["r2", "neg_median_absolute_error"])
    assert not hasattr(several, "best_index_") and several.multimetric_


@pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]])
def test_halving(scoring):
    refit = scoring[0] if scoring else True
    whole = search(grid=PATH, scoring=scoring, refit=refit)
    found = search(grid=PATH, scoring=scoring, refit=refit, halving=2)
    metric = refit if scoring else "score"
    scores = [found.cv_results_[f"split{k}_test_{metric}"] for k in range(4)]
    assert [np.isfinite(split).sum() for split in scores] == [9, 5, 3, 3]
    assert found.n_fits_ == 20 < whole.n_fits_ == 36
    mean, rank = (found.cv_results_[f"{key}_test_{metric}"] for key in ("mean", "rank"))
    survived = np.isfinite(scores[-1])
    np.testing.assert_allclose(
        mean[survived], whole.cv_results_[f"mean_test_{metric}"][survived], rtol=1e-5
    )
    assert np.isnan(mean[~survived]).all() and (rank[~survived] == 4).all()
    assert survived[found.best_index_] and sorted(rank[survived]) == [1, 2, 3]
    # Those who went on are the best of the splits so far.
    assert set(np.argsort(-scores[0])[:5]) == set(np.flatnonzero(np.isfinite(scores[1])))


@pytest.mark.parametrize("refit", [False, lambda results: 0])
def test_halving_needs_one_metric_to_decide(refit):
    said = message(CLASSIFIER, PATH, fit=(X, LABELS), scoring=["accuracy", "f1_macro"],
                   halving=2, refit=refit)  # fmt: skip
    assert "halving" in said and "accuracy" in said


# Strengths


# Failures
