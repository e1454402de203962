"""Second derivatives by the intercept: a diagonal, a matrix, or products with the rows' own."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, Self

import numpy as np

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.cholesky import invert
from nno_sklearn.types import Array

#: Outputs up to which those that interact have a matrix: forming it takes no longer than the
#: products that a solution without it needs.
MOST_JOINT_OUTPUTS = 48
#: Conjugate gradients: steps at most, and the share of the right side to which the residual falls,
#: in units of the diagonal.
MOST_STEPS, PRECISION = 30, 1e-2


class InterceptCurvature(Protocol):
    """Weighted sum of the rows' second derivatives: H, positive semi-definite.

    Those of parts of the rows add up: ``share * one + other_share * other``.
    """

    @property
    def diagonal(self) -> Array:
        """(n_outputs,)"""

    def product(self, shift: Array) -> Array:
        """``H shift`` for a shift, (n_outputs,), or one in each column."""

    def solve(self, right: Array, damping: float = 0.0) -> Array:
        """``(H + damping I)^-1 right`` for a right side, (n_outputs,), or one in each column.

        Directions without curvature, such as a shift of all of a softmax's outputs, get 0.
        """

    def eigen(self) -> tuple[Array, Array | None]:
        """Eigenvalues and eigenvectors of H, or of what is known of it; vectors of None are the
        unit vectors."""

    def release(self) -> None:
        """Let go of what is as long as the data; the diagonal stays, there are no more products."""


class _Known:
    """A curvature whose sum over the rows is one array: nothing of it is as long as the data."""

    __array_ufunc__ = None  # a share from numpy leaves the product to this class

    def __init__(self, total: Array) -> None:
        self._total = total

    def release(self) -> None:
        """There is nothing to let go of."""

    def __rmul__(self, share: float) -> Self:
        return type(self)(self._total.dtype.type(share) * self._total)

    def __add__(self, other: Self) -> Self:
        return type(self)(self._total + other._total)


class SeparateCurvature(_Known):
    """Of outputs that do not interact: their own, (n_outputs,)."""

    @property
    def diagonal(self) -> Array:
        return self._total

    def product(self, shift: Array) -> Array:
        return (self._total * shift.T).T

    def solve(self, right: Array, damping: float = 0.0) -> Array:
        total = self._total + damping
        is_curved = total > np.finfo(float).tiny
        inverse = np.divide(1.0, total, out=np.zeros_like(total), where=is_curved)
        return (inverse * right.T).T

    def eigen(self) -> tuple[Array, Array | None]:
        return self._total, None


class JointCurvature(_Known):
    """Of few outputs that interact: a matrix, (n_outputs, n_outputs)."""

    @property
    def diagonal(self) -> Array:
        return self._total.diagonal()

    @cached_property
    def _inverse(self) -> Array:
        return invert(self._total)

    def product(self, shift: Array) -> Array:
        return self._total @ shift

    def solve(self, right: Array, damping: float = 0.0) -> Array:
        if damping == 0:
            return self._inverse @ right
        try:
            return np.linalg.solve(self._total + damping * np.eye(len(self._total)), right)
        except np.linalg.LinAlgError:  # the damping is rounding beside the curvature
            values, vectors = np.linalg.eigh(self._total)
            values = np.maximum(values, 0.0) + damping
            return vectors @ ((vectors.T @ right).T / values).T

    def eigen(self) -> tuple[Array, Array | None]:
        values, vectors = np.linalg.eigh(self._total)
        return np.maximum(values, 0.0), vectors


class ImplicitCurvature:
    """Of many outputs that interact: ``diag(total) - sum_i s_i c_i c_i'``, never formed.

    A product with it reads the rows' couplings c once; the matrix would take as long for every
    output. Systems are solved by conjugate gradients in units of the diagonal.

    Parameters
    ----------
    total : ndarray of shape (n_outputs,)
    diagonal : ndarray of shape (n_outputs,)
        That of the whole, couplings included.
    blocks : list of (weights, couplings)
        Of blocks of the rows, (n_rows,) and (n_rows, n_outputs).
    """

    __array_ufunc__ = None

    def __init__(self, total: Array, diagonal: Array, blocks: list[tuple[Array, Array]]) -> None:
        self._total, self.diagonal, self._blocks = total, diagonal, blocks

    def product(self, shift: Array) -> Array:
        shifts = shift.T  # whose last axis is that of the outputs, of one or several
        result = self._total * shifts
        for weight, coupling in self._blocks:
            result -= (weight * (shifts.astype(coupling.dtype) @ coupling.T)) @ coupling
        return result.T

    def solve(self, right: Array, damping: float = 0.0) -> Array:
        if right.ndim == 2:
            return np.column_stack([self.solve(column, damping) for column in right.T])
        total = self.diagonal + damping
        inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        solution, residual = np.zeros_like(right), right
        ahead, energy = np.zeros_like(right), 0.0
        limit = PRECISION**2 * (right @ (inverse * right))
        for _ in range(MOST_STEPS):
            steepest = inverse * residual
            before, energy = energy, residual @ steepest
            if not energy > limit:
                break
            ahead = steepest + (energy / before if before else 0.0) * ahead
            product = self.product(ahead) + damping * ahead
            along = ahead @ product
            if not along > 0:  # nothing is left but rounding
                break
            solution = solution + energy / along * ahead
            residual = residual - energy / along * product
        return solution

    def eigen(self) -> tuple[Array, Array | None]:
        return self.diagonal, None

    def release(self) -> None:
        self._blocks = []

    def formed(self) -> JointCurvature:
        """The matrix, which is not as long as the data."""
        total = np.diag(self._total)
        for weight, coupling in self._blocks:
            total -= ((weight[:, None] * coupling).T @ coupling).astype(float, copy=False)
        return JointCurvature(total)

    def __rmul__(self, share: float) -> ImplicitCurvature:
        blocks = [(float(share) * weight, coupling) for weight, coupling in self._blocks]
        return ImplicitCurvature(share * self._total, share * self.diagonal, blocks)

    def __add__(self, other: ImplicitCurvature) -> ImplicitCurvature:
        total, diagonal = self._total + other._total, self.diagonal + other.diagonal
        return ImplicitCurvature(total, diagonal, self._blocks + other._blocks)


def intercept_curvature(
    rows: Curvature, weight: Array, stands_for: float = 1.0
) -> InterceptCurvature:
    """The weighted sum of rows' second derivatives, in the form that suits their outputs.

    Weights are of the rows' type; the sums are float64, but for a matrix, whose type tells how much
    of it is rounding. Where many outputs interact, products take
    the rows' couplings for those of ``stands_for`` times as many rows: 0 where others stand for
    them.
    """
    total = np.asarray(weight @ rows.diagonal, float)
    if rows.coupling is None:
        return SeparateCurvature(total)
    if len(total) <= MOST_JOINT_OUTPUTS:
        return JointCurvature(np.asarray(rows.total(weight)))
    square = np.asarray(weight @ (rows.coupling * rows.coupling), float)
    rounding = np.finfo(rows.coupling.dtype).eps * total  # all that is left of saturated outputs
    diagonal = np.maximum(total - square, rounding)
    if not stands_for:
        return ImplicitCurvature(total, diagonal, [])
    weight = weight.dtype.type(stands_for) * weight
    return ImplicitCurvature(total, diagonal, [(weight, rows.coupling)])


def curved_everywhere(total: Array) -> Array:
    """The second derivative by the intercepts of outputs that interact, and some curvature along a
    shift of all alike, which changes nothing: steps then keep it at 0."""
    return total + total.trace() / len(total)
