"""Sums over the rows of this process at given raw predictions: in blocks that fit a cache."""

from functools import partial, reduce
from itertools import count, starmap
from operator import add

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.intercept_curvature import curved_everywhere, intercept_curvature
from nno_sklearn.rows.raw import block_slices, product_slices
from nno_sklearn.rows.replies import FirstOrder, RowSums, SecondOrder, inner

#: Raw predictions whose couplings a curvature may keep where raw predictions are not stored.
MOST_COUPLINGS = 2**25
#: Columns, or entries, of which a product with others takes less time than one of a matrix with
#: itself.
FEW_COLUMNS, FEW_ENTRIES = 24, 2e4
EPS = np.finfo(float).eps
_in_float64 = partial(np.asarray, dtype=float)
#: Roundings of a row's curvature that sums of its couplings with other outputs may differ by.
SHIFT_ROUNDINGS = 64


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
    """:class:`RowSums` at raw predictions, and the losses of each output, (n_outputs,), where all
    rows are one block, of which they cost next to nothing; else None. ``residual`` becomes weights
    times loss gradients.

    Where there is no room for it, it is None, and only some blocks' couplings are kept.
    """
    every = 1 if residual is not None else -(-raw.shape[0] * raw.shape[1] // MOST_COUPLINGS)
    blocks_seen, values = count(), None

    def block(rows, eta):
        nonlocal values
        if len(eta) == len(weight):
            losses, gradient, curvature = loss.with_derivatives(y.like(rows, eta), eta)
            values = weight[rows] @ losses
        else:
            gradient, curvature = loss.derivatives(y.like(rows, eta), eta)
        part = weight[rows].astype(eta.dtype, copy=False)
        if residual is not None:
            np.multiply(part[:, None], gradient, out=residual[rows])
        total, size = _wide(part @ gradient, part @ np.abs(gradient))
        stands_for = every if next(blocks_seen) % every == 0 else 0
        return total, size, intercept_curvature(curvature, part, stands_for)

    return _added(block(*one) for one in blocks(raw, offset, b)), values


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


def with_curvature(loss, y, weight, raw, offset, b):
    """The loss at raw predictions and its derivatives by the intercepts, with weights times loss
    gradients and the rows' :class:`Curvature`: one look at each block gives all of them."""
    residual, diagonal = np.empty_like(raw.array), np.empty_like(raw.array)
    coupling = None

    def block(rows, eta):
        nonlocal coupling
        part = weight[rows].astype(eta.dtype, copy=False)
        losses, gradient, curvature = loss.with_derivatives(y.like(rows, eta), eta)
        np.multiply(part[:, None], gradient, out=residual[rows])
        diagonal[rows] = curvature.diagonal
        if curvature.coupling is curvature.diagonal:
            coupling = diagonal
        elif curvature.coupling is not None:
            coupling = np.empty_like(diagonal) if coupling is None else coupling
            coupling[rows] = curvature.coupling
        value = float(weight[rows] @ losses.sum(axis=1))  # float32 would hide what late steps gain
        return value, *_wide(part @ gradient), intercept_curvature(curvature, part)

    with np.errstate(over="ignore", invalid="ignore"):
        looks = [block(*one) for one in blocks(raw, offset, b)]
    return *reduce(_sum, looks), residual, Curvature(diagonal, coupling)


def move(residual, entries, weight, shift):
    """Add what a shift of the intercepts changes to weights times loss gradients."""
    shift = shift.astype(residual.dtype)
    for rows in block_slices(*residual.shape, residual.dtype):
        moved = entries.part(rows).product_of_one(shift)
        moved *= weight[rows, None].astype(residual.dtype, copy=False)
        residual[rows] += moved


def second_order(loss, y, weight, design, coef, offset, b, fit_intercept):
    """:class:`SecondOrder` at coefficients, for dense X.

    Each block of rows is looked at once: with a column of ones beside it, one product each gives
    the raw predictions, the slope and the Hessian by coefficients and intercepts.
    """
    (p, n_outputs), joint = coef.shape, beside(coef, b)

    def look(rows, columns):
        # Column by column, in which sums over few outputs take a part of the time.
        eta, part = (joint.T @ columns.T).T, weight[rows, None]
        if offset is not None:
            eta += offset[rows]
        losses, gradient, curvature = loss.with_derivatives(y.like(rows, eta), eta)
        slope = columns.T @ (part * gradient)
        return weight[rows] @ losses, slope, *_hessian_blocks(columns, part, curvature)

    with np.errstate(over="ignore", invalid="ignore"):
        values, slope, *blocks = reduce(_sum, starmap(look, design.blocks_with_ones()))
    if len(blocks) < n_outputs:
        blocks = [_intercepts_last(blocks[0], p, n_outputs)]
    if not fit_intercept:
        n_coefs = coef.size // len(blocks)
        blocks = [block[:n_coefs, :n_coefs] for block in blocks]
    return SecondOrder(values, slope[-1], slope[:-1], blocks)


def beside(of_coefs, of_intercepts):
    """An array of coefficients' shape with a row more, of intercepts."""
    joint = np.empty((len(of_coefs) + 1, of_coefs.shape[1]))
    joint[:-1], joint[-1] = of_coefs, of_intercepts
    return joint


def _hessian_blocks(columns, weight, curvature):
    """Those of some rows; of outputs that interact one, output by output."""
    if curvature.coupling is None:
        return [gram_of(weight * h[:, None], columns) for h in curvature.diagonal.T]
    coupling = np.sqrt(weight) * curvature.coupling
    scaled = np.multiply(coupling[:, :, None], columns[:, None, :], order="C")
    scaled = scaled.reshape(len(columns), -1)
    block, n_outputs, size = scaled.T @ scaled, coupling.shape[1], columns.shape[1]
    of_outputs = block.reshape(n_outputs, size, n_outputs, size)
    # Each row's couplings with the other outputs add up to all of an output's own curvature but
    # what there is along a shift of all alike: of a softmax, nothing.
    for k in range(n_outputs):
        of_outputs[k, :, k] = 0.0
    own = of_outputs.sum(axis=2)
    np.negative(block, out=block)
    along = curvature.diagonal - curvature.coupling * curvature.coupling.sum(axis=1, keepdims=True)
    is_curved = np.abs(along).max() > SHIFT_ROUNDINGS * EPS * np.abs(curvature.diagonal).max()
    for k in range(n_outputs):
        of_outputs[k, :, k] = own[k]
        if is_curved:
            of_outputs[k, :, k] += columns.T @ (weight * along[:, [k]] * columns)
    return [block]


def gram_of(weight, columns):
    """``columns' diag(weight) columns``, of weights (n, 1) that are not negative, as a product of a
    matrix with itself: that is half the work, but of few columns or entries takes longer."""
    if columns.shape[1] <= FEW_COLUMNS or columns.size <= FEW_ENTRIES:
        return columns.T @ (weight * columns)
    scaled = np.sqrt(np.maximum(weight, 0.0)) * columns
    return scaled.T @ scaled


def _intercepts_last(block, p, n_outputs):
    """A Hessian with the intercepts after all coefficients, not after those of their outputs."""
    size = n_outputs * p
    given, ordered = block.reshape(n_outputs, p + 1, n_outputs, p + 1), np.empty_like(block)
    ordered[:size, :size].reshape(n_outputs, p, n_outputs, p)[:] = given[:, :p, :, :p]
    ordered[size:, :size].reshape(n_outputs, n_outputs, p)[:] = given[:, p, :, :p]
    ordered[:size, size:] = ordered[size:, :size].T
    ordered[size:, size:] = curved_everywhere(given[:, p, :, p])
    return ordered


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
    return tuple(map(_in_float64, parts))


def _sum(one, other):
    return tuple(a + b for a, b in zip(one, other, strict=True))


def total_curvature(weight, entries):
    """The second derivative by the intercept, of the rows' :class:`Curvature`."""

    def block(rows):
        part = entries.part(rows)
        return intercept_curvature(part, weight[rows].astype(part.diagonal.dtype, copy=False))

    slices = block_slices(*entries.diagonal.shape, entries.diagonal.dtype)
    return reduce(add, map(block, slices))
