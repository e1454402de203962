"""partial_fit: what a stream teaches, whatever its batches, its order and its kind of rows."""

import pickle
from functools import cache, partial
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_sample_weight

from nno_sklearn import (
    L2,
    CellStream,
    GroupLasso,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    Solver,
    Stream,
)
from nno_sklearn.neighbors import CellMemory
from nno_sklearn.streams import STREAMS, AdaptiveGradient, FollowTheLeader
from nno_sklearn.streams.cell_learner import CellLearner
from nno_sklearn.streams.refit import Refit
from tests import estimators
from tests.estimators import LOSSES, REGRESSION

SOLVERS = ("nearest_neighbor", "gd", "proximal")
SCALES = np.array([1.0, 100.0, 0.01, 1.0])


def data(loss, n=5000, seed=0):
    """Columns of different means and units; labels are strings."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 4))
    Z[:, 3] = Z[:, 2] ** 2
    eta = Z @ [1.0, -0.6, 0.4, 0.3] - 0.3
    X = (Z + [0, 3, 0, 1]) * SCALES
    if loss == "poisson":
        return X, rng.poisson(np.exp(0.5 * eta)).astype(float)
    if loss == "negative_binomial":
        return X, rng.poisson(np.exp(0.5 * eta) * rng.gamma(3, size=n) / 3).astype(float)
    if loss == "tweedie":
        return X, rng.poisson(2 * np.exp(0.5 * eta)) * rng.gamma(4, size=n)
    if loss == "gamma":
        return X, np.exp(0.5 * eta) * rng.gamma(3, size=n)
    noise = rng.standard_t(2, n) if loss == "huber" else rng.logistic(size=n)
    return X, (eta + noise + 5 if loss in REGRESSION else np.where(eta + noise > 0, "yes", "no"))


def several_classes(n=24_000):
    """Three classes, twenty columns, a softmax."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 20))
    return X, (0.5 * X @ rng.normal(size=(20, 3)) + rng.gumbel(size=(n, 3))).argmax(axis=1)


make = partial(estimators.make, alpha=1e-3)


def stream(model, X, y, size=2000, **options):
    """Learn batch by batch."""
    if isinstance(model, NNOClassifier):
        options.setdefault("classes", np.unique(y))
    for first in range(0, X.shape[0], size):
        batch = slice(first, first + size)
        model.partial_fit(X[batch], y[batch], **options)
    return model


def distance(model, other, scales=SCALES):
    """Between coefficients, relative, in units of the columns' scales."""
    step = (model.coef_ - other.coef_) * scales
    return np.linalg.norm(step) / np.linalg.norm(other.coef_ * scales)


def identical(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)


@cache
def batch_fit(loss, penalty):
    return make(loss, penalty=penalty).fit(*data(loss))


