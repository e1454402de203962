"""Slopes of losses with corners, strictly inside of their intervals: rows of an interior point method.

A loss that is a sum of corners, ``max over low <= u <= high of u (eta - centre)``, has its optimum
where ``above (high - u) = below (u - low) = 0``, ``above - below`` being ``eta - centre``, both at
least 0, and where the slopes u are a dual point. An interior point method holds all of them
positive, and moves them to where the products are ``level``, which shrinks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.losses.piecewise_linear import Corner
from nno_sklearn.rows.raw import StoredRaw
from nno_sklearn.rows.replies import SlopeSums
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.rows.local import LocalRows

#: First distances from a corner, in mean distances: rows at it are not stuck there.
FIRST_DISTANCE = 0.5
#: Groups of rows on the same sides of all corners at most, for their means to stand for them.
MOST_GROUPS = 32
TINY = np.finfo(float).tiny


class Lengths(NamedTuple):
    """Longest steps that stay inside, (n_outputs,) each: of distances, and of slopes."""

    primal: Array
    dual: Array

    def shorter(self, other: Lengths) -> Lengths:
        """The shorter ones of two."""
        return Lengths(*map(np.minimum, self, other))

    def inside(self, share: float, are_same: Array) -> Lengths:
        """A share of these, 1 at most; the same for distances and slopes in the outputs where
        ``are_same``."""
        primal, dual = (np.minimum(share * one, 1.0) for one in self)
        least = np.minimum(primal, dual)
        return Lengths(np.where(are_same, least, primal), np.where(are_same, least, dual))


class Slopes:
    """The slopes at one corner of each entry, and distances from it.

    Parameters
    ----------
    corner : Corner
        Whose arrays have the shape of ``eta``, or broadcast to it.
    eta : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n, 1)
        Of the entries' terms in the objective; positive.
    """

    def __init__(self, corner: Corner, eta: Array, weight: Array) -> None:
        self._corner, self._weight = corner, weight
        away = eta - corner.centre
        unit = FIRST_DISTANCE * (weight * np.abs(away)).sum(axis=0) / weight.sum()
        unit = np.maximum(unit, TINY)
        self._above, self._below = np.maximum(away, 0.0) + unit, np.maximum(-away, 0.0) + unit
        # 0 is a dual point of many problems.
        has_zero = np.less(corner.low, 0) & np.greater(corner.high, 0)
        middle = np.where(has_zero, 0.0, 0.5 * (np.add(corner.low, corner.high)))
        self._up = np.broadcast_to(corner.high - middle, eta.shape).copy(order="F")
        self._down = np.broadcast_to(middle - corner.low, eta.shape).copy(order="F")
        self._look()

    def _look(self):
        #: What a slope moves by for each unit of eta.
        self.curvature = 1.0 / (self._above / self._up + self._below / self._down)

    @property
    def u(self) -> Array:
        """The slopes. Their distances from either end are more exact than they are."""
        corner, is_high = self._corner, self._up < self._down
        return np.where(is_high, corner.high - self._up, corner.low + self._down)

    def value(self, eta: Array) -> Array:
        """The corners' terms, (n_outputs,)."""
        away = eta - self._corner.centre
        losses = np.maximum(self._corner.low * away, self._corner.high * away)
        return (self._weight * losses).sum(axis=0)

    def left(self) -> Array:
        """The weighted sum of products, (n_outputs,): the gap between objective and dual, where
        both are feasible."""
        products = self._above * self._up + self._below * self._down
        return (self._weight * products).sum(axis=0)

    def aim(self, eta: Array, level: Array | None) -> Array:
        """Aim at products of ``level``, given the last plan; None: at 0, without one.

        Returns
        -------
        ndarray of shape (n, n_outputs)
            What slopes move by, where eta does not, relative to the curvature.
        """
        if level is None:
            self._goal = 0.0, 0.0
            self._ahead = eta - self._corner.centre
        else:  # of second order: what the planned moves make of the products
            slope, above, below = self._plan
            self._goal = level + above * slope, level - below * slope
            self._ahead = eta - self._corner.centre
            self._ahead -= self._goal[0] / self._up
            self._ahead += self._goal[1] / self._down
        return self._ahead

    def plan(self, moved: Array) -> Lengths:
        """Moves of slopes and distances to where the last aim is, to first order, if eta moves."""
        slope = (moved + self._ahead) * self.curvature
        above = (self._goal[0] + self._above * slope) / self._up - self._above
        below = (self._goal[1] - self._below * slope) / self._down - self._below
        self._plan = slope, above, below
        return Lengths(
            _longest(-above / self._above, -below / self._below),
            _longest(slope / self._up, -slope / self._down),
        )

    def left_after(self, lengths: Lengths) -> Array:
        """What :meth:`left` would be after a planned step."""
        slope, above, below = self._plan
        products = (self._above + lengths.primal * above) * (self._up - lengths.dual * slope)
        products += (self._below + lengths.primal * below) * (self._down + lengths.dual * slope)
        return (self._weight * products).sum(axis=0)

    def share_left(self) -> Array:
        """Shares of the intervals that the slopes are away from either end, (n, n_outputs)."""
        return np.minimum(self._up, self._down) / np.subtract(self._corner.high, self._corner.low)

    def step(self, lengths: Lengths) -> None:
        """Make the planned step."""
        slope, above, below = self._plan
        self._up -= lengths.dual * slope
        self._down += lengths.dual * slope
        self._above += lengths.primal * above
        self._below += lengths.primal * below
        self._look()


