"""The objective in extended precision, and a polish that finds points better than a fit's.

Nothing is taken from the package: formulas, constant model and optimiser are written again. The
optimiser need not be perfect: whatever point it finds, a proven lower bound may not exceed it.
"""

from copy import copy
from functools import cached_property, partial

import numpy as np
from scipy.optimize import linprog

from benchmarks.fuzzing import formulas
from benchmarks.fuzzing.formulas import LD
from benchmarks.fuzzing.shapes import Shape

EPS = np.finfo(np.float64).eps
#: Roundings of the largest terms that a sum in double precision may be off.
ROUNDINGS = 64


class Objective:
    """``sum_i s_i loss_i / sum_i s_i + l1 |w|_1 + l2 |w|^2 / 2``, and what a shape costs.

    Parameters
    ----------
    loss : str
    X : ndarray of shape (n, p)
    targets : ndarray of shape (n, K)
        Numbers, or labels as 0 and 1 with a column per output.
    weight : ndarray of shape (n,)
    l1, l2 : float
        Factors of ``|w|_1`` and ``|w|^2 / 2``.
    fit_intercept : bool
    shape : Shape, default=None
    alpha : float, default=0.0
        Factor of the shape's penalty.
    """

    def __init__(
        self, loss, X, targets, weight, l1, l2, fit_intercept, shape: Shape | None = None, alpha=0.0
    ):
        counts = weight > 0  # others may have no finite loss
        self.X, self.y = X[counts].astype(LD), targets[counts].astype(LD)
        self.weight = weight[counts].astype(LD) / weight[counts].astype(LD).sum()
        self.l1, self.l2 = LD(l1), LD(l2)
        self.loss, self.fit_intercept = loss, fit_intercept
        self.shape, self.alpha = shape, LD(alpha)
        self.is_coupled = loss == "log_loss" and targets.shape[1] > 1
        if self.is_coupled:
            self.derivatives = formulas.multinomial
        elif loss == "concomitant_huber":
            scaled = partial(formulas.concomitant_huber, self.weight)
            self.derivatives = formulas.uncoupled(scaled)
        else:
            self.derivatives = formulas.UNCOUPLED[loss]

    @property
    def is_convex(self):
        shaped = self.shape is None or self.shape.is_convex
        return shaped and self.loss not in formulas.NOT_CONVEX

    def value(self, coef, intercept):
        """F at coefficients (p, K) and intercept (K,); not finite where it overflows."""
        coef, intercept = coef.astype(LD), intercept.astype(LD)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = self.weight @ self.derivatives(self.y, self.X @ coef + intercept).value
        shaped = 0 if self.shape is None else self.shape.value(coef, self.alpha)
        return loss + self.l1 * np.abs(coef).sum() + self.l2 * (coef**2).sum() / 2 + shaped

    def rounding(self, coef, intercept, distance):
        """Error of F, or of a bound computed from it, by double precision alone.

        Raw predictions are off by roundings of their largest terms. The loss's slope turns that
        into an error of F. Its curvature turns it into an error of the slopes, which are the dual
        point: a bound then holds up to that error times the distance to the optimum.

        Parameters
        ----------
        coef, intercept : ndarray of shape (p, K), (K,)
        distance : ndarray of shape (K,)
            Largest difference between raw predictions here and at the optimum.
        """
        coef, intercept = coef.astype(LD), intercept.astype(LD)
        eta = self.X @ coef + intercept
        off = EPS * (np.abs(self.X) @ np.abs(coef) + np.abs(intercept) + np.abs(self.y))
        # Where a loss is flat, rounding may lead to where it is not.
        around = [self.derivatives(self.y, eta + side * ROUNDINGS * off) for side in (-1, 0, 1)]
        slope = np.max([np.abs(one.slope) for one in around], axis=0)
        diagonal = np.max([np.abs(np.einsum("ikk->ik", one.curvature)) for one in around], axis=0)
        error = self.weight @ (off * (slope + diagonal * (distance + ROUNDINGS * off)))
        size = self.weight @ formulas.magnitude(self.loss, self.y, eta).sum(axis=1)
        if self.loss == "concomitant_huber":  # its scale is found to 1e-8, the value to the square
            size = size + 100 * self.value(coef, intercept)
            size += np.sqrt(self.weight @ self.y**2).sum()  # of which it is no less than 1e-15
        return ROUNDINGS * (error.sum() + EPS * (size + self.value(coef, intercept) + self.null))

    @cached_property
    def null(self):
        """F of the best constant model."""
        constant = self._with(X=self.X[:, :0], shape=None)
        coef = np.zeros((0, self.y.shape[1]), LD)
        return constant.value(*constant.polish(coef, self._first_intercept()))

    def _with(self, **changes):
        other = copy(self)
        vars(other).update(changes)
        return other

    @cached_property
    def has_optimum(self):
        """Whether F has a minimiser: False where there is a direction of recession."""
        if self.loss not in ("log_loss", *formulas.COUNTS) or not self.is_convex:
            return True
        if self.l1 > 0 or self.l2 > 0:
            return True
        if self.shape is None or self.alpha == 0:  # directions that lead out of bounds do not count
            return bool(self.shape and self.shape.is_bounded) or not _recedes(self)
        free = self.shape.free
        return free is None or not _recedes(self._with(X=self.X @ free.astype(LD)))

    def way_down(self, coef, intercept):
        """By how much F falls, to second order, if one coefficient or an intercept is changed.

        Of a loss and a penalty of each coefficient alone; where the penalty is concave, F falls by
        more. What rounding of the slopes explains is left out.
        """
        coef, intercept = coef.astype(LD), intercept.astype(LD)
        X, weight = self.X, self.weight
        with np.errstate(over="ignore", invalid="ignore"):
            _, slope, curvature = self.derivatives(self.y, X @ coef + intercept)
        rows = np.einsum("ikk->ik", curvature)
        terms = np.abs(X) @ np.abs(coef) + np.abs(intercept) + 1
        off = ROUNDINGS * EPS * (np.abs(slope) + np.abs(rows) * terms)
        slopes = self.l1 if self.shape is None else self.shape.slopes(coef, self.alpha)
        pull = np.abs(X.T @ (weight[:, None] * slope) + self.l2 * coef + np.sign(coef) * slopes)
        pull = pull - np.where(coef == 0, slopes, 0) - np.abs(X).T @ (weight[:, None] * off)
        steepness = (X**2).T @ (weight[:, None] * np.abs(rows)) + self.l2
        falls = np.maximum(pull, 0) ** 2 / (2 * np.where(steepness > 0, steepness, np.inf))
        if not self.fit_intercept:
            return falls.max(initial=0)
        pull = np.maximum(np.abs(weight @ slope) - weight @ off, 0)
        steepness = weight @ np.abs(rows)
        return max(
            falls.max(initial=0), (pull**2 / (2 * np.where(steepness > 0, steepness, np.inf))).max()
        )

    def _first_intercept(self):
        """The best constant, or near it."""
        if not self.fit_intercept:
            return np.zeros(self.y.shape[1], LD)
        mean = self.weight @ self.y
        if self.loss in ("gamma", "inverse_gaussian", *formulas.COUNTS):
            return np.log(mean)
        if self.loss in formulas.CORNERED:
            return np.array([self._best_corner(k) for k in range(self.y.shape[1])])
        if self.loss in ("huber", "squared_epsilon_insensitive"):
            return np.median(self.y, axis=0)
        return mean if self.loss == "squared_error" else np.zeros_like(mean)

    def _best_corner(self, k):
        y, one = self.y[:, k], self._with(X=self.X[:, :0], y=self.y[:, [k]], shape=None)
        moves = (-1, 1) if self.loss == "hinge" else (-formulas.EPSILON, 0, formulas.EPSILON)
        places = np.unique(np.concatenate([y * (self.loss != "hinge") + move for move in moves]))
        nothing = np.zeros((0, 1), LD)
        return min(places, key=lambda place: one.value(nothing, place[None]))

    def polish(self, coef, intercept, max_iter=80):
        """A point with an objective that is at most that of the start, usually the optimum.

        The start itself where Newton's steps do not lead to the optimum: at corners, with a shape.
        """
        if self.shape is not None or self.loss in formulas.CORNERED or not self.is_convex:
            return coef, intercept
        coef, intercept = coef.astype(LD).copy(), intercept.astype(LD).copy()
        outputs = range(self.y.shape[1])
        for part in [list(outputs)] if self.is_coupled else [[k] for k in outputs]:
            polish = _Polish(self._with(y=self.y[:, part]))
            coef[:, part], intercept[part] = polish.run(coef[:, part], intercept[part], max_iter)
        return coef, intercept


