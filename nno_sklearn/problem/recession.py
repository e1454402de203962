"""Whether an objective has a minimum, or a direction of recession along which it falls for ever."""

from itertools import chain

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import linprog

from nno_sklearn.problem.cost import FEW_PROGRAM_ENTRIES, FEW_ROW_ENTRIES
from nno_sklearn.rows.recession import differences

#: Share of the largest entry up to which an entry of a direction is no part of it, when the
#: direction is a Newton step: other rows move a little too.
MINOR = 0.3
#: Changes of a raw prediction after which exp(-t) is flat but not yet rounding, and, in sizes of
#: targets, after which a loss shows where it leads.
NEAR, FAR = 20.0, 1e6
#: Loss gradient of a row, in those of the constant model, up to which the model is sure of it.
SURE = 1e-6
#: Rounding among rows, relative to the largest.
ROUNDING = 1e-10
#: Move of a row that may be none, by a linear program's tolerance, and how far its solution must
#: take the rows that fall, in sum, to be more than that.
FEASIBLE, LEAST_FALL = 1e-6, 1e-3


def falls_for_ever(point, direction, slope, shift, minor=0.0):
    """Whether the objective still falls far along a direction, or along the part of it that is of
    one output where they do not interact, and so has no minimum.

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
    for k in np.flatnonzero(falls & ~rises):  # of one output, or of all that interact
        part = direction * (np.arange(problem.n_outputs) == k) if rows.is_separate else direction
        with np.errstate(over="ignore", invalid="ignore"):
            before, after = (penalty.value(t * part) for t in (reach, 2 * reach))
        if after <= before < np.inf:  # not beyond a bound, where both are inf
            return True
    return False


def separates(point):
    """Whether there is a direction of recession; certain where the rows are few."""
    if point.problem.loss.constant_curvature:  # it rises for ever in every direction
        return False
    if falls_for_ever(point, point.coef, point.raw, point.intercept):
        return True
    problem, rows = point.problem, point.problem.rows
    if _grows_everywhere(problem):  # only the intercept may
        nowhere = np.zeros(problem.shape)
        return falls_for_ever(point, nowhere, rows.nothing(), point.intercept)
    n_coupled = 1 if rows.is_separate else problem.n_outputs - 1
    n_entries = problem.n_samples * (problem.n_features + 1) * problem.n_outputs
    if n_entries * n_coupled > FEW_PROGRAM_ENTRIES:
        return _is_sure_of_rows(point)
    known = problem.knowledge.recession(
        lambda: [*_directions(problem, np.diag(rows.inverse_scale))]
    )
    for coef, shift in chain(known, _free_directions(problem)):
        if falls_for_ever(point, coef, rows.raw(coef), shift, ROUNDING):
            return True
    return False


def _grows_everywhere(problem):
    """Whether the penalty grows in every direction of the coefficients: its conjugate is then
    finite near 0."""
    return problem.alpha > 0 and problem.penalty.has_dual


def _free_directions(problem):
    """As :func:`_directions`, of coefficients that a penalty leaves free, to one side at least:
    single ones, or all alike, as a penalty on their differences does."""
    penalty, shape = problem.penalty, problem.shape
    if penalty.is_zero:
        return
    units = [*np.eye(len(problem.scale)), np.ones(len(problem.scale))]
    steps = [np.broadcast_to(sign * unit[:, None], shape) for unit in units for sign in (-1.0, 1.0)]
    with np.errstate(over="ignore", invalid="ignore"):
        free = [
            penalty.value(2 * FAR * step) <= penalty.value(FAR * step) < np.inf for step in steps
        ]
    sides = np.reshape(free, (-1, 2))
    is_free = sides.any(axis=1)
    if is_free.any():
        yield from _directions(problem, np.stack(units, axis=1)[:, is_free], sides[is_free])


def _directions(problem, basis, sides=None):
    """Directions along which no loss rises and some fall, by linear programs: one for each output
    at most.

    Parameters
    ----------
    problem : Problem
    basis : ndarray of shape (n_features, n_directions)
        Of the coefficients' part.
    sides : ndarray of shape (n_directions, 2), default=None
        Whether each may be taken backwards and forwards; None: all may.

    Yields
    ------
    coef, shift : ndarray of shape (n_features, n_outputs), (n_outputs,)
    """
    reach = FAR * (1.0 + problem.rows.targets.size.max())
    size = np.abs(problem.scale[:, None] * basis).max(axis=0, initial=0.0)
    sides = np.ones((len(size), 2)) if sides is None else sides
    basis = basis[:, size > 0] / size[size > 0]
    bounds = np.vstack([sides[size > 0], np.ones(2)]) * [-1.0, 1.0]
    joint = block_diag(problem.scale[:, None] * basis, float(problem.fit_intercept))
    outputs = np.arange(problem.n_outputs)
    groups = outputs[:, None] if problem.rows.is_separate else outputs[None]
    for group, (rows, falls) in zip(groups, problem.rows.recession(reach, NEAR), strict=True):
        if not falls.any():
            continue
        held = rows @ np.kron(joint, np.eye(len(group)))
        limits = np.repeat(bounds, len(group), axis=0)
        found = linprog(held[falls].sum(axis=0), A_ub=held, b_ub=np.zeros(len(held)), bounds=limits)
        if found.status == 0 and found.fun < -LEAST_FALL:
            # Exactly, not as the tolerance allows: rows that seem not to move do not.
            still = held[np.abs(held @ found.x) <= FEASIBLE]
            moves = found.x - np.linalg.lstsq(still, still @ found.x, rcond=ROUNDING)[0]
            moves = np.clip(moves, *limits.T).reshape(-1, len(group))
            coef, shift = np.zeros(problem.shape), np.zeros(problem.n_outputs)
            coef[:, group], shift[group] = basis @ moves[:-1], moves[-1]
            yield coef, shift * problem.fit_intercept


def _is_sure_of_rows(point):
    """Whether the part of a point that moves only rows which it classifies beyond doubt is a
    direction of recession.
    """
    problem, rows = point.problem, point.problem.rows
    if problem.n_samples * problem.n_features > FEW_ROW_ENTRIES:
        return False
    doubtful, doubts = rows.doubtful(point.raw, point.intercept, SURE * problem.null_residual)
    if not 0 < len(doubtful) < problem.n_samples:
        return False
    unit = np.append(problem.scale, 1.0)
    model = unit[:, None] * np.vstack([point.coef, point.intercept])
    direction = model.copy()
    for outputs, held in _held_still(rows, doubtful, doubts):
        _, sizes, basis = np.linalg.svd(held, full_matrices=False)
        seen = basis[: np.count_nonzero(sizes > ROUNDING * sizes.max(initial=0.0))]
        part = model[:, outputs].reshape(held.shape[1], -1)
        left = part - seen.T @ (seen @ part)
        direction[:, outputs] = left.reshape(direction[:, outputs].shape)
    if np.abs(direction).max() <= ROUNDING * np.abs(model).max():
        return False  # every direction changes a row that it is not sure of
    coef, shift = rows.inverse_scale[:, None] * direction[:-1], direction[-1]
    return falls_for_ever(point, coef, rows.raw(coef), shift * problem.fit_intercept, ROUNDING)


def _held_still(rows, doubtful, doubts):
    """Outputs, and what a direction of them must take to 0 if it is to move none that is in doubt:
    of classes that interact, what they differ by in rows that may be of either.

    Where such matrices are large, all outputs are in doubt wherever one is.
    """
    n_entries = (len(doubtful) if rows.is_separate else doubts.sum()) * doubtful.shape[1]
    if n_entries * rows.n_outputs > FEW_ROW_ENTRIES:
        yield range(rows.n_outputs), doubtful
    elif rows.is_separate:
        for k in range(rows.n_outputs):
            yield [k], doubtful[doubts[:, k]]
    else:
        row, other = np.nonzero(doubts)
        first = doubts.argmax(axis=1)[row]
        yield range(rows.n_outputs), differences(doubtful[row], other, first, rows.n_outputs)


def leads_away(point, step):
    """Whether Newton's step at what seems an optimum is a direction of recession.

    Parameters
    ----------
    point : Point
    step : NewtonStep
    """
    return falls_for_ever(point, step.direction, step.slope, step.shift, MINOR)
