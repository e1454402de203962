"""Places near the optimum of a loss with corners, found output by output."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nno_sklearn.problem import Problem
from nno_sklearn.rows import Raw, SlopeSums
from nno_sklearn.types import Array

#: Share of the rows' own error, as many parameters of a draw as it has for each row, that is left
#: where some rows are drawn first.
DRAWN_SHARE = 0.1


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


def of_all_outputs(problem: Problem, outputs: Sequence[OutputPlace]) -> CornerPlace:
    """The place of all outputs, with the slopes of their rows as dual point; one pass."""
    rows, coef = problem.rows, np.hstack([one.coef for one in outputs])
    return CornerPlace(
        coef,
        np.concatenate([one.intercept for one in outputs]),
        rows.raw(coef),
        rows.side_by_side([one.rows.dual() for one in outputs]),
        SlopeSums(*np.transpose([one.rows.sums() for one in outputs])),
        max(one.n_iter for one in outputs),
    )
