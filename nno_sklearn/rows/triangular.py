"""Triangular factors of the rows themselves: twice the digits that a Gram matrix keeps.

``A'A`` has the square of A's condition number. Where that uses up a float's digits, R with
``R'R = A'A`` is found by Householder reflections of blocks of A's rows (Golub and Van Loan, 2013,
section 5.2; Demmel, Grigori, Hoemmen and Langou, 2012): no copy of A, about four times the work.
"""

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dpstrf

#: Pivot of a unit-diagonal Gram's factor beyond which the Gram's rounding changes no tenth digit of
#: what is computed with it.
SAFE_PIVOT = 1e-3


def triangular_factor(blocks, n_columns):
    """Upper triangular R with ``R'R = A'A``, of an A that comes in blocks of rows.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_rows, n_columns)
    n_columns : int

    Returns
    -------
    ndarray of shape (at most n_columns, n_columns)
    """
    factor = np.empty((0, n_columns))
    for block in blocks:
        factor = np.linalg.qr(np.vstack([factor, block]), mode="r")
    return factor


def pivoted_factor(gram):
    """Cholesky factor, with pivots, of a Gram matrix whose columns are scaled to unit size.

    Parameters
    ----------
    gram : ndarray of shape (n_columns, n_columns)

    Returns
    -------
    factor : ndarray of shape (rank, n_columns)
        Upper triangular.
    order : ndarray of shape (n_columns,)
        Which column each of the factor's belongs to.
    scale : ndarray of shape (n_columns,)
        Sizes of the columns.
    is_safe : bool
        Whether digits enough are left, which a Gram matrix squares away where columns are nearly
        collinear.
    """
    scale = np.sqrt(gram.diagonal())
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    factor, pivots, rank, _ = dpstrf(gram * np.outer(inverse, inverse))
    factor = np.triu(factor)[:rank]
    is_safe = rank == np.count_nonzero(scale) and bool((factor.diagonal() > SAFE_PIVOT).all())
    return factor, pivots - 1, scale, is_safe


class RankRevealing:
    """``R = Q S P'`` of numerical rank r, by pivoted reflections (Businger and Golub, 1965).

    Parameters
    ----------
    factor : ndarray of shape (n_rows, n_columns)
        Its columns have about the same size.
    rounding : float or ndarray of shape (n_columns,)
        Share of the largest column's size up to which what is left of a column is rounding. Columns
        that are known better come first, and explain the others.

    Attributes
    ----------
    rank : int
    """

    def __init__(self, factor, rounding):
        n_rows, n_columns = factor.shape
        self._noise = np.broadcast_to(rounding, n_columns)
        if factor.size:
            known = factor / self._noise
            self._basis, triangle, self._order = qr(known, mode="economic", pivoting=True)
        else:  # which LAPACK refuses
            self._basis, triangle = np.empty((n_rows, 0)), np.empty((0, n_columns))
            self._order = np.arange(n_columns)
        sizes = np.abs(triangle.diagonal())
        largest = np.sqrt(np.einsum("ij,ij->j", factor, factor).max(initial=0.0))
        self.rank = int(np.count_nonzero(sizes > largest))
        self._basis, self._triangle = self._basis[:, : self.rank], triangle[: self.rank]

    @property
    def rows(self):
        """Matrix of full row rank, (rank, n_columns), with the same Gram matrix."""
        rows = np.empty_like(self._triangle)
        rows[:, self._order] = self._triangle * self._noise[self._order]
        return rows

    @property
    def independent(self):
        """Numbers of columns of full rank, of which the others are combinations."""
        return self._order[: self.rank]

    def coordinates(self, right):
        """``Q' right``: what of right sides the columns can explain."""
        return self._basis.T @ right

    def explained(self, coordinates):
        """``Q coordinates``: the right sides that the columns explain."""
        return self._basis @ coordinates
