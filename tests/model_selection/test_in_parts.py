"""A search over collections of Dask: the results of the same folds in one place."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn._containers import predictions
from nno_sklearn.linear_model import PoissonRegressor
from nno_sklearn.model_selection.in_parts import MEANS
from nno_sklearn.rows import dask_shards

da = pytest.importorskip("dask.array")

N, P, CHUNK, N_FOLDS, TOL = 400, 5, 130, 3, 1e-10
ALPHAS = [1.0, 0.1, 0.01, 0.001]


def make(kind="numbers"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P)) * rng.uniform(0.5, 2.0, P) + rng.normal(size=P)
    eta = X @ rng.normal(size=(P, 3)) / 3 + rng.normal(size=(N, 3))
    targets = {
        "numbers": eta[:, 0],
        "several": eta,
        "counts": rng.poisson(np.exp(0.3 * eta[:, 0])).astype(float),
        "two": np.where(eta[:, 0] > 0, "yes", "no"),
    }
    return X, targets[kind]


def lazy(values, chunks=CHUNK):
    return da.from_array(values, chunks=(chunks, *values.shape[1:]))


def folds():
    """The rows of each split: of a part's rows each fold has a range, which moves on by part."""
    fold = np.empty(N, dtype=int)
    for part, low in enumerate(range(0, N, CHUNK)):
        size = min(CHUNK, N - low)
        for place in range(N_FOLDS):
            rows = slice(low + place * size // N_FOLDS, low + (place + 1) * size // N_FOLDS)
            fold[rows] = (place + part) % N_FOLDS
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(N_FOLDS)]


def pair(model, kind, *, grid=None, fit=None, **options):
    """A search in one place, and one over parts of the same rows."""
    X, y = make(kind)
    grid, fit = grid or {"alpha": ALPHAS}, fit or {}
    here = NNOSearchCV(model, grid, cv=folds(), **options).fit(X, y, **fit)
    there = NNOSearchCV(model, grid, cv=N_FOLDS, **options)
    return here, there.fit(lazy(X), lazy(y), **{name: lazy(one) for name, one in fit.items()})


def assert_same(here, there):
    assert set(there.cv_results_) == set(here.cv_results_)
    for name, expected in here.cv_results_.items():
        if name.startswith(("split", "mean_t", "std_t", "rank", "strength")):
            np.testing.assert_allclose(
                there.cv_results_[name], expected, rtol=1e-6, atol=1e-6, err_msg=name
            )
    assert there.best_params_ == here.best_params_
    np.testing.assert_allclose(there.best_estimator_.coef_, here.best_estimator_.coef_, rtol=1e-4)


CASES = {
    "ridge": (NNORegressor(tol=TOL), "numbers", {}),
    "several outputs": (NNORegressor(tol=TOL), "several", {"return_train_score": True}),
    "labels": (NNOClassifier(penalty="l1", tol=TOL), "two", {"scoring": "neg_log_loss"}),
    "accuracy": (NNOClassifier(tol=TOL, class_weight="balanced"), "two", {}),
    "several metrics": (
        NNORegressor("poisson", tol=TOL),
        "counts",
        {"scoring": {"a": "r2", "b": "neg_mean_poisson_deviance"}, "refit": "b"},
    ),
    "deviance": (PoissonRegressor(tol=TOL), "counts", {}),
}


@pytest.mark.parametrize("model, kind, options", CASES.values(), ids=CASES)
def test_the_results_of_the_same_folds_in_one_place(model, kind, options):
    here, there = pair(model, kind, **options)
    assert_same(here, there)
    X, y = make(kind)
    predicted = there.predict(lazy(X))
    assert isinstance(predicted, da.Array)
    np.testing.assert_array_equal(predicted.compute(), there.best_estimator_.predict(X))
    assert there.score(lazy(X), lazy(y)) == pytest.approx(there.score(X, y), rel=1e-9)


@pytest.mark.parametrize("scoring", [name for name in MEANS if name != "neg_mean_gamma_deviance"])
def test_means_of_parts_are_those_of_all(scoring):
    kind = "two" if scoring in ("accuracy", "neg_log_loss") else "counts"
    model = NNOClassifier(tol=TOL) if kind == "two" else NNORegressor("poisson", tol=TOL)
    X, y = make(kind)
    there = NNOSearchCV(model, {"alpha": [0.1]}, scoring=scoring, cv=2).fit(lazy(X), lazy(y))
    assert there.score(lazy(X), lazy(y)) == pytest.approx(there.score(X, y), rel=1e-9)


