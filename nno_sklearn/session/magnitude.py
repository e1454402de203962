"""Check that the data are within the range in which the objective can be computed."""

import numpy as np

from nno_sklearn.problem import Problem
from nno_sklearn.rows.replies import Targets

#: Least loss of the constant model: above the smallest normal number, with a margin.
SMALLEST_LOSS = 1e-304


def check_magnitude(problem: Problem) -> None:
    """Raise a ValueError for numbers whose squares leave the range of floats, and for targets of
    which no finite intercept is the best."""
    if problem.fit_intercept:
        problem.loss.check_mean(problem.rows.targets.mean)
    if not np.isfinite(problem.scale).all():
        raise ValueError(
            "X has columns so large that their squares overflow. Divide them by a constant."
        )
    if problem.rows.underflows:
        raise ValueError(
            "X has columns so small that their squares underflow. Multiply them by a constant."
        )
    if not np.isfinite(problem.null_value):
        raise ValueError(
            "The loss of the best constant model overflows: y has values that are too large. "
            "Divide y by a constant."
        )
    if problem.null_value < SMALLEST_LOSS and _varies(problem.rows.targets) and _is_off(problem):
        raise ValueError(
            "The loss of the best constant model underflows: y has values that are too small. "
            "Multiply y by a constant."
        )


def _is_off(problem: Problem) -> bool:
    """Whether the constant model is off any target: where not, its loss is 0 and not too small."""
    null = problem.null
    return problem.rows.gradient_sizes(null.raw, null.intercept)[1] > 0


def _varies(targets: Targets) -> bool:
    """Whether a target differs from a constant by more than rounding."""
    return (targets.high - targets.low).max() > 1e-10 * targets.size.max()