class _Polish:
    """Levenberg's and Marquardt's damped Newton steps on centred and scaled columns, within the
    orthant that the l1 part singles out at each step.
    """

    def __init__(self, objective):
        self.objective = objective
        X, weight = objective.X, objective.weight
        self.centre = weight @ X if objective.fit_intercept else np.zeros(X.shape[1], LD)
        Z = X - self.centre
        spread = np.sqrt(weight @ Z**2)
        self.scale = np.where(spread > 0, spread, 1)
        self.Z = np.column_stack([Z / self.scale, np.ones(len(X), LD)])
        self.l1 = np.append(objective.l1 / self.scale, 0)[:, None]
        self.l2 = np.append(objective.l2 / self.scale**2, 0)[:, None]

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is not taken
    def run(self, coef, intercept, max_iter):
        v = np.vstack([coef * self.scale[:, None], intercept + self.centre @ coef])
        value, damping = self._value(v), LD(1e-6)
        for _ in range(max_iter):
            step = self._step(v, damping)
            new = v if step is None else step
            new_value = self._value(new)
            if new_value < value:
                gain = value - new_value
                v, value, damping = new, new_value, max(damping / 10, LD(1e-18))
                if gain <= 1e-19 * abs(value):
                    break
            elif damping > 1e3:
                break
            else:
                damping *= 10
        w = v[:-1] / self.scale[:, None]
        return w, v[-1] - self.centre @ w

    def _value(self, v):
        one = self.objective
        loss = one.weight @ one.derivatives(one.y, self.Z @ v).value
        value = loss + (self.l1 * np.abs(v)).sum() + (self.l2 * v**2).sum() / 2
        return value if np.isfinite(value) else LD(np.inf)

    def _step(self, v, damping):
        """The damped step from v; None where the damped matrix is not positive definite."""
        one, Z, n_outputs = self.objective, self.Z, v.shape[1]
        _, slope, curvature = one.derivatives(one.y, Z @ v)
        gradient = Z.T @ (one.weight[:, None] * slope) + self.l2 * v
        sign = np.where(v != 0, np.sign(v), -np.sign(gradient))
        free = (v != 0) | (np.abs(gradient) > self.l1)
        if not one.fit_intercept:
            free[-1] = False
        if not free.any():
            return None
        gradient = (gradient + self.l1 * sign)[free]
        rows = (one.weight[:, None] * Z)[:, :, None, None] * curvature[:, None, :, :]
        hessian = np.tensordot(Z, rows, axes=(0, 0)).transpose(0, 2, 1, 3)
        hessian = hessian.reshape(v.size, v.size)
        hessian[np.diag_indices_from(hessian)] += np.repeat(self.l2[:, 0], n_outputs)
        hessian = hessian[np.ix_(free.ravel(), free.ravel())]
        diagonal = hessian.diagonal()
        floor = 1e-9 * diagonal.max() + LD(1e-12)
        move = _solve(hessian + np.diag(damping * np.maximum(diagonal, floor)), -gradient)
        if move is None:
            return None
        new = v.copy()
        new[free] += move
        crossed = (self.l1 > 0) & (new * sign < 0)
        return np.where(crossed, 0, new)


