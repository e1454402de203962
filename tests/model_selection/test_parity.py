"""NNOSearchCV gives what GridSearchCV and RandomizedSearchCV give."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import loguniform
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC

from nno_sklearn import (
    NearestNeighborSolver,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    ProximalSolver,
)
from nno_sklearn.losses import Huber
from nno_sklearn.penalties import ElasticNet
from nno_sklearn.solvers import SOLVERS
from tests.model_selection.searches import (
    ALPHAS,
    GROUPS,
    KINDS,
    LABELS,
    NUMBERS,
    SIZE,
    WEIGHT,
    X,
    assert_same_search,
    both,
    data_of,
    penalties_of,
)
from tests.problems import CONTAINERS, LOSSES
from tests.user_objects import Box

EXACT = {"tol": 1e-12, "max_iter": 5000}
CLASSIFIER, REGRESSOR = NNOClassifier(**EXACT), NNORegressor(**EXACT)
PIPELINE = Pipeline([("scale", StandardScaler()), ("reduce", PCA(3)), ("model", CLASSIFIER)])
SPARSE_OR_NOT = {"dense": np.asarray, **CONTAINERS}


@pytest.mark.each_value
@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "auto"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_penalty_and_solver(loss, solver):
    model, y = data_of(loss)
    grid = {"alpha": ALPHAS, "penalty": penalties_of(solver, loss)}
    split = {"cv": ShuffleSplit(1, test_size=0.4, random_state=0), "refit": False}
    ours, theirs = both(model.set_params(solver=solver), grid, X, y, scoring=SIZE, **split)
    assert_same_search(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize("container", SPARSE_OR_NOT)
def test_containers_and_weights(container):
    model, y = (CLASSIFIER, LABELS) if "csc" in container else (REGRESSOR, NUMBERS)
    grid = {"alpha": ALPHAS, "penalty": ["l2", "elasticnet"]}
    given = SPARSE_OR_NOT[container](X)
    weights = (None, list(WEIGHT), np.round(WEIGHT)) if container == "dense" else (WEIGHT,)
    for weight in weights:
        ours, theirs = both(
            model, grid, given, y, scoring={"size": SIZE}, refit="size",
            fit={} if weight is None else {"sample_weight": weight},
        )  # fmt: skip
        assert_same_search(ours, theirs)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_float32_stays_float32(container):
    single = container(X.astype(np.float32))
    model = NNOClassifier(penalty="elasticnet", tol=1e-5)
    ours, theirs = both(model, {"alpha": ALPHAS}, single, LABELS, scoring=SIZE)
    assert_same_search(ours, theirs, rtol=0.02)
    assert ours.best_estimator_.coef_.dtype == np.float32
    assert ours.mean_coef_[0].dtype == np.float32


CASES = {
    "class weights": (CLASSIFIER, {"class_weight": [None, "balanced", {"no": 1, "yes": 5}]}),
    "intercept": (CLASSIFIER, {"fit_intercept": [True, False], "alpha": ALPHAS}),
    "solvers by name": (CLASSIFIER, {"solver": list(SOLVERS), "alpha": ALPHAS}),
    "solver objects": (
        NNOClassifier(solver=NearestNeighborSolver(), **EXACT),
        {"solver__n_landmarks": [5, 10], "alpha": ALPHAS},
    ),
    "solver objects and names": (
        CLASSIFIER,
        [
            {"solver": [NearestNeighborSolver(), ProximalSolver()]},
            {"solver": [NearestNeighborSolver()], "solver__n_landmarks": [3, 7]},
        ],
    ),
    "loss parameters": (
        NNORegressor(Huber(), penalty="elasticnet", **EXACT),
        {"loss__delta": [0.3, 1.0, 3.0], "alpha": ALPHAS, "l1_ratio": [0.1, 0.9]},
    ),
    "losses by name": (
        NNORegressor(**EXACT), {"loss": ["squared_error", "huber"], "alpha": ALPHAS}
    ),
    "penalty parameters": (
        NNORegressor(penalty=Box(), **EXACT), {"penalty__high": [0.1, np.inf], "alpha": ALPHAS}
    ),
    "no penalty among others": (REGRESSOR, {"penalty": [None, "l1"], "alpha": [0.0, 0.1]}),
    "list of grids": (
        CLASSIFIER,
        [{"alpha": ALPHAS}, {"penalty": ["l1"], "alpha": [0.02]}, {"fit_intercept": [False]}],
    ),
    "one candidate": (CLASSIFIER, {}),
    "same candidate twice": (CLASSIFIER, {"alpha": [0.1, 0.1, 0.01]}),
    "numpy values": (
        CLASSIFIER, {"alpha": np.logspace(-2, 0, 3), "max_iter": np.array([4000, 5000])}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_grids(name):
    model, grid = CASES[name]
    y = LABELS if isinstance(model, NNOClassifier) else NUMBERS
    assert_same_search(*both(model, grid, X, y, scoring=SIZE, return_train_score=True))


PIPELINES = {
    "alone": (make_pipeline(CLASSIFIER), {"nnoclassifier__alpha": ALPHAS}),
    "model only": (PIPELINE, {"model__alpha": ALPHAS, "model__penalty": ["l1", "l2"]}),
    "preprocessing only": (PIPELINE, {"reduce__n_components": [1, 3]}),
    "both": (PIPELINE, {"scale__with_std": [True, False], "model__alpha": ALPHAS}),
    "steps replaced": (
        PIPELINE,
        {
            "scale": [StandardScaler(), MinMaxScaler(), "passthrough"],
            "reduce": [PCA(2), None],
            "model__alpha": ALPHAS,
        },
    ),
    "passthrough from the start": (
        Pipeline([("a", "passthrough"), ("model", CLASSIFIER)]), {"model__alpha": ALPHAS}
    ),
    "models of two kinds": (
        PIPELINE,
        [
            {"model": [CLASSIFIER, NNOClassifier("squared_hinge", **EXACT)]},
            {"model": [LogisticRegression(), SVC()], "reduce": ["passthrough"]},
            {"model": [LogisticRegression()], "model__C": [0.1, 10.0]},
            {"model": [CLASSIFIER], "model__alpha": ALPHAS, "scale": ["passthrough"]},
        ],
    ),
    "pipeline in a pipeline": (
        Pipeline([("outer", MinMaxScaler()), ("inner", PIPELINE)]), {"inner__model__alpha": ALPHAS}
    ),
    "pipeline before the model": (
        Pipeline([("before", make_pipeline(StandardScaler(), PCA())), ("model", CLASSIFIER)]),
        {"before__pca__n_components": [2, 4], "model__alpha": ALPHAS},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines(name):
    pipeline, grid = PIPELINES[name]
    assert_same_search(
        *both(pipeline, grid, X, LABELS, return_train_score=True, scoring=["accuracy", "roc_auc"],
              refit="roc_auc")
    )  # fmt: skip


def test_data_frames():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(X, columns=list("vwxyz")).assign(kind=rng.choice(["p", "q"], len(X)))
    frame.loc[::7, "v"] = np.nan
    frame.index = rng.permutation(len(X))
    labels = pd.Series(LABELS, index=frame.index)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), SplineTransformer(4)), ["v", "w"]),
        (OneHotEncoder(), ["kind"]),
        remainder=StandardScaler(),
    )
    pipeline = Pipeline([("columns", columns), ("model", CLASSIFIER)])
    grid = {
        "columns__pipeline__splinetransformer__n_knots": [3, 4],
        "columns__pipeline__simpleimputer__strategy": ["mean", "median"],
        "model__alpha": ALPHAS,
    }
    ours, theirs = both(pipeline, grid, frame, labels, scoring="neg_log_loss")
    assert_same_search(ours, theirs)
    np.testing.assert_array_equal(ours.feature_names_in_, theirs.feature_names_in_)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", REGRESSOR)])
    pipeline.set_output(transform="pandas")
    numbers = frame[list("wxyz")]
    ours, theirs = both(pipeline, {"model__alpha": ALPHAS}, numbers, pd.Series(NUMBERS))
    assert_same_search(ours, theirs)
    assert ours.best_estimator_["model"].feature_names_in_.tolist() == list("wxyz")
    assert_same_search(*both(REGRESSOR, {"alpha": ALPHAS}, numbers, pd.Series(NUMBERS)))


def test_several_outputs_and_classes():
    several = np.column_stack([NUMBERS, X[:, 0], NUMBERS + X[:, 1]])
    for model in (REGRESSOR, NNORegressor("huber", penalty="elasticnet", **EXACT)):
        assert_same_search(
            *both(model, {"alpha": ALPHAS}, X, several, return_train_score=True, scoring=SIZE)
        )
    grid = {"alpha": ALPHAS, "penalty": ["l1", "l2"], "class_weight": [None, "balanced"]}
    for loss in ("log_loss", "squared_hinge"):
        model = NNOClassifier(loss, **EXACT)
        ours, theirs = both(model, grid, X, KINDS, scoring=SIZE)
        assert_same_search(ours, theirs)
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        assert ours.mean_coef_[0].shape == (3, X.shape[1])


@pytest.mark.parametrize(
    "cv",
    [
        3,
        KFold(3, shuffle=True, random_state=0),
        GroupKFold(3),
        ShuffleSplit(2, random_state=1),
        PredefinedSplit(np.arange(60) % 3 - 1),
        [(np.arange(45), np.arange(40, 60))],
    ],
    ids=["number", "KFold", "groups", "shuffle", "predefined", "list"],
)
def test_splitters(cv):
    groups = {"groups": GROUPS} if isinstance(cv, GroupKFold) else {}
    ours, theirs = both(CLASSIFIER, {"alpha": ALPHAS}, X, LABELS, cv=cv, fit=groups)
    assert_same_search(ours, theirs)


def test_lists_for_data_and_a_generator_for_splits():
    data, grid = (X.tolist(), LABELS.tolist()), {"alpha": ALPHAS}
    ours = NNOSearchCV(CLASSIFIER, grid, cv=iter([(range(45), range(45, 60))])).fit(*data)
    theirs = GridSearchCV(CLASSIFIER, grid, cv=[(range(45), range(45, 60))]).fit(*data)
    assert_same_search(ours, theirs)


def scaled_loss(estimator, X, y):
    """A scorer that looks into the pipeline."""
    assert isinstance(estimator, Pipeline) and estimator["scale"].n_features_in_ == X.shape[1]
    return -log_loss(y, estimator.predict_proba(X)) - np.abs(estimator[-1].coef_).sum()


def several_numbers(estimator, X, y):
    proba = estimator.predict_proba(X)
    return {"loss": -log_loss(y, proba), "largest": np.float32(proba.max())}


SCORINGS = {
    "callable": (scaled_loss, True),
    "dict by a callable": (several_numbers, "loss"),
    "dict by a callable, no refit": (several_numbers, False),
    "dict by a callable, chosen by a callable": (several_numbers, lambda results: 1),
    "list": (["accuracy", "neg_log_loss"], "neg_log_loss"),
    "tuple, chosen by a callable": (("accuracy", "neg_log_loss"), lambda results: 2),
    "dict": ({"one": scaled_loss, "two": "f1_macro", "three": make_scorer(
        log_loss, response_method="predict_proba",
        greater_is_better=False)}, "three"),
    "name of the only metric": ("accuracy", "accuracy"),
    "no refit": ("balanced_accuracy", False),
    "none": (None, True),
}  # fmt: skip


@pytest.mark.parametrize("name", SCORINGS)
def test_scoring(name):
    scoring, refit = SCORINGS[name]
    ours, theirs = both(
        PIPELINE, {"scale__with_mean": [True, False], "model__alpha": ALPHAS}, X, LABELS,
        scoring=scoring, refit=refit, return_train_score=True,
    )  # fmt: skip
    assert_same_search(ours, theirs)
    assert repr(ours.scorer_) == repr(theirs.scorer_)
    if refit and not callable(refit):
        assert ours.score(X, LABELS) == pytest.approx(theirs.score(X, LABELS), rel=1e-5)


@pytest.mark.parametrize("model", [CLASSIFIER, RandomForestClassifier(3, random_state=0)])
def test_random_draws(model):
    nets = [ElasticNet(0.1), ElasticNet(0.5), "l2"]
    draws = {"alpha": loguniform(1e-3, 1), "penalty": nets, "fit_intercept": [True, False]}
    if model is not CLASSIFIER:
        draws = {"max_depth": [1, 2, 3, 4], "min_samples_leaf": [1, 3]}
    params = {"n_iter": 5, "cv": 2, "random_state": 3}
    ours = NNOSearchCV(model, param_distributions=draws, **params).fit(X, LABELS)
    assert_same_search(ours, RandomizedSearchCV(model, draws, **params).fit(X, LABELS))
    again = NNOSearchCV(model, param_distributions=[draws], **params).fit(X, LABELS)
    assert again.best_params_ == ours.best_params_


def test_penalties_of_the_grid_include_all():
    assert len(penalties_of("proximal", "log_loss")) == 4
    assert len(penalties_of("gd", "log_loss")) == 2
