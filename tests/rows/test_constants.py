"""The best constant of losses with corners."""

import numpy as np
import pytest

from nno_sklearn.losses import Corner
from nno_sklearn.rows.constants import best_constant


@pytest.mark.parametrize("seed", range(60))
def test_no_corner_is_lower(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 9)
    low, high = [(-1.0, 0.0), (-0.5, 0.5), (-rng.random(), rng.random())][seed % 3]
    corners = [
        Corner(rng.integers(0, 4, (n, 1)).astype(float), low, high)
        for _ in range(rng.integers(1, 3))
    ]
    weight = rng.integers(0, 3, n).astype(float)
    weight[0] = 1.0
    raw = rng.integers(0, 2, (n, 1)).astype(float)

    def value(b):
        return sum(float(weight @ corner.value(raw + b)[:, 0]) for corner in corners)

    found = best_constant(corners, raw, weight, rng.normal())
    assert value(found) <= min(map(value, np.linspace(-6, 6, 25))) + 1e-12


def test_of_many_minima_it_is_the_nearest_one():
    corner = Corner(np.array([[0.0], [1.0], [2.0], [3.0]]), -0.5, 0.5)
    given = [corner], np.zeros((4, 1)), np.full(4, 0.25)
    assert [best_constant(*given, start) for start in (-5.0, 1.3, 7.0)] == [1.0, 1.3, 2.0]