def _longest(*rates):
    """The longest step at which nothing is used up that falls at these rates; no more than 2."""
    most = np.max([rate.max(axis=0) for rate in rates], axis=0)
    return 1.0 / np.maximum(most, 0.5)


class Interior:
    """Rows with slopes inside of their intervals: what an interior point method asks of them.

    Parameters
    ----------
    rows : LocalRows
        Of which these are some, or means of some.
    design : DesignMatrix
    weight : ndarray of shape (n,)
        Positive.
    corners : list of Corner
    number : ndarray of shape (n_samples,), default=None
        Which of these each of ``rows`` is part of; -1 for those of weight 0. None: all are.
    """

    def __init__(
        self,
        rows: LocalRows,
        design: Any,
        weight: Array,
        corners: list[Corner],
        number: NDArray[np.integer] | None = None,
    ) -> None:
        self._rows, self._design, self._weight = rows, design, weight[:, None]
        self._corners, self._number = corners, number

    def __len__(self) -> int:
        return len(self._weight)

    def n_products(self, n_others: int) -> float:
        """How often the level counts in what is left, where so many other corners do."""
        return 2.0 * (len(self._corners) + n_others)

    def begin(self, coef: Array, b: Array) -> None:
        """Slopes near 0, and raw predictions of coefficients."""
        self._eta = self._design.matvec(coef) + b
        self._slopes = [Slopes(corner, self._eta, self._weight) for corner in self._corners]

    def value(self) -> Array:
        """The data loss of each output, (n_outputs,)."""
        return sum(slopes.value(self._eta) for slopes in self._slopes)

    def left(self) -> Array:
        """As :meth:`Slopes.left`."""
        return sum(slopes.left() for slopes in self._slopes)

    def gradient(self) -> Array:
        """``X'(s u)``, and its sums below, (n_features + 1, n_outputs); one pass."""
        return self._pulled(sum(slopes.u for slopes in self._slopes))

    def blocks(self) -> list[Array]:
        """The Hessian of each output by coefficients and intercept; one pass each."""
        weights = self._weight * sum(slopes.curvature for slopes in self._slopes)
        return [
            self._rows.joined(*self._design.gram(weight), weight.sum())
            for weight in np.ascontiguousarray(weights.T)
        ]

    def aim(self, level: Array | None) -> Array:
        """Aim at products of ``level``; what the gradient moves by where raw predictions do not,
        (n_features + 1, n_outputs). One pass."""
        return self._pulled(
            sum(slopes.curvature * slopes.aim(self._eta, level) for slopes in self._slopes)
        )

    def plan(self, step: Array) -> Lengths:
        """Moves for a step of coefficients and intercept, (n_features + 1, n_outputs); one pass."""
        self._moved = self._design.matvec(step[:-1]) + step[-1]
        first, *others = (slopes.plan(self._moved) for slopes in self._slopes)
        for other in others:
            first = first.shorter(other)
        return first

    def left_after(self, lengths: Lengths) -> Array:
        """As :meth:`Slopes.left_after`."""
        return sum(slopes.left_after(lengths) for slopes in self._slopes)

    def step(self, lengths: Lengths) -> None:
        """Make the planned step."""
        self._eta += lengths.primal * self._moved
        for slopes in self._slopes:
            slopes.step(lengths)

    def dual(self, raw: StoredRaw, b: Array) -> StoredRaw:
        """Handle of the slopes of all rows; where one weighs nothing, of the loss at ``raw + b``."""
        slopes = sum(slopes.u for slopes in self._slopes)
        if self._number is None:
            return StoredRaw(slopes)
        dual, counts = self._rows.loss_gradient(raw, b), self._number >= 0
        dual[counts] = slopes[self._number[counts]]
        return StoredRaw(dual)

    def sums(self) -> SlopeSums:
        """Of the slopes."""
        weighted = self._weight * sum(slopes.u for slopes in self._slopes)
        return SlopeSums(weighted.sum(axis=0), np.abs(weighted).sum(axis=0))

    def _pulled(self, slopes):
        weighted = self._weight * slopes
        return np.vstack([self._design.rmatvec(weighted), weighted.sum(axis=0)])


