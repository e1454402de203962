"""Missing targets and tables of weights: each output is the fit that it is by itself."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge as TheirRidge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from nno_sklearn import L1, L2, EarlyStopping, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.linear_model import MultiTaskLasso, Ridge, RidgeCV
from nno_sklearn.losses import SquaredError
from nno_sklearn.rows.stacked import StackedRows
from tests.user_objects import LogCosh

N, P, K = 60, 5, 6
#: How each output is fitted: where a model of one output is exact, as exactly.
MODELS = {
    "l2": NNORegressor(alpha=0.01, tol=1e-10),
    "no penalty": NNORegressor(penalty=None, tol=1e-10),
    "weights": NNORegressor(penalty=L2(weights=[0.0, 1.0, 2.0, 0.5, 1.0]), tol=1e-10),
    "no intercept": NNORegressor(alpha=0.1, fit_intercept=False, tol=1e-10),
    "gd": NNORegressor(alpha=0.1, solver="gd", tol=1e-14),
    "l1": NNORegressor(penalty="l1", alpha=0.3, tol=1e-10),
    "bounds": NNORegressor(penalty=L2(lower=0.0), alpha=0.3, tol=1e-10),
    "huber": NNORegressor("huber", alpha=0.1, tol=1e-10),
    "quantile": NNORegressor("quantile", alpha=0.1, tol=1e-8),
    "user": NNORegressor(LogCosh(), alpha=0.1, tol=1e-10),
    "ridge": Ridge(alpha=2.0, tol=1e-6),
}


def make_table(n=N, p=P, n_outputs=K, seed=0, missing=0.4):
    """Shifted columns, targets of which some are missing, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(0.1, 10, p) + 3.0
    Y = X @ rng.normal(size=(p, n_outputs)) + rng.normal(size=(n, n_outputs)) + 5.0
    Y[rng.random(Y.shape) < missing] = np.nan
    return X, Y, rng.integers(0, 4, Y.shape).astype(float)


def check_each(model, X, Y, weight=None, offset=None, rtol=1e-10):
    """Compare with a fit of each column to its own rows."""
    models = []
    for k, y in enumerate(Y.T):
        rows = ~np.isnan(y)
        weights = None if weight is None else np.broadcast_to(weight.T, Y.T.shape)[k][rows]
        offsets = {} if offset is None else {"offset": offset[rows, k]}
        one = type(model)(**model.get_params(deep=False)).fit(X[rows], y[rows], weights, **offsets)
        size = np.abs(one.coef_).max()
        np.testing.assert_allclose(model.coef_[k], one.coef_, rtol=0, atol=rtol * size)
        np.testing.assert_allclose(model.intercept_[k], one.intercept_, rtol=rtol, atol=rtol)
        models.append(one)
    expected = sum(one.objective_ for one in models)
    np.testing.assert_allclose(model.objective_, expected, rtol=max(rtol, 1e-10))
    assert model.converged_


@pytest.mark.parametrize("weighted", ["no", "rows", "table"])
@pytest.mark.parametrize("name", MODELS)
def test_each_output_is_the_fit_to_its_own_rows(name, weighted):
    X, Y, table = make_table()
    weight = {"no": None, "rows": table[:, 0] + 1.0, "table": table}[weighted]
    model = MODELS[name].fit(X, Y, weight)
    check_each(model, X, Y, None if weight is None else weight.reshape(N, -1))


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse(container, fit_intercept):
    X, Y, weight = make_table()
    X = container(np.where(X > 2.0, X, 0.0))
    model = NNORegressor(alpha=0.01, tol=1e-10, fit_intercept=fit_intercept).fit(X, Y, weight)
    check_each(model, X.tocsr(), Y, weight)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_float32_is_kept_and_certified(penalty):
    X, Y, weight = make_table()
    X = X.astype(np.float32)
    model = NNORegressor(penalty=penalty, alpha=0.01, tol=1e-6).fit(X, Y, weight)
    assert model.coef_.dtype == np.float32
    check_each(model, X, Y, weight, rtol=1e-6)
    exact = NNORegressor(penalty=penalty, alpha=0.01, tol=1e-10).fit(X.astype(float), Y, weight)
    assert -1e-12 <= model.objective_ - exact.objective_ <= model.dual_gap_ + 1e-12


def test_offsets():
    X, Y, weight = make_table()
    offset = np.random.default_rng(1).normal(size=Y.shape)
    model = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight, offset)
    check_each(model, X, Y, weight, offset)


def test_a_table_of_equal_columns_is_a_weight_for_each_row():
    X, Y, weight = make_table(missing=0.0)
    weight[:] = weight[:, :1]
    table = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight)
    rows = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight[:, 0])
    np.testing.assert_allclose(table.coef_, rows.coef_, rtol=1e-10)
    np.testing.assert_allclose(table.objective_, rows.objective_, rtol=1e-12)


