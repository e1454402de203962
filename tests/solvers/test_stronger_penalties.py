"""Weak penalties with kinks begin at the optima of ever weaker ones."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier, ProximalSolver
from nno_sklearn.losses import Huber, LogLoss, Poisson, SquaredError, SquaredHinge
from nno_sklearn.penalties import L1, L2, MCP, SCAD, SLOPE, ElasticNet, FusedLasso, GroupLasso
from nno_sklearn.solvers import proximal
from nno_sklearn.solvers.result import GIVEN
from nno_sklearn.solvers.stronger_penalties import LEAST, MOST, NEXT, STRONGER, stronger_penalties
from tests.problems import pose, solve

N, P, WEAK = 60, 150, 0.002
GROUPS = [list(range(j, j + 3)) for j in range(0, P, 3)]
PENALTIES = {
    "l1": L1(),
    "positive": L1(positive=True),
    "elastic net": ElasticNet(0.5),
    "free": L1(weights=np.where(np.arange(P) < 2, 0.0, 1.0)),
    "groups": GroupLasso(GROUPS),
    "sparse groups": GroupLasso(GROUPS, l1_ratio=0.5),
    "slope": SLOPE(),
    "fused": FusedLasso(),
}
LOSSES = [SquaredError(), Huber(), LogLoss(), SquaredHinge(), Poisson()]


def posed(loss, penalty, alpha, n=N):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, P))
    raw = X[:, :6] @ [1.0, -1.0, 1.0, 0.5, 0.5, 0.5] + rng.normal(size=n)
    if isinstance(loss, LogLoss | SquaredHinge):
        y = (raw > 0).astype(float)
    else:
        y = rng.poisson(np.exp(0.3 * raw)) if isinstance(loss, Poisson) else raw
    return pose(X, y[:, None].astype(float), loss, penalty, alpha)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_strengths_begin_where_coefficients_enter(loss, penalty):
    """The strongest holds all that a penalty can but for some, and five times it all."""
    problem = posed(loss, PENALTIES[penalty], WEAK)
    strengths = stronger_penalties(problem)
    assert len(strengths) >= LEAST
    np.testing.assert_allclose(strengths[1:] / strengths[:-1], NEXT, rtol=1e-12)
    assert strengths[-1] * NEXT == pytest.approx(WEAK)
    free = PENALTIES[penalty].weights == 0 if penalty == "free" else np.zeros(P, dtype=bool)

    def enters(alpha):
        gradient = problem.null.data_gradient / alpha
        return problem.penalty.subdiff_distance(np.zeros(problem.shape), gradient)[~free].any()

    assert enters(strengths[0]) and not enters(strengths[0] / NEXT)


@pytest.mark.parametrize(
    "problem",
    [
        posed(LogLoss(), L1(), 0.1),  # a strong penalty
        posed(LogLoss(), L2(), 1e-3),  # no kinks
        posed(LogLoss(), L2(lower=-0.1, upper=0.1), 1e-3),  # none at 0
        posed(SquaredError(), L1(), 1e-3, n=300),  # a model is the objective
        posed(LogLoss(), L1(), 1e-3, n=300).columns(np.arange(100)),  # few coefficients
    ],
)
def test_others_begin_at_the_constant_model(problem):
    assert not len(stronger_penalties(problem))


def test_strengths_are_few_however_weak_the_last_one():
    strengths = stronger_penalties(posed(LogLoss(), L1(), 1e-12))
    assert len(strengths) == MOST
    np.testing.assert_allclose(np.diff(np.log([*strengths, 1e-12]), 2), 0.0, atol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor"])
def test_the_optimum_is_that_from_elsewhere(solver, penalty):
    problem = posed(SquaredHinge(), PENALTIES[penalty], 0.005)
    result = solve(solver, problem, tol=1e-6, random_state=0)
    start = problem.at(np.random.default_rng(1).normal(size=problem.shape) / P)
    other = ProximalSolver().solve(problem, start, max_iter=1000, tol=1e-6)
    assert result.history[0].start == STRONGER and other.history[0].start == GIVEN
    assert max(result.optimality, other.optimality) <= 1e-6
    assert result.objective == pytest.approx(other.objective, rel=2e-6)
    assert result.history[0].objective < result.history[0].other_start


def test_a_search_of_neighbours_is_compared():
    """The start by cells is the other one where stronger penalties lead lower."""
    problem = posed(SquaredHinge(), L1(), 0.005)
    result = solve("nearest_neighbor", problem, tol=1e-6, random_state=0)
    assert result.history[0].other_start <= problem.null_value


@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=lambda penalty: type(penalty).__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_weak_concave_penalty_ends_lower(monkeypatch, penalty, seed):
    """Which stationary point is near depends on the way (Breheny and Huang, 2011)."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(100, 300)) + 0.7 * rng.normal(size=(100, 1))
    raw = X[:, :8] @ rng.choice([-1.0, 1.0], 8) + 1.5 * rng.normal(size=100)
    problem = pose(X, (raw > 0)[:, None].astype(float), LogLoss(), penalty, 0.004)
    result = solve("proximal", problem, tol=1e-6)
    assert result.history[0].start == STRONGER
    monkeypatch.setattr(proximal, "stronger_penalties", lambda problem: np.empty(0))
    assert result.objective < 0.9 * solve("proximal", problem, tol=1e-6).objective


def test_a_warm_start_is_where_a_fit_begins():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 100)), rng.integers(0, 2, 40)
    model = NNOClassifier(penalty="l1", alpha=1e-3, warm_start=True).fit(X, y)
    again = model.fit(X, y)
    assert again.history_[0].start == GIVEN and again.n_iter_ <= 1
