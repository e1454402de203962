"""Penalties: what a coefficient vector costs."""

from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.penalties.separable import L1, L2, ElasticNet

__all__ = ["L1", "L2", "ElasticNet", "NoPenalty", "Penalty", "PiecewiseQuadratic"]