def test_fewer_rows_than_features_get_the_shortest_optimum():
    X, Y, _ = make_table(n=8, missing=0.5)
    model = NNORegressor(penalty=None).fit(X, Y)
    check_each(model, X, Y)


def test_columns_that_are_constant_where_an_output_looks():
    X, Y, _ = make_table()
    X[:30, 0], X[30:, 1] = 7.0, 0.1
    Y[:30, :3], Y[30:, 3:] = np.nan, np.nan
    model = NNORegressor(alpha=1e-3, tol=1e-10).fit(X, Y)
    check_each(model, X, Y)
    assert (model.coef_[:3, 1] == 0).all()
    assert (model.coef_[3:, 0] == 0).all()


def test_nearly_collinear_columns_are_left_to_factors_of_the_rows():
    X, Y, _ = make_table()
    X[:, 1] = X[:, 0] + 1e-4 * X[:, 1]
    model = NNORegressor(penalty=None, tol=1e-6).fit(X, Y)
    check_each(model, X, Y, rtol=1e-6)


def test_columns_far_from_0():
    X, Y, weight = make_table()
    model = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight)
    moved = NNORegressor(alpha=0.01, tol=1e-10).fit(X + 1e6, Y, weight)
    np.testing.assert_allclose(moved.coef_, model.coef_, rtol=1e-6, atol=1e-8)


def test_targets_that_are_constant_are_fitted_by_the_intercept():
    X, Y, _ = make_table()
    Y[:, 2] = np.where(np.isnan(Y[:, 2]), np.nan, 4.0)
    model = NNORegressor(alpha=0.01).fit(X, Y)
    np.testing.assert_allclose(model.coef_[2], 0.0, atol=1e-12)
    np.testing.assert_allclose(model.intercept_[2], 4.0)


def test_many_small_fits_are_solved_at_once():
    X, Y, _ = make_table(100, 10, 3000, missing=0.9)
    Y[0] = 1.0  # each has a target
    Y[1:, 5] = np.nan
    model = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y)
    assert model.n_passes_ == 3.0  # none was left to a fit by itself
    assert model.n_iter_ == 1
    for k in (0, 5, 1500, 2999):
        rows = ~np.isnan(Y[:, k])
        one = NNORegressor(alpha=0.01, tol=1e-10).fit(X[rows], Y[rows, k])
        np.testing.assert_allclose(model.coef_[k], one.coef_, rtol=1e-9, atol=1e-10)


def test_large_outputs_are_fitted_by_themselves():
    X, Y, _ = make_table(3000, 100, 2, missing=0.1)
    check_each(NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y), X, Y, rtol=1e-8)


def test_ridge_is_theirs():
    X, Y, weight = make_table()
    model = Ridge(alpha=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).fit(X, Y, weight)
    for k, y in enumerate(Y.T):
        rows = ~np.isnan(y)
        theirs = TheirRidge(alpha=k + 1.0).fit(X[rows], y[rows], weight[rows, k])
        np.testing.assert_allclose(model.coef_[k], theirs.coef_, rtol=1e-9)


def test_bounds_and_weights_by_output_and_name():
    X, Y, _ = make_table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    named = NNORegressor(penalty=L2(weights={"b": 0.0})).fit(frame, Y)
    plain = NNORegressor(penalty=L2(weights=[1.0, 0.0, 1.0, 1.0, 1.0])).fit(X, Y)
    np.testing.assert_array_equal(named.coef_, plain.coef_)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, (P, K))
    each = NNORegressor(penalty=L2(weights=weights), alpha=0.1, tol=1e-10).fit(X, Y)
    for k, y in enumerate(Y.T):
        rows = ~np.isnan(y)
        one = NNORegressor(penalty=L2(weights=weights[:, k]), alpha=0.1, tol=1e-10)
        np.testing.assert_allclose(each.coef_[k], one.fit(X[rows], y[rows]).coef_, rtol=1e-9)


def test_the_history_is_of_all_outputs():
    X, Y, _ = make_table()
    model = NNORegressor("huber", alpha=0.1).fit(X, Y)
    assert len(model.history_) == model.n_iter_ + 1
    objectives = [record.objective for record in model.history_]
    assert np.all(np.diff(objectives) <= 1e-12)
    assert objectives[-1] == model.objective_
    assert model.history_[0].n_samples == N


def test_warm_start_goes_on_in_each_output():
    X, Y, _ = make_table()
    model = NNORegressor("huber", alpha=0.1, warm_start=True).fit(X, Y)
    assert model.n_iter_ > 1
    assert model.fit(X, Y).n_iter_ == 1


def test_the_limit_of_iterations_is_said():
    X, Y, _ = make_table()
    with pytest.warns(ConvergenceWarning, match="the iteration limit was reached"):
        model = NNORegressor("huber", alpha=0.1, max_iter=1, tol=1e-14).fit(X, Y)
    assert not model.converged_


