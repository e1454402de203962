"""Rows in this process: numpy, scipy sparse, memory maps."""

from functools import cached_property

import numpy as np

from nno_sklearn._copies import copy_of
from nno_sklearn.rows import sums
from nno_sklearn.rows.base import Rows
from nno_sklearn.rows.cells import searched_cells
from nno_sklearn.rows.corners import CornersOfRows
from nno_sklearn.rows.design_matrix import DesignMatrix
from nno_sklearn.rows.draw import draw
from nno_sklearn.rows.dual_points import DualPoints
from nno_sklearn.rows.intercept_curvature import MOST_JOINT_OUTPUTS
from nno_sklearn.rows.raw import MOST_STORED, RecomputedRaw, StoredRaw
from nno_sklearn.rows.recession import Recession
from nno_sklearn.rows.replies import Moments, Reduced, Targets
from nno_sklearn.rows.second_derivatives import LocalCurvature, SecondDerivatives
from nno_sklearn.rows.targets import order_of, targets_of
from nno_sklearn.rows.triangular import triangular_factor

#: Rounding of raw predictions by their type.
EPS = {np.dtype(kind): float(np.finfo(kind).eps) for kind in (np.float32, np.float64)}
#: Raw predictions from which on float32 data have them in float32.
LEAST_SINGLE = 2**17


