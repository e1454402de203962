"""Rows with the slopes of their losses inside of intervals: what an interior point method asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.losses import Corner
from nno_sklearn.rows.raw import StoredRaw
from nno_sklearn.rows.slopes import Lengths, Slopes
from nno_sklearn.rows.sums import gram_of
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.rows.local import LocalRows

#: Groups of rows on the same sides of all corners, at most, for their means to stand for them.
MOST_GROUPS = 32


class CornerRows:
    """The corners of one output on some rows, or on means of rows, side by side: what holds however
    their slopes are found.

    Parameters
    ----------
    rows : LocalRows
        All rows.
    whole : sequence of Corner
        Of all rows, in one output.
    design : DesignMatrix
    weight : ndarray of shape (n,)
        Positive.
    corners : sequence of Corner
    number : ndarray of shape (n_samples,), default=None
        Which of these each of all rows is part of; -1 for those of weight 0. None: the same rows.
    """

    def __init__(
        self,
        rows: LocalRows,
        whole: Sequence[Corner],
        design: Any,
        weight: Array,
        corners: Sequence[Corner],
        number: NDArray[np.integer] | None = None,
    ) -> None:
        self._rows, self._whole, self._design = rows, whole, design
        self._products = Products(design)
        self._weight, self._number = weight[:, None], number
        self._corner = side_by_side(corners, len(weight))

        #: Raw predictions, (n, 1), once there are any.
        self._eta: Array

    def __len__(self) -> int:
        return len(self._weight)

    @property
    def _shape(self):
        """(n, n_corners)"""
        return np.broadcast_shapes((len(self), 1), *map(np.shape, self._corner))

    def _u(self) -> Array:
        """Slopes of the losses, (n, 1): sums of those at the corners."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it finds slopes.")

    def value(self) -> float:
        """The data loss."""
        return self._value(self._eta)

    def value_at(self, coef: Array, b: Array) -> float:
        """The data loss of other coefficients, (n_features, 1), and intercept, (1,); one pass."""
        return self._value(self._products.moved(np.append(coef, b)))

    def _value(self, eta):
        return float(np.vdot(self._weight, across(self._corner.value(eta))))

    def gradient(self) -> Array:
        """``X'(s u)``, and its sum below, (n_features + 1,); one pass."""
        return self._pulled(self._u())

    def sums(self) -> tuple[float, float]:
        """Weighted sums of the slopes and of their absolute values."""
        weighted = self._weight * self._u()
        return float(weighted.sum()), float(np.abs(weighted).sum())

    def dual(self) -> StoredRaw:
        """Handle of the slopes of all rows."""
        slopes = self._u()
        if self._number is None:
            return StoredRaw(slopes)
        middle = added(0.5 * np.add(corner.low, corner.high) for corner in self._whole)
        dual = np.broadcast_to(middle, (len(self._rows), 1)).copy()
        counts = self._number >= 0
        dual[counts] = slopes[self._number[counts]]
        return StoredRaw(dual)

    def _pulled(self, slopes):
        return self._products.pulled(self._weight * slopes)


class Products:
    """Products with rows and a 1 beside each, of which the intercept is the coefficient.

    Parameters
    ----------
    design : DesignMatrix
    """

    #: The rows beside their ones, (n, n_features + 1); None where these are not kept.
    beside: Array | None = None

    def __init__(self, design: Any) -> None:
        self._design = design

    def moved(self, joint: Array) -> Array:
        """Raw predictions, (n, 1), of coefficients and intercept, (n_features + 1,); one pass."""
        return self._design.matvec(joint[:-1, None]) + joint[-1]

    def pulled(self, slopes: Array) -> Array:
        """Sums of the rows times slopes, (n, 1), and of these, (n_features + 1,); one pass."""
        return np.append(self._design.rmatvec(slopes), slopes.sum())

    def gram(self, weight: Array) -> Array:
        """Weighted sum of the rows' outer products, (n_features + 1, n_features + 1), of weights
        (n, 1); one pass."""
        gram, first = self._design.gram(weight[:, 0])
        return np.block([[gram, first], [first.T, weight.sum()]])


