"""Landmarks: how many rows, which ones, and the metric that their curvature gives."""

import numpy as np

from nno_sklearn.neighbors import condense_rows
from nno_sklearn.problem import hessian_blocks, hessian_cost
from nno_sklearn.solvers.metric import (
    MAX_MATRIX_SIZE,
    CurvatureMetric,
    WoodburyMetric,
    bent_diagonal,
    diagonal_metric,
)

#: Landmarks per feature: at least, and at most where the Hessian of more is cheap too.
LEAST_PER_FEATURE, MOST_PER_FEATURE = 10, 40
#: Fewest landmarks.
FEWEST_LANDMARKS = 2000
#: Landmarks at most where the metric is solved in their space (more features than fit a matrix).
MOST_WIDE_LANDMARKS = 1500
#: Passes over X that a first metric's rows may cost, and that a metric at once may.
ROWS_BUDGET, METRIC_BUDGET = 2.0, 2.5
#: Passes over X that all rows' Hessian may cost where it is constant, so that one step ends.
NEWTON_BUDGET = 8.0
#: Rows per landmark: that one is drawn from, and that make a small problem small.
ROWS_PER_DRAW, ROWS_PER_LANDMARK = 2, 4
#: Passes over X that a neighbour search may cost.
SEARCH_BUDGET = 3.0
#: Relative change of the rows' curvature that makes a metric stale, for each pass over X that a
#: new one costs; at least, as where all rows make it Newton's, and at most.
STALE, LEAST_STALE, MOST_STALE = 0.1, 0.02, 0.4
#: Fall of the optimality per iteration that is slow for a metric.
SLOW = 0.5
#: Iterations that the diagonal metric gets to show that it is faster.
TRIAL = 6


class Landmarks:
    """Rows drawn by what they alone say, in weights that keep sums over them unbiased.

    The draw is bottom-k sampling (Cohen and Kaplan, 2007) among rows that are looked at: all
    sparse ones, or some of many dense ones, themselves drawn by weight.

    Parameters
    ----------
    problem : Problem
    n_landmarks : int or None
        Number of rows; None for an automatic one.
    random_state : RandomState instance
    """

    def __init__(self, problem, n_landmarks, random_state):
        self.problem, self._asked, self._random_state = problem, n_landmarks, random_state
        self._parts = {}

    def __len__(self):
        return self.problem.n_samples

    @property
    def n_curvature(self):
        """Landmarks of the first metric: as many as a few passes pay for, within limits."""
        p, few = self.problem.n_features, self._asked
        if few or p > MAX_MATRIX_SIZE:
            return min(len(self), few or MOST_WIDE_LANDMARKS)
        every, factor = (hessian_cost(self.problem, n) for n in (len(self), 0))
        if every <= metric_budget(self.problem, len(self)):
            return len(self)
        paid = int(max(0.0, ROWS_BUDGET - factor) / (every - factor) * len(self))
        count = min(max(paid, LEAST_PER_FEATURE * p), MOST_PER_FEATURE * p)
        return min(len(self), max(FEWEST_LANDMARKS, count))

    @property
    def n_start(self):
        """Landmarks of the small problem: the curvature's, which then need no metric anew."""
        return self.n_curvature if self.n_curvature < len(self) else FEWEST_LANDMARKS

    @property
    def start_pays(self):
        """Whether the small problem is small, and its metrics are not dear."""
        if self.n_start >= len(self) or ends_at_once(self.problem, self.n_curvature):
            return False
        small = self._asked or ROWS_PER_LANDMARK * self.n_start <= len(self)
        return small and metric_cost(self.problem, self.n_start) <= METRIC_BUDGET

    def draw(self, count):
        """Row numbers and weights of ``count`` < n landmarks."""
        rows, weight = self._candidates(count)
        if len(rows) <= count:  # a few rows have all the weight
            return rows, weight
        chance = weight * self._preference(rows, weight)
        keys = self._random_state.exponential(size=len(rows)) / chance
        last = np.partition(keys, count)[count]
        chosen = np.flatnonzero(keys < last)[:count]
        return rows[chosen], weight[chosen] / -np.expm1(-chance[chosen] * last)

    def _candidates(self, count):
        """Rows that may be drawn, and the weight that each of them stands for."""
        weight, n_drawn = self.problem.weight, ROWS_PER_DRAW * count
        if self.problem.design.is_sparse or 2 * n_drawn >= len(self):
            return np.arange(len(self)), weight
        total = np.cumsum(weight)
        where = np.sort(self._random_state.uniform(high=total[-1], size=n_drawn))
        rows = np.searchsorted(total, where)
        rows = rows[np.diff(rows, prepend=-1) > 0]
        with np.errstate(divide="ignore"):  # a row that has all the weight
            surely = -np.expm1(n_drawn * np.log1p(-weight[rows]))
        return rows, weight[rows] / surely

    def _preference(self, rows, weight):
        """Chance by weight, and as much by the squares of a row's entries in units of the columns'
        spreads, which are large where features are rare.
        """
        size = self.problem.design.row_sizes(rows)
        mean = weight @ size / weight.sum()
        return 1.0 + size / mean if mean > 0 else np.ones(len(rows))

    def rows(self, count):
        """The problem on ``count`` landmarks, in weights that stand for all rows."""
        if count >= len(self):
            return self.problem
        if count not in self._parts:
            index, weight = self.draw(count)
            self._parts[count] = self.problem.rows(index, weight, self.problem.y[index])
        return self._parts[count]

    def cells(self, n_neighbors, metric):
        """The small problem with the weights and mean targets of the landmarks' cells."""
        n = self.n_start
        landmarks, _ = self.draw(n)
        # A search compares rows x landmarks; a pass reads all rows once, but at memory's speed.
        rows = self._random_state.permutation(len(self))[: int(SEARCH_BUDGET * 10 * len(self) / n)]
        return condense_rows(self.problem, landmarks, rows, n_neighbors=n_neighbors, metric=metric)


