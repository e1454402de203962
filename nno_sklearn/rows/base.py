"""The interface of rows: all that is as long as the data stays behind it, only sums travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from nno_sklearn.losses import Loss
from nno_sklearn.rows.intercept_curvature import curved_everywhere
from nno_sklearn.rows.replies import (
    DualPoint,
    FirstOrder,
    HeavyRows,
    HessianInverse,
    HessianSums,
    Moments,
    PassCounter,
    Raw,
    Reduced,
    RowCurvature,
    RowSums,
    SecondOrder,
    Targets,
)
from nno_sklearn.types import Array, Metric

if TYPE_CHECKING:
    from nno_sklearn.rows.envelopes import Envelopes
    from nno_sklearn.rows.interior import Interior
    from nno_sklearn.rows.local import LocalRows


class Rows(ABC):
    """Rows X, targets y and weights s that sum to 1, with the loss that measures them.

    Wherever they are, they answer with sums, Gram matrices, or a few rows. X is centred
    implicitly where an intercept is fitted. ``b`` is an intercept of the centred columns,
    (n_outputs,); coefficients and directions are (n_features, n_outputs), all float64. The loss
    sees ``eta = X w + b + o``: the rows add their offsets o, which are known, to whatever raw
    predictions they are asked about. u denotes its derivatives by eta, h its second derivatives.

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

    #: Entries of X that are not in this process: rows asked for one by one must travel.
    n_elsewhere: float = 0
    #: Whether columns of X can be read one by one, as those of a dense X that is here as a whole.
    gives_columns: bool = False

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
    def rounding(self) -> Array:
        """Shares of the columns' spreads, (n_features,), that rounding may make of differences
        between columns."""

    @property
    @abstractmethod
    def eps(self) -> float:
        """Rounding of a raw predictions' arithmetic, relative: the machine epsilon of its type."""

    @property
    @abstractmethod
    def is_exact(self) -> bool:
        """Whether products with X are those of float64."""

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
    def mean_offset(self) -> Array | None:
        """Weighted mean of the offsets, (n_outputs,); None for rows without offsets."""

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
    def derivatives_along(
        self, raw: Raw, b: Array, slope: Raw, t: float | Array, drift: Array
    ) -> tuple[Array, Array]:
        """First and second derivatives by t of the losses' sum at ``raw + t * slope + b + t *
        drift``, (n_outputs,) each, or (1,) where outputs interact: along a line in coefficients and
        intercept."""

    @abstractmethod
    def values(self, raw: Raw, b: Array, slope: Raw | None = None, t: float | Array = 0.0) -> Array:
        """Weighted mean loss of each output at ``raw + t * slope + b``, (n_outputs,)."""

    @abstractmethod
    def gradient(self, raw: Raw, b: Array) -> Array:
        """``X'(s u)``, (n_features, n_outputs); one pass."""

    def first_order(self, coef: Array, b: Array) -> FirstOrder:
        """The data loss and its derivatives at ``X @ coef + b``; two passes, and nothing that is as
        long as the data need be kept."""
        raw = self.raw(coef)
        value, sums = float(self.values(raw, b).sum()), self.sums(raw, b)
        return FirstOrder(value, sums.total, sums.curvature.diagonal, self.gradient(raw, b))

    def reduced(self, raw: Raw, b: Array) -> Reduced:
        """The data loss at ``raw + b``, its gradient after a step of the intercept; one pass."""
        sums, curvature = self.sums(raw, b), self.curvature(raw, b)
        total = sums.total * self.fit_intercept
        shift = -sums.curvature.solve(total)
        gradient = self.moved_gradient(raw, b, curvature, shift)
        value = float(self.values(raw, b).sum())
        return Reduced(value, total, sums.curvature, shift, gradient, curvature)

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
    def conjugate(self, raw: Raw, b: Array, scaling: float | Array) -> tuple[float, float]:
        """Weighted sums of the positive and the negative conjugates at ``scaling * u`` of the loss
        as a function of ``eta - o``; a scaling for all outputs, or one for each, (n_outputs,)."""

    @abstractmethod
    def dual(self, raw: Raw, b: Array) -> Raw:
        """Handle of u at ``raw + b``."""

    @abstractmethod
    def shrunk_dual(
        self, dual: Raw, shares: tuple[Array, Array], scaling: float | Array
    ) -> DualPoint:
        """The dual point u of a handle, which serves this loss, too; one pass.

        Positive u of each output are multiplied by the first of ``shares``, (n_outputs,), negative
        ones by the second. ``scaling``, for all outputs or for each, is for the conjugate alone.
        """

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
    def second_total(self, curvature: RowCurvature, slope: Raw) -> Array:
        """Weighted sum of ``h slope``, (n_outputs,)."""

    @abstractmethod
    def second_gradient(self, curvature: RowCurvature, slope: Raw, shift: float | Array) -> Array:
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
    def joint_hessian_sums(
        self, curvature: RowCurvature, feature: Array, output: Array
    ) -> tuple[Array, Array]:
        """``X'(s h X)`` of outputs that interact, by n coefficients whose features and outputs are
        given, (n, n), and ``X'(s h)``, (n, n_outputs); for few of them; one pass."""

    def intercept_step(self, curvature: RowCurvature, slope: Raw, total: float | Array) -> Array:
        """Newton's step of the intercept, (n_outputs,), where raw predictions move by ``slope``
        and the derivative by the intercept is ``total``."""
        return -curvature.intercept.solve(self.second_total(curvature, slope) + total)

    def hessian_product(self, curvature: RowCurvature, direction: Array) -> tuple[Raw, Array]:
        """``X direction``, and the Hessian times ``direction``; two passes."""
        slope = self.raw(direction)
        shift = self.intercept_step(curvature, slope, 0.0) if self.fit_intercept else 0.0
        return slope, self.second_gradient(curvature, slope, shift)

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

    def joint_hessian(self, curvature: RowCurvature, feature: Array, output: Array) -> Array:
        """Hessian of outputs that interact, by the coefficients whose features and outputs are
        given, for few of them; one pass."""
        gram, mixed = self.joint_hessian_sums(curvature, feature, output)
        return gram - mixed @ curvature.intercept.solve(mixed.T)

    def second_order(self, coef: Array, b: Array) -> SecondOrder:
        """The data loss at ``X @ coef + b``, its slope and its Hessian; for small X."""
        raw = self.raw(coef)
        values, total = self.values(raw, b), self.sums(raw, b).total
        gradient = self.gradient(raw, b)
        return SecondOrder(values, total, gradient, self.joint_blocks(self.curvature(raw, b)))

    def joint_blocks(self, curvature: RowCurvature) -> list[Array]:
        """The Hessian by coefficients and intercept, as :class:`SecondOrder` has it; one pass."""
        if not self.is_separate:
            output, feature = np.divmod(np.arange(self.shape[1] * self.n_outputs), self.shape[1])
            gram, mixed = self.joint_hessian_sums(curvature, feature, output)
            total = curvature.intercept.product(np.eye(self.n_outputs))
            return [self.joined(gram, mixed, curved_everywhere(total))]
        return [
            self.joined(gram, first, total)
            for gram, first, total in (
                self.hessian_sums(curvature, k) for k in range(self.n_outputs)
            )
        ]

    def joined(self, gram: Array, mixed: Array | None, total: Array | float) -> Array:
        """The Hessian by coefficients and intercept, of which ``mixed`` and ``total`` are the
        parts by the intercept."""
        if not self.fit_intercept or mixed is None:
            return gram
        n = len(gram)
        block = np.empty((n + mixed.shape[1],) * 2)
        block[:n, :n], block[:n, n:], block[n:, :n], block[n:, n:] = gram, mixed, mixed.T, total
        return block

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
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether a row's loss rises at ``reach * (slope + shift)``, and whether one falls there
        where its raw prediction has size ``near``: of each output, or once for outputs that
        interact. Entries up to ``floor`` do not move. Intercepts of ordered classes may have
        shifts of their own."""

    @abstractmethod
    def doubtful(self, raw: Raw, b: Array, limit: float) -> tuple[Array, NDArray[np.bool_]]:
        """Dense rows in units of the columns' spreads, and a column of ones, of the rows with a
        ``|u|`` above ``limit``, and for which outputs it is; for small X."""

    @abstractmethod
    def recession(self, reach: float, near: float) -> list[tuple[Array, NDArray[np.bool_]]]:
        """What a direction must not do if no loss is to rise along it for ever; for small X.

        For each output, or once for outputs that interact: a matrix that takes the direction, in
        units of the columns' spreads, then of the intercept, and output by output within each, to
        numbers that must be at most 0; and for which of them the loss then falls for ever.
        ``reach`` and ``near`` are as in :meth:`recedes`. Outputs that interact are those of
        classes. Ordered classes have a number for each of their intercepts.
        """

    # Second moments

    @abstractmethod
    def moments(self, *, evenly: bool = False) -> Moments:
        """Second moments, of the targets less the offsets, by weight or with equal weights of rows
        that have any; one pass."""

    def gram(self) -> Array:
        """``X'SX`` alone, (n_features, n_features); one pass."""
        return self.moments().gram

    def gram_product(self, directions: Array) -> Array:
        """``X'SX directions``, of any number of them, (n_features, n_directions); two passes."""
        return self.gram() @ directions

    @abstractmethod
    def factor(self, *, evenly: bool = False, targets: bool = False) -> Array:
        """A matrix whose Gram matrix is that of the centred rows, (at most n_columns or n_samples,
        n_columns), in units of the columns' spreads. ``targets`` appends those; one pass."""

    # Slopes inside of their intervals

    @property
    def has_corners(self) -> bool:
        """Whether the loss of these rows is a sum of corners, and they are in this process."""
        return False

    def best_constants(self, raw: Raw, start: Array) -> Array:
        """Minima of each output's losses with corners at ``raw + b`` over b, the nearest ones to a
        start, (n_outputs,)."""
        raise NotImplementedError(f"{type(self).__name__} has no corners of its losses.")

    def interior(self, k: int) -> Interior:
        """The corners of output k for an interior point method, where there are any."""
        raise NotImplementedError(f"{type(self).__name__} has no corners of its losses.")

    def interior_near(self, k: int, raw: Raw, b: Array, count: int) -> Interior | None:
        """The same with ``count`` rows, the nearest to a corner at ``raw + b``, (n_samples, 1), and
        means of all others; None where these are on too many sides of corners."""
        return None

    def envelopes(self, k: int) -> Envelopes:
        """The corners of output k for the method of multipliers, where there are any."""
        raise NotImplementedError(f"{type(self).__name__} has no corners of its losses.")

    def side_by_side(self, handles: Sequence[Raw]) -> Raw:
        """Handle of the numbers of several outputs, of handles for each."""
        raise NotImplementedError(f"{type(self).__name__} has no handles of single outputs.")

    # Other rows

    @abstractmethod
    def columns(self, index: Array) -> Rows:
        """These rows with the columns ``index``. Handles of both serve each other."""

    @abstractmethod
    def with_loss(self, loss: Loss) -> Rows:
        """These rows, measured by another loss. Handles of both serve each other, once they are
        released."""

    @abstractmethod
    def shifted(self, by: Raw, t: float) -> Rows:
        """These rows, with ``t`` times the numbers of a handle added to their offsets."""

    @property
    def single(self) -> Rows:
        """A copy of these rows in float32, with which products take half the time; themselves where
        they are sparse, or elsewhere."""
        return self

    def in_row_space(self) -> tuple[LocalRows, Array]:
        """These rows, few, dense and in this process, in coordinates of the space that they span,
        and an orthonormal basis of it, (n_features, n_coordinates): w is ``basis @ theta``."""
        raise NotImplementedError(f"{type(self).__name__} has no coordinates of its rows' space.")

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