class KeptProducts(Products):
    """The same with small rows that are kept beside their ones: nothing is centred each time."""

    beside: Array

    def __init__(self, design: Any, beside: Array) -> None:
        super().__init__(design)
        self._passes, self._n_stored, self.beside = design.passes, design.n_stored, beside

    def moved(self, joint: Array) -> Array:
        self._read()
        return (self.beside @ joint)[:, None]

    def pulled(self, slopes: Array) -> Array:
        self._read()
        return slopes[:, 0] @ self.beside

    def gram(self, weight: Array) -> Array:
        self._read()
        return gram_of(weight, self.beside)

    def _read(self) -> None:
        self._passes.read(self._n_stored)


def products_of(design: Any) -> Products:
    """Products with a design matrix, the cheapest ones."""
    beside = design.beside_ones()
    return Products(design) if beside is None else KeptProducts(design, beside)


class Interior(CornerRows):
    """Rows whose slopes are inside of their intervals: what an interior point method asks."""

    #: At the ends of their intervals, (n, n_corners); None inside of them.
    _at_ends: Array | None

    @property
    def n_products(self) -> int:
        """How often the level counts in what is left."""
        return 2 * self._shape[1]

    def begin(self, coef: Array, b: Array) -> None:
        """Slopes in the middle, and raw predictions of coefficients, (n_features, 1)."""
        self._products = products_of(self._design)
        self._at_ends = None
        self._eta = self._products.moved(np.append(coef, b))
        self._slopes = Slopes(self._corner, self._eta, self._weight)

    def _u(self) -> Array:
        return across(self.slopes())

    @property
    def are_kept(self) -> bool:
        """Whether the rows lie beside their ones, for :meth:`arrays`, and are no means."""
        is_whole = self._number is None or len(self) == np.count_nonzero(self._number >= 0)
        return is_whole and self._products.beside is not None

    def arrays(self) -> tuple[Array | None, Corner, Array]:
        """The rows beside their ones, (n, n_features + 1); their corners, in fields of shape
        (n, n_corners); and weights, (n,)."""
        fields = (np.broadcast_to(field, self._shape) for field in self._corner)
        return self._products.beside, Corner(*fields), self._weight[:, 0]

    def sides(self) -> Array:
        """Guesses at the sides of the corners that the optimum is on: 1 above, -1 below, 0 at it,
        (n, n_corners)."""
        return self._slopes.side()

    def slopes(self) -> Array:
        """(n, n_corners)"""
        return self._slopes.u if self._at_ends is None else self._at_ends

    def settle(self, joint: Array, slopes: Array) -> None:
        """Be at coefficients and intercept, (n_features + 1,), with slopes that may be at the ends
        of their intervals, (n, n_corners)."""
        self._eta = self._products.moved(joint)
        self._at_ends = np.clip(slopes, self._corner.low, self._corner.high)

    def lose_nothing(self) -> bool:
        """Whether all losses are as small as they can be, which is 0; slopes of 0 are then kept."""
        low, high = self._corner.low, self._corner.high
        if self.value() > 0 or not np.all(np.less_equal(low, 0) & np.greater_equal(high, 0)):
            return False
        self._at_ends = np.zeros(self._shape)
        return True

    def whole_value(self, raw: StoredRaw, b: Array) -> float:
        """The data loss of all rows: more, if one is not on the side of its group."""
        weight, eta = self._rows.weight, raw.array + b
        return float(weight @ added(corner.value(eta) for corner in self._whole)[:, 0])

    def left(self) -> float:
        """As :meth:`Slopes.left`."""
        return self._slopes.left()

    def block(self) -> Array:
        """The Hessian by coefficients and intercept; one pass."""
        weight = self._weight * across(self._slopes.curvature)
        gram = self._products.gram(weight)
        return gram if self._rows.fit_intercept else gram[:-1, :-1]

    def aim(self, level: float | None) -> Array:
        """Aim at products of ``level``; what the gradient moves by where raw predictions do not,
        (n_features + 1,). One pass."""
        ahead = self._slopes.aim(self._eta, level)
        return self._pulled(across(self._slopes.curvature * ahead))

    def plan(self, step: Array) -> Lengths:
        """Moves for a step of coefficients and intercept, (n_features + 1,); one pass."""
        self._moved = self._products.moved(step)
        return self._slopes.plan(self._moved)

    def left_after(self, lengths: Lengths) -> float:
        """As :meth:`Slopes.left_after`."""
        return self._slopes.left_after(lengths)

    def begin_planned(self, at_zero: bool) -> None:
        """Make the planned step to the minimum of parabolas, and begin there; see
        :meth:`Slopes.begin`."""
        self._eta += self._moved
        self._slopes.begin(self._eta, at_zero)

    def step(self, lengths: Lengths) -> None:
        """Make the planned step."""
        self._eta += lengths.primal * self._moved
        self._slopes.step(lengths)


