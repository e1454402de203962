"""Penalties: what a coefficient vector costs."""

from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.faces import Face
from nno_sklearn.penalties.fused import FusedLasso
from nno_sklearn.penalties.group import GroupLasso
from nno_sklearn.penalties.nonconvex import MCP, SCAD
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.penalties.separable import L1, L2, ElasticNet
from nno_sklearn.penalties.slope import SLOPE

__all__ = [
    "L1",
    "L2",
    "MCP",
    "PENALTIES",
    "SCAD",
    "SLOPE",
    "ElasticNet",
    "Face",
    "FusedLasso",
    "GroupLasso",
    "GroupNorms",
    "NoPenalty",
    "Penalty",
    "PiecewiseQuadratic",
]

#: Penalties by name, where there is nothing to say but the strength.
PENALTIES: dict[str, type[Penalty]] = {
    "l2": L2,
    "l1": L1,
    "elasticnet": ElasticNet,
    "group_lasso": GroupLasso,
    "mcp": MCP,
    "scad": SCAD,
    "slope": SLOPE,
    "fused_lasso": FusedLasso,
}
