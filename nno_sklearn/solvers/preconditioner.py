"""Preconditioners: each turns a gradient into a direction."""

import numpy as np

from nno_sklearn.problem.cost import is_wide_sparse
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.secants import LBFGS

#: Curvature, relative to a coefficient's own, where the penalty has none: rounding errors in the
#: null space of X must not become steps.
OPEN_CURVATURE = 1e-7
TINY = np.finfo(float).tiny
#: Powers of the curvatures that a diagonal of wide sparse data may be, 0, 1/4, ... 1, and which of
#: them is 1/2.
N_POWERS, HALF = 5, 2
#: Misfit of a lower power beyond the least, on a scale of logarithms, that is none: steps in a
#: metric flatter it.
NEAR = 0.2


class DiagonalPreconditioner:
    """One curvature per coefficient: absorbs the scale of the columns."""

    #: Whether it is the exact Hessian at its point, so that earlier secants cannot improve it.
    is_hessian = False

    def __init__(self, diagonal):
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)

    def solve(self, gradient):
        return self._inverse * gradient


def power_of_diagonal(diagonal, unit, power):
    """``unit * (diagonal / unit)**(power / 4)``, for a whole number; 0 where the diagonal is."""
    result, root = np.where(diagonal > 0, unit, 0.0), _fourth_root(diagonal, unit)
    for _ in range(power):
        result *= root
    return result


def _fourth_root(diagonal, unit):
    """Of ``diagonal / unit``; 1 where the diagonal is 0."""
    with np.errstate(invalid="ignore"):  # a curvature that overflows: nothing moves
        shares = np.divide(diagonal, unit, out=np.ones_like(diagonal), where=diagonal > 0)
    return np.sqrt(np.sqrt(shares))


def diagonal_preconditioner(point):
    """The preconditioner of the coefficients' own curvatures, or of their square roots on wide
    sparse data; see :class:`DiagonalPreconditioners`."""
    return DiagonalPreconditioners(point.problem, LBFGS(point.problem, 0))(point)


class DiagonalPreconditioners:
    """Those of a run: the curvatures or, on wide sparse data, the power of them that the run's own
    secants confirm.

    Columns of such data, as word counts, mostly differ in frequency rather than in units; there the
    square root, as in AdaGrad (Duchi, Hazan and Singer, 2011), needs a third of the iterations. But
    no power serves all: where columns differ in units, the curvatures themselves need a tenth;
    where few long rows give columns their curvature, a power near 0 does.

    By a diagonal ``d`` that were the Hessian, ``sum(s**2 * d) * sum(c**2 / d)`` would be
    ``(s @ c)**2`` for a step ``s`` that changes the gradient by ``c``; else it is more.

    Parameters
    ----------
    problem : Problem
    past : LBFGS
        The secants. Where it keeps none, the power is 1/2.
    """

    def __init__(self, problem, past):
        self._problem, self._past = problem, past
        self._is_exact = not is_wide_sparse(problem)
        self._power, self._misfits = 0 if past.most else HALF, np.zeros(N_POWERS)
        self._next_look = 1

    def __call__(self, point):
        return self._of(point.diagonal_curvature)

    def at(self, coef, diagonal, outputs):
        """That at coefficients, where the data loss has these curvatures."""
        problem = self._problem
        return self._of(diagonal + problem.alpha * problem.penalty.curvature(coef))

    def _of(self, diagonal):
        if self._is_exact:
            return DiagonalPreconditioner(diagonal)
        size = diagonal.max()
        self._learn(diagonal, size)
        return DiagonalPreconditioner(power_of_diagonal(diagonal, size, self._power))

    def _learn(self, diagonal, size):
        """Take in what the last step tells, if it is the 1st, 2nd, 4th, 8th, ..."""
        if len(self._past) and self._past.n_added >= self._next_look:
            self._next_look = 2 * self._past.n_added
            self._misfits += _misfits(*self._past.last, _fourth_root(diagonal, size))
            self._misfits -= self._misfits.min()
            self._power = int(np.argmax(self._misfits <= NEAR))


def _misfits(step, change, root):
    """By how much a secant tells against powers of ``root``: logarithms, which are the least for a
    diagonal that is most like the Hessian."""
    steps, changes, root = np.square(step), np.square(change), root.reshape(step.T.shape).T
    found = np.empty(N_POWERS)
    for k in range(N_POWERS):
        found[k] = np.log(max(steps.sum() * changes.sum(), TINY))
        steps *= root
        changes /= root
    return found


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
        diagonal = power_of_diagonal(diagonal, np.median(diagonal[diagonal > 0]), HALF)
        self.solve = rows.row_space_inverse(curvature, diagonal[:, None]).solve
