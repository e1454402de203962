"""Past steps that correct a preconditioner by how they changed the gradient."""

from typing import NamedTuple

import numpy as np

from nno_sklearn.types import Array

#: Share of the sizes of a step and its change that is no curvature along it.
NO_CURVATURE = 1e-12


class Secants(NamedTuple):
    """Steps of a run, how each changed the gradient, and the penalty's part in its curvature."""

    pairs: list[tuple[Array, Array]]
    penalty_curvature: Array


class LBFGS:
    """L-BFGS corrections of a preconditioner by the last ``n_corrections`` steps (Nocedal, 1980).

    Outputs that do not interact are corrected separately. In the compact form of Byrd, Nocedal and
    Schnabel (1994): steps, and changes, are rows of a matrix, and products with these correct a
    gradient. Of many coefficients, reading the rows takes longer than all else.

    Parameters
    ----------
    problem : Problem
    n_corrections : int

    Attributes
    ----------
    most : int
        As many steps as are kept.
    n_added : int
        Steps that were added, those that are no longer kept included.
    """

    def __init__(self, problem, n_corrections):
        n_apart = problem.n_outputs if problem.rows.is_separate else 1
        self.most, self.n_added = n_corrections, 0
        self._steps = self._changes = np.empty((0, 0, n_apart))  # made for the first pair
        #: Products of the steps with the changes, and of which steps an output counts the pair.
        self._products = np.empty((n_apart, n_corrections, n_corrections))
        self._counts = np.empty((n_apart, n_corrections), dtype=bool)

    def __len__(self):
        return min(self.n_added, self.most)

    @property
    def _rows(self):
        """Rows of the pairs, the oldest first: a new one takes the place of the oldest."""
        return np.arange(self.n_added - len(self), self.n_added) % max(1, self.most)

    @property
    def last(self):
        """The last step and how it changed the gradient, of outputs that interact in one column."""
        row = (self.n_added - 1) % self.most
        return self._steps[row], self._changes[row]

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
        of_shape = lambda rows, k: rows[k].reshape(coef.shape)  # noqa: E731
        pairs = [(of_shape(self._steps, k), of_shape(self._changes, k)) for k in self._rows]
        known = Secants(pairs, _penalty_curvature(problem, coef))
        problem.knowledge.secants[coef.shape] = known

    def clear(self):
        self.n_added = 0

    def add(self, step, change):
        """Remember that ``step`` changed the gradient by ``change``."""
        step, change = self._apart(step), self._apart(change)
        curvature = _inner(step, change)
        size = np.sqrt(_inner(step, step)) * np.sqrt(_inner(change, change))
        # Without positive curvature along the step, an output's pair is left out: it counts as 0.
        counts = curvature > NO_CURVATURE * size
        if not (self.most and counts.any()):
            return
        row = self.n_added % self.most
        if not len(self._steps):
            self._steps, self._changes = np.empty((2, self.most, *step.shape))
        self._steps[row], self._changes[row], self._counts[:, row] = step, change, counts
        self.n_added += 1
        used = len(self)
        self._products[:, :used, row] = _products(self._steps[:used], change)

    def solve(self, gradient, preconditioner):
        """Apply the corrected inverse preconditioner to ``gradient``."""
        if not len(self):
            return preconditioner.solve(gradient)
        rows, used = self._rows, len(self)
        steps, changes, counts = self._steps[:used], self._changes[:used], self._counts[:, rows]
        factor = np.triu(self._products[:, rows[:, None], rows])
        factor *= counts[:, :, None] & counts[:, None, :]
        curvature = np.diagonal(factor, axis1=1, axis2=2)
        factor = factor + np.eye(used) * ~counts[:, None]

        def along(matrix, shares):
            """By rows, what solves for the shares of the pairs that count, by age."""
            found = np.empty_like(shares)
            found[:, rows] = np.linalg.solve(matrix, (counts * shares)[:, :, None])[:, :, 0]
            return found

        shares = along(factor, _products(steps, self._apart(gradient))[:, rows])
        rest = gradient - _combined(changes, shares).reshape(gradient.shape)
        rest = preconditioner.solve(rest) * self._length(preconditioner, gradient.shape)
        back = curvature * shares[:, rows] - _products(changes, self._apart(rest))[:, rows]
        found = along(factor.swapaxes(1, 2), back)
        return rest + _combined(steps, found).reshape(gradient.shape)

    def _length(self, preconditioner, shape):
        """What makes the preconditioner's curvature that of the last step, along it."""
        row, change = (self.n_added - 1) % self.most, self.last[1]
        spread = _inner(change, self._apart(preconditioner.solve(change.reshape(shape))))
        usable = (spread > 0) & self._counts[:, row]
        curvature = self._products[:, row, row]
        return np.divide(curvature, spread, out=np.ones_like(spread), where=usable)

    def _apart(self, coef):
        """Coefficients with a column for each of the outputs that do not interact."""
        return coef.reshape(-1, len(self._counts))


def _penalty_curvature(problem, coef):
    """Second derivatives of the penalty's part, of the shape of ``coef``."""
    curvature, n_features = np.zeros(coef.shape), problem.n_features
    curvature[:n_features] = problem.alpha * problem.penalty.curvature(coef[:n_features])
    return curvature


def _inner(a, b):
    """Inner products of the columns of two matrices."""
    return np.array([np.vdot(a, b)]) if a.shape[1] == 1 else np.einsum("jk,jk->k", a, b)


def _products(rows, vector):
    """Those of several matrices with one, (n_columns, n_matrices)."""
    if vector.shape[1] == 1:
        return (rows[:, :, 0] @ vector[:, 0])[None]
    return np.einsum("ijk,jk->ki", rows, vector)


def _combined(rows, shares):
    """The sum of shares of several matrices, column by column."""
    if len(shares) == 1:
        return shares[0] @ rows[:, :, 0]
    return np.einsum("ki,ijk->jk", shares, rows)
