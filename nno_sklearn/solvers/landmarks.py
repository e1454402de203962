"""Landmarks: how many rows, which ones, and what a preconditioner of them costs."""

import numpy as np

from nno_sklearn.problem import hessian_cost
from nno_sklearn.solvers.preconditioner import MAX_MATRIX_SIZE, is_wide_sparse

#: Landmarks per feature: at least, and at most where the Hessian of more is cheap too.
LEAST_PER_FEATURE, MOST_PER_FEATURE = 10, 40
#: Fewest landmarks.
FEWEST_LANDMARKS = 2000
#: Landmarks at most where the preconditioner is solved in their space (more features than fit a
#: matrix).
MOST_WIDE_LANDMARKS = 1500
#: Rows of a wide sparse X that are heavy enough to count one by one.
HEAVY_ROWS = 375
#: Passes over X that a first preconditioner's rows may cost, and that a preconditioner at once may.
ROWS_BUDGET, PRECONDITIONER_BUDGET = 1.0, 1.25
#: Passes over X that all rows' Hessian may cost where it is constant, so that one step ends.
NEWTON_BUDGET = 8.0
#: Rows per landmark that make a small problem small.
ROWS_PER_LANDMARK = 4
#: Passes over X that a neighbour search may cost.
SEARCH_BUDGET = 3.0


class Landmarks:
    """How many rows are drawn, and those that were; see :meth:`Rows.draw` for which.

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
        """Landmarks of the first preconditioner: as many as a few passes pay for, within limits."""
        p, few = self.problem.n_features, self._asked
        if few or p > MAX_MATRIX_SIZE:
            is_heavy = is_wide_sparse(self.problem) and len(self) > MOST_WIDE_LANDMARKS
            return min(len(self), few or (HEAVY_ROWS if is_heavy else MOST_WIDE_LANDMARKS))
        every, factor = (hessian_cost(self.problem, n) for n in (len(self), 0))
        if every <= preconditioner_budget(self.problem, len(self)):
            return len(self)
        paid = int(max(0.0, ROWS_BUDGET - factor) / (every - factor) * len(self))
        count = min(max(paid, LEAST_PER_FEATURE * p), MOST_PER_FEATURE * p)
        return min(len(self), max(FEWEST_LANDMARKS, count))

    @property
    def n_start(self):
        """Landmarks of the small problem: the curvature's, so one preconditioner serves twice."""
        return self.n_curvature if self.n_curvature < len(self) else FEWEST_LANDMARKS

    @property
    def has_start(self):
        """Whether some of the rows make a small problem whose optimum is a start for all.

        Not where all rows are landmarks, where the first step from anywhere is the last one, and
        for wide sparse X, of which rows say nothing of the words in others.
        """
        is_last = ends_at_once(self.problem, self.n_curvature)
        return self.n_start < len(self) and not is_last and not is_wide_sparse(self.problem)

    @property
    def start_pays(self):
        """Whether the small problem is small, and its preconditioners are not dear."""
        small = self._asked or ROWS_PER_LANDMARK * self.n_start <= len(self)
        cheap = preconditioner_cost(self.problem, self.n_start) <= PRECONDITIONER_BUDGET
        return self.has_start and small and cheap

    def rows(self, count):
        """The problem on ``count`` landmarks, in weights that stand for all rows.

        Of a wide sparse X the whole problem: which of its rows are heavy depends on the point.
        """
        if count >= len(self) or is_wide_sparse(self.problem):
            return self.problem
        if count not in self._parts:
            drawn = self.problem.rows.draw(count, self._random_state)
            self._parts[count] = self.problem.over(drawn)
        return self._parts[count]

    def cells(self, n_neighbors, preconditioner):
        """The small problem with the weights and mean targets of the landmarks' cells."""
        n = self.n_start
        # A search compares rows x landmarks; a pass reads all rows once, but at memory's speed.
        searched = int(SEARCH_BUDGET * 10 * len(self) / n)
        rows = self.problem.rows.cells(n, searched, self._random_state, n_neighbors, preconditioner)
        return self.problem.over(rows)


class OwnRows:
    """All rows of a small problem, whose preconditioner will serve the whole one too."""

    def __init__(self, small, problem):
        self._small, self.problem = small, problem

    def rows(self, count):
        return self._small


def preconditioner_budget(problem, n_rows):
    """Passes over X that a preconditioner of ``n_rows`` landmarks may cost at once."""
    return NEWTON_BUDGET if ends_at_once(problem, n_rows) else PRECONDITIONER_BUDGET


def ends_at_once(problem, n_rows):
    """Whether the first step in a preconditioner of ``n_rows`` landmarks is the last one."""
    return n_rows >= problem.n_samples and problem.loss.constant_curvature


def preconditioner_cost(problem, n_rows):
    """What a preconditioner of ``n_rows`` landmarks costs, in passes over X."""
    if problem.n_features <= MAX_MATRIX_SIZE:
        return hessian_cost(problem, n_rows)
    cost = n_rows**2 / max(1, problem.n_samples)
    if n_rows >= problem.n_samples or not problem.rows.is_sparse:
        return cost / 4
    # Where curvature changes, that of heavy rows vanishes: plain gradients are faster.
    return cost if problem.loss.constant_curvature else np.inf
