"""Searches along a line: raw predictions are known there, so they cost no pass over X."""

import numpy as np

MAX_EVALUATIONS = 40
#: How much the objective may seem to rise by rounding alone, relative to itself.
ROUNDING = 1e-14


def exact_step(line, first_step=1.0, accuracy=0.1):
    """Step that lowers the slope along ``line`` to a fraction ``accuracy`` of what it was.

    Newton's method on the derivative, kept inside a bracket; overflow shrinks the step.

    Returns
    -------
    (float, Point) or None
        None where no step lowers the objective.
    """
    slope = line.derivatives(0.0)[0]
    if not slope < 0:
        return None
    low, high, t = 0.0, np.inf, first_step
    for _ in range(MAX_EVALUATIONS):
        first, second = line.derivatives(t)
        if not np.isfinite(first) or not np.isfinite(second):
            high, t = t, 0.5 * (low + t)
            continue
        if abs(first) <= accuracy * -slope:
            point = line.point(t)
            if _not_above(point, line.start):
                return t, point
            high, t = t, 0.5 * (low + t)
            continue
        low, high = (t, high) if first < 0 else (low, t)
        newton = t - first / second if second > 0 else np.inf
        t = _inside(newton, low, high)
    point = line.point(low)
    return (low, point) if low > 0 and _not_above(point, line.start) else None


def _inside(t, low, high):
    """Newton's proposal, unless it leaves the bracket or runs away."""
    if np.isinf(high):
        return min(max(t, 1.1 * low), 10 * low)
    margin = 0.05 * (high - low)
    return t if low + margin < t < high - margin else 0.5 * (low + high)


def _not_above(point, start):
    return point.value <= start.value + ROUNDING * abs(start.value)


def backtrack(line, model_decrease):
    """Step in {1, 1/2, 1/4, ...} that pays at least a part of what the model promised.

    For penalties with kinks, where a full step lands on exact zeros.

    Returns
    -------
    (float, Point) or None
    """
    start, t = line.start, 1.0
    for _ in range(MAX_EVALUATIONS):
        point = line.point(t)
        promise = 1e-3 * t * model_decrease
        if point.value <= start.value - promise + ROUNDING * abs(start.value):
            return t, point
        t /= 2
    return None