def test_score_is_the_mean_over_what_is_there():
    X, Y, weight = make_table()
    model = NNORegressor(alpha=0.1).fit(X, Y, weight)
    prediction, scores = model.predict(X), []
    for k, y in enumerate(Y.T):
        rows = ~np.isnan(y)
        scores.append(r2_score(y[rows], prediction[rows, k], sample_weight=weight[rows, k]))
    np.testing.assert_allclose(model.score(X, Y, weight), np.mean(scores))


def test_searches_choose_by_it():
    X, Y, _ = make_table(missing=0.2)
    grid = {"alpha": [0.001, 10.0]}
    theirs = GridSearchCV(NNORegressor(tol=1e-10), grid, cv=3).fit(X, Y)
    ours = NNOSearchCV(NNORegressor(tol=1e-10), grid, cv=3).fit(X, Y)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-8
    )


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (NNORegressor(penalty="group_lasso"), "ties the outputs"),
        (MultiTaskLasso(), "ties the outputs"),
        (NNORegressor("concomitant_huber"), "estimates a scale"),
        (NNORegressor("r2"), "Training on a score"),
        (NNORegressor(penalty=L1(weights="adaptive")), "An adaptive penalty"),
        (NNORegressor().set_callbacks(EarlyStopping()), "A callback"),
        (RidgeCV(), "NaN"),
        (NNOClassifier(), "NaN"),
        (NNOSearchCV(NNORegressor(), alphas="auto"), "a grid of alphas"),
    ],
    ids=str,
)
def test_what_needs_all_outputs_says_so(model, what):
    X, Y, _ = make_table()
    with pytest.raises(ValueError, match=what):
        model.fit(X, Y)


def test_a_start_and_a_stream_say_so():
    X, Y, _ = make_table()
    with pytest.raises(ValueError, match="A start"):
        NNORegressor().fit(X, Y, coef_init=np.zeros((K, P)))
    with pytest.raises(ValueError, match="partial_fit asks for one problem of all outputs"):
        NNORegressor().partial_fit(X, Y)


def test_collections_of_dask_say_so():
    array = pytest.importorskip("dask.array")
    X, Y, weight = make_table()
    X, Y, weight = (array.from_array(one, chunks=(30, -1)) for one in (X, Y, weight))
    for y, given in ((Y, None), (array.nan_to_num(Y), weight)):
        with pytest.raises(ValueError, match="one place"):
            NNORegressor().fit(X, y, given)


def test_wrong_tables_are_refused():
    X, Y, weight = make_table()
    with pytest.raises(ValueError, match=r"shape \(60, 2\), but y has shape \(60, 6\)"):
        NNORegressor().fit(X, Y, weight[:, :2])
    with pytest.raises(ValueError, match="negative entry"):
        NNORegressor().fit(X, Y, -weight)
    with pytest.raises(ValueError, match="Input y contains infinity"):
        NNORegressor().fit(X, np.where(np.isnan(Y), np.inf, Y), weight)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        NNORegressor().fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="y >= 0"):
        NNORegressor("poisson").fit(X, -np.abs(Y))
    assert NNORegressor("poisson").fit(X, np.abs(Y)).converged_


def test_an_output_without_targets_is_named():
    X, Y, weight = make_table()
    weight[:, 4], Y[:, 1] = 0.0, np.nan
    with pytest.raises(ValueError, match=r"in 2 of its 6 columns: number 1, 4 \(from 0\)"):
        NNORegressor().fit(X, Y, weight)


def test_weights_of_very_different_sizes():
    X, Y, weight = make_table()
    model = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight)
    scaled = NNORegressor(alpha=0.01, tol=1e-10).fit(X, Y, weight * 10.0 ** (30 * np.arange(K)))
    np.testing.assert_allclose(scaled.coef_, model.coef_, rtol=1e-10)


def test_rows_of_weight_0_may_hold_any_number():
    X, Y, weight = make_table(missing=0.0)
    weight[:20, 0] = 0.0
    model = NNORegressor(alpha=0.01).fit(X, Y, weight)
    Y[:20, 0] = 1e200
    np.testing.assert_array_equal(NNORegressor(alpha=0.01).fit(X, Y, weight).coef_, model.coef_)


def test_a_look_is_that_at_the_rows():
    """Value, gradient and intercept at coefficients that are not the best."""
    X, Y, weight = make_table()
    weight = np.where(np.isnan(Y), 0.0, weight)
    rows = StackedRows(X, np.nan_to_num(Y), weight, fit_intercept=True)
    coef = np.random.default_rng(3).normal(size=(K, P))
    square, slope, intercept = rows.look(coef)
    for k in range(K):
        share = weight[:, k] / weight[:, k].sum()
        left = np.nan_to_num(Y)[:, k] - X @ coef[k]
        best = share @ left
        np.testing.assert_allclose(intercept[k], best)
        np.testing.assert_allclose(square[k], share @ (left - best) ** 2)
        gradient = SquaredError().gradient(0.0, -(left - best)[:, None])
        np.testing.assert_allclose(slope[k], X.T @ (share[:, None] * gradient)[:, 0], atol=1e-9)
