"""Weighted means and spreads of the columns of X, stable under large shifts, in few passes."""

import numpy as np
from scipy import sparse

#: Bytes of X handled at a time where a block must be copied; about a processor's cache.
BLOCK_BYTES = 2**21
#: Square of the mean, in variances, up to which sums of squares may be centred afterwards: it costs
#: at most so many units in the last place.
MILD = 100.0
#: Columns from which on a plain loop over rows is as fast as memory.
LEAST_LOOP = 32


def moments(X, weight, centred):
    """Weighted mean and standard deviation (root mean square unless ``centred``) of each column.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
        Weights that sum to 1.
    centred : bool

    Returns
    -------
    mean, scale : ndarray of shape (n_features,)
        Means are 0 unless ``centred``; spreads below the rounding of the columns' size are 0.
    """
    smallest = 64 * np.finfo(X.dtype).eps
    mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    if sparse.issparse(X):
        square = np.asarray(weight @ X.astype(float, copy=False).power(2)).ravel()
        if centred:
            mean = np.asarray(weight @ X, dtype=float).ravel()
        variance = square - mean**2
        # Differences below the rounding of the squares are no variance.
        variance[variance <= smallest * square] = 0.0
        return mean, np.sqrt(variance)
    even = is_even(weight)
    for rows, columns in _tiles(X):
        block = X[rows, columns].astype(float, copy=False)
        if centred:
            mean[columns] += weight[rows] @ block
        if even and block.shape[1] >= LEAST_LOOP:
            square[columns] += weight[0] * np.einsum("ij,ij->j", block, block)
        else:
            square[columns] += weight[rows] @ (block * block)
    if not centred:
        return mean, np.sqrt(square)
    with np.errstate(invalid="ignore"):  # of overflows
        variance = square - mean**2
        far = ~(mean**2 <= MILD * variance)
    if far.any():
        mean, variance = _about(mean, X, weight, far, variance)
    scale = np.sqrt(np.maximum(variance, 0.0))
    scale[scale <= smallest * np.abs(mean)] = 0.0
    return mean, scale


def _about(mean, X, weight, far, variance):
    """Means and variances, those of the columns ``far`` from sums about what is nearly the mean."""
    first, second = np.zeros_like(mean), np.zeros_like(mean)
    for rows, columns in _tiles(X):
        some = columns.start + np.flatnonzero(far[columns])
        moved = X[rows][:, some] - mean[some]
        first[some] += weight[rows] @ moved
        second[some] += weight[rows] @ np.multiply(moved, moved, out=moved)
    return mean + first, np.where(far, second - first**2, variance)


def _tiles(X):
    """Rows and columns of blocks that lie together in memory."""
    n, p = X.shape
    if X.flags.f_contiguous and not X.flags.c_contiguous:
        return ((slice(0, n), columns) for columns in row_blocks(p, n))
    return ((rows, slice(0, p)) for rows in row_blocks(n, p))


def row_blocks(n, p, least=1):
    """Slices of n rows whose float64 copy, p columns, stays in a processor's cache.

    Products of blocks with each other use it well only from about as many rows as columns on:
    such callers ask for ``least`` rows.
    """
    step = max(least, BLOCK_BYTES // max(1, 8 * p))
    return (slice(first, first + step) for first in range(0, n, step))


def is_even(weight):
    """Whether all rows weigh the same."""
    return len(weight) > 0 and (weight == weight[0]).all()
