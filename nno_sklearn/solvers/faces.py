"""Newton's method on a face: among the coefficients where a penalty with kinks is linear."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from nno_sklearn.solvers.models import block_product

#: Times that a step is halved until the model falls, and curvature added to it, relative to it.
SHORTENINGS, RIDGE = 6, 1e-13
EPS = np.finfo(float).eps


def newton_on_face(point, blocks, v):
    """The minimum of a quadratic model on the face of v, as far as the model falls on the way.

    Parameters
    ----------
    point : Point
        Where the model is made; see :func:`nno_sklearn.solvers.quadratic.minimise_model`.
    blocks : list of (index, matrix)
    v : ndarray of shape (n_features, n_outputs)

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
        v itself where there is no step.
    """
    penalty, alpha = point.problem.penalty, point.problem.alpha
    face = penalty.face(v)
    slope = point.data_gradient + block_product(blocks, v - point.coef)
    step = _step(face, blocks, slope, alpha)
    if step is None:
        return v
    before = penalty.value(v)
    for halvings in range(SHORTENINGS):
        new = face.project(v + 0.5**halvings * step)  # each piece at one size, without rounding
        moved, value = new - v, penalty.value(new)
        rise = np.vdot(slope + 0.5 * block_product(blocks, moved), moved)
        if rise + alpha * (value - before) <= EPS * alpha * before:
            return new
    return v


def _step(face, blocks, slope, alpha):
    """Newton's step on the face, or None."""
    step = np.zeros(slope.size)
    for index, matrix in blocks:
        part = face.basis[index]
        pieces = np.unique(part.indices)
        if not len(pieces):
            continue
        part = part[:, pieces]
        reduced = part.T @ (part.T @ matrix).T
        reduced[np.diag_indices_from(reduced)] *= 1.0 + RIDGE
        right = part.T @ slope.ravel()[index] + alpha * face.slopes[pieces]
        try:
            factor = cho_factor(reduced, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        step[index] = part @ -cho_solve(factor, right, check_finite=False)
    step = step.reshape(slope.shape)
    return step if step.any() and np.isfinite(step).all() else None
