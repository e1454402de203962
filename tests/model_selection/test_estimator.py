"""NNOSearchCV among scikit-learn's estimators: manners, mistakes, and what is never lost."""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from nno_sklearn import NearestNeighborSolver, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.model_selection import one_standard_error
from tests.model_selection.searches import ALPHAS, KINDS, LABELS, NUMBERS, X

CLASSIFIER, REGRESSOR = NNOClassifier(), NNORegressor()
GRID = {"alpha": ALPHAS}
MODEL_GRID = {"nnoregressor__alpha": ALPHAS}


@pytest.mark.filterwarnings("default")
@parametrize_with_checks([NNOSearchCV(NNOClassifier(), alphas=2, cv=2)])
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("default")
@parametrize_with_checks(
    [NNOSearchCV(make_pipeline(StandardScaler(), NNORegressor(penalty="l1")), MODEL_GRID, cv=2)]
)
def test_scikit_learn_check_of_a_pipeline(estimator, check):
    check(estimator)


def test_parameters_and_clones():
    search = NNOSearchCV(CLASSIFIER, GRID, alphas=None, halving=2, random_state=3)
    params = search.get_params()
    assert params["estimator__alpha"] == 1e-4 and params["halving"] == 2
    assert set(GridSearchCV(CLASSIFIER, GRID).get_params()) < set(params)
    search.fit(X, LABELS)
    copy = clone(search).set_params(estimator__penalty="l1", cv=3, alphas=[0.1], param_grid=None)
    assert not hasattr(copy, "cv_results_")
    assert copy.fit(X, LABELS).best_estimator_.penalty == "l1"
    assert search.estimator.penalty == CLASSIFIER.penalty == "l2"
    assert not hasattr(search.estimator, "coef_")
    said = repr(search)
    assert said.startswith("NNOSearchCV(estimator=NNOClassifier()") and "halving=2" in said
    assert "NNOClassifier" in search._repr_html_()


def test_nothing_given_is_changed():
    grid = {"solver__n_landmarks": [3, 5]}
    model = NNOClassifier(solver=NearestNeighborSolver())
    rows, labels = X.copy(), LABELS.copy()
    before = repr(model)
    NNOSearchCV(model, grid, alphas=3).fit(rows, labels)
    assert repr(model) == before and grid == {"solver__n_landmarks": [3, 5]}
    assert (rows == X).all() and (labels == LABELS).all()


def test_tags():
    for estimator in (CLASSIFIER, REGRESSOR, make_pipeline(StandardScaler(), CLASSIFIER), SVC()):
        tags, theirs = (get_tags(s(estimator, GRID)) for s in (NNOSearchCV, GridSearchCV))
        assert tags.target_tags == get_tags(estimator).target_tags
        tags.target_tags = theirs.target_tags
        assert tags == theirs
    assert is_classifier(NNOSearchCV(CLASSIFIER, GRID)) and is_regressor(NNOSearchCV(REGRESSOR))


def test_predictions_and_attributes():
    frame = pd.DataFrame(X, columns=list("abcde"))
    steps = make_pipeline(StandardScaler(), NNOClassifier())
    search = NNOSearchCV(steps, {"nnoclassifier__alpha": ALPHAS}).fit(frame, KINDS)
    best = search.best_estimator_
    for name in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(best, name):
            np.testing.assert_array_equal(getattr(search, name)(frame), getattr(best, name)(frame))
    assert search.score(frame, KINDS) == best.score(frame, KINDS)
    assert search.classes_.tolist() == ["a", "b", "c"]
    assert search.n_features_in_ == 5 and search.feature_names_in_.tolist() == list("abcde")
    assert search.refit_time_ > 0 and search.n_splits_ == 5
    hinge = NNOSearchCV(NNOClassifier("squared_hinge"), GRID).fit(X, LABELS)
    assert not hasattr(hinge, "predict_proba") and not hasattr(hinge, "transform")
    with pytest.raises(NotFittedError):
        NNOSearchCV(CLASSIFIER, GRID).predict(X)
    assert not hasattr(NNOSearchCV(CLASSIFIER, GRID), "n_features_in_")


