"""Penalties that leave large coefficients alone, and so are not convex: MCP, SCAD."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.grouping import Grouping, Groups, check_groups
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.penalties.parameters import Features
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar


class _FoldedConcave(Penalty):
    """A penalty whose slope is that of l1 up to a knee and falls from there, on a line, to 0.

    All sizes are in units of ``alpha``: so ``gamma`` means the same at every strength. That of a
    group is its norm, in units of the root of its number of features too; the penalty of a group is
    that of its size, times that number.
    """

    is_convex = False
    #: Size, in units of alpha, from which on the slope falls.
    knee: ClassVar[float]
    #: The alpha that multiplies this penalty (see :meth:`at_strength`).
    strength: float = 1.0
    #: Of a bound penalty, the number of each feature's group, or None where each is on its own.
    groups: Any = None
    #: Of a bound penalty with groups, the number of outputs.
    bound_outputs: int = 0
    #: Of a bound penalty with groups, the tangent at 0, ``sum_g sqrt(n_features_g) |w_g|_2``.
    bound_norms: GroupNorms | None = None

    def __init__(self, gamma: float, groups: Groups | None) -> None:
        self.gamma = gamma
        self.groups = groups

    def check_parameters(self) -> None:
        if not (isinstance(self.gamma, Real) and self.knee < self.gamma < np.inf):
            raise ValueError(
                f"{type(self).__name__}(gamma={self.gamma!r}): gamma must be a number above "
                f"{self.knee:g}, since coefficients larger than gamma * alpha are not penalised "
                "any further. L1() penalises all of them."
            )
        if self.groups is not None:
            check_groups(self, self.groups)

    @property
    def is_separate(self) -> bool:  # type: ignore[override]  # without groups, and of one output
        return self.bound_norms is None or self.bound_outputs == 1

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        if self.groups is None or self.bound_norms is not None:
            return self
        labels, _ = Grouping.of(Features(self, n_features, n_outputs, feature_names), self.groups)
        bound = copy_of(self)
        bound.groups = None if isinstance(self.groups, str) else labels
        bound.bound_outputs = n_outputs
        bound.bound_norms = GroupNorms(labels, np.sqrt(np.bincount(labels)))
        return bound

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        if self.bound_norms is None:
            return self
        part = copy_of(self)
        part.bound_norms = self.bound_norms.restrict(features)
        part.groups = None if self.groups is None else part.bound_norms.labels
        return part

    def at_strength(self, alpha: float) -> Penalty:
        return copy_of(self, strength=alpha)

    def constraints(self) -> Penalty:
        return NoPenalty()

    def _sizes(self, w: Array) -> Array:
        """Of each coefficient, of w's shape; or of each group, (n_groups,)."""
        norms = self.bound_norms
        if norms is None:
            return np.abs(w) / self.strength
        return norms.norms(w) / (norms.radii * self.strength)

    def _slopes(self, size: Array) -> Array:
        """Derivative by a size, in units of alpha; 1 at 0."""
        return np.clip((self.gamma - size) / (self.gamma - self.knee), 0.0, 1.0)

    def _falls(self, size: Array) -> Array:
        """By how much the slope falls by a unit of a coefficient."""
        slopes = self._slopes(size)
        is_falling = (slopes > 0) & (slopes < 1) | (slopes == 1) & (self.knee == 0)
        return is_falling / (self.strength * (self.gamma - self.knee))

    def value(self, w: Array) -> Scalar:
        size = np.minimum(self._sizes(w), self.gamma)
        beyond = np.maximum(size - self.knee, 0.0)
        costs = size - 0.5 * beyond**2 / (self.gamma - self.knee)
        if self.bound_norms is not None:
            costs = self.bound_norms.radii**2 * costs
        return self.strength * float(costs.sum())

    def prox(self, w: Array, step: float | Array) -> Array:
        size, norms = self._sizes(w), self.bound_norms
        step = np.broadcast_to(np.divide(step, self.strength), w.shape)
        if norms is not None:
            of_group = np.empty_like(size)
            of_group[norms.labels] = step[:, 0]
            step = of_group
        found = self._moved(size, step)
        left = np.divide(found, size, out=np.ones_like(size), where=found != size)
        return w * (left if norms is None else norms.of_features(left))

    def _moved(self, size: Array, step: Array) -> Array:
        """Sizes after a proximal step."""
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
        return np.where(drop < 1.0, unique, np.where(stays, first, size))

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic | None:
        """Its tangent in the sizes of the coefficients (local linear approximation; Zou and Li,
        2008), which lies above it; None for groups."""
        if self.bound_norms is not None:
            return None
        return PiecewiseQuadratic(l1=self._slopes(self._sizes(w)))

    def group_norms(self, w: Array) -> GroupNorms | None:
        """Its tangent in the norms of the groups, which lies above it; None without groups."""
        norms = self.bound_norms
        if norms is None:
            return None
        return GroupNorms(norms.labels, norms.radii * self._slopes(self._sizes(w)))

    def curvature_product(self, w: Array, d: Array) -> Array:
        """With those of the tangent, which are never below 0."""
        norms = self.group_norms(w)
        return np.zeros_like(w) if norms is None else norms.curvature_product(w, d)

    def concavity(self, w: Array) -> Array:
        falls = self._falls(self._sizes(w))
        return falls if self.bound_norms is None else self.bound_norms.of_features(falls)

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        if (norms := self.group_norms(w)) is not None:
            return norms.subdiff_distance(w, gradient)
        slope = self._slopes(self._sizes(w))
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
    groups : "rows", sequence of sequences, dict or callable, default=None
        Features that are 0 together, as of :class:`GroupLasso`: the penalty is then
        ``sum_g K_g penalty(|w_g|_2 / sqrt(K_g))``, of K_g features each (Breheny and Huang, 2015).
        "rows" are a feature's coefficients in all outputs or classes. None: each by itself.

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

    def __init__(self, gamma: float = 3.0, groups: Groups | None = None) -> None:
        super().__init__(gamma, groups)


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
    groups : "rows", sequence of sequences, dict or callable, default=None
        As of :class:`MCP`.

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

    def __init__(self, gamma: float = 3.7, groups: Groups | None = None) -> None:
        super().__init__(gamma, groups)
