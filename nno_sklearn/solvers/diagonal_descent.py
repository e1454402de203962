"""Descent in a diagonal metric that past steps correct: without a matrix over columns or rows."""

from nno_sklearn.problem.cost import has_dear_looks
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.preconditioner import DiagonalPreconditioners
from nno_sklearn.solvers.reduced_descent import descend_reduced
from nno_sklearn.solvers.secants import LBFGS


def descend_by_diagonals(run, point, n_corrections):
    """Move downhill until the run is done: by exact steps or, where looks at the loss of outputs
    that interact are dear, by steps that take one.

    Parameters
    ----------
    run : Run
    point : Point
    n_corrections : int
        Number of past steps that correct the diagonal (L-BFGS).

    Returns
    -------
    Point
    """
    problem, past = run.problem, LBFGS(run.problem, n_corrections)
    if n_corrections and has_dear_looks(problem) and not run.done(point):
        point = descend_reduced(run, point, DiagonalPreconditioners(problem, past), past)
        past = LBFGS(problem, n_corrections)
    if run.status is not None:
        return point
    return descend(run, point, DiagonalPreconditioners(problem, past), past)
