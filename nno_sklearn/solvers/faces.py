"""Quadratic models with piecewise linear penalties: proximal points by semismooth Newton steps."""

import numpy as np
from scipy.linalg import block_diag

from nno_sklearn.solvers.models import GramModel, ThinModel

#: Proximal points at most, and those in a row at which the model may not fall; steps of the first
#: one and of the last, in reciprocals of the largest curvature, and what a step grows by.
MAX_POINTS, MOST_IN_VAIN, FIRST_STEP, LAST_STEP, GROWTH = 30, 3, 10.0, 1e10, 4.0
#: Newton steps to a proximal point, those that may gain less than half, shortenings of each, and
#: its accuracy in target gaps.
MAX_STEPS, MOST_STEPS_IN_VAIN, SHORTENINGS, FINER = 40, 8, 8, 3e-3
#: Share of the slope along a step by which the dual falls at least.
SUFFICIENT = 1e-4
#: Times that a step on a face is halved until the model falls, and roundings of the terms of what
#: it falls by.
FACE_SHORTENINGS, ROUNDINGS = 6, 64
EPS = np.finfo(float).eps


def minimise_on_faces(point, blocks, target_gap):
    """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)``, the penalty piecewise
    linear; output by output where neither H nor the penalty joins them.

    Parameters
    ----------
    point, blocks, target_gap
        See :func:`nno_sklearn.solvers.quadratic.minimise_model`.

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
    """
    models = _models(point, blocks)
    # A slope that is off costs a model its square, but a loss of bounded slopes as much.
    whole = point.dual_gap
    share = sum(model.gap for model, _ in models) / whole if 0 < whole < np.inf else 1.0
    v = point.coef.copy()
    for model, outputs in models:
        v[:, outputs] = model.minimise(min(1.0, share) * target_gap / len(models))
    return v


def _models(point, blocks):
    """Models of outputs that are joined by H or the penalty, and the slice of these outputs."""
    problem, w, gradient = point.problem, point.coef, point.data_gradient
    given = problem.alpha, 2 * abs(point.data_loss)
    if len(blocks) == 1 or not problem.penalty.is_separate:
        hessian = _hessian(point, *_joined(blocks))
        return [(FaceModel(problem.penalty, hessian, w, gradient, *given), slice(None))]
    features, hessians, models = np.arange(len(w)), {}, []
    for k, (index, matrix) in enumerate(blocks):
        own, penalty = slice(k, k + 1), problem.penalty.restrict(features, np.asarray([k]))
        shared = k if matrix is None else id(matrix)
        if shared not in hessians:
            hessians[shared] = _hessian(point, index, matrix)
        model = FaceModel(penalty, hessians[shared], w[:, own], gradient[:, own], *given)
        models.append((model, own))
    return models


def _hessian(point, index, matrix):
    """A block of H, by its matrix or by rows that are fewer than its coefficients."""
    return ThinModel(point, index, 0.0) if matrix is None else GramModel(matrix)


def _joined(blocks):
    """One block of all, in the order of ``w.ravel()``."""
    index = np.concatenate([index for index, _ in blocks])
    order = np.argsort(index)
    if blocks[0][1] is None:
        return index[order], None
    return index[order], block_diag(*(matrix for _, matrix in blocks))[order[:, None], order]


