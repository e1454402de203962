"""Solvers: how the optimum is found. Each is an estimator's parameter, and you can write one."""

from nno_sklearn.solvers.auto import AutoSolver
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.gd import GradientDescent
from nno_sklearn.solvers.intercepts import solve_ordered
from nno_sklearn.solvers.nearest_neighbor import NearestNeighborSolver
from nno_sklearn.solvers.proximal import ProximalSolver
from nno_sklearn.solvers.result import Record, SolverResult, Status
from nno_sklearn.solvers.returned import certify_returned
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.scale import solve_with_scale
from nno_sklearn.solvers.smoothing import solve_nonsmooth

SOLVERS = {
    "auto": AutoSolver,
    "gd": GradientDescent,
    "nearest_neighbor": NearestNeighborSolver,
    "proximal": ProximalSolver,
}

__all__ = [
    "SOLVERS",
    "AutoSolver",
    "GradientDescent",
    "NearestNeighborSolver",
    "ProximalSolver",
    "Record",
    "Run",
    "Solver",
    "SolverResult",
    "Status",
    "certify_returned",
    "solve_nonsmooth",
    "solve_ordered",
    "solve_with_scale",
]
