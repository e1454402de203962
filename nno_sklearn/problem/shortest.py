"""The optimum of least norm, where without a penalty the data leave coefficients open."""

from scipy.linalg import qr

from nno_sklearn.problem.cost import MOST_ROW_ENTRIES, PROOF_BUDGET, hessian_cost
from nno_sklearn.rows.triangular import RankRevealing, pivoted_factor


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
    if not problem.rows.is_separate:
        coef = coef - coef.mean(axis=1, keepdims=True)
    rows = _spanning_rows(problem)
    if rows is None or len(rows) == problem.n_features:
        return coef
    basis, _ = qr(rows.T, mode="economic")
    return basis @ (basis.T @ coef)


def _spanning_rows(problem):
    """Rows, linearly independent, that span all rows; None where no column is open, or to tell
    costs too much."""
    n, p, rows = problem.n_samples, problem.n_features, problem.rows
    if min(n, p) * p > MOST_ROW_ENTRIES:
        return None
    if n > p:
        if hessian_cost(problem, n) > PROOF_BUDGET:
            return None
        if tells_apart(problem):
            return None
    return RankRevealing(rows.factor(evenly=True), rows.rounding).rows * rows.scale


def tells_apart(problem):
    """Whether second moments tell, with digits to spare, that no column is a combination of others.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    bool
        Found once for all fits to the same rows.
    """
    rows = problem.rows
    return problem.knowledge.tells_apart(lambda: pivoted_factor(rows.moments(evenly=True).gram)[-1])
