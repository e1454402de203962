"""What rows hand out: handles of what stays with them, and sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from nno_sklearn.rows.intercept_curvature import InterceptCurvature
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.rows.local import LocalRows


class Raw:
    """Handle of one number per row and output: raw predictions without an intercept, or what a
    direction adds to them. Only the rows that made it, or parts of them with other columns, can
    read it.
    """


class RowCurvature:
    """Handle of the rows' second derivatives at a place.

    Attributes
    ----------
    intercept : InterceptCurvature
        The second derivative by the intercept; zeros without one.
    """

    intercept: InterceptCurvature


class RowSums(NamedTuple):
    """Weighted sums over all rows; those along a line are None without one.

    Parameters
    ----------
    total : ndarray of shape (n_outputs,)
        Of the loss gradient: the derivative by the intercept.
    size : ndarray of shape (n_outputs,)
        Of the loss gradient's absolute values.
    curvature : InterceptCurvature
        Of the curvature: the second derivative by the intercept.
    first, second : ndarray of shape (n_outputs,), or (1,) where outputs interact
        Derivatives along the line, the intercept held.
    mixed : ndarray of shape (n_outputs,)
        Second derivative by the line's t and the intercept.
    """

    total: Array
    size: Array
    curvature: InterceptCurvature
    first: Array | None = None
    second: Array | None = None
    mixed: Array | None = None


class SlopeSums(NamedTuple):
    """Weighted sums over all rows of slopes and of their absolute values, (n_outputs,) each."""

    total: Array
    size: Array


class FirstOrder(NamedTuple):
    """The data loss at coefficients and an intercept, and its derivatives.

    Parameters
    ----------
    value : float
    total, curvature : ndarray of shape (n_outputs,)
        First and second derivatives by each output's intercept.
    gradient : ndarray of shape (n_features, n_outputs)
    """

    value: float
    total: Array
    curvature: Array
    gradient: Array


class Reduced(NamedTuple):
    """The data loss where the intercept is, and its gradient where the intercept should be.

    Parameters
    ----------
    value : float
    total : ndarray of shape (n_outputs,)
        Derivatives by the intercepts.
    outputs : InterceptCurvature
        Second derivatives by the intercepts, were there any: of use to a preconditioner.
    shift : ndarray of shape (n_outputs,)
        Newton's step of the intercepts alone.
    gradient : ndarray of shape (n_features, n_outputs)
        After that step, to first order.
    curvature : RowCurvature
    """

    value: float
    total: Array
    outputs: InterceptCurvature
    shift: Array
    gradient: Array
    curvature: RowCurvature


class SecondOrder(NamedTuple):
    """The data loss at coefficients and an intercept, and its first and second derivatives.

    Parameters
    ----------
    values, total : ndarray of shape (n_outputs,)
        Losses, and derivatives by the intercepts.
    gradient : ndarray of shape (n_features, n_outputs)
    blocks : list of ndarray of shape (n, n)
        The Hessian: a block for each output, or of outputs that interact one for all. Coefficients
        come output by output, then the intercepts, where any is fitted.
    """

    values: Array
    total: Array
    gradient: Array
    blocks: list[Array]


class Targets(NamedTuple):
    """Weighted mean, least and greatest target of each output, (n_outputs,)."""

    mean: Array
    low: Array
    high: Array

    @property
    def size(self) -> Array:
        """Largest absolute target of each output."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


class Geometry(NamedTuple):
    """Where the columns lie: what rows must know of all rows, where they are only some of them.

    Parameters
    ----------
    origin, scale : ndarray of shape (n_features,)
        Weighted means, zeros without an intercept, and spreads, 0 for constant columns.
    """

    origin: Array
    scale: Array


class Moments(NamedTuple):
    """Second moments of centred columns and centred targets: ``X'SX``, ``X'Sy``, diag(``y'Sy``)."""

    gram: Array
    cross: Array
    energy: Array


class HessianSums(NamedTuple):
    """Weighted sums over all rows that make up an output's Hessian.

    Parameters
    ----------
    gram : ndarray of shape (n_features, n_columns)
        ``X'(s h X)``, or some columns of it.
    first : ndarray of shape (n_features, 1), or None without an intercept
        ``X'(s h)``.
    total : float
        Of h.
    """

    gram: Array
    first: Array | None
    total: float


class DualPoint(NamedTuple):
    """What a bound by Fenchel duality needs of a dual point v, one number per row and output.

    Parameters
    ----------
    pulled : ndarray of shape (n_features, n_outputs)
        ``X'(s v)``.
    total : ndarray of shape (n_outputs,)
        Weighted sum of v.
    squares : float
        Weighted sum of the squares of v.
    scaling : float
        The first of the scalings c that were tried at which the conjugate is finite.
    conjugate, size : float
        Weighted sums of the loss's conjugates at ``c v``, and of their absolute values.
    beyond : float
        Weighted sum of what Fenchel's inequality misses at the rows' own predictions: conjugates
        forgive ``c v`` that rounding puts beyond their domain, which costs as much as predictions
        are large.
    """

    pulled: Array
    total: Array
    squares: float
    scaling: float
    conjugate: float
    size: float
    beyond: float = 0.0


class PassCounter:
    """How often X was read, in units of the whole matrix; shared by all parts of it.

    Parameters
    ----------
    n_stored : int
        Entries of the whole matrix.
    """

    def __init__(self, n_stored: int) -> None:
        self._n_stored, self.total = n_stored, 0.0

    def read(self, n_stored: float) -> None:
        """Count a look at ``n_stored`` entries."""
        self.total += n_stored / self._n_stored if self._n_stored else 1.0


class HessianInverse(Protocol):
    """Applies the inverse of a matrix of second derivatives."""

    def solve(self, gradient: Array) -> Array:
        """Its product with a gradient, (n_features, n_outputs)."""


class HeavyRows(NamedTuple):
    """The rows with the largest curvature: themselves, theirs, and their weighted squares."""

    rows: LocalRows
    curvature: RowCurvature
    squares: Array


def inner(a: Array, b: Array, is_separate: bool) -> Array:
    """Inner products of the columns of a and b, (n_outputs,), or their sum, (1,)."""
    if a.shape[1] == 1 or not is_separate:
        return np.array([np.vdot(a, b)])
    return np.einsum("jk,jk->k", a, b)
