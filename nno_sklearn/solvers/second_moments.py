"""Second moments of the columns, factored in units of a penalty's curvature."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from nno_sklearn.rows import Rows
from nno_sklearn.types import Array

#: Relative difference of units that is rounding.
ROUNDING = 1e-12
#: Rounding of an eigenvalue in float32, as a share of the largest; and how many times the smallest
#: that matters it may be.
EPS, FORGIVEN = float(np.finfo(np.float32).eps), 4.0
#: Share of the largest eigenvalue above which one is more than the rounding of products in float32.
KNOWN = 1e-5
TINY = np.finfo(float).tiny


class Factor(NamedTuple):
    """Eigenvalues and eigenvectors of ``D^-1/2 A D^-1/2`` for second moments A, and ``D^-1/2``."""

    #: (n_known,)
    values: Array
    #: (n_features, n_known); in float32 where a preconditioner needs no more digits.
    vectors: Array
    #: (n_features,)
    scaling: Array
    #: Eigenvalue of all directions beside the known ones; None where there are no others.
    rest: float | None = None

    def times(self, share: float) -> "Factor":
        """The same for ``D / share``."""
        rest = None if self.rest is None else share * self.rest
        return Factor(share * self.values, self.vectors, np.sqrt(share) * self.scaling, rest)


class SecondMoments:
    """Weighted second moments of the columns of some rows, and their eigenvectors.

    Fits that differ in the strength of a ridge alone share both.

    Parameters
    ----------
    rows : Rows
    n_leading : int or None, default=None
        Number of the largest eigenvalues that are found; None for all. Those of a few are found by
        products with the rows, without their Gram matrix (Halko, Martinsson and Tropp, 2011).
    """

    def __init__(self, rows: Rows, n_leading: int | None = None) -> None:
        self._rows, self._n_leading = rows, n_leading
        self._unit: Array | None = None

    @cached_property
    def _gram(self) -> Array:
        return self._rows.gram()

    def factor(self, unit: Array, least: float) -> Factor:
        """Eigenvalues and eigenvectors in a unit.

        Parameters
        ----------
        unit : ndarray of shape (n_features,)
            The diagonal D, at least 0; where it is 0, so is ``D^-1/2``. Factors of the last one
            are kept.
        least : float
            Size of an eigenvalue below which it does not matter.
        """
        if self._unit is None or (np.abs(unit - self._unit) > ROUNDING * self._unit).any():
            few = self._n_leading is not None
            self._unit = unit
            self._factor = self._leading(unit) if few else self._factor_in(np.float32, unit)
        values, vectors, _, rest = self._factor
        rounding = FORGIVEN * EPS * values.max()
        if rest is None and vectors.dtype == np.float32 and rounding > max(least, values.min()):
            self._factor = self._factor_in(np.float64, unit)
        return self._factor

    def _factor_in(self, dtype, unit):
        scaling = _inverse_root(unit)
        scaled = scaling[:, None] * self._gram * scaling
        largest = scaled.diagonal().max()
        if largest > 0:  # neither overflows nor vanishes
            scaled /= largest
        values, vectors = eigh(scaled.astype(dtype), driver="evd", overwrite_a=True)
        return Factor(largest * np.maximum(values.astype(float), 0.0), vectors, scaling)

    def _leading(self, unit):
        """The largest eigenvalues, about, of what two products with directions, the same in every
        fit, tell (Nystroem's approximation; Gittens and Mahoney, 2016). The least of them stands
        for all others: where steps are too short along these, secants correct them soon."""
        scaling = _inverse_root(unit)[:, None]

        def product(directions):
            return scaling * self._rows.gram_product(scaling * directions)

        random = np.random.default_rng(0).standard_normal((len(unit), self._n_leading))
        basis = np.linalg.qr(product(random))[0]
        image = product(basis)
        values, vectors = eigh(basis.T @ image, driver="evd")
        told = values >= KNOWN * values[-1]
        root = image @ (vectors[:, told] / np.sqrt(np.maximum(values[told], TINY)))
        vectors, sizes, _ = np.linalg.svd(root, full_matrices=False)
        return Factor(sizes**2, vectors.astype(np.float32), scaling[:, 0], sizes[-1] ** 2)


def _inverse_root(unit):
    root = np.sqrt(unit)
    return np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
