"""Preconditioners: each turns a gradient into a direction."""

import numpy as np

from nno_sklearn.problem.cost import is_wide_sparse
from nno_sklearn.rows.cholesky import ScaledCholesky

#: Curvature, relative to a coefficient's own, where the penalty has none: rounding errors in the
#: null space of X must not become steps.
OPEN_CURVATURE = 1e-7
TINY = np.finfo(float).tiny
#: Powers of the curvatures that a diagonal of wide sparse data may be: 0, 1/4, ... 1.
N_POWERS = 5
#: Misfit of a lower power beyond the least, on a scale of logarithms, that is none: steps in a
#: metric flatter it.
NEAR = 0.1
#: What an older secant counts beside the next.
FADES = 0.5


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


class PowersOfCurvatures:
    """Diagonal preconditioners of a run: powers of the curvatures, as its own secants confirm them.

    On wide sparse data no power serves all: where columns differ in units, the curvatures
    themselves need a tenth of the iterations; where few long rows give columns their curvature, a
    power near 0 does. By a diagonal ``d`` that were the Hessian, ``sum(s**2 * d) * sum(c**2 / d)``
    would be ``(s @ c)**2`` for a step ``s`` that changes the gradient by ``c``; else it is more.
    """

    def __init__(self):
        self._n_places, self._before, self._misfits = 0, None, np.zeros(N_POWERS)

    def __call__(self, point):
        diagonal = point.diagonal_curvature
        size = diagonal.max()
        root = np.sqrt(np.sqrt(np.where(diagonal > 0, diagonal, size) / size))
        n_steps, self._n_places = self._n_places, self._n_places + 1
        if n_steps and n_steps & (n_steps - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...
            self._misfits *= FADES
            self._misfits += _misfits(point, *self._before, root)
        self._before = point.coef, point.gradient
        fit = self._misfits <= self._misfits.min() + NEAR
        power = np.where(diagonal > 0, size, 0.0)
        for _ in range(int(np.argmax(fit))):
            power *= root
        return DiagonalPreconditioner(power)


def _misfits(point, coef, gradient, root):
    """By how much the last step, from a place of these coefficients and gradient, tells against
    powers of ``root``: logarithms, least for a diagonal that is like the Hessian."""
    steps, changes = np.square(point.coef - coef), np.square(point.gradient - gradient)
    found = np.empty(N_POWERS)
    for k in range(N_POWERS):
        found[k] = np.log(max(steps.sum() * changes.sum(), TINY))
        steps *= root
        changes /= root
    return found


def diagonal_preconditioners(problem):
    """A function of a run's points that returns the diagonal preconditioner to use there."""
    return PowersOfCurvatures() if is_wide_sparse(problem) else diagonal_preconditioner


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
