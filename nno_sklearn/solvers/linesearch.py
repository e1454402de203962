"""Searches along a line: raw predictions are known there, so they cost no pass over X."""

import numpy as np

MAX_EVALUATIONS = 40
#: How much the objective may seem to rise by rounding alone, relative to itself.
ROUNDING = 1e-14
#: The same in roundings of single raw predictions, most of which a mean over the rows averages out.
MEAN_ROUNDING = 1 / 16


def exact_step(line, accuracy=0.1):
    """Step that lowers the slope along ``line`` to a fraction ``accuracy`` of what it was.

    Newton's method on the derivative from t = 1, kept inside a bracket; overflow shrinks the
    step. Outputs that do not interact have steps of their own. A penalty with kinks limits the
    step to 1, where the exact zeros of the direction's end lie.

    Returns
    -------
    (ndarray, Point) or None
        None where no step lowers the objective.
    """
    slope = line.initial_slope
    moves = slope < line.slope_rounding
    if not moves.any():
        return None
    low, high = np.zeros_like(slope), np.full_like(slope, np.inf)
    t = np.where(moves, 1.0, 0.0)
    for _ in range(MAX_EVALUATIONS):
        first, second = line.derivatives(t)
        usable = np.isfinite(first) & np.isfinite(second)
        flat = usable & (np.abs(first) <= accuracy * np.abs(slope))
        flat |= usable & (t >= line.longest) & (first <= line.slope_rounding)
        above = flat & moves & _above(line.point(t), line.start) if flat[moves].any() else ~usable
        done = (flat & ~above) | ~moves
        if done.all():
            return t, line.point(t)
        shrink = ~usable | above
        low = np.where(usable & ~above & (first < 0), t, low)
        high = np.where(shrink | (first > 0), t, high)
        newton = t - np.divide(first, second, out=np.full_like(t, -np.inf), where=second > 0)
        t = np.where(done, t, _inside(np.where(shrink, np.nan, newton), low, high))
    t = np.where(done, t, low)
    t = np.where(_above(line.point(t), line.start), 0.0, t)
    return (t, line.point(t)) if t.any() else None


def _inside(t, low, high):
    """Newton's proposal, unless it leaves the bracket or runs away."""
    open_end = np.isinf(high)
    top = np.where(open_end, 10 * low, high)
    margin = np.where(open_end, 0.1 * low, 0.05 * (top - low))
    inside = (t > low + margin) & (t < top - np.where(open_end, 0.0, margin))
    return np.where(inside, t, np.where(open_end, top, 0.5 * (low + top)))


def _above(point, start):
    rounding = max(ROUNDING, MEAN_ROUNDING * point.problem.rows.eps)
    return ~(point.values <= start.values + rounding * np.abs(start.values))
