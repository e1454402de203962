"""Squared error needs no more of the data than their second moments: a problem of few rows."""

import numpy as np
from scipy.linalg import solve_triangular

from nno_sklearn.problem.hessian import hessian_cost
from nno_sklearn.problem.triangular import RankRevealing, pivoted_factor, triangular_factor


def summarise(problem, budget):
    """The same problem on at most one row per feature and one more, if that is cheap.

    With weighted, centred second moments ``G = X'SX``, ``c = X'Sy`` and a factor ``R'R = G``,
    squared errors on the rows of R with targets ``R^-T c``, and one row for what no feature
    explains, are those on all rows, for all coefficients.

    Parameters
    ----------
    problem : Problem
    budget : float
        Passes over X that the moments may cost.

    Returns
    -------
    Problem
        The one given, where its loss is not quadratic, X is sparse, the rows are few or the
        features many. Passes over the new one count as their share of X.
    """
    n, p = problem.n_samples, problem.n_features
    if not problem.loss.is_quadratic or n < 2 * (p + 1):
        return problem
    if problem.design.is_sparse:  # moments of sparse columns are centred afterwards: digits go
        return problem
    if hessian_cost(problem, n) > budget:
        return problem
    mean = problem.weight @ problem.y if problem.fit_intercept else np.zeros(problem.n_outputs)
    target = problem.y - mean
    gram, cross = problem.design.gram(problem.weight, target)
    rows, targets, is_safe = _of_moments(gram, cross)
    if is_safe:
        energy = problem.weight @ target**2
        rest = np.sqrt(np.maximum(energy - (targets**2).sum(axis=0), 0.0))
    else:
        rows, targets, rest = _of_rows(problem.design, problem.weight, target)
    size = len(rows) + 1
    return problem.replaced(
        np.sqrt(size) * np.vstack([rows, np.zeros(p)]),
        np.sqrt(size) * np.vstack([targets, rest]),
        mean,
    )


def _of_moments(gram, cross):
    """Rows R and targets t with ``R'R = gram`` and ``R't = cross``, and whether digits enough
    are left in them, which moments square away where columns are nearly collinear."""
    factor, order, scale, is_safe = pivoted_factor(gram)
    rank = len(factor)
    rows = np.empty_like(factor)
    rows[:, order] = factor * scale[order]
    used = order[:rank]  # no column of size 0 is among them
    right = cross[used] / scale[used, None]
    if rank == 0:  # no column says anything, and some solvers refuse to solve nothing
        return rows, right, is_safe
    return rows, solve_triangular(factor[:, :rank], right, trans="T"), is_safe


def _of_rows(design, weight, target):
    """As :func:`_of_moments`, and what no column explains, from a factor of the rows."""
    p, inverse = design.shape[1], design.inverse_scale
    blocks = design.weighted_blocks(weight, design.centre, target)
    factor = triangular_factor(
        (block * np.r_[inverse, np.ones(target.shape[1])] for block in blocks), p + target.shape[1]
    )
    columns = RankRevealing(factor[:, :p], design.rounding)
    targets = columns.coordinates(factor[:, p:])
    rest = factor[:, p:] - columns.explained(targets)
    return columns.rows * design.scale, targets, np.sqrt((rest**2).sum(axis=0))
