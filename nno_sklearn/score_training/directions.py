"""Directions of search in coefficient space for a score without a gradient."""

from functools import partial

import numpy as np

from nno_sklearn.problem.cost import MAX_JOINT_SIZE
from nno_sklearn.rows.cholesky import Cholesky
from nno_sklearn.score_training.archive import Archive

#: Ridge, relative to a column's variance, for collinear columns.
RIDGE = 1e-3
#: Nearest tried coefficients that a local linear model is fitted to.
N_NEIGHBORS = 8
#: Most tried coefficient arrays, and most numbers in all of them, that an archive holds.
MOST_POINTS, MOST_NUMBERS = 64, 2**22
#: Bandwidths of the smoothed score, in standard deviations of the raw predictions.
BANDWIDTHS = (1.0, 0.5, 0.25)


class Whitening:
    """Coordinates in which a direction's length is the spread of its raw predictions.

    By a Cholesky factor of the columns' covariance, rows weighted by their curvature at the convex
    solution; by the columns' standard deviations alone where features are many.
    """

    def __init__(self, point):
        problem = point.problem
        self._factor = None
        if problem.n_features <= MAX_JOINT_SIZE:
            rows = problem.rows
            entries = rows.loss_curvature(point.raw, point.intercept).diagonal
            curvature = rows.weight * entries.mean(axis=1)
            gram, _ = rows.design.gram(curvature / curvature.sum())
            diagonal = gram.diagonal().copy()
            gram[np.diag_indices_from(gram)] += RIDGE * diagonal + (diagonal <= 0)
            self._factor = Cholesky(gram)
        self._scale = np.where(problem.scale > 0, problem.scale, 1.0)[:, None]

    def solve(self, gradient):
        """Steepest ascent direction of a gradient, (n_features, n_outputs)."""
        if self._factor is None:
            return gradient / self._scale**2
        return np.column_stack([self._factor.solve(column) for column in gradient.T])

    def apply(self, coef):
        """Coefficients in the whitened coordinates."""
        return self._scale * coef if self._factor is None else self._factor.apply(coef)

    def undo(self, units):
        """Coefficients for X, from the whitened coordinates."""
        if self._factor is None:
            return units / self._scale
        return np.column_stack([self._factor.undo(column) for column in units.T])


class Directions:
    """Proposes directions of several kinds; the kind that has gained most is next.

    Kinds: ascent by the derivative of a smoothed score, at several bandwidths; the local linear
    model of the nearest tried coefficients; the difference to one of them; a single coefficient,
    the one with the largest derivative first; a random direction. Each kind keeps a running mean
    of its gains, reset to 0 by a failure. The largest mean is next; among ties, the kind least
    recently used.

    Parameters
    ----------
    design : DesignMatrix
    whitening : Whitening
    shape : tuple of int
        (n_features, n_outputs).
    random_state : RandomState
    """

    def __init__(self, design, whitening, shape, random_state):
        self._design, self._whitening, self._rng = design, whitening, random_state
        size = int(np.prod(shape))
        self.archive = Archive(max(2, min(MOST_POINTS, MOST_NUMBERS // size)))
        self._shape, self._steepness = shape, None
        ascents = [partial(self._ascent, bandwidth) for bandwidth in BANDWIDTHS]
        others = [self._local_model, self._difference, self._coordinate, self._random]
        self._kinds = ascents + others
        self._gain = np.array([np.inf] * len(ascents) + [0.0] * len(others))
        self._waited = np.arange(len(self._kinds))[::-1].copy()
        self.failures = 0

    @property
    def exhausted(self):
        """Whether every kind has failed in a row."""
        return self.failures >= len(self._kinds)

    def next(self, state):
        """A direction from ``state``, (n_features, n_outputs), and the rows' nearness to a flip."""
        self._now = max(range(len(self._kinds)), key=lambda i: (self._gain[i], self._waited[i]))
        return self._kinds[self._now](state)

    def report(self, gain):
        """Record the gain of the last direction."""
        last = self._gain[self._now]
        self._gain[self._now] = gain if gain <= 0 or np.isinf(last) else 0.5 * (last + gain)
        self._waited += 1
        self._waited[self._now] = 0
        self.failures = 0 if gain > 0 else self.failures + 1

    def remember(self, coef, score):
        """Add tried coefficients and their score to the archive."""
        self.archive.add(self._whitening.apply(coef).ravel(), score)

    def _ascent(self, bandwidth, state):
        rows = state.rows
        gradient, nearness = rows.influence(state.eta[rows.index], bandwidth * state.spread)
        # The intercept has lines of its own: keep the mean over the rows near a flip.
        share = np.divide(nearness, nearness.sum(axis=0), where=nearness > 0,
                          out=np.zeros_like(gradient))  # fmt: skip
        gradient = gradient - share * gradient.sum(axis=0)
        whole = np.zeros_like(state.eta)
        whole[rows.index] = gradient
        ascent = self._design.rmatvec(whole)
        direction = self._whitening.solve(ascent)
        self._steepness = np.abs(self._whitening.apply(direction))
        return direction, share

    def _local_model(self, state):
        here = self._whitening.apply(state.coef).ravel()
        slope = self.archive.slope(here, state.score, N_NEIGHBORS)
        return self._whitening.undo(slope.reshape(self._shape)), None

    def _difference(self, state):
        here = self._whitening.apply(state.coef).ravel()
        points, _ = self.archive.nearest(here, N_NEIGHBORS)
        chosen = points[self._rng.randint(len(points))] - here
        return self._whitening.undo(chosen.reshape(self._shape)), None

    def _coordinate(self, state):
        """The coefficient with the largest derivative at the last ascent, if not tried since."""
        if self._steepness is None or not self._steepness.any():
            self._steepness = self._rng.random_sample(self._shape)
        best = np.unravel_index(self._steepness.argmax(), self._shape)
        self._steepness[best] = 0.0
        direction = np.zeros(self._shape)
        direction[best] = 1.0
        return direction, None

    def _random(self, state):
        units = self._rng.standard_normal(self._shape)
        return self._whitening.undo(units), None