class TestAccuracy:
    @pytest.mark.pairwise
    @pytest.mark.parametrize(
        ("penalty", "solver"),
        [(p, s) for p, solvers in estimators.SOLVERS.items() for s in SOLVERS if s in solvers],
    )
    @pytest.mark.parametrize("loss", LOSSES)
    def test_one_pass_is_close_to_the_batch_fit(self, solver, loss, penalty):
        X, y = data(loss)
        model = stream(make(loss, penalty=penalty, solver=solver), X, y)
        assert distance(model, batch_fit(loss, penalty)) < (
            0.02 if solver == "nearest_neighbor" else 0.2
        )
        assert model.n_samples_seen_ == 5000

    @pytest.mark.pairwise
    @pytest.mark.parametrize("size", [30, 100, 10_000])
    @pytest.mark.parametrize("penalty", ["l2", "l1"])
    @pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris])
    def test_nearly_separable_classes_as_in_a_batch_fit(self, load, penalty, size):
        """All rows are pending; the loss at the optimum is far below the constant model's."""
        X, y = load(return_X_y=True)
        train, test, y_train, y_test = train_test_split(X, y, random_state=0)
        model = stream(NNOClassifier(penalty=penalty), train, y_train, size=size)
        full = NNOClassifier(penalty=penalty, tol=1e-7).fit(train, y_train)
        expected = log_loss(y_test, full.predict_proba(test))
        # Calls of few rows may leave the last hundredth of them for the next refit.
        assert log_loss(y_test, model.predict_proba(test)) == pytest.approx(expected, rel=0.01)

    @pytest.mark.parametrize("loss", ["huber", "poisson", "log_loss"])
    def test_equal_rows_with_different_targets_share_cells(self, loss):
        """For a loss nonlinear in the target, the remainder corrects the use of mean targets."""
        rng = np.random.default_rng(0)
        X = rng.integers(0, 3, (6000, 3)).astype(float)
        eta = X @ [0.5, -0.5, 0.2]
        y = {
            "huber": eta + rng.standard_t(1.5, 6000),
            "poisson": rng.poisson(np.exp(eta)),
            "log_loss": np.where(eta + rng.logistic(size=6000) > 0, "yes", "no"),
        }[loss]
        model = stream(make(loss, stream=CellStream(n_cells=40)), X, y)
        assert len(model._learnt.state.cells) <= 40
        assert distance(model, make(loss).fit(X, y), 1.0) < 0.03

    def test_rows_that_are_all_in_memory_lose_nothing(self):
        X, y = data("log_loss", 4500)
        cells = CellStream(n_cells=3000)
        model = stream(make("log_loss", stream=cells), X[:3500], y[:3500])
        state = model._learnt.state
        assert len(state.cells) == 3000 and state.n_rows == 3500
        X, y = X[:3500], y[:3500]
        assert distance(model, make("log_loss", tol=1e-8).fit(X, y)) < 1e-3

    def test_squared_error_is_exact(self):
        X, y = data("squared_error")
        cells = CellStream(n_cells=10)
        model = stream(make("squared_error", stream=cells, tol=1e-10), X, y, size=777)
        assert distance(model, make("squared_error", tol=1e-10).fit(X, y)) < 1e-6

    @pytest.mark.parametrize("descending", [False, True])
    def test_class_sorted_stream(self, descending):
        X, y = data("log_loss")
        order = np.argsort(y, kind="stable")[:: -1 if descending else 1]
        model = stream(make("log_loss"), X[order], y[order])
        full = make("log_loss").fit(X, y)
        losses = [
            -m.predict_log_proba(X)[np.arange(len(y)), (y == "yes") * 1].mean()
            for m in (model, full)
        ]
        assert losses[0] < 1.05 * losses[1]

    def test_strong_classes_one_after_the_other(self):
        """A class is in cells before the model knows what it is told from."""
        X, y = make_classification(
            8000,
            16,
            n_informative=8,
            n_classes=6,
            n_clusters_per_class=1,
            class_sep=2.5,
            random_state=0,
        )
        order = np.argsort(y, kind="stable")
        model = stream(NNOClassifier(alpha=1e-3), X[order], y[order], size=1000)
        full = NNOClassifier(alpha=1e-3).fit(X, y)
        losses = [log_loss(y, one.predict_proba(X)) for one in (model, full)]
        assert losses[0] < 1.05 * losses[1]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("seed", [0, 1])
    def test_two_strong_classes_one_after_the_other(self, seed, descending):
        """Of rows that a model is sure of, means say that it should be less so: far from the
        boundary the loss is no quadratic. Such models were half as large, at 1.4 times the loss."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(12_000, 20)) @ (np.eye(20) + 0.3 * rng.normal(size=(20, 20)))
        eta = 8.0 * X @ rng.normal(size=20) / np.sqrt(20)
        y = (eta + rng.logistic(size=len(X)) > 0).astype(int)
        order = np.argsort(-y if descending else y, kind="stable")
        model = stream(NNOClassifier(alpha=1e-3), X[order], y[order], size=1000)
        full = NNOClassifier(alpha=1e-3).fit(X, y)
        losses = [log_loss(y, one.predict_proba(X)) for one in (model, full)]
        assert losses[0] < 1.1 * losses[1]
        assert 0.8 < np.linalg.norm(model.coef_) / np.linalg.norm(full.coef_) < 1.25

    @pytest.mark.parametrize("how", STREAMS)
    @pytest.mark.parametrize(("n", "unit"), [(1000, 1e4), (1000, 50.0), (8000, 2e3)])
    def test_targets_in_a_unit_that_is_small_beside_delta(self, n, unit, how):
        """Hardly any row is on the parabola: Newton's steps once had next to no curvature, and
        models a loss of up to 1e10."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(n, 5)) * [1.0, 1e3, 1e-2, 1.0, 1.0]
        signal = X @ (rng.normal(size=5) / X.std(axis=0))
        y = 20 * unit + unit * (signal + 0.5 * rng.standard_t(3, n))
        penalty = "l2" if how in ("adagrad", "auto") else "l1"
        model = stream(
            NNORegressor("huber", penalty=penalty, alpha=1e-6, stream=how), X, y, size=n // 20
        )
        full = NNORegressor("huber", penalty=penalty, alpha=1e-6).fit(X, y)
        ours, least = (full.loss_.value(y, m.predict(X)).mean() for m in (model, full))
        assert ours < (1.02 if how in ("auto", "cells") else 2.0) * least

    @pytest.mark.parametrize("seed", [0, 1])
    @pytest.mark.parametrize("loss", ["gamma", "poisson"])
    def test_heavy_tails_under_an_exponential(self, loss, seed):
        """Few far rows hold the coefficients; what is known of the others' gradient is linear, and
        once took models of gamma targets to coefficients of 1e6 and a loss of inf."""
        rng = np.random.default_rng(seed)
        X = rng.standard_t(3.0 - seed, size=(10_000, 5))
        mean = np.exp(np.clip(0.3 * X @ rng.normal(size=5), -30, 4))
        y = mean * rng.gamma(3, size=len(X)) / 3 + 1e-9
        y = y if loss == "gamma" else rng.poisson(mean).astype(float)
        model = stream(make(loss, stream="cells"), X, y, size=500)
        full, value = make(loss).fit(X, y), model.loss_.value
        ours, least = (value(y, X @ m.coef_ + m.intercept_).mean() for m in (model, full))
        null = value(y, np.full(len(y), np.log(y.mean()))).mean()
        assert ours - least < 0.25 * (null - least)

    def test_each_chunk_is_refitted_once(self, monkeypatch):
        counts, fit, absorb = [], CellLearner._fit, CellLearner._absorb
        monkeypatch.setattr(
            CellLearner, "_absorb", lambda *args: [counts.append(0), absorb(*args)][1]
        )

        def counted(*args):
            counts[-1] += 1
            return fit(*args)

        monkeypatch.setattr(CellLearner, "_fit", counted)
        X, y = several_classes()
        model = stream(NNOClassifier(alpha=1e-3), X, y)
        assert counts == [1] * 12
        full = NNOClassifier(alpha=1e-3, tol=1e-8).fit(X, y)
        losses = [log_loss(y, one.predict_proba(X)) for one in (model, full)]
        assert losses[0] < (1 + 1e-4) * losses[1]

    @pytest.mark.parametrize(
        "options", [{}, {"class_weight": "balanced"}, {"fit_intercept": False}]
    )
    def test_the_hessian_of_the_cells_leads_to_the_same_optimum(self, monkeypatch, options):
        X, y = several_classes()
        y = np.where(y == 1, 0, 1) if options else y  # two classes of different sizes
        models, by_cells, used = [], Refit._by_cells, []

        def noted(*args):
            used.append(by_cells(*args))
            return used[-1]

        for steps in (noted, lambda *args: None):
            monkeypatch.setattr(Refit, "_by_cells", steps)
            models.append(stream(NNOClassifier(alpha=1e-3, **options), X, y))
        assert sum(one is not None for one in used) > 6
        weight = compute_sample_weight(options.get("class_weight"), y)
        losses = [log_loss(y, one.predict_proba(X), sample_weight=weight) for one in models]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)

    def test_rows_unlike_the_cells_are_fitted_jointly(self, monkeypatch):
        """A class that comes late: the Hessian of the cells says nothing of it."""
        X, y = several_classes(34_000)
        early = np.flatnonzero(y[:16_000] != 2)[:10_000]
        model, found, by_cells = NNOClassifier(alpha=1e-3), [], Refit._by_cells

        def noted(*args):
            found.append(by_cells(*args))
            return found[-1]

        monkeypatch.setattr(Refit, "_by_cells", noted)
        stream(model, X[early], y[early], classes=[0, 1, 2])
        assert found[-1] is None  # an imagined row stands for the class
        found.clear()
        stream(model, X[16_000:], y[16_000:])
        assert found[0] is None and found[-1] is not None

    def test_multinomial_is_joint(self):
        X, y = load_digits(return_X_y=True)
        model = stream(NNOClassifier(alpha=1e-2, stream=CellStream(n_cells=400)), X, y)
        full = NNOClassifier(alpha=1e-2).fit(X, y)
        assert model.coef_.shape == (10, 64)
        assert model.score(X, y) > full.score(X, y) - 0.01
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_several_outputs_are_several_streams(self, solver):
        X, y = data("squared_error", n=3000)
        Y = np.column_stack([y, -2 * y + X[:, 0]])
        model = stream(NNORegressor(solver=solver), X, Y)
        for k in range(2):
            alone = stream(NNORegressor(solver=solver), X, Y[:, k])
            np.testing.assert_allclose(model.coef_[k] * SCALES, alone.coef_ * SCALES, atol=2e-3)
        assert model.predict(X).shape == (3000, 2)

    def test_l1_keeps_zeros(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(4000, 30))
        y = X[:, 0] - X[:, 1] + rng.normal(size=4000)
        for solver in ("proximal", "nearest_neighbor"):
            model = stream(NNORegressor(penalty="l1", alpha=0.1, solver=solver), X, y)
            assert 2 <= np.count_nonzero(model.coef_) <= 6

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_without_intercept(self, solver):
        X, y = data("squared_error")
        model = stream(make("squared_error", solver=solver, fit_intercept=False), X, y)
        full = make("squared_error", fit_intercept=False).fit(X, y)
        assert model.intercept_ == 0
        assert distance(model, full) < 0.15

    def test_scale_does_not_matter(self):
        X, y = data("log_loss")
        for solver in SOLVERS:
            one = stream(NNOClassifier(alpha=0, solver=solver), X, y)
            other = stream(NNOClassifier(alpha=0, solver=solver), X * [1e3, 1, 1e-3, 1], y)
            np.testing.assert_allclose(one.coef_, other.coef_ * [1e3, 1, 1e-3, 1], rtol=1e-5)


