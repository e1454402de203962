"""Triangular factors of the rows themselves: twice the digits that a Gram matrix keeps.

``A'A`` has the square of A's condition number. Where that uses up a float's digits, R with
``R'R = A'A`` is found by Householder reflections of blocks of A's rows (Golub and Van Loan, 2013,
section 5.2; Demmel, Grigori, Hoemmen and Langou, 2012): no copy of A, about four times the work.
"""

import numpy as np
from scipy.linalg import qr

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


class RankRevealing:
    """``R = Q S P'`` of numerical rank r, by pivoted reflections (Businger and Golub, 1965).

    Parameters
    ----------
    factor : ndarray of shape (n_rows, n_columns)
        Its columns have about the same size.
    rounding : float
        Share of the largest pivot up to which a pivot is rounding.

    Attributes
    ----------
    rank : int
    """

    def __init__(self, factor, rounding):
        self._basis, triangle, self._order = qr(factor, mode="economic", pivoting=True)
        sizes = np.abs(triangle.diagonal())
        self.rank = int(np.count_nonzero(sizes > rounding * sizes.max(initial=0.0)))
        self._basis, self._triangle = self._basis[:, : self.rank], triangle[: self.rank]

    @property
    def rows(self):
        """Matrix of full row rank, (rank, n_columns), with the same Gram matrix."""
        rows = np.empty_like(self._triangle)
        rows[:, self._order] = self._triangle
        return rows

    def coordinates(self, right):
        """``Q' right``: what of right sides the columns can explain."""
        return self._basis.T @ right

    def explained(self, coordinates):
        """``Q coordinates``: the right sides that the columns explain."""
        return self._basis @ coordinates
