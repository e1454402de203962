"""The mean of dual points bounds the optimum, wherever they are from."""

import numpy as np
import pytest

from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.problem import MeanDual, Objective, Problem
from nno_sklearn.rows import Labels
from nno_sklearn.solvers import GradientDescent

N, P, K = 150, 5, 7
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) + 1.0
CODES = np.r_[np.arange(K), RNG.integers(0, 3, N - K)]  # four classes are rare
SHARES = RNG.dirichlet(np.full(K, 0.3), size=N)
WEIGHT = RNG.uniform(0.1, 2.0, size=N)


def problem_of(y, fit_intercept=True, offset=None, loss=None):
    loss = MultinomialLogLoss() if loss is None else loss
    objective = Objective(loss, L2(), 0.05, fit_intercept=fit_intercept)
    return Problem.of(objective, X, y, WEIGHT, offset=offset)


def optimum_of(problem):
    found = GradientDescent().solve(problem, problem.null, max_iter=5000, tol=1e-12)
    assert found.dual_gap <= 1e-12 * found.objective
    return found


def visit(mean, problem, coef, intercept):
    mean.add(coef, intercept, problem.rows.first_order(coef, intercept))
    return mean.bound


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("y", [Labels(CODES, K), SHARES], ids=["labels", "shares"])
def test_bounds_the_optimum_from_anywhere(y, fit_intercept):
    problem = problem_of(y, fit_intercept)
    optimum, mean, bounds = optimum_of(problem), MeanDual(problem), []
    for size in (3.0, 1.0, 0.3, 0.1, 0.01):  # the intercept is never at its optimum
        for seed in range(8):
            rng = np.random.default_rng(seed)
            coef = optimum.coef + size * rng.normal(size=(P, K))
            inner = problem.inner_intercept(optimum.coef, optimum.intercept)
            shift = size * rng.normal(size=K) * fit_intercept
            bounds.append(visit(mean, problem, coef, inner * fit_intercept + shift))
    assert (np.diff(bounds) >= 0).all() and bounds[-1] <= optimum.objective
    assert optimum.objective - bounds[-1] <= 0.01 * optimum.objective


def test_mean_is_nearer_than_its_places():
    problem = problem_of(Labels(CODES, K))
    optimum, mean, alone = optimum_of(problem), MeanDual(problem), []
    for sign in (1.0, -1.0):
        coef = optimum.coef + 0.2 * sign * np.eye(P, K)
        intercept = problem.at(coef).intercept
        visit(mean, problem, coef, intercept)
        alone.append(visit(MeanDual(problem), problem, coef, intercept))
    above = optimum.objective - np.array([mean.bound, *alone])
    assert 0 <= above[0] < 0.2 * above[1:].min()


def test_serves_what_is_known_to_be_an_entropy():
    class Own(MultinomialLogLoss):
        def value(self, y, eta):
            return 2.0 * super().value(y, eta)

    assert MeanDual.serves(problem_of(SHARES))
    assert not MeanDual.serves(problem_of(SHARES, loss=Own()))
    assert not MeanDual.serves(problem_of(SHARES, offset=np.ones((N, K))))
