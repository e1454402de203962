"""Quadratic models of a data loss: by the Gram matrix, or by the rows where that is too inexact."""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.linalg import qr, solve_triangular
from scipy.sparse.linalg import eigsh

from nno_sklearn.problem.hessian import few_rows_curvature, rounded_curvature
from nno_sklearn.rows.cholesky import Cholesky, ScaledCholesky, TriangularFactor
from nno_sklearn.rows.triangular import triangular_factor
from nno_sklearn.solvers.kept_factor import SAFE, KeptFactor

#: Pivot of a scaled Gram matrix below which its rounding errors matter.
DOUBTFUL = 1e-11
#: Curvature in the null space of the rows, relative to each column's own.
OPEN = 1e-18
#: Size of a matrix up to which its largest eigenvalue comes from all, and the accuracy beyond.
FEW_EIGENVALUES, EIGENVALUE_TOL = 300, 1e-3
#: Share of the coefficients up to which it takes less time to copy their columns than to read all.
FEW_MOVED = 0.3
#: Coefficients from which on a factor takes longer than updates of another in Python.
WORTH_KEEPING = 200
#: Rounds within which the gap must fall to this share, or the search ends.
PATIENCE, WORTHWHILE = 20, 0.9


def block_product(blocks, d):
    """``H d`` of a block-diagonal H, for coefficients of any shape; 0 outside of the blocks."""
    flat, product = d.ravel(), np.zeros(d.size)
    for index, matrix in blocks:
        product[index] = matrix @ flat[index]
    return product.reshape(d.shape)


def _directions(index, unit, starts, n_coefs):
    """Directions with the entries ``unit`` at ``index``, (n_directions, n_coefs); sparse."""
    ends = np.append(starts, len(index))
    return sparse.csr_array((unit, index, ends), shape=(len(starts), n_coefs))


def free_shifts(problem, index, is_free):
    """Places in ``index`` of the coefficients of each feature that a penalty leaves free in all
    outputs that interact, (n_shifts, n_outputs): a softmax does not tell where they are together.

    Parameters
    ----------
    problem : Problem
    index : ndarray of int
        Numbers of a model's coefficients in ``coef.ravel()``.
    is_free : bool or ndarray that broadcasts to w's shape
    """
    n_outputs = problem.n_outputs
    if problem.rows.is_separate or not np.any(is_free):
        return np.zeros((0, n_outputs), dtype=int)
    place = np.full(problem.shape, -1)
    place.ravel()[index] = np.arange(len(index))
    is_whole = np.broadcast_to(is_free, problem.shape) & (place >= 0)
    return place[is_whole.all(axis=1)]


def curved_along(shifts, matrix):
    """A matrix with curvature along shifts of coefficients together, which its model does not tell:
    its minimum then does not lie far along them, for all that rounding says."""
    if len(shifts):
        matrix, n_outputs = matrix.copy(), shifts.shape[1]
        added = matrix.diagonal()[shifts].mean(axis=1) / n_outputs
        matrix[shifts[:, :, None], shifts[:, None, :]] += added[:, None, None]
    return matrix


def stands_still(gaps, patience=PATIENCE, worthwhile=WORTHWHILE):
    """Whether rounds no longer gain: by rounding, or as columns outside the set hold the gap up."""
    return len(gaps) > patience and min(gaps[-patience:]) > worthwhile * min(gaps[:-patience])


def model_gap(penalty, energy, v, slope, moved):
    """Duality gap of a quadratic model with a penalty, at coefficients and its slope there; see
    :func:`nno_sklearn.problem.certificate.dual_gap`.

    Parameters
    ----------
    penalty : GroupNorms or PiecewiseQuadratic
    energy : float
        Twice what the model's other terms are worth where it is made.
    v, slope : ndarray of shape (n_features, n_outputs)
        The slope is 0 where the penalty leaves a coefficient free.
    moved : float
        Inner product of the slopes here and there with the way that leads here.
    """
    scaling = penalty.dual_scaling(-slope)
    gap = penalty.value(v) + penalty.conjugate(-scaling * slope) + scaling * np.vdot(slope, v)
    return gap + 0.5 * (1.0 - scaling) ** 2 * max(energy + moved, 0.0)


