"""Quadratic models made of the rows."""

import numpy as np
import pytest

from nno_sklearn.solvers.models import _kernel_factor


@pytest.mark.parametrize("size", [1.0, 1e9])
def test_a_kernel_of_rows_has_a_factor_however_large_the_rows(size):
    rng = np.random.default_rng(0)
    rows = size * np.outer(rng.normal(size=5), rng.normal(size=8))  # of rank 1
    right = rng.normal(size=5)
    solution = _kernel_factor(rows).solve(right)
    # On the null space of the rows it is the identity.
    unit = rows[:, 0] / np.linalg.norm(rows[:, 0])
    expected = right - unit * (unit @ right) * (1 - 1 / (1 + np.linalg.norm(rows) ** 2))
    assert solution == pytest.approx(expected, abs=1e-6)
