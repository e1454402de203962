"""Gradient descent that needs no learning rate."""

from nno_sklearn.problem import Point, Problem
from nno_sklearn.solvers.base import Callback, Run, Solver, SolverResult, check_count
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.preconditioner import diagonal_preconditioner
from nno_sklearn.types import RandomState


class GradientDescent(Solver):
    """Gradient descent in a diagonal preconditioner, with exact line search and L-BFGS corrections.

    The preconditioner divides each coefficient's gradient by its curvature, so columns need no
    scaling; the last steps correct it (L-BFGS, Nocedal 1980), which is what accelerates; the
    step size is found exactly on the raw predictions. For differentiable penalties.

    Parameters
    ----------
    n_corrections : int, default=20
        Number of past steps kept; 0 is plain steepest descent.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn import NNOClassifier, GradientDescent
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NNOClassifier(solver=GradientDescent(n_corrections=30)).fit(X, y)
    >>> bool(model.converged_), type(model.solver_).__name__
    (True, 'GradientDescent')
    """

    requires = frozenset({"loss.gradient", "penalty.gradient"})
    stream = "adagrad"

    def __init__(self, n_corrections: int = 20) -> None:
        self.n_corrections = n_corrections

    def check_parameters(self) -> None:
        check_count(self, "n_corrections", 0)

    def solve(
        self,
        problem: Problem,
        start: Point,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> SolverResult:
        run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
        point = descend(run, start, diagonal_preconditioner, self.n_corrections)
        return run.result(point)