def interior_of(rows: LocalRows) -> Interior | None:
    """All rows that weigh anything; None where their loss has no corners."""
    corners = rows.corners()
    if corners is None:
        return None
    if (rows.weight > 0).all():
        return Interior(rows, rows.design, rows.weight, corners)
    index = np.flatnonzero(rows.weight)
    number = np.full(len(rows), -1)
    number[index] = np.arange(len(index))
    some = [Corner(*(_of_rows(field, index) for field in corner)) for corner in corners]
    return Interior(rows, rows.design.rows(index), rows.weight[index], some, number)


def interior_near(rows: LocalRows, raw: StoredRaw, b: Array, count: int) -> Interior | None:
    """The ``count`` rows nearest to a corner at ``raw + b``, and means of the others on the same
    sides of all corners: while none of these crosses one, that is the same loss (Portnoy and
    Koenker, 1997).

    None where the loss has no corners, or the others are on more sides than are worth it.
    """
    corners = rows.corners()
    if corners is None:
        return None
    eta = raw.array + b
    away = [eta - corner.centre for corner in corners]
    nearest = np.min([np.abs(one).min(axis=1) for one in away], axis=0)
    nearest[rows.weight == 0] = np.inf
    is_far = rows.weight > 0
    near = np.sort(np.argpartition(nearest, count)[:count])
    is_far[near] = False
    far = np.flatnonzero(is_far)
    sides = [one > 0 for one in away]
    sides += [side for corner in corners for side in (corner.low, corner.high) if _varies(side)]
    group = _groups([side[far] for side in sides])
    n_groups = int(group.max(initial=-1)) + 1
    if n_groups > MOST_GROUPS:
        return None
    share = np.zeros((len(rows), n_groups))
    share[far, group] = rows.weight[far]
    total = share.sum(axis=0)
    share /= total
    design = rows.design.with_means(near, rows.design.rmatvec(share).T)
    some = [Corner(*(_with_means(field, near, share) for field in corner)) for corner in corners]
    number = np.full(len(rows), -1)
    number[near], number[far] = np.arange(len(near)), len(near) + group
    return Interior(rows, design, np.concatenate([rows.weight[near], total]), some, number)


def _groups(arrays):
    """Number of the group of each row, of those that are alike in all columns."""
    group = np.zeros(len(arrays[0]), dtype=np.intp)
    for column in (column for array in arrays for column in array.T):
        values, digits = np.unique(column, return_inverse=True)
        group = group * len(values) + digits
        if group.max(initial=0) >= MOST_GROUPS:
            group = np.unique(group, return_inverse=True)[1]
    return np.unique(group, return_inverse=True)[1]


def _varies(field):
    """Whether a corner's field has a number for each row."""
    return np.ndim(field) == 2


def _of_rows(field, index):
    """A corner's field of some rows."""
    return field[index] if _varies(field) else field


def _with_means(field, index, share):
    """A corner's field of some rows, and below them its means."""
    return np.concatenate([field[index], share.T @ field]) if _varies(field) else field