def largest_eigenvalue(matrix):
    """A bound on the largest eigenvalue of a positive semidefinite matrix, near it."""
    n = len(matrix)
    if n <= FEW_EIGENVALUES:
        return np.linalg.eigvalsh(matrix)[-1]
    start = np.random.default_rng(0).normal(size=n)
    given = {"return_eigenvectors": False, "v0": start, "tol": EIGENVALUE_TOL}
    return (1 + 2 * EIGENVALUE_TOL) * eigsh(matrix, 1, **given)[0]


class IllConditionedError(ArithmeticError):
    """A Gram matrix is too ill-conditioned for a Newton step."""


class GramModel:
    """``d' H d / 2`` by the matrix H.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    rows_tell : callable, default says no
        Whether the rows tell from 0 a combination of coefficients that the matrix does not, (n,),
        given what its square would be without cancellation, and what refines it by the rows'
        product with it.
    """

    def __init__(self, matrix, rows_tell=lambda combination, size, refined: False):
        self.matrix, self._rows_tell = np.ascontiguousarray(matrix), rows_tell
        self.diagonal, self.rank = matrix.diagonal(), len(matrix)
        self._is_dependent, self._kept = np.zeros(len(matrix), dtype=bool), None

    def product(self, d):
        """``H d``."""
        return self.matrix @ d

    def part(self, index, ridge):
        """The model of some coefficients, with a ``ridge``, one or many, on its diagonal."""
        part = None if self._kept is None else self._kept.part(index, ridge)
        if part is None:
            part = _GramPart(self.matrix.take(index, axis=0).take(index, axis=1), ridge)
            if len(index) >= WORTH_KEEPING and part.factor.pivots.min() >= SAFE:
                self._kept = KeptFactor(self.matrix, index, ridge, part.factor)
        return part

    def pieces(self, face, ridge):
        """The model of the sizes of a face's pieces, with a ``ridge`` on its diagonal."""
        return _GramPart(face.sums(face.sums(self.matrix).T), ridge)

    def left(self, part, used, index, unit, starts):
        """Curvature along directions, the coefficients of a part at their best.

        Parameters
        ----------
        part : object or None
            Of the coefficients ``used``; None where these are none.
        used, index : ndarray of int
            In the same order; all that are used are in ``index``.
        unit : ndarray of shape (n,)
            Entries of the directions at ``index``; direction j has those from ``starts[j]`` on.
        starts : ndarray of shape (n_directions,)
        """
        directions = _directions(index, unit, starts, len(self.matrix))
        products = directions @ self.matrix
        whole = directions @ products.T
        if part is None:
            return whole
        inside = products[:, used].T
        return whole - inside.T @ part.solve(inside)

    def check(self, index, combination):
        """Raise :class:`IllConditionedError` where the rows tell more of a combination of the
        coefficients ``index``, the last of which depends on the others."""
        if self._is_dependent[index[-1]]:
            return
        whole = np.zeros(len(self.matrix))
        whole[index] = combination
        if self._rows_tell(whole, self.diagonal @ whole**2, partial(self._refined, index[:-1])):
            raise IllConditionedError
        self._is_dependent[index[-1]] = True

    def _refined(self, index, combination, product):
        """A combination without what rounding of the matrix made of it, by the rows' product with
        it: the coefficients ``index`` of the others are those that leave least."""
        refined = combination.copy()
        part = _GramPart(self.matrix.take(index, axis=0).take(index, axis=1), 0.0)
        refined[index] -= part.solve(product[index])
        return refined


class _GramPart:
    def __init__(self, matrix, ridge):
        self._matrix, self._ridge = matrix, ridge
        self.factor = ScaledCholesky(matrix, ridge)
        #: Which coefficients the matrix does not tell from combinations of those before them.
        self.is_dependent = self.factor.pivots < DOUBTFUL

    def squares(self, moved):
        """``m' H m`` of each column m, the ridge included."""
        return np.einsum("jk,jk->k", moved, self._matrix @ moved + (self._ridge * moved.T).T)

    def solve(self, right):
        return self.factor.solve(right)

    def combination(self, j):
        """Of coefficients up to j, 1 of that: where it depends on the others, of no curvature."""
        return self.factor.combination(j)


