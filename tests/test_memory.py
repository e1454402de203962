"""The memory of cells: what it keeps exactly, and condensed training sets."""

import numpy as np
import pytest
from _data import LOSSES, PENALTIES, central_differences, make_coef, make_problem
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from nno_sklearn import NNOClassifier, NNORegressor, condense
from nno_sklearn.neighbors import CellMemory, Scaling
from nno_sklearn.problem import Correction


def filled(n_cells=12, n=200, *, is_sparse=False, seed=0, metric="euclidean"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) + [0, 5, -1]
    X[rng.random(X.shape) < 0.3] = 0.0
    y, weight = rng.normal(size=(n, 2)), rng.uniform(0.1, 3, n)
    memory = CellMemory.empty(3, 2, is_sparse=is_sparse)
    rows = sparse.csr_array(X) if is_sparse else X
    scaling = Scaling(1 / np.maximum(X.std(axis=0), 0.1), np.ones((3, 1)), np.array([0.5]))
    for part in np.array_split(np.arange(n), 5):
        memory = memory.absorb(
            rows[part], y[part], weight[part], scaling, n_cells=n_cells, metric=metric
        )
    return memory, X, y, weight


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_sums_are_exact(is_sparse, metric):
    memory, X, y, weight = filled(is_sparse=is_sparse, metric=metric)
    assert len(memory) <= 12
    rows = memory.rows.toarray() if is_sparse else memory.rows
    assert memory.weight.sum() == pytest.approx(weight.sum())
    np.testing.assert_allclose(memory.weight @ rows, weight @ X, rtol=1e-10)
    np.testing.assert_allclose(memory.weight @ memory.targets, weight @ y, rtol=1e-9)
    # What the means lack of the second moments is what was lost.
    lost = (X.T * weight) @ X - (rows.T * memory.weight) @ rows
    np.testing.assert_allclose(memory.scatter, lost.diagonal() if is_sparse else lost, atol=1e-9)
    cross = (X.T * weight) @ y - (rows.T * memory.weight) @ memory.targets
    np.testing.assert_allclose(memory.cross, cross, atol=1e-9)
    scaled = lost.diagonal() / np.maximum(X.std(axis=0), 0.1) ** 2
    assert memory.spread.sum() == pytest.approx(scaled.sum(), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(1, 120), st.integers(0, 99))
def test_budget_holds(n_cells, n, seed):
    memory, _, _, weight = filled(n_cells, n, seed=seed)
    assert 1 <= len(memory) <= n_cells
    assert memory.weight.min() > 0
    assert memory.weight.sum() == pytest.approx(weight.sum())


def test_few_rows_stay_as_they_are():
    memory, X, y, _ = filled(n_cells=500)
    np.testing.assert_array_equal(memory.rows, X)
    np.testing.assert_array_equal(memory.targets, y)
    assert not memory.scatter.any() and memory.price == 0


def test_fading():
    memory, *_ = filled()
    half = memory.faded(0.5)
    for name in ("weight", "spread", "scatter", "cross", "price"):
        np.testing.assert_array_equal(getattr(half, name), 0.5 * getattr(memory, name))
    np.testing.assert_array_equal(half.rows, memory.rows)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_corrected_problem(loss, penalty, diagonal):
    """Value, gradient and lines of a problem with a correction agree with each other."""
    rng, plain = np.random.default_rng(0), make_problem(loss, PENALTIES[penalty])
    p, k = plain.shape
    root, bend = rng.normal(size=(p, p)), np.diag(rng.uniform(0.1, 1, k))
    scatter = rng.uniform(size=p) if diagonal else root @ root.T
    shift = 0.01 * rng.normal(size=k)
    shift -= shift.mean() if not plain.is_separate else 0.0
    correction = Correction(0.1 * rng.normal(size=(p, k)), shift, scatter, bend)
    problem = plain.corrected(correction)
    coef = make_coef(problem)
    point = problem.at(coef)
    assert point.dual_gap == np.inf
    numeric = central_differences(lambda w: problem.at(w).data_loss, coef)
    np.testing.assert_allclose(point.data_gradient, numeric.reshape(p, k), rtol=1e-4, atol=1e-7)
    line = point.towards(make_coef(problem, seed=5))
    t = np.full(k if problem.is_separate else 1, 0.3)
    if problem.is_smooth:
        first, _ = line.derivatives(t)
        rise = (line.value(t + 1e-5) - line.value(t - 1e-5)) / 2e-5
        assert first.sum() == pytest.approx(rise, rel=1e-4, abs=1e-7)
    # In the user's terms: centring moves a part of the intercept's term.
    if problem.is_separate:
        losses = plain.rows.values(point.raw, point.intercept).sum()
        added = correction.values(coef).sum() + shift @ problem.outer_intercept(point)
        assert point.data_loss == pytest.approx(losses + added)


class TestCondense:
    def test_labels(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(5000, 3))
        y = np.where(X[:, 0] + rng.logistic(size=5000) > 0, "b", "a")
        rows, targets, weights = condense(X, y, 200)
        assert len(rows) == len(weights) <= 200 and targets.shape == (len(rows), 2)
        assert weights @ targets[:, 1] == pytest.approx((y == "b").sum())
        small = NNOClassifier().fit(
            np.repeat(rows, 2, axis=0),
            np.tile(np.unique(y), len(rows)),
            sample_weight=(weights[:, None] * targets).ravel(),
        )
        np.testing.assert_allclose(small.coef_, NNOClassifier().fit(X, y).coef_, atol=0.1)

    @pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_matrix])
    def test_numbers(self, container):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3000, 2))
        y = X @ [1.0, 2.0] + 3
        rows, targets, weights = condense(container(X), y, 100, "manhattan")
        assert sparse.issparse(rows) == sparse.issparse(container(X)) and targets.ndim == 1
        model = NNORegressor(alpha=0).fit(rows, targets, weights)
        np.testing.assert_allclose(model.coef_, [1, 2], atol=1e-3)
        assert condense(X, np.column_stack([y, y]), 100)[1].shape[1] == 2

    def test_weights_of_zero_do_not_count(self):
        X, y = np.arange(20.0)[:, None], np.arange(20.0)
        rows, _, weights = condense(X, y, 5, sample_weight=np.arange(20) < 10)
        assert rows.max() < 10 and weights.sum() == 10

    @pytest.mark.parametrize(
        ("weight", "said"),
        [
            ([np.nan, 1, 1], "sample_weight contains NaN"),
            ([np.inf, 1, 1], "sample_weight contains infinity"),
            ([-1, 1, 1], "has a negative entry"),
            ([0, 0, 0], "every weight is zero"),
            (np.ones((3, 1)), "one number per row"),
            ([1, 1], "inconsistent numbers"),
        ],
    )
    def test_weights_are_checked_as_in_fit(self, weight, said):
        with pytest.raises(ValueError, match=said):
            condense(np.eye(3), np.ones(3), 2, sample_weight=weight)

    def test_errors(self):
        for n_cells in (1, 2.5, True, "all", None):
            with pytest.raises(ValueError, match="n_cells=.*whole number of at least 2"):
                condense(np.eye(3), np.ones(3), n_cells)
        with pytest.raises(ValueError, match="metric='near'.*does not know this metric"):
            condense(np.eye(3), np.ones(3), 2, metric="near")
        with pytest.raises(ValueError, match="inconsistent numbers"):
            condense(np.eye(3), ["a", "b"], 2)
        with pytest.raises(ValueError, match="NaN"):
            condense(np.full((3, 1), np.nan), np.ones(3), 2)
