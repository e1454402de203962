"""Faces: coefficients among which a penalty with kinks is linear."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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
    def counts(self) -> NDArray[np.integer]:
        """Number of coefficients of each piece, (n_pieces,)."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.slopes))

    @cached_property
    def _order(self) -> NDArray[np.integer]:
        """Numbers in ``w.ravel()`` of the coefficients of one piece after the other."""
        labels = self.labels.ravel()
        return np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]

    @cached_property
    def _signs(self) -> Array:
        return self.signs.ravel()[self._order]

    def sums(self, values: Array) -> Array:
        """Signed sums over each piece, (n_pieces, ...), of ``values``, (n_features * n_outputs,
        ...), in the order of ``w.ravel()``."""
        starts = np.cumsum(self.counts) - self.counts
        signed = (self._signs * values[self._order].T).T
        return np.add.reduceat(signed, starts, axis=0) if len(starts) else signed

    def coefficients(self, sizes: Array) -> Array:
        """The coefficients, (n_features, n_outputs), of pieces of these ``sizes``."""
        coef = np.zeros(self.labels.size)
        coef[self._order] = self._signs * np.repeat(sizes, self.counts)
        return coef.reshape(self.labels.shape)

    def project(self, d: Array) -> Array:
        """The part of a direction, (n_features, n_outputs), that stays on the face."""
        return self.coefficients(self.sums(d.ravel()) / self.counts)


def runs(values: Array) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    starts, _ = labelled_runs(values)
    return pairwise([*starts, len(values)])


def labelled_runs(values: Array) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Where each run of equal values starts, and the number of the run that each belongs to."""
    begins = np.ones(len(values), dtype=bool)
    begins[1:] = values[1:] != values[:-1]
    return np.flatnonzero(begins), np.cumsum(begins) - 1
