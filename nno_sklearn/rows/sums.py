"""Sums over the rows of this process at given raw predictions: in blocks that fit a cache."""

from functools import reduce
from operator import add

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.intercept_curvature import intercept_curvature
from nno_sklearn.rows.replies import RowSums, inner

#: Entries and rows of a block of raw predictions, at most. For sums over more rows OpenBLAS would
#: wake its threads, which costs more than they bring.
BLOCK_SIZE, BLOCK_ROWS = 2**15, 2**13


def block_slices(n, n_outputs):
    """Slices of n rows whose raw predictions fit a cache."""
    step = min(BLOCK_ROWS, max(1, BLOCK_SIZE // n_outputs))
    return [slice(first, first + step) for first in range(0, n, step)]


def blocks(raw, b, slope=None, t=0.0):
    """Slices of the rows with their raw predictions ``raw + t * slope + b``.

    The arithmetic of a block is done before the next one is read, so that nothing is made of the
    length of the data.
    """
    for rows in block_slices(*raw.shape):
        eta = raw[rows] + b
        if slope is not None:
            eta += t * slope[rows]
        yield rows, eta


def values(loss, y, weight, raw, b, slope, t):
    """Weighted mean loss of each output, (n_outputs,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        parts = blocks(raw, b, slope, t)
        return sum(weight[rows] @ loss.value(y[rows], eta) for rows, eta in parts)


def sums_at(loss, y, weight, raw, b, residual):
    """:class:`RowSums` at raw predictions; ``residual`` becomes weights times loss gradients."""

    def block(rows, eta):
        gradient, curvature = loss.derivatives(y[rows], eta)
        part = np.multiply(weight[rows, None], gradient, out=residual[rows])
        bend = intercept_curvature(curvature, weight[rows])
        return part.sum(axis=0), np.abs(part).sum(axis=0), bend

    return _added(block(*one) for one in blocks(raw, b))


def sums_along(loss, y, weight, raw, b, slope, t, is_separate):
    """:class:`RowSums` on a line, with the derivatives along it."""

    def block(rows, eta):
        part, along = weight[rows], slope[rows]
        gradient, curvature = loss.derivatives(y[rows], eta)
        weighted = part[:, None] * along
        bent = curvature.product(weighted)
        return (
            part @ gradient,
            part @ np.abs(gradient),
            intercept_curvature(curvature, part),
            inner(gradient, weighted, is_separate),
            inner(bent, along, is_separate),
            bent.sum(axis=0),
        )

    return _added(block(*one) for one in blocks(raw, b, slope, t))


def _added(parts):
    """Sums of what blocks give, which are not kept."""
    with np.errstate(over="ignore", invalid="ignore"):
        return RowSums(*reduce(_sum, parts))


def _sum(one, other):
    return tuple(a + b for a, b in zip(one, other, strict=True))


def total_curvature(weight, entries):
    """The second derivative by the intercept, of the rows' :class:`Curvature`."""
    coupling = entries.coupling

    def block(rows):
        part = Curvature(entries.diagonal[rows], None if coupling is None else coupling[rows])
        return intercept_curvature(part, weight[rows])

    return reduce(add, map(block, block_slices(*entries.diagonal.shape)))
