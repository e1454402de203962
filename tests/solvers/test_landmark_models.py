"""Steps by models on landmark rows: the optimum of all rows, in a trip each."""

import numpy as np
import pytest

from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty
from nno_sklearn.problem.cost import landmarks
from nno_sklearn.problem.intercept import NO_SEARCH
from nno_sklearn.rows import LocalRows
from nno_sklearn.solvers import Status, landmark_models
from tests.problems import solve
from tests.rows.sharded import ill_conditioned

FIT = {"random_state": 0}


@pytest.mark.parametrize("name", ["log_loss", "poisson", "huber", "multinomial"])
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet()], ids=str)
def test_an_iteration_is_a_trip_to_any_accuracy(name, penalty):
    problem = ill_conditioned(name, penalty, n=6000, p=12)
    result = solve("auto", problem, tol=1e-9, **FIT)
    assert result.status is Status.CONVERGED and result.optimality <= 1e-9
    assert problem.rows.requests.total() <= result.n_iter + 16
    proof = problem.at(result.coef, result.intercept)
    assert proof.value == pytest.approx(result.objective, rel=1e-12)
    assert proof.dual_gap <= 2e-9 * proof.value


@pytest.mark.parametrize("seed", [1, 4, 6])
def test_what_models_leave_takes_few_steps_on_all_rows(seed):
    problem = ill_conditioned("huber", L1(), n=6000, p=12)
    result = solve("auto", problem, tol=1e-9, random_state=seed)
    assert result.status is Status.CONVERGED and problem.rows.requests.total() <= 50


def test_the_gradient_and_value_of_a_model_are_those_of_all_rows():
    problem = ill_conditioned("multinomial", L2(), n=3000, p=5)
    rng = np.random.default_rng(0)
    point = problem.at(0.3 * rng.normal(size=problem.shape))
    few = problem.over(problem.rows.draw(500, np.random.RandomState(0)))
    model, start = few.matched(point)
    assert model.n_samples == 500
    np.testing.assert_allclose(start.gradient, point.gradient, atol=1e-9)
    np.testing.assert_allclose(start.intercept, point.intercept, atol=1e-9)
    here = few.at(point.coef, point.intercept, NO_SEARCH)
    assert start.value == pytest.approx(here.value, rel=1e-9)
    some = np.arange(3)
    part = start.on_columns(model.columns(some), some)
    np.testing.assert_allclose(part.data_gradient, point.data_gradient[some], atol=1e-9)


def test_a_step_that_rises_is_shortened():
    """Landmarks that know little of the curvature promise steps that are far too long."""
    problem = ill_conditioned("poisson", L2(), n=3000, p=4, alpha=1e-2)
    point = problem.null

    class Better:
        coef = 30.0 * np.ones(problem.shape) * -np.sign(point.gradient)
        intercept = point.intercept

    t, new = landmark_models._descent(point, Better, promised=1e-3)
    assert 0 < t < 1 and new.value < point.value
    Better.coef = 30.0 * np.ones(problem.shape) * np.sign(point.gradient)  # uphill
    assert landmark_models._descent(point, Better, promised=1e-3) is None


def test_slow_progress_brings_more_landmarks(monkeypatch):
    monkeypatch.setattr(landmarks, "FEWEST_LANDMARKS", 20)
    monkeypatch.setattr(landmarks, "MOST_PER_FEATURE", 2)
    problem = ill_conditioned("log_loss", L2(), n=4000, p=10)
    result = solve("auto", problem, tol=1e-6, **FIT)
    assert result.status is Status.CONVERGED
    assert problem.rows.requests["candidates"] > 1


def test_all_rows_of_few_are_the_model():
    problem = ill_conditioned("log_loss", L1(), n=300, p=5)
    result = solve("auto", problem, tol=1e-8, **FIT)
    assert result.status is Status.CONVERGED and problem.rows.requests["candidates"] == 1
    assert problem.rows.requests.total() <= 20


@pytest.mark.parametrize("penalty", [NoPenalty(), L2()], ids=str)
def test_limits_and_callbacks_end_it(penalty):
    problem, seen = ill_conditioned("poisson", penalty, n=4000, p=6), []
    result = solve("auto", problem, tol=1e-9, max_iter=3, **FIT)
    assert result.status is Status.MAX_ITER and len(result.history) == 4

    def stop(record, coefficients):
        seen.append(coefficients()[0])
        return len(seen) == 3

    result = solve("auto", problem, tol=1e-9, callback=stop, **FIT)
    assert result.status is Status.STOPPED and len(result.history) == 3
    np.testing.assert_allclose(seen[-1], result.coef)


def test_the_optimum_is_that_of_rows_in_one_place():
    problem = ill_conditioned("huber", ElasticNet(), n=3000, p=6)
    result = solve("auto", problem, tol=1e-11, **FIT)
    local = problem.over(problem.rows._gathered)
    expected = solve("auto", local, tol=1e-11, **FIT)
    assert isinstance(local.rows, LocalRows)
    assert result.objective == pytest.approx(expected.objective, rel=1e-10)
