"""Steps to a model's minimum: its end is taken where values tell that the slope there is small."""

import numpy as np
import pytest

from nno_sklearn.penalties import L1
from nno_sklearn.problem import Line, hessian_blocks
from nno_sklearn.solvers.model_steps import step_to_minimum
from nno_sklearn.solvers.quadratic import minimise_model
from tests.problems import make_coef, make_problem


def newton_end(point):
    return minimise_model(point, hessian_blocks(point), 1e-12)


@pytest.mark.parametrize("name", ["log_loss", "poisson", "gamma"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_good_model_is_followed_to_its_end_without_slopes(name, fit_intercept, monkeypatch):
    problem = make_problem(name, L1(), alpha=0.05, fit_intercept=fit_intercept)
    point = problem.at(newton_end(problem.at(make_coef(problem, size=0.05))))
    end = newton_end(point)
    line = Line(point, end - point.coef)
    slopes = line.initial_slope, line.derivatives(1.0)[0]
    monkeypatch.setattr(Line, "derivatives", None)  # it is not called
    found = step_to_minimum(point, lambda accuracy: end, 1e-9)
    np.testing.assert_allclose(found.coef, end, atol=1e-12)
    assert slopes[1] <= 0.2 * np.abs(slopes[0])


@pytest.mark.parametrize("name", ["log_loss", "poisson", "gamma"])
@pytest.mark.parametrize("farther", [2.0, 5.0])
def test_a_step_that_is_too_long_is_shortened(name, farther):
    problem = make_problem(name, L1(), alpha=0.05)
    point = problem.at(make_coef(problem, size=0.05))
    end = point.coef + farther * (newton_end(point) - point.coef)
    found = step_to_minimum(point, lambda accuracy: end, 1e-9)
    assert found.value < point.value
    assert np.abs(found.coef - point.coef).max() < 0.9 * np.abs(end - point.coef).max()