class LandmarkMetric:
    """Gives the metric at a point: diagonal first, then the landmarks' curvature when it pays.

    A metric is renewed when the curvature of its rows has changed, and takes twice the rows when
    progress is slow and they pay; with all rows it is Newton's. Where progress stays slow, the
    diagonal metric has a trial of a few iterations, and goes on for longer if it is faster.

    Parameters
    ----------
    run : Run
    landmarks : Landmarks
    n_rows : int
    built : LandmarkMetric, default=None
        One of a run on the same landmarks alone, whose metric may serve here.
    """

    def __init__(self, run, landmarks, n_rows, built=None):
        self._run, self._landmarks, self._count = run, landmarks, n_rows
        self._rows = self._metric = self._curvature = None
        if built is not None:
            self._rows, self._metric, self._curvature = built.state
        self._since, self._spent = 0, 0.0
        self._plain_left, self._patience, self._rate = 0, TRIAL, None

    @property
    def state(self):
        """Landmark rows, the last metric, and the rows' curvature there."""
        return self._rows, self._metric, self._curvature

    @property
    def _all_rows(self):
        return self._count >= self._landmarks.problem.n_samples

    def __call__(self, point):
        if self._plain_serves():
            return diagonal_metric(point)
        if self._metric is not None and self._progress() > SLOW and self._growth_pays():
            self._count, self._rows = 2 * self._count, None
            self._since, self._spent = 0, 0.0
        self._since += 1
        if self._rows is None:
            self._rows, self._metric = self._landmarks.rows(self._count), None
        if self._metric is not None and point.problem.loss.constant_curvature:
            return self._metric
        here = self._rows
        here = point if here is point.problem else here.at(point.coef, point.intercept)
        curvature = here.loss_curvature
        limit = self._stale_change
        stale = self._metric is None or has_changed(curvature.diagonal, self._curvature, limit)
        if stale and (self._metric is None or self._pays()):
            self._metric = landmark_metric(here, point, curvature, limit)
            self._spent += metric_cost(self._landmarks.problem, self._count)
            self._curvature = curvature.diagonal
        return self._metric

    @property
    def _stale_change(self):
        """Relative change of the rows' curvature that is worth a new metric."""
        cost = metric_cost(self._landmarks.problem, self._count)
        return (
            LEAST_STALE if self._all_rows else float(np.clip(STALE * cost, LEAST_STALE, MOST_STALE))
        )

    def _plain_serves(self):
        """Whether the diagonal metric is the one to use now."""
        if self._metric is None:
            return not self._pays()
        if self._plain_left:
            self._plain_left -= 1
            return True
        progress = self._progress(TRIAL)
        if self._rate is not None:  # a trial has ended
            self._patience *= 2
            if progress < self._rate:
                self._plain_left, self._rate = self._patience - 1, progress
                return True
            self._rate, self._since, self._spent = None, 0, 0.0
        elif self._since >= self._patience and progress > SLOW:
            # At equal cost: an iteration here takes two passes and its share of the metrics.
            self._rate = progress ** (1 / (1 + 0.5 * self._spent / self._since))
            self._plain_left = TRIAL - 1
            return True
        return False

    def _pays(self):
        """Whether the passes that are still to come cost more than the metric."""
        cost = metric_cost(self._landmarks.problem, self._count)
        budget = metric_budget(self._landmarks.problem, self._count)
        return cost <= budget or self._passes_left(3) > cost

    def _growth_pays(self):
        n = self._landmarks.problem.n_samples
        limit = n if self._landmarks.problem.n_features <= MAX_MATRIX_SIZE else MOST_WIDE_LANDMARKS
        if self._since < 3 or self._count >= min(limit, n):
            return False
        # More landmarks shorten the way; they do not end it.
        return 0.5 * self._passes_left(3) > metric_cost(self._landmarks.problem, 2 * self._count)

    def _passes_left(self, window):
        """Passes to the tolerance at the present rate; 0 as long as that is not known."""
        rate = self._progress(window)
        if rate >= 1:
            return np.inf
        if rate <= 0:
            return 0.0
        return 2 * np.log(self._run.tol / self._run.last.optimality) / np.log(rate)

    def _progress(self, window=3):
        """Mean factor of the optimality per iteration, over the last few; 0 if not known."""
        recent = [record.optimality for record in self._run.history[-window - 1 :]]
        if len(recent) <= window or recent[0] <= 0:
            return 0.0
        return (recent[-1] / recent[0]) ** (1 / window)


