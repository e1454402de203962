"""Landmarks: how many rows, which ones, and what they stand for."""

from nno_sklearn.problem.cost import (
    FEWEST_LANDMARKS,
    PRECONDITIONER_BUDGET,
    ROWS_PER_LANDMARK,
    ends_at_once,
    is_wide_sparse,
    paid_landmarks,
    preconditioner_cost,
    searched_rows,
)


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
        """Landmarks of the first preconditioner."""
        return min(len(self), self._asked) if self._asked else paid_landmarks(self.problem)

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
        searched = searched_rows(self.problem, n)
        rows = self.problem.rows.cells(n, searched, self._random_state, n_neighbors, preconditioner)
        return self.problem.over(rows)


class OwnRows:
    """All rows of a small problem, whose preconditioner will serve the whole one too."""

    def __init__(self, small, problem):
        self._small, self.problem = small, problem

    def rows(self, count):
        return self._small
