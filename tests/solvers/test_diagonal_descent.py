"""Descent in a diagonal metric: which power of the curvatures, and one look an iteration."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import GradientDescent, NNOClassifier
from nno_sklearn.solvers import diagonal_descent, reduced_descent
from nno_sklearn.solvers.preconditioner import N_POWERS, DiagonalPreconditioners
from nno_sklearn.solvers.secants import LBFGS
from tests.problems import CONTAINERS, make_problem

RNG = np.random.default_rng(5)
X = RNG.normal(size=(400, 60)) * np.logspace(-1, 1, 60) + 1.0
ETA = (X - 1.0) / np.logspace(-1, 1, 60) @ RNG.normal(size=(60, 6)) / 3
Y = (ETA + RNG.gumbel(size=ETA.shape)).argmax(axis=1)


@pytest.fixture
def steps(returned):
    """Every step that took one look at the loss."""
    return returned(reduced_descent, "_along")


def wide_problem(monkeypatch, n_features=40, n_outputs=1):
    """A problem whose sparse X counts as wide."""
    monkeypatch.setattr("nno_sklearn.solvers.preconditioner.is_wide_sparse", lambda problem: True)
    container = CONTAINERS["csr_array"]
    return make_problem("poisson", p=n_features, n_outputs=n_outputs, container=container)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("power", range(N_POWERS))
def test_secants_tell_the_power_of_the_curvatures(power, n_outputs, monkeypatch):
    """A Hessian that is a power of the diagonal is found in a few steps."""
    problem = wide_problem(monkeypatch, n_outputs=n_outputs)
    past = LBFGS(problem, 5)
    metrics, rng = DiagonalPreconditioners(problem, past), np.random.default_rng(power)
    diagonal = 10.0 ** rng.uniform(-2, 2, problem.shape)
    gradient = rng.normal(size=problem.shape)
    unlearnt = metrics._of(diagonal).solve(gradient)
    np.testing.assert_allclose(unlearnt, gradient / diagonal.max())  # begins without curvatures
    for _ in range(16):
        step = rng.normal(size=problem.shape)
        past.add(step, diagonal ** (power / 4) * step)
        learnt = metrics._of(diagonal)
    solved = learnt.solve(gradient) * diagonal ** (power / 4) / gradient
    np.testing.assert_allclose(solved, solved[0, 0], rtol=1e-10)


def test_without_secants_the_power_is_a_half(monkeypatch):
    problem = wide_problem(monkeypatch)
    metrics, diagonal = DiagonalPreconditioners(problem, LBFGS(problem, 0)), np.ones(problem.shape)
    diagonal[:20] = 16.0
    gradient = np.ones(problem.shape)
    np.testing.assert_allclose(metrics._of(diagonal).solve(gradient), 1 / np.sqrt(16.0 * diagonal))


@pytest.mark.parametrize("others", [0.0, 1.0, np.inf])
def test_columns_without_curvature_do_not_move(others, monkeypatch):
    problem = wide_problem(monkeypatch)
    diagonal = np.full(problem.shape, others)
    diagonal[3] = 0.0
    metric = DiagonalPreconditioners(problem, LBFGS(problem, 2))._of(diagonal)
    solved = metric.solve(np.ones(problem.shape))
    assert solved[3] == 0.0 and np.isfinite(solved).all()


@pytest.mark.parametrize("solver", ["gd", "proximal"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_look_leads_to_the_optimum_of_exact_steps(
    solver, container, fit_intercept, steps, monkeypatch
):
    monkeypatch.setattr("nno_sklearn.solvers.proximal.takes_newton", lambda problem: False)
    model = NNOClassifier(alpha=1e-2, solver=solver, tol=1e-6, fit_intercept=fit_intercept)
    model.fit(container(X), Y)
    assert model.converged_ and len(steps) > 5
    assert model.n_iter_ - len(steps) in (0, 1)  # float32 may leave the last step to an exact one
    assert all(record.step_size > 0 for record in model.history_[1:])
    objective = model.objective_
    del steps[:]
    monkeypatch.setattr(diagonal_descent, "has_dear_looks", lambda problem: False)
    model.set_params(solver="gd").fit(container(X), Y)
    assert model.converged_ and not steps
    assert objective == pytest.approx(model.objective_, rel=2e-6)


def test_steepest_descent_of_classes_takes_exact_steps(steps):
    """Without corrections, a whole step may be far too long or too short."""
    model = NNOClassifier(alpha=1e-1, solver=GradientDescent(n_corrections=0), tol=1e-3)
    assert model.fit(X, Y).converged_ and not steps


@pytest.mark.parametrize("max_iter", [1, 4])
def test_a_limit_of_iterations_is_kept(max_iter, steps):
    with pytest.warns(match="iteration limit"):
        model = NNOClassifier(alpha=1e-4, solver="gd", tol=1e-9, max_iter=max_iter).fit(X, Y)
    assert model.n_iter_ == len(steps) == max_iter == len(model.history_) - 1
