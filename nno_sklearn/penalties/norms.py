"""The family of functions that Newton's steps in the sizes of groups can solve for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.penalties.piecewise import AT_BOUNDARY
from nno_sklearn.types import Array, Scalar

#: Newton steps, from above, to the scaling into a domain that has no closed form.
MAX_STEPS = 60


@dataclass(frozen=True)
class GroupNorms:
    """``sum_g radii_g |w_g|_2 + l1 |w|_1 + l2 |w|_2^2 / 2``, a function that Newton's steps in the
    groups' sizes solve for.

    Parameters
    ----------
    labels : ndarray of shape (n_features,)
        Number of each feature's group, all outputs of which belong to it.
    radii : ndarray of shape (n_groups,)
        Factors of the norms, at least 0.
    l1, l2 : float, default=0.0
        Factors of the l1 part and of the squares, at least 0.
    """

    labels: NDArray[np.integer]
    radii: Array
    l1: float = 0.0
    l2: float = 0.0

    @cached_property
    def grows(self) -> bool:
        """Whether it grows in every direction: its conjugate is then finite near 0."""
        return self.l1 > 0 or self.l2 > 0 or bool(self.radii.all())

    def restrict(self, features: NDArray[np.integer]) -> "GroupNorms":
        """The terms of some features, the groups being numbered anew."""
        kept, labels = np.unique(self.labels[features], return_inverse=True)
        return GroupNorms(labels, self.radii[kept], self.l1, self.l2)

    def scaled(self, factor: float) -> "GroupNorms":
        """This function times a number."""
        return GroupNorms(self.labels, factor * self.radii, factor * self.l1, factor * self.l2)

    def sums(self, terms: Array) -> Array:
        """Sums of terms of w's shape over each group, (n_groups,)."""
        return np.asarray(np.bincount(self.labels, terms.sum(axis=1), len(self.radii)), dtype=float)

    def norms(self, w: Array) -> Array:
        """Norm of each group, (n_groups,)."""
        return np.sqrt(self.sums(w * w))

    def of_features(self, groups: Array) -> Array:
        """A number of each group for each of its features, (n_features, 1)."""
        return groups[self.labels][:, None]

    def soft(self, z: Array, step: float | Array = 1.0) -> Array:
        """What the l1 part leaves of slopes, or of coefficients after a step."""
        if self.l1 == 0:
            return z
        return np.sign(z) * np.maximum(np.abs(z) - step * self.l1, 0.0)

    def value(self, w: Array) -> Scalar:
        """The function, a float."""
        total = float(self.radii @ self.norms(w))
        total += self.l1 * float(np.abs(w).sum()) if self.l1 else 0.0
        return total + 0.5 * self.l2 * float(np.vdot(w, w)) if self.l2 else total

    def prox(self, w: Array, step: float | Array) -> Array:
        """``argmin_v |v - w|^2 / 2 + step * function(v)``, with one step for each group."""
        soft = self.soft(w, step)
        of_group = step if np.ndim(step) == 0 else np.broadcast_to(step, w.shape)[:, :1]
        norms, radii = self.of_features(self.norms(soft)), self.of_features(self.radii)
        shrink = np.divide(of_group * radii, norms, out=np.zeros_like(norms), where=norms > 0)
        shrunk = soft * np.maximum(1.0 - shrink, 0.0)
        return shrunk / (1.0 + of_group * self.l2) if self.l2 else shrunk

    def rates(self, w: Array) -> tuple[Array, Array]:
        """Curvature of the norms across each group's direction, (n_features, 1), and that
        direction, of w's shape; 0 at a kink."""
        norms = self.norms(w)
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        return self.of_features(self.radii * inverse), self.of_features(inverse) * w

    def curvature_product(self, w: Array, d: Array) -> Array:
        """Second derivatives at ``w`` times ``d``."""
        rate, unit = self.rates(w)
        return rate * (d - self.of_features(self.sums(unit * d)) * unit) + self.l2 * d

    def conjugate(self, z: Array) -> Scalar:
        """``sup_w z.w - function(w)``, a float; inf outside of the domain."""
        excess = self.norms(self.soft(z)) - self.radii
        if self.l2:
            return 0.5 * float(np.sum(np.maximum(excess, 0.0) ** 2)) / self.l2
        return 0.0 if (excess <= AT_BOUNDARY * np.maximum(self.radii, 1.0)).all() else np.inf

    def dual_scaling(self, z: Array) -> Scalar:
        """The largest factor up to 1 that brings ``z`` into the domain of the conjugate, and to
        where the squares do not matter: weak ones make the conjugate finite, but huge."""
        radii = self.radii
        outside = self.norms(self.soft(z)) > radii
        if self.l2 and not self.l1:
            outside &= radii > 0
        if not outside.any():
            return 1.0
        if self.l1 == 0:
            return float(np.min(radii[outside] / self.norms(z)[outside]))
        # Of each group, where |soft(c z)|^2 = radius^2: convex in c, so Newton's steps from 1 fall.
        scaling = np.ones(len(radii))
        for _ in range(MAX_STEPS):
            left = np.maximum(self.of_features(scaling) * np.abs(z) - self.l1, 0.0)
            excess = self.sums(left**2) - radii**2
            slope = 2.0 * self.sums(left * np.abs(z))
            steps = outside & (excess > 0) & (slope > 0)
            new = scaling - np.divide(excess, slope, out=np.zeros_like(slope), where=steps)
            if np.array_equal(new, scaling):
                break
            scaling = new
        return float(scaling.min())

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """Distance, per coefficient, of ``-gradient`` to the subdifferential at ``w``."""
        gradient = gradient + self.l2 * w if self.l2 else gradient
        at_zero = self.soft(gradient)
        sizes, radii = self.of_features(self.norms(at_zero)), self.of_features(self.radii)
        share = np.divide(radii, sizes, out=np.ones_like(sizes), where=sizes > radii)
        at_zero = np.abs(at_zero) * (1.0 - share)
        rate, _ = self.rates(w)
        slope = gradient + rate * w
        in_use = np.where(w == 0, np.abs(self.soft(slope)), np.abs(slope + self.l1 * np.sign(w)))
        return np.where(self.of_features(self.norms(w)) > 0, in_use, at_zero)
