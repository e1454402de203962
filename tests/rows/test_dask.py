"""Rows in collections of Dask: the optimum and the certificate of the same rows in one place."""

import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from nno_sklearn import (
    EarlyStopping,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    condense,
    linear_model,
)
from nno_sklearn.inspection import coefficients
from nno_sklearn.linear_model import LinearSVC, LogisticRegression, PoissonRegressor
from nno_sklearn.rows import dask_shards
from tests.estimators import ANYWHERE

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

N, P, CHUNK = 600, 6, 170
ALPHA, TOL = 1e-2, 1e-11


def make(kind="numbers", n=N, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, P)) * rng.uniform(0.5, 2.0, P) + rng.normal(size=P)
    X[rng.random((n, P)) < 0.3] = 0.0
    eta = X @ rng.normal(size=(P, 3)) / 2 + rng.normal(size=(n, 3))
    targets = {
        "numbers": eta[:, 0],
        "counts": rng.poisson(np.exp(0.3 * eta[:, 0])).astype(float),
        "positive": np.exp(0.3 * eta[:, 0]),
        "two": np.where(eta[:, 0] > 0, "yes", "no"),
        "three": np.array(["a", "b", "c"])[eta.argmax(axis=1)],
        "several": eta,
    }
    return X, targets[kind]


def dense(X, chunks=CHUNK):
    return da.from_array(X, chunks=(chunks, 4))  # columns in two chunks


def csr(X, chunks=CHUNK):
    return da.from_array(X, chunks=(chunks, -1)).map_blocks(sparse.csr_array)


def rows_of(y, chunks=CHUNK):
    return da.from_array(y, chunks=(chunks,) + (-1,) * (y.ndim - 1))


PENALTIES = "l2", "l1", "elasticnet", "group_lasso", "slope", None
CONTAINERS = {
    "csr": (sparse.csr_array, np.asarray),
    "dask": (lambda X: dense(X), lambda y: rows_of(y)),
    "dask of csr": (lambda X: csr(X), lambda y: rows_of(y)),
}


@pytest.mark.pairwise
@pytest.mark.parametrize("loss", ANYWHERE)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_same_optimum_as_in_one_place(loss, penalty, container, kind):
    """Arrays of torch and of array-api-strict have the same grid in ``tests/test_array_api.py``."""
    estimator, target = ANYWHERE[loss]
    X, y = make(target)
    X, near = X.astype(kind), 1e-10 if kind is np.float64 else 1e-6
    rows, targets = CONTAINERS[container]
    model = estimator(loss.split("-")[0], penalty=penalty, alpha=0.03, tol=near / 2, random_state=0)
    here = clone(model).fit(X, y)
    there = model.fit(rows(X), targets(y))
    assert here.converged_ and there.converged_, there.advice_
    assert there.objective_ == pytest.approx(here.objective_, rel=near)
    assert there.optimality_ <= model.tol
    assert np.isfinite(there.dual_gap_) == np.isfinite(here.dual_gap_)
    assert type(there.coef_) is np.ndarray and there.coef_.shape == here.coef_.shape
    assert there.coef_.dtype == kind and there.n_features_in_ == P
    predicted = there.predict(rows(X))
    assert isinstance(predicted, da.Array) == container.startswith("dask")
    predicted, expected = np.asarray(predicted), there.predict(X)
    if estimator is NNOClassifier:
        np.testing.assert_array_equal(predicted, expected)
    else:  # sums of sparse rows are in another order
        np.testing.assert_allclose(predicted, expected, rtol=1e-4 if kind is np.float32 else 1e-9)
    score = there.score(rows(X), targets(y))
    assert score == pytest.approx(there.score(X, y), rel=1e-5 if kind is np.float32 else 1e-9)


@pytest.mark.parametrize("rows", [dense, csr])
def test_a_penalty_that_is_not_convex(rows):
    X, y = make("two")
    options = {"penalty": "mcp", "alpha": ALPHA, "tol": TOL, "random_state": 0}
    here = NNOClassifier(**options).fit(X, y)
    there = NNOClassifier(**options).fit(rows(X), rows_of(y))
    assert here.converged_ and there.converged_
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-10)


