"""Which descent takes least: jointly or in turns, by looks or by products, in which precision."""

import numpy as np

from nno_sklearn.problem.cost.newton import takes_newton
from nno_sklearn.problem.cost.preconditioners import has_kronecker_factors
from nno_sklearn.problem.cost.rates import BLOCKED_SPEEDUP, COEFFICIENT_WORK, ROW_WORK
from nno_sklearn.problem.cost.sizes import (
    MOST_ROW_ENTRIES,
    fits_matrix,
    has_few_rows,
    too_coupled,
)
from nno_sklearn.rows.intercept_curvature import MOST_JOINT_OUTPUTS

#: Iterations that a basis of the rows' space may cost; and the smallest spread of a column, as a
#: share of the largest, whose coefficients keep their digits in sums with those of others.
ROW_SPACE_BUDGET, LEAST_ROTATED = 15.0, 1e-4
#: What eigenvectors of one output's second moments may cost, which save searches along lines, and
#: iterations with them.
FACTOR_BUDGET, MOST_IN_ONE_METRIC = 5.0, 25
#: Arrays of one number for each row and output that a Newton step on all rows holds.
NEWTON_ARRAYS = 12
#: Entries of X and of a matrix over its columns, for each output, up to which a look at coupled
#: outputs takes longer than products with their Hessian.
MOST_PRODUCT_ENTRIES = 3e6
#: Entries of a dense X up to which one output's searches along lines take longer than products.
MOST_ONE_METRIC_ENTRIES = 1.5e6
#: Directions of the columns' second moments that a factor of the largest alone has; iterations of a
#: descent of coupled outputs, about, and share of them that it adds to those.
LEADING, DESCENT_ITERATIONS, MORE_ITERATIONS = 32, 20.0, 0.25
#: Share of the largest spread, in the penalty's units, that is one like it: directions of the
#: largest say nothing of columns in other units.
LIKE_SPREAD = 0.1
#: Powers of 10 between 1 and the spreads of columns whose products are no overflow in float32.
MOST_DECADES = 12


def moves_jointly(problem):
    """Whether coefficients and intercept move together, up to where a duality gap is near: of
    fewer outputs Newton's step of the intercept costs little beside an iteration."""
    if problem.n_outputs <= MOST_JOINT_OUTPUTS:
        return False
    return too_coupled(problem) and fits_matrix(problem.n_features) and problem.has_dual


def takes_row_space(problem):
    """Whether coupled outputs are solved for in coordinates of the rows' space: there are fewer
    rows than columns, and a basis costs no more than a few iterations."""
    n, (p, n_outputs) = problem.n_samples, problem.shape
    is_elsewhere = problem.rows.n_elsewhere or problem.rows.is_sparse
    if is_elsewhere or not (too_coupled(problem) and has_few_rows(problem, p)):
        return False
    iteration = (4 * n / BLOCKED_SPEEDUP + COEFFICIENT_WORK) * p * n_outputs
    is_cheap = 4 * n**2 * p / BLOCKED_SPEEDUP <= ROW_SPACE_BUDGET * iteration
    has_room = fits_matrix(n) and n * p <= MOST_ROW_ENTRIES
    used = problem.scale[problem.scale > 0]
    has_digits = used.min(initial=np.inf) >= LEAST_ROTATED * used.max(initial=0.0)
    is_fit = problem.correction.is_zero and problem.is_of_lengths
    return bool(is_cheap and has_room and has_digits and is_fit)


def takes_few_looks(problem):
    """Whether an iteration is to be no more than two products with X and one look at the loss, as
    the best intercept and the best step would be many, which cost more than products of coupled
    outputs, and of one where X is of middle size."""
    if not _keeps_raw_here(problem) or takes_newton(problem):
        return False
    return has_kronecker_factors(problem) or _has_one_metric(problem)


