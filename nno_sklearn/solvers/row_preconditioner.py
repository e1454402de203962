"""The Hessian's factor made of the rows, where rows and coefficients are few."""

import numpy as np
from scipy.linalg import qr, solve_triangular

from nno_sklearn.rows.triangular import RankRevealing
from nno_sklearn.solvers.models import OPEN


class RowPreconditioner:
    """Second derivatives of F, factored without the Gram matrix that squares their condition.

    Nearly collinear columns keep their digits. Without a penalty, columns that differ from others
    by rounding alone stay as they are.

    Parameters
    ----------
    point : Point
    curvature : RowCurvature
        Of the rows.
    free : ndarray of bool of shape (n_features, n_outputs)
        Coefficients that may move.
    """

    is_hessian = True

    def __init__(self, point, curvature, free):
        problem, self._parts = point.problem, []
        smooth = problem.alpha * problem.penalty.curvature(point.coef).ravel()
        # Coupled outputs may move together, which changes no prediction: only a penalty may care.
        self._is_shared = not (problem.rows.is_separate or smooth.any())
        if not smooth.any():
            free = free & _tells_apart(problem, free.any(axis=1))[:, None]
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
        """Without what the outputs share."""
        return gradient - gradient.mean(axis=1, keepdims=True) if self._is_shared else gradient


def _tells_apart(problem, features):
    """Which of these columns are no combination of the others, up to rounding."""
    index = np.flatnonzero(features & (problem.scale > 0))
    factor = problem.rows.columns(index).factor()
    told = np.zeros(len(features), dtype=bool)
    told[index[RankRevealing(factor, problem.rows.rounding).independent]] = True
    return told


def _scaled_factor(rows, smooth):
    """Reciprocals of the coefficients' sizes, and the factor in their units."""
    size = np.sqrt(np.einsum("ij,ij->j", rows, rows) + smooth)
    inverse = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    bent = np.vstack([rows * inverse, np.diag(np.sqrt(smooth * inverse**2 + OPEN))])
    return inverse, qr(bent, mode="r", check_finite=False)[0][: len(inverse)]
