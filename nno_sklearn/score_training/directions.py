"""Directions in coefficient space for a metric that has no gradient, and which of them pay."""

import numpy as np

from nno_sklearn.score_training.archive import Archive
from nno_sklearn.solvers.cholesky import Cholesky

#: Features up to which the metric of the directions is a full matrix.
MAX_JOINT_FEATURES = 600
#: Share of a column's own spread that is added to the matrix, for collinear columns.
RIDGE = 1e-3
#: Nearest tried points behind a local linear model.
N_NEIGHBORS = 8
#: Most tried points, and most numbers, that an archive holds.
MOST_POINTS, MOST_NUMBERS = 64, 2**22
#: Bandwidths, in spreads of the raw predictions, at which rows count as near a boundary.
BANDWIDTHS = (1.0, 0.5, 0.25)


class Whitening:
    """The metric of the convex solution: lengths of directions are spreads of their predictions.

    A Cholesky factor of the columns' covariance, with the rows' curvature at the convex
    solution as weights; the columns' variances alone where features are many.
    """

    def __init__(self, point):
        problem = point.problem
        self._factor = None
        if problem.n_features <= MAX_JOINT_FEATURES:
            curvature = problem.weight * point.loss_curvature.diagonal.mean(axis=1)
            gram, _ = problem.design.gram(curvature / curvature.sum())
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
        """Coefficients in units in which Euclidean distance is this metric."""
        return self._scale * coef if self._factor is None else self._factor.apply(coef)

    def undo(self, units):
        """Coefficients of :meth:`apply`'s units."""
        if self._factor is None:
            return units / self._scale
        return np.column_stack([self._factor.undo(column) for column in units.T])


class Directions:
    """Proposes directions of all kinds, those first that have paid so far.

    Kinds: ascent by the rows' influence on the metric, at several bandwidths; the local linear
    model of the nearest tried points; the difference to one of them; a single coefficient, the
    most promising first; a random one. Each keeps a running mean of what it has gained, 0 once it
    fails; the largest is next, and of equals the one that has waited longest.
    """

    def __init__(self, design, whitening, shape, random_state):
        self._design, self._whitening, self._rng = design, whitening, random_state
        size = int(np.prod(shape))
        self.archive = Archive(max(2, min(MOST_POINTS, MOST_NUMBERS // size)))
        self._shape, self._promise = shape, None
        kinds = [("influence", width) for width in BANDWIDTHS]
        kinds += [("neighbors", None), ("difference", None), ("coordinate", None), ("random", None)]
        self._kinds = kinds
        self._gain = np.array([np.inf if name == "influence" else 0.0 for name, _ in kinds])
        self._waited = np.arange(len(kinds))[::-1].copy()
        self.failures = 0

    @property
    def exhausted(self):
        """Whether every kind has failed in a row."""
        return self.failures >= len(self._kinds)

    def next(self, state):
        """A direction from ``state``, (n_features, n_outputs), and the nearness of its rows."""
        self._now = max(range(len(self._kinds)), key=lambda i: (self._gain[i], self._waited[i]))
        name, width = self._kinds[self._now]
        propose = getattr(self, "_" + name)
        return propose(state) if width is None else propose(state, width)

    def paid(self, gain):
        """Say what the last direction gained."""
        last = self._gain[self._now]
        self._gain[self._now] = gain if gain <= 0 or np.isinf(last) else 0.5 * (last + gain)
        self._waited += 1
        self._waited[self._now] = 0
        self.failures = 0 if gain > 0 else self.failures + 1

    def remember(self, coef, score):
        """Keep a tried point."""
        self.archive.add(self._whitening.apply(coef).ravel(), score)

    def _influence(self, state, width):
        rows = state.rows
        gradient, nearness = rows.influence(state.eta[rows.index], width * state.spread)
        # The intercept has its own lines: the direction turns about the rows that are near.
        share = np.divide(nearness, nearness.sum(axis=0), where=nearness > 0,
                          out=np.zeros_like(gradient))  # fmt: skip
        gradient = gradient - share * gradient.sum(axis=0)
        whole = np.zeros_like(state.eta)
        whole[rows.index] = gradient
        ascent = self._design.rmatvec(whole)
        self._promise = np.abs(self._whitening.apply(self._whitening.solve(ascent)))
        return self._whitening.solve(ascent), share

    def _neighbors(self, state):
        here = self._whitening.apply(state.coef).ravel()
        slope = self.archive.slope(here, state.score, N_NEIGHBORS)
        return self._whitening.undo(slope.reshape(self._shape)), None

    def _difference(self, state):
        here = self._whitening.apply(state.coef).ravel()
        points, _ = self.archive.nearest(here, N_NEIGHBORS)
        chosen = points[self._rng.randint(len(points))] - here
        return self._whitening.undo(chosen.reshape(self._shape)), None

    def _coordinate(self, state):
        """The feature that the last influence moves most, if it has not had its turn."""
        if self._promise is None or not self._promise.any():
            self._promise = self._rng.random_sample(self._shape)
        best = np.unravel_index(self._promise.argmax(), self._shape)
        self._promise[best] = 0.0
        direction = np.zeros(self._shape)
        direction[best] = 1.0
        return direction, None

    def _random(self, state):
        units = self._rng.standard_normal(self._shape)
        return self._whitening.undo(units), None
