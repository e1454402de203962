"""Newton's method on a quadratic model with a penalty that is not convex."""

import numpy as np

from nno_sklearn.problem.cost import fits_matrix
from nno_sklearn.rows.cholesky import Cholesky
from nno_sklearn.solvers.models import block_product

MAX_STEPS = 5


def newton_on_support(point, blocks, v):
    """Newton's steps from v among its nonzero coefficients, as long as they lower the model.

    A tangent of the penalty leaves out how its slope falls; that makes steps on it converge at a
    constant rate only. These end at a stationary point of the model, once each coefficient is on
    its piece of the penalty.

    Parameters
    ----------
    point : Point
        Where the model is made.
    blocks : list of (index, matrix)
        The blocks of its Hessian.
    v : ndarray of shape (n_features, n_outputs)

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
        v itself where the model is not convex around it, or a step changes signs.
    """
    if any(matrix is None for _, matrix in blocks):
        return v
    slope, value = _model(point, blocks, v)
    for _ in range(MAX_STEPS):
        new = _step(point, blocks, v, slope)
        if new is None:
            break
        slope, below = _model(point, blocks, new)
        if not below < value:
            break
        v, value = new, below
    return v


def _model(point, blocks, v):
    """The model's slope, without the penalty, and its value."""
    moved, gradient, problem = v - point.coef, point.data_gradient, point.problem
    product = block_product(blocks, moved)
    value = np.vdot(gradient + 0.5 * product, moved) + problem.alpha * problem.penalty.value(v)
    return gradient + product, value


def _step(point, blocks, v, slope):
    """Where Newton's step leads; None where the model is not convex, or signs would change."""
    problem = point.problem
    if problem.penalty.group_norms(v) is not None:
        return _step_of_groups(problem, blocks, v, slope)
    penalty, alpha = problem.penalty, problem.alpha
    terms = penalty.piecewise_quadratic(v)
    right = (slope + alpha * (terms.l1 * np.sign(v) + terms.l2 * v)).ravel()
    ridge = np.broadcast_to(alpha * (terms.l2 - penalty.concavity(v)), v.shape).ravel()
    new = v.copy().ravel()
    for index, matrix in blocks:
        used = np.flatnonzero(new[index])
        if not len(used):
            continue
        part = matrix.take(used, axis=0).take(used, axis=1)
        part[np.diag_indices_from(part)] += ridge[index[used]]
        try:
            new[index[used]] -= Cholesky(part).solve(right[index[used]])
        except np.linalg.LinAlgError:
            return None
    new = new.reshape(v.shape)
    return new if np.array_equal(np.sign(new), np.sign(v)) else None


def _step_of_groups(problem, blocks, v, slope):
    """The same where the penalty is one of the norms of groups, which may tie the blocks."""
    penalty, alpha, flat = problem.penalty, problem.alpha, v.ravel()
    used = np.flatnonzero(flat)
    if not len(used) or not fits_matrix(len(used)):
        return None
    place = np.full(flat.size, -1)
    place[used] = np.arange(len(used))
    matrix = np.zeros((len(used), len(used)))
    for index, block in blocks:
        own = np.flatnonzero(place[index] >= 0)
        at = place[index[own]]
        matrix[np.ix_(at, at)] = block.take(own, axis=0).take(own, axis=1)
    norms = penalty.group_norms(v)
    rate, unit = norms.rates(v)
    rate, unit = np.broadcast_to(rate, v.shape).ravel()[used], unit.ravel()[used]
    fall = np.broadcast_to(penalty.concavity(v), v.shape).ravel()[used]
    # A norm is curved by its rate across its group's direction, and by minus the fall along it.
    group = np.repeat(norms.labels, v.shape[1])[used]
    along = np.where(group[:, None] == group, (rate + fall)[:, None] * np.outer(unit, unit), 0.0)
    matrix += alpha * (np.diag(rate) - along)
    try:
        step = Cholesky(matrix).solve(slope.ravel()[used] + alpha * rate * flat[used])
    except np.linalg.LinAlgError:
        return None
    new = flat.copy()
    new[used] -= step
    return new.reshape(v.shape)
