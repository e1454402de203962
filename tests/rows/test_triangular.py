"""Factors made by reflections: their rank, and that they keep the Gram matrix."""

import numpy as np
import pytest

from nno_sklearn.rows.triangular import RankRevealing


@pytest.mark.parametrize("shape", [(5, 0), (0, 4), (0, 0), (5, 4), (3, 4)])
def test_rank_is_revealed(shape):
    factor = np.random.default_rng(0).normal(size=shape)
    if shape[1] == 4:
        factor[:, 3] = factor[:, 0]
    found = RankRevealing(factor, 1e-12)
    assert found.rank == len(found.independent) == min(shape[0], min(shape[1], 3))
    np.testing.assert_allclose(found.rows.T @ found.rows, factor.T @ factor, atol=1e-12)
    right = found.explained(found.coordinates(factor))
    np.testing.assert_allclose(right, factor, atol=1e-12)


def test_a_column_of_little_precision_hides_no_other():
    """It is explained by those that are known better, and explains none."""
    factor = np.random.default_rng(0).normal(size=(6, 4))
    factor[:, 2] = factor[:, 1] + 1e-6 * factor[:, 2]
    factor[:, 3] = factor[:, 0] + 1e-3 * factor[:, 3]
    found = RankRevealing(factor, np.array([1e-12, 1e-12, 1e-12, 2.0]))
    assert sorted(found.independent) == [0, 1, 2]
    found = RankRevealing(factor, np.array([1e-12, 1e-12, 1e-4, 1e-12]))
    assert sorted(found.independent) == [0, 1, 3]
