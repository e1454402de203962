"""Rows of this process: what they keep of a look serves the same question only."""

import numpy as np
import pytest

from nno_sklearn.losses import Huber, SquaredError
from nno_sklearn.penalties import L2
from nno_sklearn.problem import Objective, Problem
from tests.problems import LOSSES, make_coef, make_problem


@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_sums_bring_along_are_the_losses_there(name):
    problem = make_problem(name, L2())
    point = problem.at(make_coef(problem))
    rows, b = problem.rows, point.intercept
    brought = rows.values(point.raw, b)
    np.testing.assert_allclose(brought, rows.values(point.raw, b.copy()), rtol=1e-13)
    elsewhere = rows.values(point.raw, b + 0.5 * np.arange(1.0, len(b) + 1))
    assert (np.abs(elsewhere - brought) > 1e-6).all()
    other = problem.at(0.5 * point.coef, b)
    assert (np.abs(rows.values(point.raw, b) - rows.values(other.raw, b)) > 1e-6).any()


def test_losses_of_other_rows_are_not_taken_over():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), 3.0 * rng.normal(size=(50, 1))
    objective = Objective(SquaredError(), L2(), 0.1, fit_intercept=True)
    rows = Problem.of(objective, X, y).rows
    raw, b = rows.raw(np.ones((3, 1))), np.array([0.3])
    rows.sums(raw, b)
    huber = rows.with_loss(Huber())
    np.testing.assert_allclose(huber.values(raw, b), huber.values(raw, b.copy()), rtol=1e-14)
    shifted = rows.shifted(rows.raw(np.full((3, 1), 0.7)), 1.0)
    np.testing.assert_allclose(shifted.values(raw, b), shifted.values(raw, b.copy()), rtol=1e-14)
    assert not np.allclose(rows.values(raw, b), shifted.values(raw, b))


@pytest.mark.parametrize("n_rows", [100, 20_000])
def test_one_block_of_rows_or_many_have_the_same_value(n_rows):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n_rows, 3)), rng.normal(size=(n_rows, 1))
    problem = Problem.of(Objective(SquaredError(), L2(), 0.1, fit_intercept=True), X, y)
    point = problem.at(np.ones((3, 1)))
    residual = X @ point.coef - y
    residual -= residual.mean()
    assert point.data_loss == pytest.approx(0.5 * (residual**2).mean(), rel=1e-12)
