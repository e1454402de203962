"""Penalties with a shape, drawn at random, with their values in extended precision.

As in the oracle, the formulas are written again.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from nno_sklearn import MCP, SCAD, SLOPE, ElasticNet, FusedLasso, GroupLasso
from nno_sklearn.penalties import Penalty

LD = np.longdouble


class Shape(NamedTuple):
    """A penalty, and what is known of it."""

    penalty: Penalty
    #: ``value(w, alpha)`` of coefficients (p, K), the factor alpha included.
    value: Callable
    #: Power of the unit of the coefficients in the value; None where there is none.
    degree: int | None = 1
    is_convex: bool = True
    #: Whether the value stays the same where columns are permuted.
    is_symmetric: bool = False
    #: Directions of coefficients that cost nothing, (p, any number).
    free: np.ndarray | None = None
    #: Whether some coefficients have bounds.
    is_bounded: bool = False
    #: Of a penalty that is not convex: its derivatives by the sizes of coefficients.
    slopes: Callable | None = None


def _sparse_groups(p, rng):
    labels = rng.integers(max(1, p // 2), size=p)
    groups = [np.flatnonzero(labels == g).tolist() for g in np.unique(labels)]
    share = float(rng.choice([0.0, 0.0, 0.3]))

    def value(w, alpha):
        norms = [np.sqrt(LD(len(g)) * (w[g] ** 2).sum()) for g in groups]
        return alpha * ((1 - LD(share)) * sum(norms) + LD(share) * np.abs(w).sum())

    return Shape(GroupLasso(groups, l1_ratio=share), value)


def _row_groups(p, rng):
    def value(w, alpha):
        return alpha * np.sqrt((w**2).sum(axis=1)).sum()

    return Shape(GroupLasso("rows"), value, is_symmetric=True)


def _slope(p, rng):
    q = float(rng.choice([0.05, 0.5]))
    weights = ndtri(1 - 0.5 * q * np.arange(1, p + 1) / p)

    def value(w, alpha):
        return alpha * (weights @ np.sort(np.abs(w), axis=0)[::-1]).sum()

    return Shape(SLOPE(q=q), value, is_symmetric=True)


def _fused(p, rng):
    share = float(rng.choice([0.0, 0.5, 0.9]))

    def value(w, alpha):
        jumps = np.abs(np.diff(w, axis=0)).sum()
        return alpha * ((1 - LD(share)) * jumps + LD(share) * np.abs(w).sum())

    return Shape(FusedLasso(share), value, free=np.ones((p, 1)) if share == 0 else None)


def _weighted(p, rng):
    """Elastic net with factors, of which some are 0, and bounds of some coefficients."""
    weights = rng.choice([0.0, 0.1, 1.0, 3.0], p)
    is_free = weights == 0
    lower = np.where(~is_free & (rng.random(p) < 0.3), 0.0, -np.inf)
    upper = np.where(~is_free & (rng.random(p) < 0.2), 0.5, np.inf)
    share = float(rng.choice([0.0, 0.5, 1.0]))

    def value(w, alpha):
        outside = (w < lower[:, None]) | (w > upper[:, None])
        sizes = LD(share) * np.abs(w) + (1 - LD(share)) * w**2 / 2
        return LD(np.inf) if outside.any() else alpha * (weights @ sizes).sum()

    penalty = ElasticNet(share, weights=weights, lower=lower, upper=upper)
    free = np.eye(p)[:, is_free] if is_free.any() else None
    return Shape(penalty, value, degree=None, free=free, is_bounded=True)


def _mcp(p, rng):
    gamma = float(rng.choice([1.5, 3.0]))

    def value(w, alpha):
        size = np.minimum(np.abs(w), gamma * alpha)
        return (alpha * size - size**2 / (2 * LD(gamma))).sum()

    def slopes(w, alpha):
        return np.maximum(alpha - np.abs(w) / LD(gamma), 0)

    return Shape(MCP(gamma), value, None, False, is_symmetric=True, slopes=slopes)


def _scad(p, rng):
    gamma = float(rng.choice([2.5, 3.7]))

    def value(w, alpha):
        size = np.minimum(np.abs(w), gamma * alpha)
        beyond = np.maximum(size - alpha, 0)
        return (alpha * size - beyond**2 / (2 * (LD(gamma) - 1))).sum()

    def slopes(w, alpha):
        return np.clip((gamma * alpha - np.abs(w)) / (LD(gamma) - 1), 0, alpha)

    return Shape(SCAD(gamma), value, None, False, is_symmetric=True, slopes=slopes)


#: What makes each of them for p features.
MAKERS = {
    "sparse groups": _sparse_groups,
    "row groups": _row_groups,
    "slope": _slope,
    "fused": _fused,
    "weighted": _weighted,
    "mcp": _mcp,
    "scad": _scad,
}
