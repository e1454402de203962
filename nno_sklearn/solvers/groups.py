"""Quadratic models with norms of groups: block coordinate descent and Newton's steps."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from nno_sklearn.penalties import GroupNorms
from nno_sklearn.problem.cost import fits_matrix
from nno_sklearn.solvers.models import stands_still

MAX_ROUNDS = 200
#: Groups that enter at once: at least, and at most as a share of those in use; and their share of
#: the largest decrease that a group promises.
LEAST_ENTERING, ENTERING, PROMISING = 10, 1.0, 0.01
#: Sweeps of block coordinate descent before a Newton step, which costs as much as many of them.
SWEEPS = 5
#: Conjugate gradients of a Newton step, and the squared residual that ends them; shortenings.
CG_STEPS, CG_PRECISION, SHORTENINGS = 50, 1e-2, 4
#: Relative size of a step that is rounding.
EPS = np.finfo(float).eps
ROUNDING = 64 * EPS
#: Curvature added to that of the model, relative to it, against rounding.
RIDGE = 1e-13


def group_model(point, blocks):
    """The model of a point whose penalty is a sum of norms; None for others, and large ones.

    Parameters
    ----------
    point : Point
    blocks : list of (index, matrix)
        The blocks of the Hessian.

    Returns
    -------
    GroupModel or None
    """
    norms = point.problem.penalty.group_norms(point.coef)
    if norms is None:
        return None
    (p, n_outputs), alpha = point.coef.shape, point.problem.alpha
    labels, radii, l1 = norms.labels, alpha * norms.radii, alpha * norms.l1
    if len({id(matrix) for _, matrix in blocks}) == 1 and len(blocks) == n_outputs:
        return GroupModel(point, GroupNorms(labels, radii, l1), blocks[0][1], (p, n_outputs))
    if not fits_matrix(point.coef.size):
        return None
    joint = np.zeros((point.coef.size, point.coef.size))
    for index, matrix in blocks:
        joint[np.ix_(index, index)] = matrix
    norms = GroupNorms(np.repeat(labels, n_outputs), radii, l1)
    return GroupModel(point, norms, joint, (-1, 1))


class GroupModel:
    """``g (v - w) + (v - w)' H (v - w) / 2 + norms(v)``.

    Sweeps of block coordinate descent find the groups that are 0 (Yuan and Lin, 2006), Newton's
    steps among the others the rest, on which sweeps would converge slowly. All is in differences
    from w, whose gradient is as exact as the rows give it.

    Parameters
    ----------
    point : Point
        Where the model is made.
    norms : GroupNorms
        The penalty, or what lies above it, times alpha, in the shape of the model.
    matrix : ndarray of shape (n, n)
        H, that of every column of the coefficients.
    shape : tuple
        Shape of the coefficients in the model: (n_features, n_outputs) where all outputs have the
        same Hessian, else (n_coefficients, 1).
    """

    def __init__(self, point, norms, matrix, shape):
        self._norms, self._radii, self._l1 = norms, norms.radii, norms.l1
        self._energy, self._shape = 2 * abs(point.data_loss), point.coef.shape
        self._w = point.coef.reshape(shape)
        self._gradient = point.data_gradient.reshape(shape)
        self._matrix, self._labels = np.ascontiguousarray(matrix), norms.labels
        order = np.argsort(norms.labels, kind="stable")
        ends = np.cumsum(np.bincount(norms.labels, minlength=len(norms.radii)))
        self._rows = np.split(order, ends[:-1])
        self._curvature = _largest_eigenvalues(matrix, self._rows)
        self._v, self._slope = self._w.copy(), self._gradient.copy()

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding, (n_features, n_outputs)."""
        gaps = []
        for _ in range(MAX_ROUNDS):
            promise = self._promise()
            gaps.append(self._gap() if self._norms.grows else promise.sum())
            if gaps[-1] <= target_gap or stands_still(gaps):
                break
            swept, solved = self._sweeps(self._choose(promise)), self._newton()
            if not (swept or solved):
                break
        return self._v.reshape(self._shape)

    def _promise(self):
        """What each group alone may gain, about."""
        squares = self._norms.sums(self._norms.subdiff_distance(self._v, self._slope) ** 2)
        curved = self._curvature > 0
        return np.divide(squares, 2 * self._curvature, out=np.zeros_like(squares), where=curved)

    def _choose(self, promise):
        """Groups in use, and those outside that promise most."""
        used = np.bincount(self._labels, self._v.any(axis=1), len(self._radii)) > 0
        entering = np.where(used | (promise < PROMISING * promise.max()), 0.0, promise)
        most = max(LEAST_ENTERING, int(ENTERING * used.sum()))
        if np.count_nonzero(entering) > most:
            entering[np.argpartition(-entering, most)[most:]] = 0.0
        return np.flatnonzero(used | (entering > 0))

    def _sweeps(self, groups):
        """Sweeps until none moves; whether any did."""
        for done in range(SWEEPS):
            if not self._sweep(groups):
                return done > 0
        return True

    def _sweep(self, groups):
        """A proximal step of each group in turn; whether any moved."""
        v, slope, moved = self._v, self._slope, False
        for group in groups:
            rows, curvature = self._rows[group], self._curvature[group]
            if not curvature > 0:
                continue
            old = v[rows]
            new = old - slope[rows] / curvature
            if self._l1:
                new = np.sign(new) * np.maximum(np.abs(new) - self._l1 / curvature, 0.0)
            size = np.sqrt(np.vdot(new, new))
            shrunk = size - self._radii[group] / curvature
            new = new * (shrunk / size) if shrunk > 0 else np.zeros_like(new)
            step = new - old
            if np.vdot(step, step) > ROUNDING**2 * np.vdot(new, new):
                v[rows], moved = new, True
                slope += self._matrix[rows].T @ step
        return moved

    def _newton(self):
        """Newton's step among the groups in use, shortened until the model falls, if it does."""
        sizes = self._norms.norms(self._v)
        rows = np.flatnonzero(sizes[self._labels] > 0)
        if not len(rows):
            return False
        v, slope, labels = self._v[rows], self._slope[rows], self._labels[rows]
        matrix = self._matrix.take(rows, axis=0).take(rows, axis=1)
        rates = np.divide(self._radii, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        free = (v != 0).astype(float) if self._l1 else np.ones_like(v)
        right = -free * (slope + rates[labels][:, None] * v + self._l1 * np.sign(v))
        unit = v / sizes[labels][:, None]
        step = _solved(matrix, rates, unit, labels, right, free)
        size = self._radii @ sizes + self._l1 * np.abs(v).sum()
        if step is None or not np.vdot(right, step) > ROUNDING**2 * size:
            return False
        for halvings in range(SHORTENINGS):
            new = v + 0.5**halvings * step
            if self._l1:
                new = np.where(new * v < 0, 0.0, new)
            moved = new - v
            product = matrix @ moved
            rise = (
                np.vdot(slope + 0.5 * product, moved) + self._l1 * (np.abs(new) - np.abs(v)).sum()
            )
            after = np.sqrt(np.bincount(labels, (new * new).sum(axis=1), len(sizes)))
            rise += self._radii @ (after - sizes)
            if rise <= EPS * size:
                self._v[rows] = new
                self._slope += self._matrix[rows].T @ moved
                return True
        return False

    def _gap(self):
        """Duality gap of the model (see :func:`nno_sklearn.problem.certificate.dual_gap`)."""
        norms, v, slope = self._norms, self._v, self._slope
        scaling = norms.dual_scaling(-slope)
        moved = np.vdot(slope + self._gradient, v - self._w)
        gap = norms.value(v) + norms.conjugate(-scaling * slope)
        rest = 0.5 * (1.0 - scaling) ** 2 * max(self._energy + moved, 0.0)
        return gap + scaling * np.vdot(slope, v) + rest


def _largest_eigenvalues(matrix, groups):
    """Of the block of each group of rows: those of equal size at once."""
    sizes, found = np.asarray([len(rows) for rows in groups]), np.zeros(len(groups))
    for size in np.unique(sizes[sizes > 0]):
        same = np.flatnonzero(sizes == size)
        rows = np.stack([groups[group] for group in same])
        blocks = matrix[rows[:, :, None], rows[:, None, :]]
        found[same] = blocks[:, 0, 0] if size == 1 else np.linalg.eigvalsh(blocks)[:, -1]
    return found


def _solved(matrix, rates, unit, labels, right, free):
    """Conjugate gradients on the second derivatives, by those of the free coefficients.

    The norm of a group is curved by its rate across its direction, and not along it; the factor of
    the matrix with that rate along it, too, is the preconditioner.
    """
    rate = rates[labels]
    curved = matrix.copy()
    diagonal = np.diag_indices_from(curved)
    curved[diagonal] = (1.0 + RIDGE) * (curved[diagonal] + rate)
    try:
        factor = cho_factor(curved, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None

    def product(d):
        along = np.bincount(labels, (unit * d).sum(axis=1), len(rates))[labels]
        return free * (matrix @ d + rate[:, None] * (d - along[:, None] * unit))

    step, residual = np.zeros_like(right), right
    ahead = steepest = free * cho_solve(factor, residual, check_finite=False)
    first = energy = np.vdot(residual, steepest)
    for _ in range(CG_STEPS):
        if not energy > CG_PRECISION * first:
            break
        curved = product(ahead)
        curvature = np.vdot(ahead, curved)
        if not curvature > 0:
            break
        step = step + energy / curvature * ahead
        residual = residual - energy / curvature * curved
        steepest = free * cho_solve(factor, residual, check_finite=False)
        before, energy = energy, np.vdot(residual, steepest)
        ahead = steepest + energy / before * ahead
    return step
