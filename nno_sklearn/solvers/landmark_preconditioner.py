"""The preconditioner of landmark rows: when it is built, renewed, enlarged or replaced."""

import numpy as np

from nno_sklearn.problem import KnownHessian, hessian_blocks
from nno_sklearn.problem.cost import (
    fits_matrix,
    has_few_rows,
    is_wide_sparse,
    most_landmarks,
    preconditioner_budget,
    preconditioner_cost,
    too_coupled,
)
from nno_sklearn.solvers.preconditioner import (
    CurvaturePreconditioner,
    DiagonalPreconditioners,
    HeavyRowsPreconditioner,
    WoodburyPreconditioner,
    positive_diagonal,
)

#: Relative change of the rows' curvature that makes a preconditioner stale: for each pass over X
#: that a new one costs, at least (as with all rows, for Newton's method), and at most.
STALE, LEAST_STALE, MOST_STALE = 0.2, 0.02, 0.4
#: Factor of the optimality per iteration above which progress is slow.
SLOW = 0.5
#: Iterations that the diagonal preconditioner gets to show that it is faster.
TRIAL = 6


class LandmarkPreconditioner:
    """The preconditioner at a point: diagonal first, then the landmarks' curvature if it pays.

    It is rebuilt when the curvature of its rows has changed, with twice the rows when progress is
    slow and they pay off; with all rows it is Newton's. Where progress with fewer rows stays slow,
    the diagonal one is tried for a few iterations, and kept if it is faster.

    Parameters
    ----------
    run : Run
    landmarks : Landmarks
    n_rows : int
    past : LBFGS
        The steps of the descent.
    """

    def __init__(self, run, landmarks, n_rows, past):
        self._run, self._landmarks, self._count = run, landmarks, n_rows
        self._rows = self._preconditioner = self._curvature = None
        self._diagonals = DiagonalPreconditioners(run.problem, past)
        self._since, self._spent = 0, 0.0
        self._plain_left, self._patience, self._rate = 0, TRIAL, None

    def take_over(self, other):
        """Start with the preconditioner that a run on the same landmarks has built."""
        self._rows, self._preconditioner, self._curvature = (
            other._rows,
            other._preconditioner,
            other._curvature,
        )

    @property
    def _all_rows(self):
        return self._count >= self._landmarks.problem.n_samples

    @property
    def _is_heavy(self):
        """Whether it is made of the heaviest rows of a wide sparse X."""
        return is_wide_sparse(self._landmarks.problem) and not self._all_rows

    def __call__(self, point):
        if self._plain_serves():
            return self._diagonals(point)
        if self._preconditioner is not None and self._progress() > SLOW and self._growth_pays():
            self._count, self._rows = 2 * self._count, None
            self._since, self._spent = 0, 0.0
        self._since += 1
        if self._rows is None:
            self._rows, self._preconditioner = self._landmarks.rows(self._count), None
        if self._preconditioner is not None and point.problem.loss.constant_curvature:
            return self._preconditioner
        here = self._rows
        here = point if here is point.problem else here.at(point.coef, point.intercept)
        curvature = here.curvature
        limit = self._stale_change
        stale = self._preconditioner is None or has_changed(
            here.problem.rows, curvature, self._curvature, limit
        )
        if stale and (self._preconditioner is None or self._pays()):
            if self._is_heavy:
                self._preconditioner = HeavyRowsPreconditioner(point, curvature, self._count)
            else:
                self._preconditioner = landmark_preconditioner(here, point, curvature, limit)
            self._spent += preconditioner_cost(self._landmarks.problem, self._count)
            self._curvature = curvature
        return self._preconditioner

    @property
    def _stale_change(self):
        """Relative change of the rows' curvature that is worth a new preconditioner."""
        if self._all_rows:
            # With flat parts, Newton's method ends once the set of rows on them is right
            # (Mangasarian, 2002): every row that enters or leaves one counts.
            return LEAST_STALE if self._landmarks.problem.loss.largest_curvature is None else 0.0
        cost = preconditioner_cost(self._landmarks.problem, self._count)
        return float(np.clip(STALE * cost, LEAST_STALE, MOST_STALE))

    def _plain_serves(self):
        """Whether the diagonal preconditioner is the one to use now."""
        if self._preconditioner is None:
            return not self._pays()
        if self._is_heavy or self._preconditioner.is_hessian:
            return False  # part of the Hessian itself, not an estimate: no trial is needed
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
            # Rate at equal cost: an iteration takes two passes, plus its share of building.
            self._rate = progress ** (1 / (1 + 0.5 * self._spent / self._since))
            self._plain_left = TRIAL - 1
            return True
        return False

    def _pays(self):
        """Whether the remaining passes cost more than the preconditioner."""
        cost = preconditioner_cost(self._landmarks.problem, self._count)
        budget = preconditioner_budget(self._landmarks.problem, self._count)
        return cost <= budget or self._passes_left() > cost

    def _growth_pays(self):
        problem = self._landmarks.problem
        if self._since < 3 or self._count >= most_landmarks(problem):
            return False
        # More landmarks save about half of the iterations.
        return 0.5 * self._passes_left() > preconditioner_cost(problem, 2 * self._count)

    def _passes_left(self):
        """Passes to the tolerance at the present rate; 0 while the rate is unknown."""
        rate = self._progress()
        if rate >= 1:
            return np.inf
        if rate <= 0:
            return 0.0
        return 2 * np.log(self._run.tol / self._run.last.optimality) / np.log(rate)

    def _progress(self, window=3):
        """Mean factor of the optimality per iteration over ``window`` iterations; 0 if unknown."""
        recent = [record.optimality for record in self._run.history[-window - 1 :]]
        if len(recent) <= window or recent[0] <= 0:
            return 0.0
        return (recent[-1] / recent[0]) ** (1 / window)


def has_changed(rows, curvature, before, limit):
    """Whether the weighted rows' curvature has changed by more than a share ``limit``."""
    change, size = rows.curvature_change(curvature, before)
    return change.sum() > limit * size.sum()


def curvature_blocks(point, curvature, limit):
    """Blocks of the Hessian; the cached ones while the rows' curvature has changed little."""
    knowledge, rows = point.problem.knowledge, point.problem.rows
    known = knowledge.hessian
    if known is None or has_changed(rows, curvature, known.curvature, limit):
        knowledge.hessian = known = KnownHessian(curvature, hessian_blocks(point, curvature))
    return known.blocks


def landmark_preconditioner(here, point, curvature, stale_change=LEAST_STALE):
    """The preconditioner of the rows of ``here`` and their ``curvature``, at ``point``.

    A cached Hessian serves where the curvature has changed by less than ``stale_change``.
    """
    problem, data = point.problem, point.data_diagonal
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    all_rows = here.problem.n_samples >= problem.n_samples
    is_whole = all_rows and problem.rows.is_separate
    is_wide = has_few_rows(problem, problem.n_features) and (smooth > 0).all()
    if fits_matrix(problem.n_features) and not (is_whole and is_wide):
        blocks = curvature_blocks(here, curvature, stale_change)
        diagonal = positive_diagonal(smooth, data)
        is_hessian = all_rows and not too_coupled(problem)
        return CurvaturePreconditioner(blocks, diagonal, is_hessian=is_hessian)
    # Fewer landmarks than features: directions outside their span need a curvature too.
    diagonal = smooth + (1e-8 if all_rows else 0.05) * data
    return WoodburyPreconditioner(here, curvature, diagonal, is_hessian=is_whole)
