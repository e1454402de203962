"""Dual points of rows in this process: slopes of their losses, scaled until they are feasible."""

import numpy as np

from nno_sklearn.rows.raw import StoredRaw
from nno_sklearn.rows.replies import DualPoint

#: Roundings of the terms of Fenchel's inequality, which may fail by as much.
CONJUGATE_ROUNDINGS = 4


class DualPoints:
    """What :class:`~nno_sklearn.rows.local.LocalRows` answer about dual points."""

    def _conjugates(self, u):
        """Of each row's loss, as a function of eta - o, (n_samples, n_outputs)."""
        conjugate = self.loss.conjugate(self._targets_beside(u), u)
        return conjugate if self.offset is None else conjugate - u * self.offset

    def conjugate(self, raw, b, scaling):
        u = self.loss_gradient(raw, b)
        conjugate = self._conjugates(u * np.asarray(scaling).astype(u.dtype))
        above, below = np.maximum(conjugate, 0.0), np.minimum(conjugate, 0.0)
        return float((self.weight @ above).sum()), float((self.weight @ below).sum())

    def dual(self, raw, b):
        return StoredRaw(self.loss_gradient(raw, b))

    def shrunk_dual(self, dual, shares, scaling):
        dual = np.where(dual.array > 0, shares[0] * dual.array, shares[1] * dual.array)
        weighted = self.weight[:, None] * dual
        conjugate = self._conjugates(scaling * dual)
        sums = self.weight @ conjugate.sum(axis=1), self.weight @ np.abs(conjugate).sum(axis=1)
        total, squares = weighted.sum(axis=0), float(np.vdot(weighted, dual))
        pulled = self.design.rmatvec(weighted)
        return DualPoint(pulled, total, squares, scaling, *map(float, sums))

    def newton_dual(self, raw, b, curvature, slope, shift, scalings):
        dual = self.loss_gradient(raw, b) + curvature.entries.product(slope.array + shift)
        weighted = self.weight[:, None] * dual
        pulled = self.design.rmatvec(weighted)
        for scaling in scalings:
            conjugate = self._conjugates(scaling * dual)
            total = float(self.weight @ conjugate.sum(axis=1))
            if np.isfinite(total):
                break
        size = float(self.weight @ np.abs(conjugate).sum(axis=1))
        squares = float(np.vdot(weighted, dual))
        beyond = self._beyond(raw, b, scaling * dual, conjugate, curvature.entries.coupling)
        balance = weighted.sum(axis=0)
        return DualPoint(pulled, balance, squares, float(scaling), total, size, beyond)

    def _beyond(self, raw, b, dual, conjugate, coupling):
        """What Fenchel's inequality misses at raw predictions."""
        eta, along = self._predictions(raw, b), dual * (raw.array + b)
        rounding = CONJUGATE_ROUNDINGS * self.eps * (np.abs(conjugate) + np.abs(along))
        with np.errstate(over="ignore", invalid="ignore"):
            excess = self.loss.value(self._targets_beside(eta), eta) + conjugate - along + rounding
        if coupling is not None:  # it holds for the outputs together
            excess = excess.sum(axis=1, keepdims=True)
        return -float(self.weight @ np.where(excess < 0.0, excess, 0.0).sum(axis=1))
