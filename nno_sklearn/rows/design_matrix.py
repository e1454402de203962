"""The design matrix: X as solvers may use it, centred without being copied."""

from functools import reduce

import numpy as np
from scipy import sparse

from nno_sklearn._copies import copy_of
from nno_sklearn.rows.moments import MILD, entries, full_columns, moments, row_blocks
from nno_sklearn.rows.products import MatrixProducts
from nno_sklearn.rows.replies import Geometry, PassCounter
from nno_sklearn.rows.second_order import SecondOrder

#: Mean of a column, in spreads, from which on products with X as it is lose too many digits.
FAR = {np.dtype(np.float32): 10.0, np.dtype(np.float64): 1e5}
#: What stands for the spread of constant columns.
HUGE = 1e99
#: Rows of a block that is copied to another order.
LEAST_COPIED = 256
#: Least spread of a column whose square is a normal number, with some digits to spare.
SMALLEST_SCALE = 1e-152


class DesignMatrix(MatrixProducts, SecondOrder):
    """``X - 1 centre'``, dense or sparse, float32 or float64, never copied as a whole.

    Products return float64 unless asked for less; a float32 X is multiplied as float32, but where
    its columns lie far from 0: centred blocks in float64 then keep what the columns tell. Columns
    that are constant act as columns of zeros: an intercept says all that they could say.

    Parameters
    ----------
    X : ndarray or sparse CSR/CSC of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,)
        Weights that sum to 1; they define the centre and the scale.
    centred : bool
        Whether an intercept will be fitted.
    geometry : Geometry, default=None
        Centre and scale that are given, where X is only a part of the rows.
    passes : PassCounter, default=None
        Of the whole, where X is only a part of it.

    Attributes
    ----------
    origin : ndarray of shape (n_features,)
        Weighted means of the user's columns, or zeros without an intercept.
    centre : ndarray of shape (n_features,)
        What is still to be taken from ``X``: the means, but where X is centred already.
    scale : ndarray of shape (n_features,)
        Weighted standard deviations (root mean squares without an intercept); 0 where the
        column says nothing.
    """

    def __init__(self, X, weight, *, centred, geometry=None, passes=None):
        self.X = X
        self.passes = PassCounter(self.n_stored) if passes is None else passes
        self._set_idle(weight == 0)
        if geometry is None:
            geometry = Geometry(*moments(X, weight, centred))
            self._read()
        self.origin, scale = geometry
        self.products_are_exact, centre = False, self.origin
        if self.is_sparse:
            self.X, centre = _centre_full_columns(X, centre, scale)
        self._set_geometry(centre, scale)

    @property
    def shape(self):
        return self.X.shape

    def _set_geometry(self, centre, scale):
        self.centre, self.scale = centre, scale
        self._beside_ones = self._last_kernel = None
        self._is_centred = not centre.any()
        self._constant = scale == 0
        self._any_constant = bool(self._constant.any())
        # Of a mean, in spreads; constant columns take no part, but where their squares overflow.
        far = np.abs(centre) / np.where(self._constant, HUGE, scale)
        farthest = float(far.max(initial=0.0))
        # Whether sums of products may be centred afterwards.
        self._is_mild = self.X.dtype == np.float64 and farthest <= MILD**0.5
        self._is_far = farthest > FAR[self.X.dtype]
        self._is_blocked = not self.is_sparse and (self._is_far or self.products_are_exact)

    def _set_idle(self, idle):
        """Say which rows weigh nothing."""
        self._idle, self._any_idle = idle, bool(idle.any())

    def _part(self, X, centre, scale, idle):
        """A sub-matrix, which counts its share of a pass."""
        part = copy_of(self)
        part._set_idle(idle)
        part.X = X
        part._set_geometry(centre, scale)
        return part

    def exact(self):
        """The same matrix, whose products are those of float64 also where X is float32."""
        if self.X.dtype == np.float64:
            return self
        X = self.X.astype(float) if self.is_sparse else self.X
        twin = self._part(X, *self._geometry, self._idle)
        twin.products_are_exact = True
        twin._set_geometry(*self._geometry)
        return twin

    def single(self):
        """A copy in float32, centred, in memory as X is. Products of few outputs take half the
        time, rounded in units of the columns' spreads."""
        X = np.empty_like(self.X, np.float32)
        with np.errstate(over="ignore"):  # in rows without weight
            for block in self._row_blocks(least=LEAST_COPIED):
                np.subtract(self.X[block], self.centre, out=X[block], casting="same_kind")
        X[:, self._constant] = X[self._idle] = 0.0
        twin = self._part(X, np.zeros(self.shape[1]), self.scale, self._idle)
        twin._is_mild = True  # there is no centre
        return twin

    @property
    def underflows(self):
        """Whether a column that is not constant is so small that squares of its spread vanish."""
        if self.scale.min(initial=1.0) >= SMALLEST_SCALE:
            return False
        used = self.scale > 0
        if (self.scale[used] < SMALLEST_SCALE).any():
            return True
        if self.is_sparse:
            _, columns = entries(self.X)
            stored = np.abs(self.X.data[~used[columns]])
            return bool(((stored > 0) & (stored < SMALLEST_SCALE)).any())
        # By blocks of rows: to take columns out of them takes ten times as long.
        blocks = [self.X[block] for block in self._row_blocks()]
        high = reduce(np.maximum, (rows.max(axis=0) for rows in blocks))
        low = reduce(np.minimum, (rows.min(axis=0) for rows in blocks))
        is_tiny = np.maximum(np.abs(low), np.abs(high)) < SMALLEST_SCALE
        return bool(((high > low) & is_tiny & ~used).any())

    @property
    def _geometry(self):
        return self.centre, self.scale

    def replaced(self, rows):
        """Other rows, centred already, in place of these; scales and counts stay."""
        return self._part(
            rows, np.zeros(self.shape[1]), self.scale, np.zeros(len(rows), dtype=bool)
        )

    def in_row_space(self, weight):
        """Few dense rows in coordinates of the space that they span, and an orthonormal basis of
        it, (n_features, n_coordinates)."""
        self._read()
        rows = self.X - self.centre
        rows[:, self._constant] = rows[self._idle] = 0.0
        basis, coordinates = np.linalg.qr(rows.T)
        basis[self._constant] = 0.0  # without rounding
        scale = np.sqrt(weight @ np.square(coordinates.T))
        # Where rows are combinations of those before, as repeated ones are, rounding is left.
        used = scale > len(rows) * np.finfo(float).eps * scale.max()
        used[0] = True
        rows, scale = np.ascontiguousarray(coordinates[used].T), scale[used]
        return self._part(rows, np.zeros(len(scale)), scale, self._idle), basis[:, used]

    def rows(self, index):
        rows = self.X[index]  # few, in this process
        rows = rows.tocsr() if self.is_sparse else np.asarray(rows)
        return self._part(rows, self.centre, self.scale, np.asarray(self._idle[index]))

    def by_rows(self):
        """The same matrix, of which rows are cheap to take."""
        if not self.is_sparse or self.X.format == "csr":
            return self
        return self._part(self.X.tocsr(), *self._geometry, self._idle)

    def with_means(self, index, means):
        """The rows ``index`` in float64, and below them others that are centred already, such as
        means."""
        rows, others = self.rows(index).X, means + self.centre
        if self.is_sparse:
            X = sparse.vstack([rows.astype(float), sparse.csr_array(others)], format="csr")
        else:
            X = np.concatenate([rows, others])
        return self._part(X, self.centre, self.scale, np.zeros(X.shape[0], dtype=bool))

    def stacked(self, parts, passes):
        """The rows of several matrices with these columns, this one among them."""
        centres = np.array([part.centre for part in parts])
        most = np.abs(centres).argmax(axis=0)
        centre = centres[most, np.arange(centres.shape[1])]  # where the means were not taken out
        blocks = [part._with_centre(centre) for part in parts]
        X = sparse.vstack(blocks, format="csr") if self.is_sparse else np.concatenate(blocks)
        whole = self._part(X, centre, self.scale, np.concatenate([part._idle for part in parts]))
        whole.passes = passes
        return whole

    def _with_centre(self, centre):
        """X such that ``X - 1 centre'`` is what it is now; sparse columns that change are full."""
        back = (centre - self.centre).astype(self.X.dtype)
        if not back.any():
            return self.X
        if not self.is_sparse:
            return self.X + back
        X = self.X.tocsr(copy=True)
        X.data += back[X.indices]
        return X

    def columns(self, index):
        if self.is_sparse and self.X.format != "csc":
            self.X = self.X.tocsc()  # once: column slices of CSR would cost a pass each
        centre, scale = self.centre[index], self.scale[index]
        if self.is_sparse:
            return self._part(self.X[:, index], centre, scale, self._idle)
        X = self._taken(index)
        taken = centre.astype(X.dtype)
        if taken.any():
            X -= taken  # once, for all later uses
        return self._part(X, centre - taken, scale, self._idle)

    @property
    def n_stored(self):
        """Number of stored entries: the cost of a pass."""
        return self.X.nnz if self.is_sparse else self.X.size

    @property
    def row_product_cost(self):
        """Entries read in a pass that take as long as a row's outer product in a Gram, about."""
        return min(self._row_product_costs)

    @property
    def _row_product_costs(self):
        """The same by the stored entries, and by a dense copy of some rows after the other."""
        p, stored = self.shape[1], self.X.nnz / max(1, len(self)) if self.is_sparse else np.inf
        # Products of matrices use a processor so much better than passes, which wait for memory.
        return 5.0 * stored**2 + 40.0 * stored, p**2 / 16.0 + 5.0 * p

    def _read(self):
        self.passes.read(self.n_stored)

    def __len__(self):
        return self.X.shape[0]

    @property
    def is_sparse(self):
        # An array of numpy is told at once; what is sparse, only by a list of abstract classes.
        return not isinstance(self.X, np.ndarray) and sparse.issparse(self.X)

    @property
    def inverse_scale(self):
        """Reciprocals of the scales; 0 for constant columns."""
        return np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=~self._constant)

    def row_sizes(self, index):
        """Sums of squares of the rows' entries in units of the columns' scales, (n,).

        Sparse rows are not centred, and cheapest all together.
        """
        self.passes.read(self.n_stored * len(index) / max(1, len(self)))
        inverse = self.inverse_scale
        if self.is_sparse:
            return (self.X.astype(float, copy=False).power(2) @ inverse**2)[index]
        size = np.empty(len(index))
        for block in row_blocks(len(index), self.shape[1]):
            rows = self.X[index[block]].astype(float, copy=False)
            rows -= self.centre
            rows *= inverse
            size[block] = np.einsum("ij,ij->i", rows, rows)
        return size

    def standardised_rows(self, index):
        """Rows in units of the columns' scales, for distances; sparse stays sparse."""
        self.passes.read(self.n_stored * len(index) / max(1, len(self)))
        inverse = self.inverse_scale
        if self.is_sparse:
            rows = sparse.csr_array(self.X.tocsr()[index] @ sparse.diags_array(inverse))
            rows.sort_indices()  # scikit-learn's sparse distances expect it
            return rows
        rows = np.asarray(self.X[index]) - self.centre
        rows *= inverse
        return rows

    def _taken(self, index):
        """A copy of some columns of a dense X, column by column in memory: by blocks of rows, or
        each column would read all of the cache's lines anew."""
        taken = np.empty((len(index), len(self)), self.X.dtype, like=self.X)
        for block in self._row_blocks(least=LEAST_COPIED):
            taken[:, block] = self.X[block].T[index]
        return taken.T

    def dense_columns(self, index):
        """A copy of some columns, column by column in memory; those of a dense X centred."""
        self.passes.read(self.n_stored * len(index) / max(1, self.shape[1]))
        if self.is_sparse:
            columns = np.asfortranarray(self.X.tocsc()[:, index].toarray(), dtype=float)
        else:
            columns = np.asarray(self._taken(index)).astype(float, copy=False)
            if (centre := self.centre[index]).any():
                columns -= centre
        if self._any_constant:
            columns[:, self._constant[index]] = 0.0
        return columns


def _centre_full_columns(X, centre, scale):
    """Take the means out of full columns of a sparse X that lie far from 0, in a copy.

    Only a column without zeros can lie farther from 0 than it is wide by more than the square root
    of the number of rows. Differences are exact of numbers between half and twice the mean
    (Sterbenz, 1974); where rows of little weight lie elsewhere, a column stays as it is.
    """
    far = full_columns(X) & (np.abs(centre) > FAR[np.dtype(np.float32)] * scale) & (scale > 0)
    if not far.any():
        return X, centre
    taken = centre.astype(X.dtype)
    ends = np.array([end(axis=0).toarray().ravel() for end in (X.min, X.max)])
    is_near = (np.abs(ends - 1.25 * taken) <= 0.75 * np.abs(taken)).all(axis=0)
    taken[~(far & is_near)] = 0.0
    _, columns = entries(X)
    data = X.data - taken[columns]
    return type(X)((data, X.indices, X.indptr), shape=X.shape), centre - taken