class TestBatches:
    @pytest.mark.parametrize("penalty", ["l2", "l1"])
    def test_sizes_do_not_matter(self, penalty):
        X, y = data("log_loss", n=5000)
        models = [
            stream(make("log_loss", penalty=penalty), X, y, size) for size in (5000, 1999, 97)
        ]
        for model in models[1:]:
            assert distance(model, models[0]) < 2e-2

    def test_memory_is_the_same_whatever_the_batches(self):
        X, y = data("log_loss", n=4000)
        small, large = (stream(make("log_loss"), X, y, size) for size in (37, 4000))
        np.testing.assert_allclose(small.condensed_rows_, large.condensed_rows_, rtol=1e-9)
        np.testing.assert_allclose(small.condensed_weights_, large.condensed_weights_, rtol=1e-9)
        identical(small, large)

    def test_one_row_at_a_time(self):
        X, y = data("log_loss", n=300)
        one = stream(make("log_loss"), X, y, size=1)
        # A model may lack the last hundredth of the rows.
        assert distance(one, make("log_loss").fit(X, y)) < 0.05
        with_all = stream(make("log_loss"), X, y, size=300)
        assert distance(one, with_all) < 0.05

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_the_users_array_may_be_filled_anew(self, solver):
        X, y = data("squared_error", n=600)
        models, buffer = [NNORegressor(solver=solver) for _ in range(2)], np.empty((100, 4))
        for first in range(0, 600, 100):
            batch = slice(first, first + 100)
            buffer[:], weight = X[batch], np.ones(100)
            target = y[batch].copy()
            models[0].partial_fit(buffer, target, weight)
            models[1].partial_fit(X[batch], y[batch])
            target[:] = weight[:] = np.nan
        identical(*models)

    def test_order_hardly_matters(self):
        X, y = data("log_loss")
        order = np.random.default_rng(1).permutation(len(y))
        model, other = stream(make("log_loss"), X, y), stream(make("log_loss"), X[order], y[order])
        assert distance(model, other) < 0.01

    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
    def test_weightless_batch_changes_nothing(self, solver, loss):
        X, y = data(loss, n=500)
        model = stream(make(loss, solver=solver), X, y)
        before = pickle.dumps(model)
        model.partial_fit(X[:50] + 9, y[:50], sample_weight=np.zeros(50))
        assert pickle.dumps(model) == before
        fresh = make(loss, solver=solver)
        stream(fresh, X, y, sample_weight=0.0)
        assert vars(fresh) == vars(make(loss, solver=solver))

    def test_rows_are_drawn_as_often_as_they_weigh(self):
        rng = np.random.default_rng(0)
        X, weight = rng.normal(size=(8000, 5)), np.exp(3 * rng.normal(size=8000))
        chances = 2 * X @ rng.normal(size=(5, 4)) + 2 * rng.gumbel(size=(8000, 4))
        y = chances.argmax(axis=1)
        model, best = NNOClassifier(alpha=1e-3), NNOClassifier(alpha=1e-3)
        for first in range(0, 8000, 1000):
            part = slice(first, first + 1000)
            model.partial_fit(X[part], y[part], classes=range(4), sample_weight=weight[part])
        best.fit(X, y, sample_weight=weight)
        losses = [log_loss(y, m.predict_proba(X), sample_weight=weight) for m in (model, best)]
        assert losses[0] < 1.002 * losses[1]

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_weights_are_repetitions(self, solver):
        X, y = data("log_loss", n=3000)
        weighted = stream(make("log_loss", solver=solver), X, y, sample_weight=3.0, size=3000)
        repeated = stream(make("log_loss", solver=solver), np.repeat(X, 3, 0), np.repeat(y, 3))
        assert distance(weighted, repeated) < 0.12

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_containers(self, solver):
        X, y = data("log_loss", n=2500)
        X = np.where(np.abs(X / SCALES) < 1, 0, X)
        model = stream(make("log_loss", solver=solver), X, y)
        for container in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array):
            part = stream(make("log_loss", solver=solver), container(X).tocsr(), y)
            assert distance(part, model) < 1e-4
        mixed = make("log_loss", solver=solver).partial_fit(X[:2000], y[:2000], ["no", "yes"])
        mixed.partial_fit(sparse.csc_array(X[2000:]), y[2000:])
        assert distance(mixed, model) < 1e-4

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_float32_stays(self, solver):
        X, y = data("log_loss", n=2500)
        model = stream(make("log_loss", solver=solver), X.astype(np.float32), y)
        assert model.coef_.dtype == np.float32 and model.intercept_.dtype == np.float64
        assert distance(model, stream(make("log_loss", solver=solver), X, y)) < 1e-3

    def test_many_sparse_columns(self):
        rng = np.random.default_rng(0)
        X = sparse.csr_array(sparse.random(4000, 2100, 2e-3, "csr", random_state=0))
        y = X[:, :900].sum(axis=1) - X[:, 900:].sum(axis=1) + 0.05 * rng.normal(size=4000)
        cells = CellStream(n_cells=100)
        model = stream(NNORegressor(stream=cells, alpha=0.01, max_iter=20), X, y)
        assert sparse.issparse(model.condensed_rows_) and len(model.condensed_weights_) <= 100
        assert model.score(X, y) > 0.15
        auto = stream(NNORegressor(), X[:500], y[:500])
        assert isinstance(auto.stream_, AdaptiveGradient)
        auto = stream(NNORegressor(penalty="l1"), X[:500], y[:500])
        assert isinstance(auto.stream_, FollowTheLeader)


