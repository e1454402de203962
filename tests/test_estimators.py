"""The estimators as scikit-learn's users know them: attributes, weights, input, composition."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import (
    L1,
    GradientDescent,
    NearestNeighborSolver,
    NNOClassifier,
    NNORegressor,
    Solver,
)
from nno_sklearn._namespaces import has_namespace
from nno_sklearn.linear_model import LogisticRegression
from nno_sklearn.solvers import SOLVERS
from tests import estimators
from tests.estimators import CLASSIFICATION, LOSSES, POSITIVE, REGRESSION, raw_prediction

make = partial(estimators.make, alpha=0.01)


def data(loss, n=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = X @ [0.5, -0.3, 0.2, 0] + 0.5 * rng.normal(size=n) + 0.2
    if loss in POSITIVE:
        y = np.exp(y)
    return X, y if loss in REGRESSION else np.where(y > 0, "yes", "no")


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=rtol, atol=rtol)


class TestAttributes:
    @pytest.mark.parametrize("loss", REGRESSION)
    def test_one_target(self, loss):
        X, y = data(loss)
        model = make(loss).fit(X, y)
        assert model.coef_.shape == (4,)
        assert np.shape(model.intercept_) == ()
        assert isinstance(model.intercept_, float)
        assert model.predict(X).shape == (150,)
        assert (model.n_features_in_, model.converged_) == (4, True)

    @pytest.mark.parametrize("loss", REGRESSION)
    def test_several_targets_are_several_fits(self, loss):
        X, y = data(loss)
        Y = np.column_stack([y, y[::-1], 3 * y])
        model = make(loss, tol=1e-13).fit(X, Y)
        assert model.coef_.shape == (3, 4)
        assert model.intercept_.shape == (3,)
        assert model.predict(X).shape == (150, 3)
        for k in range(3):
            alone = make(loss, tol=1e-13).fit(X, Y[:, k])
            np.testing.assert_allclose(model.coef_[k], alone.coef_, rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(model.predict(X)[:, k], alone.predict(X), 1e-6, 1e-7)

    @pytest.mark.parametrize("loss", CLASSIFICATION)
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_classes(self, loss, n_classes):
        X, y = load_iris(return_X_y=True)
        names = np.array(["setosa", "versicolor", "virginica"])
        X, y = X[y < n_classes], names[y[y < n_classes]]
        model = make(loss).fit(X, y)
        n_outputs = 1 if n_classes == 2 else 3
        assert list(model.classes_) == list(names[:n_classes])
        assert model.coef_.shape == (n_outputs, 4)
        assert model.intercept_.shape == (n_outputs,)
        score = model.decision_function(X)
        assert score.shape == ((len(X),) if n_classes == 2 else (len(X), 3))
        assert model.score(X, y) > 0.93
        if loss == "squared_hinge":
            return
        probability = model.predict_proba(X)
        assert probability.shape == (len(X), n_classes)
        assert probability.min() >= 0
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probability, rtol=1e-12)
        if loss == "log_loss":
            np.testing.assert_array_equal(names[probability.argmax(axis=1)], model.predict(X))

    def test_hinges_have_no_probabilities(self):
        model = make("squared_hinge").fit(*data("squared_hinge"))
        assert not hasattr(model, "predict_proba")
        with pytest.raises(AttributeError, match="predict_proba") as caught:
            model.predict_proba([[0.0] * 4])
        assert "Use loss='log_loss' or 'modified_huber'" in str(caught.value.__cause__)

    def test_without_intercept(self):
        assert make("log_loss", fit_intercept=False).fit(*data("log_loss")).intercept_ == [0.0]

    def test_history_makes_a_table(self):
        model = make("log_loss", tol=1e-10, solver="gd").fit(*data("log_loss"))
        table = pd.DataFrame(model.history_)
        assert len(table) - 1 == model.n_iter_ > 3
        assert {"objective", "optimality", "dual_gap", "n_passes", "seconds"} <= {*table.columns}
        assert (table.objective.diff().dropna() <= 1e-15).all()
        assert table.n_passes.is_monotonic_increasing
        for name in ("objective", "optimality", "dual_gap", "n_passes"):
            assert getattr(model, name + "_") == table[name].iloc[-1]

    def test_not_fitted(self):
        for method in ("predict", "predict_proba", "decision_function"):
            with pytest.raises(NotFittedError):
                getattr(NNOClassifier(), method)([[1.0]])


class Spy(Solver):
    """Keeps the arguments of ``solve``."""

    seen = None

    def solve(self, problem, start, **options):
        Spy.seen = problem
        return GradientDescent().solve(problem, start, **options)


class TestInput:
    @pytest.mark.pairwise
    @pytest.mark.parametrize("index", [np.int32, np.int64])
    @pytest.mark.parametrize(
        "layout",
        [
            sparse.csr_array,
            sparse.csc_array,
            sparse.csr_matrix,
            sparse.csc_matrix,
            sparse.coo_array,
        ],
    )
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_layouts_agree(self, layout, index, solver):
        X, y = data("log_loss")
        X[np.abs(X) < 0.5] = 0
        S = layout(X)
        for name in ("indices", "indptr", "row", "col"):
            if hasattr(S, name) and layout is not sparse.coo_array:
                setattr(S, name, getattr(S, name).astype(index))
        model = make("log_loss", solver=solver, tol=1e-12).fit(S, y)
        same(model, make("log_loss", solver=solver, tol=1e-12).fit(X, y), rtol=1e-6)
        np.testing.assert_allclose(
            model.decision_function(S), raw_prediction(model, X)[:, 0], rtol=1e-10
        )

    @pytest.mark.parametrize("order", ["C", "F", "csr", "csc"])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_data_are_not_copied(self, order, dtype):
        X, y = data("log_loss")
        X = sparse.csr_array(X, dtype=dtype).asformat(order) if "cs" in order else np.asarray(
            X, dtype=dtype, order=order
        )  # fmt: skip
        model = make("log_loss", solver=Spy()).fit(X, y)
        used, given = (
            getattr(A, "data", A) if "cs" in order else A for A in (Spy.seen.rows.design.X, X)
        )
        assert np.shares_memory(used, given)
        assert used.dtype == model.coef_.dtype == dtype
        assert model.intercept_.dtype == np.float64  # it may be large next to X @ coef
        assert model.predict_proba(X).dtype == dtype

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
    def test_column_names(self, frame):
        X, y = data("squared_error")
        named = frame(dict(zip("abcd", X.T, strict=True)))
        if not hasattr(StandardScaler().fit(named), "feature_names_in_"):
            pytest.skip("this scikit-learn does not know this frame")
        model = make("squared_error").fit(named, y)
        assert list(model.feature_names_in_) == list("abcd")
        np.testing.assert_allclose(model.predict(named), raw_prediction(model, X)[:, 0], rtol=1e-10)
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame(dict(zip("abdc", X.T, strict=True))))
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(X)
        with pytest.raises(ValueError, match="yet now missing:\n- c"):
            model.predict(named[["a", "b"]])


class TestRefit:
    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("loss", ["log_loss", "poisson"])
    def test_warm_start_is_shorter(self, loss, solver):
        X, y = data(loss)
        params = {"solver": solver, "tol": 1e-12, "random_state": 0}
        cold = make(loss, **params).fit(X, y)
        warm = make(loss, alpha=0.0101, warm_start=True, **params).fit(X, y)
        warm.set_params(alpha=0.01).fit(X, y)
        assert warm.n_iter_ < cold.n_iter_
        same(warm, cold, rtol=1e-5)
        assert warm.fit(X, y).n_iter_ == 1
        same(warm.fit(X[:, :2], y), make(loss, **params).fit(X[:, :2], y))

    @pytest.mark.parametrize("loss", LOSSES)
    def test_failure_leaves_the_model_as_it_was(self, loss):
        X, y = data(loss)
        model = make(loss).fit(pd.DataFrame(X, columns=[*"abcd"]), y)
        before = pickle.dumps(vars(model))
        bad = pd.DataFrame(np.full((150, 2), np.nan), columns=["e", "f"])
        with pytest.raises(ValueError, match="NaN"):
            model.fit(bad, y)
        with pytest.raises(ValueError, match="alpha=-1"):
            model.set_params(alpha=-1).fit(X, y)
        assert pickle.dumps(vars(model.set_params(alpha=0.01))) == before

    @pytest.mark.parametrize("loss", ["log_loss", "huber"])
    @pytest.mark.parametrize("penalty", ["l2", "l1"])
    def test_random_state_is_reproducible(self, loss, penalty):
        X, y = data(loss, n=8000)
        solver = NearestNeighborSolver(n_landmarks=300, n_neighbors=2)
        model = make(loss, penalty=penalty, solver=solver)
        fits = [clone(model).set_params(random_state=seed).fit(X, y) for seed in (1, 1, 2)]
        first, second, other = ([r[:6] for r in fit.history_] for fit in fits)
        np.testing.assert_array_equal(first, second)
        assert first[0] != other[0]  # landmarks are in use: they give another start
        np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)

    @pytest.mark.parametrize("loss", ["poisson", "log_loss"])
    def test_limit_of_iterations_warns(self, loss):
        X, y = data(loss)
        with pytest.warns(ConvergenceWarning) as caught:
            model = make(loss, solver="gd", max_iter=1, tol=1e-8).fit(X, y)
        said = str(caught[0].message)
        assert caught[0].filename == __file__
        assert f"{type(model).__name__} did not converge: the iteration limit was reach" in said
        assert f"the relative duality gap is {model.optimality_:.2e}, above tol=1e-08" in said
        assert "raise max_iter (now 1), or use solver='nearest_neighbor'" in said
        assert (model.converged_, model.n_iter_) == (False, 1)
        with pytest.warns(ConvergenceWarning, match="the relative Newton decrement is"):
            make(loss, penalty=None, max_iter=1).fit(X, y)

    def test_verbose_prints_a_line_per_iteration(self, capsys):
        make("log_loss").fit(*data("log_loss"))
        assert capsys.readouterr().out == ""
        model = make("log_loss", verbose=1).fit(*data("log_loss"))
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(model.history_) == model.n_iter_ + 1
        assert lines[-1].startswith(f"[NNOClassifier] objective {model.objective_:.6e}")


class TestComposition:
    @pytest.mark.parametrize("loss", LOSSES)
    def test_pickle(self, loss):
        X, y = data(loss)
        model = make(loss).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        np.testing.assert_array_equal(again.history_, model.history_)

    def test_clone_copies_the_solver(self):
        model = NNOClassifier(solver=NearestNeighborSolver(n_neighbors=3))
        copy = clone(model)
        assert copy.solver is not model.solver
        assert copy.get_params()["solver__n_neighbors"] == 3
        copy.set_params(solver__n_neighbors=2).fit(*data("log_loss"))
        assert model.solver.n_neighbors == 3
        assert copy.solver_ is not copy.solver

    def test_grid_over_solvers_and_alphas(self):
        X, y = data("log_loss")
        pipeline = make_pipeline(StandardScaler(), NNOClassifier(tol=1e-8))
        grid = {"nnoclassifier__solver": [*SOLVERS], "nnoclassifier__alpha": [1e-3, 10.0]}
        search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
        assert search.best_params_["nnoclassifier__alpha"] == 1e-3
        scores = search.cv_results_["mean_test_score"].reshape(2, -1)
        np.testing.assert_allclose(scores, scores[:, :1].repeat(4, axis=1), rtol=1e-4)

    def test_grid_over_a_parameter_of_the_solver(self):
        model = NNORegressor(solver=NearestNeighborSolver(n_landmarks=20))
        grid = {"solver__n_neighbors": [1, 4]}
        search = GridSearchCV(model, grid, cv=2).fit(*data("squared_error"))
        assert search.best_estimator_.solver_.n_neighbors in (1, 4)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    @pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
    def test_weights_are_routed(self, loss):
        X, y = data(loss)
        weight = np.random.default_rng(2).integers(0, 5, len(X))
        with config_context(enable_metadata_routing=True):
            model = make(loss).set_fit_request(sample_weight=True)
            scoring = get_scorer("accuracy" if loss == "log_loss" else "r2")
            scoring.set_score_request(sample_weight=True)
            scaler = StandardScaler().set_fit_request(sample_weight=False)
            name = f"{type(model).__name__.lower()}__alpha"
            search = GridSearchCV(make_pipeline(scaler, model), {name: [0.01]}, scoring=scoring)
            found = search.fit(X, y, sample_weight=weight).best_estimator_[-1]
        same(found, make(loss).fit(Z := StandardScaler().fit_transform(X), y, weight))
        assert np.abs(found.coef_ - make(loss).fit(Z, y).coef_).max() > 1e-3


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2]])
def test_of_classes_that_tie_but_for_rounding_the_first_decides(order):
    model = NNOClassifier().fit(np.eye(3), ["a", "b", "c"])
    model.coef_ = np.array([[0.1, 0.2, 0.3], [0.6, 0.0, 0.0], [-1.0, 0.0, 0.0]])[order]
    model.intercept_ = np.zeros(3)
    for X in (np.ones((1, 3)), sparse.csr_array(np.ones((1, 3))), np.ones((1, 3), np.float32)):
        score = model.decision_function(X)
        assert score[0, 0] == score[0, 1] > score[0, 2] == -1.0
        assert model.predict(X) == "a"


def test_ties_are_told_beside_columns_far_from_0():
    model = NNOClassifier().fit(np.eye(3), ["a", "b", "c"])
    model.coef_ = np.array([[1.0, -1.0, 0.1], [-1.0, 1.0, 0.1], [0.0, 0.0, 0.0]])
    model.intercept_ = np.zeros(3)
    X = np.random.default_rng(0).normal(1e7, 1.0, (50, 1)) * [1.0, 1.0, 0.0] + [0.0, 0.0, 1.0]
    X[:, 1] *= 1.0 + np.finfo(float).eps
    score = model.decision_function(X)
    assert (score[:, 0] == score[:, 1]).all() and (score[:, 0] > 0.1 - 1e-6).all()


@pytest.mark.parametrize("seed", [3, 12, 36, 39])
def test_a_row_is_predicted_alike_alone_and_beside_others(seed):
    X, y = make_blobs(20 + seed, 2 + seed % 3, centers=3, cluster_std=2.0, random_state=seed)
    model = NNOClassifier("hinge", penalty=None).fit(X, y)
    alone = np.concatenate([model.predict(row[None]) for row in X])
    np.testing.assert_array_equal(model.predict(X), alone)


@pytest.mark.parametrize(
    "model",
    [
        NNORegressor(penalty=L1(weights="adaptive", first=L1()), solver=NearestNeighborSolver()),
        NNOClassifier(alpha=2.0),
        LogisticRegression(C=3.0),
    ],
)
@pytest.mark.parametrize("deep", [True, False])
def test_parameters_are_as_scikit_learn_reads_them(model, deep):
    expected = BaseEstimator.get_params(model, deep=deep)
    assert list(model.get_params(deep=deep).items()) == list(expected.items())


def test_numbers_of_numpy_are_no_arrays_of_other_libraries():
    assert not has_namespace(np.float64(1.0)) and not has_namespace(np.zeros(2))
