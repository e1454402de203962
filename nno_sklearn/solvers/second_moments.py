"""Second moments of the columns, factored in units of a penalty's curvature."""

from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from nno_sklearn.rows import Rows
from nno_sklearn.types import Array

#: Relative difference of units that is rounding.
ROUNDING = 1e-12
#: Rounding of an eigenvalue in float32, as a share of the largest; and how many times the smallest
#: that matters it may be.
EPS, FORGIVEN = float(np.finfo(np.float32).eps), 4.0


class SecondMoments:
    """Weighted second moments of the columns of some rows, and their eigenvectors.

    Fits that differ in the strength of a ridge alone share both.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._unit: Array | None = None

    @cached_property
    def _gram(self) -> Array:
        return self._rows.gram()

    def factor(self, unit: Array, least: float) -> tuple[Array, Array, Array]:
        """Eigenvalues and eigenvectors of ``D^-1/2 A D^-1/2``, and ``D^-1/2``; in float32 where a
        preconditioner needs no more digits.

        Parameters
        ----------
        unit : ndarray of shape (n_features,)
            The diagonal D, at least 0; where it is 0, so is ``D^-1/2``. Factors of the last one
            are kept.
        least : float
            Size of an eigenvalue below which it does not matter.
        """
        if self._unit is None or (np.abs(unit - self._unit) > ROUNDING * self._unit).any():
            self._unit, self._eigen = unit, self._factor_in(np.float32, unit)
        values, vectors, _ = self._eigen
        rounding = FORGIVEN * EPS * values.max()
        if vectors.dtype == np.float32 and rounding > max(least, values.min()):
            self._eigen = self._factor_in(np.float64, unit)
        return self._eigen

    def _factor_in(self, dtype, unit):
        root = np.sqrt(unit)
        scaling = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        scaled = scaling[:, None] * self._gram * scaling
        largest = scaled.diagonal().max()
        if largest > 0:  # neither overflows nor vanishes
            scaled /= largest
        values, vectors = eigh(scaled.astype(dtype), driver="evd", overwrite_a=True)
        return largest * np.maximum(values.astype(float), 0.0), vectors, scaling
