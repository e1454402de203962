"""Factors and inverses of symmetric matrices.

numpy and scipy may each bring a BLAS with threads of its own, and threads that wait for more work
take the other's processors. So numpy does whatever is worth threads, and scipy what needs none.
"""

import numpy as np
from scipy.linalg.blas import dtrsm, dtrsv
from scipy.linalg.lapack import dpotrf, dpotrs

#: Size of a matrix up to which a factor takes less time than numpy's steps around it.
FEW_COLUMNS = 64
#: Share of the largest eigenvalue up to which one is 0; and how many roundings of it are.
NULL, ROUNDINGS = 1e-10, 8
TINY = np.finfo(float).tiny


class TriangularFactor:
    """A factor ``L L'`` of a positive definite matrix.

    Parameters
    ----------
    upper : ndarray of shape (n, n), column by column in memory
        ``L'``, up to the signs of its rows.

    Attributes
    ----------
    pivots : ndarray of shape (n,)
        Squares of the diagonal: what the columns before it leave open of each.
    """

    def __init__(self, upper):
        self._upper = upper
        self.pivots = upper.diagonal() ** 2

    def solve(self, right):
        """``(L L')^-1 right``, of a vector or of each column."""
        return dpotrs(self._upper, right)[0]

    def halve(self, right):
        """``L^-1 right``, of a vector or of each column, whose squares are those of ``right`` in
        the inverse."""
        if right.ndim == 1:
            return dtrsv(self._upper, right, trans=1)
        return dtrsm(1.0, self._upper, right, trans_a=1)

    def shares(self, j):
        """What of the columns before j gives the best combination for column j, (j,)."""
        return dtrsv(self._upper[:j, :j], self._upper[:j, j])

    def apply(self, vectors):
        """``L' vectors``, whose lengths are those of ``vectors`` in the matrix's metric."""
        return self._upper @ vectors

    def undo(self, image):
        """The vectors that :meth:`apply` takes to ``image``, a vector or each column."""
        return dtrsv(self._upper, image) if image.ndim == 1 else dtrsm(1.0, self._upper, image)


class Cholesky(TriangularFactor):
    """The factor of a matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """

    def __init__(self, matrix):
        if len(matrix) > FEW_COLUMNS:
            super().__init__(np.linalg.cholesky(matrix).T)  # column by column in memory
            return
        upper, failed = dpotrf(matrix)
        if failed:
            raise np.linalg.LinAlgError("The matrix is not positive definite.")
        super().__init__(upper)


def invert(matrix):
    """Pseudo-inverse of a curvature by the intercept: 0 in its null space, such as a
    shift of all of a softmax's outputs; NaN of one that overflows, for a line search to see."""
    if len(matrix) == 1:
        number = matrix[0, 0]
        return np.array([[1.0 / number if TINY < number < np.inf else 0.0 * number]], matrix.dtype)
    if not np.isfinite(matrix).all():
        return np.full_like(matrix, np.nan)
    diagonal = matrix.diagonal()
    if np.count_nonzero(matrix) == np.count_nonzero(diagonal):
        is_curved = diagonal > TINY
        return np.diag(np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=is_curved))
    values, vectors = np.linalg.eigh(matrix)  # numpy's pinv takes four times as long
    size, share = np.abs(values), max(NULL, ROUNDINGS * np.finfo(values.dtype).eps)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=size > share * size.max())
    return (inverse * vectors) @ vectors.T


class ScaledCholesky:
    """Factor of ``matrix + diag(diagonal)``, scaled to a unit diagonal.

    The scaling makes the factor as good for columns of size 1e-6 as for 1e6. The null
    space gets a little curvature, more if rounding left the matrix indefinite.

    Attributes
    ----------
    pivots : ndarray of shape (n,)
        Share of a column's curvature that the columns before it leave open; near the precision of
        the numbers, a solution has no digits.
    """

    def __init__(self, matrix, diagonal):
        total = matrix.diagonal() + diagonal
        self._size = np.sqrt(np.maximum(total, 0.0))
        self._scaling = 1.0 / np.where(self._size > 0, self._size, np.inf)
        scaled = matrix * self._scaling
        scaled *= self._scaling[:, None]
        ridge = 1e-13
        while True:
            scaled.flat[:: len(scaled) + 1] = 1.0 + ridge
            try:
                self._factor = Cholesky(scaled)
                self.pivots = self._factor.pivots
                return
            except np.linalg.LinAlgError:
                ridge *= 100

    def solve(self, right):
        """``(matrix + diag(diagonal))^-1 right``, of a vector or of each column."""
        return (self._scaling * self._factor.solve((self._scaling * right.T).T).T).T

    def halve(self, right):
        """See :meth:`TriangularFactor.halve`."""
        return self._factor.halve((self._scaling * right.T).T)

    def apply(self, vectors):
        """See :meth:`TriangularFactor.apply`."""
        return self._factor.apply((self._size * vectors.T).T)

    def undo(self, image):
        """See :meth:`TriangularFactor.undo`."""
        return (self._scaling * self._factor.undo(image).T).T

    def combination(self, j):
        """The columns up to j, of which the others are taken out, as weights, (j + 1,)."""
        shares = self._factor.shares(j) * self._scaling[:j]
        return np.append(-shares / self._scaling[j], 1.0)
