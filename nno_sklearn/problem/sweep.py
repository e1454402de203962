"""Sums over the rows at given raw predictions: in blocks that stay in a processor's cache."""

from typing import NamedTuple

import numpy as np

#: Entries and rows of a block of raw predictions, at most. For sums over more rows OpenBLAS would
#: wake its threads, which costs more than they bring.
BLOCK_SIZE, BLOCK_ROWS = 2**15, 2**13


class RowSums(NamedTuple):
    """Weighted sums over all rows; those along a line are None without one.

    Parameters
    ----------
    total : ndarray of shape (n_outputs,)
        Of the loss gradient: the derivative by the intercept.
    size : ndarray of shape (n_outputs,)
        Of the loss gradient's absolute values.
    bend : ndarray of shape (n_outputs, n_outputs)
        Of the curvature: the second derivative by the intercept.
    first, second : ndarray of shape (n_outputs,), or (1,) where outputs interact
        Derivatives along the line, the intercept held.
    mixed : ndarray of shape (n_outputs,)
        Second derivative by the line's t and the intercept.
    """

    total: np.ndarray
    size: np.ndarray
    bend: np.ndarray
    first: np.ndarray | None = None
    second: np.ndarray | None = None
    mixed: np.ndarray | None = None


class Sweep:
    """Looks at all rows with the raw predictions ``linear + t * slope + b``, b free.

    The arithmetic of a block is done before the next one is read: all that is made of the length
    of the data, whatever n, is the residual.

    Parameters
    ----------
    problem : Problem
    linear : ndarray of shape (n_samples, n_outputs)
    slope : ndarray of shape (n_samples, n_outputs), default=None
    t : float or ndarray, default=0.0

    Attributes
    ----------
    residual : ndarray of shape (n_samples, n_outputs) or None
        Without a slope: weights times loss gradients where :meth:`sums` looked last.
    """

    def __init__(self, problem, linear, slope=None, t=0.0):
        self.problem, self._linear, self._slope, self._t = problem, linear, slope, t
        self.residual = None

    def blocks(self, b):
        """Slices of the rows with their raw predictions."""
        n, n_outputs = self._linear.shape
        step = min(BLOCK_ROWS, max(1, BLOCK_SIZE // n_outputs))
        for first in range(0, n, step):
            rows = slice(first, first + step)
            eta = self._linear[rows] + b
            if self._slope is not None:
                eta += self._t * self._slope[rows]
            yield rows, eta

    def spread(self):
        """Weighted mean size of the raw predictions without the intercept, (n_outputs,)."""
        weight = self.problem.weight
        return sum(weight[rows] @ np.abs(eta) for rows, eta in self.blocks(0.0))

    def values(self, b):
        """Weighted mean loss of each output, (n_outputs,)."""
        problem = self.problem
        with np.errstate(over="ignore", invalid="ignore"):
            values = sum(
                problem.weight[rows] @ problem.loss.value(problem.y[rows], eta)
                for rows, eta in self.blocks(b)
            )
        return values if problem.correction is None else values + problem.correction.shift * b

    def sums(self, b):
        """The derivatives' :class:`RowSums` at the intercept ``b``."""
        if self._slope is None and self.residual is None:
            self.residual = np.empty_like(self._linear, order="F")
        with np.errstate(over="ignore", invalid="ignore"):
            parts = zip(*(self._sums(rows, eta) for rows, eta in self.blocks(b)), strict=True)
            sums = RowSums(*(sum(part) for part in parts))
        correction = self.problem.correction
        if correction is None:
            return sums
        return sums._replace(total=sums.total + correction.shift)

    def _sums(self, rows, eta):
        problem, weight = self.problem, self.problem.weight[rows]
        gradient, curvature = problem.loss.derivatives(problem.y[rows], eta)
        if self._slope is None:
            residual = np.multiply(weight[:, None], gradient, out=self.residual[rows])
            return residual.sum(axis=0), np.abs(residual).sum(axis=0), curvature.total(weight)
        sums = weight @ gradient, weight @ np.abs(gradient), curvature.total(weight)
        weighted = weight[:, None] * self._slope[rows]
        bent = curvature.product(weighted)
        first, second = problem.inner(gradient, weighted), problem.inner(bent, self._slope[rows])
        return *sums, first, second, bent.sum(axis=0)
