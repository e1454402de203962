"""Squared error needs no more of the data than their second moments: a problem of few rows."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from nno_sklearn.problem.hessian import hessian_cost


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
    if problem.metric is not None:  # a score looks at each row
        return problem
    if problem.design.is_sparse:  # moments of sparse columns are centred afterwards: digits go
        return problem
    if hessian_cost(problem, n) > budget:
        return problem
    mean = problem.weight @ problem.y if problem.fit_intercept else np.zeros(problem.n_outputs)
    target = problem.y - mean
    gram, cross = problem.design.gram(problem.weight, target)
    rows, targets = _factor(gram, cross)
    energy = problem.weight @ target**2
    rest = np.sqrt(np.maximum(energy - (targets**2).sum(axis=0), 0.0))
    size = len(rows) + 1
    return problem.replaced(
        np.sqrt(size) * np.vstack([rows, np.zeros(p)]),
        np.sqrt(size) * np.vstack([targets, rest]),
        mean,
    )


def _factor(gram, cross):
    """Rows R and targets t with ``R'R = gram`` and ``R't = cross``, for a Gram of any rank."""
    scale = np.sqrt(gram.diagonal())
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    factor, pivots, rank, _ = dpstrf(gram * np.outer(inverse, inverse))
    order = pivots - 1
    factor = np.triu(factor)[:rank]
    rows = np.empty_like(factor)
    rows[:, order] = factor * scale[order]
    right = (inverse[:, None] * cross)[order[:rank]]
    if rank == 0:  # no column says anything, and some solvers refuse to solve nothing
        return rows, right
    return rows, solve_triangular(factor[:, :rank], right, trans="T")
