"""Second derivatives of a loss, row by row."""

from typing import NamedTuple

import numpy as np

from nno_sklearn.types import Array


class Curvature(NamedTuple):
    """Second derivatives of n rows: row i has ``diag(diagonal[i]) - coupling[i] coupling[i]'``.

    Parameters
    ----------
    diagonal : ndarray of shape (n_samples, n_outputs)
    coupling : ndarray of shape (n_samples, n_outputs) or None
        None where the outputs do not interact.
    """

    diagonal: np.ndarray
    coupling: np.ndarray | None = None

    @classmethod
    def of(cls, curvature: "Array | Curvature") -> "Curvature":
        """Convert the curvature of a loss: a plain array means uncoupled outputs."""
        return curvature if isinstance(curvature, Curvature) else cls(curvature)

    def part(self, rows: slice) -> "Curvature":
        """Those of some of the rows."""
        diagonal = self.diagonal[rows]
        if self.coupling is None or self.coupling is self.diagonal:
            return Curvature(diagonal, None if self.coupling is None else diagonal)
        return Curvature(diagonal, self.coupling[rows])

    def product(self, direction: Array) -> Array:
        """Apply each row's matrix to that row of ``direction``, (n_samples, n_outputs)."""
        result = self.diagonal * direction
        if self.coupling is not None:
            result -= self.coupling * self._along(direction, result)[:, None]
        return result

    def product_of_one(self, direction: Array) -> Array:
        """Apply each row's matrix to the same ``direction``, (n_outputs,)."""
        result = self.diagonal * direction
        if self.coupling is not None:
            result -= self.coupling * (self.coupling @ direction)[:, None]
        return result

    def total_product(self, weight: Array, direction: Array) -> Array:
        """Weighted sum over the rows of :meth:`product`, (n_outputs,)."""
        scaled = self.diagonal * direction
        total = weight @ scaled
        if self.coupling is None:
            return total
        return total - (weight * self._along(direction, scaled)) @ self.coupling

    def _along(self, direction, scaled):
        """Each row's inner product of coupling and direction, where the diagonal times that is
        known, (n_samples,)."""
        if self.coupling is self.diagonal:
            return scaled.sum(axis=1)
        return np.einsum("ik,ik->i", self.coupling, direction)

    def entry(self, k: int, m: int) -> Array:
        """Second derivative by outputs k and m, (n_samples,)."""
        diagonal = self.diagonal[:, k] if k == m else 0.0
        if self.coupling is None:
            return np.broadcast_to(diagonal, len(self.diagonal))
        return diagonal - self.coupling[:, k] * self.coupling[:, m]

    def total(self, weight: Array) -> Array:
        """Weighted sum over the rows, (n_outputs, n_outputs)."""
        total = np.diag(weight @ self.diagonal)
        if self.coupling is not None:
            total = total - (self.coupling.T * weight) @ self.coupling
        return total
