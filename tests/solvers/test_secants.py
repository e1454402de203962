"""L-BFGS corrections against a dense matrix of BFGS, and how runs hand them on."""

import numpy as np
import pytest

from nno_sklearn.solvers.preconditioner import DiagonalPreconditioner
from nno_sklearn.solvers.secants import LBFGS
from tests.problems import make_problem, well_conditioned


def dense_bfgs(pairs, preconditioner):
    """The inverse BFGS matrix (Nocedal and Wright, 2006, 6.17) from a scaled preconditioner."""
    step, change = pairs[-1]
    inverse = preconditioner * (step @ change) / (change @ preconditioner @ change)
    for step, change in pairs:
        rho = 1 / (step @ change)
        left = np.eye(len(step)) - rho * np.outer(step, change)
        inverse = left @ inverse @ left.T + rho * np.outer(step, step)
    return inverse


@pytest.mark.parametrize("name", ["squared_error", "poisson", "multinomial"])
@pytest.mark.parametrize("span", [0, 4])
def test_lbfgs_is_bfgs(name, span):
    problem = make_problem(name, p=6, n_outputs=3)
    rng, factor = np.random.default_rng(5), 10.0 ** np.linspace(-span, span, 6)[:, None]
    hessian = well_conditioned(18, seed=6) if name == "multinomial" else well_conditioned(6, seed=6)
    diagonal = rng.uniform(0.5, 2.0, problem.shape)
    corrections, pairs = LBFGS(problem, 3), []
    preconditioner = DiagonalPreconditioner(diagonal * factor**2)
    np.testing.assert_array_equal(
        corrections.solve(factor, preconditioner), preconditioner.solve(factor)
    )
    for _ in range(5):
        step = rng.normal(size=problem.shape)
        change = hessian @ (step.ravel()[:, None] if name == "multinomial" else step)
        change = change.reshape(problem.shape)
        pairs.append((step, change))
        corrections.add(step / factor, change * factor)
    assert len(corrections) == 3
    pairs, gradient = pairs[-3:], rng.normal(size=problem.shape)
    solution = corrections.solve(gradient * factor, preconditioner) * factor
    if name == "multinomial":
        pairs = [(step.ravel(), change.ravel()) for step, change in pairs]
        expected = dense_bfgs(pairs, np.diag(1 / diagonal.ravel())) @ gradient.ravel()
        np.testing.assert_allclose(solution.ravel(), expected, rtol=1e-7, atol=1e-9)
    else:
        for k in range(3):
            own = [(step[:, k], change[:, k]) for step, change in pairs]
            expected = dense_bfgs(own, np.diag(1 / diagonal[:, k])) @ gradient[:, k]
            np.testing.assert_allclose(solution[:, k], expected, rtol=1e-7, atol=1e-9)
    corrections.clear()
    np.testing.assert_array_equal(
        corrections.solve(gradient, preconditioner), preconditioner.solve(gradient)
    )


def test_lbfgs_skips_pairs_without_curvature():
    problem = make_problem("poisson", p=2, n_outputs=2)
    corrections, preconditioner = LBFGS(problem, 5), DiagonalPreconditioner(np.full((2, 2), 4.0))
    corrections.add(np.ones((2, 2)), -np.ones((2, 2)))
    corrections.add(np.zeros((2, 2)), np.zeros((2, 2)))
    assert len(corrections) == 0
    step = np.array([[1.0, 0.0], [0.0, 0.0]])  # the second output did not move
    corrections.add(step, 2.0 * step)
    gradient = np.array([[3.0, 3.0], [1.0, 1.0]])
    solution = corrections.solve(gradient, preconditioner)
    np.testing.assert_allclose(solution[:, 1], gradient[:, 1] / 4)
    np.testing.assert_allclose(solution[:, 0], [1.5, 0.5])


@pytest.mark.parametrize("n_more", [0, 1])
def test_steps_are_handed_on_to_another_strength(n_more):
    """The data loss of squared error and of the penalty changes gradients as before: exactly so."""
    first = make_problem("squared_error", alpha=0.5)
    problem = first.with_penalty(first.penalty, 2.0)
    rng, shape = np.random.default_rng(0), (first.n_features + n_more, first.n_outputs)
    step, coef = rng.normal(size=shape), rng.normal(size=shape)
    change = rng.normal(size=shape) + step
    past = LBFGS(first, 3)
    past.add(step, change + 0.5 * _of_features(step, n_more))
    past.hand_on(first, coef)
    later, expected = LBFGS(problem, 3), LBFGS(problem, 3)
    later.carry_on(problem, coef)
    expected.add(step, change + 2.0 * _of_features(step, n_more))
    unit = DiagonalPreconditioner(np.ones(shape))
    gradient = rng.normal(size=shape)
    np.testing.assert_allclose(later.solve(gradient, unit), expected.solve(gradient, unit))
    nothing = LBFGS(problem, 3)
    nothing.carry_on(problem, np.zeros(shape))  # a constant model is near no other
    assert len(later) == 1 and len(nothing) == 0


def _of_features(step, n_more):
    return step * (np.arange(len(step)) < len(step) - n_more)[:, None]
