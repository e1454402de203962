"""From a point to the minimum of a model made there, or as far as the objective falls."""

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.solvers.linesearch import exact_step, rises

#: Accuracy of a model's minimum, in target gaps; the next one where nothing moves.
MODEL_ACCURACIES = (0.5, 1e-3, 0.0)
#: Share of the first-order decrease that makes a whole step good enough.
SUFFICIENT = 0.1
#: Share of it that a parabola gains whose slope at the end is a tenth of that at the start, and
#: roundings from which on values tell such shares.
PARABOLA, TOLD = 0.45, 100.0
#: Share of the gap that is left at an end that rounding alone puts no lower.
NEARER = 0.5


def step_to_minimum(point, minimum, target_gap):
    """Go to a model's ``minimum``, known to an accuracy, then search the line to it for that of the
    objective (Lee, Sun and Saunders, 2014)."""
    # A model's own gap may be smaller than that of the objective: then it says too early that its
    # minimum is reached.
    for accuracy in MODEL_ACCURACIES:
        with np.errstate(over="ignore", invalid="ignore"):
            new = minimum(accuracy * target_gap)
        if not np.isfinite(new).all():
            return None
        if (new != point.coef).any():
            break
    else:
        return None
    line = Line(point, new - point.coef)
    is_exact = point.problem.loss.constant_curvature or not point.problem.penalty.is_convex
    if is_exact and (end := _end_of_model(line)) is not None:
        return end
    if (end := _minimum_of_line(line)) is not None:
        return end
    found = exact_step(line)
    return _ends_nearer(line) if found is None else found[1]


def _end_of_model(line):
    """The end of a line, where it is low enough (Tseng and Yun, 2009), with raw predictions made
    afresh. Where the model is exact the end is its minimum; and a search would stop before the
    minimum of a penalty that is not convex, which may be where its secant still rises.
    """
    start = line.start
    end = start.problem.at(start.coef + line.direction, start.intercept)
    is_low = end.value <= start.value + SUFFICIENT * line.initial_slope.sum()
    return end if is_low else None


def _minimum_of_line(line):
    """The end of a line whose slope there is small beside the one at the start, or points farther,
    as values at both ends tell of a parabola: one look, where a search takes another for slopes."""
    slope = line.initial_slope
    if (-slope <= TOLD * line.slope_rounding).any():
        return None
    end = line.point(np.ones(1))
    return end if (line.start.values - end.values >= PARABOLA * -slope).all() else None


def _ends_nearer(line):
    """The end of a line on which rounding hides what is left to gain, if its gap is smaller: a gap
    is of first order in the gradient, the objective of second.
    """
    start, end = line.start, line.point(np.ones(1))
    is_nearer = end.dual_gap <= NEARER * start.dual_gap
    return end if is_nearer and not rises(end, start) else None
