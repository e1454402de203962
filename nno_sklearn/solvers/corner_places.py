"""Places near the optimum of a loss with corners, found output by output."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from nno_sklearn.problem import Problem
from nno_sklearn.problem.cost import n_drawn
from nno_sklearn.rows import Raw, SlopeSums
from nno_sklearn.types import Array, RandomState

#: Share of the rows' own error, as many parameters of a draw as it has for each row, that is left
#: where some rows are drawn first.
DRAWN_SHARE = 0.1


class Draw(NamedTuple):
    """Some rows, their number, and the relative gap that is enough on them."""

    rows: Any
    n_rows: int
    rough: float


class OutputPlace(NamedTuple):
    """Of one output: coefficients, (n_features, 1), intercept, (1,), rows, and steps so far."""

    coef: Array
    intercept: Array
    rows: Any
    n_iter: int


class CornerPlace(NamedTuple):
    """Coefficients near the optimum, the intercept, and a dual point there."""

    coef: Array
    intercept: Array
    raw: Raw
    dual: Raw
    sums: SlopeSums
    n_iter: int


def first_draw(problem: Problem, is_far: bool, random_state: RandomState) -> Draw | None:
    """Rows to begin with; None where all of them cost no more, or the start is not far from the
    optimum."""
    n_rows = n_drawn(problem) if is_far else None
    if n_rows is None:
        return None
    rough = DRAWN_SHARE * problem.n_features / n_rows
    rows = problem.rows.draw(n_rows, check_random_state(random_state))
    return Draw(rows, n_rows, rough)


def penalty_terms(problem: Problem) -> tuple[Array, Array] | None:
    """Factors of each output's l1 part and squares, (n_outputs, n_features); None where the penalty
    has others."""
    shape = problem.shape
    if problem.penalty.is_zero:
        return np.zeros(shape[::-1]), np.zeros(shape[::-1])
    terms = problem.penalty.piecewise_quadratic(np.zeros(shape))
    if terms is None or terms.has_bounds or not problem.penalty.is_convex:
        return None
    l1, l2 = (np.broadcast_to(problem.alpha * one, shape).T for one in (terms.l1, terms.l2))
    return l1, l2


def of_all_outputs(
    problem: Problem, coef: Array, intercept: Array, find: Callable[[int, OutputPlace], OutputPlace]
) -> CornerPlace:
    """The place of all outputs, with the slopes of their rows as dual point; one pass.

    ``find`` takes the number of an output and where it begins, at ``coef`` and ``intercept``.
    """
    starts = (OutputPlace(coef[:, [k]], intercept[[k]], None, 0) for k in range(problem.n_outputs))
    outputs = [find(k, start) for k, start in enumerate(starts)]
    rows, coef = problem.rows, np.hstack([one.coef for one in outputs])
    return CornerPlace(
        coef,
        np.concatenate([one.intercept for one in outputs]),
        rows.raw(coef),
        rows.side_by_side([one.rows.dual() for one in outputs]),
        SlopeSums(*np.transpose([one.rows.sums() for one in outputs])),
        max(one.n_iter for one in outputs),
    )
