"""The automatic choice of a solver, in the open."""

from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.nearest_neighbor import NearestNeighborSolver
from nno_sklearn.solvers.proximal import ProximalSolver


class AutoSolver(Solver):
    """Picks a solver for the problem; the fitted ``solver_`` says which.

    Differentiable penalties go to "nearest_neighbor", whose curvature comes from as many rows
    as pay; penalties with kinks go to "proximal", which touches few features.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient|penalty.prox"})

    def select(self, problem):
        return NearestNeighborSolver() if problem.is_smooth else ProximalSolver()

    def solve(self, problem, start, **options):
        return self.select(problem).solve(problem, start, **options)
