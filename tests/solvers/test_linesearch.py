"""The exact step along a line: it lowers slope and objective of each output that descends."""

import numpy as np
import pytest

from nno_sklearn.penalties import NoPenalty
from nno_sklearn.problem import Line
from nno_sklearn.solvers.linesearch import LONGEST, SHORTEST, exact_step, shorter
from tests.problems import (
    EVERY_PENALTY,
    LOSSES,
    make_coef,
    make_problem,
    pose,
)
from tests.user_objects import Box


@pytest.mark.parametrize("size", [1e-4, 0.1, 1.0, 30.0, 1e3])
@pytest.mark.parametrize("name", LOSSES)
def test_exact_step_lowers_slope_and_objective(name, size):
    problem = make_problem(name, alpha=0.01, n_outputs=3)
    point = problem.at(make_coef(problem, size=0.3))
    line = point.towards(-size * point.gradient)
    before = line.derivatives(0.0)[0]
    passes = problem.n_passes
    t, found = exact_step(line, accuracy=0.1)
    assert problem.n_passes == passes
    assert t.shape == before.shape and (t > 0).all()
    assert (found.values < point.values).all()
    after = line.derivatives(t)[0]
    assert (np.abs(after) <= 0.1 * np.abs(before)).all()
    np.testing.assert_array_equal(found.coef, point.coef + t * line.direction)


def test_exact_step_moves_only_outputs_that_descend():
    problem = make_problem("poisson", n_outputs=3)
    point = problem.at(make_coef(problem))
    up = point.towards(point.gradient)
    assert exact_step(up) is None
    t, found = exact_step(point.towards(point.gradient * [-1.0, 1.0, -1.0]))
    assert t[0] > 0 and t[1] == 0 and t[2] > 0
    np.testing.assert_array_equal(found.coef[:, 1], point.coef[:, 1])
    assert exact_step(point.towards(np.zeros(problem.shape))) is None


@pytest.mark.parametrize("penalty", [EVERY_PENALTY["l1"], Box(-0.1, 0.5)])
@pytest.mark.parametrize("size", [0.1, 1.0, 100.0])
def test_exact_step_with_kinks_descends_along_the_secant(penalty, size):
    problem = make_problem("squared_error", penalty, 0.01)
    point = problem.null
    end = penalty.prox(-size * point.data_gradient, 0.01 * size)
    line = point.towards(end)
    t, found = exact_step(line)
    assert 0 < t[0] <= 1 and found.value < point.value
    secant = problem.alpha * (penalty.value(end) - penalty.value(point.coef))
    assert line.initial_slope[0] == pytest.approx(np.vdot(point.data_gradient, end) + secant)
    bounds = [line.point(s).data_loss + s * secant for s in np.linspace(0.01, 1, 100)]
    least = found.data_loss + t[0] * secant
    assert found.value <= least + 1e-15
    assert point.value - least >= 0.95 * (point.value - min(bounds))


@pytest.mark.parametrize("name", ["squared_hinge", "modified_huber"])
@pytest.mark.parametrize("size", [1.0, 1e3, 1e9])
def test_exact_step_ends_where_a_flat_part_begins(name, size):
    X = np.array([[1.0], [2.0], [-1.0], [-3.0]])
    y = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    problem = pose(X, y, LOSSES[name], NoPenalty(), 0.0)
    line = problem.null.towards(np.array([[size, -size]]))
    t, found = exact_step(line)
    assert (np.abs(found.coef) <= 2.5).all()  # the loss is 0 from 1.25 or 1 on
    assert (found.values <= 1e-2 * problem.null.values).all()


def test_an_output_at_its_optimum_does_not_keep_others_waiting(monkeypatch):
    problem = make_problem("poisson", n_outputs=2)
    point = problem.at(make_coef(problem))
    direction = -point.gradient
    direction[:, 1] *= 1e-24
    looks, derivatives = [], Line.derivatives

    def blurred(line, t):
        first, second = derivatives(line, t)
        looks.append(t)
        return np.array([first[0], 1e-30]), second  # the other's slope is rounding

    monkeypatch.setattr(Line, "derivatives", blurred)
    t, found = exact_step(point.towards(direction))
    assert t[0] > 0 and found.values[0] < point.values[0]
    assert len(looks) < 10


def test_a_step_in_vain_is_followed_by_one_to_the_end_of_a_parabola():
    """Of ``10 - 4 t + t**2`` from a step of 6, which ends higher; within limits, and from a value
    that is no number."""
    assert 6.0 * shorter(10.0, -4.0, 6.0, 22.0) == pytest.approx(2.0)
    assert shorter(10.0, -4.0, 6.0, 1e9) == SHORTEST
    assert shorter(10.0, -4.0, 6.0, 9.0) == LONGEST
    for reached in (np.nan, np.inf, -20.0):
        assert shorter(10.0, -4.0, 6.0, reached) == SHORTEST