class TestClasses:
    @pytest.mark.filterwarnings("ignore:The latest rows are far better explained by a constant")
    def test_class_that_comes_late(self):
        X, y = load_iris(return_X_y=True)
        for solver in SOLVERS:
            model = NNOClassifier(solver=solver)
            model.partial_fit(X[:40], y[:40], classes=[0, 1, 2])
            assert (model.predict(X[:40]) == 0).all()
            assert np.isfinite(model.coef_).all()
            assert model.predict_proba(X[:1])[0, 0] > 0.5
            model.partial_fit(X[40:100], y[40:100])
            assert (model.predict_proba(X[:100])[:, 2] < 0.5).all()
            for _ in range(20):
                model.partial_fit(X, y, classes=[2, 1, 0])
            assert model.score(X, y) > 0.9

    def test_no_event_yet(self):
        X, _ = data("poisson", n=200)
        for solver in SOLVERS:
            model = NNORegressor("poisson", solver=solver).partial_fit(X, np.zeros(200))
            assert (model.predict(X) < 0.1).all()

    @pytest.mark.parametrize("order", ["shuffled", "sorted"])
    def test_balanced_by_running_counts(self, order):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(6000, 3))
        y = (X @ [1, 1, 0] + rng.logistic(size=6000) > 3).astype(int)
        if order == "sorted":
            X, y = X[np.argsort(y)], np.sort(y)
        model = stream(NNOClassifier(class_weight="balanced"), X, y)
        full = NNOClassifier(class_weight="balanced").fit(X, y)
        assert distance(model, full, 1) < 0.1
        assert abs(model.predict(X).mean() - full.predict(X).mean()) < 0.02
        if order == "shuffled":
            for solver in ("gd", "proximal"):
                model = stream(NNOClassifier(class_weight="balanced", solver=solver), X, y)
                assert abs(model.predict(X).mean() - full.predict(X).mean()) < 0.08

    def test_dict_of_class_weights(self):
        X, y = data("log_loss")
        weights = {"no": 1.0, "yes": 5.0}
        model = stream(make("log_loss", class_weight=weights), X, y)
        assert distance(model, make("log_loss", class_weight=weights).fit(X, y)) < 0.03


