"""Cells of rows, and the solver that learns from landmarks."""

import numpy as np
import pytest
from _data import CONTAINERS, LOSSES, PENALTIES, make_matrix, make_problem, make_target, solve
from scipy.spatial.distance import cdist
from sklearn.utils import check_random_state

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.penalties import L1, L2
from nno_sklearn.problem import Problem
from nno_sklearn.rows import condense_rows
from nno_sklearn.solvers import NearestNeighborSolver, Status
from nno_sklearn.solvers.landmarks import Landmarks

LANDMARKS = np.array([3, 40, 41, 77, 90, 101, 110])


def cells(problem, metric, n_neighbors=1):
    """Nearest landmarks of each other row, by brute force."""
    rows = np.setdiff1d(np.arange(problem.n_samples), LANDMARKS)
    X = make_matrix(problem.n_samples)
    X = (X - problem.rows.weight @ X) / problem.scale
    distance = cdist(X[rows], X[LANDMARKS], {"manhattan": "cityblock"}.get(metric, metric))
    return rows, np.argsort(distance, axis=1)[:, :n_neighbors]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("name", ["squared_error", "multinomial"])
def test_rows_join_the_nearest_landmark(name, container, metric):
    if metric == "cosine" and container is not np.asarray:
        pytest.skip("sparse rows are not centred, so their angles differ")
    problem = make_problem(name, n=120, container=container)
    small = problem.over(condense_rows(problem.rows, LANDMARKS, np.arange(120), metric=metric))
    rows, nearest = cells(problem, metric)
    weight = problem.rows.weight[LANDMARKS].copy()
    target = weight[:, None] * problem.rows.y[LANDMARKS]
    for row, cell in zip(rows, nearest[:, 0], strict=True):
        weight[cell] += problem.rows.weight[row]
        target[cell] += problem.rows.weight[row] * problem.rows.y[row]
    np.testing.assert_allclose(small.rows.weight, weight, rtol=1e-12)
    np.testing.assert_allclose(small.rows.y, target / weight[:, None], rtol=1e-12, atol=1e-15)
    coef = np.ones(problem.shape)
    np.testing.assert_allclose(
        small.at(coef).raw.array, problem.at(coef).raw.array[LANDMARKS], atol=1e-12
    )


@pytest.mark.parametrize("n_neighbors", [1, 3, 50])
def test_cells_conserve_weight_and_target(n_neighbors):
    problem = make_problem("poisson", n=120, n_outputs=2)
    condensed = condense_rows(problem.rows, LANDMARKS, np.arange(120), n_neighbors=n_neighbors)
    small = problem.over(condensed)
    assert small.n_samples == 7
    assert small.rows.weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(
        small.rows.weight @ small.rows.y, problem.rows.weight @ problem.rows.y, rtol=1e-12
    )
    rows, nearest = cells(problem, "euclidean", min(n_neighbors, 7))
    weight = problem.rows.weight[LANDMARKS].copy()
    np.add.at(weight, nearest, (problem.rows.weight[rows] / nearest.shape[1])[:, None])
    np.testing.assert_allclose(small.rows.weight, weight, rtol=1e-12)


def test_a_sample_gives_only_its_own_weight():
    problem = make_problem("gamma", n=120)
    sample = np.array([0, 1, 2, 40])  # 40 is a landmark already
    small = problem.over(condense_rows(problem.rows, LANDMARKS, sample))
    rows = np.union1d(LANDMARKS, sample)
    total = problem.rows.weight[rows] @ problem.rows.y[rows] / problem.rows.weight[rows].sum()
    np.testing.assert_allclose(small.rows.weight @ small.rows.y, total)
    alone = problem.over(condense_rows(problem.rows, LANDMARKS, np.array([], dtype=int)))
    np.testing.assert_array_equal(alone.rows.y, problem.rows.y[LANDMARKS])
    expected = problem.rows.weight[LANDMARKS] / problem.rows.weight[LANDMARKS].sum()
    np.testing.assert_allclose(alone.rows.weight, expected)