def test_float32_stays():
    X, y = make("two")
    options = {"alpha": ALPHA, "tol": 1e-7, "random_state": 0}
    here = NNOClassifier(**options).fit(X.astype(np.float32), y)
    there = NNOClassifier(**options).fit(dense(X.astype(np.float32)), rows_of(y))
    assert there.coef_.dtype == np.float32
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-6)
    probability = there.predict_proba(dense(X.astype(np.float32)))
    assert probability.dtype == np.float32 and probability.shape == (N, 2)
    assert there.decision_function(dense(X)).shape == (N,)


@pytest.mark.parametrize("kind", ["two", "three"])
def test_weights_and_class_weights(kind):
    X, y = make(kind)
    weight = np.random.default_rng(3).integers(0, 3, N).astype(float)
    weight[:CHUNK] = 0.0  # a part without any
    options = {"alpha": ALPHA, "tol": TOL, "class_weight": "balanced", "random_state": 0}
    here = NNOClassifier(**options).fit(X, y, weight)
    for given in (weight, rows_of(weight), rows_of(weight, 100)):
        there = NNOClassifier(**options).fit(dense(X), rows_of(y), given)
        assert there.objective_ == pytest.approx(here.objective_, rel=1e-10)
    score = there.score(dense(X), rows_of(y), rows_of(weight))
    assert score == pytest.approx(there.score(X, y, weight))


def test_a_partition_without_events():
    X, y = make("counts")
    y[:CHUNK] = 0.0
    model = NNORegressor("poisson", alpha=ALPHA, tol=TOL)
    there = clone(model).fit(dense(X), rows_of(y))
    np.testing.assert_allclose(there.coef_, model.fit(X, y).coef_, atol=1e-6)
    with pytest.raises(ValueError, match="at least one target y > 0 in each output"):
        model.fit(dense(X), rows_of(0.0 * y))


def test_offsets():
    X, y = make("counts")
    offset = np.random.default_rng(1).normal(size=N)
    model = NNORegressor(loss="poisson", alpha=ALPHA, tol=TOL, penalty="l1")
    here = model.fit(X, y, offset=offset).objective_
    there = model.fit(dense(X), rows_of(y), offset=rows_of(offset))
    assert there.objective_ == pytest.approx(here, rel=1e-10)
    predicted = model.predict(dense(X), offset=rows_of(offset))
    np.testing.assert_allclose(predicted.compute(), model.predict(X, offset=offset))
    scores = (
        model.score(dense(X), rows_of(y), offset=rows_of(offset)),
        model.score(X, y, offset=offset),
    )
    assert scores[0] == pytest.approx(scores[1])


def test_landmarks_and_cells_of_shards():
    X, y = make("two", n=4000)
    options = {"alpha": 1e-4, "tol": 1e-9, "random_state": 0, "solver": "nearest_neighbor"}
    here = NNOClassifier(**options).fit(X, y)
    there = NNOClassifier(**options).fit(dense(X, 900), rows_of(y, 900))
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-9)


@pytest.mark.parametrize("kind", [LogisticRegression, LinearSVC, PoissonRegressor])
def test_twins_inherit_it(kind):
    X, y = make("counts" if kind is PoissonRegressor else "three")
    here, there = kind(tol=1e-9).fit(X, y), kind(tol=1e-9).fit(dense(X), rows_of(y))
    np.testing.assert_allclose(there.coef_, here.coef_, atol=1e-4)
    np.testing.assert_array_equal(there.predict(dense(X)).compute()[:9], there.predict(X[:9]))
    assert there.score(dense(X), rows_of(y)) == pytest.approx(there.score(X, y))


KINDS = {
    NNOClassifier: "two",
    NNORegressor: "numbers",
    **{
        kind: target
        for target, names in {
            "numbers": "ElasticNet HuberRegressor Lasso LinearRegression LinearSVR Ridge "
            "QuantileRegressor SGDRegressor",
            "counts": "PoissonRegressor TweedieRegressor",
            "three": "LinearSVC LogisticRegression RidgeClassifier SGDClassifier",
            "several": "MultiTaskElasticNet MultiTaskLasso",
        }.items()
        for kind in (getattr(linear_model, name) for name in names.split())
    },
}
#: Of a row each: lazy, whoever asks.
PREDICTIONS = "predict", "predict_proba", "predict_log_proba", "decision_function"


