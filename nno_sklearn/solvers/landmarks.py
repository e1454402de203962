"""Landmarks: how many rows, which ones, and with which weights."""

from functools import cached_property

from sklearn.utils import check_random_state

from nno_sklearn._copies import copy_of
from nno_sklearn.problem.cost import (
    FEWEST_LANDMARKS,
    PRECONDITIONER_BUDGET,
    ROWS_PER_LANDMARK,
    ends_at_once,
    is_wide_sparse,
    leading_directions,
    most_cells,
    paid_landmarks,
    preconditioner_cost,
    searched_rows,
    takes_single,
)
from nno_sklearn.solvers.second_moments import SecondMoments


class Landmarks:
    """The landmark rows: how many to draw, and those drawn (by :meth:`Rows.draw`).

    They are of no problem before :meth:`of`: what a problem knows of its rows does not hold it.

    Parameters
    ----------
    n_landmarks : int or None
        Number of landmarks; None chooses it by the cost of a pass.
    random_state : int, RandomState instance or None
    """

    def __init__(self, n_landmarks, random_state):
        self._asked = n_landmarks
        self._random_state, self._generators = random_state, []
        self._parts, self._cells, self._moments = {}, {}, {}

    def of(self, problem):
        """The rows for a problem; those that differ in their penalty alone share what is made of
        them."""
        return copy_of(self, problem=problem)

    def _generator(self):
        """Made for the first draw alone, which most small fits do not make; twins share it."""
        if not self._generators:
            self._generators.append(check_random_state(self._random_state))
        return self._generators[0]

    def __len__(self):
        return self.problem.n_samples

    @cached_property
    def n_curvature(self):
        """Landmarks of the first preconditioner."""
        return min(len(self), self._asked) if self._asked else paid_landmarks(self.problem)

    @property
    def n_start(self):
        """Landmarks of the small problem: those of the curvature, to share its preconditioner."""
        return self.n_curvature if self.n_curvature < len(self) else FEWEST_LANDMARKS

    @property
    def start_pays(self):
        """Whether there is a small problem that is cheap next to the whole one.

        Not if one Newton step suffices from any start, or if X is wide and sparse, as its rows have
        few features in common.
        """
        if ends_at_once(self.problem, self.n_curvature) or is_wide_sparse(self.problem):
            return False
        small = self._asked or ROWS_PER_LANDMARK * self.n_start <= len(self)
        if not (self.n_start < len(self) and small):
            return False
        return preconditioner_cost(self.problem, self.n_start) <= PRECONDITIONER_BUDGET

    def rows(self, count):
        """The problem on ``count`` landmarks, in weights that stand for all rows.

        For wide sparse X this is the whole problem: its heavy rows depend on the point.
        """
        if count >= len(self) or is_wide_sparse(self.problem):
            return self.problem
        return self.drawn(count)

    def drawn(self, count):
        """The problem on ``count`` landmarks in this process, be they all rows."""
        if count not in self._parts:
            drawn = self.problem.rows.draw(count, self._generator())
            self._parts[count] = self.problem.over(drawn)
        return self._parts[count]

    def cells(self, n_neighbors, metric):
        """Landmark rows with the weights and mean targets of their cells, of the rows as the user
        gave them; one search serves all fits to these."""
        if (n_neighbors, metric) not in self._cells:
            given = self.problem.given.rows
            most = len(self) // ROWS_PER_LANDMARK if self._asked else most_cells(self.problem)
            count = min(self.n_start, max(1, most))
            searched = searched_rows(given, count, metric)
            found = given.cells(count, searched, self._generator(), n_neighbors, metric)
            self._cells[n_neighbors, metric] = found
        return self._cells[n_neighbors, metric]

    def moments(self, count):
        """:class:`SecondMoments` of ``count`` landmarks; the penalty has no part in them."""
        if count not in self._moments:
            problem = self.rows(count)
            rows = problem.rows.single if takes_single(problem) else problem.rows
            self._moments[count] = SecondMoments(rows, leading_directions(problem))
        return self._moments[count]


class OwnRows:
    """All rows of a small problem as landmarks of the whole ``problem``."""

    def __init__(self, small, problem):
        self._small, self.problem = small, problem

    def rows(self, count):
        return self._small

    def moments(self, count):
        return SecondMoments(self._small.rows)
