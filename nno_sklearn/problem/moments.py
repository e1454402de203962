"""Weighted means and spreads of the columns of X, stable under large shifts, in few passes."""

import numpy as np
from scipy import sparse

#: Bytes of X handled at a time where a block must be copied; about a processor's cache.
BLOCK_BYTES = 2**21
#: Square of the mean, in variances, up to which sums of squares may be centred afterwards: it costs
#: at most so many units in the last place.
MILD = 100.0


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
        Spreads below the rounding of the columns' size are 0.
    """
    smallest = 64 * np.finfo(X.dtype).eps
    if sparse.issparse(X):
        mean = np.asarray(weight @ X, dtype=float).ravel()
        square = np.asarray(weight @ X.astype(float, copy=False).power(2)).ravel()
        variance = square - mean**2 if centred else square
        # Differences below the rounding of the squares are no variance.
        variance[variance <= smallest * square] = 0.0
        return mean, np.sqrt(variance)
    by_columns = X.flags.f_contiguous and not X.flags.c_contiguous
    mean, scale = (_by_columns if by_columns else _by_rows)(X, weight, centred)
    if centred:
        scale[scale <= smallest * np.abs(mean)] = 0.0
    return mean, scale


def _by_rows(X, weight, centred):
    """Sums of the entries and their squares, and about the mean where this would lose digits."""
    n, p = X.shape
    mean, square = np.zeros(p), np.zeros(p)
    for rows in row_blocks(*X.shape):
        block = X[rows].astype(float, copy=False)
        mean += weight[rows] @ block
        square += weight[rows] @ (block * block)
    if not centred:
        return mean, np.sqrt(square)
    with np.errstate(invalid="ignore"):  # of overflows
        variance = square - mean**2
        far = np.flatnonzero(~(mean**2 <= MILD * variance))
    if len(far):
        mean[far], variance[far] = _about_first_rows(X, weight, far)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _about_first_rows(X, weight, columns):
    """Mean and variance about the mean of the first rows, which is close enough."""
    shift = X[next(row_blocks(*X.shape))][:, columns].mean(axis=0, dtype=float)
    first, second = np.zeros(len(columns)), np.zeros(len(columns))
    for rows in row_blocks(*X.shape):
        moved = X[rows][:, columns] - shift
        first += weight[rows] @ moved
        second += weight[rows] @ np.multiply(moved, moved, out=moved)
    return shift + first, second - first**2


def row_blocks(n, p):
    """Slices of n rows whose float64 copy, p columns, stays in a processor's cache."""
    step = max(1, BLOCK_BYTES // max(1, 8 * p))
    return (slice(first, first + step) for first in range(0, n, step))


def _by_columns(X, weight, centred):
    n, p = X.shape
    mean, scale = np.empty(p), np.empty(p)
    step = max(1, BLOCK_BYTES // max(1, 8 * n))
    for start in range(0, p, step):
        some = slice(start, start + step)
        columns = X[:, some].astype(float)
        mean[some] = weight @ columns
        if centred:
            columns -= mean[some]
        scale[some] = np.sqrt(weight @ np.multiply(columns, columns, out=columns))
    return mean, scale
