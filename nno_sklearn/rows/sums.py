"""Sums over the rows of this process at given raw predictions: in blocks that fit a cache."""

from functools import reduce
from operator import add

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.intercept_curvature import intercept_curvature
from nno_sklearn.rows.replies import RowSums, inner

#: Bytes and rows of a block of raw predictions, at most. For sums over more rows OpenBLAS would
#: wake its threads, which costs more than they bring.
BLOCK_BYTES, BLOCK_ROWS = 2**18, 2**13


def block_slices(n, n_outputs, dtype):
    """Slices of n rows whose raw predictions fit a cache."""
    step = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (dtype.itemsize * n_outputs)))
    return [slice(first, first + step) for first in range(0, n, step)]


def blocks(raw, offset, b, slope=None, t=0.0):
    """Slices of the rows with their raw predictions ``raw + offset + t * slope + b``.

    The arithmetic of a block is done before the next one is read, so that nothing is made of the
    length of the data. It is in the precision of ``raw``; sums of blocks are added up in float64.
    """
    b, t = np.asarray(b, dtype=raw.dtype), np.asarray(t, dtype=raw.dtype)
    for rows in block_slices(*raw.shape, raw.dtype):
        eta = raw[rows] + b
        if offset is not None:
            eta += offset[rows]
        if slope is not None:
            eta += t * slope[rows]
        yield rows, eta


def values(loss, y, weight, raw, offset, b, slope, t):
    """Weighted mean loss of each output, (n_outputs,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        parts = blocks(raw, offset, b, slope, t)
        return sum(weight[rows] @ loss.value(y.like(rows, eta), eta) for rows, eta in parts)


def sums_at(loss, y, weight, raw, offset, b, residual):
    """:class:`RowSums` at raw predictions; ``residual`` becomes weights times loss gradients."""

    def block(rows, eta):
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        part = weight[rows].astype(eta.dtype, copy=False)
        np.multiply(part[:, None], gradient, out=residual[rows])
        total, size = _wide(part @ gradient, part @ np.abs(gradient))
        return total, size, intercept_curvature(curvature, part)

    return _added(block(*one) for one in blocks(raw, offset, b))


def sums_along(loss, y, weight, raw, offset, b, slope, t, is_separate):
    """:class:`RowSums` on a line, with the derivatives along it."""

    def block(rows, eta):
        part, along = weight[rows].astype(eta.dtype, copy=False), slope[rows]
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        weighted = part[:, None] * along
        bent = curvature.product(weighted)
        total, size = _wide(part @ gradient, part @ np.abs(gradient))
        first, second = inner(gradient, weighted, is_separate), inner(bent, along, is_separate)
        along_line = _wide(first, second, bent.sum(axis=0))
        return total, size, intercept_curvature(curvature, part), *along_line

    return _added(block(*one) for one in blocks(raw, offset, b, slope, t))


def derivatives_along(loss, y, weight, raw, offset, b, slope, t, drift):
    """First and second derivatives of the losses' sum, intercepts moving by ``drift``, (1,)."""
    drift = np.asarray(drift, dtype=raw.dtype)

    def block(rows, eta):
        along = slope[rows] + drift
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        moved = along * weight[rows, None].astype(eta.dtype, copy=False)
        first, second = inner(gradient, moved, False), inner(curvature.product(along), moved, False)
        return _wide(first, second)

    with np.errstate(over="ignore", invalid="ignore"):
        return reduce(_sum, (block(*one) for one in blocks(raw, offset, b, slope, t)))


def _added(parts):
    """Sums of what blocks give, which are not kept."""
    with np.errstate(over="ignore", invalid="ignore"):
        return RowSums(*reduce(_sum, parts))


def _wide(*parts):
    """Sums of a block, which may be float32, in float64."""
    return tuple(part.astype(float, copy=False) for part in parts)


def _sum(one, other):
    return tuple(a + b for a, b in zip(one, other, strict=True))


def total_curvature(weight, entries):
    """The second derivative by the intercept, of the rows' :class:`Curvature`."""
    coupling = entries.coupling

    def block(rows):
        part = Curvature(entries.diagonal[rows], None if coupling is None else coupling[rows])
        return intercept_curvature(part, weight[rows].astype(part.diagonal.dtype, copy=False))

    slices = block_slices(*entries.diagonal.shape, entries.diagonal.dtype)
    return reduce(add, map(block, slices))
