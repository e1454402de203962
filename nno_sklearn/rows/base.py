"""The interface of rows: all that is as long as the data stays behind it, only sums travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.random import RandomState

from nno_sklearn.losses import Loss
from nno_sklearn.types import Array, Metric

if TYPE_CHECKING:
    from nno_sklearn.rows.local import LocalRows


class Raw:
    """Handle of one number per row and output: raw predictions without an intercept, or what a
    direction adds to them. Only the rows that made it, or parts of them with other columns, can
    read it.
    """


class RowCurvature:
    """Handle of the rows' second derivatives at a place.

    Attributes
    ----------
    inverse : ndarray of shape (n_outputs, n_outputs)
        Inverse of the second derivative by the intercept; zeros without an intercept.
    """

    inverse: Array


class RowSums(NamedTuple):
    """Weighted sums over all rows; those along a line are None without one.

    Parameters
    ----------
    total : ndarray of shape (n_outputs,)
        Of the loss gradient: the derivative by the intercept.
    size : ndarray of shape (n_outputs,)
        Of the loss gradient's absolute values.
    bend : ndarray of shape (n_outputs, n_outputs)
        Of the curvature: the second derivative by the intercept.
    first, second : ndarray of shape (n_outputs,), or (1,) where outputs interact
        Derivatives along the line, the intercept held.
    mixed : ndarray of shape (n_outputs,)
        Second derivative by the line's t and the intercept.
    """

    total: Array
    size: Array
    bend: Array
    first: Array | None = None
    second: Array | None = None
    mixed: Array | None = None


class Targets(NamedTuple):
    """Weighted mean, least, greatest and largest absolute target of each output, (n_outputs,)."""

    mean: Array
    low: Array
    high: Array
    size: Array


class Geometry(NamedTuple):
    """Where the columns lie: what rows must know of all rows, where they are only some of them.

    Parameters
    ----------
    origin, scale : ndarray of shape (n_features,)
        Weighted means, zeros without an intercept, and spreads, 0 for constant columns.
    """

    origin: Array
    scale: Array


class Moments(NamedTuple):
    """Second moments of centred columns and centred targets: ``X'SX``, ``X'Sy``, diag(``y'Sy``)."""

    gram: Array
    cross: Array
    energy: Array


class HessianSums(NamedTuple):
    """Weighted sums over all rows that make up an output's Hessian.

    Parameters
    ----------
    gram : ndarray of shape (n_features, n_columns)
        ``X'(s h X)``, or some columns of it.
    first : ndarray of shape (n_features, 1), or None without an intercept
        ``X'(s h)``.
    total : float
        Of h.
    """

    gram: Array
    first: Array | None
    total: float


class DualPoint(NamedTuple):
    """What a bound by Fenchel duality needs of a dual point v, one number per row and output.

    Parameters
    ----------
    pulled : ndarray of shape (n_features, n_outputs)
        ``X'(s v)``.
    total : ndarray of shape (n_outputs,)
        Weighted sum of v.
    squares : float
        Weighted sum of the squares of v.
    scaling : float
        The first of the scalings c that were tried at which the conjugate is finite.
    conjugate, size : float
        Weighted sums of the loss's conjugates at ``c v``, and of their absolute values.
    """

    pulled: Array
    total: Array
    squares: float
    scaling: float
    conjugate: float
    size: float


class PassCounter:
    """How often X was read, in units of the whole matrix; shared by all parts of it.

    Parameters
    ----------
    n_stored : int
        Entries of the whole matrix.
    """

    def __init__(self, n_stored: int) -> None:
        self._n_stored, self.total = n_stored, 0.0

    def read(self, n_stored: float) -> None:
        """Count a look at ``n_stored`` entries."""
        self.total += n_stored / self._n_stored if self._n_stored else 1.0


class HessianInverse(Protocol):
    """Applies the inverse of a matrix of second derivatives."""

    def solve(self, gradient: Array) -> Array:
        """Its product with a gradient, (n_features, n_outputs)."""


class HeavyRows(NamedTuple):
    """The rows with the largest curvature: themselves, theirs, and their weighted squares."""

    rows: LocalRows
    curvature: RowCurvature
    squares: Array


def inner(a: Array, b: Array, is_separate: bool) -> Array:
    """Inner products of the columns of a and b, (n_outputs,), or their sum, (1,)."""
    if a.shape[1] == 1:
        return np.array([np.vdot(a, b)])
    products = np.einsum("jk,jk->k", a, b)
    return products if is_separate else products.sum(keepdims=True)


class Rows(ABC):
    """Rows X, targets y and weights s that sum to 1, with the loss that measures them.

    Wherever they are, they answer with sums, Gram matrices, or a few rows. X is centred
    implicitly where an intercept is fitted. ``b`` is an intercept of the centred columns,
    (n_outputs,); coefficients and directions are (n_features, n_outputs), all float64. With raw
    predictions eta, u denotes the loss's derivatives by eta and h its second derivatives.

    Attributes
    ----------
    loss : Loss
    fit_intercept : bool
    """

    loss: Loss
    fit_intercept: bool

    # Sizes

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(n_samples, n_features)."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Columns of y."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """Of X."""

    @property
    @abstractmethod
    def is_sparse(self) -> bool:
        """Whether X is sparse."""

    @property
    @abstractmethod
    def n_stored(self) -> int:
        """Entries of X that a pass reads."""

    @property
    @abstractmethod
    def row_product_cost(self) -> float:
        """Entries read in a pass that take as long as a row's outer product in a Gram matrix."""

    @property
    @abstractmethod
    def origin(self) -> Array:
        """Weighted means of the columns, (n_features,); zeros without an intercept."""

    @property
    @abstractmethod
    def scale(self) -> Array:
        """Spread of the columns, (n_features,); 0 for constant ones."""

    @property
    @abstractmethod
    def inverse_scale(self) -> Array:
        """Reciprocal of the spread, (n_features,); 0 for constant columns."""

    @property
    @abstractmethod
    def rounding(self) -> float:
        """Share of a column's spread that rounding may make of differences between columns."""

    @property
    @abstractmethod
    def underflows(self) -> bool:
        """Whether a column is so small that its squares vanish."""

    @property
    @abstractmethod
    def targets(self) -> Targets:
        """What the targets are like."""

    @property
    @abstractmethod
    def passes(self) -> PassCounter:
        """How often X was read, shared by all parts of it."""

    @property
    @abstractmethod
    def is_separate(self) -> bool:
        """Whether outputs do not interact in the loss."""

    # Handles

    @abstractmethod
    def raw(self, coef: Array) -> Raw:
        """``X @ coef``; one pass."""

    @abstractmethod
    def nothing(self) -> Raw:
        """``X @ 0``; no pass."""

    @abstractmethod
    def combined(self, first: Raw, t: float | Array, second: Raw) -> Raw:
        """``first + t * second``, with a t for each output or for all; no pass."""

    @abstractmethod
    def chosen(self, which: Array, first: Raw, second: Raw) -> Raw:
        """The outputs of ``first`` where ``which``, (n_outputs,) or (1,), else of ``second``."""

    @abstractmethod
    def curvature(self, raw: Raw, b: Array, least: float | None = None) -> RowCurvature:
        """The rows' second derivatives at ``raw + b``, at least ``least`` in each output."""

    # Sums at raw predictions

    @abstractmethod
    def sums(self, raw: Raw, b: Array, slope: Raw | None = None, t: float | Array = 0.0) -> RowSums:
        """Of the derivatives at ``raw + t * slope + b``."""

    @abstractmethod
    def values(self, raw: Raw, b: Array, slope: Raw | None = None, t: float | Array = 0.0) -> Array:
        """Weighted mean loss of each output at ``raw + t * slope + b``, (n_outputs,)."""

    @abstractmethod
    def gradient(self, raw: Raw, b: Array) -> Array:
        """``X'(s u)``, (n_features, n_outputs); one pass."""

    @abstractmethod
    def moved_gradient(self, raw: Raw, b: Array, curvature: RowCurvature, shift: Array) -> Array:
        """``X'(s (u + h shift))``: the gradient, to first order, with b moved; one pass."""

    @abstractmethod
    def square(self, raw: Raw) -> float:
        """Weighted sum of squares."""

    @abstractmethod
    def release(self, raw: Raw) -> None:
        """Let go of what is kept with a handle and can be made anew."""

    @abstractmethod
    def gradient_sizes(self, raw: Raw, b: Array) -> tuple[float, float]:
        """Root of the weighted sum of squares of u, and the largest absolute u."""

    @abstractmethod
    def conjugate(self, raw: Raw, b: Array, scaling: float) -> tuple[float, float]:
        """Weighted sums of the loss's positive and negative conjugates at ``scaling * u``."""

    @abstractmethod
    def newton_dual(
        self,
        raw: Raw,
        b: Array,
        curvature: RowCurvature,
        slope: Raw,
        shift: Array,
        scalings: Sequence[float],
    ) -> DualPoint:
        """The dual point ``u + h (slope + shift)`` that Newton's step implies; one pass."""

    # Second derivatives; the intercept eliminated

    @abstractmethod
    def largest_curvature(self, curvature: RowCurvature) -> float:
        """Largest second derivative of a row in an output."""

    @abstractmethod
    def curvature_change(
        self, curvature: RowCurvature, before: RowCurvature
    ) -> tuple[Array, Array]:
        """Weighted sums of ``|h - h_before|`` and of ``h_before``, (n_outputs,) each."""

    @abstractmethod
    def bent_total(self, curvature: RowCurvature, slope: Raw) -> Array:
        """Weighted sum of ``h slope``, (n_outputs,)."""

    @abstractmethod
    def bent_gradient(self, curvature: RowCurvature, slope: Raw, shift: float | Array) -> Array:
        """``X'(s h (slope + shift))``: what a move adds to the gradient; one pass."""

    @abstractmethod
    def hessian_sums(
        self,
        curvature: RowCurvature,
        k: int,
        least: float = 0.0,
        index: Array | None = None,
    ) -> HessianSums:
        """What output k's Hessian, of ``max(h, least)``, is made of; one pass. Of all columns, or
        those of ``index``."""

    @abstractmethod
    def joint_hessian_sums(self, curvature: RowCurvature) -> tuple[Array, Array]:
        """``X'(s h X)`` of outputs that interact, output by output, and ``X'(s h)``, (n_features
        * n_outputs, n_outputs); for few features; one pass."""

    def intercept_step(self, curvature: RowCurvature, slope: Raw, total: float | Array) -> Array:
        """Newton's step of the intercept, (n_outputs,), where raw predictions move by ``slope``
        and the derivative by the intercept is ``total``."""
        return -curvature.inverse @ (self.bent_total(curvature, slope) + total)

    def hessian_product(self, curvature: RowCurvature, direction: Array) -> tuple[Raw, Array]:
        """``X direction``, and the Hessian times ``direction``; two passes."""
        slope = self.raw(direction)
        shift = self.intercept_step(curvature, slope, 0.0) if self.fit_intercept else 0.0
        return slope, self.bent_gradient(curvature, slope, shift)

    def hessian(self, curvature: RowCurvature, k: int, least: float = 0.0) -> Array:
        """Output k's Hessian, (n_features, n_features), of ``max(h, least)``; one pass."""
        gram, first, total = self.hessian_sums(curvature, k, least)
        if first is not None and total > 0:
            gram -= first @ first.T / total
        return gram

    def hessian_columns(self, curvature: RowCurvature, index: Array, least: float = 0.0) -> Array:
        """The columns ``index`` of the first output's Hessian, (n_features, len(index))."""
        gram, first, total = self.hessian_sums(curvature, 0, least, index)
        if first is not None and total > 0:
            gram -= first * (first[index, 0] / total)
        return gram

    def joint_hessian(self, curvature: RowCurvature) -> Array:
        """Hessian of outputs that interact, output by output, for few features; one pass."""
        gram, mixed = self.joint_hessian_sums(curvature)
        return gram - mixed @ curvature.inverse @ mixed.T

    @abstractmethod
    def hessian_root(self, curvature: RowCurvature, feature: Array, output: Array) -> Array:
        """A matrix R, (any number, n), with ``R'R`` the Hessian of n coefficients, for few rows.

        ``feature`` and ``output`` say which coefficients, all of one output where outputs are
        separate; R keeps digits that R'R squares away.
        """

    @abstractmethod
    def row_space_inverse(self, curvature: RowCurvature, diagonal: Array) -> HessianInverse:
        """Inverse of the Hessian plus ``diagonal``, (n_features, n_outputs or 1), for few rows."""

    @abstractmethod
    def heaviest(self, curvature: RowCurvature, count: int) -> HeavyRows:
        """The ``count`` rows of sparse X with the largest curvature times sum of squares."""

    # Whether there is an optimum

    @abstractmethod
    def move_sizes(self, slope: Raw, shift: Array, floor: float = 0.0) -> tuple[float, float]:
        """Least and largest ``|slope + shift|`` among the entries above ``floor``; inf and 0 where
        there is none."""

    @abstractmethod
    def recedes(
        self, slope: Raw, shift: Array, floor: float, reach: float, near: float
    ) -> tuple[bool, bool]:
        """Whether a row's loss rises at ``reach * (slope + shift)``, and whether one falls there
        where its raw prediction has size ``near``. Entries up to ``floor`` do not move."""

    @abstractmethod
    def doubtful(self, raw: Raw, b: Array, limit: float) -> Array:
        """Dense rows in units of the columns' spreads, and a column of ones, of the rows with a
        ``|u|`` above ``limit``; for small X."""

    # Second moments

    @abstractmethod
    def moments(self, *, evenly: bool = False) -> Moments:
        """Second moments, by weight or with equal weights of rows that have any; one pass."""

    @abstractmethod
    def factor(self, *, evenly: bool = False, targets: bool = False) -> Array:
        """A matrix whose Gram matrix is that of the centred rows, (at most n_columns or n_samples,
        n_columns), in units of the columns' spreads. ``targets`` appends those; one pass."""

    # Other rows

    @abstractmethod
    def columns(self, index: Array) -> Rows:
        """These rows with the columns ``index``. Handles of both serve each other."""

    @abstractmethod
    def exact(self) -> Rows:
        """These rows, with products in float64 also where X is float32."""

    @abstractmethod
    def replaced(self, X: Array, y: Array) -> LocalRows:
        """Other rows, centred, with centred targets, which need no intercept. Columns' scales and
        the counter of passes are those of these rows."""

    @abstractmethod
    def draw(self, count: int, random_state: RandomState) -> LocalRows:
        """``count`` landmark rows, in weights that keep sums over them unbiased.

        Their chance is, in equal parts, their share of the weight and of the columns' variances.
        """

    @abstractmethod
    def cells(
        self,
        count: int,
        n_searched: int,
        random_state: RandomState,
        n_neighbors: int,
        metric: Metric,
    ) -> LocalRows:
        """``count`` landmark rows with the weights and mean targets of the rows near them, of
        ``n_searched`` that look for their ``n_neighbors`` nearest landmarks."""
