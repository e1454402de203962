"""Newton models of coupled outputs by products with the rows' Hessian."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.penalties import L1, MCP, ElasticNet, GroupLasso
from nno_sklearn.problem import WorkingHessian
from nno_sklearn.problem.cost import takes_products
from nno_sklearn.solvers import working_set
from nno_sklearn.solvers.product_models import has_product_models, minimise_by_products
from nno_sklearn.solvers.quadratic import minimise_model
from tests.problems import make_weight, pose, solve

N, P, K = 150, 40, 4
FACTORS = np.random.default_rng(1).choice([0.0, 0.5, 1.0, 2.0], size=(P, 1))
PENALTIES = {
    "l1": L1(),
    "elastic net": ElasticNet(0.5),
    "weights": L1(weights=FACTORS.ravel()),
    "rows": GroupLasso("rows"),
    "sparse rows": GroupLasso("rows", l1_ratio=0.3),
    "groups and squares": GroupLasso(np.arange(P).reshape(-1, 2).tolist(), l2_ratio=0.2),
}
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}


def classes(penalty, container="dense", alpha=0.01, weighted=False, n=N):
    rng = np.random.default_rng(0)
    X = rng.poisson(0.7, size=(n, P)) + 2.0 * rng.poisson(0.5, size=(n, 1))
    coef = rng.normal(size=(P, K)) * (rng.random((P, 1)) < 0.2)
    y = ((X - X.mean(axis=0)) @ coef + rng.gumbel(size=(n, K))).argmax(axis=1)
    weight = make_weight(n) if weighted else None
    X = CONTAINERS[container](X.astype(float))
    return pose(X, np.eye(K)[y], MultinomialLogLoss(), penalty, alpha, sample_weight=weight)


@pytest.fixture
def products(monkeypatch):
    """Products wherever the penalty takes them; how many models there were."""
    made = []

    def counted(point, *given):
        made.append(point)
        return minimise_by_products(point, *given)

    monkeypatch.setattr(working_set, "takes_products", lambda *given: True)
    monkeypatch.setattr(working_set, "minimise_by_products", counted)
    return made


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_minimum_is_about_that_of_the_matrix(penalty):
    problem = classes(PENALTIES[penalty])
    point, columns = problem.at(problem.null.coef), np.arange(P)
    hessian = WorkingHessian()
    by_matrix = minimise_model(point, hessian.blocks(point, columns), 1e-10)
    by_products = minimise_by_products(point, hessian.product(point, columns), 1e-4)

    def model(v):
        moved = v - point.coef
        square = np.vdot(moved, hessian.product(point, columns)(moved))
        rise = np.vdot(point.data_gradient, moved) + 0.5 * square
        return rise + problem.alpha * problem.penalty.value(v)

    assert by_matrix.any()
    # Steps end where they gain little: the next model is made where they lead.
    assert model(by_products) <= 0.99 * model(by_matrix) < 0.0


@pytest.mark.pairwise
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor"])
def test_products_lead_to_the_optimum(products, solver, penalty, container, weighted):
    problem = classes(PENALTIES[penalty], container, weighted=weighted)
    # Where nothing is penalised, tol bounds the root of a decrease, which float32 rounds to 1e-5.
    tol = 1e-4 if container == "float32" else 1e-6
    result = solve(solver, problem, tol=tol, random_state=0)
    assert products and result.optimality <= tol
    exact = solve(solver, problem, tol=1e-3 * tol, random_state=0)
    assert result.objective == pytest.approx(exact.objective, rel=2 * tol)


def test_few_rows_lead_to_the_optimum_of_all(products):
    """Where their products lead no further, all rows serve."""
    problem = classes(GroupLasso("rows"), n=4000)
    few = problem.over(problem.rows.draw(200, np.random.RandomState(0)))
    start = problem.null
    hessian = WorkingHessian(few)
    assert hessian.n_rows(problem) == 200
    d = np.random.default_rng(1).normal(size=problem.shape)
    whole, part = (h.product(start, np.arange(P))(d) for h in (WorkingHessian(), hessian))
    assert 0.01 < np.linalg.norm(part - whole) / np.linalg.norm(whole) < 0.5
    assert hessian.expire() and hessian.n_rows(problem) == 4000
    np.testing.assert_array_equal(hessian.product(start, np.arange(P))(d), whole)
    result = solve("nearest_neighbor", problem, tol=1e-8, random_state=0)
    assert products and result.optimality <= 1e-8


@pytest.mark.parametrize(
    ("penalty", "takes"),
    [(L1(), True), (GroupLasso("rows"), True), (L1(lower=0.0), False), (MCP(), False)],
)
def test_penalties_with_models(penalty, takes):
    problem = classes(penalty)
    assert has_product_models(problem.null) is takes


def test_matrices_of_few_coefficients_cost_less():
    problem = classes(L1())
    assert not takes_products(problem, N, P * K)
    large = pose(
        np.ones((2000, 400)), np.eye(10)[np.arange(2000) % 10], MultinomialLogLoss(), L1(), 0.1
    )
    assert takes_products(large, 2000, 2000) and not takes_products(large, 2000, 100)
