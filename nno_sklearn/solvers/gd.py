"""Gradient descent without a learning rate."""

from nno_sklearn.problem import Point, Problem
from nno_sklearn.solvers.base import Solver, check_count
from nno_sklearn.solvers.diagonal_descent import descend_by_diagonals
from nno_sklearn.solvers.result import Callback, SolverResult
from nno_sklearn.solvers.run import Run
from nno_sklearn.types import RandomState


class GradientDescent(Solver):
    """Gradient descent in a diagonal preconditioner, with L-BFGS corrections.

    The preconditioner divides each coefficient's gradient by its curvature, so columns need no
    scaling; on wide sparse data, by a power of it that the run's own steps confirm. L-BFGS
    corrections (Nocedal, 1980) accelerate it. The line search is exact, on the raw predictions,
    which costs no pass over X; of classes that interact, whose raw predictions are dear to look at,
    the first step that descends is taken. For differentiable penalties.

    Parameters
    ----------
    n_corrections : int, default=20
        Number of past steps kept; 0 is preconditioned steepest descent.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import GradientDescent, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> NNORegressor(solver=GradientDescent(n_corrections=5)).fit(X, y).converged_
    True
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
        return run.result(descend_by_diagonals(run, start, self.n_corrections))
