"""Penalties that competitors share, written down once more, independent of the package.

Each is a function of an objective and of coefficients of shape (n_features,) or
(n_outputs, n_features), and comes with the size of slopes that it holds at 0.
"""

from typing import NamedTuple

import numpy as np

#: Parameters of the penalties that are not convex, as every package has them by default.
MCP_GAMMA, SCAD_GAMMA = 3.0, 3.7


class PenaltyFormula(NamedTuple):
    """A penalty and its dual norm: alpha's largest useful value is that of the null's slopes."""

    value: callable
    dual_norm: callable


def _elastic_net(f, coef):
    size = np.abs(coef).sum()
    return f.l1_ratio * size + (1 - f.l1_ratio) / 2 * np.square(coef).sum()


def _group_sizes(f, coef):
    """Norms of groups of neighbouring columns."""
    return np.linalg.norm(coef.reshape(-1, f.group_size), axis=1)


def _group_net(f, coef):
    """Norms of groups of neighbouring columns, all of weight 1, and squares."""
    squares = (1 - f.l1_ratio) / 2 * np.square(coef).sum()
    return f.l1_ratio * _group_sizes(f, coef).sum() + squares


def _row_sizes(coef):
    """Norms of each feature's coefficients, over outputs."""
    return np.linalg.norm(coef, axis=0)


def _mcp(f, coef):
    size = np.minimum(np.abs(coef) / f.alpha, MCP_GAMMA)
    return f.alpha * (size - size**2 / (2 * MCP_GAMMA)).sum()


def _scad(f, coef):
    size = np.minimum(np.abs(coef) / f.alpha, SCAD_GAMMA)
    beyond = np.maximum(size - 1, 0)
    return f.alpha * (size - beyond**2 / (2 * (SCAD_GAMMA - 1))).sum()


def _largest(f, slope):
    return np.abs(slope).max()


PENALTIES = {
    "elasticnet": PenaltyFormula(_elastic_net, _largest),
    "group_lasso": PenaltyFormula(
        lambda f, coef: np.sqrt(f.group_size) * _group_sizes(f, coef).sum(),
        lambda f, slope: _group_sizes(f, slope).max() / np.sqrt(f.group_size),
    ),
    "group_net": PenaltyFormula(
        _group_net, lambda f, slope: _group_sizes(f, slope).max() / f.l1_ratio
    ),
    "rows": PenaltyFormula(
        lambda f, coef: _row_sizes(coef).sum(), lambda f, slope: _row_sizes(slope.T).max()
    ),
    "mcp": PenaltyFormula(_mcp, _largest),
    "scad": PenaltyFormula(_scad, _largest),
}