class LocalRows(DualPoints, SecondDerivatives, Recession, CornersOfRows, Rows):
    """Rows as arrays in this process.

    Parameters
    ----------
    X : ndarray or sparse CSR/CSC of shape (n_samples, n_features), float32 or float64
    y : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
        Weights that sum to 1.
    loss : Loss
    fit_intercept : bool
    offset : ndarray of shape (n_samples, n_outputs), default=None
        What the raw predictions have besides X w + b; None for nothing.
    geometry : Geometry, default=None
        Of the whole, where these are only some of the rows; by default their own.
    passes : PassCounter, default=None
        Of the whole, likewise.

    Attributes
    ----------
    design : DesignMatrix
    y, weight : ndarray
    offset : ndarray or None
    """

    #: Raw predictions and intercept of the last sums, and the losses there, if these came along.
    _looked = None, None, None

    def __init__(
        self, X, y, weight, loss, *, fit_intercept, offset=None, geometry=None, passes=None
    ):
        self.design = DesignMatrix(
            X, weight, centred=fit_intercept, geometry=geometry, passes=passes
        )
        self._targets, self.weight, self.loss = targets_of(y), weight, loss
        self.offset = _by_columns(offset)
        self.fit_intercept = fit_intercept

    @property
    def gives_columns(self):
        return not self.is_sparse

    def _like(self, design, **changes):
        """The same targets, weights and offsets of the same rows, but for ``changes``."""
        part = copy_of(self)
        for name in ("n_outputs", "raw_dtype", "eps", "stores_raw", "single", "_looked"):
            vars(part).pop(name, None)
        vars(part).update(design=design, **changes)
        return part

    def others(self, design, y, weight, offset, **changes):
        """Other rows, measured by the same loss."""
        changes |= {"_targets": targets_of(y), "weight": weight, "offset": _by_columns(offset)}
        part = self._like(design, **changes)
        for name in ("targets", "mean_offset", "_corners"):
            vars(part).pop(name, None)
        return part

    def targets_at(self, index):
        """Targets of the rows ``index``."""
        return self._targets.take(index)

    def offset_of(self, index):
        """Offsets of the rows ``index``; None for rows without offsets."""
        return None if self.offset is None else self.offset[index]

    def told(self, targets, mean_offset):
        """These rows as some of others, whose targets and mean offset are given."""
        part = self._like(self.design)
        part.targets, part.mean_offset = targets, mean_offset
        return part

    # Sizes

    def __len__(self):
        return len(self.design)

    shape = property(lambda self: self.design.shape)
    y = property(lambda self: self._targets.given)
    n_outputs = cached_property(lambda self: self._targets.shape[1])
    dtype = property(lambda self: self.design.X.dtype)
    is_sparse = property(lambda self: self.design.is_sparse)
    n_stored = property(lambda self: self.design.n_stored)
    row_product_cost = property(lambda self: self.design.row_product_cost)
    origin = property(lambda self: self.design.origin)
    scale = property(lambda self: self.design.scale)
    inverse_scale = property(lambda self: self.design.inverse_scale)
    rounding = property(lambda self: self.design.rounding)
    underflows = property(lambda self: self.design.underflows)
    passes = property(lambda self: self.design.passes)

    @cached_property
    def targets(self):
        mean, (low, high) = self._targets.mean(self.weight), self._targets.extremes()
        return Targets(np.minimum(np.maximum(mean, low), high), low, high)  # rounding

    @cached_property
    def mean_offset(self):
        return None if self.offset is None else self.weight @ self.offset

    @cached_property
    def is_separate(self):
        if self.n_outputs == 1:
            return True
        eta = np.zeros((1, self.n_outputs))
        _, curvature = self.loss.derivatives(self._targets.like(slice(1), eta), eta)
        return curvature.coupling is None

    @property
    def is_exact(self):
        return self.dtype == np.float64 or self.design.products_are_exact

    @cached_property
    def raw_dtype(self):
        """Type of raw predictions: float32 as X is, where they are many and coupled outputs make
        the arithmetic on them as dear as products with X; else float64."""
        is_large = len(self) * self.n_outputs >= LEAST_SINGLE
        is_single = is_large and not (self.is_exact or self.is_separate)
        return np.dtype(np.float32 if is_single else float)

    @cached_property
    def eps(self):
        return EPS[self.raw_dtype]

    @property
    def _order(self):
        """Order in memory of raw predictions."""
        return order_of(self.n_outputs)

    # Handles

    @cached_property
    def stores_raw(self):
        """Whether raw predictions are kept: not where those of many coupled outputs are too large
        beside dense rows, of which they are made anew."""
        size = len(self) * self.n_outputs * self.raw_dtype.itemsize
        is_cheap = self.is_separate or self.n_outputs <= MOST_JOINT_OUTPUTS or self.is_sparse
        return is_cheap or size <= MOST_STORED

    def raw(self, coef):
        if not self.stores_raw:
            return RecomputedRaw(self.design, coef, self.raw_dtype)
        array = self.design.matvec(coef, self.raw_dtype, self._order)
        return StoredRaw(self._where_the_loss_is(array))

    def nothing(self):
        if not self.stores_raw:
            return RecomputedRaw(
                self.design, np.zeros((self.shape[1], self.n_outputs)), self.raw_dtype
            )
        # Zeros that are only read take no memory.
        zeros = np.zeros(self._targets.shape, self.raw_dtype, self._order, like=self.weight)
        return StoredRaw(self._where_the_loss_is(zeros))

    def _where_the_loss_is(self, array):
        """Raw predictions of rows of another library, which not all losses can compute with."""
        return array if self.loss.takes_any_array else np.asarray(array)

    def combined(self, first, t, second):
        if not self.stores_raw:
            return RecomputedRaw(self.design, first.coef + t * second.coef, self.raw_dtype)
        array = np.asarray(t, dtype=second.array.dtype) * second.array
        array += first.array
        return StoredRaw(array)

    def chosen(self, which, first, second):
        if not self.stores_raw:
            coef = np.where(which, first.coef, second.coef)
            return RecomputedRaw(self.design, coef, self.raw_dtype)
        return StoredRaw(np.where(which, first.array, second.array))

    def curvature(self, raw, b, least=None):
        entries = self.loss_curvature(raw, b)
        if least is not None:
            entries = entries._replace(diagonal=np.maximum(entries.diagonal, least))
        return LocalCurvature(entries, self.weight, self.fit_intercept)

    def _predictions(self, raw, b):
        """The raw predictions that the loss sees, as long as the data."""
        eta = raw.array + b
        return eta if self.offset is None else eta + self.offset.astype(eta.dtype, copy=False)

    def loss_gradient(self, raw, b):
        """Derivative of each row's loss by its raw prediction, (n_samples, n_outputs)."""
        with np.errstate(over="ignore", invalid="ignore"):
            eta = self._predictions(raw, b)
            return self.loss.gradient(self._targets_beside(eta), eta)

    def _targets_beside(self, eta):
        """All targets as a loss takes them; as long as the data."""
        return self._targets.like(slice(None), eta)

    def loss_curvature(self, raw, b):
        """Second derivatives of each row's loss."""
        with np.errstate(over="ignore", invalid="ignore"):
            eta = self._predictions(raw, b)
            return self.loss.derivatives(self._targets_beside(eta), eta)[1]

    # Sums at raw predictions

    def sums(self, raw, b, slope=None, t=0.0):
        given = self.loss, self._targets, self.weight, raw, self.offset, b
        if slope is not None:
            return sums.sums_along(*given, slope, t, self.is_separate)
        if not self.stores_raw:
            return sums.sums_at(*given, None)[0]
        if raw.residual is None:
            raw.residual = np.empty_like(raw.array, order=self._order)
        raw.at = b
        found, losses = sums.sums_at(*given, raw.residual)
        if losses is not None:
            self._looked = raw, b, losses
        return found

    def derivatives_along(self, raw, b, slope, t, drift):
        given = self.loss, self._targets, self.weight, raw, self.offset, b + t * drift
        return sums.derivatives_along(*given, slope, t, drift, self.is_separate)

    def values(self, raw, b, slope=None, t=0.0):
        last, at, losses = self._looked
        if slope is None and last is raw and at is b:
            return losses
        return sums.values(self.loss, self._targets, self.weight, raw, self.offset, b, slope, t)

    def gradient(self, raw, b):
        if not self.stores_raw:
            return self.first_order(raw.coef, b).gradient
        gradient = self.design.rmatvec(self._residual(raw, b))
        self.release(raw)
        return gradient

    def _residual(self, raw, b):
        """Weights times the losses' derivatives, which the sums there keep."""
        if raw.residual is None or not np.array_equal(raw.at, b):
            self.sums(raw, b)
        return raw.residual

    def first_order(self, coef, b):
        if self.is_sparse:
            return super().first_order(coef, b)
        given = self.loss, self._targets, self.weight, self.design
        return sums.first_order(*given, coef, self.offset, b)

    def reduced(self, raw, b):
        if not self.stores_raw:
            return super().reduced(raw, b)
        given = self.loss, self._targets, self.weight, raw, self.offset, b
        value, total, outputs, residual, entries = sums.with_curvature(*given)
        curvature = LocalCurvature(entries, self.weight, self.fit_intercept)
        total, shift = total * self.fit_intercept, np.zeros(self.n_outputs)
        if self.fit_intercept:
            curvature.intercept = outputs
            shift = -outputs.solve(total)
            sums.move(residual, entries, self.weight, shift)
        return Reduced(value, total, outputs, shift, self.design.rmatvec(residual), curvature)

    def second_order(self, coef, b):
        if self.is_sparse:
            return super().second_order(coef, b)
        given = self.loss, self._targets, self.weight, self.design
        return sums.second_order(*given, coef, self.offset, b, self.fit_intercept)

    def moved_gradient(self, raw, b, curvature, shift):
        moved = curvature.weighted.product(np.broadcast_to(shift, self.y.shape))
        moved += self._residual(raw, b)
        self.release(raw)
        return self.design.rmatvec(moved)

    def square(self, raw):
        parts = ((self.weight[rows], raw.block(rows)) for rows in raw.slices())
        return float(sum(weight @ np.square(block).sum(axis=1) for weight, block in parts))

    def release(self, raw):
        if self.stores_raw:
            raw.residual = None

    def gradient_sizes(self, raw, b):
        gradient = self.loss_gradient(raw, b)
        root = np.sqrt(self.weight @ (gradient**2).sum(axis=1))
        return float(root), float(np.abs(gradient).max())

    # Second moments

    def _even_weight(self, evenly):
        counts = self.weight > 0
        return counts / counts.sum() if evenly else self.weight

    def _centred_targets(self):
        zeros = np.zeros(self._targets.shape, like=self.weight)
        y, mean = self._targets.like(slice(None), zeros), self.targets.mean
        if self.offset is not None:
            y, mean = y - self.offset, mean - self.mean_offset
        return y - mean if self.fit_intercept else y

    def moments(self, *, evenly=False):
        weight, target = self._even_weight(evenly), self._centred_targets()
        return Moments(*self.design.gram(weight, target), weight @ target**2)

    def gram(self):
        return self.design.gram(self.weight)[0]

    def gram_product(self, directions):
        product = self.design.matvec(directions, self.dtype)
        product *= self.weight[:, None].astype(self.dtype, copy=False)
        return self.design.rmatvec(product)

    def factor(self, *, evenly=False, targets=False):
        weight, n = self._even_weight(evenly), len(self)
        target = self._centred_targets() if targets else np.empty((n, 0))
        unit = np.r_[self.inverse_scale, np.ones(target.shape[1])]
        rows = (b * unit for b in self.design.weighted_blocks(weight, self.design.centre, target))
        return np.vstack([*rows]) if n <= len(unit) else triangular_factor(rows, len(unit))

    # Other rows

    def columns(self, index):
        return self._like(self.design.columns(index))

    def with_loss(self, loss):
        part = self._like(self.design, loss=loss)
        vars(part).pop("is_separate", None)
        vars(part).pop("_corners", None)
        return part

    def shifted(self, by, t):
        offset = t * by.array if self.offset is None else self.offset + t * by.array
        part = self._like(self.design, offset=_by_columns(offset))
        vars(part).pop("mean_offset", None)
        return part

    def in_row_space(self):
        design, basis = self.design.in_row_space(self.weight)
        return self._like(design), basis

    @cached_property
    def single(self):
        if self.is_sparse:
            return self
        # Those of a float32 X stay as they are: where they tell no more, there is no wider X.
        is_narrow = self.dtype == np.float64 and not self.is_separate
        dtype = np.dtype(np.float32) if is_narrow else self.raw_dtype
        return self._like(self.design.single(), raw_dtype=dtype)

    def exact(self):
        return self._like(self.design.exact())

    def replaced(self, X, y):
        weight = np.full(len(X), 1.0 / len(X))
        return self.others(self.design.replaced(X), y, weight, None, fit_intercept=False)

    def taken(self, index, weight, y, offset=None):
        """The rows ``index`` with weights, targets and offsets of their own."""
        return self.others(self.design.rows(index), y, weight / weight.sum(), offset)

    def draw(self, count, random_state):
        index, weight = draw(self, count, random_state)
        return self.taken(index, weight, self._targets.take(index), self.offset_of(index))

    def cells(self, count, n_searched, random_state, n_neighbors, metric):
        given = {"n_neighbors": n_neighbors, "metric": metric}
        return searched_cells(self, count, n_searched, random_state, **given)


def _by_columns(offset):
    """Offsets as the sums over the rows read them; None for None."""
    return None if offset is None else offset.astype(offset.dtype, order="F", copy=False)
