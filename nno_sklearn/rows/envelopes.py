"""Corners rounded off around slopes that are known: what the method of multipliers asks of rows.

A loss that is a sum of corners, ``max over low <= u <= high of u (eta - centre)``, becomes smooth
by a term ``-width / 2 (u - v)^2`` around slopes v (Moreau's envelope, shifted). Its slopes are
``clip(v + (eta - centre) / width, low, high)``: curved are the rows inside of their intervals
alone, few where the width is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.losses import Corner
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.rows.interior import CornerRows, across, of_rows, rows_that_count
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.rows.local import LocalRows

#: Share of the rows from which on all of them are near.
MOST = 0.7


class CurvedRows:
    """Rows inside of their intervals, with the curvature of each: the data loss's Hessian.

    Parameters
    ----------
    rows : LocalRows
    design : DesignMatrix
    weight : ndarray of shape (n,)
        Positive.
    index : ndarray of int of shape (n,)
        Their numbers.
    """

    def __init__(
        self, rows: LocalRows, design: Any, weight: Array, index: NDArray[np.intp]
    ) -> None:
        self._rows, self._design, self._weight, self._index = rows, design, weight, index

    def __len__(self) -> int:
        return len(self._weight)

    def are(self, others: CurvedRows) -> bool:
        """Whether these are the same rows."""
        return np.array_equal(self._index, others._index)

    @property
    def total(self) -> float:
        """Second derivative by the intercept."""
        return float(self._weight.sum())

    def block(self) -> Array:
        """The Hessian by coefficients and intercept; one pass over these rows."""
        gram, first = self._design.gram(self._weight)
        return self._rows.joined(gram, first, self.total)

    def solve(self, diagonal: Array, slope: Array) -> Array:
        """The inverse of ``diag(diagonal)`` plus the Hessian, of a slope, in the space of these
        rows (Woodbury, 1950); some passes over them. All are (n_features + 1,)."""
        first = slope[:-1] / diagonal[:-1]
        factor = ScaledCholesky(self._design.kernel(1.0 / diagonal[:-1]), 1.0 / self._weight)
        slopes = factor.solve(self._design.matvec(first[:, None])[:, 0])
        by_shift = factor.solve(np.ones(len(self)))
        shift = (slope[-1] - slopes.sum()) / (diagonal[-1] + by_shift.sum())
        pulled = self._design.rmatvec((slopes + shift * by_shift)[:, None])
        return np.append(first - np.ravel(pulled) / diagonal[:-1], shift)

    def _raw(self, step):
        return self._design.matvec(step[:-1, None])[:, 0] + step[-1]

    def _pulled(self, raw):
        return np.append(self._design.rmatvec(raw[:, None]), raw.sum())

    def product(self, step: Array) -> Array:
        """The Hessian times a step; two passes."""
        return self._pulled(self._weight * self._raw(step))

    def diagonal(self) -> Array:
        """Of the Hessian, but for the centre of sparse columns, (n_features + 1,); one pass."""
        return np.append(self._design.weighted_squares(self._weight), self.total)


class Envelopes(CornerRows):
    """The corners of one output, rounded off around slopes; see the module.

    Attributes
    ----------
    around : ndarray of shape (n, n_corners)
        The slopes around which the corners are rounded off.
    others : ndarray of shape (n_features + 1,), or float
        Slopes by coefficients and intercept of further rows, which are on a line of their losses.
    """

    around: Array
    others: Array | float = 0.0

    def begin(self, coef: Array, b: Array) -> None:
        """Around the middles of the intervals, or 0, a dual point of many problems; one pass."""
        low, high = self._corner.low, self._corner.high
        has_zero = np.less(low, 0) & np.greater(high, 0)
        middle = np.where(has_zero, 0.0, 0.5 * np.add(low, high))
        self.around = np.broadcast_to(middle, self._shape)
        self.move_to(coef, b)

    def move_to(self, coef: Array, b: Array) -> None:
        """Raw predictions of coefficients, (n_features, 1); one pass."""
        self._eta = self._design.matvec(coef) + b

    def spread(self) -> float:
        """Mean distance from corners, for each unit of slopes between which they lie."""
        away = self._weight * np.abs(self._eta - self._corner.centre)
        return float(away.sum() / np.sum(self._weight * self._lengths))

    @property
    def _lengths(self):
        """Of the intervals of slopes."""
        lengths = np.subtract(self._corner.high, self._corner.low)
        return np.broadcast_to(lengths, self._shape)

    def look(self, width: float) -> None:
        """Slopes at a width: what the other methods see."""
        self._width = width
        self._slopes = self._limited(self._eta)

    def _limited(self, eta):
        """The slopes at the corners, (n, n_corners)."""
        return np.clip(self._unlimited(eta), self._corner.low, self._corner.high)

    def _unlimited(self, eta):
        """What they would be without limits."""
        return self.around + (eta - self._corner.centre) / self._width

    def _u(self) -> Array:
        return across(self._slopes)

    def gradient(self) -> Array:
        return super().gradient() + self.others

    def smooth_value(self) -> float:
        """The data loss, rounded off."""
        return self._smooth_value(self._eta, self._slopes)

    def _smooth_value(self, eta, slopes):
        losses = slopes * (eta - self._corner.centre)
        losses -= 0.5 * self._width * (slopes - self.around) ** 2
        return float(np.sum(self._weight * losses))

    def left(self) -> float:
        """What losses and their conjugates at the slopes are more than their products with raw
        predictions: the rows' part of the gap."""
        away = self._eta - self._corner.centre
        missing = np.where(away > 0, self._corner.high, self._corner.low) - self._slopes
        return float(np.sum(self._weight * away * missing))

    def settle(self) -> None:
        """Round off around the slopes from now on: a step of the method of multipliers."""
        self.around = self._slopes

    def near(self, band: float) -> Envelopes:
        """The rows within a ``band`` of their intervals, in lengths of these; with the slopes of
        the others as they are. Itself where that is most rows, or none. One pass."""
        slopes, reach = self._unlimited(self._eta), band * self._lengths
        inside = (slopes > self._corner.low - reach) & (slopes < self._corner.high + reach)
        is_near = inside.any(axis=1)
        if not 0 < np.count_nonzero(is_near) <= MOST * len(self):
            return self
        index = np.flatnonzero(is_near)
        corner = Corner(*(of_rows(field, index) for field in self._corner))
        given = self._design.rows(index), self._weight[index, 0], [corner]
        part = Envelopes(self._rows, self._whole, *given)
        part._eta, part.around = self._eta[index], self.around[index]
        part.others = self._pulled(np.where(is_near[:, None], 0.0, self._u()))
        return part

    def curved(self) -> CurvedRows:
        """The rows inside of their intervals."""
        count = self._n_curved(self._eta)[:, 0]
        index = np.flatnonzero(count)
        weight = self._weight[index, 0] * count[index] / self._width
        design = self._design if len(index) == len(self) else self._design.rows(index)
        return CurvedRows(self._rows, design, weight, index)

    def _n_curved(self, eta):
        """Corners at which slopes change with raw predictions, (n, 1)."""
        slopes = self._unlimited(eta)
        inside = (slopes > self._corner.low) & (slopes < self._corner.high)
        return across(inside.astype(float))

    def plan(self, step: Array) -> None:
        """Plan a step of coefficients and intercept, (n_features + 1,); one pass."""
        self._moved = self._design.matvec(step[:-1, None]) + step[-1]
        self._others_move = float(np.sum(self.others * step))

    def derivatives(self, t: float) -> tuple[float, float]:
        """First and second of the smooth losses along the planned step; no pass."""
        eta, moved = self._eta + t * self._moved, self._weight * self._moved
        slopes = across(self._limited(eta))
        second = np.vdot(moved * self._moved, self._n_curved(eta)) / self._width
        return float(np.vdot(moved, slopes)) + self._others_move, float(second)

    def rise(self, t: float) -> float:
        """Of the smooth losses along the planned step; no pass."""
        eta = self._eta + t * self._moved
        ahead = self._smooth_value(eta, self._limited(eta))
        return ahead - self.smooth_value() + t * self._others_move

    def step(self, t: float) -> None:
        """Make ``t`` times the planned step."""
        self._eta = self._eta + t * self._moved


def envelopes_of(rows: LocalRows, corners: Sequence[Corner]) -> Envelopes:
    """All rows that weigh anything, with the corners of an output."""
    design, *given = rows_that_count(rows, corners)
    return Envelopes(rows, corners, design.by_rows(), *given)