@pytest.fixture
def _nothing_is_gathered(monkeypatch):
    def gathered(*args, **options):
        pytest.fail("all rows came to this process")

    monkeypatch.setattr(da.Array, "__array__", gathered)


def check_predictions(model, X):
    for name in PREDICTIONS:
        if hasattr(model, name):
            predicted = getattr(model, name)(dense(X))
            assert isinstance(predicted, da.Array)
            np.testing.assert_array_equal(predicted.compute()[:9], getattr(model, name)(X[:9]))


@pytest.mark.usefixtures("_nothing_is_gathered")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_method_gathers_rows(kind):
    X, y = make(KINDS[kind])
    model = kind().fit(dense(X), rows_of(y))
    check_predictions(model, X)
    assert model.score(dense(X), rows_of(y)) == pytest.approx(model.score(X, y), rel=1e-9)
    pickle.loads(pickle.dumps(model)).predict(X[:9])


CHOOSERS = {
    linear_model.ElasticNetCV: "numbers",
    linear_model.LassoCV: "numbers",
    linear_model.LogisticRegressionCV: "three",
    linear_model.MultiTaskElasticNetCV: "several",
    linear_model.MultiTaskLassoCV: "several",
    linear_model.RidgeCV: "numbers",
}


@pytest.mark.usefixtures("_nothing_is_gathered")
@pytest.mark.parametrize("kind", CHOOSERS, ids=lambda kind: kind.__name__)
def test_twins_that_choose_say_what_to_do_and_score_by_parts(kind):
    X, y = make(CHOOSERS[kind])
    with pytest.raises(ValueError, match=f"{kind.__name__}.*NNOSearchCV.*X.compute"):
        kind().fit(dense(X), rows_of(y))
    model = kind(cv=2).fit(X, y)
    check_predictions(model, X)
    weight = np.random.default_rng(3).uniform(size=N)
    score = model.score(dense(X), rows_of(y), rows_of(weight))
    assert score == pytest.approx(model.score(X, y, weight), rel=1e-9)


@pytest.mark.usefixtures("_nothing_is_gathered")
def test_metrics_of_a_choice():
    X, y = make("two")
    model = linear_model.LogisticRegressionCV(cv=2, scoring="neg_log_loss").fit(X, y)
    score = model.score(dense(X), rows_of(y))
    assert score == pytest.approx(model.score(X, y), rel=1e-9)
    model.scoring = "roc_auc"
    with pytest.raises(ValueError, match="scoring='roc_auc' is not known to be made of sums"):
        model.score(dense(X), rows_of(y))


@pytest.mark.usefixtures("_nothing_is_gathered")
@pytest.mark.parametrize("what", [condense, coefficients])
def test_functions_of_all_rows_say_so(what):
    X, y = make("two")
    given = {condense: (dense(X), rows_of(y), 9), coefficients: (NNOClassifier().fit(X, y),)}
    options = {coefficients: {"X": dense(X), "y": rows_of(y)}}.get(what, {})
    with pytest.raises(ValueError, match=r"needs its rows in one place.*X\.compute"):
        what(*given[what], **options)


def test_a_chosen_ridge_of_folds():
    X, y = make("numbers")
    grid = {"alphas": [1e-3, 1e-1, 1e1], "cv": 3}
    model = linear_model.RidgeCV(**grid).fit(dense(X), rows_of(y))
    assert model.alpha_ in grid["alphas"] and model.converged_


def test_rows_too_large_to_keep_are_read_at_each_look(monkeypatch):
    X, y = make("two")
    reads = []

    def read(block):
        reads.append(len(block))
        return block

    lazy = dense(X).rechunk((CHUNK, -1)).map_blocks(read, dtype=float, meta=np.empty((0, 0)))
    model = NNOClassifier(penalty="l1", alpha=ALPHA, tol=TOL).fit(lazy, rows_of(y))
    kept, objective = len(reads), model.objective_
    monkeypatch.setattr(dask_shards, "MOST_KEPT", 0)
    again = NNOClassifier(penalty="l1", alpha=ALPHA, tol=TOL).fit(lazy, rows_of(y))
    assert kept == 4 and len(reads) - kept > 10 * 4
    assert again.objective_ == pytest.approx(objective, rel=1e-12)


