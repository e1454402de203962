"""Penalties that are a sum over the coefficients: l1, l2, elastic net."""

import numpy as np

from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar


class ElasticNet(Penalty):
    """``l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|_2^2`` (Zou and Hastie, 2005).

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=0.5
        Share of the l1 part: 1 is the lasso, 0 is ridge.
    """

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
        has_kinks = self._terms.has_kinks and type(self).gradient is ElasticNet.gradient
        return written - {"gradient"} if has_kinks else written

    @property
    def _terms(self) -> PiecewiseQuadratic:
        return PiecewiseQuadratic(self.l1_ratio, 1.0 - self.l1_ratio)

    def constraints(self) -> Penalty:
        return NoPenalty()

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic:
        return self._terms

    def value(self, w: Array) -> Scalar:
        return self._terms.value(w)

    def gradient(self, w: Array) -> Array:
        """Derivative; at a kink (w = 0 with an l1 part) the subgradient of least norm."""
        terms = self._terms
        return terms.l1 * np.sign(w) + terms.l2 * w if terms.has_kinks else terms.l2 * w

    def prox(self, w: Array, step: float | Array) -> Array:
        return self._terms.prox(w, step)

    def curvature(self, w: Array) -> Array:
        return np.full_like(w, self._terms.l2)

    def conjugate(self, z: Array) -> Scalar:
        return self._terms.conjugate(z)

    def dual_scaling(self, z: Array) -> Scalar:
        return self._terms.dual_scaling(z)

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        return self._terms.subdiff_distance(w, gradient)


class L1(ElasticNet):
    """``|w|_1`` (Tibshirani, 1996): many coefficients become exactly 0."""

    l1_ratio = 1.0

    def __init__(self) -> None:
        pass


class L2(ElasticNet):
    """``|w|_2^2 / 2`` (Hoerl and Kennard, 1970): all coefficients shrink."""

    l1_ratio = 0.0

    def __init__(self) -> None:
        pass
