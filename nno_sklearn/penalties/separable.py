"""Penalties that are a sum over the coefficients: l1, l2, elastic net."""

import numpy as np

from nno_sklearn.penalties.base import Penalty
from nno_sklearn.types import Array, Scalar


class ElasticNet(Penalty):
    """``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|_2^2`` (Zou and Hastie, 2005).

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=0.5
        Share of the l1 part: 1 is the lasso, 0 is ridge.
    """

    is_elastic_net = True

    def __init__(self, l1_ratio: float = 0.5) -> None:
        self.l1_ratio = l1_ratio

    def check_parameters(self) -> None:
        if not 0 <= self.l1_ratio <= 1:
            raise ValueError(
                f"ElasticNet(l1_ratio={self.l1_ratio!r}): l1_ratio must be between 0 and 1, since "
                "it is the share of the l1 part."
            )

    @property
    def provides(self) -> frozenset[str]:
        written = super().provides
        has_kinks = self.l1_ratio > 0 and type(self).gradient is ElasticNet.gradient
        return written - {"gradient"} if has_kinks else written

    @property
    def _l2_ratio(self) -> float:
        return 1.0 - self.l1_ratio

    def value(self, w: Array) -> Scalar:
        return self.l1_ratio * np.abs(w).sum() + 0.5 * self._l2_ratio * np.vdot(w, w)

    def gradient(self, w: Array) -> Array:
        """Derivative; at a kink (w = 0 with an l1 part) the subgradient of least norm."""
        return self.l1_ratio * np.sign(w) + self._l2_ratio * w

    def prox(self, w: Array, step: float | Array) -> Array:
        shrunk = np.sign(w) * np.maximum(np.abs(w) - step * self.l1_ratio, 0.0)
        return shrunk / (1.0 + step * self._l2_ratio)

    def curvature(self, w: Array) -> Array:
        return np.full_like(w, self._l2_ratio)

    def conjugate(self, z: Array) -> Scalar:
        excess = np.maximum(np.abs(z) - self.l1_ratio, 0.0)
        if self._l2_ratio > 0:
            return 0.5 * np.vdot(excess, excess) / self._l2_ratio
        # The slack is for a z that was scaled to lie on the boundary.
        return 0.0 if excess.max(initial=0.0) <= 1e-12 else np.inf

    def dual_scaling(self, z: Array) -> Scalar:
        largest = np.abs(z).max(initial=0.0)
        if self.l1_ratio == 0 or largest <= self.l1_ratio:
            return 1.0
        return self.l1_ratio / largest

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        at_zero = np.maximum(np.abs(gradient) - self.l1_ratio, 0.0)
        return np.where(w == 0, at_zero, np.abs(gradient + self.gradient(w)))


class L1(ElasticNet):
    """``|w|_1`` (Tibshirani, 1996): many coefficients become exactly 0."""

    l1_ratio = 1.0

    def __init__(self) -> None:
        pass


class L2(ElasticNet):
    """``|w|_2^2 / 2`` (Hoerl and Kennard, 1970): all coefficients shrink."""

    l1_ratio = 0.0
    is_elastic_net = True
    prox = ElasticNet.prox
    curvature = ElasticNet.curvature
    subdiff_distance = ElasticNet.subdiff_distance

    def __init__(self) -> None:
        pass

    # Without the terms that are 0: of millions of coefficients they cost as much as a pass over X.
    def value(self, w: Array) -> Scalar:
        return 0.5 * np.vdot(w, w)

    def gradient(self, w: Array) -> Array:
        return w

    def conjugate(self, z: Array) -> Scalar:
        return 0.5 * np.vdot(z, z)

    def dual_scaling(self, z: Array) -> Scalar:
        return 1.0