def tall_problem(name, penalty, container=np.asarray):
    X = make_matrix(6000, 8, seed=4)
    y = make_target(name, X, seed=4)
    return Problem(container(X), y, LOSSES[name], penalty, 1e-3)


@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("name", ["log_loss", "multinomial", "squared_error", "poisson"])
def test_landmarks_reach_the_optimum_of_all_rows(name, penalty, container):
    problem = tall_problem(name, PENALTIES[penalty], container)
    few = NearestNeighborSolver(n_landmarks=300, n_neighbors=1)
    result = solve(few, problem, tol=1e-8, random_state=0)
    expected = solve("proximal", tall_problem(name, PENALTIES[penalty]), tol=1e-10)
    assert result.status is Status.CONVERGED
    assert result.objective - expected.objective <= 1e-8 * problem.null.value
    np.testing.assert_allclose(result.coef, expected.coef, atol=2e-3 * np.abs(expected.coef).max())
    # The cells' optimum is where the run begins, most of the way down.
    way = problem.null.value - expected.objective
    assert result.history[0].objective - expected.objective <= 0.1 * way


@pytest.mark.parametrize(
    "solver",
    [
        NearestNeighborSolver(n_landmarks=200, n_neighbors=3),
        NearestNeighborSolver(n_landmarks=200, metric="manhattan"),
        NearestNeighborSolver(n_landmarks=200, memory=0),
        NearestNeighborSolver(n_landmarks=3),
        NearestNeighborSolver(n_landmarks=10**6),
        NearestNeighborSolver(),
    ],
    ids=lambda solver: str(solver).removeprefix("NearestNeighborSolver"),
)
def test_options_change_the_way_not_the_optimum(solver):
    problem = tall_problem("log_loss", L2())
    result = solve(solver, problem, tol=1e-7, random_state=0)
    assert result.status is Status.CONVERGED
    expected = solve("gd", tall_problem("log_loss", L2()), tol=1e-9)
    assert result.objective - expected.objective <= 1e-7 * problem.null.value


class TestMetric:
    """A name does what it says: "nearest_neighbor" searches, and the distance matters."""

    METRICS = ("euclidean", "manhattan", "cosine", "chebyshev", "canberra")

    @pytest.mark.parametrize("penalty", ["l2", "l1"])
    @pytest.mark.parametrize("loss", ["log_loss", "poisson"])
    def test_changes_the_start_not_the_optimum(self, loss, penalty):
        X = make_matrix(4000, 5, seed=4)
        y = make_target(loss, X, seed=4)[:, 0]
        make = NNOClassifier if loss == "log_loss" else NNORegressor

        def fit(solver):
            model = make(loss, penalty=penalty, alpha=1e-3, solver=solver, tol=1e-6, random_state=0)
            return model.fit(X, y)

        models = [fit(NearestNeighborSolver(metric=metric)) for metric in self.METRICS]
        assert len({model.history_[0].objective for model in models}) == len(models)
        unit = Problem(X, y[:, None], LOSSES[loss], L2(), 1.0).null.value
        for model in models:
            assert model.converged_
            assert abs(model.objective_ - models[0].objective_) <= 2e-6 * unit
        named = fit("nearest_neighbor")
        assert named.history_[0].objective == models[0].history_[0].objective

    def test_auto_does_not_search(self):
        X = make_matrix(4000, 5)
        y = make_target("log_loss", X)[:, 0]
        assert NNOClassifier().fit(X, y).solver_.n_neighbors is None
        assert NNOClassifier(solver="nearest_neighbor").fit(X, y).solver_.n_neighbors == 1

    def test_a_callable_is_asked(self):
        asked = []

        def distance(one, other):
            asked.append(1)
            return np.abs(one - other).max()

        X = make_matrix(900, 3)
        solver = NearestNeighborSolver(n_landmarks=20, metric=distance)
        NNOClassifier(solver=solver).fit(X, make_target("log_loss", X)[:, 0])
        assert asked

    @pytest.mark.parametrize("metric", ["nonsense", "precomputed", "mahalanobis", 3, None])
    def test_unknown_ones_are_refused_at_once(self, metric):
        X = make_matrix(30, 3)  # where none is needed, too
        with pytest.raises(ValueError, match="does not know this metric. Use one of .'braycurtis'"):
            NNORegressor(solver=NearestNeighborSolver(metric=metric)).fit(X, X[:, 0])


