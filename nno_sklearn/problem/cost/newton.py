"""When Newton's steps with a whole Hessian, and factors of its rows, are cheap."""

import numpy as np

from nno_sklearn.problem.cost.rates import (
    BLOCKED_SPEEDUP,
    COEFFICIENT_WORK,
    LEAST_PASS,
    ROW_WORK,
    SPARSE_ENTRY,
    SWEEP_ENTRY,
    SWEEP_WORK,
)
from nno_sklearn.problem.cost.sizes import coupled_outputs

#: Multiplications that factors of the rows of a small problem may take: some milliseconds.
MOST_ROW_OPERATIONS = 2e7
#: The same at each of Newton's steps that do without searches: of outputs that do not interact, and
#: of those that do.
MOST_NEWTON_OPERATIONS, MOST_JOINT_OPERATIONS = 1.3e7, 2e7
#: The same where a penalty has kinks: beyond, a working set's matrix of some columns is cheaper.
MOST_KINKED_OPERATIONS = 4e6
#: The same where curvature is constant: working sets make a matrix once for all strengths, and what
#: they do around it takes as long as this.
MOST_REPEATED_OPERATIONS = 1e6
#: Multiplications of a Hessian from which on a few looks at all rows along a line, each some steps
#: of Python, take a small part of its time.
LEAST_SEARCHED_OPERATIONS = 4e6
#: Newton's steps in the sizes of groups to a model's minimum, and steps by products, about, with a
#: margin.
SIZE_STEPS, PLANE_STEPS = 8, 120
#: Products of a Newton model of coupled outputs with the rows' Hessian, about, and factors of its
#: matrix.
MODEL_PRODUCTS, MODEL_FACTORS = 60, 4
#: Sweeps over an output's coefficients that a matrix must cost to be tried before it, and entries
#: of columns that are held for them, 800 MB.
FEWEST_SWEEPS, MOST_COLUMN_ENTRIES = 30, 1e8
#: Rows of the largest matrix that is made once for a fit, 200 MB, and passes that its factor may
#: cost.
MAX_LASTING_SIZE, LASTING_PASSES = 5000, 200
#: Coefficients of a model whose factor takes no longer than the steps of Python around it.
FEW_COEFFICIENTS = 100


def has_cheap_factor(problem, n_coefs):
    """Whether a factor of a model of so many coefficients takes no longer than a pass over X."""
    return n_coefs**3 / 3 <= BLOCKED_SPEEDUP * problem.rows.n_stored


def fits_lasting_matrix(problem, n_coefs):
    """Whether a matrix over so many coefficients that is made once for a fit, and factored in
    parts, takes no longer than steps without one may."""
    entry = SPARSE_ENTRY if problem.rows.is_sparse else 1
    passes = n_coefs**3 / 3 / BLOCKED_SPEEDUP / (entry * problem.rows.n_stored)
    return n_coefs <= MAX_LASTING_SIZE and passes <= LASTING_PASSES


def most_plane_steps(n_groups, n_used, n_models, rank, shape):
    """Steps by products with a model of groups that cost less than Newton's in the groups' sizes;
    0 where these are less work than such steps usually are.

    Parameters
    ----------
    n_groups, n_used : int
        Groups that may be in use, and features of theirs.
    n_models, rank : int
        Matrices of the model, of all outputs or one of each, and their size, over features or over
        rows.
    shape : tuple
        Shape of the model's coefficients.
    """
    size, (n_features, n_outputs) = min(n_used, rank), shape
    factors = n_groups**3 / 3 + n_models * (n_groups**2 * size + size**2 * n_used)
    product = n_features * n_outputs * (n_features if rank == n_features else 2 * rank)
    python = BLOCKED_SPEEDUP * (COEFFICIENT_WORK * n_features * n_outputs + 2 * LEAST_PASS)
    most = int(SIZE_STEPS * factors / (product + python))
    return most if most >= PLANE_STEPS else 0


