"""The automatic choice of a solver, in the open."""

from typing import Any

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import TALL, has_kronecker_factors, too_coupled
from nno_sklearn.solvers.base import Solver, SolverResult
from nno_sklearn.solvers.gd import GradientDescent
from nno_sklearn.solvers.nearest_neighbor import NearestNeighborSolver
from nno_sklearn.solvers.proximal import ProximalSolver


class AutoSolver(Solver):
    """Picks a solver for the problem; the fitted ``solver_`` says which.

    Differentiable penalties go to "nearest_neighbor", whose curvature comes from as many rows
    as pay, as do penalties with kinks where rows are many and the loss's curvature changes.
    Other penalties with kinks go to "proximal", which touches few features. Many classes with
    more than 2000 features, whose joint curvature has no factors, go to "gd". In batch fits
    "nearest_neighbor" is without a search for neighbours here
    (``NearestNeighborSolver(n_neighbors=None)``), which costs more than it saves.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient|penalty.prox"})

    def select(self, problem: Problem) -> Solver:
        landmarks = NearestNeighborSolver(n_neighbors=None)
        if not problem.is_smooth:
            tall = problem.n_samples >= TALL * problem.n_features
            landmarks_pay = tall and not problem.loss.constant_curvature
            return landmarks if landmarks_pay else ProximalSolver()
        without_factors = too_coupled(problem) and not has_kronecker_factors(problem)
        return GradientDescent() if without_factors else landmarks

    def solve(self, problem: Problem, start: Point, **options: Any) -> SolverResult:
        return self.select(problem).solve(problem, start, **options)