def frames(X, y, n_parts=3):
    pd, dd = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    table = pd.DataFrame(X, columns=[f"c{j}" for j in range(P)]).assign(y=y)
    lazy = dd.from_pandas(table, npartitions=n_parts)
    return table, lazy


def test_data_frames_keep_their_names():
    X, y = make("counts")
    table, lazy = frames(X, y)
    model = NNORegressor(loss="poisson", alpha=ALPHA, tol=TOL)
    expected = model.fit(table.drop(columns="y"), table["y"]).objective_
    model.fit(lazy.drop(columns="y"), lazy["y"])
    assert model.objective_ == pytest.approx(expected, rel=1e-10)
    assert list(model.feature_names_in_) == [f"c{j}" for j in range(P)]
    predicted = model.predict(lazy.drop(columns="y"))
    np.testing.assert_array_equal(predicted.compute(), model.predict(table.drop(columns="y")))
    few = lazy[lazy["c0"] > 0]  # of sizes that no one knows
    score = model.score(few.drop(columns="y"), few["y"])
    chosen = table[table["c0"] > 0]
    assert score == pytest.approx(model.score(chosen.drop(columns="y"), chosen["y"]))


def test_sizes_that_are_not_known():
    X, y = make("two")
    keep = da.from_array(X[:, 0] > 0, chunks=CHUNK)
    lazy = dense(X).rechunk((CHUNK, -1))[keep], rows_of(y)[keep]
    assert np.isnan(lazy[0].shape[0])
    model = NNOClassifier(alpha=ALPHA, tol=TOL).fit(*lazy)
    expected = NNOClassifier(alpha=ALPHA, tol=TOL).fit(X[X[:, 0] > 0], y[X[:, 0] > 0])
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-10)
    assert model.history_[-1].n_samples == (X[:, 0] > 0).sum()


def test_a_mismatch_names_the_partition_and_both_counts():
    X, y = make("two")
    keep, other = np.ones(N, dtype=bool), np.ones(N, dtype=bool)
    other[CHUNK : CHUNK + 3] = False
    lazy = dense(X).rechunk((CHUNK, -1))[rows_of(keep)], rows_of(y)[rows_of(other)]
    counts = f"{CHUNK} rows, but y has {CHUNK - 3}"
    with pytest.raises(ValueError, match=f"Partition 1: X has {counts}"):
        NNOClassifier().fit(*lazy)


def held_out_model():
    return NNOClassifier().set_callbacks(EarlyStopping("accuracy", validation_fraction=0.1))


X, Y = make("two")
REFUSED = {
    "score": (lambda: NNOClassifier("f1").fit(dense(X), rows_of(Y)), "is a score.*X.compute"),
    "stream": (
        lambda: NNOClassifier().partial_fit(dense(X), rows_of(Y), ["no", "yes"]),
        "partial_fit needs its rows in one place.*X.compute",
    ),
    "held-out rows": (
        lambda: held_out_model().fit(dense(X), rows_of(Y)),
        "needs its rows in one place.*X.compute",
    ),
    "X alone in one place": (lambda: NNOClassifier().fit(X, rows_of(Y)), "y is a collection"),
    "other lengths": (
        lambda: NNOClassifier().fit(dense(X), rows_of(Y)[1:]),
        "X has 600 rows, but y has 599",
    ),
    "y in one place": (
        lambda: NNOClassifier().fit(dense(X)[rows_of(X[:, 0]) > 0], Y),
        "compute_chunk_sizes",
    ),
    "other parts": (
        lambda: NNOClassifier().fit(dense(X)[rows_of(X[:, 0]) > 0], rows_of(Y, 300)),
        "X has 4 parts .* but y has 2",
    ),
    "table": (
        lambda: NNOClassifier().fit(dense(X), rows_of(np.eye(2)[(Y == "yes") * 1])),
        "several columns",
    ),
    "one dimension": (lambda: NNOClassifier().fit(rows_of(X[:, 0]), rows_of(Y)), "1 dimension"),
    "one class": (lambda: NNOClassifier().fit(dense(X), rows_of(np.ones(N))), "only one class"),
    "not finite": (
        lambda: NNOClassifier().fit(dense(np.where(X > 2, np.nan, X)), rows_of(Y)),
        "NaN",
    ),
    "no weight": (
        lambda: NNOClassifier().fit(dense(X), rows_of(Y), np.zeros(N)),
        "every sample_weight is zero",
    ),
    "targets": (
        lambda: NNORegressor("poisson").fit(dense(X), rows_of(X[:, 0])),
        "y",
    ),
}