def test_counts_and_coefficients():
    search = NNOSearchCV(NNORegressor(tol=1e-10), GRID, cv=3).fit(X, NUMBERS)
    assert search.n_fits_ == 6 and isinstance(search.n_passes_, float) and search.n_passes_ > 0
    assert search.saved_seconds_ >= 0
    rows = np.arange(60)
    for params, coef in zip(search.cv_results_["params"], search.mean_coef_, strict=True):
        halves = [rows[rows // 20 != k] for k in range(3)]
        models = [clone(search.estimator).set_params(**params) for _ in range(3)]
        coefs = [m.fit(X[h], NUMBERS[h]).coef_ for m, h in zip(models, halves, strict=True)]
        np.testing.assert_allclose(coef, np.mean(coefs, axis=0), rtol=1e-3, atol=1e-5)
    assert search.cv_results_["mean_n_nonzeros"].tolist() == [5.0, 5.0]
    assert search.cv_results_["strength"].tolist() == list(ALPHAS)
    with_text = make_pipeline(StandardScaler(), CLASSIFIER)
    kept = pickle.loads(pickle.dumps(NNOSearchCV(with_text, alphas=2).fit(X, LABELS)))
    np.testing.assert_array_equal(kept.predict(X), kept.best_estimator_.predict(X))


def test_nested():
    search, theirs = NNOSearchCV(CLASSIFIER, GRID, cv=2), GridSearchCV(CLASSIFIER, GRID, cv=2)
    scores = [cross_val_score(s, X, LABELS, cv=3, scoring="roc_auc") for s in (search, theirs)]
    np.testing.assert_allclose(*scores, rtol=0.01)
    twice = NNOSearchCV(search, {"estimator__penalty": ["l1", "l2"]}, cv=2).fit(X, LABELS)
    assert twice.best_params_["estimator__penalty"] in ("l1", "l2")
    piped = make_pipeline(StandardScaler(), NNOSearchCV(REGRESSOR, alphas=3)).fit(X, NUMBERS)
    assert piped.score(X, NUMBERS) > 0.1


def test_progress(capsys, monkeypatch):
    NNOSearchCV(REGRESSOR, GRID, cv=3).fit(X, NUMBERS)
    assert capsys.readouterr() == ("", "")
    NNOSearchCV(REGRESSOR, GRID, cv=3, verbose=1).fit(X, NUMBERS)
    assert capsys.readouterr().out == ""  # rich's bar goes to stderr
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    NNOSearchCV(REGRESSOR, GRID, cv=10, verbose=2).fit(X, NUMBERS)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"[NNOSearchCV] {k} of 20 fits" for k in range(2, 21, 2)]


# Mistakes

MISTAKES = {
    "nothing": ({}, "There is nothing to search: give param_grid, param_distributions or alphas"),
    "two grids": (
        {"param_grid": GRID, "param_distributions": GRID},
        "Give param_grid or param_distributions, not both.",
    ),
    "empty": ({"param_grid": []}, "The grid is empty: there are no candidates."),
    "halving of 1": ({"alphas": 3, "halving": 1}, "halving=1: it must be a whole number of at"),
    "halving half": ({"alphas": 3, "halving": 1.5}, "halving=1.5: it must be a whole number of"),
    "halving true": ({"alphas": 3, "halving": True}, "halving=True: it must be a whole"),
    "a flag": ({"alphas": 3, "return_train_score": 0}, "return_train_score=0: it is a switch, so"),
    "draws none": ({"alphas": 3, "n_iter": 0}, "n_iter=0: it must be a whole number of at least 1"),
    "draws half": ({"alphas": 3, "n_iter": 1.5}, "since it counts draws from param_distributions"),
    "verbose word": ({"alphas": 3, "verbose": "a"}, "verbose='a': use 0, or 1 to see how far the"),
    "error_score": ({"alphas": 3, "error_score": "skip"}, "error_score='skip': use 'raise' or a"),
    "metric": (
        {"alphas": 3, "scoring": ["accuracy", "f1_macro"]},
        "must be set to a scorer key or a callable to refit: one of ['accuracy', 'f1_macro'], "
        "functools.partial(one_standard_error, metric=...) with one of them, or another callable; "
        "or to False. It is True.",
    ),
    "another metric": (
        {"alphas": 3, "scoring": {"a": "accuracy"}, "refit": "b"},
        "callable to refit: one of ['a'], functools.partial",
    ),
    "rule of one metric": (
        {"alphas": 3, "scoring": ["accuracy"], "refit": "one_standard_error"},
        "or to False. It is 'one_standard_error'.",
    ),
    "metrics of a callable": (
        {"alphas": 3, "scoring": lambda model, X, y: {"b": 1.0, "a": 0.0}},
        "callable to refit: one of ['b', 'a'], functools.partial",
    ),
    "no metric to halve by": (
        {"alphas": 9, "scoring": ["accuracy", "f1_macro"], "refit": False, "halving": 2},
        "names no metric, but scoring gave several: ['accuracy', 'f1_macro']",
    ),
    "alphas as a word": ({"alphas": "all"}, "alphas='all': use 'auto', a number of strengths, or"),
    "alphas as a number": ({"alphas": 0.1}, "alphas=0.1: use 'auto', a number of strengths"),
    "no alphas": ({"alphas": []}, "alphas=[]: use 'auto'"),
    "alphas 0": ({"alphas": 0}, "alphas=0: use 'auto'"),
    "alphas -3": ({"alphas": -3}, "alphas=-3: use 'auto'"),
    "alphas true": ({"alphas": True}, "alphas=True: use 'auto'"),
    "alphas as words": ({"alphas": ["1", "2"]}, "alphas=['1', '2']: use 'auto'"),
    "alphas as a table": ({"alphas": [[1.0]]}, "alphas=[[1.0]]: use 'auto'"),
    "alphas twice": ({"alphas": 3, "param_grid": GRID}, "alpha is in the grid and alphas=3 too"),
    "alphas of others": (
        {"estimator": LogisticRegression(), "alphas": 3},
        "alphas=3 needs an NNO model, at the end of a pipeline or alone",
    ),
    "no split": ({"alphas": 3, "cv": []}, "cv=[] gives no split, so there is nothing to fit."),
    "rule chooses nothing": (
        {"param_grid": GRID, "refit": lambda results: 2},
        "gave 2, but it must be the number of a candidate, from 0 to 1.",
    ),
    "rule is no rule": ({"param_grid": GRID, "refit": lambda results: "best"}, "gave 'best'"),
    "score is no number": (
        {"param_grid": GRID, "scoring": lambda model, X, y: "good"},
        "scoring must return numbers, but 'score' is 'good'.",
    ),
    "scores are no numbers": (
        {"param_grid": GRID, "scoring": lambda model, X, y: {"a": [1.0, 2.0]}, "refit": "a"},
        "scoring must return numbers, but 'a' is [1.0, 2.0].",
    ),
    "score is an array": (
        {"param_grid": GRID, "scoring": lambda model, X, y: np.ones(2)},
        "scoring must return numbers, but 'score' is array([1., 1.]).",
    ),
    "strengths of others": (
        {"estimator": LogisticRegression(), "param_grid": {"C": [1.0]},
         "refit": "one_standard_error"},
        "no alpha that could be compared",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    params, said = MISTAKES[name]
    fitted = NNOSearchCV(CLASSIFIER, GRID, cv=2).fit(X, LABELS)
    kept, before = dict(vars(fitted)), fitted.best_estimator_.predict(X)
    changed = {"estimator": CLASSIFIER, "param_grid": None, **params}
    fitted.set_params(**changed)
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        fitted.fit(X, LABELS)
    assert said in str(caught.value)
    for attribute in [name for name in kept if name.endswith("_")]:
        assert vars(fitted)[attribute] is kept[attribute]
    np.testing.assert_array_equal(fitted.best_estimator_.predict(X), before)


def test_rules_without_scores():
    with pytest.raises(ValueError, match="one_standard_error: no candidate has a score"):
        one_standard_error({"mean_test_score": np.array([np.nan])})
    with pytest.raises(ValueError, match=r"metric='auc' is no score here; those are \['score'\]"):
        one_standard_error({"mean_test_score": np.zeros(1)}, "auc")
    results = {"mean_test_score": np.zeros(2), "std_test_score": np.zeros(2), "params": [{}, {}]}
    with pytest.raises(ValueError, match="no alpha that could be compared"):
        one_standard_error({**results, "split0_test_score": np.zeros(2)})


class FailsOnAll(NNORegressor):
    """Fits parts of the rows only."""

    def fit(self, X, y, sample_weight=None):
        if len(y) == 60:
            raise RuntimeError("too many rows")
        return super().fit(X, y, sample_weight)


def test_a_failed_refit_leaves_the_last_search():
    search = NNOSearchCV(REGRESSOR, GRID, cv=2).fit(X, NUMBERS)
    before = dict(vars(search))
    with pytest.raises(RuntimeError, match="too many rows"):
        search.set_params(estimator=FailsOnAll(), alphas=None).fit(X, NUMBERS)
    for bad in ((X[:10], NUMBERS), (X, NUMBERS * np.nan), (None, NUMBERS), (X[:1], NUMBERS[:1])):
        with warnings.catch_warnings(), pytest.raises((ValueError, TypeError)):
            warnings.simplefilter("ignore")
            search.set_params(estimator=REGRESSOR).fit(*bad)
    assert {k: v for k, v in vars(search).items() if k.endswith("_")} == {
        k: v for k, v in before.items() if k.endswith("_")
    }
    assert search.predict(X).shape == (60,)
