"""The preconditioner of landmark rows: when it is built, renewed, enlarged, or has to compete."""

import numpy as np

from nno_sklearn.problem import KnownHessian, hessian_blocks
from nno_sklearn.problem.cost import (
    fits_matrix,
    is_wide_sparse,
    most_landmarks,
    preconditioner_budget,
    preconditioner_cost,
    too_coupled,
)
from nno_sklearn.solvers.preconditioner import (
    CurvaturePreconditioner,
    HeavyRowsPreconditioner,
    WoodburyPreconditioner,
    bent_diagonal,
    diagonal_preconditioner,
)

#: Relative change of the rows' curvature that makes a preconditioner stale, for each pass over X
#: that a new one costs; at least, as where all rows make it Newton's, and at most.
STALE, LEAST_STALE, MOST_STALE = 0.2, 0.02, 0.4
#: Fall of the optimality per iteration that is slow for a preconditioner.
SLOW = 0.5
#: Iterations that the diagonal preconditioner gets to show that it is faster.
TRIAL = 6


class LandmarkPreconditioner:
    """The preconditioner at a point: diagonal first, then the landmarks' curvature if it pays.

    A preconditioner is renewed when the curvature of its rows has changed, and takes twice the rows
    when progress is slow and they pay; with all rows it is Newton's. Where progress in any other
    preconditioner stays slow, the diagonal one has a trial of a few iterations, and goes on if it
    is faster.

    Parameters
    ----------
    run : Run
    landmarks : Landmarks
    n_rows : int
    """

    def __init__(self, run, landmarks, n_rows):
        self._run, self._landmarks, self._count = run, landmarks, n_rows
        self._rows = self._preconditioner = self._curvature = None
        self._since, self._spent = 0, 0.0
        self._plain_left, self._patience, self._rate = 0, TRIAL, None

    def take_over(self, other):
        """Begin with the preconditioner of a run on the same landmarks alone."""
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
        """Whether it is that of a wide sparse X's heaviest rows."""
        return is_wide_sparse(self._landmarks.problem) and not self._all_rows

    def __call__(self, point):
        if self._plain_serves():
            return diagonal_preconditioner(point)
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
            # With flat parts, Newton's method ends where it knows which rows lie on them
            # (Mangasarian, 2002): every row that crosses a kink counts.
            return LEAST_STALE if self._landmarks.problem.loss.largest_curvature is None else 0.0
        cost = preconditioner_cost(self._landmarks.problem, self._count)
        return float(np.clip(STALE * cost, LEAST_STALE, MOST_STALE))

    def _plain_serves(self):
        """Whether the diagonal preconditioner is the one to use now."""
        if self._preconditioner is None:
            return not self._pays()
        if self._is_heavy or self._preconditioner.is_hessian:
            return False  # these rows are a part of the Hessian as it is: they cannot mislead
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
            # At equal cost: an iteration here takes two passes and its share of the
            # preconditioners.
            self._rate = progress ** (1 / (1 + 0.5 * self._spent / self._since))
            self._plain_left = TRIAL - 1
            return True
        return False

    def _pays(self):
        """Whether the passes that are still to come cost more than the preconditioner."""
        cost = preconditioner_cost(self._landmarks.problem, self._count)
        budget = preconditioner_budget(self._landmarks.problem, self._count)
        return cost <= budget or self._passes_left(3) > cost

    def _growth_pays(self):
        problem = self._landmarks.problem
        if self._since < 3 or self._count >= most_landmarks(problem):
            return False
        # More landmarks save some of the iterations, not all.
        return 0.5 * self._passes_left(3) > preconditioner_cost(problem, 2 * self._count)

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


def has_changed(rows, curvature, before, limit):
    """Whether the weighted rows' curvature differs by more than a share ``limit``."""
    change, size = rows.curvature_change(curvature, before)
    return change.sum() > limit * size.sum()


def curvature_blocks(point, curvature, limit):
    """Second derivatives; those known of the same rows, while the rows' curvature is near them."""
    knowledge, rows = point.problem.knowledge, point.problem.rows
    known = knowledge.hessian
    if known is None or has_changed(rows, curvature, known.curvature, limit):
        knowledge.hessian = known = KnownHessian(curvature, hessian_blocks(point, curvature))
    return known.blocks


def landmark_preconditioner(here, point, curvature, stale_change=LEAST_STALE):
    """The preconditioner of the rows of ``here`` and their ``curvature``, at ``point``.

    Second derivatives that are known are taken where the curvature has changed less since then.
    """
    problem, data = point.problem, point.data_diagonal
    smooth = problem.alpha * problem.penalty.curvature(point.coef)
    all_rows = here.problem.n_samples >= problem.n_samples
    if fits_matrix(problem):
        blocks = curvature_blocks(here, curvature, stale_change)
        diagonal = bent_diagonal(smooth, data)
        is_hessian = all_rows and not too_coupled(problem)
        return CurvaturePreconditioner(blocks, diagonal, is_hessian=is_hessian)
    # Fewer landmarks than features: directions that they do not span need a curvature too.
    diagonal = smooth + (1e-8 if all_rows else 0.05) * data
    is_hessian = all_rows and problem.rows.is_separate
    return WoodburyPreconditioner(here, curvature, diagonal, is_hessian=is_hessian)
