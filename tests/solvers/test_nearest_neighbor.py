"""The solver that learns from landmarks: its options change the way, not the optimum."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.penalties import L1, L2
from nno_sklearn.solvers import NearestNeighborSolver, Status
from tests.problems import (
    CONTAINERS,
    LOSSES,
    PENALTIES,
    make_matrix,
    make_target,
    pose,
    solve,
)

REGRESSION, CLASSIFICATION = NNORegressor.named_losses, NNOClassifier.named_losses


def tall_problem(name, penalty, container=np.asarray):
    X = make_matrix(6000, 8, seed=4)
    y = make_target(name, X, seed=4)
    return pose(container(X), y, LOSSES[name], penalty, 1e-3)


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
        NearestNeighborSolver(n_landmarks=200, n_corrections=0),
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
    """The solver makes a neighbour search, and its metric has an effect."""

    STARTS = {"cells", "constant model", "stronger penalties"}
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
        unit = pose(X, y[:, None], LOSSES[loss], L2(), 1.0).null.value
        for model in models:
            assert model.converged_
            assert abs(model.objective_ - models[0].objective_) <= 2e-6 * unit
        named = fit("nearest_neighbor")
        assert named.history_[0].objective == models[0].history_[0].objective

    SHAPES = {
        "few rows": ("log_loss", {"n": 90, "p": 5}, METRICS),
        "second moments": ("squared_error", {"n": 900, "p": 5}, METRICS),
        "wide": ("poisson", {"n": 60, "p": 200}, METRICS),
        "sparse": ("huber", {"n": 400, "p": 30}, ("euclidean", "manhattan", "cosine")),
        "words": ("log_loss", {"n": 300, "p": 2100}, ("euclidean", "manhattan", "cosine")),
    }

    @pytest.mark.parametrize("penalty", ["l2", "l1"])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_has_an_effect_whatever_the_shape(self, shape, penalty):
        loss, sizes, metrics = self.SHAPES[shape]
        X = make_matrix(**sizes)
        y = make_target(loss, X)[:, 0]
        if shape in ("sparse", "words"):
            X = CONTAINERS["csr_array"](X * (np.random.default_rng(0).random(X.shape) < 0.2))
        make, options = NNOClassifier if loss == "log_loss" else NNORegressor, {"alpha": 0.05}
        starts, optima = set(), []
        for metric in metrics:
            solver = NearestNeighborSolver(metric=metric)
            model = make(loss, penalty=penalty, solver=solver, tol=1e-6, random_state=0, **options)
            model.fit(X, y)
            assert model.history_[0].start in self.STARTS and model.converged_
            starts.add((model.history_[0].objective, model.history_[0].other_start))
            optima.append(model.objective_)
        assert len(starts) == len(metrics)
        np.testing.assert_allclose(optima, optima[0], rtol=1e-5)

    @pytest.mark.parametrize("n", [300, 3000])
    @pytest.mark.parametrize("penalty", ["l2", "l1", None])
    @pytest.mark.parametrize("loss", sorted({**REGRESSION, **CLASSIFICATION}))
    def test_has_an_effect_on_every_loss(self, loss, penalty, n):
        """The optimum on cells is compared with the constant model, and the lower one is kept."""
        X = make_matrix(n, 4, seed=2)
        latent = X @ [0.5, -1.0, 0.3, 0.0] / 2 + np.random.default_rng(2).logistic(size=n)
        is_class = loss in CLASSIFICATION
        y = np.digitize(latent, [-1.0, 1.0]) if is_class else np.exp(0.5 * latent)
        make, optima, starts = NNOClassifier if is_class else NNORegressor, [], set()
        for metric in self.METRICS:
            given = {"solver": NearestNeighborSolver(metric=metric), "random_state": 0}
            model = make(loss, penalty=penalty, alpha=1e-2, tol=1e-6, **given).fit(X, y)
            first = model.history_[0]
            assert first.start in self.STARTS and first.other_start >= 0
            assert first.objective <= first.other_start and model.converged_
            starts.add((first.objective, first.other_start))
            optima.append(model.objective_)
        assert len(starts) == len(self.METRICS)
        np.testing.assert_allclose(optima, optima[0], rtol=1e-5)
        null = make(loss, penalty=penalty, alpha=1e-2, tol=1e-6).fit(X, y).history_[0]
        if null.start == "constant model":  # auto, which searches none
            assert null.objective in {first.objective, first.other_start}

    @pytest.mark.parametrize("loss", ["hinge", "ordinal"])
    def test_is_not_asked_from_given_coefficients(self, loss):
        X = make_matrix(400, 4, seed=2)
        model = NNOClassifier(loss, solver="nearest_neighbor", warm_start=True, random_state=0)
        y = np.digitize(X[:, 0] + np.random.default_rng(2).logistic(size=400), [-1.0, 1.0])
        assert model.fit(X, y).history_[0].other_start >= 0
        again = model.set_params(alpha=0.02).fit(X, y).history_[0]
        assert again.start == "given coefficients" and np.isnan(again.other_start)

    def test_that_sparse_rows_do_not_have_says_which_do(self):
        X = CONTAINERS["csr_array"](make_matrix(300, 5))
        model = NNOClassifier(solver=NearestNeighborSolver(metric="chebyshev"))
        with pytest.raises(ValueError, match="'chebyshev'.*sparse X. Use one of .*'euclidean'"):
            model.fit(X, np.arange(300) % 2)

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


def test_the_history_says_which_start_was_better():
    X = make_matrix(900, 4)
    y = make_target("log_loss", X)[:, 0]
    model = NNOClassifier(solver="nearest_neighbor", alpha=1e-3, random_state=0, warm_start=True)
    first, *later = model.fit(X, y).history_
    share = y.mean()
    constant = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert first.start == "cells" and first.objective < first.other_start
    assert first.other_start == pytest.approx(constant)
    assert all(record.start == "" and np.isnan(record.other_start) for record in later)
    again = model.fit(X, y).history_[0]
    assert again.start == "given coefficients" and np.isnan(again.other_start)
    assert NNOClassifier(solver="gd").fit(X, y).history_[0].start == "constant model"
    noise = np.random.default_rng(0).permutation(y)
    worse = model.set_params(warm_start=False, alpha=1e-9).fit(X[:40], noise[:40]).history_[0]
    assert worse.start == "constant model" and worse.objective < worse.other_start


def test_few_searched_rows_leave_the_weights_unbiased():
    problem = tall_problem("poisson", L2())
    sums = []
    for seed in range(200):
        state = np.random.RandomState(seed)
        cells = problem.rows.cells(60, 150, state, 1, "euclidean")
        assert len(cells) == 60 and cells.weight.sum() == pytest.approx(1.0)
        sums.append((cells.weight @ cells.y).sum())
    expected = (problem.rows.weight @ problem.rows.y).sum()
    # The weights are made to sum to 1, a ratio, whose bias is of the order of its variance.
    assert np.mean(sums) == pytest.approx(expected, abs=4 * np.std(sums) / np.sqrt(200))


@pytest.mark.parametrize("name", ["squared_error", "log_loss"])
def test_landmarks_that_miss_rare_features_give_way_to_all_rows(name):
    X = make_matrix(6000, 12)
    X[:, 6:] *= np.random.default_rng(0).random((6000, 6)) < 0.003
    runs = []
    for solver in (NearestNeighborSolver(n_landmarks=30), "proximal"):
        problem = pose(X, make_target(name, X), LOSSES[name], L1(), 1e-4)
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
        problem = pose(X, y, LOSSES["log_loss"], L2(), 1e-4)
        runs[str(solver)[:2]] = solve(solver, problem, tol=1e-8, random_state=0)
    assert runs["Ne"].objective == pytest.approx(runs["gd"].objective, rel=1e-7)
    assert runs["Ne"].n_iter < runs["gd"].n_iter / 2
