"""Inverses of second derivatives in the space of the rows: as the inverse of the whole matrix."""

import tracemalloc

import numpy as np
import pytest

from nno_sklearn.losses import Curvature, SquaredError
from nno_sklearn.rows import LocalRows
from nno_sklearn.rows.row_space import RowSpaceInverse

N, P, K = 40, 90, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) + 0.5
WEIGHT = RNG.uniform(0.5, 1.5, size=N)
WEIGHT /= WEIGHT.sum()
EVEN, UNEVEN = np.full((N, K), 2.0), RNG.uniform(0.5, 2.0, size=(N, K))
DIAGONALS = {"one": np.full((P, 1), 0.1), "even": np.full((P, K), 0.1)}
DIAGONALS["uneven"] = RNG.uniform(0.1, 1.0, size=(P, K))


def rows_of(n_outputs, fit_intercept=True):
    y = RNG.normal(size=(N, n_outputs))
    return LocalRows(X, y, WEIGHT, SquaredError(), fit_intercept=fit_intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("curvature", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("diagonal", DIAGONALS.values(), ids=DIAGONALS)
def test_inverts_each_output(diagonal, curvature, fit_intercept):
    inverse = RowSpaceInverse(rows_of(K, fit_intercept), Curvature(curvature), diagonal)
    gradient = RNG.normal(size=(P, K))
    solution = inverse.solve(gradient)
    for k in range(K):
        weight = WEIGHT * curvature[:, k]
        centre = weight @ X / weight.sum() if fit_intercept else 0.0
        matrix = (X - centre).T @ (weight[:, None] * (X - centre))
        matrix += np.diag(np.broadcast_to(diagonal, (P, K))[:, k])
        np.testing.assert_allclose(matrix @ solution[:, k], gradient[:, k], atol=1e-9)


def test_outputs_that_are_alike_share_a_factor():
    n_outputs = 50
    rows = rows_of(n_outputs)
    diagonal, curvature = np.full((P, n_outputs), 0.1), np.full((N, n_outputs), 2.0)
    tracemalloc.start()
    RowSpaceInverse(rows, Curvature(curvature), diagonal)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15 * 8 * N * N + 8 * 4 * P * n_outputs
