"""Quadratic models with norms of groups: Newton's steps in the sizes of the groups."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.models import (
    GramModel,
    ThinModel,
    curved_along,
    free_shifts,
    stands_still,
)
from nno_sklearn.solvers.norms_model import NormsModel
from nno_sklearn.solvers.sparse_groups import SparseGroupModel

MAX_ROUNDS = 200
#: Groups that enter at once: as a share of those in use, or as many as rows tell apart, within two
#: limits.
ENTERING, LEAST_ENTERING, MOST_ENTERING = 1.0, 10, 40
#: Lengths of a step that are tried, each half the last, until the model falls: of one by the
#: inverse of slopes, and of one by slopes.
FEW_SHORTENINGS, SHORTENINGS = 3, 8
#: Rounds of block pivots that may gain nothing in succession.
PATIENCE = 3
#: Shares of the diagonal that are added to it for a factor, until there is one.
RIDGES = 1e-13, 1e-11, 1e-9
EPS = np.finfo(float).eps


def group_model(point, blocks):
    """The model of a point whose penalty is a sum of norms.

    Parameters
    ----------
    point : Point
    blocks : list of (index, matrix)
        The blocks of the Hessian: one of each output, or one of all. A matrix of None is that of
        all rows, in the space of the rows.

    Returns
    -------
    NormsModel
    """
    problem = point.problem
    norms = problem.penalty.group_norms(point.coef).scaled(problem.alpha)
    if len(blocks) == problem.n_outputs:
        own = blocks[:1] if problem.loss.constant_curvature else blocks
        models = [_model(point, index, matrix, norms.l2) for index, matrix in own]
        return _way(norms)(point, norms, models, point.coef.shape)
    ((index, matrix),) = blocks
    joint = np.empty_like(matrix)
    joint[np.ix_(index, index)] = matrix
    is_free = norms.of_features(norms.radii == 0) & (norms.l1 + norms.l2 == 0)
    joint = curved_along(free_shifts(problem, np.arange(len(joint)), is_free), joint)
    norms = replace(norms, labels=np.repeat(norms.labels, problem.n_outputs))
    return _way(norms)(point, norms, [_model(point, index, joint, norms.l2)], (-1, 1))


def _way(norms):
    """To the minimum: with an l1 part, sizes change which coefficients are 0 too often."""
    return SparseGroupModel if norms.l1 else GroupModel


def _model(point, index, matrix, l2):
    """Of one block, with the curvature of squares on its diagonal."""
    if matrix is None:
        return ThinModel(point, index, l2)
    return GramModel(matrix + l2 * np.eye(len(matrix)) if l2 else matrix)


class _Place(NamedTuple):
    """Sizes of the groups, the best coefficients for them, and the model's slope there."""

    sizes: np.ndarray
    v: np.ndarray
    slope: np.ndarray
    #: Numbers of the coefficients in use, and the part of these of each model, with what the sizes
    #: add to it, None where there are none; None where the coefficients are not the best ones.
    used: np.ndarray | None
    parts: list[object] | None