def has_dear_looks(problem):
    """Whether a look at the loss of outputs that interact costs more than products with X, so that
    an iteration is to be one, in whatever metric."""
    return _keeps_raw_here(problem) and not problem.rows.is_separate


def _keeps_raw_here(problem):
    """Whether raw predictions, and curvatures, of all rows are in this process."""
    is_here = not problem.rows.n_elsewhere and problem.correction.is_zero
    return is_here and problem.n_outputs <= MOST_JOINT_OUTPUTS


def _has_one_metric(problem):
    """Whether second moments, of which eigenvectors cost little, serve a single output at all its
    places: the loss's curvature neither is a constant, when it is one step, nor jumps."""
    rows, loss, (p, n_outputs) = problem.rows, problem.loss, problem.shape
    varies = loss.largest_curvature is None and not loss.constant_curvature
    is_middling = not rows.is_sparse and rows.n_stored <= MOST_ONE_METRIC_ENTRIES
    factor = 2 * p**3 / BLOCKED_SPEEDUP
    return n_outputs == 1 and varies and is_middling and factor <= FACTOR_BUDGET * rows.n_stored


def most_few_looks(problem):
    """Iterations in a descent of :func:`takes_few_looks`, after which one output goes on by the
    curvature of landmarks: second moments are then too unlike it."""
    return MOST_IN_ONE_METRIC if problem.n_outputs == 1 else np.inf


def takes_hessian_products(problem):
    """Whether, in a descent of :func:`takes_few_looks`, a look costs more than products with the
    Hessian of the coupled outputs, of which Newton's steps take twice as many as secants do."""
    entries = (problem.rows.n_stored + problem.n_features**2) * problem.n_outputs
    return problem.n_outputs > 1 and entries <= MOST_PRODUCT_ENTRIES


def takes_single(problem):
    """Whether a copy of X in float32 serves a descent of :func:`takes_few_looks`: where products
    take most of its time, but not where the penalty leaves directions open, along which rounding
    would become a step."""
    if not takes_few_looks(problem) or takes_hessian_products(problem):
        return False
    rows, used = problem.rows, problem.scale[problem.scale > 0]
    is_curved = (problem.penalty.curvature(np.zeros(problem.shape)) > 0).all()
    has_room = not rows.is_sparse and rows.n_stored <= 2 * MOST_ROW_ENTRIES  # of half the bytes
    fits = (np.abs(np.log10(used)) <= MOST_DECADES).all()
    return bool(has_room and fits and is_curved)


def leading_directions(problem):
    """Directions of the columns' second moments that the preconditioner of coupled outputs has a
    factor of: None for all of them, where they cost less than the iterations that they save."""
    if not takes_single(problem) or problem.n_features <= LEADING:
        return None
    unit = problem.penalty.curvature(np.zeros(problem.shape)).mean(axis=1)
    spread = problem.scale / np.sqrt(unit)
    if np.median(spread) < LIKE_SPREAD * spread.max():
        return None
    n, (p, n_outputs) = problem.n_samples, problem.shape
    one_product = n * p / BLOCKED_SPEEDUP
    factor = n * problem.rows.row_product_cost + 2 * p**3 / BLOCKED_SPEEDUP
    solves = 4 * p * (p - LEADING) * n_outputs / BLOCKED_SPEEDUP  # there and back, twice
    iteration = 2 * n_outputs * one_product + ROW_WORK * n * n_outputs
    saved = factor - 4 * LEADING * one_product + DESCENT_ITERATIONS * solves
    return LEADING if saved > MORE_ITERATIONS * DESCENT_ITERATIONS * iteration else None


def has_room_for_newton(problem):
    """Whether a Newton step on all rows fits the memory. Where outputs move jointly, the mean of
    their dual points is a proof that needs none."""
    entries = NEWTON_ARRAYS * problem.n_samples * problem.n_outputs
    return entries <= MOST_ROW_ENTRIES or not moves_jointly(problem)
