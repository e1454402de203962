"""The inner problem of proximal Newton: a quadratic model plus a penalty with kinks."""

import warnings
from contextlib import suppress
from threading import Lock

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from nno_sklearn.solvers.cholesky import ScaledCholesky
from nno_sklearn.solvers.metric import bent_diagonal

#: Bursts of coordinate descent and their epochs.
MAX_BURSTS, EPOCHS = 10, 100
#: Share of the signs that may change in a burst for its support to be worth a factor.
STABLE = 0.1
MAX_ACCELERATED_STEPS = 1000


class _Quiet:
    """No convergence warnings inside, in any number of threads at once.

    The filters of warnings belong to all threads: the last one that leaves restores them. Other
    code may bring back old ones meanwhile; the next one that enters then sets these again.
    """

    def __init__(self):
        self._lock, self._inside, self._before, self._own = Lock(), 0, None, None

    def __enter__(self):
        with self._lock:
            if not self._inside or warnings.filters is not self._own:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._own = warnings.filters
            self._inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._inside -= 1
            if not self._inside and warnings.filters is self._own:
                self._before.__exit__(*error)


_quiet = _Quiet()


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
        solve = _elastic_net if point.problem.penalty.is_elastic_net else _accelerated
    w, gradient = point.coef.ravel(), point.data_gradient.ravel()
    v = np.empty_like(w)
    for index, matrix in blocks:
        v[index] = solve(point, matrix, w[index], gradient[index], target_gap / len(blocks))
    return v.reshape(point.coef.shape)


def _newton(point, matrix, w, gradient, target_gap):
    penalty, alpha = point.problem.penalty, point.problem.alpha
    column = w[:, None]  # penalties see two dimensions
    slope = gradient + alpha * penalty.gradient(column)[:, 0]
    diagonal = bent_diagonal(alpha * penalty.curvature(column)[:, 0], matrix.diagonal())
    return w - ScaledCholesky(matrix, diagonal).solve(slope)


def _elastic_net(point, matrix, w, gradient, target_gap):
    """Bursts of scikit-learn's compiled coordinate descent, each polished on its support."""
    penalty, alpha = point.problem.penalty, point.problem.alpha
    linear, matrix = matrix @ w - gradient, np.ascontiguousarray(matrix)
    # The working response's squared norm: coordinate descent scales its tolerance by it.
    energy = 2 * abs(point.data_loss) + max(2 * linear @ w - w @ matrix @ w, 0.0)
    v = w
    for _ in range(MAX_BURSTS):
        signs = np.sign(v)
        v, gap = _coordinate_descent(matrix, linear, v, penalty, alpha, energy, target_gap)
        if gap <= target_gap:
            break
        if np.count_nonzero(np.sign(v) != signs) <= STABLE * np.count_nonzero(v):
            v = _newton_on_support(matrix, linear, v, penalty, alpha)
    return v


def _coordinate_descent(matrix, linear, v, penalty, alpha, energy, target_gap):
    """A burst of epochs; returns the coefficients and their duality gap in the model."""
    while True:  # a warning that passes is an error where filters say so: then once more
        # A coarse answer is fine here: the outer loop measures the true objective.
        with suppress(ConvergenceWarning), _quiet, config_context(skip_parameter_validation=True):
            _, path, gaps = enet_path(
                np.zeros((1, len(v))),
                np.array([np.sqrt(energy)]),
                l1_ratio=penalty.l1_ratio,
                alphas=[alpha],
                precompute=matrix,
                Xy=linear,
                coef_init=v.copy(),
                check_input=False,
                tol=max(target_gap / energy, 1e-14),
                max_iter=EPOCHS,
            )
            return path[:, 0], gaps[0]


def _newton_on_support(matrix, linear, v, penalty, alpha):
    """A step to the optimum among the signs of ``v`` ("manifold Newton").

    Coefficients that would change their sign become 0: all of them at once if that lowers the
    model, else the first ones on the way.
    """
    support = np.flatnonzero(v)
    if not len(support):
        return v
    u, inner, right = v[support], matrix[np.ix_(support, support)], linear[support]
    diagonal = bent_diagonal(alpha * penalty.curvature(u), inner.diagonal())
    factor = ScaledCholesky(inner, diagonal)

    def newton(u):
        return u + factor.solve(right - inner @ u - alpha * penalty.gradient(u))

    def model(u):
        return 0.5 * u @ inner @ u - right @ u + alpha * penalty.value(u)

    new = newton(u)
    flips = np.sign(new) != np.sign(u)
    if not flips.any():
        new = newton(new)  # takes out the bias of the diagonal
    else:
        # Coefficients stop at 0 where the way crosses it; as far along as the model falls.
        reach = (u / np.where(flips, u - new, 1.0))[flips].min()
        steps = np.geomspace(reach, 1.0, 8)
        ways = [u + step * (new - u) for step in steps]
        ways = [np.where(np.sign(way) == np.sign(u), way, 0.0) for way in ways]
        new = min(ways, key=model)
    v = np.zeros_like(v)
    v[support] = new
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
        new = penalty.prox((ahead - step * slope)[:, None], alpha * step[:, None])[:, 0]
        moved = new - v
        if (ahead - new) / step @ moved > 0:
            momentum = 1.0  # the momentum points uphill: restart (O'Donoghue and Candes, 2015)
        following = 0.5 * (1 + np.sqrt(1 + 4 * momentum**2))
        ahead = new + (momentum - 1) / following * moved
        v, momentum = new, following
        if moved @ (moved / step) <= 1e-4 * target_gap:
            break
    return v
