"""Quadratic models with norms of groups and an l1 part: proximal points by semismooth Newton."""

import numpy as np

from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.kinked_model import GAP_ROUNDINGS
from nno_sklearn.solvers.norms_model import NormsModel

#: Proximal points at most; steps of the first one, the least and the largest, in reciprocals of
#: groups' largest curvatures; what a step grows by, or shrinks by where the model does not fall.
MAX_POINTS, FIRST_STEP, LEAST_STEP, LAST_STEP, FACTOR = 60, 30.0, 1e-2, 1e10, 10.0
#: Newton steps to a proximal point, shortenings of each, and steps in a row, and proximal points,
#: that may gain less than half, as they do where rounding is what is left.
MAX_STEPS, SHORTENINGS, MOST_STEPS_IN_VAIN, MOST_IN_VAIN = 30, 8, 8, 8
#: Accuracy of a proximal point: as a share of its distance, and in target gaps, of whose square the
#: model's gap is.
COARSE, FINER = 0.1, 1e-3
#: What the latter shrinks by where the model does not fall to a settled point.
TIGHTER = 0.01
#: Share of the slope along a step that may be left at its end.
FLATTER = 0.9
EPS, TINY = np.finfo(float).eps, np.finfo(float).tiny


class SparseGroupModel(NormsModel):
    """``g (v - w) + (v - w)' H (v - w) / 2 + norms(v)``, with an l1 part.

    The proximal point method with steps that grow: each point minimises the model plus the squared
    distance to the last one over twice the step, found by semismooth Newton steps on the dual of
    that, in which coefficients and groups enter and leave all at once (Zhang, Zhang, Sun and Toh,
    2020). Outputs are tied by the directions of groups in use alone.

    Parameters
    ----------
    point, norms, models, shape
        As of :class:`NormsModel`.

    References
    ----------
    Y. Zhang, N. Zhang, D. Sun and K.-C. Toh (2020): An efficient Hessian based algorithm for
    solving large-scale sparse group Lasso problems. Mathematical Programming 179, 223-263.
    """

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding, (n_features, n_outputs)."""
        v, slope = self._w, self._gradient
        rounding = GAP_ROUNDINGS * EPS * (self._norms.value(v) + self._energy)
        target_gap = max(self._own(target_gap), rounding)
        if most := self._most_plane_steps(self._n_likely(), v.shape[1]):
            v, slope, is_reached = self._by_products(v, slope, target_gap, most)
            if is_reached:
                return v.reshape(self._shape)
        accuracy = FINER * target_gap * min(1.0, target_gap / max(self._energy, TINY))
        curvature, step = self._largest(), FIRST_STEP
        unit = 1.0 / np.where(curvature > 0, curvature, max(curvature.max(), TINY))
        dual, best, least, in_vain = (v - self._w, slope - self._gradient), v, np.inf, 0
        for _ in range(MAX_POINTS):
            new, found, is_settled = self._proximal_point(v, dual, step * unit, accuracy)
            there = self._gradient + self._product(new - self._w)
            if self._falls(v, slope, new, there):
                v, slope, dual = new, there, found
                gap = self._gap(v, slope)
                in_vain = 0 if gap <= 0.5 * least else in_vain + 1
                # What rounding lets fall may be farther from the minimum.
                least, best = (gap, v) if gap <= least else (least, best)
                if gap <= target_gap or in_vain > MOST_IN_VAIN:
                    break
                step = min(step * FACTOR, LAST_STEP) if is_settled else step
            elif is_settled and accuracy > EPS * target_gap:
                accuracy, dual = TIGHTER * accuracy, found
            elif step >= LEAST_STEP and not is_settled:
                step /= FACTOR
            else:
                break
        return best.reshape(self._shape)

    def _falls(self, v, slope, new, there):
        """Whether the model falls from one place to another, up to rounding."""
        before, after = self._norms.value(v), self._norms.value(new)
        return 0.5 * np.vdot(slope + there, new - v) + after - before <= EPS * before

    def _n_likely(self):
        """Groups in use, and those that would enter by themselves."""
        norms = self._norms
        excess = norms.norms(norms.soft(self._gradient)) > self._radii
        return np.count_nonzero(excess | (norms.norms(self._w) > 0))

    def _proximal_point(self, centre, dual, step, accuracy):
        """The minimum of the model plus the distance to a centre, the dual point that is known of
        it, and whether it is settled.

        A dual point is a move q from w with ``H q``. A proximal step by the slope there leads to
        ``v(q)``. At the minimum ``v(q) - w = q``; what is left of that, in the norm of H, is a
        duality gap.
        """
        moved, image = dual
        v, left = self._left(centre, moved, image, step)
        least, in_vain = np.inf, 0
        for _ in range(MAX_STEPS):
            bent, far = self._product(left), v - centre
            enough = max(accuracy, 0.5 * COARSE * np.vdot(far, far / step))
            gap = 0.5 * np.vdot(left, bent)
            if gap <= enough:
                return v, (moved, image), True
            in_vain, least = (in_vain + 1, least) if gap > 0.5 * least else (0, gap)
            if in_vain > MOST_STEPS_IN_VAIN:
                break
            ahead = self._newton(v, left, bent, step)
            along, length = self._product(ahead), 1.0
            start = np.vdot(left, along)
            if not start > 0:  # rounding is all that is left
                break
            for _ in range(SHORTENINGS):
                at = moved + length * ahead, image + length * along
                v, left = self._left(centre, *at, step)
                end = np.vdot(left, along)
                if end >= -FLATTER * start:  # the dual is convex: it still falls, or hardly rises
                    break
                length *= np.clip(start / (start - end), 0.1, 0.9)
            moved, image = at
        return v, (moved, image), False

    def _left(self, centre, moved, image, step):
        """``v(q)``, and ``v(q) - w - q``."""
        v = self._norms.prox(centre - step * (self._gradient + image), step)
        return v, v - self._w - moved

    def _newton(self, v, left, bent, step):
        """The d with ``d + P H d = left``, P the derivative of the proximal step at v, given
        ``bent = H left``.

        Among the coefficients that are not 0, ``d - left`` is Newton's step with the norms' second
        derivatives, which take from the diagonal what groups have along their directions.
        """
        norms, (rate, unit) = self._norms, self._norms.rates(v)
        sizes = norms.norms(v)
        groups = np.flatnonzero((sizes > 0) & self._is_bound)
        ridge, tied = (1.0 / step + rate)[:, 0], np.diag(sizes[groups] / self._radii[groups])
        ahead, right, solved = left.copy(), np.zeros(len(groups)), []
        for model, k in self._of_outputs():
            used = np.flatnonzero(v[:, k])
            if len(used):
                is_in = norms.labels[used][:, None] == groups
                along = np.where(is_in, unit[used, k][:, None], 0.0)
                part = model.part(used, ridge[used])
                both = part.solve(np.column_stack([along, -bent[used, k]]))
                tied -= along.T @ both[:, :-1]
                right += along.T @ both[:, -1]
                solved.append((used, k, both))
        shares = ScaledCholesky(tied, 0.0).solve(right) if len(groups) else right
        for used, k, both in solved:
            ahead[used, k] += both[:, :-1] @ shares + both[:, -1]
        return ahead