@pytest.mark.parametrize("refused, message", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_split_says_so(refused, message):
    with pytest.raises(ValueError, match=message):
        refused()


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "spawn"}),
        distributed.LocalCluster(**options, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


class TestCluster:
    """Two processes: the same optimum, few and small trips, and workers that die."""

    def test_the_same_optimum(self, client):
        X, y = make("two")
        options = {"penalty": "l1", "alpha": ALPHA, "tol": 1e-8, "random_state": 0}
        here = NNOClassifier(**options).fit(X, y)
        there = NNOClassifier(**options).fit(dense(X), rows_of(y))
        assert there.objective_ == pytest.approx(here.objective_, rel=1e-10)
        predicted = there.predict(dense(X))
        assert isinstance(predicted, da.Array)
        np.testing.assert_array_equal(predicted.compute(), there.predict(X))
        there = pickle.loads(pickle.dumps(there))
        assert there.score(X, y) == pytest.approx(here.score(X, y))

    def test_a_search(self, client):
        X, y = make("two")
        options = {"scoring": "neg_log_loss", "cv": 2}
        search = NNOSearchCV(NNOClassifier(tol=1e-8), {"alpha": [0.1, 0.01]}, **options)
        search.fit(dense(X), rows_of(y))
        assert search.best_score_ == search.cv_results_["mean_test_score"].max() > -0.69
        refitted = NNOClassifier(tol=1e-8, **search.best_params_).fit(X, y)
        assert search.best_estimator_.objective_ == pytest.approx(refitted.objective_, rel=1e-8)

    def test_rows_stay_where_they_are(self, client):
        X, y = client.persist([dense(make("two")[0]).rechunk((CHUNK, -1)), rows_of(make("two")[1])])
        pytest.importorskip("distributed").wait([X, y])
        holders = dask_shards.holders_of(client, X)
        assert None not in holders
        model = NNOClassifier(alpha=ALPHA, tol=TOL)
        session = model.open_session(X, y)
        place = session.pose(model).problem.rows.exchange.place
        assert place.addresses == sorted(set(holders))
        assert session.solve(model).model.converged_

    def fit(self, X, y, at_trip=None, act=None):
        """A fit, something done at one of its trips."""
        model = NNOClassifier(alpha=1e-3, tol=1e-6, random_state=0)
        session = model.open_session(X, y)
        exchange = session.pose(model).problem.rows.exchange
        ask, count = exchange.place.ask, iter(range(10**6))

        def interrupted(request):
            if next(count) == at_trip:
                act()
            return ask(request)

        exchange.place.ask = interrupted
        return session.solve(model).model, exchange

    def test_a_worker_that_dies_changes_nothing(self, client):
        X, y = make("two")
        lazy = dense(X), rows_of(y)

        def kill():
            pid = client.run(os.getpid)
            os.kill(next(iter(pid.values())), signal.SIGKILL)

        expected, _ = self.fit(*lazy)
        model, exchange = self.fit(*lazy, at_trip=6, act=kill)
        assert exchange.requests["(again)"] >= 1
        np.testing.assert_array_equal(model.coef_, expected.coef_)
        assert model.objective_ == expected.objective_

    def test_scattered_rows_that_are_lost(self, client):
        client.wait_for_workers(2)
        X, y = make("two")
        scattered = client.scatter(X), client.scatter(y)
        lazy = (
            da.from_delayed(scattered[0], X.shape, X.dtype),
            da.from_delayed(scattered[1], y.shape, y.dtype),
        )

        def kill():
            for pid in client.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)

        with pytest.raises(RuntimeError, match="Rows were lost with a worker.*scattered"):
            self.fit(*lazy, at_trip=4, act=kill)


def test_dask_is_imported_only_for_its_own_data():
    program = (
        "import sys, numpy as np, nno_sklearn; X = np.eye(4);"
        "nno_sklearn.NNOClassifier().fit(X, [0, 1, 0, 1]).predict(X);"
        "sys.exit('dask' in sys.modules or 'distributed' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
