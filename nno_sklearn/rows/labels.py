"""Class labels as targets, one number a row: rows of 0 and 1 are made block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.types import Array

#: Rows that are shown to what checks a loss on labels.
N_EXAMPLES = 200


class Labels:
    """Targets that are 1 in the row's class and 0 in all others, (n_samples, n_classes).

    ``np.asarray`` makes them dense.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        Number of each row's class.
    n_classes : int
    """

    def __init__(self, codes: NDArray[Any], n_classes: int) -> None:
        self.codes, self.n_classes = codes, n_classes

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.codes), self.n_classes

    def take(self, index: NDArray[Any], axis: int = 0) -> Labels:
        """The rows ``index``, as of an array."""
        return Labels(self.codes[index], self.n_classes)

    def like(self, rows: slice, eta: Array) -> Array:
        """Some rows, dense, of the type and the order in memory of ``eta``."""
        dense = np.zeros_like(eta)
        dense[np.arange(len(dense)), self.codes[rows]] = 1.0
        return dense

    def mean(self, weight: Array) -> Array:
        """Weighted mean, (n_classes,)."""
        return np.bincount(self.codes, weight, self.n_classes).astype(float, copy=False)

    def extremes(self) -> tuple[Array, Array]:
        """Least and greatest target of each class, (n_classes,)."""
        count = np.bincount(self.codes, minlength=self.n_classes)
        return (count == len(self)).astype(float), (count > 0).astype(float)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.like(slice(None), np.empty(self.shape, dtype or float))


def examples_of(y: Array | Labels) -> Array:
    """Targets that tell what all are like: of labels some rows, of all parts of the data."""
    if isinstance(y, Labels):
        return np.asarray(y.take(np.linspace(0, len(y) - 1, min(len(y), N_EXAMPLES)).astype(int)))
    return y


def targets_like(y: Array | Labels, rows: slice, eta: Array) -> Array:
    """A block of targets as a loss takes it beside the raw predictions ``eta``."""
    if isinstance(y, Labels):
        return y.like(rows, eta)
    return y[rows].astype(eta.dtype, copy=False)
