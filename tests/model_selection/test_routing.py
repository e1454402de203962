"""Arguments of fit reach models, steps, scorers and splitters as in GridSearchCV."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from tests.model_selection.searches import (
    ALPHAS,
    GROUPS,
    LABELS,
    NUMBERS,
    WEIGHT,
    X,
    assert_same_search,
    both,
)

CLASSIFIER = NNOClassifier(tol=1e-12)
OTHER = np.random.default_rng(5).uniform(0.1, 4.0, len(X))


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


class Shift(TransformerMixin, BaseEstimator):
    """A step that takes an argument in fit_transform and one in transform."""

    def fit(self, X, y=None, offset=None):
        self.offset_ = np.average(X, axis=0, weights=offset)
        return self

    def fit_transform(self, X, y=None, offset=None, factor=None):
        return self.fit(X, y, offset).transform(X, factor)

    def transform(self, X, factor=None):
        return (X - self.offset_) * (1.0 if factor is None else factor)


def pipeline(scaler=None, model=CLASSIFIER):
    return Pipeline([("scale", StandardScaler() if scaler is None else scaler), ("model", model)])


GRID = {"scale__with_mean": [True, False], "model__alpha": ALPHAS}


def weighted(estimator, name=True, **more):
    """An estimator that asks for weights, by their own or by another name."""
    return clone(estimator).set_fit_request(sample_weight=name)


def scorer(name=True, of="neg_log_loss"):
    return get_scorer(of).set_score_request(sample_weight=name)


@pytest.mark.usefixtures("routing")
class TestRouted:
    def test_to_the_model(self):
        for model in (CLASSIFIER, LogisticRegression()):
            grid = {"alpha": ALPHAS} if model is CLASSIFIER else {"C": [0.1, 1]}
            fit = {"sample_weight": WEIGHT}
            plain = weighted(model).set_score_request(sample_weight=False)
            assert_same_search(*both(plain, grid, X, LABELS, fit=fit))
            scored = weighted(model).set_score_request(sample_weight=True)
            assert_same_search(*both(scored, grid, X, LABELS, fit=fit))

    def test_by_another_name(self):
        model = weighted(CLASSIFIER, "w").set_score_request(sample_weight="v")
        fit = {"w": WEIGHT, "v": OTHER}
        assert_same_search(*both(model, {"alpha": ALPHAS}, X, LABELS, fit=fit))
        grid = {"model__alpha": ALPHAS}
        steps = Pipeline([("scale", weighted(StandardScaler(), "w")), ("model", model)])
        ours, theirs = both(steps, grid, X, LABELS, fit=fit, scoring=scorer("v"))
        assert_same_search(ours, theirs)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-4)

    @pytest.mark.each_value
    @pytest.mark.parametrize("to_scaler", [True, False, "w"])
    @pytest.mark.parametrize("to_model", [True, False, "v"])
    def test_to_steps(self, to_scaler, to_model):
        steps = pipeline(weighted(StandardScaler(), to_scaler), weighted(CLASSIFIER, to_model))
        names = {"sample_weight", *(name for name in (to_scaler, to_model) if name in ("w", "v"))}
        if True not in (to_scaler, to_model):
            names.discard("sample_weight")
        fit = {name: OTHER if name == "v" else WEIGHT for name in names}
        assert_same_search(*both(steps, GRID, X, LABELS, fit=fit, scoring=scorer(False)))

    def test_to_scorers_and_splitter(self):
        fit = {"sample_weight": WEIGHT, "groups": GROUPS, "v": OTHER}
        scoring = {"one": scorer(), "two": scorer("v", "accuracy"), "three": scorer(False)}
        ours, theirs = both(
            pipeline(weighted(StandardScaler(), False), weighted(CLASSIFIER)),
            {"model__alpha": ALPHAS}, X, LABELS, fit=fit,
            cv=GroupKFold(3), scoring=scoring, refit="one", return_train_score=True,
        )  # fmt: skip
        assert_same_search(ours, theirs)
        with config_context(enable_metadata_routing=True):
            params = {"sample_weight": OTHER}
            expected = theirs.score(X, LABELS, **params)
            assert ours.score(X, LABELS, **params) == pytest.approx(expected, rel=1e-5)

    def test_to_transform(self):
        step = Shift().set_fit_request(offset=True).set_transform_request(factor=True)
        grid, fit = {"model__alpha": ALPHAS}, {"offset": WEIGHT, "factor": 3.0}
        model = NNORegressor(tol=1e-12)
        model.set_fit_request(offset=False).set_score_request(offset=False)
        ours, theirs = both(pipeline(step, model), grid, X, NUMBERS, fit=fit)
        assert_same_search(ours, theirs)

    def test_callable_scorer(self):
        mse = make_scorer(mean_squared_error, greater_is_better=False)
        mse = mse.set_score_request(sample_weight="v")
        fit = {"v": OTHER}
        model = NNORegressor(tol=1e-12)
        assert_same_search(*both(model, {"alpha": ALPHAS}, X, NUMBERS, scoring=mse, fit=fit))

    def test_nobody_asked(self):
        for search in (NNOSearchCV, GridSearchCV):
            with pytest.raises(TypeError, match="unexpected argument.*'v'"):
                search(CLASSIFIER, {"alpha": ALPHAS}).fit(X, LABELS, v=OTHER)
            with pytest.raises(ValueError, match="sample_weight.*not explicitly set"):
                search(CLASSIFIER, {"alpha": ALPHAS}).fit(X, LABELS, sample_weight=OTHER)

    def test_strengths_that_fit_the_weights(self):
        given = {"alphas": 3, "cv": 2, "refit": False}
        routed = NNOSearchCV(pipeline(model=weighted(CLASSIFIER, "w")), **given)
        routed.fit(X, LABELS, w=WEIGHT)
        with config_context(enable_metadata_routing=False):
            plain = NNOSearchCV(pipeline(), **given).fit(X, LABELS, model__sample_weight=WEIGHT)
        np.testing.assert_allclose(
            routed.cv_results_["strength"], plain.cv_results_["strength"], rtol=1e-9
        )

    def test_inside_another_search(self):
        model = weighted(CLASSIFIER).set_score_request(sample_weight=True)
        inner = NNOSearchCV(model, {"alpha": ALPHAS}, cv=GroupKFold(2))
        theirs = GridSearchCV(inner.estimator, {"alpha": ALPHAS}, cv=GroupKFold(2))
        params = {"sample_weight": WEIGHT, "groups": GROUPS}
        scores = [
            cross_validate(search, X, LABELS, cv=GroupKFold(3), params=params, scoring=scorer())
            for search in (inner, theirs)
        ]
        np.testing.assert_allclose(*(score["test_score"] for score in scores), rtol=1e-4)


def test_not_routed():
    fit = {"model__sample_weight": WEIGHT, "scale__sample_weight": OTHER}
    assert_same_search(*both(pipeline(), GRID, X, LABELS, fit=fit, scoring="neg_log_loss"))
    fit.pop("scale__sample_weight")
    assert_same_search(*both(pipeline(), GRID, X, LABELS, fit=fit, scoring="neg_log_loss"))
    fit = {"sample_weight": WEIGHT, "groups": GROUPS}
    grid = {"alpha": ALPHAS}
    assert_same_search(*both(CLASSIFIER, grid, X, LABELS, fit=fit, cv=GroupKFold(2)))


def test_not_routed_to_a_step_that_is_not_there():
    for name in ("sample_weight", "mode__sample_weight"):
        for search in (NNOSearchCV, GridSearchCV):
            with pytest.raises((ValueError, KeyError), match="sample_weight|mode"):
                search(pipeline(), GRID, error_score="raise").fit(X, LABELS, **{name: WEIGHT})
    alone = Pipeline([("model", CLASSIFIER)])
    with pytest.raises(ValueError, match="'w'.*no step takes arguments so named"):
        NNOSearchCV(alone, {"model__alpha": ALPHAS}, error_score="raise").fit(X, LABELS, w=WEIGHT)


def test_predictions_take_offsets():
    offset = np.random.default_rng(0).normal(size=len(X))
    search = NNOSearchCV(CLASSIFIER, alphas=[0.01, 0.1]).fit(X, LABELS, offset=offset)
    raw = search.decision_function(X, offset=offset)
    np.testing.assert_allclose(raw, search.decision_function(X) + offset)
    np.testing.assert_array_equal(search.predict(X, offset=offset) == "yes", raw > 0)
    probability = search.predict_proba(X, offset=offset)
    np.testing.assert_allclose(probability[:, 1], 1 / (1 + np.exp(-raw)))
    np.testing.assert_allclose(search.predict_log_proba(X, offset=offset), np.log(probability))
    steps = NNOSearchCV(pipeline(), alphas=[0.01, 0.1]).fit(X, LABELS, model__offset=offset)
    moved = steps.best_estimator_.predict_proba(X, offset=offset)
    np.testing.assert_array_equal(steps.predict_proba(X, offset=offset), moved)


def test_predictions_that_the_best_estimator_does_not_have():
    search = NNOSearchCV(NNORegressor(), alphas=[0.1]).fit(X, NUMBERS)
    assert not hasattr(search, "predict_proba") and hasattr(search, "predict")
    kept = NNOSearchCV(NNORegressor(), alphas=[0.1], refit=False).fit(X, NUMBERS)
    with pytest.raises(AttributeError, match="predict"):
        kept.predict(X)
