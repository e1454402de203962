"""Weighted means and spreads of the columns of X, stable under large shifts, in few passes."""

import numpy as np
from scipy import sparse

from nno_sklearn._foreign import block_bytes

#: Bytes of X handled at a time where a block must be copied; about a processor's cache.
BLOCK_BYTES = 2**18
#: Square of the mean, in variances, up to which sums of squares may be centred afterwards: it costs
#: at most so many units in the last place.
MILD = 100.0
#: Spread of a column, in sizes of its mean, up to which it is rounding: such columns are constant.
CONSTANT = 64 * np.finfo(float).eps


def moments(X, weight, centred):
    """Weighted mean and standard deviation (root mean square unless ``centred``) of each column.

    All sums are in float64, about the mean where that is far from 0, so that float32 columns such
    as years or time stamps keep what they tell.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
        Weights that sum to 1.
    centred : bool

    Returns
    -------
    mean, scale : ndarray of shape (n_features,)
        Means are 0 unless ``centred``. Spreads below the rounding of sums of the columns' size,
        or whose squares underflow, are 0.
    """
    look = _stored_sums if sparse.issparse(X) else _sums
    with np.errstate(over="ignore", invalid="ignore"):  # the problem refuses what overflows
        mean, variance = look(X, weight, centred)
    scale = np.sqrt(np.maximum(variance, 0.0))
    scale[scale <= CONSTANT * np.abs(mean)] = 0.0
    return mean, scale


def _sums(X, weight, centred):
    """Moments of dense columns: differences of sums of squares where the mean is near 0."""
    mean, square = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    even = is_even(weight)
    # Where nothing is copied, a single tile is read at memory's speed.
    for rows, columns in _tiles(X, X.nbytes if even and X.dtype == np.float64 else BLOCK_BYTES):
        block = X[rows, columns].astype(float, copy=False)
        if centred:
            mean[columns] += weight[rows] @ block
        if even:
            square[columns] += weight[0] * np.einsum("ij,ij->j", block, block)
        else:
            square[columns] += weight[rows] @ (block * block)
    variance = square - mean**2
    far = ~(mean**2 <= MILD * variance)
    return _about(mean, X, weight, far, variance) if centred and far.any() else (mean, variance)


def pooled_means(weight, mean, other, other_mean):
    """Total weight and mean of two samples, how far their means are apart, and the weight of that:
    squares about the mean are those of both samples, and ``weight of that * apart**2`` (Chan, Golub
    and LeVeque, 1983)."""
    total = weight + other
    share, apart = other / total, other_mean - mean
    return total, mean + share * apart, apart, weight * share


def pooled(samples):
    """Weight, mean, and sum of squares about it of several samples, of which these are known.

    Parameters
    ----------
    samples : sequence of tuple of float, array and array

    Returns
    -------
    tuple of float, array and array
    """
    weight, mean, square = samples[0]
    for other, other_mean, other_square in samples[1:]:
        weight, mean, apart, between = pooled_means(weight, mean, other, other_mean)
        square = square + other_square + between * apart**2
    return weight, mean, square


def stored_squares(X, weight):
    """Weighted sums of the squares of a sparse matrix's columns, (n_features,); its indices are not
    copied, as ``X.power`` copies them."""
    squares = type(X)((np.square(X.data, dtype=float), X.indices, X.indptr), shape=X.shape)
    return np.asarray(squares.T @ weight)


def _stored_sums(X, weight, centred):
    """Moments of sparse columns, from their stored entries and the weight of their zeros."""
    if not centred:
        return np.zeros(X.shape[1]), stored_squares(X, weight)
    rows, columns = entries(X)
    n, p = X.shape
    stored = weight[rows]
    mean = np.bincount(columns, stored * X.data, p)
    moved = X.data - mean[columns]
    variance = np.bincount(columns, stored * moved * moved, p)
    is_full = full_columns(X)
    zeros = np.where(is_full, 0.0, np.maximum(1.0 - np.bincount(columns, stored, p), 0.0))
    # A full column may lie so far from 0 that its mean, a long sum, is known roughly.
    error = np.where(is_full, np.bincount(columns, stored * moved, p), 0.0)
    return mean + error, variance - error**2 + zeros * mean**2


def full_columns(X):
    """Whether each column of a CSR or CSC matrix stores an entry for every row."""
    _, columns = entries(X)
    return np.bincount(columns, minlength=X.shape[1]) >= X.shape[0]


def entries(X):
    """Row and column number of each stored entry of a CSR or CSC matrix."""
    major = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
    return (major, X.indices) if X.format == "csr" else (X.indices, major)


def _about(mean, X, weight, far, variance):
    """Means and variances, those of the columns ``far`` from sums about what is nearly the mean."""
    first, second = np.zeros_like(mean), np.zeros_like(mean)
    for rows, columns in _tiles(X):
        some = columns.start + np.flatnonzero(far[columns])
        moved = X[rows][:, some] - mean[some]
        first[some] += weight[rows] @ moved
        second[some] += weight[rows] @ np.multiply(moved, moved, out=moved)
    return mean + first, np.where(far, second - first**2, variance)


def _tiles(X, n_bytes=BLOCK_BYTES):
    """Rows and columns of blocks of so many bytes in float64 that lie together in memory."""
    n, p = X.shape
    if X.flags.f_contiguous and not X.flags.c_contiguous:
        return ((slice(0, n), columns) for columns in row_blocks(p, n, n_bytes=n_bytes))
    blocks = row_blocks(n, p, n_bytes=block_bytes(X, n_bytes))
    return ((rows, slice(0, p)) for rows in blocks)


def row_blocks(n, p, least=1, n_bytes=BLOCK_BYTES):
    """Slices of n rows whose float64 copy, p columns, stays in a processor's cache.

    Products of blocks with each other use it well only from about as many rows as columns on:
    such callers ask for ``least`` rows.
    """
    step = max(least, n_bytes // max(1, 8 * p))
    return (slice(first, first + step) for first in range(0, n, step))


def is_even(weight):
    """Whether all rows weigh the same."""
    return len(weight) > 0 and (weight == weight[0]).all()
