"""The inner problem of proximal Newton: a quadratic model plus a nonsmooth penalty."""

import numpy as np

from nno_sklearn.problem.cost import can_have_rows
from nno_sklearn.solvers.accelerated import Momentum
from nno_sklearn.solvers.models import GramModel, IllConditionedError, RowsModel

#: Newton steps of the active sets.
MAX_ROUNDS = 200
#: Rounds within which the gap must fall to this share, or the search ends.
PATIENCE, WORTHWHILE = 20, 0.9
#: Coefficients that enter at once: at least, and at most as a share of those in use.
LEAST_ENTERING, ENTERING = 10, 0.5
#: Share of the largest decrease that a coefficient must promise to enter with others.
PROMISING = 0.1
#: Exponents of the step sizes at which the model is evaluated, up to the first change of sign.
POWERS = np.linspace(0.0, 1.0, 8)
MAX_ACCELERATED_STEPS = 1000


def minimise_model(point, blocks, target_gap):
    """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)`` over v.

    Parameters
    ----------
    point : Point
        Gives w and the gradient g of the data loss.
    blocks : list of (index, matrix)
        The blocks of H. A matrix of None is that of all rows, in the space of the rows.
    target_gap : float
        Accuracy that is worth reaching, in units of the objective.

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
    """
    if not point.problem.penalty.is_elastic_net:
        return _accelerated(point, blocks, target_gap)
    w, gradient = point.coef.ravel(), point.data_gradient.ravel()
    v = np.empty_like(w)
    for index, matrix in blocks:
        given = w[index], gradient[index], target_gap / len(blocks)
        v[index] = _active_sets(point, index, matrix, *given)
    return v.reshape(point.coef.shape)


def _active_sets(point, index, matrix, w, gradient, target_gap):
    """By factors of the Gram matrix; where its rounding errors matter, by those of the rows."""
    own = 2 * abs(point.data_loss)
    if matrix is not None:
        try:
            model = GramModel(matrix, may_give_up=can_have_rows(point.problem, len(index)))
            return ActiveSets(model, point.problem, w, gradient, own).minimise(target_gap)
        except IllConditionedError:
            pass
    return ActiveSets(RowsModel(point, index), point.problem, w, gradient, own).minimise(target_gap)


def _stands_still(gaps):
    """Whether rounds no longer gain: by rounding, or as columns outside the set hold the gap up."""
    return len(gaps) > PATIENCE and min(gaps[-PATIENCE:]) > WORTHWHILE * min(gaps[:-PATIENCE])


