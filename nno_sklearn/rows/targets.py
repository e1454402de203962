"""Targets of the rows: numbers, or class labels of which rows of 0 and 1 are made block by block.

Both answer the same questions, so that nothing else asks which of them there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.types import Array

#: Rows that are shown to what checks a loss on labels.
N_EXAMPLES = 200
#: Outputs from which on arrays of the rows' outputs are row by row in memory, as losses that couple
#: outputs reduce rows; for fewer, column by column is faster.
MANY_OUTPUTS = 64


def order_of(n_outputs: int) -> Literal["C", "F"]:
    """Order in memory of arrays of shape (n_samples, n_outputs)."""
    return "C" if n_outputs >= MANY_OUTPUTS else "F"


class RowTargets(ABC):
    """Targets of shape (n_samples, n_outputs); ``np.asarray`` makes them dense."""

    @property
    @abstractmethod
    def given(self) -> Any:
        """What they were made of."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(n_samples, n_outputs)"""

    @abstractmethod
    def take(self, index: NDArray[Any], axis: int = 0) -> Any:
        """The rows ``index``, in the form of :attr:`given`."""

    @abstractmethod
    def like(self, rows: slice, eta: Array) -> Array:
        """Some rows, dense, as a loss takes them beside the raw predictions ``eta``."""

    @abstractmethod
    def mean(self, weight: Array) -> Array:
        """Weighted mean of each output, (n_outputs,)."""

    @abstractmethod
    def extremes(self) -> tuple[Array, Array]:
        """Least and greatest target of each output, (n_outputs,)."""

    @abstractmethod
    def examples(self) -> Array:
        """Dense targets that tell what all are like."""

    @abstractmethod
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of them, dense."""


class Numbers(RowTargets):
    """Targets that are numbers.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_outputs)
    """

    def __init__(self, values: Array) -> None:
        order = order_of(values.shape[1])
        self._values = values.astype(values.dtype, order=order, copy=False)

    @property
    def given(self) -> Array:
        return self._values

    @property
    def shape(self) -> tuple[int, int]:
        return self._values.shape

    def take(self, index: NDArray[Any], axis: int = 0) -> Array:
        return np.asarray(self._values.take(index, axis))

    def like(self, rows: slice, eta: Array) -> Array:
        return np.asarray(self._values[rows], eta.dtype, like=eta)

    def mean(self, weight: Array) -> Array:
        return weight @ self._values

    def extremes(self) -> tuple[Array, Array]:
        return self._values.min(axis=0), self._values.max(axis=0)

    def examples(self) -> Array:
        return np.asarray(self._values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = np.asarray(self._values)
        return values.astype(dtype or values.dtype, copy=bool(copy))


class Labels(RowTargets):
    """Targets that are 1 in the row's class and 0 in all others, (n_samples, n_classes).

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
    def given(self) -> Labels:
        return self

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.codes), self.n_classes

    def take(self, index: NDArray[Any], axis: int = 0) -> Labels:
        return Labels(np.asarray(self.codes[index]), self.n_classes)

    def like(self, rows: slice, eta: Array) -> Array:
        dense = np.zeros_like(eta)
        dense[np.arange(len(dense)), self.codes[rows]] = 1.0
        return dense

    def mean(self, weight: Array) -> Array:
        mean = np.bincount(np.asarray(self.codes), np.asarray(weight), self.n_classes)
        return mean.astype(float, copy=False)

    def extremes(self) -> tuple[Array, Array]:
        count = np.bincount(np.asarray(self.codes), minlength=self.n_classes)
        return (count == len(self)).astype(float), (count > 0).astype(float)

    def examples(self) -> Array:
        """A few rows, of all parts of the data."""
        few = np.linspace(0, len(self) - 1, min(len(self), N_EXAMPLES)).astype(int)
        return np.asarray(self.take(few))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.like(slice(None), np.empty(self.shape, dtype or float))


def targets_of(y: Array | RowTargets) -> RowTargets:
    """Targets that answer questions: an array's, or ``y`` itself where it is such targets."""
    return y if isinstance(y, RowTargets) else Numbers(y)


def stacked(parts: Sequence[Any]) -> Any:
    """Targets of several parts of the rows, each in the form of :attr:`RowTargets.given`."""
    first = parts[0]
    if isinstance(first, Labels):
        return Labels(np.concatenate([part.codes for part in parts]), first.n_classes)
    return np.vstack(parts)


def reweighted(shares: Array, weight: Array, factors: Array) -> tuple[Array, Array]:
    """Shares of classes and weights of rows, with a factor on all that a class has.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, n_classes)
        Those of a row sum to 1.
    weight : ndarray of shape (n_samples,)
    factors : ndarray of shape (n_classes,)
        Positive.
    """
    mass = shares * factors
    total = mass.sum(axis=1)
    return mass / total[:, None], weight * total
