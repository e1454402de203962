"""Second derivatives on a working set, and what the run's own steps tell of them."""

import numpy as np
import pytest

from nno_sklearn.problem import WorkingHessian, hessian_blocks
from tests.problems import make_coef, make_problem

P = 5
COLUMNS = np.arange(P)


def working(name, n_few=None, **given):
    """A problem, and its second derivatives by all rows, or by a few of them."""
    problem = make_problem(name, n=200, p=P, **given)
    few = (
        None if n_few is None else problem.over(problem.rows.draw(n_few, np.random.RandomState(0)))
    )
    return problem, WorkingHessian(few)


@pytest.mark.parametrize("name", ["log_loss", "poisson", "multinomial"])
def test_blocks_of_few_rows_take_a_step_to_its_change_of_the_gradient(name):
    problem, hessian = working(name, n_few=30)
    before = problem.at(make_coef(problem))
    after = problem.at(1.1 * before.coef)
    rough = hessian.blocks(before, COLUMNS)
    kept = [matrix.copy() for _, matrix in rough]
    hessian.learn(before, after)
    step = (after.coef - before.coef).ravel()
    change = (after.data_gradient - before.data_gradient).ravel()
    for (at, matrix), (_, old), copy in zip(
        hessian.blocks(before, COLUMNS), rough, kept, strict=True
    ):
        np.testing.assert_allclose(matrix @ step[at], change[at], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-14)
        assert np.linalg.eigvalsh(matrix)[0] > 0
        assert np.linalg.norm(old @ step[at] - change[at]) > 1e-3 * np.linalg.norm(change[at])
        np.testing.assert_array_equal(old, copy)  # it stays what the rows told


def test_nothing_is_learnt_of_a_matrix_that_is_exact():
    problem, hessian = working("squared_error")
    before = problem.at(make_coef(problem))
    [(_, matrix)] = hessian.blocks(before, COLUMNS)
    hessian.learn(before, problem.at(2.0 * before.coef))
    assert hessian.blocks(before, COLUMNS)[0][1] is matrix


def test_steps_that_tell_of_rounding_or_of_far_away_are_left_out():
    problem, hessian = working("poisson", n_few=30, fit_intercept=False)
    before = problem.at(np.zeros(problem.shape))
    [(_, matrix)] = hessian.blocks(before, COLUMNS)
    far = np.zeros(problem.shape)
    far[0] = 20.0 / problem.rows.raw(np.eye(P)[:, :1]).array.max()
    for after in (problem.at(far), before):
        hessian.learn(before, after)
        assert hessian.blocks(before, COLUMNS)[0][1] is matrix


def test_other_columns_begin_with_what_the_rows_tell():
    problem, hessian = working("log_loss")
    before = problem.at(make_coef(problem))
    hessian.blocks(before, COLUMNS)
    hessian.learn(before, problem.at(0.5 * before.coef))
    some = np.array([0, 2, 3])
    part = before.on_columns(problem.columns(some), some)
    [(_, matrix)] = hessian.blocks(part, some)
    [(_, whole)] = hessian_blocks(before)
    np.testing.assert_allclose(matrix, whole[np.ix_(some, some)], rtol=1e-10, atol=1e-12)