class ActiveSets:
    """Newton steps among the coefficients in use, which others join and leave.

    In each round those that violate optimality most enter with the sign that lowers the model.
    Newton's step goes to the optimum among the signs; where coefficients would change theirs,
    they become 0, as far along the way as the model falls (a projected Newton method; Bertsekas,
    1982). All is in differences from w, so that its gradient is as exact as the rows give it.

    Parameters
    ----------
    model : GramModel or RowsModel
    problem : Problem
        Gives the elastic net.
    w, gradient : ndarray of shape (n,)
        Where the model is made, and the gradient of the data loss there.
    energy : float
        Squared norm of the working residuals, of which a duality gap is made.
    """

    def __init__(self, model, problem, w, gradient, energy):
        self._model, self._w, self._gradient, self._energy = model, w, gradient, energy
        ratio = problem.penalty.l1_ratio
        self._l1, self._l2 = problem.alpha * ratio, problem.alpha * (1.0 - ratio)
        self._curvature, self._rank = model.diagonal + self._l2, problem.n_samples - 1
        self._v, self._slope = w.copy(), gradient

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding."""
        settled, gaps = True, []
        for _ in range(MAX_ROUNDS):
            gaps.append(self._gap())
            if gaps[-1] <= target_gap or _stands_still(gaps):
                break
            used = np.count_nonzero(self._v)
            # Others enter when those in use have settled: else both oscillate.
            numbers = (self._entering(used), 1, 0) if settled else (0,)
            moved = any(self._round(number) for number in numbers)
            if settled and not moved:
                break
            settled = not moved or np.count_nonzero(self._v) >= used
        return self._v

    def _entering(self, used):
        """How many may enter, while the rows can tell all apart."""
        most = max(LEAST_ENTERING, int(ENTERING * used))
        return most if self._l2 > 0 else max(1, min(most, self._rank - used))

    def _move_to(self, v):
        self._v = v
        self._slope = self._gradient + self._model.product(v - self._w)

    def _gap(self):
        """Duality gap of the model (see :func:`nno_sklearn.problem.certificate.dual_gap`)."""
        v, l1, l2 = self._v, self._l1, self._l2
        total, size = self._slope + l2 * v, l1 * np.abs(v).sum()
        largest = np.abs(total).max(initial=0.0)
        scaling = l1 / largest if largest > l1 else 1.0
        moved = (self._slope + self._gradient) @ (v - self._w)
        energy = max(self._energy + moved, 0.0) + l2 * (v @ v)
        gap = size + scaling * (total @ v) + 0.5 * (1.0 - scaling) ** 2 * energy
        if l2 > 0:
            excess = np.maximum(np.abs(self._slope) - l1, 0.0)
            conjugate = 0.5 * (excess @ excess) / l2
            gap = min(gap, size + 0.5 * l2 * (v @ v) + self._slope @ v + conjugate)
        return gap

    def _round(self, entering):
        """Let coefficients enter, and go to the optimum among the signs; whether that moved."""
        active, signs = self._choose(entering)
        if not len(active):
            return False
        u = self._v[active]
        right = self._slope[active] + self._l2 * u + self._l1 * signs
        part = self._model.part(active, self._l2)
        new = u - part.solve(right)
        if (new * signs >= 0).all():
            best = new
        else:
            best = self._best_on_the_way(part, u, new, signs, right)
        moved = best - u
        if not np.isfinite(moved).all() or not moved.any():
            return False
        v = self._v.copy()
        v[active] = best
        self._move_to(v)
        return True

    def _choose(self, entering):
        """Coefficients in use and those that promise the largest decrease, with their signs."""
        violation = np.maximum(np.abs(self._slope) - self._l1, 0.0)
        promise = np.divide(
            violation**2,
            self._curvature,
            out=np.zeros_like(violation),
            where=(self._curvature > 0) & (self._v == 0),
        )
        promise[promise < PROMISING * promise.max(initial=0.0)] = 0.0
        if entering == 0:
            promise[:] = 0.0
        elif np.count_nonzero(promise) > entering:
            promise[np.argpartition(-promise, entering)[entering:]] = 0.0
        active = np.flatnonzero((self._v != 0) | (promise > 0))
        signs = np.sign(self._v[active])
        return active, np.where(signs == 0, -np.sign(self._slope[active]), signs)

    def _best_on_the_way(self, part, u, new, signs, right):
        """Where the model is lowest on the way to ``new``, its coefficients held at 0."""
        flips = new * signs < 0
        # The t at which each coefficient is 0; 0 for those that start in the wrong direction.
        crossing = np.divide(u, u - new, out=np.full_like(u, np.inf), where=flips)
        reach = crossing[crossing > 0].min(initial=0.99)
        steps = reach**POWERS
        places = u[:, None] + np.multiply.outer(new - u, steps)
        places[crossing[:, None] <= steps] = 0.0
        moved = places - u[:, None]
        rise = right @ moved + 0.5 * np.einsum("jk,jk->k", moved, part.product(moved))
        lowest = int(rise.argmin())
        return places[:, lowest] if rise[lowest] < 0 else u


def _accelerated(point, blocks, target_gap):
    """Accelerated proximal gradient with restart, for any penalty with a prox."""
    problem, w = point.problem, point.coef
    diagonal, largest = np.empty(w.size), 1.0
    for index, matrix in blocks:
        diagonal[index] = np.maximum(matrix.diagonal(), 1e-300)
        scaling = 1 / np.sqrt(diagonal[index])
        largest = max(largest, np.linalg.norm(scaling[:, None] * matrix * scaling, 2))
    step = 1 / (largest * problem.penalty.tied(diagonal.reshape(w.shape)))
    v, ahead, momentum = w, w, Momentum()
    for _ in range(MAX_ACCELERATED_STEPS):
        slope = point.data_gradient + _product(blocks, ahead - w)
        new = problem.penalty.prox(ahead - step * slope, problem.alpha * step)
        moved = new - v
        ahead, v = new + momentum.share(np.vdot((ahead - new) / step, moved) > 0) * moved, new
        if np.vdot(moved, moved / step) <= 1e-4 * target_gap:
            break
    return v


def _product(blocks, d):
    """``H d`` of a block-diagonal H."""
    flat, product = d.ravel(), np.empty(d.size)
    for index, matrix in blocks:
        product[index] = matrix @ flat[index]
    return product.reshape(d.shape)