def takes_products(problem, n_rows, n_coefs):
    """Whether a Newton model of coupled outputs costs less by products with the Hessian of
    ``n_rows`` rows than by its matrix over ``n_coefs`` coefficients, and factors of that."""
    n, (p, n_outputs) = problem.n_samples, problem.shape
    if problem.rows.n_elsewhere and n_rows == n:
        return False
    entry = SPARSE_ENTRY if problem.rows.is_sparse else 1
    outer = n_coefs**2 / 2 / BLOCKED_SPEEDUP  # of a row
    if problem.rows.is_sparse:
        outer = min(outer, entry * problem.rows.row_product_cost * (n_coefs / max(1, p)) ** 2)
    matrix = (1 + 1 / n_outputs) * n_rows * outer
    factors = MODEL_FACTORS * n_coefs**3 / 3 / BLOCKED_SPEEDUP
    columns = 1 + 2 * (n_outputs - 1) / BLOCKED_SPEEDUP
    product = n_rows * (entry * problem.rows.n_stored / n * columns + ROW_WORK * n_outputs)
    product += COEFFICIENT_WORK * p * n_outputs + 2 * LEAST_PASS
    return MODEL_PRODUCTS * product <= matrix + factors


def most_sweeps(n_rows, n_coefs, n_new):
    """Sweeps over the coefficients' columns in the time of a matrix over them, of which so many
    columns are not known yet, and its factors."""
    matrix = n_rows * n_coefs * n_new / 2 + MODEL_FACTORS * n_coefs**3 / 3
    return matrix / BLOCKED_SPEEDUP / (n_coefs * (SWEEP_ENTRY * n_rows + SWEEP_WORK))


def takes_sweeps(problem, n_features, n_new):
    """Whether an objective of constant curvature may be lowered by that many columns, one after the
    other, without a matrix, as it lacks so many of them."""
    n = problem.n_samples
    is_here = problem.rows.gives_columns and problem.correction.is_zero
    has_room = n * n_features <= MOST_COLUMN_ENTRIES
    is_fit = problem.loss.constant_curvature and is_here and has_room
    return is_fit and most_sweeps(n, n_features, n_new) >= FEWEST_SWEEPS * problem.n_outputs


def has_cheap_rows(problem, n_coefs):
    """Whether a factor of those rows takes some milliseconds."""
    return coupled_outputs(problem) * problem.n_samples * n_coefs**2 <= MOST_ROW_OPERATIONS


def guesses_signs(n_coefs):
    """Whether a model of so many coefficients is minimised among signs that may be wrong: a factor
    for each guess costs no more than one of those that a descent takes."""
    return n_coefs <= FEW_COEFFICIENTS


def can_factor_rows(problem):
    """Whether factors of the rows of the whole Hessian cost next to nothing."""
    return _row_operations(problem) <= MOST_ROW_OPERATIONS


def takes_newton(problem):
    """Whether a Hessian by coefficients and intercept costs less at each step than the searches for
    an intercept and a step length that it saves, which take longer where outputs interact."""
    most = MOST_NEWTON_OPERATIONS if problem.rows.is_separate else MOST_JOINT_OPERATIONS
    return newton_operations(problem) <= most


def takes_kinked_newton(problem):
    """The same for a penalty with kinks and bounds of single coefficients alone, which keeps all of
    them from going far where rows do not."""
    penalty = problem.penalty
    if problem.is_smooth or not (problem.has_dual and penalty.is_convex):
        return False
    are_told_apart = problem.n_samples > problem.n_features
    is_kept = problem.loss.constant_curvature
    most = MOST_REPEATED_OPERATIONS if is_kept else MOST_KINKED_OPERATIONS
    if not are_told_apart or newton_operations(problem) > most:
        return False
    return penalty.piecewise_quadratic(np.zeros(problem.shape)) is not None


def searches_lengths(problem):
    """Whether the lengths of Newton's steps far from the optimum are searched, as each step that it
    saves takes longer."""
    return newton_operations(problem) >= LEAST_SEARCHED_OPERATIONS


def newton_operations(problem):
    """Multiplications of a Hessian by coefficients and its factor."""
    n_coupled = coupled_outputs(problem)
    size = n_coupled * problem.n_features
    return problem.n_outputs / n_coupled * (problem.n_samples + size) * size**2


def _row_operations(problem):
    """Multiplications of factors of the rows of the whole Hessian; inf where rows are not all."""
    if not problem.correction.is_zero:
        return np.inf
    n_coupled = coupled_outputs(problem)
    n_rows, n_coefs = n_coupled * problem.n_samples, n_coupled * problem.n_features
    return problem.n_outputs / n_coupled * (n_rows + n_coefs) * n_coefs**2
