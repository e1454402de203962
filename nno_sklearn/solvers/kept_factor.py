"""A factor of some coefficients' matrix that serves others, most of which are the same."""

import numpy as np

from nno_sklearn.rows.cholesky import ScaledCholesky

#: Columns that may be halved for the sake of one factor, as a share of its own: together they take
#: less time than another.
MOST_CHANGED = 0.2
#: Pivots below which updates may lose digits that a factor of its own has.
SAFE = 1e-6


class KeptFactor:
    """The factor ``L L'`` of a part of a matrix, for solutions with parts that differ by few.

    Those that leave are constraints ``v_j = 0``, which take a direction from the space of ``L' v``;
    those that join have a Schur complement (a bordered system; Golub and Van Loan, 2013, 4.2).

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    index : ndarray of shape (m,)
        The part's coefficients.
    ridge : float or ndarray of shape (m,)
        What is added to its diagonal.
    factor : ScaledCholesky
        Of the part, the ridge included, with pivots of at least :data:`SAFE`.
    """

    def __init__(self, matrix, index, ridge, factor):
        self._matrix, self._index, self._factor = matrix, index, factor
        self._ridge = np.broadcast_to(ridge, len(index))
        self._place = np.full(len(matrix), -1)
        self._place[index] = np.arange(len(index))
        most = int(MOST_CHANGED * len(index))
        self._halves, self._n_halves = np.empty((len(index), most), order="F"), 0
        #: The column of ``L^-1`` times the matrix's, and of ``L^-1`` itself, of each coefficient.
        self._of_joined, self._of_left = np.full((2, len(matrix)), -1)

    def part(self, index, ridge):
        """The model of the coefficients ``index``; None where a factor of its own is better."""
        place = self._place[index]
        joins, ridge = place < 0, np.broadcast_to(ridge, len(index))
        if not np.array_equal(ridge[~joins], self._ridge[place[~joins]]):
            return None
        has_left = np.ones(len(self._index), dtype=bool)
        has_left[place[~joins]] = False
        joined = self._known(self._of_joined, index[joins], self._matrix_columns)
        left = self._known(self._of_left, self._index[has_left], self._unit_columns)
        if joined is None or left is None:
            return None
        new = index[joins]
        inner = self._matrix[new[:, None], new]
        inner[np.diag_indices_from(inner)] += ridge[joins]
        part = ChangedPart(self._factor, place, joined, left, inner)
        return part if part.is_safe else None

    def _known(self, where, coefficients, columns):
        """Halved columns of these coefficients, of which some may be known; None if too many."""
        new = coefficients[where[coefficients] < 0]
        end = self._n_halves + len(new)
        if end > self._halves.shape[1]:
            return None
        if len(new):
            self._halves[:, self._n_halves : end] = self._factor.halve(columns(new))
            where[new] = np.arange(self._n_halves, end)
            self._n_halves = end
        return self._halves[:, where[coefficients]]

    def _matrix_columns(self, coefficients):
        return self._matrix[coefficients].take(self._index, axis=1).T  # it is symmetric

    def _unit_columns(self, coefficients):
        columns = np.zeros((len(self._index), len(coefficients)), order="F")
        columns[self._place[coefficients], np.arange(len(coefficients))] = 1.0
        return columns


class ChangedPart:
    """The model of a part by the factor of another.

    Parameters
    ----------
    factor : ScaledCholesky
        Of m coefficients.
    place : ndarray of int, of shape (n,)
        Where the part's coefficients are among these; -1 for those that joined.
    joined, left : ndarray of shape (m, n_joined), (m, n_left)
        Halved columns of the matrix and of the identity.
    inner : ndarray of shape (n_joined, n_joined)
        The matrix by those that joined, ridge included.
    """

    def __init__(self, factor, place, joined, left, inner):
        self._factor, self._joins, self._place = factor, place < 0, place[place >= 0]
        self._basis = np.linalg.qr(left)[0]
        self._joined = self._without_left(joined)
        own = inner.diagonal()
        self._inner = ScaledCholesky(inner - self._joined.T @ self._joined, 0.0)
        left_open = self._inner.pivots * (own - np.einsum("ij,ij->j", self._joined, self._joined))
        self.is_safe = bool((left_open >= SAFE * own).all())
        #: As all pivots are large.
        self.is_dependent = np.zeros(len(place), dtype=bool)

    def _without_left(self, half):
        return half - self._basis @ (self._basis.T @ half)

    def _split(self, right):
        """``right`` at the factor's coefficients, and at those that joined."""
        inside = np.zeros((len(self._basis), *right.shape[1:]))
        inside[self._place] = right[~self._joins]
        return inside, right[self._joins]

    def solve(self, right):
        inside, new = self._split(right)
        half = self._without_left(self._factor.halve(inside))
        solution = np.empty_like(right)
        at_new = self._inner.solve(new - self._joined.T @ half) if len(new) else new
        solution[self._joins] = at_new
        solution[~self._joins] = self._factor.undo(half - self._joined @ at_new)[self._place]
        return solution

    def squares(self, moved):
        """``m' H m`` of each column m."""
        inside, new = self._split(moved)
        image = self._factor.apply(inside) + self._joined @ new
        inner = self._inner.apply(new)
        return np.einsum("jk,jk->k", image, image) + np.einsum("jk,jk->k", inner, inner)
