"""The duality gap, and what is known of it without conjugates of the rows."""

import pytest

from nno_sklearn.penalties import L1, ElasticNet
from nno_sklearn.problem import least_dual_gap
from nno_sklearn.solvers import ProximalSolver
from tests.problems import LOSSES, make_coef, make_problem

SMOOTH = ("squared_error", "log_loss", "multinomial", "poisson")
penalties = pytest.mark.parametrize("penalty", [L1(), ElasticNet(0.5)], ids=["l1", "elasticnet"])


def optimum(problem):
    return ProximalSolver().solve(problem, problem.null, max_iter=200, tol=1e-12).coef


@pytest.mark.parametrize("name", SMOOTH)
@penalties
@pytest.mark.parametrize("size", [1.0, 0.1, 1e-2, 1e-3, 1e-4])
def test_the_penalty_has_a_part_of_the_gap_and_near_the_optimum_about_all(name, penalty, size):
    problem = make_problem(name, penalty, alpha=0.05)
    best = optimum(problem)
    point = problem.at(best + size * make_coef(problem) * (best != 0))
    part = least_dual_gap(point)
    assert 0 < part <= point.dual_gap * (1 + 1e-9)
    if size <= 1e-3:
        assert part >= 0.5 * point.dual_gap


@pytest.mark.parametrize("name", [name for name in LOSSES if "huber" not in name])
def test_no_conjugates_are_asked_for_where_the_penalty_has_more_of_the_gap(name, monkeypatch):
    problem = make_problem(name, ElasticNet(0.3), alpha=0.1)
    if not problem.has_dual:
        pytest.skip("no conjugate")
    point = problem.at(optimum(problem) + 1e-4)
    rows, asked = type(problem.rows), []
    conjugate = rows.conjugate
    monkeypatch.setattr(rows, "conjugate", lambda *given: asked.append(given) or conjugate(*given))
    gap = point.dual_gap
    assert not asked and point.value - gap <= problem.at(optimum(problem)).value
