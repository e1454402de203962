"""The objective over data: what solvers minimise, with its points, lines and certificate."""

from nno_sklearn.problem.certificate import (
    Certificate,
    Verdict,
    least_dual_gap,
    nonsmooth_bound,
    unbalanced_gap,
)
from nno_sklearn.problem.correction import Correction
from nno_sklearn.problem.hessian import WorkingHessian, hessian_blocks
from nno_sklearn.problem.intercepts import (
    best_intercepts,
    intercept_sums,
    ordered_gap,
    ordered_step,
    reduced_hessian,
)
from nno_sklearn.problem.knowledge import KnownHessian
from nno_sklearn.problem.mean_dual import MeanDual
from nno_sklearn.problem.objective import Objective
from nno_sklearn.problem.point import Line, Point
from nno_sklearn.problem.problem import Problem
from nno_sklearn.problem.recession import leads_away, separates
from nno_sklearn.problem.scale import (
    at_null_scale,
    best_scale,
    mean_squared_slope,
    root_mean_square,
)
from nno_sklearn.problem.shortest import shortest, tells_apart
from nno_sklearn.problem.summary import summarise

__all__ = [
    "Certificate",
    "Correction",
    "KnownHessian",
    "Line",
    "MeanDual",
    "Objective",
    "Point",
    "Problem",
    "Verdict",
    "WorkingHessian",
    "at_null_scale",
    "best_intercepts",
    "best_scale",
    "hessian_blocks",
    "intercept_sums",
    "leads_away",
    "least_dual_gap",
    "mean_squared_slope",
    "nonsmooth_bound",
    "ordered_gap",
    "ordered_step",
    "reduced_hessian",
    "root_mean_square",
    "separates",
    "shortest",
    "summarise",
    "tells_apart",
    "unbalanced_gap",
]