@pytest.mark.parametrize("name", ["squared_error", "log_loss"])
def test_landmarks_that_miss_rare_features_give_way_to_all_rows(name):
    X = make_matrix(6000, 12)
    X[:, 6:] *= np.random.default_rng(0).random((6000, 6)) < 0.003
    runs = []
    for solver in (NearestNeighborSolver(n_landmarks=30), "proximal"):
        problem = Problem(X, make_target(name, X), LOSSES[name], L1(), 1e-4)
        runs.append(solve(solver, problem, tol=1e-8, random_state=0))
    few, every = runs
    assert few.status is Status.CONVERGED
    assert few.objective == pytest.approx(every.objective, rel=1e-7)
    assert few.n_passes < 3 * every.n_passes


@pytest.mark.parametrize("penalty", [L1(), L2()])
def test_random_state_makes_runs_reproducible(penalty):
    solver, histories = NearestNeighborSolver(n_landmarks=200), []
    for state in (7, 7, np.random.RandomState(7), 8):
        result = solve(solver, tall_problem("log_loss", penalty), random_state=state)
        histories.append([record[:6] for record in result.history[1:]])
        start = result.history[0].objective
        histories[-1].insert(0, start)
    assert histories[0] == histories[1] == histories[2]
    assert histories[0] != histories[3]


def test_landmark_curvature_saves_passes_on_correlated_columns():
    X = make_matrix(6000, 20) @ np.random.default_rng(0).normal(size=(20, 20)) ** 3
    y = make_target("log_loss", X)
    runs = {}
    for solver in (NearestNeighborSolver(n_landmarks=1000), "gd"):
        problem = Problem(X, y, LOSSES["log_loss"], L2(), 1e-4)
        runs[str(solver)[:2]] = solve(solver, problem, tol=1e-8, random_state=0)
    assert runs["Ne"].objective == pytest.approx(runs["gd"].objective, rel=1e-7)
    assert runs["Ne"].n_iter < runs["gd"].n_iter / 2


@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("count", [120, 40])  # of 400 dense rows all are looked at, or 80 at most
def test_landmarks_are_draws_whose_sums_are_unbiased(container, count):
    X = make_matrix(400, 6)
    X[::40, 2] = 30.0  # rare, so these rows say much
    sample_weight = np.linspace(0.2, 1.8, 400)
    problem = Problem(
        container(X),
        make_target("huber", X),
        LOSSES["huber"],
        L2(),
        0.1,
        sample_weight=sample_weight,
    )
    totals, rare = [], []
    for seed in range(300):
        landmarks = Landmarks(problem, count, check_random_state(seed))
        assert len(landmarks) == 400 and landmarks.n_start == landmarks.n_curvature == count
        assert landmarks.rows(400) is problem and landmarks.rows(500) is problem
        index, weight = landmarks.draw(count)
        assert len(np.unique(index)) == len(weight) == count
        totals.append(weight.sum())
        rare.append(np.isin(index, np.arange(0, 400, 40)).sum())
        part = landmarks.rows(count)
        assert landmarks.rows(count) is part and part.n_samples == count
        assert part.weight.sum() == pytest.approx(1.0)
    assert np.mean(totals) == pytest.approx(1.0, abs=4 * np.std(totals) / np.sqrt(300))
    assert np.mean(rare) > 1.3 * count / 40  # by chance alone count / 40


def test_landmarks_where_few_rows_have_the_weight():
    weight = np.full(1000, 1e-12)
    weight[:5] = 1.0
    X, loss = make_matrix(1000, 4), LOSSES["huber"]
    problem = Problem(X, make_target("huber", X), loss, L2(), 0.1, sample_weight=weight)
    index, share = Landmarks(problem, 20, check_random_state(0)).draw(20)
    np.testing.assert_array_equal(index, range(5))
    np.testing.assert_allclose(share, 0.2, rtol=1e-3)
