"""The start of a run: at or near the optimum of a setting solved before."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from nno_sklearn._tensors import from_tensor
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


def given_start(
    problem: Problem, coef_init: ArrayLike | None, intercept_init: ArrayLike | None
) -> Coefficients:
    """The start that a user passes to ``fit``, in the shapes of ``coef_`` and ``intercept_``.

    Raises
    ------
    ValueError
        For other shapes, for numbers that are not finite, and for an intercept where none is
        fitted.
    """
    n_features, n_outputs = problem.shape
    if intercept_init is not None and problem.loss.has_intercepts:
        raise ValueError(
            "intercept_init: intercepts between ordered classes are found from coef_init alone. "
            "Leave it out."
        )
    coef = np.zeros((n_outputs, n_features))
    if coef_init is not None:
        coef = _checked("coef_init", coef_init, (n_outputs, n_features))
    if intercept_init is not None and not problem.fit_intercept:
        raise ValueError("intercept_init is given, but with fit_intercept=False there is none.")
    if intercept_init is not None:
        intercept = _checked("intercept_init", intercept_init, (n_outputs,))
    else:  # for the columns' means, what suits the constant model
        nothing = np.zeros(n_outputs)
        intercept = problem.mean_intercept - problem.inner_intercept(coef.T, nothing)
    return Coefficients(coef.T, intercept)


def _checked(name, given, shape):
    """An array of this shape; of one output it may be without that axis."""
    array = np.asarray(from_tensor(given))
    if array.dtype.kind not in "biufO" or sparse.issparse(given):
        raise ValueError(
            f"{name} is to be a dense array of real numbers, but it is of type {array.dtype}, "
            f"{type(given).__name__}. Convert it, as by .toarray() or .real."
        )
    array = array.astype(np.float64)
    shapes = [shape, shape[1:]] if shape[0] == 1 else [shape]
    if array.shape not in shapes:
        attribute = name.replace("init", "")
        raise ValueError(
            f"{name} has shape {array.shape}, but these data have {attribute} of shape {shape}: a "
            "row for each output, in the order of classes_, and a column for each feature."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has entries that are not finite. Start at numbers, or at None.")
    return array.reshape(shape)


def start_of(problem: Problem, starts: Sequence[Start]) -> Point:
    """The start of a run: from the first of ``starts`` that fits, or the constant model."""
    for one, other in zip_longest(starts, starts[1:]):
        last, before = _point(problem, one), _point(problem, other)
        if last is not None:
            return _allowed(last.of(problem) if before is None else _ahead(problem, before, last))
        if one.coef.shape == problem.shape and np.isfinite(one.coef).all():
            coef = np.where(problem.scale[:, None] > 0, one.coef, 0.0)  # 0 for constant columns
            if problem.loss.has_intercepts:  # the best are found for the raw predictions
                return _useful(_allowed(problem.at(coef)))
            return _useful(_allowed(problem.at(coef, problem.inner_intercept(coef, one.intercept))))
    return problem.null


def _useful(point: Point) -> Point:
    """The point, or the constant model, where that has the lower objective: from far above the
    optimum, as after a change of units, rounding hides the way, and even that there is one."""
    null = point.problem.null
    if not point.value <= null.value:  # nan where it overflows
        return null
    null.release()
    return point


def _allowed(point: Point) -> Point:
    """The point, or where its coefficients are beyond the penalty's constraints, the nearest one
    within them."""
    penalty = point.problem.penalty
    if penalty.value(point.coef) < np.inf:
        return point
    return point.problem.at(penalty.constraints().prox(point.coef, 1.0), point.intercept)


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
