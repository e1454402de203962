"""Whether an objective has a minimum at all, or falls for ever along some direction."""

import numpy as np

#: Share of the largest entry up to which an entry of a direction is no part of it, when the
#: direction is a Newton step: other rows move a little too.
MINOR = 0.3
#: Change of a raw prediction after which a loss that flattens for ever, as exp(-t), is not yet 0,
#: and one, in sizes of targets and predictions, after which every loss shows where it leads.
NEAR, FAR = 30.0, 1e6


def falls_for_ever(point, direction, raw):
    """Whether the objective still falls far along a direction, and so has no minimum.

    Separable classes are the best known case: log-losses fall to 0 as the coefficients grow
    (Albert and Anderson, 1984); for counts, a group without any event. A loss that reaches its
    minimum, such as a hinge, is level there and does not fall.

    Parameters
    ----------
    point : Point
    direction : ndarray of shape (n_features, n_outputs)
    raw : ndarray of shape (n_samples, n_outputs)
        What a unit of the direction adds to the raw predictions.
    """
    size = np.abs(raw)
    least = size[size > 0].min(initial=np.inf)
    if not np.isfinite(least):
        return False
    reach = 1.0 + np.abs(point.raw_prediction).max() + np.abs(point.problem.y).max()
    near, far = (_slope(point, direction, raw, t / least) for t in (NEAR, FAR * reach))
    return bool(near < 0 and far <= 0)


def _slope(point, direction, raw, t):
    """Derivative of the objective by t, that far along a direction."""
    problem = point.problem
    with np.errstate(over="ignore", invalid="ignore"):
        gradient = problem.loss.gradient(problem.y, point.raw_prediction + t * raw)
        slopes = np.where(raw == 0, 0.0, gradient * raw)
        before, after = (problem.penalty.value(point.coef + s * direction) for s in (t, 2 * t))
        return problem.weight @ slopes.sum(axis=1) + problem.alpha * (after - before) / t


def has_no_minimum(point, step, raw):
    """Whether a Newton step at what seems an optimum, or the model itself, leads away for ever.

    Parameters
    ----------
    point : Point
    step : ndarray of shape (n_features, n_outputs)
        Newton's.
    raw : ndarray of shape (n_samples, n_outputs)
        What it adds to the raw predictions.
    """
    if falls_for_ever(point, point.coef, point.raw_prediction):
        return True
    major = np.abs(raw) >= MINOR * np.abs(raw).max(initial=0.0)
    return falls_for_ever(point, step, np.where(major, raw, 0.0))