def interior_of(rows: LocalRows, corners: Sequence[Corner]) -> Interior:
    """All rows that weigh anything, with the corners of an output."""
    return Interior(rows, corners, *rows_that_count(rows, corners))


def rows_that_count(rows: LocalRows, corners: Sequence[Corner]) -> tuple[Any, ...]:
    """Design, weights and corners of the rows that weigh anything, and their numbers, as
    :class:`CornerRows` takes them."""
    if (rows.weight > 0).all():
        return rows.design, rows.weight, corners, None
    index = np.flatnonzero(rows.weight)
    number = np.full(len(rows), -1)
    number[index] = np.arange(len(index))
    some = [Corner(*(of_rows(field, index) for field in corner)) for corner in corners]
    return rows.design.rows(index), rows.weight[index], some, number


def interior_near(
    rows: LocalRows, corners: Sequence[Corner], raw: StoredRaw, b: Array, count: int
) -> Interior | None:
    """The ``count`` rows nearest to a corner at ``raw + b``, and means of the others on the same
    sides of all corners: while none of these crosses one, that is the same loss (Portnoy and
    Koenker, 1997).

    None where the others are on more sides than are worth it.
    """
    eta = raw.array + b
    away = [eta - corner.centre for corner in corners]
    nearest = np.min([np.abs(one[:, 0]) for one in away], axis=0)
    nearest[rows.weight == 0] = np.inf
    near = np.sort(np.argpartition(nearest, count)[:count])
    is_far = rows.weight > 0
    near = near[is_far[near]]
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
    weight = np.concatenate([rows.weight[near], total])
    return Interior(rows, corners, design, weight, some, number)


def added(arrays: Iterable[Array]) -> Array:
    """The sum of arrays."""
    return reduce(np.add, arrays)


def across(entries: Array) -> Array:
    """Sums of rows, (n, 1), of (n, n_corners)."""
    return entries if entries.shape[1] == 1 else entries.sum(axis=1, keepdims=True)


def side_by_side(corners: Sequence[Corner], n: int) -> Corner:
    """Several corners of n rows as one, whose fields are (n, n_corners), column by column in
    memory, or (n_corners,) where they are numbers."""
    if len(corners) == 1:
        return corners[0]
    return Corner(*(_in_columns(fields, n) for fields in zip(*corners, strict=True)))


def _in_columns(fields, n):
    if not any(map(_varies, fields)):
        return np.ravel(fields)
    columns = np.empty((n, len(fields)), order="F")
    for column, field in zip(columns.T, fields, strict=True):
        column[:] = np.ravel(field)
    return columns


def _groups(columns):
    """Number of the group of each row, of those that are alike in all columns."""
    group = np.zeros(len(columns[0]), dtype=np.intp)
    for column in columns:
        values, digits = np.unique(column[:, 0], return_inverse=True)
        group = group * len(values) + digits
    return np.unique(group, return_inverse=True)[1]


def _varies(field):
    """Whether a corner's field has a number for each row."""
    return np.ndim(field) == 2


def of_rows(field, index):
    """A corner's field of some rows."""
    return field[index] if _varies(field) else field


def _with_means(field, index, share):
    """A corner's field of some rows, and below them its means."""
    return np.concatenate([field[index], share.T @ field]) if _varies(field) else field
