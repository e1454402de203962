"""Inverses of second derivatives in the space of the rows: as the inverse of the whole matrix."""

import tracemalloc

import numpy as np
import pytest

from nno_sklearn.losses import Curvature, SquaredError
from nno_sklearn.rows import LocalRows, row_space
from nno_sklearn.rows.row_space import RowSpaceInverse

N, P, K = 40, 90, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) + 0.5
WEIGHT = RNG.uniform(0.5, 1.5, size=N)
WEIGHT /= WEIGHT.sum()
EVEN, UNEVEN = np.full((N, K), 2.0), RNG.uniform(0.5, 2.0, size=(N, K))
#: Rows on flat parts of a loss; of the last output all are.
FLAT = np.where(RNG.random((N, K)) < 0.7, 0.0, UNEVEN) * [1.0, 1.0, 0.0]
DIAGONALS = {"one": np.full((P, 1), 0.1), "even": np.full((P, K), 0.1)}
DIAGONALS["uneven"] = RNG.uniform(0.1, 1.0, size=(P, K))


def rows_of(n_outputs, fit_intercept=True):
    y = RNG.normal(size=(N, n_outputs))
    return LocalRows(X, y, WEIGHT, SquaredError(), fit_intercept=fit_intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("curvature", [EVEN, UNEVEN, FLAT], ids=["even", "uneven", "flat"])
@pytest.mark.parametrize("diagonal", DIAGONALS.values(), ids=DIAGONALS)
def test_inverts_each_output(diagonal, curvature, fit_intercept):
    inverse = RowSpaceInverse(rows_of(K, fit_intercept), Curvature(curvature), diagonal)
    gradient = RNG.normal(size=(P, K))
    solution = inverse.solve(gradient)
    for k in range(K):
        weight = WEIGHT * curvature[:, k]
        centre = weight @ X / weight.sum() if fit_intercept and weight.any() else 0.0
        matrix = (X - centre).T @ (weight[:, None] * (X - centre))
        matrix += np.diag(np.broadcast_to(diagonal, (P, K))[:, k])
        np.testing.assert_allclose(matrix @ solution[:, k], gradient[:, k], atol=1e-9)


def test_outputs_that_are_alike_share_a_factor():
    n_outputs = 50
    rows = rows_of(n_outputs)
    diagonal, curvature = np.full((P, n_outputs), 0.1), np.full((N, n_outputs), 2.0)
    gradient = np.ones((P, n_outputs))
    tracemalloc.start()
    RowSpaceInverse(rows, Curvature(curvature), diagonal).solve(gradient)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15 * 8 * N * N + 8 * 8 * P * n_outputs


def test_one_kernel_serves_all_steps_and_a_gradient_of_0_takes_no_factor(monkeypatch):
    rows, kernels, factors = rows_of(K), [], []
    kind, factor = type(rows.design), row_space._factor
    make = kind._new_kernel
    monkeypatch.setattr(kind, "_new_kernel", lambda own, d: kernels.append(d) or make(own, d))
    monkeypatch.setattr(row_space, "_factor", lambda *of: factors.append(of) or factor(*of))
    gradient = RNG.normal(size=(P, K)) * [1.0, 0.0, 1.0]
    for curvature in (UNEVEN, FLAT):
        solution = RowSpaceInverse(rows, Curvature(curvature), DIAGONALS["even"]).solve(gradient)
        assert solution[:, [0, 2]].all() and not solution[:, 1].any()
    assert len(kernels) == 1 and len(factors) == 4
    RowSpaceInverse(rows, Curvature(UNEVEN), 2 * DIAGONALS["even"]).solve(gradient)
    assert len(kernels) == 2
    part = rows.design.columns(np.arange(50))  # of which it is another one
    np.testing.assert_allclose(part.kernel(np.ones(50)), part.X @ part.X.T, atol=1e-12)