class TestState:
    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("how", ["pickle", "joblib"])
    def test_round_trip_continues_bit_for_bit(self, solver, how, tmp_path):
        X, y = data("log_loss", n=4500)
        model = stream(make("log_loss", solver=solver), X[:2500], y[:2500], size=900)
        if how == "pickle":
            copy = pickle.loads(pickle.dumps(model))
        else:
            joblib.dump(model, tmp_path / "model")
            copy = joblib.load(tmp_path / "model")
        for one in (model, copy):
            stream(one, X[2500:], y[2500:], size=900)
        identical(model, copy)

    def test_fit_ends_the_stream(self):
        X, y = data("log_loss", n=3000)
        model = stream(make("log_loss"), X[:1000], 1000 * ["yes"] + [], classes=["no", "yes"])
        model.fit(X, y)
        identical(model, make("log_loss").fit(X, y))
        assert not hasattr(model, "n_samples_seen_")
        assert not hasattr(model, "condensed_rows_")
        warm = stream(make("log_loss", warm_start=True, tol=1e-3), X, y).fit(X, y)
        assert warm.n_iter_ <= 2

    def test_stream_after_fit_says_that_it_begins_anew(self):
        X, y = data("log_loss", n=600)
        model = make("log_loss").fit(X, y)
        with pytest.warns(UserWarning, match="begins a new stream"):
            model.partial_fit(X[:300], y[:300])
        identical(model, stream(make("log_loss"), X[:300], y[:300]))
        assert len(model.history_) == 1 and not hasattr(model, "dual_gap_")  # those of the stream

    def test_memory_is_bounded(self):
        rng = np.random.default_rng(0)
        model, sizes = NNOClassifier(stream=CellStream(n_cells=50)), []
        for _ in range(10):
            X = rng.normal(size=(10_000, 2))
            model.partial_fit(X, X[:, 0] > rng.normal(size=10_000), classes=[False, True])
            sizes.append(len(pickle.dumps(model)))
        assert max(sizes) < sizes[0] + 50 * 5 * 8
        assert len(model.condensed_rows_) <= 50

    def test_forgetting_follows_drift(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(8000, 2))
        y = (X[:, 0] > 0).astype(int)
        y[4000:] = 1 - y[4000:]
        keeps, forgets = (
            stream(NNOClassifier(stream=CellStream(forgetting=h)), X, y, size=500)
            for h in (None, 500)
        )
        assert forgets.score(X[6000:], y[6000:]) > 0.95 > keeps.score(X[6000:], y[6000:]) + 0.2
        assert forgets.condensed_weights_.sum() < 1000
        assert keeps.condensed_weights_.sum() == pytest.approx(8000)

    @pytest.mark.parametrize("half_life", [0.1, 3, 1e12])
    def test_extreme_half_lives(self, half_life):
        X, y = data("squared_error", n=4100)
        cells = CellStream(n_cells=50, forgetting=half_life)
        model = stream(NNORegressor(alpha=0.1, stream=cells), X, y, size=1000)
        assert np.isfinite(model.coef_).all() and np.isfinite(model.condensed_rows_).all()
        if half_life > 1e9:
            full = NNORegressor(alpha=0.1).fit(X, y)
            assert distance(model, full) < 0.01

    def test_condensed_is_a_training_set(self):
        X, y = data("log_loss", n=6000)
        model = stream(make("log_loss"), X, y)
        targets, weights = model.condensed_targets_, model.condensed_weights_
        assert targets.shape == (len(weights), 2) and len(weights) <= 500
        np.testing.assert_allclose(targets.sum(axis=1), 1)
        assert weights @ targets[:, 1] == pytest.approx((y == "yes").sum())
        np.testing.assert_allclose(weights @ model.condensed_rows_, X.sum(axis=0), rtol=1e-9)
        waiting = stream(make("log_loss"), X[:4100], y[:4100]).condensed_weights_
        assert (waiting[-100:] == 1).all() and waiting.sum() == 4100
        regression = stream(NNORegressor(), X, X[:, 0], size=6000)
        assert regression.condensed_targets_.shape == (len(regression.condensed_rows_),)
        with pytest.raises(AttributeError, match="after partial_fit with stream='cells'"):
            _ = stream(make("log_loss", solver="gd"), X, y).condensed_rows_

    def test_metric_is_the_users(self, monkeypatch):
        asked = []
        search = CellMemory.absorb

        def absorb(self, *args, metric, **options):
            asked.append(metric)
            return search(self, *args, metric=metric, **options)

        monkeypatch.setattr(CellMemory, "absorb", absorb)
        X, y = data("log_loss", n=4000)
        model = stream(make("log_loss", stream=CellStream(metric="manhattan")), X, y)
        assert set(asked) == {"manhattan"}
        assert model.score(X, y) > 0.7