class OwnRows:
    """All rows of a small problem, whose metric will serve the whole one too."""

    def __init__(self, small, problem):
        self._small, self.problem = small, problem

    def rows(self, count):
        return self._small


def metric_budget(problem, n_rows):
    """Passes over X that a metric of ``n_rows`` landmarks may cost at once."""
    return NEWTON_BUDGET if ends_at_once(problem, n_rows) else METRIC_BUDGET


def ends_at_once(problem, n_rows):
    """Whether the first step in a metric of ``n_rows`` landmarks is the last one."""
    return n_rows >= problem.n_samples and problem.loss.constant_curvature


def metric_cost(problem, n_rows):
    """What a metric of ``n_rows`` landmarks costs, in passes over X."""
    if problem.n_features <= MAX_MATRIX_SIZE:
        return hessian_cost(problem, n_rows)
    if problem.design.is_sparse and n_rows < problem.n_samples:
        return np.inf  # rows say nothing of the words in others: plain gradients are faster
    return n_rows / max(1, problem.n_samples) * n_rows / 4


def has_changed(curvature, before, limit):
    """Whether the rows' curvature differs by more than a share ``limit``."""
    return np.abs(curvature - before).sum() > limit * before.sum()


def curvature_blocks(point, curvature, limit):
    """Second derivatives; those known of the same rows, while the rows' curvature is near them."""
    memory, diagonal = point.problem.memory, curvature.diagonal
    if "blocks" not in memory or has_changed(diagonal, memory["blocks"][0], limit):
        memory["blocks"] = diagonal, hessian_blocks(point, curvature)
    return memory["blocks"][1]


def landmark_metric(here, point, curvature, stale_change=LEAST_STALE):
    """Metric from the rows of ``here`` and their ``curvature``, at ``point``'s coefficients.

    Second derivatives that are known are taken where the curvature has changed less since then.
    """
    problem, data = point.problem, point.data_diagonal
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    all_rows = here.problem.n_samples >= problem.n_samples
    if problem.n_features <= MAX_MATRIX_SIZE:
        blocks = curvature_blocks(here, curvature, stale_change)
        return CurvatureMetric(blocks, bent_diagonal(smooth, data))
    # Fewer landmarks than features: directions that they do not span need a curvature too.
    return WoodburyMetric(here, curvature, smooth + (1e-8 if all_rows else 0.05) * data)
