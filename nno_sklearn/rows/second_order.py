"""Second-order products of a design matrix: Gram matrices, kernels, rows for factors."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import safe_sparse_dot

from nno_sklearn.rows.moments import is_even, row_blocks, stored_squares

#: Share of entries that are not 0 up to which products of sparse matrices take less time.
MOSTLY_ZERO = 0.15
#: Bytes of a dense copy of some rows of a sparse matrix.
DENSE_BYTES = 2**24
#: Rows of a block in a Gram matrix, in columns: of fewer, sums of the matrices take their time.
LONG = 4
#: Share of the rows that are few.
FEW = 0.5


class SecondOrder:
    """What a :class:`~nno_sklearn.rows.design_matrix.DesignMatrix` computes in pairs of columns
    or of rows, all centred.
    """

    def gram(self, weight, other=None):
        """``Xc' diag(weight) Xc`` and ``Xc' diag(weight) other``, weight >= 0, in one pass.

        Xc is centred; ``other`` is (n_samples, k), by default a column of ones.
        """
        self._read()
        other = np.ones_like(weight)[:, None] if other is None else other
        if self.is_sparse or self._is_mild:
            gram, cross, first = self._raw_gram(weight, other)
            centre, half = self.centre[:, None], (first - 0.5 * weight.sum() * self.centre)[:, None]
            pair, turned = np.concatenate([centre, half], 1), np.concatenate([half, centre], 1)
            gram -= pair @ turned.T
            cross -= centre * (weight @ other)
        else:
            p, root = self.shape[1], np.sqrt(weight)
            gram, cross = np.zeros((p, p)), np.zeros((p, other.shape[1]))
            for block in self._heavy_blocks(weight, p):
                rows = self.X[block] - self.centre
                rows *= root[block, None]
                cross += rows.T @ (root[block, None] * other[block])
                gram += rows.T @ rows
        if self._any_constant:
            gram[self._constant] = gram[:, self._constant] = 0.0
            cross[self._constant] = 0.0
        return gram, cross

    def _raw_gram(self, weight, other):
        """As :meth:`gram`, of the stored entries; and their weighted column sums."""
        if self.is_sparse:
            X = self.X
            if _are_few(weight) and X.format == "csr":
                heavy = np.flatnonzero(weight)
                X, weight, other = X[heavy], weight[heavy], other[heavy]
            by_entries, dense = self._row_product_costs
            make = _gram_of_entries if by_entries <= dense else _gram_of_dense_blocks
            return make(X.astype(float, copy=False), weight, other)
        p = self.shape[1]
        gram, cross, first = np.zeros((p, p)), np.zeros((p, other.shape[1])), np.zeros(p)
        even = is_even(weight)
        root = np.sqrt(weight)[:, None]
        for block in self._heavy_blocks(weight, LONG * p):
            rows = self.X[block] if even else self.X[block] * root[block]
            gram += rows.T @ rows
            cross += rows.T @ (other[block] if even else root[block] * other[block])
            first += root[block, 0] @ rows
        if even:
            return weight[0] * gram, weight[0] * cross, root[0] * first
        return gram, cross, first

    def _heavy_blocks(self, weight, least):
        """Blocks of rows, without those of no weight where these are most."""
        blocks, weight = self._row_blocks(least=least), np.asarray(weight)
        if not _are_few(weight):
            return blocks
        return (block.start + np.flatnonzero(weight[block]) for block in blocks)

    @property
    def rounding(self):
        """Shares of the columns' spreads that rounding may make of differences to other columns,
        (n_features,)."""
        distance = np.abs(self.centre) * self.inverse_scale
        return 8 * self.shape[1] * np.finfo(float).eps * (1.0 + distance)

    def weighted_blocks(self, weight, centre, other):
        """Rows of ``diag(sqrt(weight)) [X - 1 centre', other]`` in blocks of float64; one pass.

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
        centre : ndarray of shape (n_features,)
        other : ndarray of shape (n_samples, k)

        Yields
        ------
        ndarray of shape (n_rows, n_features + k)
        """
        self._read()
        X = self.X.tocsr() if self.is_sparse else self.X
        for block in self._row_blocks(least=self.shape[1]):
            rows = X[block].toarray() if self.is_sparse else X[block]
            rows = np.where(self._constant, 0.0, rows - centre)
            yield np.sqrt(weight[block, None]) * np.hstack([rows, other[block]])

    def weighted_squares(self, weight):
        """Diagonal of :meth:`gram`'s matrix, (n_features,), but for the centre of a sparse X."""
        self._read()
        if self.is_sparse:
            squares = stored_squares(self.X, weight)
        else:
            squares = np.zeros(self.shape[1])
            for block in self._row_blocks():
                squares += weight[block] @ (self.X[block] - self.centre) ** 2
        squares[self._constant] = 0.0
        return squares

    def cross_gram(self, weight, index):
        """The columns ``index`` of :meth:`gram`'s matrix, (n_features, len(index))."""
        self.passes.read(self.n_stored * len(index) / self.shape[1])
        if self.is_sparse:
            X = self.X.astype(float, copy=False)
            weighted = _scale_rows(X[:, index], weight)
            first, centre = np.asarray(weight @ X).ravel(), self.centre[index]
            cross = safe_sparse_dot(X.T, weighted, dense_output=True)
            cross -= np.outer(first, centre) + np.outer(self.centre, first[index])
            cross += weight.sum() * np.outer(self.centre, centre)
        elif is_even(weight) and self.X.dtype == np.float64 and not self.centre.any():
            cross = weight[0] * (self.X.T @ self.X[:, index])
        else:
            cross = np.zeros((self.shape[1], len(index)))
            for block in self._row_blocks():
                rows = self.X[block] - self.centre
                cross += rows.T @ (rows[:, index] * weight[block][:, None])
        cross[self._constant] = cross[:, self._constant[index]] = 0.0
        return cross

    def coupled_gram(self, diagonal, coupling, feature, output):
        """Gram of outputs that interact: rows' weights are ``diag(diagonal) - coupling coupling'``,
        diagonal >= 0.

        Of the coefficients whose features and outputs are given, (n,) each: their (n, n) matrix,
        and its products with a column of ones per output, (n, n_outputs); one pass.
        """
        used, place = np.unique(feature, return_inverse=True)
        self.passes.read(self.n_stored * len(used) / max(1, self.shape[1]))
        if self.is_sparse:
            X = self.X[:, feature].tocsc().astype(float, copy=False)
            if X.nnz <= MOSTLY_ZERO * X.shape[0] * X.shape[1]:
                return self._sparse_coupled_gram(X, diagonal, coupling, feature, output)
        n, own = len(feature), [np.flatnonzero(output == k) for k in range(diagonal.shape[1])]
        gram, mixed = np.zeros((n, n)), np.zeros((n, diagonal.shape[1]))
        grams = [np.zeros((len(index), len(index))) for index in own]
        for block, rows in self._rows_of(used, n):
            scaled = rows[:, place] * coupling[block][:, output]
            gram -= scaled.T @ scaled
            mixed -= scaled.T @ coupling[block]
            for k, index in enumerate(own):
                root = np.sqrt(diagonal[block, k])
                scaled = rows[:, place[index]] * root[:, None]
                grams[k] += scaled.T @ scaled
                mixed[index, k] += root @ scaled
        for index, added in zip(own, grams, strict=True):
            gram[np.ix_(index, index)] += added
        return gram, mixed

    def _sparse_coupled_gram(self, X, diagonal, coupling, feature, output):
        """The same by the stored entries of each coefficient's column, centred afterwards."""
        centre, position = self.centre[feature], np.repeat(output, np.diff(X.indptr))
        coupled, curved = (
            type(X)((X.data * by[X.indices, position], X.indices, X.indptr), shape=X.shape)
            for by in (coupling, diagonal)
        )
        cross, squares = coupled.T @ coupling, coupling.T @ coupling
        moved = cross[:, output] * centre
        gram = moved + moved.T - squares[np.ix_(output, output)] * np.outer(centre, centre)
        gram -= (coupled.T @ coupled).toarray()
        mixed = centre[:, None] * squares[output] - cross
        first, total = np.asarray(curved.sum(axis=0)).ravel(), diagonal.sum(axis=0)
        mixed[np.arange(len(output)), output] += first - centre * total[output]
        for k in range(diagonal.shape[1]):
            own = np.flatnonzero(output == k)
            moved = np.outer(first[own] - 0.5 * total[k] * centre[own], centre[own])
            added = (X[:, own].T @ curved[:, own]).toarray()
            gram[np.ix_(own, own)] += added - moved - moved.T
        constant = self._constant[feature]
        gram[constant] = gram[:, constant] = mixed[constant] = 0.0
        return gram, mixed

    def _rows_of(self, used, width):
        """Slices of the rows with some of their columns, dense and centred, for products of
        matrices of so many columns."""
        X = self.X[:, used].tocsr() if self.is_sparse else self.X
        centre = np.where(self._constant, 0.0, self.centre)[used]
        for block in row_blocks(len(self), width, least=width):
            rows = X[block].toarray() if self.is_sparse else X[block][:, used]
            rows = rows - centre
            rows[:, self._constant[used]] = 0.0
            yield block, rows

    def kernel(self, inverse_diagonal):
        """``Xc diag(inverse_diagonal) Xc'``, (n_samples, n_samples), for few rows.

        The last one is kept, and not to be changed: a penalty's curvature is mostly the same at
        every step, and a kernel of many columns takes as long as many factors.
        """
        if self._last_kernel is None or not np.array_equal(self._last_kernel[0], inverse_diagonal):
            self._last_kernel = inverse_diagonal, self._new_kernel(inverse_diagonal)
        return self._last_kernel[1]

    def _new_kernel(self, inverse_diagonal):
        self._read()
        root = np.sqrt(np.where(self._constant, 0.0, inverse_diagonal))
        if not self.is_sparse:
            rows = (self.X - self.centre) * root
            return rows @ rows.T
        X = self.X.astype(float, copy=False) @ sparse.diags_array(root)
        centre = self.centre * root
        cross = np.asarray(X @ centre).ravel()
        kernel = safe_sparse_dot(X, X.T, dense_output=True)
        return kernel - cross[:, None] - cross[None, :] + centre @ centre


def _gram_of_entries(X, weight, other):
    """:meth:`SecondOrder._raw_gram` of a sparse X, by products of sparse matrices."""
    weighted, first = _scale_rows(X, weight), np.asarray(weight @ X).ravel()
    return safe_sparse_dot(X.T, weighted, dense_output=True), weighted.T @ other, first


def _gram_of_dense_blocks(X, weight, other):
    """The same by dense copies of some rows after the other."""
    root, p = np.sqrt(weight), X.shape[1]
    scaled, gram = _scale_rows(X, root), np.zeros((p, p))
    blocks = [*row_blocks(len(root), p, LONG * p, DENSE_BYTES)]
    for block in blocks:
        rows = (scaled[block] if len(blocks) > 1 else scaled).toarray()
        gram += rows.T @ rows
    return gram, scaled.T @ (root[:, None] * other), np.asarray(root @ scaled).ravel()


def _are_few(weight):
    """Whether rows that weigh are so few that products take less time with a copy of them."""
    return np.count_nonzero(weight) <= FEW * len(weight)


def _scale_rows(X, weight):
    """``diag(weight) @ X`` for sparse X, which shares its structure."""
    factor = np.repeat(weight, np.diff(X.indptr)) if X.format == "csr" else weight[X.indices]
    return type(X)((factor * X.data, X.indices, X.indptr), shape=X.shape)