class TestErrors:
    def test_classes(self):
        X, y = data("log_loss", n=100)
        with pytest.raises(ValueError, match="must be passed on the first call"):
            NNOClassifier().partial_fit(X, y)
        with pytest.raises(ValueError, match="only one class"):
            NNOClassifier().partial_fit(X, y, classes=["yes"])
        model = NNOClassifier().partial_fit(X, y, classes=["no", "yes"])
        before = pickle.dumps(model)
        for labels, classes, text in (
            (y, ["no", "maybe"], "lacks some of .'no' 'yes'., which the stream has outputs"),
            (np.zeros(100), None, "labels of another type, such as .*0.0.*, than classes="),
        ):
            with pytest.raises(ValueError, match=text):
                model.partial_fit(X, labels, classes)
        assert pickle.dumps(model) == before

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_bad_batches_leave_the_model_alone(self, solver):
        X, y = data("squared_error", n=200)
        model = NNORegressor(solver=solver).partial_fit(X, y)
        before = pickle.dumps(model)
        for rows, target, text in (
            (X[:, :3], y, "3 features"),
            (X[:0], y[:0], "0 sample"),
            (X * np.nan, y, "NaN"),
            (X, np.column_stack([y, y]), "2 outputs, but the stream began with 1"),
        ):
            with pytest.raises(ValueError, match=text):
                model.partial_fit(rows, target)
        assert pickle.dumps(model) == before

    def test_what_began_cannot_change(self):
        X, y = data("squared_error", n=200)
        model = NNORegressor(solver="gd").partial_fit(X, y)
        for change in ({"solver": "proximal"}, {"loss": "huber"}, {"fit_intercept": False}):
            other = clone(model).partial_fit(X, y).set_params(**change)
            with pytest.raises(ValueError, match="The stream began with .* begin anew"):
                other.partial_fit(X, y)
        model.set_params(alpha=10.0).partial_fit(X, y)  # a penalty may

    def test_names(self):
        with pytest.raises(ValueError, match="stream='sgd' is not known. Use one of 'auto'"):
            NNORegressor(stream="sgd").partial_fit([[0.0]], [0.0])
        with pytest.raises(ValueError, match=r"is a class: pass an object, CellStream\(\)"):
            NNORegressor(stream=CellStream).partial_fit([[0.0]], [0.0])

    def test_a_penalty_without_a_gradient(self):
        with pytest.raises(ValueError) as caught:
            NNORegressor(penalty="l1", stream="adagrad").partial_fit([[0.0]], [0.0])
        assert str(caught.value) == (
            "stream='adagrad' needs a penalty with a gradient everywhere, but 'l1' provides only "
            "conjugate, curvature, prox, value. Streams that accept it: 'auto', 'cells', 'ftrl', "
            "'sparse'."
        )

    @pytest.mark.parametrize("has_offset", [False, True])
    @pytest.mark.parametrize(
        "penalty", ["l2", "l1", "slope", GroupLasso([[0, 1]]), L2(lower=0.5)], ids=repr
    )
    @pytest.mark.parametrize("solver", ["auto", "proximal"])
    def test_an_error_names_the_streams_that_would_do(self, solver, penalty, has_offset):
        X, y = data("squared_error", n=60)
        rows = {"X": X, "y": y, "offset": np.ones(60) if has_offset else None}
        model = NNORegressor(solver=solver, penalty=penalty)
        told = {}
        for name in STREAMS:
            try:
                model.set_params(stream=name).partial_fit(**rows)
            except ValueError as error:
                told[name] = str(error)
            model = clone(model)
        works = ", ".join(repr(name) for name in STREAMS if name not in told)
        advice = f"Streams that accept it: {works}." if works else "; fit with all rows."
        assert all(text.endswith(advice) for text in told.values())

    @pytest.mark.parametrize("half_life", [0, -1, True, "day"])
    def test_forgetting(self, half_life):
        with pytest.raises(ValueError, match="half-life"):
            NNORegressor(stream=CellStream(forgetting=half_life)).partial_fit([[0.0]], [0.0])
        with pytest.raises(ValueError, match="n_cells"):
            NNORegressor(stream=CellStream(n_cells=1)).partial_fit([[0.0]], [0.0])


