"""Nearest-neighbour gradient descent (NGD): learn from landmark rows, correct with all rows."""

import numpy as np
from sklearn.utils import check_random_state

from nno_sklearn.neighbors import check_metric
from nno_sklearn.problem import Point, Problem
from nno_sklearn.solvers.base import Callback, Run, Solver, SolverResult, Status, check_count
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.landmark_metric import LandmarkMetric
from nno_sklearn.solvers.landmarks import Landmarks, OwnRows
from nno_sklearn.solvers.working_set import solve_by_working_sets
from nno_sklearn.types import Metric, RandomState

#: Records and accuracy that the small problem is worth; it only gives a start.
SMALL_MAX_ITER, SMALL_TOL = 20, 3e-2
#: Share of all that it has gained which a step on it must gain to be followed by another.
SMALL_GAIN = 1e-2


class RoughRun(Run):
    """Ends with the first step that gains little: what is left is not for a few rows to say."""

    def done(self, point, step_size=np.nan):
        if super().done(point, step_size):
            return True
        first, now = self.history[0].objective, self.history[-1].objective
        if len(self.history) > 1:
            gain = self.history[-2].objective - now
            if gain <= SMALL_GAIN * (first - now):
                self.status = Status.CONVERGED
        return self.status is not None


class NearestNeighborSolver(Solver):
    """Descent in the metric of landmark rows, from the optimum of their cells.

    1. Some rows are drawn as landmarks. Other rows join the cell of their nearest landmark
       (:class:`sklearn.neighbors.NearestNeighbors`), as many as a search may cost.
    2. The small problem, landmarks with their cells' weights and mean targets, gives a start.
    3. Exact gradients over all rows then correct it, in the metric of the landmarks' curvature,
       with exact line searches and L-BFGS corrections, until the certificate holds.

    The landmarks make the way short; they do not change the optimum. With few rows, all are
    landmarks and no search is needed: then this is Newton's method. A metric that costs more
    than the passes it saves is not built; the diagonal one of "gd" serves meanwhile. Penalties
    with kinks take proximal Newton steps on working sets, with the landmarks' curvature.

    Parameters
    ----------
    n_landmarks : int, default=None
        Number of landmarks. None chooses by the number of features and the cost of a pass, and
        takes more when progress is slow.
    n_neighbors : int or None, default=1
        Number of nearest landmarks that share each row in the small problem; 1 makes the cells of
        a Voronoi partition. As many rows are searched for as three passes over X would cost.
        None makes no search: landmarks stand for themselves, drawn so that the rows with rare
        features are among them. That is what "auto" takes, as it is faster: one fit does not
        earn the search back. No search takes place either where none can help: a fit that
        begins at known coefficients (``warm_start``, later fits of NNOSearchCV), at most
        ``n_landmarks`` rows (2000 by default, more where columns are many), squared error on
        tall dense X, which is solved on second moments, and sparse X of more than 2000 columns.
    metric : str or callable, default="euclidean"
        Distance between rows in these searches, in units of the columns' spreads: one that
        :class:`sklearn.neighbors.NearestNeighbors` knows by name, or a callable. The optimum
        does not depend on it.
    memory : int, default=10
        Number of past steps that correct the metric.
    """

    requires = frozenset({"loss.gradient", "loss.curvature", "penalty.gradient|penalty.prox"})
    stream = "cells"

    def __init__(
        self,
        n_landmarks: int | None = None,
        n_neighbors: int | None = 1,
        metric: Metric = "euclidean",
        memory: int = 10,
    ) -> None:
        self.n_landmarks = n_landmarks
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.memory = memory

    def solve(
        self,
        problem: Problem,
        start: Point,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> SolverResult:
        run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
        landmarks = problem.recall(
            ("landmarks", self.n_landmarks),
            lambda: Landmarks(problem, self.n_landmarks, check_random_state(random_state)),
        )
        built = None
        is_worth_it = landmarks.start_pays if self.n_neighbors is None else landmarks.has_start
        if not start.coef.any() and is_worth_it:
            start, built = self._small_optimum(problem, start, landmarks)
        if problem.is_smooth:
            metric = LandmarkMetric(run, landmarks, landmarks.n_curvature, built)
            own = [start]  # as long as the data: the descent lets go of it
            del start
            point = descend(run, own.pop(), metric, self.memory)
        else:
            few = landmarks.n_curvature < problem.n_samples
            rows = landmarks.rows(landmarks.n_curvature) if few else None
            point = solve_by_working_sets(run, start, rows)
        return run.result(point)

    def _small_optimum(self, problem, start, landmarks):
        """The optimum on the landmarks, if it is a better start, and the metric made there."""
        metric, few = None, landmarks.n_start
        searched = self.n_neighbors is not None
        small = landmarks.cells(self.n_neighbors, self.metric) if searched else landmarks.rows(few)
        run = RoughRun(small, max_iter=SMALL_MAX_ITER, tol=SMALL_TOL)
        if problem.is_smooth:
            metric = LandmarkMetric(run, OwnRows(small, problem), few)
            found = descend(run, small.null, metric, self.memory)
        else:
            found = solve_by_working_sets(run, small.null)
        point = problem.at(found.coef, found.intercept)
        if not point.value < start.value:
            return start, None
        # Cells know targets; the curvature is the landmarks' own.
        return point, None if searched or few != landmarks.n_curvature else metric

    def check_parameters(self) -> None:
        if self.n_landmarks is not None:
            check_count(self, "n_landmarks", 1)
        if self.n_neighbors is not None:
            check_count(self, "n_neighbors", 1)
        check_count(self, "memory", 0)
        check_metric(self.metric, "NearestNeighborSolver({})")
