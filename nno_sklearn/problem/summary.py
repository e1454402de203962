"""Squared error by second moments: an equivalent problem of few rows."""

import numpy as np
from scipy.linalg.lapack import dtrtrs

from nno_sklearn.problem.cost import NONSMOOTH_MOMENTS_BUDGET, hessian_cost, is_polished
from nno_sklearn.rows.triangular import RankRevealing, pivoted_factor


def summarise(problem, budget):
    """The same problem on at most one row per feature and one more, if that is cheap.

    With weighted, centred second moments ``G = X'SX``, ``c = X'Sy`` and a factor ``R'R = G``,
    squared errors on the rows of R with targets ``R^-T c``, and one row for what no feature
    explains, are those on all rows, for all coefficients.

    Parameters
    ----------
    problem : Problem
    budget : float
        Passes over X that the moments may cost, at least; more where the penalty is not smooth.

    Returns
    -------
    Problem
        The one given, where its loss is not quadratic, X is sparse, the rows are few or the
        features many. Passes over the new one count as their share of X.
    """
    n, p = problem.n_samples, problem.n_features
    if not problem.loss.is_quadratic or n < 2 * (p + 1):
        return problem
    if is_polished(problem):  # the moments would save less than they cost
        return problem
    if problem.rows.is_sparse:  # moments of sparse columns are centred afterwards: digits go
        return problem
    most = budget if problem.is_smooth else max(budget, NONSMOOTH_MOMENTS_BUDGET)
    if hessian_cost(problem, n) > most:
        return problem
    gram, cross, energy = problem.rows.moments()
    rows, targets, is_safe = _of_moments(gram, cross)
    if is_safe:
        rest = np.sqrt(np.maximum(energy - (targets**2).sum(axis=0), 0.0))
    else:
        rows, targets, rest = _of_rows(problem.rows)
    size = len(rows) + 1
    return problem.replaced(
        np.sqrt(size) * np.vstack([rows, np.zeros(p)]),
        np.sqrt(size) * np.vstack([targets, rest]),
    )


def _of_moments(gram, cross):
    """Rows R and targets t with ``R'R = gram`` and ``R't = cross``, and whether digits enough
    are left in them: moments square the condition number."""
    factor, order, scale, is_safe = pivoted_factor(gram)
    rank = len(factor)
    rows = np.empty_like(factor)
    rows[:, order] = factor * scale[order]
    used = order[:rank]  # no column of size 0 is among them
    right = cross[used] / scale[used, None]
    if rank == 0:  # no column says anything, and some solvers refuse to solve nothing
        return rows, right, is_safe
    return rows, dtrtrs(factor[:, :rank], right, trans=1)[0], is_safe


def _of_rows(rows):
    """As :func:`_of_moments`, and what no column explains, from a factor of the rows."""
    p, factor = rows.shape[1], rows.factor(targets=True)
    columns = RankRevealing(factor[:, :p], rows.rounding)
    targets = columns.coordinates(factor[:, p:])
    rest = factor[:, p:] - columns.explained(targets)
    return columns.rows * rows.scale, targets, np.sqrt((rest**2).sum(axis=0))
