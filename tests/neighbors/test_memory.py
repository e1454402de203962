"""The memory of cells: what it keeps exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from nno_sklearn.neighbors import CellMemory, Scaling
from nno_sklearn.neighbors.memory import drawn


def filled(n_cells=12, n=200, *, is_sparse=False, seed=0, metric="euclidean"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) + [0, 5, -1]
    X[rng.random(X.shape) < 0.3] = 0.0
    y, weight = rng.normal(size=(n, 2)), rng.uniform(0.1, 3, n)
    memory = CellMemory.empty(3, 2, is_sparse=is_sparse)
    rows = sparse.csr_array(X) if is_sparse else X
    scaling = Scaling(1 / np.maximum(X.std(axis=0), 0.1), np.ones((3, 1)), np.array([0.5]))
    for part in np.array_split(np.arange(n), 5):
        batch = rows[part], y[part], weight[part]
        totals = memory.totals.updated(*batch) if len(part) else memory.totals
        memory = memory.absorb(*batch, scaling, n_cells=n_cells, metric=metric).within(totals)
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
    # Dense cells have the second moments of the rows; of sparse ones it is known what they lack.
    lost = (X.T * weight) @ X - (rows.T * memory.weight) @ rows
    np.testing.assert_allclose(memory.scatter, lost.diagonal() if is_sparse else lost, atol=1e-9)
    cross = (X.T * weight) @ y - (rows.T * memory.weight) @ memory.targets
    np.testing.assert_allclose(memory.cross, cross, atol=1e-9)
    if not is_sparse:  # but for targets, of which cells have means
        assert abs(np.linalg.eigvalsh(lost)[0]) < 1e-9


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
    for name in ("weight", "scatter", "cross", "price"):
        np.testing.assert_array_equal(getattr(half, name), 0.5 * getattr(memory, name))
    np.testing.assert_array_equal(half.rows, memory.rows)


class TestDrawnRows:
    """Once cells have merged, a part of the rows is searched for all of them."""

    def drawn(self, X, y, weight=None, *, n_cells=60, n_searched=50, order=1, scaling=None):
        scaling = scaling or Scaling(np.ones(X.shape[1]))
        weight = np.ones(len(y)) if weight is None else weight
        memory, random = CellMemory.empty(X.shape[1], y.shape[1]), np.random.default_rng(order)
        for part in np.array_split(np.arange(len(y)), 6):
            batch = X[part], y[part], weight[part]
            totals = memory.totals.updated(*batch)
            if memory.price and n_searched < len(part):
                batch = drawn(*batch, totals=totals, n_drawn=n_searched, random=random)
            memory = memory.absorb(*batch, scaling, n_cells=n_cells, metric="euclidean")
            memory = memory.within(totals)
        return memory

    @pytest.mark.parametrize("n_searched", [5, 50, 10_000])
    def test_moments_are_those_of_all_rows(self, n_searched):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3000, 4)) @ rng.normal(size=(4, 4)) + [0, 5, 100, -3]
        y, weight = rng.normal(size=(3000, 2)), rng.uniform(0.1, 3, 3000)
        memory = self.drawn(X, y, weight, n_searched=n_searched)
        centred, rows = X - X[0], memory.rows - X[0]
        whole = (centred.T * weight) @ centred
        assert memory.weight.sum() == pytest.approx(weight.sum())
        np.testing.assert_allclose(memory.weight @ rows, weight @ centred, rtol=1e-9)
        np.testing.assert_allclose(
            memory.scatter + (rows.T * memory.weight) @ rows, whole, rtol=1e-9
        )
        assert np.linalg.eigvalsh(memory.scatter).min() > -1e-9 * np.trace(whole)

    def test_classes_keep_their_weights(self):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(3000, 3)), (rng.random((3000, 1)) < 0.004).astype(float)
        weight = rng.uniform(0.1, 3, 3000)
        memory = self.drawn(X, y, weight)
        assert memory.weight @ memory.targets == pytest.approx(weight @ y)

    def test_cells_of_one_class_have_its_weight_and_all_squares(self):
        rng = np.random.default_rng(0)
        y = np.sort(rng.integers(0, 3, 3000))
        X, y = rng.normal(size=(3000, 4)) + 3.0 * rng.normal(size=(3, 4))[y], np.eye(3)[y]
        memory = self.drawn(X, y, scaling=Scaling(np.ones(4), apart=1e3))
        assert np.isin(memory.targets, [0.0, 1.0]).all()
        centred, rows = X - X.mean(axis=0), memory.rows - X.mean(axis=0)
        squares, own = centred.T @ centred, (rows.T * memory.weight) @ rows
        np.testing.assert_allclose(own, squares, rtol=1e-9, atol=1e-9 * squares.max())
        own = memory.targets.T @ (memory.weight[:, None] * rows)
        np.testing.assert_allclose(own, y.T @ centred, atol=1e-9 * np.abs(y.T @ centred).max())

    def test_columns_that_are_constant_or_equal(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3000, 3)) ** 3
        X = np.column_stack([X, X[:, 0], np.full(3000, 7.0)])
        memory = self.drawn(X, X[:, :1] + 1.0, n_searched=5)
        np.testing.assert_allclose(memory.rows[:, 4], 7.0)
        np.testing.assert_allclose(memory.rows[:, 0], memory.rows[:, 3], atol=1e-9)
        assert np.isfinite(memory.scatter).all()

    def test_rows_of_targets_that_differ_share_no_group(self):
        """(1, 1, 0) and (0, 0, 1) have the same sum of 1, 2, 3 times their entries."""
        rng = np.random.default_rng(0)
        y = np.repeat([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 1000, axis=0)
        X, weight = rng.normal(size=(2000, 3)), rng.uniform(0.1, 3, 2000)
        memory = CellMemory.empty(3, 3)
        totals = memory.totals.updated(X, y, weight)
        _, targets, drawn_weight = drawn(X, y, weight, totals=totals, n_drawn=40, random=rng)
        np.testing.assert_allclose(drawn_weight @ targets, weight @ y)
