"""The search on one fold: line searches in coefficient space for the highest score."""

import numpy as np

from nno_sklearn.score_training.breakpoints import SAME
from nno_sklearn.score_training.directions import Directions

#: Longest step, in standard deviations of the raw predictions.
LONGEST = 1.0
#: Sweeps over the classes' intercepts when thresholds are tuned.
SWEEPS = 3


class Ascent:
    """The search on the training rows of one fold; predictions are kept for all rows.

    Attributes
    ----------
    coef, intercept : ndarray of shape (n_features, n_outputs) and (n_outputs,)
    eta : ndarray of shape (n_samples, n_outputs)
        Raw predictions of all rows, also of those held out.
    score : float
        On the training rows.
    """

    def __init__(self, problem, start, rows, held_out, whitening, random_state):
        self.rows, self.held_out = rows, held_out
        self._design, self._weight = problem.rows.design, problem.rows.weight
        self.coef, self.intercept = start.coef.copy(), start.intercept.copy()
        self.eta = self._design.matvec(self.coef) + self.intercept
        self.spread = _spread(self.eta - self.intercept, problem.rows.weight) or 1.0
        self._moves_intercept = problem.fit_intercept
        self._directions = Directions(self._design, whitening, problem.shape, random_state)
        self._output, self._intercepts_searched = 0, 0
        self.step_size = np.nan

    def shift(self, by):
        """Move the intercept, and start the search there."""
        self.intercept, self.eta = self.intercept + by, self.eta + by
        self.score = self.rows.score(self.eta[self.rows.index])
        self._directions.remember(self.coef, self.score)

    @property
    def validation_score(self):
        return self.held_out.score(self.eta[self.held_out.index])

    @property
    def exhausted(self):
        return self._directions.exhausted

    def advance(self):
        """Search one line, and one of the intercept."""
        before, index = self.score, self.rows.index
        self.step_size = 0.0
        direction, nearness = self._directions.next(self)
        slope = self._design.matvec(direction)
        share = self.rows.weight[:, None] if nearness is None else nearness
        centre = self._moves_intercept * (share * slope[index]).sum(axis=0)
        size = _spread(slope - centre, self._weight)
        if size > 0:
            unit = self.spread / size  # every line in the same unit, as LONGEST is
            slope = unit * (slope - centre)
            score, t = self.rows.best_on_line(self.eta[index], slope[index], LONGEST)
            self._try(score, t, unit * direction, -unit * centre, slope)
        if self._moves_intercept and self._intercepts_searched < self.eta.shape[1]:
            self._try_intercept()
        self._directions.report(self.score - before)

    def _try(self, score, t, direction, shift, slope):
        """Take a step if its score is higher; remember it in any case."""
        eta = self.eta + t * slope
        if score > self.score + SAME:
            score = self.rows.score(eta[self.rows.index])
        if score > self.score + SAME:
            self.coef = self.coef + t * direction
            self.intercept = self.intercept + t * shift
            self.eta, self.score, self.step_size = eta, score, abs(t)
            self._intercepts_searched = 0
            self._directions.remember(self.coef, self.score)
        elif t:
            self._directions.remember(self.coef + t * direction, score)

    def _try_intercept(self):
        """Search the line of one output's intercept."""
        n_outputs = self.eta.shape[1]
        self._intercepts_searched += 1
        k = self._output = (self._output + 1) % n_outputs
        eta, slope = self.eta[self.rows.index], _unit_slope(self.eta, k)
        score, t = self.rows.best_on_line(eta, slope[self.rows.index], LONGEST * self.spread)
        self._try(score, t, np.zeros_like(self.coef), np.eye(n_outputs)[k], slope)


def tune_intercept(rows, eta):
    """Shifts of the outputs' intercepts, (n_outputs,), that raise the score (threshold tuning)."""
    shift, n_outputs = np.zeros(eta.shape[1]), eta.shape[1]
    longest = 2.0 * np.abs(eta).max() + 1e-300
    for _ in range(SWEEPS if n_outputs > 1 else 1):
        before = rows.score(eta + shift)
        for k in range(n_outputs):
            t = rows.typical_on_line(eta + shift, _unit_slope(eta, k), longest)
            moved = shift + t * np.eye(n_outputs)[k]
            if rows.score(eta + moved) > rows.score(eta + shift) + SAME:
                shift = moved
        if rows.score(eta + shift) <= before + SAME:
            break
    return shift


def _unit_slope(eta, k):
    slope = np.zeros_like(eta)
    slope[:, k] = 1.0
    return slope


def _spread(slope, weight):
    """Root mean square over rows, whose weights sum to 1, and outputs."""
    return float(np.sqrt(np.mean(weight @ np.square(slope))))
