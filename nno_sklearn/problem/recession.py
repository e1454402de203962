"""Whether an objective has a minimum at all, or falls for ever along some direction."""

import numpy as np

from nno_sklearn.problem.cost import FEW_ROW_ENTRIES

#: Share of the largest entry up to which an entry of a direction is no part of it, when the
#: direction is a Newton step: other rows move a little too.
MINOR = 0.3
#: Changes of a raw prediction after which exp(-t) is flat but not yet rounding, and, in sizes of
#: targets, after which a loss shows where it leads.
NEAR, FAR = 20.0, 1e6
#: Loss gradient of a row, in those of the constant model, up to which the model is sure of it.
SURE = 1e-6
#: Rounding among the rows that it is sure of, relative to the largest.
ROUNDING = 1e-10


def falls_for_ever(point, direction, slope, shift, minor=0.0):
    """Whether the objective still falls far along a direction, and so has no minimum.

    Separable classes are the best known case: log-losses fall to 0 as the coefficients grow
    (Albert and Anderson, 1984); for counts, a group without any event. A loss that reaches its
    minimum, such as a hinge, is level there and does not fall.

    Parameters
    ----------
    point : Point
    direction : ndarray of shape (n_features, n_outputs)
    slope, shift : Raw and ndarray of shape (n_outputs,)
        What a unit of the direction adds to the raw predictions, in two parts.
    minor : float, default=0.0
        Share of the largest move up to which a raw prediction does not move.
    """
    problem, floor = point.problem, 0.0
    rows, penalty = problem.rows, problem.penalty
    least, largest = rows.move_sizes(slope, shift)
    if minor and 0 < largest < np.inf:
        floor = minor * largest
        least, _ = rows.move_sizes(slope, shift, floor)
    if not 0 < least < np.inf:
        return False
    reach = FAR * (1.0 + rows.targets.size.max()) / least
    rises, falls = rows.recedes(slope, shift, floor, reach, NEAR)
    with np.errstate(over="ignore", invalid="ignore"):
        before, after = (penalty.value(t * direction) for t in (reach, 2 * reach))
    return falls and not rises and not after > before


def separates(point):
    """Whether the model itself leads away for ever: rows without an error that it leaves no doubt.

    What it says of the rows that it tells for sure, while nothing changes for the others.
    """
    if falls_for_ever(point, point.coef, point.raw, point.intercept):
        return True
    problem, rows = point.problem, point.problem.rows
    if problem.n_samples * problem.n_features > FEW_ROW_ENTRIES:
        return False
    doubtful = rows.doubtful(point.raw, point.intercept, SURE * problem.null_residual)
    if not 0 < len(doubtful) < problem.n_samples:
        return False
    unit = np.append(problem.scale, 1.0)
    model = unit[:, None] * np.vstack([point.coef, point.intercept])
    _, sizes, basis = np.linalg.svd(doubtful)
    seen = basis[: np.count_nonzero(sizes > ROUNDING * sizes.max())]
    direction = model - seen.T @ (seen @ model)
    if np.abs(direction).max() <= ROUNDING * np.abs(model).max():
        return False  # every direction changes a row that it is not sure of
    coef, shift = rows.inverse_scale[:, None] * direction[:-1], direction[-1]
    return falls_for_ever(point, coef, rows.raw(coef), shift * problem.fit_intercept, ROUNDING)


def leads_away(point, step):
    """Whether Newton's step at what seems an optimum leads away for ever.

    Parameters
    ----------
    point : Point
    step : NewtonStep
    """
    return falls_for_ever(point, step.direction, step.slope, step.shift, MINOR)
