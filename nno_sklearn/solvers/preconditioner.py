"""Preconditioners: each turns a gradient into a direction."""

from collections import deque
from typing import NamedTuple

import numpy as np

from nno_sklearn.problem.cost import is_wide_sparse
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.types import Array

#: Curvature, relative to a coefficient's own, where the penalty has none: rounding errors in the
#: null space of X must not become steps.
OPEN_CURVATURE = 1e-7


class DiagonalPreconditioner:
    """One curvature per coefficient: absorbs the scale of the columns."""

    #: Whether it is the exact Hessian at its point, so that earlier secants cannot improve it.
    is_hessian = False

    def __init__(self, diagonal):
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)

    def solve(self, gradient):
        return self._inverse * gradient


def spread_diagonal(diagonal, unit):
    """Square root of a diagonal of curvatures, in units of a size ``unit``."""
    return np.sqrt(diagonal * unit)


def diagonal_preconditioner(point):
    """The preconditioner of the coefficients' own curvatures.

    Columns of wide sparse data, such as word counts, differ in frequency rather than in units;
    there the square root of the curvature, as in AdaGrad (Duchi, Hazan and Singer, 2011), needs a
    third of the iterations.
    """
    diagonal = point.diagonal_curvature
    if is_wide_sparse(point.problem):
        diagonal = spread_diagonal(diagonal, diagonal.max())
    return DiagonalPreconditioner(diagonal)


def positive_diagonal(penalty_curvature, data_curvature):
    """Diagonal to add to a Hessian of the data loss: the penalty's, or a small positive one."""
    return np.where(penalty_curvature > 0, penalty_curvature, OPEN_CURVATURE * data_curvature)


class CurvaturePreconditioner:
    """Blocks of the Hessian plus a diagonal, by Cholesky factors."""

    def __init__(self, blocks, diagonal, *, is_hessian=False):
        self.is_hessian = is_hessian
        self._blocks, factors = [], {}
        for index, matrix in blocks:
            if id(matrix) not in factors:  # outputs may share a matrix
                factors[id(matrix)] = ScaledCholesky(matrix, diagonal.ravel()[index])
            self._blocks.append((index, factors[id(matrix)]))

    def solve(self, gradient):
        flat, result = gradient.ravel(), np.zeros(gradient.size)
        for index, factor in self._blocks:
            result[index] = factor.solve(flat[index])
        return result.reshape(gradient.shape)


class WoodburyPreconditioner:
    """The landmark rows' Hessian plus a diagonal, inverted in the space of the rows (Woodbury)."""

    def __init__(self, point, curvature, diagonal, *, is_hessian=False):
        self.is_hessian = is_hessian
        self.solve = point.problem.rows.row_space_inverse(curvature, diagonal).solve


class HeavyRowsPreconditioner:
    """The Hessian of the heaviest rows of a wide sparse X, plus a diagonal for all others.

    The directions of largest curvature of such an X are those of its few longest rows. Outputs
    share the diagonal, so that they share one kernel matrix.
    """

    is_hessian = False

    def __init__(self, point, curvature, n_rows):
        problem = point.problem
        rows, curvature, squares = problem.rows.heaviest(curvature, n_rows)
        rest = np.maximum(point.data_diagonal.mean(axis=1) - squares, 0.0)
        smooth = problem.alpha * problem.penalty.curvature(point.coef).mean(axis=1)
        diagonal = positive_diagonal(smooth, squares + rest) + rest
        diagonal = spread_diagonal(diagonal, np.median(diagonal[diagonal > 0]))
        self.solve = rows.row_space_inverse(curvature, diagonal[:, None]).solve


class Secants(NamedTuple):
    """Steps of a run, how each changed the gradient, and the penalty's part in its curvature."""

    pairs: list[tuple[Array, Array]]
    penalty_curvature: Array


def _penalty_curvature(problem, coef):
    """Second derivatives of the penalty's part, of the shape of ``coef``."""
    curvature, n_features = np.zeros(coef.shape), problem.n_features
    curvature[:n_features] = problem.alpha * problem.penalty.curvature(coef[:n_features])
    return curvature


class LBFGS:
    """L-BFGS corrections of a preconditioner by the last ``n_corrections`` steps (Nocedal, 1980).

    Outputs that do not interact are corrected separately.
    """

    def __init__(self, problem, n_corrections):
        self._inner, self._pairs = problem.inner, deque(maxlen=n_corrections)

    def __len__(self):
        return len(self._pairs)

    def carry_on(self, problem, coef):
        """Begin with the steps of the last run on the same rows, where it ended near ``coef``: as
        they would have changed the gradient under the penalty here.

        ``coef`` may have a row for the intercept below those of the features.
        """
        known = problem.knowledge.secants.get(coef.shape)
        if known is not None and coef[: problem.n_features].any():
            more = _penalty_curvature(problem, coef) - known.penalty_curvature
            for step, change in known.pairs:
                self.add(step, change + more * step)

    def hand_on(self, problem, coef):
        """Leave the steps to the next run on the same rows."""
        pairs = [(step, change) for step, change, _ in self._pairs]
        known = Secants(pairs, _penalty_curvature(problem, coef))
        problem.knowledge.secants[coef.shape] = known

    def clear(self):
        self._pairs.clear()

    def add(self, step, change):
        """Remember that ``step`` changed the gradient by ``change``."""
        curvature = self._inner(step, change)
        size = np.sqrt(self._inner(step, step)) * np.sqrt(self._inner(change, change))
        # Without positive curvature along the step, an output's pair is left out: it counts as 0.
        usable = curvature > 1e-12 * size
        if usable.any():
            self._pairs.append((step, change, np.where(usable, curvature, np.inf)))

    def solve(self, gradient, preconditioner):
        """Apply the corrected inverse preconditioner to ``gradient`` (two-loop recursion)."""
        q, shares = gradient.copy(), []
        for step, change, curvature in reversed(self._pairs):
            share = self._inner(step, q) / curvature
            shares.append(share)
            q -= share * change
        q = preconditioner.solve(q)
        if self._pairs:
            _, change, curvature = self._pairs[-1]
            spread = self._inner(change, preconditioner.solve(change))
            usable = (spread > 0) & np.isfinite(curvature)
            q *= np.divide(curvature, spread, out=np.ones_like(curvature), where=usable)
        for (step, change, curvature), share in zip(self._pairs, reversed(shares), strict=True):
            q += (share - self._inner(change, q) / curvature) * step
        return q