class TestChoice:
    """The choice of a stream: by name, as an object, or by the solver."""

    @pytest.mark.parametrize(
        ("solver", "name"), [("nearest_neighbor", "cells"), ("gd", "adagrad"), ("proximal", "ftrl")]
    )
    def test_the_solver_says_it_unless_the_user_does(self, solver, name):
        X, y = data("log_loss", n=600)
        by_solver = stream(make("log_loss", solver=solver), X, y)
        by_name = stream(make("log_loss", stream=name), X, y)
        assert type(by_solver.stream_) is type(by_name.stream_) is STREAMS[name]
        identical(by_solver, by_name)
        assert not hasattr(by_name, "solver_")
        assert not hasattr(by_name.fit(X, y), "stream_")

    def test_a_solver_of_the_users_own_needs_nothing_for_it(self):
        class Mine(Solver):
            pass

        X, y = data("squared_error", n=600)
        model = stream(NNORegressor(solver=Mine()), X, y)
        identical(model, stream(NNORegressor(), X, y))

    def test_options_are_tuned(self):
        X, y = data("squared_error", n=300)
        model = NNORegressor(stream=CellStream()).set_params(stream__n_cells=20)
        assert model.get_params()["stream__n_cells"] == 20
        copy = clone(model)
        assert copy.stream is not model.stream and copy.stream.n_cells == 20
        assert len(stream(copy, X, y, size=100).condensed_rows_) == 300  # they wait for their cells
        assert copy.stream_ is not copy.stream
        search = NNOSearchCV(model, {"stream__n_cells": [20, 30]}, cv=2).fit(X, y)
        assert np.ptp(search.cv_results_["mean_test_score"]) == 0

    def test_one_of_the_users_own(self):
        class Mean(Stream):
            def learn(self, state, batch, objective, *, max_iter, tol):
                n, mean = (0, 0.0) if state is None else (state.n_rows, state.intercept)
                total = n + len(batch)
                intercept = (n * mean + batch.y.sum(axis=0)) / total
                coef = np.zeros((batch.X.shape[1], batch.y.shape[1]))
                return SimpleNamespace(coef=coef, intercept=intercept, n_rows=total)

        X, y = data("squared_error", n=600)
        model = stream(NNORegressor(stream=Mean()), X, y, size=100)
        assert model.intercept_ == pytest.approx(y.mean())
        assert model.n_samples_seen_ == 600


def test_scores_are_no_loss_of_a_stream():
    assert not hasattr(NNOClassifier("f1"), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        NNOClassifier("f1").partial_fit  # noqa: B018
    assert "f1" in str(caught.value.__cause__)
    assert "fit with all rows" in str(caught.value.__cause__)