def _recedes(objective):
    """Whether some direction of coefficients raises no row's loss and lowers that of one."""
    polish = _Polish(objective)
    Z = polish.Z.astype(float)
    Z = Z if objective.fit_intercept else Z[:, :-1]
    y = objective.y.astype(float)
    return any(_falls(*part) for part in _falling_rows(objective, Z, y))


def _falling_rows(objective, Z, y):
    """Matrices (rows that may only fall, rows that may not move) of directions of each output."""
    if objective.is_coupled:
        lower = [
            np.kron(other - own, z)
            for z, own in zip(Z, y, strict=True)
            for other in np.eye(y.shape[1])
            if not np.array_equal(other, own)
        ]
        yield np.array(lower), np.empty((0, Z.shape[1] * y.shape[1]))
    elif objective.loss in formulas.COUNTS:
        for target in y.T:
            yield Z[target == 0], Z[target > 0]
    else:
        yield Z * (1 - 2 * y), Z[:0]


def _falls(falling, still):
    if not len(falling):
        return False
    found = linprog(
        falling.sum(axis=0),
        A_ub=falling,
        b_ub=np.zeros(len(falling)),
        A_eq=still if len(still) else None,
        b_eq=np.zeros(len(still)) if len(still) else None,
        bounds=(-1, 1),
    )
    # Far beyond the feasibility tolerance of the linear program, 1e-7 a row.
    return found.status == 0 and found.fun < -1e-3 * max(1, len(falling) / 100)


def _solve(matrix, right):
    """Cholesky in extended precision, scaled to a unit diagonal; None where it fails."""
    scale = np.sqrt(np.maximum(matrix.diagonal(), LD(0)))
    if not (scale > 0).all():
        return None
    A, n = matrix / np.outer(scale, scale), len(right)
    for j in range(n):
        if not A[j, j] > 0:
            return None
        A[j:, j] /= np.sqrt(A[j, j])
        A[j + 1 :, j + 1 :] -= np.outer(A[j + 1 :, j], A[j + 1 :, j])
    x = right / scale
    for j in range(n):
        x[j] = (x[j] - A[j, :j] @ x[:j]) / A[j, j]
    for j in reversed(range(n)):
        x[j] = (x[j] - A[j + 1 :, j] @ x[j + 1 :]) / A[j, j]
    return x / scale
