"""From the outputs of some classes to those of more: what was learnt is carried over."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.losses import Loss
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.types import Array


@dataclass(frozen=True)
class Widening:
    """How arrays with a column for each output get columns for classes that appear later.

    Two classes have one output, of the second: they get two first, whose difference (of a softmax)
    or each of which (of classes against the rest) predicts the same. A new class begins with
    coefficients of 0.

    Parameters
    ----------
    loss : Loss
        For the classes before.
    place : ndarray of shape (n_classes before,)
        Numbers of these among the classes after, sorted.
    n_classes : int
        After.
    is_coupled : bool
        Whether the outputs of more than two classes interact, as in a softmax.
    """

    loss: Loss
    place: NDArray[np.integer]
    n_classes: int
    is_coupled: bool

    @classmethod
    def between(
        cls, before: NDArray[Any], after: NDArray[Any], loss_before: Loss, loss: Loss
    ) -> "Widening":
        """From some classes to these and others, and from the loss for them to that for all."""
        y = np.zeros((1, len(after)))
        coupling = Curvature.of(loss.derivatives(y, y)[1]).coupling
        place = np.searchsorted(after, before)
        return cls(loss_before, place, len(after), coupling is not None)

    @property
    def _is_of_two(self):
        return len(self.place) == 2

    def coefficients(self, array: Array, new: float = 0.0) -> Array:
        """Of coefficients, iterates, and whatever changes its sign with the class; ``new`` is that
        of a new class."""
        if self._is_of_two:
            array = np.concatenate([-array, array], axis=-1) * (0.5 if self.is_coupled else 1.0)
        return self._placed(array, new)

    def gradients(self, array: Array) -> Array:
        """Of derivatives by the outputs, and products with targets."""
        return self._placed(np.concatenate([-array, array], -1) if self._is_of_two else array)

    def sizes(self, array: Array, new: float = 0.0) -> Array:
        """Of sizes and squares, which do not change their sign with the class; ``new`` is that of a
        new class."""
        both = np.concatenate([array, array], -1) if self._is_of_two else array
        return self._placed(both, new)

    def targets(self, array: Array, whole: float = 1.0) -> Array:
        """Of shares of the classes, or of masses that sum to ``whole``."""
        return self._placed(
            np.concatenate([whole - array, array], -1) if self._is_of_two else array
        )

    def masses(self, array: Array) -> Array:
        """Of a number for each class, two for two classes."""
        return self._placed(array)

    def _placed(self, array, new=0.0):
        wide = np.full((*array.shape[:-1], self.n_classes), new)
        wide[..., self.place] = array
        return wide
