"""Nearest-neighbour gradient descent (NGD): learn from landmark rows, correct with all rows."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from nno_sklearn._data_checks import check_idle
from nno_sklearn._distances import check_metric
from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import (
    fits_matrix,
    has_kronecker_factors,
    is_wide_parabola,
    moves_jointly,
    takes_few_looks,
    takes_hessian_products,
    takes_models,
    takes_newton,
    takes_row_space,
)
from nno_sklearn.solvers.base import Solver, check_count
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.joint_descent import descend_jointly
from nno_sklearn.solvers.joint_newton import descend_by_newton
from nno_sklearn.solvers.kronecker_preconditioner import KroneckerAtPoint
from nno_sklearn.solvers.landmark_models import descend_by_models
from nno_sklearn.solvers.landmark_preconditioner import LandmarkPreconditioner
from nno_sklearn.solvers.landmarks import Landmarks, OwnRows
from nno_sklearn.solvers.parabola import descend_on_parabola
from nno_sklearn.solvers.reduced_descent import descend_reduced
from nno_sklearn.solvers.result import Callback, SolverResult, Status
from nno_sklearn.solvers.row_space import solve_in_row_space
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.solvers.stronger_penalties import begin_at_stronger_penalties, stronger_penalties
from nno_sklearn.solvers.within_bounds import begin_within_bounds
from nno_sklearn.solvers.working_set import solve_by_working_sets
from nno_sklearn.types import Metric, RandomState

#: Iterations and tolerance of the small problem, which only gives a start.
SMALL_MAX_ITER, SMALL_TOL = 20, 3e-2
#: Share of its total decrease so far that a step on it must gain for another to follow.
SMALL_GAIN = 1e-2


class RoughRun(Run):
    """Ends with the first step that gains little: the subsample's error then dominates."""

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
    """Descent preconditioned by landmark rows, from the optimum of their cells.

    1. Some rows are drawn as landmarks. Other rows, as many as a tenth of a fit's time allows, join
       the cell of their nearest landmark (:class:`sklearn.neighbors.NearestNeighbors`).
    2. The small problem, landmarks with their cells' weights and mean targets, gives a start: the
       fit begins there if the objective is lower than that of the best constant. The first record
       of ``history_`` says so (``start``, ``objective``, ``other_start``). A loss with corners is
       rounded off for it; ordered classes have the intercepts of the constant model there, and a
       loss that estimates a scale has that model's.
    3. Exact gradients over all rows then correct it, preconditioned by the landmarks' curvature,
       with exact line searches and L-BFGS corrections, until the certificate holds.

    Coupled outputs of few dense rows with far more columns, under squares of all coefficients
    alike, are solved for in an orthonormal basis of the rows' space, unless neighbours are
    searched.

    Where rows are elsewhere, as on a cluster, each look at them is a trip: there the objective on
    the landmarks, with a linear term that gives it the gradient of all rows, is minimised here, and
    its optimum is the next point (DANE; Shamir, Srebro and Zhang, 2014), also where the penalty has
    kinks. The certificate is that of all rows.

    The landmarks save iterations; they do not change the optimum. With few rows, the curvature is
    that of all of them: then this is Newton's method. A preconditioner that costs
    more than the passes it saves is not built; the diagonal one of "gd" is used instead. Nonsmooth
    penalties take proximal Newton steps on working sets, with the landmarks' curvature.

    Parameters
    ----------
    n_landmarks : int, default=None
        Number of landmarks. None chooses by the number of features and the cost of a pass, and
        doubles it when progress is slow.
    n_neighbors : int or None, default=1
        Number of nearest landmarks that share each row in the small problem; 1 makes the cells of
        a Voronoi partition. None makes no search: landmarks stand for themselves; "auto" takes
        this, as one fit hardly earns the search back. A fit that starts at known coefficients
        (``warm_start``, later fits of NNOSearchCV) searches none.
    metric : str or callable, default="euclidean"
        Distance between rows in these searches, in units of the columns' spreads: one that
        :class:`sklearn.neighbors.NearestNeighbors` knows by name, or a callable, which is so slow
        that few rows are searched. The start depends on it, the optimum does not.
    n_corrections : int, default=10
        Number of past steps that correct the preconditioner (L-BFGS).

    References
    ----------
    O. Shamir, N. Srebro and T. Zhang (2014): Communication-efficient distributed optimization using
    an approximate Newton-type method. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from nno_sklearn import NearestNeighborSolver, NNOClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> solver = NearestNeighborSolver(n_landmarks=100, metric="manhattan")
    >>> NNOClassifier(solver=solver).fit(X, y).converged_
    True
    """

    requires = frozenset({"loss.gradient", "loss.curvature", "penalty.gradient|penalty.prox"})
    stream = "cells"
    is_second_order = True

    def __init__(
        self,
        n_landmarks: int | None = None,
        n_neighbors: int | None = 1,
        metric: Metric = "euclidean",
        n_corrections: int = 10,
    ) -> None:
        self.n_landmarks = n_landmarks
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.n_corrections = n_corrections

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
        given = {"max_iter": max_iter, "tol": tol, "random_state": random_state}
        if self.n_neighbors is None and takes_row_space(problem):
            return solve_in_row_space(self.solve, problem, start, callback=callback, **given)
        run = Run(problem, max_iter=max_iter, tol=tol, callback=callback)
        landmarks = self._landmarks(problem, random_state)
        if takes_models(problem) and not moves_jointly(problem):
            start = self._begin(run, start, landmarks) if self.n_neighbors is not None else start
            start = descend_by_models(run, start, landmarks, partial(self._model_minimum, problem))
            if run.status:
                return run.result(start)
        # Pass the start on without a name: it is as long as the data, and the loops may free it.
        if problem.is_smooth:
            past = self._past(run)
            own = _preconditioner(run, landmarks, landmarks.n_curvature, past)
            point = self._descend(
                run, self._begin(run, start, landmarks, own), own, past, landmarks
            )
        else:
            # A working set holds few of so many features: all rows tell its curvature.
            few = fits_matrix(problem.n_features) and landmarks.n_curvature < problem.n_samples
            rows = landmarks.rows(landmarks.n_curvature) if few else None
            if not start.coef.any():
                strengths = stronger_penalties(problem)
                start = begin_within_bounds(run, self, start, **given)
                if self.n_neighbors is not None or not len(strengths):
                    start = self._begin(run, start, landmarks)
                start = begin_at_stronger_penalties(run, start, strengths, rows)
            point = solve_by_working_sets(run, start, rows)
        return run.result(point)

    def _descend(self, run, point, preconditioner, past, landmarks):
        """Descend to the optimum: for many coupled outputs first in coefficients and intercept
        together, where the Hessian is cheap by Newton's steps, and where looks are dear by few."""
        step_size = np.nan
        if moves_jointly(run.problem) and not run.done(point):
            point = descend_jointly(run, point, preconditioner, self._past(run))
        elif takes_newton(run.problem):
            point, step_size = descend_by_newton(run, point), 1.0
            run.done(point, step_size)
        elif takes_few_looks(run.problem) and not run.done(point):
            metric = KroneckerAtPoint(landmarks, landmarks.n_curvature)
            # Products with the Hessian tell more than corrections, and of a small X cost no more.
            has_products = takes_hessian_products(run.problem)
            secants = LBFGS(run.problem, 0) if has_products else self._past(run)
            point = descend_reduced(run, point, metric, secants)
        elif is_wide_parabola(run.problem):
            point = descend_on_parabola(run, point, preconditioner)
        if run.status:
            return point
        return descend(run, point, preconditioner, past, step_size)

    def _past(self, run):
        """The steps of a descent that correct a preconditioner."""
        return LBFGS(run.problem, self.n_corrections)

    def _begin(self, run, start, landmarks, preconditioner=None):
        """The better start of the one given and the optimum on the landmarks, whose preconditioner
        ``preconditioner`` may take over."""
        problem, searched = start.problem, self.n_neighbors is not None
        few_looks = moves_jointly(problem) or takes_few_looks(problem)
        pays = landmarks.start_pays and not few_looks
        if start.coef.any() or not (searched or pays):
            return start
        found, own = self._small_minimum(problem, landmarks)
        name = "cells" if searched else "landmarks"
        point = run.choose_start(name, _on_all_rows(problem, found), start)
        if preconditioner is not None and found.problem.n_samples == landmarks.n_curvature:
            preconditioner.take_over(own)
        return point

    def _small_minimum(self, problem, landmarks):
        """About the optimum of the problem on landmarks, and its preconditioner."""
        if self.n_neighbors is None:
            small = landmarks.rows(landmarks.n_start)
        else:
            small = problem.given.over(landmarks.cells(self.n_neighbors, self.metric))
        if not small.is_smooth and small.n_features > small.n_samples:
            # Kinks that keep the noise of all rows out let that of few in, which is larger by the
            # root of their share: a start with hundreds of features makes working sets large.
            share = small.n_samples / problem.n_samples
            strict = small.with_bound(small.penalty, small.alpha / np.sqrt(share))
            found = self._minimum(problem, strict.null, SMALL_TOL)
            if found[0].coef.any():
                return found
        return self._minimum(problem, small.null, SMALL_TOL)

    def _model_minimum(self, problem, start, tol):
        """About the optimum of a model of the whole problem. Its curvature is that of few rows, on
        which directions without any may have some: a softmax has such with l1 at its optimum."""
        return self._minimum(problem, start, tol, rows=start.problem)[0]

    def _minimum(self, problem, start, tol, rows=None):
        """About the optimum of a problem on landmarks of the whole one, from a point of it; and the
        preconditioner that was used, where there is one. ``rows`` are as for working sets."""
        small = start.problem
        rough = RoughRun(small, max_iter=SMALL_MAX_ITER, tol=tol)
        if not small.is_smooth:
            return solve_by_working_sets(rough, start, rows), None
        past = self._past(rough)
        own = _preconditioner(rough, OwnRows(small, problem), small.n_samples, past)
        return descend(rough, start, own, past), own

    def nearby(self, problem: Problem, random_state: RandomState) -> Point | None:
        if self.n_neighbors is None:
            return None
        found, _ = self._small_minimum(problem, self._landmarks(problem, random_state))
        return _on_all_rows(problem, found)

    def without_search(self) -> Solver:
        return clone(self).set_params(n_neighbors=None)

    def _landmarks(self, problem, random_state):
        known = problem.knowledge.landmarks(
            self.n_landmarks, lambda: Landmarks(self.n_landmarks, random_state)
        )
        return known.of(problem)

    def check_parameters(self) -> None:
        if self.n_landmarks is not None:
            check_count(self, "n_landmarks", 1)
        if self.n_neighbors is not None:
            check_count(self, "n_neighbors", 1)
        check_count(self, "n_corrections", 0)
        check_metric(self.metric, "NearestNeighborSolver({})")
        check_idle(self)

    @property
    def idle_parameters(self) -> dict[str, tuple[str, Any]]:
        """Parameters that have no effect beside the others, and what would give them one."""
        return {"metric": ("n_neighbors", 1)} if self.n_neighbors is None else {}


def _on_all_rows(problem, found):
    """The point of all rows where one of few of them is."""
    intercept = problem.inner_intercept(found.coef, found.problem.outer_intercept(found))
    return problem.at(found.coef, intercept)


def _preconditioner(run, landmarks, n_rows, past):
    """A function of points that returns the preconditioner of ``n_rows`` landmarks."""
    if has_kronecker_factors(landmarks.problem):
        return KroneckerAtPoint(landmarks, n_rows)
    return LandmarkPreconditioner(run, landmarks, n_rows, past)
