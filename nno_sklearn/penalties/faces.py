"""Faces: coefficients among which a penalty with kinks is linear."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nno_sklearn.types import Array


@dataclass(frozen=True)
class Face:
    """Coefficients ``signs * size[labels]``, among which a penalty is ``slopes @ size`` near some.

    Newton's method among them is exact where proximal steps only converge.

    Parameters
    ----------
    labels : ndarray of shape (n_features, n_outputs)
        Number of the piece that each coefficient belongs to, counted from 0, pieces of different
        outputs being different ones; -1 where it is 0.
    signs : ndarray of shape (n_features, n_outputs)
        1 or -1.
    slopes : ndarray of shape (n_pieces,)
        Derivative of the penalty by the size of each piece.
    """

    labels: NDArray[np.integer]
    signs: Array
    slopes: Array

    @cached_property
    def basis(self) -> sparse.csr_array:
        """The matrix of shape (n_features * n_outputs, n_pieces) that takes sizes to coefficients,
        one after the other as in ``w.ravel()``."""
        used = np.flatnonzero(self.labels.ravel() >= 0)
        entries = self.signs.ravel()[used], (used, self.labels.ravel()[used])
        return sparse.csr_array(entries, shape=(self.labels.size, len(self.slopes)))

    def project(self, d: Array) -> Array:
        """The part of a direction, (n_features, n_outputs), that stays on the face."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.slopes))
        sums = self.basis.T @ d.ravel()
        return (self.basis @ (sums / counts)).reshape(d.shape)


def runs(values: Array) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    edges = np.flatnonzero(np.diff(values)) + 1
    return zip([0, *edges], [*edges, len(values)], strict=True)
