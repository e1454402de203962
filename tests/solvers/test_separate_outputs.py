"""Sparse models of outputs that do not interact: each is of its own coefficients."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import LogLoss, ModifiedHuber, Poisson, SquaredHinge
from nno_sklearn.penalties import L1, MCP, ElasticNet
from nno_sklearn.problem import Objective, Problem, WorkingHessian, hessian_blocks
from nno_sklearn.solvers import Status, working_set
from nno_sklearn.solvers.coefficient_choice import MOST
from tests.problems import make_weight, pose, solve

N, P, K = 200, 500, 5
LOSSES = [SquaredHinge(), ModifiedHuber(), LogLoss(), Poisson()]
OWN = np.random.default_rng(1).choice([0.0, 0.5, 1.0, 2.0], size=(P, K), p=[0.01, 0.33, 0.33, 0.33])
PENALTIES = {
    "l1": L1(),
    "elastic net": ElasticNet(0.5),
    "weights": L1(weights=OWN),
    "bounds": L1(lower=-0.2, upper=0.3),
    "mcp": MCP(gamma=10.0),
}
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}


def posed(loss, penalty, container="dense", outputs=range(K), alpha=0.06):
    """Each output is told by eight columns of its own."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.4)
    coef = np.zeros((P, K))
    for k in range(K):
        coef[8 * k : 8 * (k + 1), k] = rng.normal(size=8)
    raw = X @ coef + rng.logistic(size=(N, K))
    y = rng.poisson(np.exp(0.3 * raw)) if isinstance(loss, Poisson) else (raw > 0.5)
    given = X, y[:, list(outputs)].astype(float), loss, penalty, alpha
    return pose(CONTAINERS[container](given[0]), *given[1:], sample_weight=make_weight(N))


@pytest.mark.pairwise
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_models_are_of_each_outputs_own_coefficients(monkeypatch, loss, penalty, container):
    calls, made = [], WorkingHessian.blocks

    def blocks(self, point, *given):
        found = made(self, point, *given)
        calls.append((point, found))
        return found

    monkeypatch.setattr(WorkingHessian, "blocks", blocks)
    result = solve("proximal", posed(loss, PENALTIES[penalty], container), tol=1e-6)
    assert result.optimality <= 1e-6
    for point, found in calls:
        assert len(found) == K
        assert sum(len(index) for index, _ in found) < MOST * point.coef.size
        for index, _ in found:
            assert np.isin(np.flatnonzero(point.coef[:, index[0] % K]), index // K).all()


@pytest.mark.parametrize("penalty", ["l1", "elastic net", "bounds"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_together_they_are_what_each_is_alone(loss, penalty):
    together = solve("proximal", posed(loss, PENALTIES[penalty]), tol=1e-8)
    alone = [
        solve("proximal", posed(loss, PENALTIES[penalty], outputs=[k]), tol=1e-8) for k in range(K)
    ]
    assert together.optimality <= 1e-8
    assert together.objective == pytest.approx(sum(one.objective for one in alone), rel=1e-6)


def test_blocks_of_some_coefficients_are_parts_of_the_whole():
    problem = posed(SquaredHinge(), L1())
    point = problem.at(np.random.default_rng(2).normal(size=problem.shape) / P)
    index = np.concatenate([K * np.arange(7) + 1, K * np.array([3, 11, 30]) + 4])
    whole = hessian_blocks(point)
    blocks = WorkingHessian().blocks(point, np.arange(P), index)
    assert [set(part % K) for part, _ in blocks] == [{1}, {4}]
    for part, matrix in blocks:
        _, of_output = whole[part[0] % K]
        expected = of_output[np.ix_(part // K, part // K)]
        np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-14)


def test_an_output_without_room_for_a_matrix_is_solved_all_the_same(monkeypatch):
    monkeypatch.setattr("nno_sklearn.problem.cost.sizes.MAX_MATRIX_SIZE", 20)
    monkeypatch.setattr("nno_sklearn.solvers.coefficient_choice.MAX_MATRIX_SIZE", 20)
    monkeypatch.setattr(working_set, "_has_row_models", lambda point: False)
    few = solve("proximal", posed(SquaredHinge(), L1(), alpha=0.02), tol=1e-6)
    monkeypatch.undo()
    many = solve("proximal", posed(SquaredHinge(), L1(), alpha=0.02), tol=1e-6)
    assert np.count_nonzero(many.coef, axis=0).max() > 20
    assert few.objective == pytest.approx(many.objective, rel=1e-6)


def raw_classes(seed, n, p):
    """Indicators of three classes that columns in units of their own tell apart."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(4, 2, p) * rng.lognormal(0, 0.6, (n, p)) + rng.normal(0, 10, (n, p))
    told = X @ (rng.normal(size=p) / X.std(axis=0) / np.sqrt(p))
    return X, np.eye(3)[np.digitize(told, np.quantile(told, [0.3, 0.7]))]


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor"])
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=["l1", "elastic net"])
@pytest.mark.parametrize("loss", [SquaredHinge(), ModifiedHuber()], ids=["squared", "huber"])
@pytest.mark.parametrize(("n", "p", "seed"), [(300, 12, 0), (300, 12, 3), (500, 30, 2)])
def test_outputs_that_are_nearly_separated_end_beside_one_that_is_not(
    n, p, seed, loss, penalty, solver
):
    X, y = raw_classes(seed, n, p)
    problem = pose(X, y, loss, penalty, 1e-4)
    result = solve(solver, problem, tol=1e-4, random_state=0)
    assert result.status is Status.CONVERGED
    values = [one.objective for one in result.history]
    assert values[-1] <= min(values) * (1 + 1e-9)  # no step leads up


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5), L1(weights=OWN[:12, :3])])
def test_an_output_far_from_its_optimum_leaves_the_bound_of_others(penalty, fit_intercept):
    X, y = raw_classes(1, 300, 12)
    given = SquaredHinge(), penalty, 1e-3
    problem = pose(X, y, *given, fit_intercept=fit_intercept)
    solved = solve("proximal", problem, tol=1e-8)
    coef = solved.coef.copy()
    coef[:, 2] = 0.0  # the first two are at their optima
    point = problem.at(coef)
    own = 0.0
    for k in range(3):
        part = Problem.of(
            Objective(SquaredHinge(), point.problem.of_outputs[k], 1e-3, fit_intercept),
            X,
            y[:, [k]],
        )
        own += part.at(coef[:, [k]]).dual_gap
    assert point.value - solved.objective <= point.dual_gap
    assert point.dual_gap <= 1.01 * own < 1.1


@pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=["l1", "elastic net"])
@pytest.mark.parametrize("loss", [SquaredHinge(), ModifiedHuber()], ids=["squared", "huber"])
@pytest.mark.parametrize("seed", [2, 4, 20, 24, 30])
def test_a_run_whose_gap_is_far_more_than_what_is_left_goes_on(seed, loss, penalty):
    """Few rows, some of them equal with different labels, whose columns have units of their own:
    the objective is near its optimum long before a dual point is."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(2, 2, 20) * rng.lognormal(0, 0.7, (30, 20)) + rng.normal(0, 5, (30, 20))
    X = X[rng.integers(0, 30, 60)]
    told = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=20) + rng.logistic(size=60)
    y = (told > np.quantile(told, 0.5 if seed % 3 == 0 else 0.9))[:, None]
    problem = pose(X, y.astype(float), loss, penalty, 1e-4)
    assert solve("proximal", problem, tol=1e-4).status is Status.CONVERGED
