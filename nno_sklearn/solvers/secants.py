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
        self._n_apart = problem.n_outputs if problem.rows.is_separate else 1
        self.most, self.n_added = n_corrections, 0
        #: (n_apart, n_corrections, n_coefs) each, from the first pair on.
        self._steps = self._changes = None
        self.clear()

    def clear(self):
        """Forget all steps."""
        #: Where the pairs are in the matrices, and which of them each output counts, by age.
        self._rows, self._counts = np.empty(0, dtype=int), np.empty((self._n_apart, 0))
        #: By age, products of the steps with their own and later changes; 1 for none that counts.
        self._factor = np.empty((self._n_apart, 0, 0))

    def __len__(self):
        return len(self._rows)

    @property
    def last(self):
        """The last step and how it changed the gradient, (n_apart, n_coefs) each."""
        row = self._rows[-1]
        return self._steps[:, row], self._changes[:, row]

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
        of_shape = lambda rows, k: self._of_shape(rows[:, k], coef.shape)  # noqa: E731
        pairs = [(of_shape(self._steps, k), of_shape(self._changes, k)) for k in self._rows]
        known = Secants(pairs, _penalty_curvature(problem, coef))
        problem.knowledge.secants[coef.shape] = known

    def add(self, step, change):
        """Remember that ``step`` changed the gradient by ``change``."""
        step, change = self._apart(step), self._apart(change)
        curvature = _inner(step, change)
        size = np.sqrt(_inner(step, step)) * np.sqrt(_inner(change, change))
        # Without positive curvature along the step, an output's pair is left out: it counts as 0.
        counts = curvature > NO_CURVATURE * size
        if not (self.most and counts.any()):
            return
        if self._steps is None:
            self._steps, self._changes = np.empty((2, len(step), self.most, step.shape[1]))
        n_gone = int(len(self) == self.most)  # a new pair takes the place of the oldest
        rows, known = self._rows[n_gone:], self._counts[:, n_gone:]
        row = self._rows[0] if n_gone else len(self)
        before = known * _products(self._steps[:, : len(self)], change)[:, rows]
        factor = np.zeros((len(step), len(rows) + 1, len(rows) + 1))
        factor[:, :-1, :-1] = self._factor[:, n_gone:, n_gone:]
        factor[:, :-1, -1] = before * counts[:, None]
        factor[:, -1, -1] = np.where(counts, curvature, 1.0)
        self._steps[:, row], self._changes[:, row] = step, change
        self._rows, self._factor = np.append(rows, row), factor
        self._counts = np.concatenate([known, counts[:, None]], axis=1)
        self.n_added += 1

    def solve(self, gradient, preconditioner):
        """Apply the corrected inverse preconditioner to ``gradient``."""
        if not len(self):
            return preconditioner.solve(gradient)
        steps, changes = self._steps[:, : len(self)], self._changes[:, : len(self)]
        curvature = np.diagonal(self._factor, axis1=1, axis2=2)
        flat = self._apart(gradient)
        shares = self._solved(self._factor, _products(steps, flat)[:, self._rows])
        rest = self._of_shape(flat - self._combined(changes, shares), gradient.shape)
        rest = preconditioner.solve(rest) * self._length(preconditioner, gradient.shape)
        left = curvature * shares - _products(changes, self._apart(rest))[:, self._rows]
        along = self._combined(steps, self._solved(self._factor.swapaxes(1, 2), left))
        return rest + self._of_shape(along, gradient.shape)

    def _solved(self, matrix, of_pairs):
        """Shares of the pairs that count."""
        return np.linalg.solve(matrix, (self._counts * of_pairs)[:, :, None])[:, :, 0]

    def _combined(self, matrix, shares):
        """The sum of shares, by age, of the rows of a matrix."""
        of_rows = np.empty_like(shares)
        of_rows[:, self._rows] = shares
        return (of_rows[:, None] @ matrix)[:, 0]

    def _length(self, preconditioner, shape):
        """What makes the preconditioner's curvature that of the last step, along it."""
        change = self.last[1]
        moved = preconditioner.solve(self._of_shape(change, shape))
        spread = _inner(change, self._apart(moved))
        usable, curvature = (spread > 0) & (self._counts[:, -1] > 0), self._factor[:, -1, -1]
        return np.divide(curvature, spread, out=np.ones_like(spread), where=usable)

    def _apart(self, coef):
        """Coefficients with a row for each of the outputs that do not interact."""
        return coef.reshape(-1, self._n_apart).T

    def _of_shape(self, rows, shape):
        """Such rows as coefficients."""
        return rows.T.reshape(shape)


def _penalty_curvature(problem, coef):
    """Second derivatives of the penalty's part, of the shape of ``coef``."""
    curvature, n_features = np.zeros(coef.shape), problem.n_features
    curvature[:n_features] = problem.alpha * problem.penalty.curvature(coef[:n_features])
    return curvature


def _inner(a, b):
    """Inner products of the rows of two matrices."""
    return np.full(1, np.vdot(a, b)) if len(a) == 1 else np.einsum("kj,kj->k", a, b)


def _products(matrices, rows):
    """Products of the rows of each matrix with a row of its own."""
    return (matrices @ rows[:, :, None])[:, :, 0]
