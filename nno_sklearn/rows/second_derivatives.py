"""Second derivatives of rows in this process, and products and matrices of them."""

from functools import cached_property

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows import sums
from nno_sklearn.rows.intercept_curvature import SeparateCurvature
from nno_sklearn.rows.replies import HeavyRows, HessianSums, RowCurvature
from nno_sklearn.rows.row_space import RowSpaceInverse, curvature_rows


class LocalCurvature(RowCurvature):
    """The rows' second derivatives as arrays.

    Attributes
    ----------
    entries : Curvature
    """

    def __init__(self, entries, weight, fit_intercept):
        self.entries, self._weight, self._fit_intercept = entries, weight, fit_intercept

    @cached_property
    def intercept(self):
        if self._fit_intercept:
            return sums.total_curvature(self._weight, self.entries)
        return SeparateCurvature(np.zeros(self.entries.diagonal.shape[1]))

    @cached_property
    def weighted(self):
        """The entries, times the rows' weights."""
        weight, (diagonal, coupling) = self._weight[:, None], self.entries
        weight = weight.astype(diagonal.dtype, copy=False)
        return Curvature(weight * diagonal, None if coupling is None else weight**0.5 * coupling)


class SecondDerivatives:
    """What :class:`~nno_sklearn.rows.local.LocalRows` answer about second derivatives."""

    def largest_curvature(self, curvature):
        return float(curvature.entries.diagonal.max())

    def curvature_change(self, curvature, before):
        now, old = curvature.entries.diagonal, before.entries.diagonal
        return self.weight @ np.abs(now - old), self.weight @ old

    def second_total(self, curvature, slope):
        weight, array = self.weight.astype(slope.dtype, copy=False), slope.array
        return np.asarray(curvature.entries.total_product(weight, array), float)

    def second_gradient(self, curvature, slope, shift):
        moved = slope.array + shift
        return self.design.rmatvec(curvature.entries.product(self.weight[:, None] * moved))

    def hessian_product(self, curvature, direction):
        slope, weighted = self.raw(direction), curvature.weighted
        moved = slope.array
        if self.fit_intercept:
            shift = -curvature.intercept.solve(weighted.product(moved).sum(axis=0, dtype=float))
            moved = moved + shift.astype(moved.dtype)  # they may nearly cancel
        return slope, self.design.rmatvec(weighted.product(moved))

    def hessian_sums(self, curvature, k, least=0.0, index=None):
        weight = self.weight * np.maximum(curvature.entries.entry(k, k), least)
        if index is None:
            gram, first = self.design.gram(weight)
        else:
            gram, first = self.design.cross_gram(weight, index), None
            if self.fit_intercept:
                first = self.design.rmatvec(weight[:, None])
        return HessianSums(gram, first if self.fit_intercept else None, weight.sum())

    def joint_hessian_sums(self, curvature, feature, output):
        weight, (diagonal, coupling) = self.weight[:, None], curvature.entries
        diagonal, coupling = weight * np.maximum(diagonal, 0.0), np.sqrt(weight) * coupling
        return self.design.coupled_gram(diagonal, coupling, feature, output)

    def hessian_root(self, curvature, feature, output):
        return curvature_rows(self, curvature.entries, feature, output)

    def row_space_inverse(self, curvature, diagonal):
        return RowSpaceInverse(self, curvature.entries, diagonal)

    def heaviest(self, curvature, count):
        weighted = [curvature.entries.entry(k, k) for k in range(self.n_outputs)]
        weighted = np.maximum(self.weight[:, None] * np.column_stack(weighted), 0.0)
        mean = weighted.mean(axis=1)
        squares = self.design.X.astype(float, copy=False).power(2)
        size = mean * np.asarray(squares.sum(axis=1)).ravel()
        index = np.arange(len(size))
        if count < len(size):
            index = np.sort(np.argpartition(-size, count)[:count])
        ones = np.ones(len(index))  # their part of the Hessian is taken as it is: no intercept
        few = self.others(
            self.design.rows(index),
            self._targets.take(index),
            ones,
            self.offset_of(index),
            fit_intercept=False,
        )
        heavy = LocalCurvature(Curvature(weighted[index]), ones, False)
        return HeavyRows(few, heavy, squares.tocsr()[index].T @ mean[index])
