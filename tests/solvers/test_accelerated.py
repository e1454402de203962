"""Accelerated proximal gradient steps: they reach the gap and never rise."""

import numpy as np
import pytest

from nno_sklearn.solvers.accelerated import accelerated_steps
from tests.problems import (
    EVERY_PENALTY,
    make_problem,
    solve,
)


@pytest.mark.each_value
@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("name", ["squared_error", "log_loss", "multinomial", "huber"])
def test_accelerated_steps_reach_the_gap_and_never_rise(name, penalty):
    problem = make_problem(name, EVERY_PENALTY[penalty], 0.02, n=60, p=20)
    values = [accelerated_steps(problem.null, 0.0, count).value for count in range(40)]
    assert (np.diff(values) <= 0).all() and values[-1] < values[1] < values[0]
    passes = problem.n_passes
    found = accelerated_steps(problem.null, 1e-6, 2000)
    assert found.dual_gap <= 1e-6 and problem.n_passes - passes < 1000
    best = solve("proximal", problem, tol=1e-10)
    assert best.objective - 1e-9 <= found.value <= best.objective + 1e-6
    assert accelerated_steps(found, 0.0, 0) is found


def test_steps_end_where_nothing_moves():
    problem = make_problem("squared_error", EVERY_PENALTY["l1"], 100.0, n=60, p=20)
    passes = problem.n_passes
    assert accelerated_steps(problem.null, 0.0, 100).value == problem.null.value
    assert problem.n_passes - passes < 4