class GroupModel(NormsModel):
    """``g (v - w) + (v - w)' H (v - w) / 2 + norms(v)``, without an l1 part.

    A norm is the least of ``(|v|^2 / size + size) / 2`` over sizes. So the model is a function of
    the groups' sizes alone, at the best coefficients for them: convex, and smooth even where sizes
    are 0 (Micchelli, Morales and Pontil, 2013). A group's size settles where the slope of its
    coefficients has the length of its radius. Newton's steps go there by the inverse of that
    length, which is linear in the size where groups do not interact, or, where that goes too far,
    by its square; sizes that would fall below 0 stay at 0.

    Parameters
    ----------
    point, norms, models, shape
        As of :class:`NormsModel`.

    References
    ----------
    C. Micchelli, J. Morales and M. Pontil (2013): Regularizers for structured sparsity. Advances
    in Computational Mathematics 38, 455-489.
    """

    def __init__(self, point, norms, models, shape):
        super().__init__(point, norms, models, shape)
        self._order = np.argsort(norms.labels, kind="stable")
        told = point.problem.n_samples * len(norms.radii) // point.problem.n_features
        self._first_entering = min(max(LEAST_ENTERING, told), MOST_ENTERING)

    def minimise(self, target_gap):
        """The minimum, to a duality gap or to rounding, (n_features, n_outputs)."""
        target_gap = self._own(target_gap)
        place, gaps, most = self._place_at(self._w, self._gradient), [], 0
        for _ in range(MAX_ROUNDS):
            if not most and (most := self._most_steps(place)):
                given = place.v, place.slope, target_gap, most
                v, slope, is_reached = self._by_products(*given)
                place = self._place_at(v, slope)
                if is_reached:
                    break
            if place.parts is None:
                place = self._settled(place.sizes, place.v, place.slope)
            gaps.append(self._gap(place.v, place.slope))
            if gaps[-1] <= target_gap or stands_still(gaps):
                break
            new = self._lower(place)
            if new is None:
                break
            place = new
        return place.v.reshape(self._shape)

    def _place_at(self, v, slope):
        sizes = np.where(self._is_bound, self._norms.norms(v), 0.0)
        return _Place(sizes, v, slope, None, None)

    def _most_steps(self, place):
        """Steps by products that cost less than Newton's to the minimum; 0 where these do."""
        lengths = self._norms.norms(place.slope)
        used = (place.sizes > 0) | ~self._is_bound
        most = np.count_nonzero(~used & (lengths > self._radii))
        n_groups = np.count_nonzero(used) + min(self._entering(place), most)
        return self._most_plane_steps(n_groups, len(self._models))

    def _coefficients(self, groups):
        """Numbers of the coefficients of some groups (a mask), group by group."""
        return self._order[groups[self._norms.labels[self._order]]]

    def _settled(self, sizes, v, slope):
        """The best coefficients for given sizes, from others."""
        new = np.zeros_like(v)
        index = self._coefficients((sizes > 0) | ~self._is_bound)
        rates = np.divide(self._radii, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        ridge = rates[self._norms.labels[index]]
        new[index] = v[index]
        if (new != v).any():
            slope = slope + self._product(new - v)
        moved, parts = np.zeros_like(v), []
        right = slope[index] + ridge[:, None] * new[index]
        for model, outputs in self._each():
            parts.append(model.part(index, ridge) if len(index) else None)
            if len(index):
                moved[index, outputs] = -parts[-1].solve(right[:, outputs])
        return _Place(sizes, new + moved, slope + self._product(moved), index, parts)

    def _lower(self, place):
        """A lower place; None where there is none. Where many groups that enter together overshoot,
        those in use settle first."""
        found = self._newton(place, self._entering(place))
        return self._newton(place, 0) if found is None else found

    def _entering(self, place):
        """How many groups enter at once."""
        return max(self._first_entering, int(ENTERING * np.count_nonzero(place.sizes)))

    def _newton(self, place, entering):
        """A Newton step in the sizes of groups in use, and of so many that enter, shortened until
        the model falls; None if it does not."""
        lengths, sizes = self._norms.norms(place.slope), place.sizes
        ratio = np.divide(lengths, self._radii, out=np.zeros_like(lengths), where=self._is_bound)
        groups = self._choose(sizes, ratio, entering)
        if not groups.any():
            return None
        curvature = self._curvature(place, groups)
        if not np.isfinite(curvature).all():
            return None
        radii, ratio = self._radii[groups], ratio[groups]
        inverse, plain = radii * ratio**2 * (ratio - 1.0), 0.5 * radii * (ratio**2 - 1.0)
        for right, shortenings in ((inverse, FEW_SHORTENINGS), (plain, SHORTENINGS)):
            step = _nonnegative_step(curvature, right, sizes[groups])
            for halvings in range(shortenings):
                new = sizes.copy()
                new[groups] += 0.5**halvings * step
                found = self._settled(np.maximum(new, 0.0), place.v, place.slope)
                if self._falls(place, found):
                    return found
        return None

    def _falls(self, place, found):
        """Whether the model, at the best coefficients for the sizes, falls from place to place."""
        before, after = self._upper(place), self._upper(found)
        rise = 0.5 * np.vdot(place.slope + found.slope, found.v - place.v) + after - before
        return rise <= EPS * before

    def _upper(self, place):
        """What the penalty is at most, by the sizes."""
        sizes, squares = place.sizes, self._norms.norms(place.v) ** 2
        parts = np.divide(squares, sizes, out=np.zeros_like(sizes), where=sizes > 0) + sizes
        return 0.5 * float(self._radii @ parts)

    def _choose(self, sizes, ratio, entering):
        """Mask of the groups in use, and of those outside whose slopes are longest."""
        used = sizes > 0
        longest = np.where(used | (ratio <= 1.0), 0.0, ratio)
        if np.count_nonzero(longest) > entering:
            longest[np.argpartition(-longest, entering)[entering:]] = 0.0
        return used | (longest > 0) | ~self._is_bound

    def _curvature(self, place, groups):
        """Second derivatives by the sizes: of the model along each group's slope, the coefficients
        in use at their best."""
        index = self._coefficients(groups)
        labels = self._norms.labels[index]
        radii, slope = self._radii[labels][:, None], place.slope[index]
        unit = np.divide(slope, radii, out=np.zeros_like(slope), where=radii > 0)
        starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
        if len(self._models) == unit.shape[1]:
            each = zip(self._models, place.parts, unit.T, strict=True)
            return sum(model.left(part, place.used, index, d, starts) for model, part, d in each)
        ((model,), (part,)), every = (self._models, place.parts), np.arange(len(index))
        every = model.left(part, place.used, index, np.ones(len(index)), every)
        every *= unit @ unit.T
        if len(starts) == len(index):  # groups of one feature each
            return every
        return np.add.reduceat(np.add.reduceat(every, starts, axis=0), starts, axis=1)


def _nonnegative_step(curvature, right, sizes):
    """Newton's step in sizes, none of which falls below 0: the best of these.

    By block pivots (Judice and Pires, 1994): all sizes that fall below 0 stay at 0, and all that
    stay there but would better grow are free again; where that goes in circles, by active sets that
    change one at a time (Lawson and Hanson, 1974). Held for ever, sizes of like groups end where
    the model is higher than at the start of the step.
    """
    free, fewest, patience = np.ones(len(sizes), dtype=bool), np.inf, PATIENCE
    size = np.abs(curvature)
    while True:
        step = -sizes
        given = right[free] + curvature[np.ix_(free, ~free)] @ sizes[~free]
        if free.any():
            step[free] = ScaledCholesky(curvature[np.ix_(free, free)], 0.0).solve(given)
        slack = right - curvature @ step
        rounding = len(sizes) * EPS * (size @ np.abs(step) + np.abs(right))
        wrong = np.where(free, sizes + step < 0, slack > rounding)
        count = np.count_nonzero(wrong)
        if not count:
            return step
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience:
            patience -= 1
        else:
            break
        free ^= wrong
    found = _nonnegative_sizes(curvature, right + curvature @ sizes)
    return np.maximum(step if found is None else found - sizes, -sizes)


def _nonnegative_sizes(curvature, right):
    """The minimum of ``u' curvature u / 2 - right' u`` over u >= 0, in units of the diagonal; None
    where it is not found."""
    size = np.sqrt(np.maximum(curvature.diagonal(), 0.0))
    unit = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    scaled = unit[:, None] * curvature * unit
    for ridge in RIDGES:
        scaled[np.diag_indices_from(scaled)] += ridge
        with suppress(np.linalg.LinAlgError, RuntimeError):
            root = np.linalg.cholesky(scaled)
            image = solve_triangular(root, unit * right, lower=True)
            return unit * nnls(root.T, image)[0]
    return None
