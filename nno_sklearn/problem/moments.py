"""Weighted means and spreads of the columns of X, stable under large shifts, in few passes."""

import numpy as np
from scipy import sparse

#: Bytes of X handled at a time where a block must be copied; about a processor's cache.
BLOCK_BYTES = 2**21


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
    """Sums of squares about the first rows' mean, which is close enough to lose no digits."""
    n, p = X.shape
    step = max(1, BLOCK_BYTES // max(1, 8 * p))
    shift = X[:step].mean(axis=0, dtype=float) if centred else np.zeros(p)
    first, second, work = np.zeros(p), np.zeros(p), np.empty((min(step, n), p))
    for start in range(0, n, step):
        block, rows = weight[start : start + step], X[start : start + step]
        moved = np.subtract(rows, shift, out=work[: len(rows)])
        first += block @ moved
        second += block @ np.multiply(moved, moved, out=moved)
    variance = second - first**2 if centred else second
    return shift + first, np.sqrt(np.maximum(variance, 0.0))


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
