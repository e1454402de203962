"""Proximal Newton on working sets: sparse models, and every penalty with a prox."""

import numpy as np

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import fits_matrix, has_dear_looks, takes_newton
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.diagonal_descent import descend_by_diagonals
from nno_sklearn.solvers.joint_newton import descend_by_newton
from nno_sklearn.solvers.landmark_preconditioner import LandmarkPreconditioner
from nno_sklearn.solvers.landmarks import OwnRows
from nno_sklearn.solvers.result import Callback, SolverResult
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.solvers.stronger_penalties import begin_at_stronger_penalties, stronger_penalties
from nno_sklearn.solvers.within_bounds import begin_within_bounds
from nno_sklearn.solvers.working_set import solve_by_working_sets
from nno_sklearn.types import RandomState

#: L-BFGS corrections of a preconditioner that is not the Hessian.
N_CORRECTIONS = 10


class ProximalSolver(Solver):
    """Proximal Newton on a working set that grows by violations of optimality.

    Between two passes over all of X only the features in use and those that violate optimality
    most are updated (Massias, Gramfort and Salmon, 2018). Each Newton model is solved on the
    set's Gram matrix by active sets with a Cholesky factor, so accuracy 1e-12 costs hardly more
    than 1e-4. Many columns are first swept over one by one, with extrapolation (Bertrand and
    Massias, 2021), as long as a Gram matrix would take longer. Sets too large for a matrix over
    features or rows, and models of coupled outputs whose joint matrix costs more than products with
    the rows' Hessian, take proximal gradient steps with conjugate moves (Zibulevsky and Elad,
    2010). A penalty that is weak beside the strength at which coefficients enter is approached
    through stronger ones (Hale, Yin and Zhang, 2008).

    A differentiable penalty keeps no coefficient at 0: all of them take Newton steps with the
    Hessian of all rows, solved in the space of the rows where features are more.

    References
    ----------
    Q. Bertrand and M. Massias (2021): Anderson acceleration of coordinate descent. AISTATS.

    E. T. Hale, W. Yin and Y. Zhang (2008): Fixed-point continuation for l1-minimization:
    methodology and convergence. SIAM Journal on Optimization 19(3), 1107-1130.

    M. Massias, A. Gramfort and J. Salmon (2018): Celer: a fast solver for the lasso with dual
    extrapolation. ICML.

    M. Zibulevsky and M. Elad (2010): L1-L2 optimization in signal and image processing. IEEE Signal
    Processing Magazine 27(3), 76-88.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import NNORegressor, ProximalSolver
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty="l1", alpha=1.0, solver=ProximalSolver()).fit(X, y)
    >>> int((model.coef_ != 0).sum())
    3
    """

    requires = frozenset({"loss.gradient", "penalty.prox"})
    stream = "ftrl"
    is_second_order = True

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
        if not problem.is_smooth:
            given = {"max_iter": max_iter, "tol": tol, "random_state": random_state}
            if not start.coef.any():
                start = begin_within_bounds(run, self, start, **given)
                start = begin_at_stronger_penalties(run, start, stronger_penalties(problem))
            return run.result(solve_by_working_sets(run, start))
        point, step_size = start, np.nan
        if takes_newton(problem):
            point, step_size = descend_by_newton(run, point), 1.0
        elif has_dear_looks(problem) or not fits_matrix(min(problem.n_features, problem.n_samples)):
            return run.result(descend_by_diagonals(run, point, N_CORRECTIONS))
        past, rows = LBFGS(problem, N_CORRECTIONS), OwnRows(problem, problem)
        hessian = LandmarkPreconditioner(run, rows, problem.n_samples, past)
        return run.result(descend(run, point, hessian, past, step_size))
