"""What Hessians and preconditioners cost and may cost, in passes over X. ``--suite speed`` and
``--suite landmarks`` show what these budgets are worth."""

import numpy as np

from nno_sklearn.problem.cost.newton import takes_newton
from nno_sklearn.problem.cost.rates import (
    BLOCKED_SPEEDUP,
    LEAST_PASS,
    PASSES_PER_FIT,
    ROW_WORK,
    STACK_WORK,
)
from nno_sklearn.problem.cost.sizes import fits_matrix, gathered_rows, too_coupled

#: What the rows of a first preconditioner may cost, and what a preconditioner may cost at once.
ROWS_BUDGET, PRECONDITIONER_BUDGET = 1.0, 1.25
#: What all rows' Hessian may cost where it is constant, so that one step ends.
NEWTON_BUDGET = 8.0
#: What all rows' Hessian may cost where it proves an optimum that no dual point proves, or tells
#: which of many optima is the shortest; and what it may cost to see whether a run has ended.
PROOF_BUDGET, LOOK_BUDGET = 50.0, 10.0
#: Passes over X of an iteration, and of a closer look at a point beside its Hessian, about.
STEP_PASSES, LOOK_PASSES = 2.0, 5.0
#: What second moments may cost in one fit, where they save most other passes; and with a penalty
#: that is not smooth, whose working sets take most of the Gram matrix anyway.
MOMENTS_BUDGET, NONSMOOTH_MOMENTS_BUDGET = 8.0, 13.0


def has_kronecker_factors(problem):
    """Whether one matrix over features and one over outputs stand for the coupled Hessian, as it is
    too large, or dear."""
    is_dear = too_coupled(problem) or not (problem.rows.is_separate or takes_newton(problem))
    return is_dear and fits_matrix(problem.n_features)


def hessian_cost(problem, n_rows):
    """Passes over X that ``hessian_blocks`` on ``n_rows`` rows, and its factor, cost."""
    n_blocks = 1 if problem.loss.constant_curvature else problem.n_outputs
    return _blocks_cost(problem, n_rows, n_blocks)


def _blocks_cost(problem, n_rows, n_blocks):
    p, n_outputs = problem.shape
    factor = p**3 / 3 / BLOCKED_SPEEDUP
    gram = n_rows * problem.rows.row_product_cost
    # Further outputs ride along: a pass for many is a product of matrices itself.
    columns = 1 + 2 * (n_outputs - 1) / BLOCKED_SPEEDUP
    one_pass = problem.rows.n_stored * columns + ROW_WORK * problem.n_samples * n_outputs
    return n_blocks * (gram + factor) / max(LEAST_PASS, one_pass)


def preconditioner_cost(problem, n_rows):
    """Passes over X that a preconditioner of ``n_rows`` landmarks costs."""
    if has_kronecker_factors(problem):
        return _blocks_cost(problem, n_rows, 1)
    if fits_matrix(problem.n_features):
        return hessian_cost(problem, n_rows)
    if n_rows > gathered_rows(problem):
        return np.inf
    cost = n_rows**2 / max(1, problem.n_samples)
    if n_rows >= problem.n_samples or not problem.rows.is_sparse:
        return cost / 4
    # Where curvature changes, that of heavy rows vanishes: plain gradients are faster.
    return cost if problem.loss.constant_curvature else np.inf


def solves_at_once(n_rows, p):
    """Whether normal equations of an output that counts so many rows cost less than the steps of
    Python in a fit of it; for arrays of counts too."""
    multiplications = n_rows * p * (p + STACK_WORK) + p**3
    return multiplications <= PASSES_PER_FIT * BLOCKED_SPEEDUP * LEAST_PASS


def newton_cost(problem):
    """Passes over X that the Hessian of all rows costs."""
    if fits_matrix(problem.n_features):
        return hessian_cost(problem, problem.n_samples)
    return preconditioner_cost(problem, problem.n_samples)


def look_pays(problem, n_steps):
    """Whether a closer look at a point, by its Newton step, costs no more than so many steps."""
    return newton_cost(problem) + LOOK_PASSES <= STEP_PASSES * n_steps


def ends_at_once(problem, n_rows):
    """Whether the first step in a preconditioner of ``n_rows`` landmarks is the last one."""
    return n_rows >= problem.n_samples and problem.loss.constant_curvature


def preconditioner_budget(problem, n_rows):
    """Passes over X that a preconditioner of ``n_rows`` landmarks may cost at once."""
    return NEWTON_BUDGET if ends_at_once(problem, n_rows) else PRECONDITIONER_BUDGET
