"""Slopes at corners, strictly inside of their intervals, as an interior point method moves them.

A loss that is a sum of corners, ``max over low <= u <= high of u (eta - centre)``, has its optimum
where ``above (high - u) = below (u - low) = 0``, ``above - below`` being ``eta - centre``, both at
least 0, and where the slopes u are a dual point. An interior point method holds all of them
positive, and moves them to where the products are ``level``, which shrinks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nno_sklearn.losses import Corner
from nno_sklearn.types import Array

#: First distances from a corner, in mean distances: rows at it are not stuck there.
FIRST_DISTANCE = 0.5
#: Least share of half an interval by which first slopes are inside of it.
LEAST_SHARE = 0.1
TINY = np.finfo(float).tiny


class Lengths(NamedTuple):
    """Longest steps that stay inside: of distances, and of slopes."""

    primal: float
    dual: float

    def shorter(self, other: Lengths) -> Lengths:
        """The shorter ones of two."""
        return Lengths(*map(min, self, other))

    def inside(self, share: float, are_same: bool) -> Lengths:
        """A share of these, 1 at most; the same for distances and slopes where ``are_same``."""
        primal, dual = (min(share * one, 1.0) for one in self)
        return Lengths(*[min(primal, dual)] * 2) if are_same else Lengths(primal, dual)


class Slopes:
    """The slopes at the corners of each entry, and distances from these.

    Parameters
    ----------
    corner : Corner
        Of the entries; several side by side have arrays of shape (n, n_corners), or (n_corners,).
    eta : ndarray of shape (n, 1)
    weight : ndarray of shape (n, 1)
        Of the entries' terms in the objective; positive.
    level : float, default=None
        First products of entries at their corners; by default those of distances that are a share
        of the mean one.
    """

    def __init__(
        self, corner: Corner, eta: Array, weight: Array, level: float | None = None
    ) -> None:
        self._corner, self._weight = corner, weight[:, 0]
        away = eta - corner.centre
        self._half = 0.5 * np.subtract(corner.high, corner.low)
        if level is None:
            unit = FIRST_DISTANCE * (self._weight @ np.abs(away)) / weight.sum()
        else:
            unit = level / self._half
        self._unit = np.maximum(unit, TINY)
        self._above = np.broadcast_to(self._unit, away.shape).copy(order="F")
        self._below = self._above.copy(order="F")
        self._up = np.broadcast_to(self._half, away.shape).copy(order="F")
        self._down = self._up.copy(order="F")
        self._look()

    def begin(self, eta: Array, at_zero: bool = False) -> None:
        """Begin at raw predictions, with the slopes of the parabola to which a step is planned; or
        ``at_zero``, where that is a slope."""
        corner, half = self._corner, self._half
        least = LEAST_SHARE * half
        u = np.clip(corner.low + half + self._plan[0], corner.low + least, corner.high - least)
        if at_zero:
            u = np.where(np.less(corner.low, 0) & np.greater(corner.high, 0), 0.0, u)
        self._up, self._down = corner.high - u, u - corner.low
        away, unit = eta - corner.centre, self._unit / half
        self._above = np.where(away > 0, unit * self._up + away, unit * self._down)
        self._below = self._above - away
        self._look()

    def _look(self):
        #: What a slope moves by for each unit of eta.
        self.curvature = 1.0 / (self._above / self._up + self._below / self._down)

    @property
    def u(self) -> Array:
        """The slopes. Their distances from either end are more exact than they are."""
        corner, is_high = self._corner, self._up < self._down
        return np.where(is_high, corner.high - self._up, corner.low + self._down)

    def left(self) -> float:
        """The weighted sum of products: the gap between objective and dual, where
        both are feasible."""
        products = self._above * self._up + self._below * self._down
        return float(np.add.reduce(self._weight @ products))

    def aim(self, eta: Array, level: float | None) -> Array:
        """Aim at products of ``level``, given the last plan; None: at 0, without one.

        Returns
        -------
        ndarray of shape (n, n_corners)
            What slopes move by, where eta does not, relative to the curvature.
        """
        if level is None:
            self._goal = None
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
        up, down = slope / self._up, slope / self._down  # shares of what there is that are used up
        above = self._above * (up - 1.0)
        below = self._below * (down + 1.0)
        np.negative(below, out=below)
        if self._goal is None:
            self._plan = slope, above, below
            primal = _longest(1.0 - up.min(), 1.0 + down.max())
        else:
            above += self._goal[0] / self._up
            below += self._goal[1] / self._down
            self._plan = slope, above, below
            primal = _longest(-(above / self._above).min(), -(below / self._below).min())
        return Lengths(primal, _longest(up.max(), -down.min()))

    def left_after(self, lengths: Lengths) -> float:
        """What :meth:`left` would be after a planned step."""
        slope, above, below = self._plan
        products = (self._above + lengths.primal * above) * (self._up - lengths.dual * slope)
        products += (self._below + lengths.primal * below) * (self._down + lengths.dual * slope)
        return float(np.add.reduce(self._weight @ products))

    def side(self) -> Array:
        """Guesses at the optimum's sides, (n, n_corners): 1 above the corner, -1 below it, 0 at it.
        Of a distance and that of the slope from its end the last step made the one that vanishes
        the smaller share of what it was (El-Bakry, Tapia and Zhang, 1994)."""
        (slope, above, below), (primal, dual) = self._plan, self._lengths
        is_above = dual * slope * self._above > -primal * above * self._up
        is_below = -dual * slope * self._below > -primal * below * self._down
        return is_above.astype(np.int8) - is_below

    def share_left(self) -> Array:
        """Shares of the intervals that the slopes are away from either end, (n, 1)."""
        return np.minimum(self._up, self._down) / np.subtract(self._corner.high, self._corner.low)

    def step(self, lengths: Lengths) -> None:
        """Make the planned step."""
        slope, above, below = self._plan
        self._lengths = lengths
        self._up -= lengths.dual * slope
        self._down += lengths.dual * slope
        self._above += lengths.primal * above
        self._below += lengths.primal * below
        self._look()


def _longest(*rates):
    """The longest step at which nothing is used up that falls at these rates; no more than 2."""
    return 1.0 / max(0.5, *map(float, rates))
