"""The loop for penalties with kinks: a growing set of features, proximal Newton inside."""

import numpy as np

from nno_sklearn.problem import hessian_blocks
from nno_sklearn.solvers.accelerated import accelerated_steps
from nno_sklearn.solvers.linesearch import ROUNDING, backtrack, exact_step
from nno_sklearn.solvers.metric import MAX_MATRIX_SIZE
from nno_sklearn.solvers.quadratic import minimise_model

SMALLEST_SET = 100
MAX_NEWTON_STEPS = 10
ACCELERATED_STEPS = 100
#: The inner problem is solved to this share of the gap that the whole problem has.
INNER_ACCURACY = 0.1


def solve_by_working_sets(run, point, rows=None):
    """Solve on the features that matter, and let the certificate say which these are.

    Parameters
    ----------
    run : Run
    point : Point
    rows : Problem, default=None
        The same objective on fewer rows, whose curvature then serves; by default all rows'.

    Returns
    -------
    Point
    """
    step_size, rows = np.nan, point.problem if rows is None else rows
    while not run.done(point, step_size):
        working_set = choose_features(point)
        if not len(working_set):
            run.stall()
            break
        inner = point.problem.columns(working_set).with_raw_prediction(
            point.coef[working_set], point.linear, point.intercept
        )
        target_gap = INNER_ACCURACY * _gap_left(run, point)
        if _joint_size(point.problem, working_set) > MAX_MATRIX_SIZE:
            better = accelerated_steps(inner, target_gap, ACCELERATED_STEPS)
        else:
            few = None if rows is point.problem else rows.columns(working_set)
            better = _proximal_newton(inner, target_gap, few)
        if better is inner:
            better = accelerated_steps(inner, target_gap, ACCELERATED_STEPS)
        if better is inner:
            run.stall()
            break
        step_size = np.abs(better.coef - inner.coef).max()
        coef = np.zeros_like(point.coef)
        coef[working_set] = better.coef
        point = point.problem.with_raw_prediction(coef, better.linear, better.intercept)
    return point


def _joint_size(problem, working_set):
    """Coefficients that a Newton model of the working set ties together."""
    return len(working_set) * (1 if problem.is_separate else problem.n_outputs)


def _gap_left(run, point):
    gap = run.last.dual_gap
    return gap if np.isfinite(gap) else run.last.optimality * point.problem.null.value


def choose_features(point):
    """Features in use, and those that break optimality most, by the decrease they promise."""
    problem = point.problem
    distance = problem.penalty.subdiff_distance(point.coef, point.data_gradient / problem.alpha)
    curvature = point.diagonal_curvature
    promise = np.divide(
        (problem.alpha * distance) ** 2, curvature, out=np.zeros_like(distance), where=curvature > 0
    ).sum(axis=1)
    used = (point.coef != 0).any(axis=1)
    size = max(SMALLEST_SET, 2 * int(used.sum()))
    promise[used] = np.inf
    if (promise > 0).sum() > size:
        promise[np.argpartition(-promise, size)[size:]] = 0.0
    return np.flatnonzero(promise > 0)


def _proximal_newton(inner, target_gap, few):
    """Lower the objective over the working set's columns, to about ``target_gap``."""
    blocks = None
    for _ in range(MAX_NEWTON_STEPS):
        if inner.dual_gap <= target_gap:
            break
        if blocks is None or not inner.problem.loss.constant_curvature:
            blocks = hessian_blocks(inner if few is None else few.at(inner.coef, inner.intercept))
        found = _proximal_newton_step(inner, blocks, target_gap)
        if found is None:
            break
        inner = found
    return inner


def _proximal_newton_step(point, blocks, target_gap):
    """Minimise the model, then search the way there (Lee, Sun and Saunders, 2014)."""
    problem = point.problem
    new = minimise_model(point, blocks, 0.5 * target_gap)
    direction = new - point.coef
    if problem.is_smooth:
        found = exact_step(point.towards(direction))
        return None if found is None else found[1]
    decrease = -np.vdot(point.data_gradient, direction) + problem.alpha * (
        problem.penalty.value(point.coef) - problem.penalty.value(new)
    )
    # Near the optimum a good step's decrease is lost in rounding, but not its gain in the gap.
    if not direction.any() or not decrease > -ROUNDING * abs(point.value):
        return None
    found = backtrack(point.towards(direction), decrease)
    return None if found is None else found[1]
