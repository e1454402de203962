"""Landmarks: how many rows, which ones, and the metric that their curvature gives."""

import numpy as np

from nno_sklearn.neighbors import condense_rows
from nno_sklearn.problem import hessian_blocks, hessian_cost
from nno_sklearn.solvers.metric import (
    MAX_MATRIX_SIZE,
    CurvatureMetric,
    DiagonalMetric,
    WoodburyMetric,
    bent_diagonal,
)

#: Landmarks per feature of the small problem, and of the curvature.
START_PER_FEATURE, CURVATURE_PER_FEATURE = 10, 20
#: Fewest landmarks of a small problem, and of a curvature: up to the latter, all rows serve.
FEWEST_IN_START, FEWEST_LANDMARKS = 500, 2000
#: Landmarks at most where the metric is solved in their space (more features than fit a matrix).
MOST_WIDE_LANDMARKS = 1500
#: Passes over X that a neighbour search, or a metric at once, may cost.
SEARCH_BUDGET, METRIC_BUDGET = 3.0, 4.0
#: Newton steps that a small problem takes, and the passes over X that they may cost.
SMALL_STEPS, START_BUDGET = 6, 20.0
#: A cell must gather about so many rows, or the search is not worth it.
ROWS_PER_CELL = 4
#: Relative change of the landmarks' curvature that makes a metric stale.
STALE = 0.2
#: Fall of the optimality per iteration that is slow for a metric.
SLOW = 0.5


class Landmarks:
    """A random order of the rows; the first ones serve as landmarks, as many as are needed.

    Parameters
    ----------
    problem : Problem
    n_landmarks : int or None
        Number of rows; None for an automatic one.
    random_state : RandomState instance
    """

    def __init__(self, problem, n_landmarks, random_state):
        self.problem = problem
        self.order = random_state.permutation(problem.n_samples)
        self._asked = n_landmarks

    def __len__(self):
        return len(self.order)

    @property
    def n_start(self):
        """Landmarks of the small problem."""
        p = self.problem.n_features
        fitting = START_PER_FEATURE * p if p <= MAX_MATRIX_SIZE else MOST_WIDE_LANDMARKS
        return min(len(self), self._asked or max(FEWEST_IN_START, fitting))

    @property
    def n_curvature(self):
        """Landmarks of the first metric: more where passes are dear and matrices cheap."""
        p = self.problem.n_features
        if p > MAX_MATRIX_SIZE:
            return min(len(self), self._asked or MOST_WIDE_LANDMARKS)
        if self._asked:
            return min(len(self), self._asked)
        if hessian_cost(self.problem, len(self)) <= METRIC_BUDGET:
            return len(self)
        return min(len(self), max(FEWEST_LANDMARKS, CURVATURE_PER_FEATURE * p))

    @property
    def start_pays(self):
        """Whether the small problem's Newton steps cost few passes."""
        if max(self.n_start, self._asked or FEWEST_LANDMARKS) >= len(self):
            return False
        return SMALL_STEPS * metric_cost(self.problem, self.n_start) <= START_BUDGET

    def condensed(self, n_neighbors, metric):
        """The small problem: landmarks with the weights and mean targets of their cells."""
        n = self.n_start
        landmarks = np.sort(self.order[:n])
        # A search compares rows x landmarks; a pass reads all rows once, but at memory's speed.
        affordable = int(SEARCH_BUDGET * 10 * len(self) / n)
        rows = self.order[n : n + affordable]
        if len(rows) < ROWS_PER_CELL * n and not self._asked:
            rows = rows[:0]
        return condense_rows(self.problem, landmarks, rows, n_neighbors=n_neighbors, metric=metric)

    def rows(self, count):
        """The problem on the first ``count`` landmarks, in their own weights."""
        if count >= len(self):
            return self.problem
        index = np.sort(self.order[:count])
        return self.problem.rows(index, self.problem.weight[index], self.problem.y[index])


class LandmarkMetric:
    """Gives the metric at a point: diagonal first, then the landmarks' curvature when it pays.

    A metric is renewed when the curvature of its rows has changed, and takes twice the rows when
    progress is slow; with all rows it is Newton's. One that makes less progress than the diagonal
    metric did is given up.
    """

    def __init__(self, run, landmarks, n_rows):
        self._run, self._landmarks, self._count = run, landmarks, n_rows
        self._rows = self._metric = self._curvature = None
        self._since, self._abandoned, self._plain_progress = 0, False, None

    def __call__(self, point):
        if self._abandoned or (self._metric is None and not self._pays()):
            return DiagonalMetric(point.diagonal_curvature)
        if self._misleads():
            self._abandoned = True
            return DiagonalMetric(point.diagonal_curvature)
        if self._metric is not None and self._progress() > SLOW and self._can_grow():
            self._count, self._rows, self._since = 2 * self._count, None, 0
        self._since += 1
        if self._rows is None:
            self._rows, self._metric = self._landmarks.rows(self._count), None
        every = self._rows is point.problem
        here = point if every else self._rows.at(point.coef, point.intercept)
        if self._metric is None or (self._is_stale(here) and self._pays()):
            if self._plain_progress is None:
                self._plain_progress = self._progress()
            self._metric = landmark_metric(here, point)
            self._curvature = here.loss_curvature.diagonal
        return self._metric

    def _pays(self):
        """Whether the passes that are still to come cost more than the metric."""
        problem = self._run.problem
        cost = metric_cost(problem, self._count)
        if cost <= METRIC_BUDGET:
            return True
        if len(self._run.history) < 4:
            return False
        rate = self._progress()
        if rate >= 1:
            return True
        left = np.log(self._run.tol / self._run.last.optimality) / np.log(rate)
        return 2 * left > cost

    def _misleads(self):
        """Whether gradients in the diagonal metric made better progress before."""
        return self._since >= 4 and 0 < (self._plain_progress or 0) < self._progress()

    def _progress(self):
        """Mean factor of the optimality per iteration, over the last three."""
        recent = [record.optimality for record in self._run.history[-4:]]
        if len(recent) < 4 or recent[0] <= 0:
            return 0.0
        return (recent[-1] / recent[0]) ** (1 / 3)

    def _can_grow(self):
        wide = self._landmarks.problem.n_features > MAX_MATRIX_SIZE
        limit = MOST_WIDE_LANDMARKS if wide else len(self._landmarks)
        return self._since >= 3 and self._count < min(limit, len(self._landmarks))

    def _is_stale(self, here):
        if here.problem.loss.constant_curvature:
            return False
        if here.problem.n_samples >= len(self._landmarks):
            return True
        change = np.abs(here.loss_curvature.diagonal - self._curvature).sum()
        return change > STALE * self._curvature.sum()


def metric_cost(problem, n_rows):
    """What a metric of ``n_rows`` landmarks costs, in passes over X."""
    if problem.n_features <= MAX_MATRIX_SIZE:
        return hessian_cost(problem, n_rows)
    share = n_rows / max(1, problem.n_samples)
    return share * n_rows / 4


def landmark_metric(here, point):
    """Metric from the curvature of the rows of ``here``, at the coefficients of ``point``."""
    problem = point.problem
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    data = point.diagonal_curvature - smooth
    if problem.n_features <= MAX_MATRIX_SIZE:
        return CurvatureMetric(hessian_blocks(here), bent_diagonal(smooth, data))
    # Fewer landmarks than features: directions that they do not span need a curvature too.
    all_rows = here.problem.n_samples >= problem.n_samples
    return WoodburyMetric(here, smooth + (1e-8 if all_rows else 0.05) * data)
