"""Penalties that leave large coefficients alone, and so are not convex: MCP, SCAD."""

from copy import copy
from typing import ClassVar

import numpy as np

from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar


class _FoldedConcave(Penalty):
    """A penalty whose slope is that of l1 up to a knee and falls from there, on a line, to 0.

    All sizes are in units of ``alpha``: so ``gamma`` means the same at every strength.
    """

    is_convex = False
    #: Size, in units of alpha, from which on the slope falls.
    knee: ClassVar[float]
    #: The alpha that multiplies this penalty (see :meth:`at_strength`).
    strength: float = 1.0

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def check_parameters(self) -> None:
        if not self.knee < self.gamma < np.inf:
            raise ValueError(
                f"{type(self).__name__}(gamma={self.gamma!r}): gamma must be a number above "
                f"{self.knee:g}, since coefficients larger than gamma * alpha are not penalised "
                "any further. L1() penalises all of them."
            )

    def at_strength(self, alpha: float) -> Penalty:
        found = copy(self)
        found.strength = alpha
        return found

    def constraints(self) -> Penalty:
        return NoPenalty()

    def _slopes(self, size: Array) -> Array:
        """Derivative by the size of a coefficient, in units of alpha; 1 at 0."""
        return np.clip((self.gamma - size) / (self.gamma - self.knee), 0.0, 1.0)

    def value(self, w: Array) -> Scalar:
        size = np.minimum(np.abs(w) / self.strength, self.gamma)
        beyond = np.maximum(size - self.knee, 0.0)
        lost = 0.5 * float(np.vdot(beyond, beyond)) / (self.gamma - self.knee)
        return self.strength * (float(size.sum()) - lost)

    def prox(self, w: Array, step: float | Array) -> Array:
        size = np.abs(w) / self.strength
        step = np.broadcast_to(np.divide(step, self.strength), size.shape)
        drop = step / (self.gamma - self.knee)  # of the slope, by a unit of size
        near = np.maximum(size - step, 0.0)
        # Where the drop is below 1, the minimum is unique, on one of three pieces.
        with np.errstate(divide="ignore", invalid="ignore"):
            falling = (size - drop * self.gamma) / (1.0 - drop)
        unique = np.where(near <= self.knee, near, np.where(size >= self.gamma, size, falling))
        # Else it jumps from the first piece to the last, where their objectives are equal.
        first = np.minimum(near, self.knee)
        rise = 0.5 * (first - size) ** 2 + step * first
        stays = (size < self.gamma) | (rise <= 0.5 * step * (self.gamma + self.knee))
        found = np.where(drop < 1.0, unique, np.where(stays, first, size))
        return np.sign(w) * np.where(found == size, np.abs(w), self.strength * found)

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic:
        """Its tangent in the sizes of the coefficients (local linear approximation; Zou and Li,
        2008), which lies above it."""
        return PiecewiseQuadratic(l1=self._slopes(np.abs(w) / self.strength))

    def concavity(self, w: Array) -> Array:
        slopes = self._slopes(np.abs(w) / self.strength)
        falls = (slopes > 0) & (slopes < 1) | (slopes == 1) & (self.knee == 0)
        return falls / (self.strength * (self.gamma - self.knee))

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        slope = self._slopes(np.abs(w) / self.strength)
        at_zero = np.maximum(np.abs(gradient) - 1.0, 0.0)
        return np.where(w == 0, at_zero, np.abs(gradient + np.sign(w) * slope))


class MCP(_FoldedConcave):
    """Minimax concave penalty (Zhang, 2010): sparse, without shrinking large coefficients.

    ``alpha * penalty(w)`` is the sum over the coefficients of ``alpha |w_j| - w_j^2 / (2 gamma)``,
    or of ``gamma alpha^2 / 2`` where ``|w_j| > gamma alpha``.

    Parameters
    ----------
    gamma : float, default=3.0
        Above 0. Coefficients larger than ``gamma * alpha`` are not shrunk; with larger gamma the
        penalty comes nearer to l1.

    Notes
    -----
    It is not convex: fits end at a stationary point, which may depend on where they begin.
    ``optimality_`` is the Newton decrement of the loss with the tangent of the penalty, and
    ``dual_gap_`` is inf. Columns should have a variance of about 1, so that ``1 / gamma`` is less
    than the curvature of the loss.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from nno_sklearn import MCP, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty=MCP(gamma=3.0), alpha=5.0).fit(scale(X), y)
    >>> model.converged_, int((model.coef_ != 0).sum())
    (True, 5)
    """

    knee = 0.0

    def __init__(self, gamma: float = 3.0) -> None:
        super().__init__(gamma)


class SCAD(_FoldedConcave):
    """Smoothly clipped absolute deviation (Fan and Li, 2001): l1 of small coefficients, without
    shrinking large ones.

    The derivative of ``alpha * penalty(w)`` by ``|w_j|`` is alpha up to ``|w_j| = alpha``, falls on
    a line from there to 0 at ``gamma alpha``, and is 0 beyond.

    Parameters
    ----------
    gamma : float, default=3.7
        Above 1. Coefficients larger than ``gamma * alpha`` are not shrunk; with larger gamma the
        penalty comes nearer to l1.

    Notes
    -----
    As of :class:`MCP`; here ``1 / (gamma - 1)`` should be less than the curvature of the loss.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from nno_sklearn import SCAD, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty=SCAD(), alpha=5.0).fit(scale(X), y)
    >>> bool(model.converged_ and (model.coef_ == 0).any())
    True
    """

    knee = 1.0

    def __init__(self, gamma: float = 3.7) -> None:
        super().__init__(gamma)
