"""Landmarks: draws of rows whose weighted sums are unbiased."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from nno_sklearn.penalties import L2
from nno_sklearn.rows.draw import draw
from nno_sklearn.solvers.landmarks import Landmarks
from tests.problems import (
    CONTAINERS,
    LOSSES,
    make_matrix,
    make_target,
    pose,
)


@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("count", [120, 40])  # of 400 dense rows all are looked at, or 80 at most
def test_landmarks_are_draws_whose_sums_are_unbiased(container, count):
    X = make_matrix(400, 6)
    X[::40, 2] = 30.0  # rare, so these rows have high leverage
    sample_weight = np.linspace(0.2, 1.8, 400)
    problem = pose(
        container(X),
        make_target("huber", X),
        LOSSES["huber"],
        L2(),
        0.1,
        sample_weight=sample_weight,
    )
    totals, rare = [], []
    for seed in range(300):
        landmarks = Landmarks(count, check_random_state(seed)).of(problem)
        assert len(landmarks) == 400 and landmarks.n_start == landmarks.n_curvature == count
        assert landmarks.rows(400) is problem and landmarks.rows(500) is problem
        index, weight = draw(problem.rows, count, check_random_state(seed))
        assert len(np.unique(index)) == len(weight) == count
        totals.append(weight.sum())
        rare.append(np.isin(index, np.arange(0, 400, 40)).sum())
        part = landmarks.rows(count)
        assert landmarks.rows(count) is part and part.n_samples == count
        assert part.rows.weight.sum() == pytest.approx(1.0)
    assert np.mean(totals) == pytest.approx(1.0, abs=4 * np.std(totals) / np.sqrt(300))
    assert np.mean(rare) > 1.3 * count / 40  # by chance alone count / 40


def test_landmarks_where_few_rows_have_the_weight():
    weight = np.full(1000, 1e-12)
    weight[:5] = 1.0
    X, loss = make_matrix(1000, 4), LOSSES["huber"]
    problem = pose(X, make_target("huber", X), loss, L2(), 0.1, sample_weight=weight)
    index, share = draw(problem.rows, 20, check_random_state(0))
    np.testing.assert_array_equal(index, range(5))
    np.testing.assert_allclose(share, 0.2, rtol=1e-3)
