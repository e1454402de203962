"""The automatic choice of a solver."""

from typing import Any

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import (
    TALL,
    has_kronecker_factors,
    takes_row_space,
    too_coupled,
)
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.gd import GradientDescent
from nno_sklearn.solvers.nearest_neighbor import NearestNeighborSolver
from nno_sklearn.solvers.proximal import ProximalSolver
from nno_sklearn.solvers.result import SolverResult


class AutoSolver(Solver):
    """Picks a solver for the problem; the fitted ``solver_`` is the one chosen.

    Differentiable penalties go to "nearest_neighbor", which takes its curvature from as many rows
    as pay off, as do nonsmooth penalties where rows are many and the loss's curvature varies.
    Other nonsmooth penalties go to "proximal", which works on few features. Many classes with more
    than 2000 features, whose joint Hessian has no factors, go to "gd", unless rows are so few that
    "nearest_neighbor" solves in the space that they span. "nearest_neighbor" runs without a
    neighbour search here (``NearestNeighborSolver(n_neighbors=None)``): in one batch fit the search
    costs more than it saves.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient|penalty.prox"})
    leaves_choice = True

    def select(self, problem: Problem) -> Solver:
        if not problem.is_smooth:
            tall = problem.n_samples >= TALL * problem.n_features
            if not tall or problem.loss.constant_curvature:
                return ProximalSolver()
        elif too_coupled(problem) and not (
            has_kronecker_factors(problem) or takes_row_space(problem)
        ):
            return GradientDescent()
        return NearestNeighborSolver(n_neighbors=None)

    def solve(self, problem: Problem, start: Point, **options: Any) -> SolverResult:
        return self.select(problem).solve(problem, start, **options)
