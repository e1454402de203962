"""What fits the memory, and what is so small that it costs nothing. Beyond the sizes of matrices a
factor takes seconds and hundreds of megabytes."""

import numpy as np

#: Rows of the largest square matrix that is factored, 32 MB and some tenths of a second: of
#: features, or of rows where features are more.
MAX_MATRIX_SIZE = 2000
#: Coefficients, in numbers of rows, from which on the space of the rows takes less time.
WIDE = 2
#: Coefficients of coupled outputs up to which their Hessian is one matrix.
MAX_JOINT_SIZE = 600
#: Numbers in a dense matrix of rows (one for each row, output and coefficient), or over candidates
#: of which few are factored, that may be made at once, 160 MB; and in one of rows of which a
#: singular value decomposition, or products with vectors by the dozen, take some milliseconds.
MOST_ROW_ENTRIES, FEW_ROW_ENTRIES = 2e7, 2e6
#: Entries of a linear program that may be solved once for a problem, 20 ms.
FEW_PROGRAM_ENTRIES = 3e4
#: Entries of X, for each output, up to which a result is polished to the limit of precision.
MOST_POLISHED_ENTRIES = 2e4


def fits_matrix(size):
    """Whether a square matrix of ``size`` rows is small enough to be factored."""
    return size <= MAX_MATRIX_SIZE


def has_few_rows(problem, n_coefs):
    """Whether factors in the space of the rows take less time than those over so many
    coefficients, each of which has curvature of its own."""
    return WIDE * problem.n_samples <= n_coefs


def fits_candidates(problem):
    """Whether each output's matrix over all coefficients may be made, few of which are factored at
    once."""
    return problem.n_outputs * problem.n_features**2 <= MOST_ROW_ENTRIES


def is_wide_sparse(problem):
    """Whether X is sparse with more columns than fit a matrix over them, such as words."""
    return problem.rows.is_sparse and not fits_matrix(problem.n_features)


def too_coupled(problem):
    """Whether the outputs' joint curvature is too large for one matrix."""
    return not problem.rows.is_separate and problem.n_features * problem.n_outputs > MAX_JOINT_SIZE


def gathered_rows(problem):
    """Rows that one place may hold for a preconditioner in their space: all, where they are there
    already."""
    elsewhere = problem.rows.n_elsewhere
    return problem.n_samples * min(1.0, MOST_ROW_ENTRIES / elsewhere) if elsewhere else np.inf


def coupled_outputs(problem):
    """Outputs that share one Hessian: all where they interact, else one."""
    return 1 if problem.rows.is_separate else problem.n_outputs


def can_have_rows(problem, n_coefs):
    """Whether the rows of a Hessian by so many coefficients of a block fit the memory."""
    return coupled_outputs(problem) * problem.n_samples * n_coefs <= MOST_ROW_ENTRIES


def takes_all_columns(problem):
    """Whether products of all columns with rows of a Hessian take no longer than Python's steps
    of a choice among them."""
    return problem.n_samples * problem.n_features <= FEW_ROW_ENTRIES


def is_polished(problem):
    """Whether results go to the limit of precision, as looks at the rows cost next to nothing: they
    are few, and in this process."""
    size = problem.n_samples * problem.n_features * problem.n_outputs
    return size <= MOST_POLISHED_ENTRIES and not problem.rows.n_elsewhere
