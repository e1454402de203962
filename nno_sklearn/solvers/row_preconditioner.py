"""The Hessian's factor by QR of the rows, where rows and coefficients are few."""

import numpy as np
from scipy.linalg import qr, solve_triangular

from nno_sklearn.problem import tells_apart
from nno_sklearn.rows.triangular import RankRevealing
from nno_sklearn.solvers.models import OPEN


class RowPreconditioner:
    """The Hessian of F, factored without the Gram matrix, which would square the condition number.

    Exact for nearly collinear columns too. Without a penalty, coefficients of columns that are
    combinations of others up to rounding do not move.

    Parameters
    ----------
    point : Point
    curvature : RowCurvature
        Curvature of the rows.
    free : ndarray of bool of shape (n_features, n_outputs)
        Coefficients that may move.
    """

    is_hessian = True

    def __init__(self, point, curvature, free):
        problem, self._parts = point.problem, []
        smooth = problem.alpha * problem.penalty.curvature(point.coef).ravel()
        # Adding a constant to all coupled outputs changes no prediction, only a penalty.
        self._is_shared = not (problem.rows.is_separate or smooth.any())
        if not smooth.any():
            free = free & _independent(problem, free.any(axis=1))[:, None]
        position = np.arange(free.size).reshape(free.shape)
        for block in position.T if problem.rows.is_separate else [position.T.ravel()]:
            index = block[free.ravel()[block]]
            if len(index):
                feature, output = np.divmod(index, problem.n_outputs)
                rows = problem.rows.hessian_root(curvature, feature, output)
                self._parts.append((index, *_scaled_factor(rows, smooth[index])))

    def solve(self, gradient):
        gradient, result = self._own(gradient), np.zeros(gradient.size)
        flat = gradient.ravel()
        for index, inverse, factor in self._parts:
            half = solve_triangular(factor, inverse * flat[index], trans="T", check_finite=False)
            result[index] = inverse * solve_triangular(factor, half, check_finite=False)
        return self._own(result.reshape(gradient.shape))

    def _own(self, gradient):
        """Minus the mean over the outputs, where they share it."""
        return gradient - gradient.mean(axis=1, keepdims=True) if self._is_shared else gradient


def _independent(problem, features):
    """A maximal set of these columns that is linearly independent up to rounding; a mask."""
    used = features & (problem.scale > 0)
    if problem.n_samples > problem.n_features and tells_apart(problem):
        return used
    index = np.flatnonzero(used)
    columns = problem.rows.columns(index)
    mask = np.zeros(len(features), dtype=bool)
    mask[index[RankRevealing(columns.factor(), columns.rounding).independent]] = True
    return mask


def _scaled_factor(rows, smooth):
    """Inverse norms of the columns with their ridge, and the factor of the scaled columns."""
    size = np.sqrt(np.einsum("ij,ij->j", rows, rows) + smooth)
    inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    stacked = np.vstack([rows * inverse, np.diag(np.sqrt(smooth * inverse**2 + OPEN))])
    return inverse, qr(stacked, mode="r", check_finite=False)[0][: len(inverse)]
