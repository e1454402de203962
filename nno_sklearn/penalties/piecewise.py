"""The family of functions that active sets with factors can solve for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.types import Array, Scalar

#: Relative distance from a bound that is none: coefficients are rounded to float32 at worst.
AT_BOUND = 1e-7
#: Slack of a domain: dual points are scaled to lie on its boundary.
AT_BOUNDARY = 1e-12


def n_dims(number: float | Array) -> int:
    """Dimensions of an array, 0 of a number, of which numpy would make an array to tell."""
    return getattr(number, "ndim", 0)


@dataclass(frozen=True)
class PiecewiseQuadratic:
    """``sum l1 |w| + l2 w^2 / 2`` on ``lower <= w <= upper``: elastic nets, bounds, and both.

    Each number may be one for all coefficients, or an array that broadcasts to their shape.

    Parameters
    ----------
    l1, l2 : float or ndarray, default=0.0
        At least 0, and finite.
    lower, upper : float or ndarray, default=-inf and inf
    """

    l1: float | Array = 0.0
    l2: float | Array = 0.0
    lower: float | Array = -np.inf
    upper: float | Array = np.inf

    @cached_property
    def has_kinks(self) -> bool:
        """Whether it has a kink or a bound somewhere."""
        return self._has_l1 or self.has_bounds

    @cached_property
    def has_bounds(self) -> bool:
        """Whether any coefficient has a bound."""
        if n_dims(self.lower) == n_dims(self.upper) == 0:
            return not self.lower == -np.inf == -self.upper
        return bool(np.any(np.greater(self.lower, -np.inf)) or np.any(np.less(self.upper, np.inf)))

    @property
    def _parts(self) -> tuple[float | Array, ...]:
        return self.l1, self.l2, self.lower, self.upper

    @property
    def _is_of_numbers(self) -> bool:
        """Whether it is the same function of all coefficients."""
        return not any(map(n_dims, self._parts))

    @cached_property
    def _has_l1(self) -> bool:
        """Whether any coefficient has a kink at 0."""
        return bool(np.any(self.l1) if n_dims(self.l1) else self.l1)

    @cached_property
    def _is_plain(self) -> bool:
        """Whether all coefficients have the same terms, and no bounds."""
        return n_dims(self.l1) == n_dims(self.l2) == 0 and not self.has_bounds

    @cached_property
    def _needs_scaling(self) -> bool | NDArray[np.bool_]:
        """Where slopes beyond the l1 part are out of the conjugate's domain, or far up."""
        return np.greater(self.l1, 0) | np.equal(self.l2, 0)

    @cached_property
    def grows(self) -> bool:
        """Whether it grows without end, or ends at a bound, in both directions of every
        coefficient: its conjugate is then finite near 0."""
        if self._is_plain:
            return bool(self.l1 > 0 or self.l2 > 0)
        bounded = np.greater(self.lower, -np.inf) & np.less(self.upper, np.inf)
        return bool(np.all(np.greater(self.l1, 0) | np.greater(self.l2, 0) | bounded))

    @property
    def is_free(self) -> bool | NDArray[np.bool_]:
        """Whether it is 0 for any number, of all coefficients or of each."""
        bounded = np.greater(self.lower, -np.inf) | np.less(self.upper, np.inf)
        return np.equal(self.l1, 0) & np.equal(self.l2, 0) & ~bounded

    def scaled(self, factor: float) -> "PiecewiseQuadratic":
        """This function times a number, within the same bounds."""
        return PiecewiseQuadratic(factor * self.l1, factor * self.l2, self.lower, self.upper)

    def constraints(self) -> "PiecewiseQuadratic":
        """0 within the same bounds."""
        return self.scaled(0.0)

    def of(self, shape: tuple[int, int]) -> "PiecewiseQuadratic":
        """The same, whose arrays have a shape; what is one number for all stays one."""
        if self._is_of_numbers:
            return self
        return PiecewiseQuadratic(
            *(np.broadcast_to(p, shape) if n_dims(p) else p for p in self._parts)
        )

    def restrict(
        self, features: NDArray[np.integer], outputs: NDArray[np.integer]
    ) -> "PiecewiseQuadratic":
        """The terms of some features and outputs, where arrays are of w's shape."""
        if self._is_of_numbers:
            return self
        at = np.ix_(features, outputs)
        return PiecewiseQuadratic(
            *(p if n_dims(p) == 0 else np.asarray(p)[at] for p in self._parts)
        )

    def of_outputs(self, outputs: slice, shape: tuple[int, int]) -> "PiecewiseQuadratic":
        """The terms of some outputs' coefficients, of w's shape ``shape``, output by output."""
        if self._is_of_numbers:
            return self
        tables = (np.broadcast_to(p, shape)[:, outputs].T.ravel() for p in self._parts)
        return PiecewiseQuadratic(*tables)

    def take(self, index: NDArray[np.integer]) -> "PiecewiseQuadratic":
        """Some terms, by their numbers, where arrays are of w's shape."""
        if self._is_of_numbers:
            return self
        return PiecewiseQuadratic(*(np.ravel(p)[index] if n_dims(p) else p for p in self._parts))

    def value(self, w: Array) -> Scalar:
        """The function, a float; inf beyond a bound, but for rounding of the coefficients."""
        if self.has_bounds:
            low = self.lower - AT_BOUND * np.abs(np.where(np.isinf(self.lower), 0.0, self.lower))
            high = self.upper + AT_BOUND * np.abs(np.where(np.isinf(self.upper), 0.0, self.upper))
            if not ((w >= low) & (w <= high)).all():
                return np.inf
        # Without the terms that are 0: of millions of coefficients they cost as a pass over X.
        if self._is_plain:
            total = self.l1 * float(np.abs(w).sum()) if self.l1 else 0.0
            return float(total + 0.5 * self.l2 * float(np.vdot(w, w)) if self.l2 else total)
        total = float((self.l1 * np.abs(w)).sum()) if self._has_l1 else 0.0
        return total + 0.5 * float(np.vdot(self.l2 * w, w))

    def slopes(self, w: Array) -> tuple[Array, Array]:
        """Derivatives by each coefficient to the left and to the right; -inf and inf at bounds."""
        squares = self.l2 * w
        left = self.l1 * np.where(w > 0, 1.0, -1.0) + squares
        right = self.l1 * np.where(w >= 0, 1.0, -1.0) + squares
        if self.has_bounds:
            left = np.where(w <= self.lower, -np.inf, left)
            right = np.where(w >= self.upper, np.inf, right)
        return left, right

    def prox(self, w: Array, step: float | Array) -> Array:
        """``argmin_v (v - w)^2 / 2 + step * function(v)``, elementwise."""
        shrunk = w
        if self._has_l1:
            shrunk = np.sign(w) * np.maximum(np.abs(w) - step * self.l1, 0.0)
        if np.any(self.l2):
            shrunk = shrunk / (1.0 + step * self.l2)
        return np.clip(shrunk, self.lower, self.upper) if self.has_bounds else shrunk

    def conjugate(self, z: Array) -> Scalar:
        """``sup_w z.w - function(w)``, a float; inf outside of the domain."""
        excess = np.maximum(np.abs(z) - self.l1, 0.0) if self._has_l1 else np.abs(z)
        if not self.has_bounds and n_dims(self.l2) == 0:
            if self.l2 > 0:
                return 0.5 * float(np.vdot(excess, excess)) / float(self.l2)
            return 0.0 if excess.max(initial=0.0) <= AT_BOUNDARY else np.inf
        excess = np.sign(z) * np.where(excess > AT_BOUNDARY, excess, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(excess == 0, 0.0, excess / np.asarray(self.l2, dtype=float))
            best = np.clip(far, self.lower, self.upper)
            gains = np.where(
                np.isinf(best), np.inf, z * best - self.l1 * np.abs(best) - 0.5 * self.l2 * best**2
            )
        return float(gains.sum())

    def dual_scaling(self, z: Array) -> Scalar:
        """The largest factor up to 1 that brings ``z`` into the domain of the conjugate, and to
        where the squares do not matter: weak ones make the conjugate finite, but huge."""
        size = np.abs(z)
        if self._is_plain:  # without arrays of what is one number for all
            largest = size.max(initial=0.0)
            return float(self.l1 / largest) if self._needs_scaling and largest > self.l1 else 1.0
        outside = (size > self.l1) & self._needs_scaling
        if self.has_bounds:
            outside &= np.isinf(np.where(z > 0, self.upper, self.lower))
        if not outside.any():
            return 1.0
        return float(np.min(np.broadcast_to(self.l1, z.shape)[outside] / size[outside]))

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """Distance, per coefficient, of ``-gradient`` to the subdifferential at ``w``."""
        left, right = self.slopes(w)
        return np.maximum(np.maximum(left + gradient, -gradient - right), 0.0)