class RowsModel:
    """``|R d|^2 / 2`` by rows R with ``R'R = H``, whose condition number is the root of H's.

    Parameters
    ----------
    point : Point
    index : ndarray of shape (n,)
        Numbers of the coefficients in ``coef.ravel()``.
    shifts : ndarray of shape (n_shifts, n_outputs)
        See :func:`free_shifts`: along these there is some curvature.
    """

    def __init__(self, point, index, shifts):
        feature, output = np.divmod(index, point.problem.n_outputs)
        rows = point.problem.rows.hessian_root(point.curvature, feature, output)
        # A factor of each part is made from them, of which there may be dozens.
        self._rows = triangular_factor([rows], len(index)) if len(rows) > len(index) else rows
        if len(shifts):
            added = np.zeros((len(shifts), len(index)))
            size = np.linalg.norm(self._rows[:, shifts], axis=0) / shifts.shape[1]
            added[np.arange(len(shifts))[:, None], shifts] = size.mean(axis=1, keepdims=True)
            self._rows = np.vstack([self._rows, added])
        self.diagonal = np.einsum("ij,ij->j", self._rows, self._rows)

    def product(self, d):
        """``H d``."""
        return self._rows.T @ (self._rows @ d)

    def part(self, index, ridge):
        """The model of some coefficients, with a ``ridge``, one or many, on its diagonal."""
        return _RowsPart(self._rows[:, index], ridge)


class ThinModel:
    """``|R d|^2 / 2`` by rows R that are fewer than coefficients.

    A part is solved by the smaller of its matrices over coefficients and over rows.

    Parameters
    ----------
    point, index
        As of :class:`RowsModel`.
    l2 : float
        Curvature that each coefficient has besides.
    """

    def __init__(self, point, index, l2):
        self._l2 = l2
        feature, output = np.divmod(index, point.problem.n_outputs)
        problem = point.problem
        rows = problem.rows.hessian_root(few_rows_curvature(point), feature, output)
        self._columns = np.ascontiguousarray(rows.T)
        self.diagonal = np.einsum("ij,ij->i", self._columns, self._columns) + l2
        self._rounded = rounded_curvature(point.problem) * self.diagonal
        #: Least size of a matrix that stands for the model's.
        self.rank = len(rows)

    def product(self, d):
        """``H d``; a d of few coefficients costs hardly more than half of one of all."""
        used = np.flatnonzero(d.reshape(len(d), -1).any(axis=1))
        is_few = len(used) <= FEW_MOVED * len(d)
        # Products of few rows with many columns: BLAS is faster than with their transposed.
        image = d[used].T @ self._columns[used] if is_few else d.T @ self._columns
        return (image @ self._columns.T).T + self._l2 * d

    def part(self, index, ridge):
        """The model of some coefficients, with a ``ridge`` for each on its diagonal."""
        columns, ridge = self._columns[index], ridge + self._rounded[index]
        diagonal = ridge + self._l2
        # Without squares all of the diagonal, even where it is 0.
        share = ridge / diagonal if self._l2 else np.ones(len(index))
        is_wide = len(index) > columns.shape[1] and diagonal.all()
        return (_KernelPart if is_wide else _ColumnsPart)(columns, diagonal, share)

    def pieces(self, face, ridge):
        """See :meth:`GramModel.pieces`; without squares."""
        columns = face.sums(self._columns)
        diagonal = ridge + face.sums(face.signs.ravel() * self._rounded)
        is_wide = len(columns) > self.rank and diagonal.all()
        return (_KernelPart if is_wide else _ColumnsPart)(columns, diagonal, 1.0)

    def left(self, part, used, index, unit, starts):
        """See :meth:`GramModel.left`.

        Coefficients in use follow a direction but for the share that their ridge has of what is
        diagonal in their curvature; of that share the squares count, and what no combination of the
        rows in use tells.
        """
        share = np.ones(len(index))
        if part is not None:
            share[np.isin(index, used)] = part.ridge_share
        directions = _directions(index, share * unit, starts, len(self._columns))
        images = (directions @ self._columns).T
        whole = images.T @ images if part is None else part.left(images)
        whole[np.diag_indices_from(whole)] += self._l2 * np.add.reduceat(share * unit**2, starts)
        return whole


