"""Sweeps over columns, and products, where matrices would cost more or have no room."""

import numpy as np
import pytest
from scipy import optimize, sparse

from nno_sklearn.losses import Huber, LogLoss, Poisson, SquaredError
from nno_sklearn.penalties import L1, MCP, ElasticNet, GroupLasso
from nno_sklearn.problem import WorkingHessian
from nno_sklearn.problem.cost import newton, sizes, takes_sweeps
from nno_sklearn.solvers import column_sweeps, working_set
from nno_sklearn.solvers.column_sweeps import ColumnSweeps
from nno_sklearn.solvers.result import Status
from tests.problems import make_weight, pose, solve

N, P, ALPHA = 200, 60, 0.02
FACTORS = np.where(np.arange(P) < 2, 0.0, np.where(np.arange(P) == 5, np.inf, 1.5))
PENALTIES = {
    "l1": L1(),
    "elastic net": ElasticNet(0.5),
    "weights": L1(weights=FACTORS),
    "bounds": L1(lower=-0.2, upper=1.0),
}
CONTAINERS = {"rows": np.ascontiguousarray, "columns": np.asfortranarray, "float32": np.float32}


def posed(penalty, container="rows", n_outputs=1, weighted=False, common=0.0, loss=None):
    """Columns with a ``common`` part; one of them is constant, and one twice another."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P)) + common * rng.normal(size=(N, 1)) + 3.0
    X[:, 10], X[:, 11] = 1.0, 2.0 * X[:, 12]
    raw = (X - X.mean(axis=0)) @ (rng.normal(size=(P, n_outputs)) * (rng.random((P, 1)) < 0.5))
    y = raw + rng.normal(size=(N, n_outputs))
    if isinstance(loss, LogLoss):
        y = (y > 0).astype(float)
    if isinstance(loss, Poisson):
        y = rng.poisson(np.exp(0.2 * raw)).astype(float)
    weight = make_weight(N) if weighted else None
    given = CONTAINERS.get(container, container)(X)
    return pose(given, y, loss or SquaredError(), penalty, ALPHA, sample_weight=weight)


def is_solved(result):
    return result.status is Status.CONVERGED


@pytest.fixture
def sweeps(monkeypatch):
    """Sweeps wherever they may be, and they pay; at how many places they began."""
    begun, sweep = [], column_sweeps._sweep

    def counted(place, visited):
        begun.append(place.v)
        sweep(place, visited)

    monkeypatch.setattr(newton, "FEWEST_SWEEPS", 0)
    monkeypatch.setattr(working_set, "takes_kinked_newton", lambda problem: False)
    monkeypatch.setattr(column_sweeps, "most_sweeps", lambda *sizes: 1e6)
    monkeypatch.setattr(column_sweeps, "_sweep", counted)
    return begun


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_they_reach_the_optimum_of_matrices(penalty, container, n_outputs, weighted, request):
    tol = 1e-5 if container == "float32" else 1e-9
    problem = posed(PENALTIES[penalty], container, n_outputs, weighted)
    by_matrix = solve("proximal", problem, tol=tol)
    begun = request.getfixturevalue("sweeps")
    found = solve("proximal", posed(PENALTIES[penalty], container, n_outputs, weighted), tol=tol)
    assert begun and is_solved(found) and is_solved(by_matrix)
    assert found.objective == pytest.approx(by_matrix.objective, rel=2 * tol)
    assert not found.coef[10].any()
    if penalty == "weights":
        assert not found.coef[5].any() and found.coef[:2].all()


@pytest.mark.parametrize(
    ("penalty", "container"),
    [
        (L1(), sparse.csr_array),
        (MCP(), np.asarray),
        (GroupLasso(np.arange(P).reshape(-1, 2).tolist()), np.asarray),
    ],
    ids=["sparse", "not convex", "groups"],
)
def test_what_they_do_not_serve(penalty, container, sweeps):
    assert is_solved(solve("proximal", posed(penalty, container)))
    assert not sweeps


def test_they_end_where_a_matrix_would_take_less_time(monkeypatch):
    problem = posed(L1(), common=30.0)
    monkeypatch.setattr(newton, "FEWEST_SWEEPS", 0)
    monkeypatch.setattr(column_sweeps, "most_sweeps", lambda *sizes: 60.0)
    sweeps, features = ColumnSweeps(WorkingHessian()), np.arange(P)
    point = sweeps.lowered(problem.null, features, 1e-10, 1e-10)
    assert 1e-10 < point.dual_gap and point.value < problem.null.value
    assert sweeps.lowered(point, features, 1e-10, 1e-10) is point
    assert is_solved(solve("proximal", problem, tol=1e-9))


def test_columns_are_held_while_they_are_needed(sweeps, monkeypatch):
    held, make = [], column_sweeps.ColumnModel

    def counted(point, features):
        held.append(len(features))
        return make(point, features)

    monkeypatch.setattr(column_sweeps, "ColumnModel", counted)
    problem, lowered = posed(L1()), ColumnSweeps(WorkingHessian()).lowered
    point = lowered(problem.null, np.arange(8), 0.1, 1e-9)
    assert not point.coef[8:].any() and point.dual_gap > 1e-9
    point = lowered(point, np.arange(2, 6), 0.1, 1e-9)
    point = lowered(point, np.arange(P // 2), 0.1, 1e-9)
    assert held == [8, P] and point.dual_gap <= 1e-9


def test_bounds_without_a_penalty(sweeps):
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(N, 8)))
    y = X.sum(axis=1, keepdims=True) * [-1.0, 1.0] + 0.1 * rng.normal(size=(N, 2))
    problem = pose(X, y, SquaredError(), L1(positive=True, weights=np.zeros(8)), 1.0)
    point = ColumnSweeps(WorkingHessian()).lowered(problem.null, np.arange(8), 1e-9, 1e-9)
    best = optimize.nnls(X - X.mean(axis=0), y[:, 1] - y[:, 1].mean())[0]
    assert sweeps and not point.coef[:, 0].any()
    np.testing.assert_allclose(point.coef[:, 1], best, atol=1e-3)


def test_to_the_last_digit_where_no_penalised_coefficient_is_in_use(sweeps):
    free = np.arange(P) < 9
    problem = posed(L1(weights=np.where(free, 0.0, 1e6)), common=1.0)
    with np.errstate(all="raise"):
        point = ColumnSweeps(WorkingHessian()).lowered(problem.null, np.arange(P), 0.0, 0.0)
    assert sweeps and point.coef[free].all() and not point.coef[~free].any()
    left = np.abs(point.data_gradient[free]).max()
    assert left < 1e-3 * np.abs(problem.null.data_gradient[free]).max()


def test_extrapolation_saves_sweeps(sweeps, monkeypatch):
    solve("proximal", posed(L1(), common=0.5), tol=1e-9)
    extrapolated = len(sweeps)
    sweeps.clear()
    monkeypatch.setattr(column_sweeps, "_extrapolated", lambda steps: steps[-1])
    solve("proximal", posed(L1(), common=0.5), tol=1e-9)
    assert extrapolated < 0.8 * len(sweeps)


def test_a_matrix_that_is_known_serves_at_once(sweeps, monkeypatch):
    problem, features = posed(L1()), np.arange(P)
    hessian = WorkingHessian()
    assert hessian.lacking(features) == P
    hessian.blocks(problem.null, features[: P // 2])
    assert hessian.lacking(features) == P - P // 2
    hessian.blocks(problem.null, features)
    monkeypatch.setattr(newton, "FEWEST_SWEEPS", 1)
    start = problem.null
    assert ColumnSweeps(hessian).lowered(start, features, 1e-9, 1e-9) is start and not sweeps


def test_many_columns_pay_and_few_do_not():
    rng = np.random.default_rng(0)
    problem = pose(
        rng.normal(size=(2000, 1000)), rng.normal(size=(2000, 1)), SquaredError(), L1(), 1
    )
    assert takes_sweeps(problem, 1000, 1000) and not takes_sweeps(problem, 300, 300)
    assert not takes_sweeps(problem, 1000, 0)  # there is a matrix already
    labels = pose(rng.normal(size=(50, 9)), rng.integers(2, size=(50, 1)) * 1.0, LogLoss(), L1(), 1)
    assert not takes_sweeps(labels, 5000, 5000)


@pytest.mark.parametrize(
    "penalty", [L1(), ElasticNet(0.5), GroupLasso(np.arange(P).reshape(-1, 2).tolist())]
)
@pytest.mark.parametrize(
    "loss", [LogLoss(), Huber(), Poisson()], ids=lambda loss: type(loss).__name__
)
def test_products_where_no_matrix_has_room(loss, penalty, monkeypatch):
    problem = posed(penalty, loss=loss, common=1.0)
    by_matrix = solve("proximal", problem, tol=1e-7)
    made, minimise = [], working_set.minimise_by_products
    monkeypatch.setattr(working_set, "takes_kinked_newton", lambda problem: False)
    monkeypatch.setattr(sizes, "MAX_MATRIX_SIZE", 4)
    monkeypatch.setattr(sizes, "MOST_ROW_ENTRIES", 0)
    monkeypatch.setattr(
        working_set,
        "minimise_by_products",
        lambda *given: (made.append(given), minimise(*given))[1],
    )
    found = solve("proximal", posed(penalty, loss=loss, common=1.0), tol=1e-7)
    assert made and is_solved(found)
    assert found.objective == pytest.approx(by_matrix.objective, rel=2e-7)
