"""Which of many optima: without a penalty, coefficients that the data leave open."""

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dpstrf

from nno_sklearn.problem.hessian import hessian_cost
from nno_sklearn.problem.triangular import SAFE_PIVOT, RankRevealing, triangular_factor

#: Entries of a dense matrix that may be made of the rows, and passes over X that it may cost.
LARGEST, BUDGET = 2e7, 50.0


def shortest(problem, coef):
    """The shortest coefficients with the raw predictions of ``coef``, up to the intercept.

    They are the limit of ridge regression as its strength vanishes, and do not depend on the
    solver. Softmax outputs may move together: their coefficients have mean 0 over the outputs.

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
        ``coef`` itself where it is the only one, or X is too large to tell.
    """
    if not problem.is_separate:
        coef = coef - coef.mean(axis=1, keepdims=True)
    rows = _spanning_rows(problem)
    if rows is None or len(rows) == problem.n_features:
        return coef
    basis, _ = qr(rows.T, mode="economic")
    return basis @ (basis.T @ coef)


def _spanning_rows(problem):
    """Rows, linearly independent, that span all rows; None where that costs too much."""
    n, p = problem.n_samples, problem.n_features
    design, nothing = problem.design, np.empty((problem.n_samples, 0))
    even = np.full(n, 1.0 / n)
    if min(n, p) * p > LARGEST:
        return None
    if n > p:
        if hessian_cost(problem, n) > BUDGET:
            return None
        gram, _ = design.gram(even)
        inverse = design.inverse_scale
        factor, _, rank, _ = dpstrf(gram * np.outer(inverse, inverse))
        if rank == p and factor.diagonal().min() > SAFE_PIVOT:
            return np.eye(p)
    blocks = (
        b * design.inverse_scale for b in design.weighted_blocks(even, design.centre, nothing)
    )
    factor = np.vstack(list(blocks)) if n <= p else triangular_factor(blocks, p)
    return RankRevealing(factor, design.rounding).rows * design.scale
