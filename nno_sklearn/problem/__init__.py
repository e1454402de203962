"""The objective over data: the one place that knows X, weights, intercepts and sparse formats."""

from nno_sklearn.problem.certificate import Certificate, Verdict, promised_decrease
from nno_sklearn.problem.correction import Correction
from nno_sklearn.problem.design_matrix import exact_product
from nno_sklearn.problem.heavy import heavy_rows
from nno_sklearn.problem.hessian import (
    MAX_JOINT_SIZE,
    WorkingHessian,
    hessian_blocks,
    hessian_cost,
)
from nno_sklearn.problem.intercept import invert
from nno_sklearn.problem.objective import Objective
from nno_sklearn.problem.point import Line, Point
from nno_sklearn.problem.problem import Problem
from nno_sklearn.problem.recession import leads_away, separates
from nno_sklearn.problem.shortest import shortest
from nno_sklearn.problem.summary import summarise

__all__ = [
    "MAX_JOINT_SIZE",
    "Certificate",
    "Correction",
    "Line",
    "Objective",
    "Point",
    "Problem",
    "Verdict",
    "WorkingHessian",
    "exact_product",
    "heavy_rows",
    "hessian_blocks",
    "hessian_cost",
    "invert",
    "leads_away",
    "promised_decrease",
    "separates",
    "shortest",
    "summarise",
]
