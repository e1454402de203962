"""The inner problem of proximal Newton: a quadratic model plus a penalty with kinks."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from nno_sklearn.penalties import ElasticNet
from nno_sklearn.solvers.metric import ScaledCholesky, bent_diagonal

MAX_EPOCHS = 200
MAX_ACCELERATED_STEPS = 1000


def minimise_model(point, blocks, target_gap):
    """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)`` over v.

    Parameters
    ----------
    point : Point
        Gives w and the gradient g of the data loss.
    blocks : list of (index, matrix)
        The blocks of H.
    target_gap : float
        Accuracy that is worth reaching, in units of the objective.

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
    """
    if point.problem.is_smooth:
        solve = _newton
    else:
        solve = _elastic_net if isinstance(point.problem.penalty, ElasticNet) else _accelerated
    w, gradient = point.coef.ravel(), point.data_gradient.ravel()
    v = np.empty_like(w)
    for index, matrix in blocks:
        v[index] = solve(point, matrix, w[index], gradient[index], target_gap / len(blocks))
    return v.reshape(point.coef.shape)


def _newton(point, matrix, w, gradient, target_gap):
    penalty, alpha = point.problem.penalty, point.problem.alpha
    slope = gradient + alpha * penalty.gradient(w)
    diagonal = bent_diagonal(alpha * penalty.curvature(w), matrix.diagonal())
    return w - ScaledCholesky(matrix, diagonal).solve(slope)


def _elastic_net(point, matrix, w, gradient, target_gap):
    """scikit-learn's compiled coordinate descent on the Gram, then Newton on the support."""
    penalty, alpha = point.problem.penalty, point.problem.alpha
    linear = matrix @ w - gradient
    # The working response's squared norm: coordinate descent scales its tolerance by it.
    energy = 2 * point.data_loss + max(2 * linear @ w - w @ matrix @ w, 0.0)
    with warnings.catch_warnings():
        # A coarse answer is fine here: the outer loop measures the true objective.
        warnings.simplefilter("ignore", ConvergenceWarning)
        v = enet_path(
            np.zeros((1, len(w))),
            np.array([np.sqrt(energy)]),
            l1_ratio=penalty.l1_ratio,
            alphas=[alpha],
            precompute=np.ascontiguousarray(matrix),
            Xy=linear,
            coef_init=w.copy(),
            check_input=False,
            tol=max(target_gap / energy, 1e-10),
            max_iter=MAX_EPOCHS,
        )[1][:, 0]
    return _newton_on_support(matrix, linear, v, penalty, alpha)


def _newton_on_support(matrix, linear, v, penalty, alpha):
    """The exact optimum for the signs of ``v``, if it has these signs ("manifold Newton")."""
    support = np.flatnonzero(v)
    if not len(support):
        return v
    signs = np.sign(v[support])
    right = linear[support] - alpha * penalty.l1_ratio * signs
    inner = matrix[np.ix_(support, support)]
    exact = ScaledCholesky(inner, alpha * penalty.curvature(v[support])).solve(right)
    if (np.sign(exact) == signs).all():
        v = np.zeros_like(v)
        v[support] = exact
    return v


def _accelerated(point, matrix, w, gradient, target_gap):
    """Accelerated proximal gradient with restart, for any penalty with a prox."""
    penalty, alpha = point.problem.penalty, point.problem.alpha
    diagonal = np.maximum(matrix.diagonal(), 1e-300)
    scaling = 1 / np.sqrt(diagonal)
    largest = np.linalg.norm(scaling[:, None] * matrix * scaling, 2)
    step = 1 / (diagonal * max(largest, 1.0))
    v = ahead = w
    momentum = 1.0
    for _ in range(MAX_ACCELERATED_STEPS):
        slope = gradient + matrix @ (ahead - w)
        new = penalty.prox(ahead - step * slope, alpha * step)
        moved = new - v
        if (ahead - new) / step @ moved > 0:
            momentum = 1.0  # the momentum points uphill: restart (O'Donoghue and Candes, 2015)
        following = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
        ahead = new + (momentum - 1) / following * moved
        v, momentum = new, following
        if moved @ (moved / step) <= 0.01 * target_gap / MAX_EPOCHS:
            break
    return v
