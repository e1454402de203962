"""First-order products of a design matrix, centred and in its precision, without a copy of it."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from nno_sklearn._foreign import block_bytes
from nno_sklearn.rows.moments import BLOCK_BYTES, row_blocks

#: Bytes of X beyond which it does not stay in a cache.
LONG_BYTES = 2**24
#: Entries of a sparse X up to which it takes no longer to compute with all of them.
FEW_ENTRIES = 2e4
#: Rows of a block whose products are added up in float32.
LEAST_SUMMED = 2048
#: What takes residuals of less than 1e-35, of rows that are fitted for sure, to 0 in float32.
FLUSHED = np.float32(1e-28)


class MatrixProducts:
    """What a :class:`~nno_sklearn.rows.design_matrix.DesignMatrix` computes with coefficients and
    with residuals, at once or by blocks of its rows.
    """

    def matvec(self, coef, dtype=float, order="F"):
        """``(X - 1 centre') @ coef``, (n_features, n_outputs) to (n_samples, n_outputs).

        0 in rows of weight 0: whatever is in them must not overflow a loss. ``dtype`` and
        ``order`` are those of the result.
        """
        product = self._product(coef, dtype, order)
        if self._any_idle:
            product[self._idle] = 0.0
        return product

    def _product(self, coef, dtype, order):
        self._read()
        if self._any_constant:
            coef = np.where(self._constant[:, None], 0.0, coef)
        if self._is_blocked:
            return self._product_by_blocks(coef, dtype, order)
        narrow = coef.astype(self.X.dtype, copy=False)
        if coef.shape[1] == 1 or self.is_sparse:
            product = self.X @ (narrow[:, 0] if coef.shape[1] == 1 else narrow)
            product = product.reshape(len(self), -1).astype(dtype, order, copy=False)
        elif order == "C" or self.X.dtype == np.float32 and not self._is_by_columns:
            product = (self.X @ narrow).astype(dtype, order, copy=False)
        else:  # for few outputs the product is 1.5 times faster in this order
            product = (np.ascontiguousarray(narrow.T) @ self.X.T).T.astype(dtype, copy=False)
        product -= (self.centre @ coef).astype(dtype, copy=False)
        return product

    def _product_by_blocks(self, coef, dtype, order):
        """The product in float64.

        Rows are centred first where columns lie far from 0 alone. Elsewhere the centre is taken
        afterwards, the same number from all rows, which an intercept takes up: coefficients that
        are huge and cancel leave the rounding of it in no row whose entries are 0.
        """
        product = np.empty((len(self), coef.shape[1]), dtype, order, like=self.X)
        if self._is_far:
            for block, rows in self._centred_blocks():
                product[block] = rows @ coef
            return product
        for block in self._row_blocks():
            product[block] = self.X[block].astype(float) @ coef
        product -= (self.centre @ coef).astype(dtype, copy=False)
        return product

    def narrow(self, coef):
        """Coefficients as blocks of dense rows are multiplied with, and what the centre takes."""
        dtype = np.dtype(float) if self._is_blocked else self.X.dtype
        coef = np.where(self._constant[:, None], 0.0, coef)
        centre = np.zeros(len(coef)) if self._is_blocked else self.centre
        return np.ascontiguousarray(coef, dtype), (centre @ coef).astype(dtype)

    def product_of(self, block, narrow, memory=None):
        """A block of dense rows, and its product with coefficients; no pass is counted.

        ``memory`` of at least so many rows is where the product goes.
        """
        rows = self.X[block] - self.centre if self._is_blocked else self.X[block]
        product = np.matmul(rows, narrow[0], out=None if memory is None else memory[: len(rows)])
        product -= narrow[1]
        if self._any_idle:
            product[self._idle[block]] = 0.0
        return rows, product

    def sweep(self, coef, residual_of, blocks):
        """``Xc' residual`` of residuals made of ``Xc @ coef``, for dense X; two passes.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_outputs)
        residual_of : callable
            Takes a slice of the rows and their products, returns their residuals, both
            (n_rows, n_outputs), in the precision of the products, whose memory it may use.
        blocks : list of slice

        Returns
        -------
        ndarray of shape (n_features, n_outputs)
        """
        self.passes.read(2 * self.n_stored)
        narrow = self.narrow(coef)
        gradient, total = np.zeros(coef.shape), np.zeros(coef.shape[1])
        longest = max(len(range(*block.indices(len(self)))) for block in blocks)
        memory = np.empty((longest, coef.shape[1]), narrow[0].dtype, like=self.X)
        part = np.empty_like(narrow[0])
        for block in blocks:
            rows, product = self.product_of(block, narrow, memory)
            residual = residual_of(block, product)
            gradient += np.matmul(rows.T, residual, out=part)
            total += residual.sum(axis=0)
        if not self._is_blocked:
            self._take_centre_out(gradient, total)
        gradient[self._constant] = 0.0
        return gradient

    def rmatvec(self, residual):
        """``(X - 1 centre')' @ residual``, (n_samples, n_outputs) to (n_features, n_outputs)."""
        self._read()
        if self._is_blocked:
            product = sum((residual[b].T @ rows for b, rows in self._centred_blocks())).T
            product[self._constant] = 0.0
            return product
        narrow = residual.astype(self.X.dtype, copy=False)
        if self.is_sparse:
            product = self.X.T @ (narrow[:, 0] if residual.shape[1] == 1 else narrow)
            product = product.reshape(self.shape[1], -1)
        elif self.X.dtype == np.float64:
            product = (narrow.T @ self.X).T
        else:  # float32 sums over many rows lose digits: add the blocks up in float64
            of_block = (lambda r, X: X.T @ r) if self._is_by_columns else lambda r, X: (r.T @ X).T
            product = self._by_blocks(of_block, _flushed(narrow), LEAST_SUMMED)
        product = product.astype(float, copy=False)
        if not self._is_centred:
            self._take_centre_out(product, residual.sum(axis=0, dtype=float))
        if self._any_constant:
            product[self._constant] = 0.0
        return product

    def _take_centre_out(self, product, total):
        """Subtract what the centre gives to a product with residuals that add up to ``total``."""
        if product.nbytes <= BLOCK_BYTES:
            product -= self.centre[:, None] * total
            return
        for columns in row_blocks(*product.shape, n_bytes=block_bytes(self.X, BLOCK_BYTES)):
            product[columns] -= self.centre[columns, None] * total

    @property
    def _is_by_columns(self):
        """Whether X lies in memory column by column: products are then fastest the other way."""
        return self.X.flags.f_contiguous

    def _row_blocks(self, least=1):
        """Slices of the rows whose float64 copies are not too large."""
        return row_blocks(*self.shape, least, block_bytes(self.X, BLOCK_BYTES))

    def _centred_blocks(self):
        """Slices of the rows of a dense X with the rows, centred, in float64."""
        for block in self._row_blocks():
            yield block, self.X[block] - self.centre

    def blocks_with_ones(self):
        """Slices of the rows of a dense X with the rows, centred, in float64, beside a column of
        ones; for three products with them, each a pass. Those of a small X are kept."""
        self.passes.read(3 * self.n_stored)
        blocks = self._row_blocks(least=self.shape[1])
        if self.X.nbytes > LONG_BYTES:
            return ((rows, self._with_ones(rows)) for rows in blocks)
        beside = self.beside_ones()
        return ((rows, beside[rows]) for rows in blocks)

    def beside_ones(self):
        """The rows of a small X, centred, in float64, beside a column of ones; they are kept. None
        where X is not small, or sparse with more than a few entries, 0 or not. No pass is counted.
        """
        n_rows, n_columns = self.shape
        if n_rows * n_columns > FEW_ENTRIES if self.is_sparse else self.X.nbytes > LONG_BYTES:
            return None
        if self._beside_ones is None:
            self._beside_ones = self._with_ones(slice(None))
        return self._beside_ones

    def _with_ones(self, block):
        X, p = self.X[block], self.shape[1]
        X = X.toarray() if self.is_sparse else X
        beside = np.empty((len(X), p + 1), like=X)
        columns, beside[:, p] = beside[:, :p], 1.0
        np.subtract(X, self.centre, out=columns)
        if self._any_constant:
            columns[:, self._constant] = 0.0
        if self._any_idle:
            columns[self._idle[block]] = 0.0
        return beside

    def _by_blocks(self, product, residual, least=1):
        blocks = self._row_blocks(least)
        return sum(product(residual[b], self.X[b]).astype(float, copy=False) for b in blocks)


def exact_product(X, coef):
    """``X @ coef`` in float64, (n_samples, n_outputs), without a float64 copy of a float32 X."""
    if sparse.issparse(X):
        return safe_sparse_dot(X, coef, dense_output=True)
    if X.dtype == coef.dtype:
        return X @ coef
    blocks = row_blocks(*X.shape, n_bytes=block_bytes(X, BLOCK_BYTES))
    return np.vstack([X[block].astype(coef.dtype) @ coef for block in blocks])


def _flushed(residual):
    """Residuals in float32 without those that are nothing: a product with numbers so small that
    they have fewer digits takes many times as long."""
    return (residual + FLUSHED) - FLUSHED
