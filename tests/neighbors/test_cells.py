"""Cells: rows join the nearest landmark, and nothing is lost."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from nno_sklearn.neighbors import condense_rows
from tests.problems import (
    CONTAINERS,
    make_matrix,
    make_problem,
)

LANDMARKS = np.array([3, 40, 41, 77, 90, 101, 110])


def cells(problem, metric, n_neighbors=1):
    """Nearest landmarks of each other row, by brute force."""
    rows = np.setdiff1d(np.arange(problem.n_samples), LANDMARKS)
    X = make_matrix(problem.n_samples)
    X = (X - problem.weight @ X) / problem.scale
    distance = cdist(X[rows], X[LANDMARKS], {"manhattan": "cityblock"}.get(metric, metric))
    return rows, np.argsort(distance, axis=1)[:, :n_neighbors]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("name", ["squared_error", "multinomial"])
def test_rows_join_the_nearest_landmark(name, container, metric):
    if metric == "cosine" and container is not np.asarray:
        pytest.skip("sparse rows are not centred, so their angles differ")
    problem = make_problem(name, n=120, container=container)
    small = condense_rows(problem, LANDMARKS, np.arange(120), metric=metric)
    rows, nearest = cells(problem, metric)
    weight = problem.weight[LANDMARKS].copy()
    target = weight[:, None] * problem.y[LANDMARKS]
    for row, cell in zip(rows, nearest[:, 0], strict=True):
        weight[cell] += problem.weight[row]
        target[cell] += problem.weight[row] * problem.y[row]
    np.testing.assert_allclose(small.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(small.y, target / weight[:, None], rtol=1e-12, atol=1e-15)
    coef = np.ones(problem.shape)
    np.testing.assert_allclose(
        small.at(coef).linear, problem.at(coef).linear[LANDMARKS], atol=1e-12
    )


@pytest.mark.parametrize("n_neighbors", [1, 3, 50])
def test_cells_conserve_weight_and_target(n_neighbors):
    problem = make_problem("poisson", n=120, n_outputs=2)
    small = condense_rows(problem, LANDMARKS, np.arange(120), n_neighbors=n_neighbors)
    assert small.n_samples == 7
    assert small.weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(small.weight @ small.y, problem.weight @ problem.y, rtol=1e-12)
    rows, nearest = cells(problem, "euclidean", min(n_neighbors, 7))
    weight = problem.weight[LANDMARKS].copy()
    np.add.at(weight, nearest, (problem.weight[rows] / nearest.shape[1])[:, None])
    np.testing.assert_allclose(small.weight, weight, rtol=1e-12)


def test_a_sample_gives_only_its_own_weight():
    problem = make_problem("gamma", n=120)
    sample = np.array([0, 1, 2, 40])  # 40 is a landmark already
    small = condense_rows(problem, LANDMARKS, sample)
    rows = np.union1d(LANDMARKS, sample)
    total = problem.weight[rows] @ problem.y[rows] / problem.weight[rows].sum()
    np.testing.assert_allclose(small.weight @ small.y, total)
    alone = condense_rows(problem, LANDMARKS, np.array([], dtype=int))
    np.testing.assert_array_equal(alone.y, problem.y[LANDMARKS])
    expected = problem.weight[LANDMARKS] / problem.weight[LANDMARKS].sum()
    np.testing.assert_allclose(alone.weight, expected)
