"""The family of functions that block coordinate descent can solve for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.types import Array


@dataclass(frozen=True)
class GroupNorms:
    """``sum_g radii_g |w_g|_2 + l1 |w|_1``, a function that block coordinate descent can solve for.

    Parameters
    ----------
    labels : ndarray of shape (n_features,)
        Number of each feature's group, all outputs of which belong to it.
    radii : ndarray of shape (n_groups,)
        Factors of the norms, at least 0.
    l1 : float
        Factor of the l1 part, at least 0.
    """

    labels: NDArray[np.integer]
    radii: Array
    l1: float
