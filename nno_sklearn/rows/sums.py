"""Sums over the rows of this process at given raw predictions: in blocks that fit a cache."""

from functools import reduce
from itertools import count
from operator import add

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.intercept_curvature import intercept_curvature
from nno_sklearn.rows.raw import block_slices, product_slices
from nno_sklearn.rows.replies import FirstOrder, RowSums, inner

#: Raw predictions whose couplings a curvature may keep where raw predictions are not stored.
MOST_COUPLINGS = 2**25


def blocks(raw, offset, b, slope=None, t=0.0):
    """Slices of the rows with their raw predictions ``raw + offset + t * slope + b``.

    The arithmetic of a block is done before the next one is read, so that nothing is made of the
    length of the data. It is in the precision of ``raw``; sums of blocks are added up in float64.
    """
    b, t = np.asarray(b, dtype=raw.dtype), np.asarray(t, dtype=raw.dtype)
    for rows in raw.slices():
        eta = raw.block(rows) + b
        if offset is not None:
            eta += offset[rows]
        if slope is not None:
            eta += t * slope.block(rows)
        yield rows, eta


def values(loss, y, weight, raw, offset, b, slope, t):
    """Weighted mean loss of each output, (n_outputs,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        parts = blocks(raw, offset, b, slope, t)
        return sum(weight[rows] @ loss.value(y.like(rows, eta), eta) for rows, eta in parts)


def sums_at(loss, y, weight, raw, offset, b, residual):
    """:class:`RowSums` at raw predictions; ``residual`` becomes weights times loss gradients.

    Where there is no room for it, it is None, and only some blocks' couplings are kept.
    """
    every = 1 if residual is not None else -(-raw.shape[0] * raw.shape[1] // MOST_COUPLINGS)
    blocks_seen = count()

    def block(rows, eta):
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        part = weight[rows].astype(eta.dtype, copy=False)
        if residual is not None:
            np.multiply(part[:, None], gradient, out=residual[rows])
        total, size = _wide(part @ gradient, part @ np.abs(gradient))
        stands_for = every if next(blocks_seen) % every == 0 else 0
        return total, size, intercept_curvature(curvature, part, stands_for)

    return _added(block(*one) for one in blocks(raw, offset, b))


def first_order(loss, y, weight, design, coef, offset, b):
    """:class:`FirstOrder` at coefficients: each block of rows is looked at once, and forgotten."""
    n, n_outputs = y.shape
    value, total, diagonal = 0.0, np.zeros(n_outputs), np.zeros(n_outputs)

    def residual(rows, eta):
        nonlocal value
        eta += b.astype(eta.dtype)
        if offset is not None:
            eta += offset[rows]
        part = weight[rows].astype(eta.dtype, copy=False)
        losses, gradient, curvature = loss.with_derivatives(y.like(rows, eta), eta)
        value += float((part @ losses).sum(dtype=float))
        diagonal[:] += part @ curvature.diagonal
        if curvature.coupling is not None:
            diagonal[:] -= np.einsum("i,ik,ik->k", part, curvature.coupling, curvature.coupling)
        gradient *= part[:, None]
        total[:] += gradient.sum(axis=0)
        return gradient

    with np.errstate(over="ignore", invalid="ignore"):
        gradient = design.sweep(coef, residual, product_slices(n, n_outputs))
    return FirstOrder(value, total, np.maximum(diagonal, 0.0), gradient)


def sums_along(loss, y, weight, raw, offset, b, slope, t, is_separate):
    """:class:`RowSums` on a line, with the derivatives along it."""

    def block(rows, eta):
        part, along = weight[rows].astype(eta.dtype, copy=False), slope.block(rows)
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        weighted = part[:, None] * along
        moved = curvature.product(weighted)
        total, size = _wide(part @ gradient, part @ np.abs(gradient))
        first, second = inner(gradient, weighted, is_separate), inner(moved, along, is_separate)
        along_line = _wide(first, second, moved.sum(axis=0))
        return total, size, intercept_curvature(curvature, part), *along_line

    return _added(block(*one) for one in blocks(raw, offset, b, slope, t))


def derivatives_along(loss, y, weight, raw, offset, b, slope, t, drift, is_separate):
    """First and second derivatives of the losses' sums, intercepts moving by ``drift``."""
    drift = np.asarray(drift, dtype=raw.dtype)

    def block(rows, eta):
        along = slope.block(rows) + drift
        gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        moved = along * weight[rows, None].astype(eta.dtype, copy=False)
        turned = curvature.product(along)
        return _wide(inner(gradient, moved, is_separate), inner(turned, moved, is_separate))

    with np.errstate(over="ignore", invalid="ignore"):
        return reduce(_sum, (block(*one) for one in blocks(raw, offset, b, slope, t)))


def _added(parts):
    """Sums of what blocks give, which are not kept."""
    with np.errstate(over="ignore", invalid="ignore"):
        return RowSums(*reduce(_sum, parts))


def _wide(*parts):
    """Sums of a block, which may be float32, in float64 and in this process."""
    return tuple(np.asarray(part, float) for part in parts)


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