def test_weights_offsets_and_strengths_from_the_data():
    rng = np.random.default_rng(1)
    fit = {"sample_weight": rng.integers(0, 3, N).astype(float), "offset": rng.normal(size=N)}
    scoring = "neg_mean_poisson_deviance"
    here, there = pair(NNORegressor("poisson", tol=TOL), "counts", fit=fit, scoring=scoring)
    assert_same(here, there)
    X, y = make("counts")
    model = NNORegressor("poisson", penalty="l1", tol=TOL)
    grids = [
        NNOSearchCV(model, alphas=3, cv=2, refit=False).fit(*data).cv_results_["strength"]
        for data in ((X, y), (lazy(X), lazy(y)))
    ]
    np.testing.assert_allclose(grids[1], grids[0], rtol=1e-6)


def test_rows_are_made_once_and_scores_are_small(monkeypatch):
    X, y = make("two")
    reads, told, computed = [], [], predictions.computed

    def read(block):
        reads.append(len(block))
        return block

    def compute(values):
        told.append(computed(values))
        return told[-1]

    monkeypatch.setattr(predictions, "computed", compute)
    given = lazy(X).map_blocks(read, dtype=float, meta=np.empty((0, 0))), lazy(y)
    NNOSearchCV(NNOClassifier(), {"alpha": ALPHAS}, cv=N_FOLDS).fit(*given)
    assert len(reads) == 4  # one for each part
    assert len(told) == N_FOLDS  # one look for the scores of all settings of a split
    assert max(len(pickle.dumps(one)) for one in told) < 0.1 * X.nbytes
    monkeypatch.setattr(dask_shards, "MOST_KEPT", 0)
    NNOSearchCV(NNORegressor(), {"alpha": ALPHAS[:1]}, cv=2, refit=False).fit(
        given[0], lazy(X[:, 0])
    )
    assert len(reads) > 4 * 4  # each look reads them


def test_a_fold_without_rows_says_so():
    X, y = make()
    few = lazy(X[:2], 1), lazy(y[:2], 1)
    search = NNOSearchCV(NNORegressor(), {"alpha": ALPHAS}, cv=3, error_score="raise")
    with pytest.raises(ValueError, match="A fold has no rows of positive weight.*Use fewer folds"):
        search.fit(*few)


def refusal(model=None, *, kind="numbers", fit=None, **options):
    X, y = make(kind)
    model = NNORegressor() if model is None else model
    with pytest.raises(ValueError) as caught:
        NNOSearchCV(model, {"alpha": ALPHAS}, **options).fit(lazy(X), lazy(y), **(fit or {}))
    return str(caught.value)


class OwnScore(NNORegressor):
    def score(self, X, y, sample_weight=None, offset=None):
        return 0.0


def test_what_cannot_be_split_says_what_to_do():
    for said in (
        refusal(cv=KFold(3)),
        refusal(cv=folds()),
        refusal(cv=1),
        refusal(fit={"groups": np.arange(N)}),
        refusal(scoring="neg_median_absolute_error"),
        refusal(NNOClassifier(), kind="two", scoring="roc_auc"),
        refusal(scoring=lambda model, X, y: 0.0),
        refusal(OwnScore()),
    ):
        assert "X.compute()" in said
    assert "folds of a collection of Dask are ranges of the rows" in refusal(cv=KFold(3))
    assert "scoring='roc_auc' is not known to be made of sums" in refusal(
        NNOClassifier(), kind="two", scoring="roc_auc"
    )
    assert "the score of OwnScore" in refusal(OwnScore())
    assert "Use n_jobs=None" in refusal(n_jobs=2)
    with joblib.parallel_config(n_jobs=2):
        assert "outside of joblib.parallel_config" in refusal()
    said = refusal(NNOClassifier(), kind="several")
    assert "y is a collection of Dask with several columns" in said
    X, y = make()
    model = make_pipeline(StandardScaler(), NNORegressor())
    with pytest.raises(ValueError, match=r"takes an NNO model by itself.*X.compute"):
        NNOSearchCV(model, {"nnoregressor__alpha": ALPHAS}).fit(lazy(X), lazy(y))
    with pytest.raises(ValueError, match="needs its rows in one place"):
        NNOSearchCV(NNORegressor(), {"alpha": ALPHAS}).fit(X, lazy(y))
