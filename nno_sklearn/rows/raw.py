"""Raw predictions of rows in this process: stored, or products that are made anew at each look."""

import numpy as np

from nno_sklearn._foreign import block_bytes
from nno_sklearn.rows.replies import Raw

#: Bytes and rows of a block of stored raw predictions, at most. For sums over more rows OpenBLAS
#: would wake its threads, which costs more than they bring.
BLOCK_BYTES, BLOCK_ROWS = 2**18, 2**13
#: Raw predictions of a block that is a product first: enough for products of matrices to be fast.
PRODUCT_ENTRIES, LEAST_PRODUCT_ROWS = 2**20, 64
#: Bytes of raw predictions of many coupled outputs beyond which they are not stored.
MOST_STORED = 2**27


def slices(n, step):
    """Slices of n rows, ``step`` in each."""
    return [slice(first, first + step) for first in range(0, n, step)]


def block_slices(n, n_outputs, dtype):
    """Slices of n rows whose raw predictions fit a cache."""
    return slices(n, min(BLOCK_ROWS, max(1, BLOCK_BYTES // (dtype.itemsize * n_outputs))))


def product_slices(n, n_outputs):
    """Slices of n rows whose raw predictions are a product of matrices that is worth it."""
    return slices(n, max(LEAST_PRODUCT_ROWS, PRODUCT_ENTRIES // n_outputs))


class StoredRaw(Raw):
    """Raw predictions, and what was computed of them for their gradient.

    Attributes
    ----------
    array : ndarray of shape (n_samples, n_outputs)
    residual : ndarray of shape (n_samples, n_outputs) or None
        Weights times loss gradients at the intercept ``at``.
    """

    __slots__ = ("array", "at", "residual")

    def __init__(self, array):
        self.array, self.at, self.residual = array, None, None

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)

    def slices(self):
        most = block_bytes(self.array, 0)
        if most:
            return slices(self.shape[0], max(1, most // (self.dtype.itemsize * self.shape[1])))
        return block_slices(*self.shape, self.dtype)

    def block(self, rows):
        """Those of some rows, to read."""
        return self.array[rows]


class RecomputedRaw(Raw):
    """``X @ coef``, of which no more than a block of rows is there at a time.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    """

    __slots__ = ("coef", "dtype", "_design", "_narrow")

    def __init__(self, design, coef, dtype):
        self._design, self.coef, self.dtype = design, coef, dtype
        self._narrow = design.narrow(coef) if coef.any() else None

    shape = property(lambda self: (len(self._design), self.coef.shape[1]))

    @property
    def array(self):
        """All of them, as long as the data."""
        return np.vstack([self.block(rows) for rows in self.slices()])

    def slices(self):
        return product_slices(*self.shape)

    def block(self, rows):
        """Those of some rows; a part of a pass."""
        if self._narrow is None:
            n_rows = len(range(*rows.indices(len(self._design))))
            return np.zeros((n_rows, self.coef.shape[1]), self.dtype)
        X, product = self._design.product_of(rows, self._narrow)
        self._design.passes.read(X.size)
        return product.astype(self.dtype, copy=False)