class _ColumnsPart:
    """By the matrix over coefficients."""

    def __init__(self, columns, diagonal, ridge_share):
        self._columns, self.ridge_share = columns, ridge_share
        self._factor = ScaledCholesky(columns @ columns.T, diagonal)

    def solve(self, right):
        return self._factor.solve(right)

    def left(self, images):
        inside = self._columns @ images
        return images.T @ images - inside.T @ self._factor.solve(inside)


class _KernelPart:
    """By the matrix over rows (Woodbury, 1950)."""

    def __init__(self, columns, diagonal, ridge_share):
        self._root, self.ridge_share = np.sqrt(diagonal), ridge_share
        self._scaled = columns / self._root[:, None]
        self._factor = _kernel_factor(self._scaled.T)

    def solve(self, right):
        plain = (right.T / self._root).T
        inner = self._factor.solve(self._scaled.T @ plain)
        return ((plain - self._scaled @ inner).T / self._root).T

    def left(self, images):
        half = self._factor.halve(images)
        return half.T @ half


class _RowsPart:
    def __init__(self, rows, ridge):
        self._plain, self._ridge = rows, ridge
        self.is_dependent = np.zeros(rows.shape[1], dtype=bool)  # as far as rows can tell
        size = np.sqrt(np.einsum("ij,ij->j", rows, rows) + ridge)
        self._inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        self._scaled = rows * self._inverse
        self._ridges = ridge * self._inverse**2 + OPEN
        n, p = rows.shape
        self._is_wide = p > n and bool(np.all(np.greater(ridge, 0)))
        if self._is_wide:
            self._factor = _kernel_factor(self._scaled / np.sqrt(self._ridges))
        else:
            stacked = np.vstack([self._scaled, np.diag(np.sqrt(self._ridges))])
            self._factor = qr(stacked, mode="r", check_finite=False)[0][:p]

    def squares(self, moved):
        image = self._plain @ moved
        ridges = (self._ridge * moved.T).T
        return np.einsum("ik,ik->k", image, image) + np.einsum("jk,jk->k", moved, ridges)

    def solve(self, right):
        right = (self._inverse * right.T).T
        if self._is_wide:  # Woodbury, 1950
            plain = (right.T / self._ridges).T
            inner = self._factor.solve(self._scaled @ plain)
            return (self._inverse * (plain.T - (self._scaled.T @ inner).T / self._ridges)).T
        half = solve_triangular(self._factor, right, trans="T", check_finite=False)
        return (self._inverse * solve_triangular(self._factor, half, check_finite=False).T).T


def _kernel_factor(rows):
    """Factor of ``rows rows' + I``; by a QR of the rows where the I is lost to rounding."""
    kernel = rows @ rows.T
    kernel[np.diag_indices_from(kernel)] += 1.0
    try:
        return Cholesky(kernel)
    except np.linalg.LinAlgError:
        upper = qr(np.vstack([rows.T, np.eye(len(rows))]), mode="r", check_finite=False)[0]
        return TriangularFactor(np.asfortranarray(upper[: len(rows)]))


class RowHessian:
    """A :class:`~nno_sklearn.problem.WorkingHessian` without matrices: the rows serve instead."""

    is_of_all_rows, has_matrices = True, False

    @staticmethod
    def blocks(point, columns, index=None):
        """Each output's coefficient numbers, and None for its matrix."""
        position = np.arange(point.coef.size).reshape(point.coef.shape)
        return [(position[:, k], None) for k in range(point.problem.n_outputs)]

    @staticmethod
    def learn(before, after):
        """Nothing: the rows are exact."""

    @staticmethod
    def expire():
        """False: there is no cached Hessian to renew."""
        return False