class FaceModel:
    """``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)``, the penalty piecewise linear.

    The proximal point method with steps that grow: each point minimises the model plus
    ``|v - centre|^2 / (2 step)``, found by semismooth Newton steps on the dual of that, where the
    face of a proximal step is its derivative (Li, Sun and Toh, 2018). On the face that is found so
    Newton's method is exact.

    Parameters
    ----------
    penalty : Penalty
        One that has faces.
    model : GramModel or ThinModel
        Of H, in the order of ``w.ravel()``.
    w, gradient : ndarray of shape (n_features, n_outputs)
    alpha : float
    energy : float
        Twice what the model's other terms are worth at w.

    References
    ----------
    X. Li, D. Sun and K.-C. Toh (2018): A highly efficient semismooth Newton augmented Lagrangian
    method for solving Lasso problems. SIAM Journal on Optimization 28, 433-458.
    """

    def __init__(self, penalty, model, w, gradient, alpha, energy):
        self._penalty, self._model, self._alpha = penalty, model, alpha
        self._w, self._gradient, self._energy = w, gradient, energy

    @property
    def gap(self):
        """Duality gap where the model is made."""
        return self._gap(self._w)

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding, (n_features, n_outputs)."""
        largest = self._model.diagonal.max(initial=0.0)
        if not largest > 0:
            return self._w
        v = self._on_face(self._w)
        if self._gap(v) <= target_gap:
            return v
        step, moved, in_vain = FIRST_STEP / largest, v - self._w, 0
        best, least = v, np.inf
        for _ in range(MAX_POINTS):
            target_gap = max(target_gap, self._rounding(v))
            found, moved, is_there = self._proximal_point(v, moved, step, FINER * target_gap)
            if not np.isfinite(found).all():
                break
            found = self._on_face(found)
            in_vain = 0 if self._falls(v, found) else in_vain + 1
            if in_vain > MOST_IN_VAIN:
                break
            if in_vain == 0:
                v, gap = found, self._gap(found)
                # What rounding lets fall may be farther from the minimum.
                least, best = (gap, v) if gap <= least else (least, best)
                if gap <= target_gap:
                    break
            # Too long a step is one to whose end Newton's steps do not get.
            is_short = in_vain == 0 or is_there
            step = min(GROWTH * step, LAST_STEP / largest) if is_short else step / GROWTH
        return best

    def _rounding(self, v):
        """What rounding makes of the model's terms."""
        slope = np.abs(self._slope(v))
        return ROUNDINGS * EPS * (np.vdot(slope, np.abs(v)) + self._alpha * self._penalty.value(v))

    def _product(self, d):
        return self._model.product(d.ravel()).reshape(d.shape)

    def _slope(self, v):
        return self._gradient + self._product(v - self._w)

    def _proximal_point(self, centre, moved, step, accuracy):
        """The minimum of the model plus the distance to a centre, by the move q from w whose slope
        ``g + H q`` the proximal step ``v(q)`` takes. At the minimum ``v(q) - w = q``; what is left
        of that, in the norm of H, is a duality gap. Last, whether that is small enough."""
        v, left = self._residual(centre, moved, self._product(moved), step)
        best, in_vain = np.inf, 0
        for _ in range(MAX_STEPS):
            gap = 0.5 * np.vdot(left, self._product(left))
            in_vain, best = (in_vain + 1, best) if gap > 0.5 * best else (0, gap)
            if gap <= accuracy or in_vain > MOST_STEPS_IN_VAIN:
                break
            ahead = self._newton(v, left, step)
            # Where rounding is all that is left, the dual may not rise along it.
            if not np.vdot(left, self._product(ahead)) > 0:
                break
            length, v, left = self._length(centre, moved, v, left, ahead, step)
            moved = moved + length * ahead
        return v, moved, gap <= accuracy

    def _length(self, centre, moved, v, left, ahead, step):
        """Length of a Newton step, and ``v(q)`` and what is left at its end."""
        product, along, length = self._product(moved), self._product(ahead), 1.0
        start, value = np.vdot(left, along), self._dual(centre, moved, product, v, step)
        for _ in range(SHORTENINGS):
            q, pulled = moved + length * ahead, product + length * along
            v, left = self._residual(centre, q, pulled, step)
            end = np.vdot(left, along)
            fall = value - self._dual(centre, q, pulled, v, step)
            if end >= 0 or fall >= SUFFICIENT * length * start:  # the dual is convex
                break
            length *= np.clip(start / (start - end), 0.1, 0.9)
        return length, v, left

    def _dual(self, centre, moved, product, v, step):
        """What a proximal point's Newton steps lower: minus the dual of its problem."""
        away, slope = v - centre, self._gradient + product
        primal = np.vdot(slope, v - self._w) + self._alpha * self._penalty.value(v)
        return 0.5 * np.vdot(moved, product) - primal - 0.5 * np.vdot(away, away) / step

    def _residual(self, centre, moved, product, step):
        """``v(q)``, and ``v(q) - w - q``."""
        slope = self._gradient + product
        v = self._penalty.prox(centre - step * slope, self._alpha * step)
        return v, v - self._w - moved

    def _newton(self, v, left, step):
        """The d with ``d + step * P H d = left``, P the projection onto the face of v."""
        face = self._penalty.face(v)
        if not len(face.slopes):
            return left
        part = self._model.pieces(face, face.counts / step)
        return left - face.coefficients(part.solve(face.sums(self._product(left).ravel())))

    def _on_face(self, v):
        """The minimum on the face of v, as far as the model falls on the way; v itself where there
        is no step."""
        face = self._penalty.face(v)
        step, _ = self._face_step(face, self._slope(v))
        if step is None:
            return v
        for halvings in range(FACE_SHORTENINGS):
            new = face.project(v + 0.5**halvings * step)  # each piece at one size, no rounding
            if self._falls(v, new):
                return new
        return v

    def _falls(self, v, new):
        """Whether the model falls, or what is left to gain, where rounding hides that."""
        moved, penalties = new - v, [self._alpha * self._penalty.value(one) for one in (v, new)]
        slope, product = self._slope(v), self._product(moved)
        terms = [np.vdot(slope, moved), 0.5 * np.vdot(product, moved), penalties[1], -penalties[0]]
        rounding = ROUNDINGS * EPS * (np.vdot(np.abs(slope), np.abs(moved)) + sum(penalties))
        if np.isfinite(rounding) and sum(terms) <= rounding:
            return sum(terms) < -rounding or self._left(new) < self._left(v)
        return False

    def _left(self, v):
        """What is left to gain: the duality gap, or what Newton's step on the face promises."""
        if "conjugate" in self._penalty.provides:
            return self._gap(v)
        return self._face_step(self._penalty.face(v), self._slope(v))[1]

    def _face_step(self, face, slope):
        """Newton's step on a face, or None, and the decrease that it promises."""
        if not len(face.slopes):
            return None, 0.0
        if len(face.slopes) > self._model.rank:
            return None, np.inf
        right = face.sums(slope.ravel()) + self._alpha * face.slopes
        part = self._model.pieces(face, 0.0)
        sizes = part.solve(right)
        # Again for what rounding leaves, which is much where pieces are nearly collinear.
        sizes += part.solve(right - face.sums(self._product(face.coefficients(sizes)).ravel()))
        step = -face.coefficients(sizes)
        is_step = step.any() and np.isfinite(step).all()
        return (step if is_step else None), 0.5 * float(right @ sizes)

    def _gap(self, v):
        """Duality gap of the model (see :func:`nno_sklearn.problem.certificate.dual_gap`), inf
        where the penalty has no conjugate."""
        penalty, alpha, slope = self._penalty, self._alpha, self._slope(v)
        if "conjugate" not in penalty.provides:
            return np.inf
        scaling = penalty.dual_scaling(-slope / alpha)
        moved = np.vdot(slope + self._gradient, v - self._w)
        gap = alpha * (penalty.value(v) + penalty.conjugate(-scaling * slope / alpha))
        rest = 0.5 * (1.0 - scaling) ** 2 * max(self._energy + moved, 0.0)
        return gap + scaling * np.vdot(slope, v) + rest
