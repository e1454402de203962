"""The start of a run: at or near the optimum of a setting solved before."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.problem import Point, Problem


class Start(Protocol):
    """A start of a run: a result, or coefficients."""

    @property
    def coef(self) -> NDArray[np.float64]:
        """(n_features, n_outputs), for the user's X."""

    @property
    def intercept(self) -> NDArray[np.float64]:
        """(n_outputs,)"""

    @property
    def point(self) -> Point | None:
        """The same with its raw predictions, a start without a pass on the same rows."""


class Coefficients(NamedTuple):
    """A start without raw predictions, which are as long as the data."""

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    point: None = None

    @classmethod
    def of(cls, start: Start) -> "Coefficients":
        return cls(start.coef, start.intercept)


def start_of(problem: Problem, starts: Sequence[Start]) -> Point:
    """The start of a run: from the first of ``starts`` that fits, or the constant model."""
    for one, other in zip_longest(starts, starts[1:]):
        last, before = _point(problem, one), _point(problem, other)
        if last is not None:
            return last.of(problem) if before is None else _ahead(problem, before, last)
        if one.coef.shape == problem.shape and np.isfinite(one.coef).all():
            coef = np.where(problem.scale[:, None] > 0, one.coef, 0.0)  # 0 for constant columns
            return problem.at(coef, problem.inner_intercept(coef, one.intercept))
    return problem.null


def _point(problem: Problem, start: Start | None) -> Point | None:
    """The last point of a run on the same rows; None if there is none."""
    point = None if start is None else start.point
    return None if point is None or point.problem.knowledge is not problem.knowledge else point


def _ahead(problem: Problem, before: Point, last: Point) -> Point:
    """The optimum extrapolated linearly in log(alpha) from two known ones, for smooth penalties;
    the last known one where that is better.
    """
    start = last.of(problem)
    old, new, alpha = before.problem.alpha, last.problem.alpha, problem.alpha
    if old == new or not problem.is_smooth:
        return start
    t = float(np.clip(np.log(alpha / new) / np.log(new / old), -1.0, 1.0))
    combined = problem.rows.combined
    expected = problem.with_raw(
        last.coef + t * (last.coef - before.coef),
        combined(combined(last.raw, t, last.raw), -t, before.raw),
        last.intercept + t * (last.intercept - before.intercept),
    )
    return expected if expected.value < start.value else start
