"""Whether an objective has a minimum, or a direction of recession along which it falls for ever."""

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
        What a unit of the direction adds to the raw predictions, in two parts. Ordered classes may
        have a shift of each intercept, (n_classes - 1,).
    minor : float, default=0.0
        Share of the largest move up to which a raw prediction does not move.
    """
    problem, floor = point.problem, 0.0
    rows = problem.rows
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
        if _lets_grow(problem.penalty, part, reach):
            return True
    return False


def _lets_grow(penalty, direction, reach):
    """Whether a penalty, and its bounds, let coefficients go on for ever along a direction."""
    start = penalty.feasible_start(direction.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        before, after = (penalty.value(start + t * direction) for t in (reach, 2 * reach))
    return bool(np.isfinite(before) and not after > before)


def separates(point):
    """Whether there is a direction of recession; certain where the rows are few."""
    if point.problem.loss.constant_curvature:  # it rises for ever in every direction
        return False
    intercept = point.intercept + point.problem.loss.intercepts
    if falls_for_ever(point, point.coef, point.raw, intercept):
        return True
    problem, features = point.problem, _free_features(point.problem)
    if not len(features):  # only the intercept may
        nowhere = np.zeros(problem.shape)
        return falls_for_ever(point, nowhere, problem.rows.nothing(), intercept)
    if len(features) < problem.n_features:
        point = point.on_columns(problem.columns(features), features)
    problem, rows = point.problem, point.problem.rows
    n_coupled = 1 if rows.is_separate else problem.n_outputs - 1
    n_entries = problem.n_samples * (problem.n_features + 1) * problem.n_outputs
    if n_entries * n_coupled > FEW_PROGRAM_ENTRIES:
        return _is_sure_of_rows(point)
    return any(
        falls_for_ever(point, coef, rows.raw(coef), shift, ROUNDING)
        for coef, shift in _directions(problem)
    )


def _free_features(problem):
    """Numbers of the features whose coefficients the penalty does not hold, by themselves or all
    together."""
    penalty = problem.penalty
    if problem.alpha > 0 and penalty.has_dual:  # it grows in every direction
        return np.zeros(0, dtype=int)
    if penalty.is_zero:
        return np.arange(problem.n_features)
    far = np.full(problem.shape, FAR)
    is_free = [_is_level(penalty, side).any(axis=1) for side in (far, -far)]
    return np.flatnonzero(is_free[0] | is_free[1])


def _is_level(penalty, w):
    """Which coefficients a penalty does not pull."""
    if "gradient" in penalty.provides:
        return penalty.gradient(w) == 0
    return np.isclose(penalty.prox(w, np.ones_like(w)), w, rtol=ROUNDING, atol=0.0)


def _directions(problem):
    """Directions along which no loss rises and some fall, and that the penalty leaves free: those
    of single coefficients, or of all alike, as a penalty on their differences does.

    Returns
    -------
    list of (coef, shift)
        Of shape (n_features, n_outputs) and (n_outputs,); of each output one at most.
    """
    penalty, units = problem.penalty, np.eye(problem.n_features)
    if penalty.is_zero:
        room = np.broadcast_to([-1.0, 1.0], (*problem.shape, 2))
        return problem.knowledge.recession(lambda: [*_solutions(problem, units, room)])
    units = np.hstack([units, np.ones((len(units), 1))])
    outputs = np.eye(problem.n_outputs)
    room = [
        [
            [sign * _lets_grow(penalty, sign * np.outer(unit, output), FAR) for sign in (-1.0, 1.0)]
            for output in outputs
        ]
        for unit in units.T
    ]
    return [*_solutions(problem, units, np.asarray(room))]


def _solutions(problem, basis, room):
    """As :func:`_directions`, by linear programs.

    Parameters
    ----------
    problem : Problem
    basis : ndarray of shape (n_features, n_directions)
        Of the coefficients' part.
    room : ndarray of shape (n_directions, n_outputs, 2)
        How far each may go back and forth.

    Yields
    ------
    coef, shift : ndarray of shape (n_features, n_outputs), (n_outputs,)
        The shift of ordered classes is (n_classes - 1,).
    """
    reach = FAR * (1.0 + problem.rows.targets.size.max())
    size = np.abs(problem.scale[:, None] * basis).max(axis=0, initial=0.0)
    n_shifts = np.size(problem.loss.intercepts)  # of an output
    basis, room = basis[:, size > 0] / size[size > 0], room[size > 0]
    both = np.broadcast_to([-1.0, 1.0], (n_shifts, *room.shape[1:]))
    room = np.concatenate([room, both])
    joint = block_diag(problem.scale[:, None] * basis, problem.fit_intercept * np.eye(n_shifts))
    outputs = np.arange(problem.n_outputs)
    groups = outputs[:, None] if problem.rows.is_separate else outputs[None]
    for group, (rows, falls) in zip(groups, problem.rows.recession(reach, NEAR), strict=True):
        if not falls.any():
            continue
        held, bounds = rows @ np.kron(joint, np.eye(len(group))), room[:, group].reshape(-1, 2)
        total = held[falls].sum(axis=0)
        found = linprog(total, A_ub=held, b_ub=np.zeros(len(held)), bounds=bounds)
        if found.status == 0 and found.fun < -LEAST_FALL:
            moves = _without_tolerance(held, found.x, bounds).reshape(-1, len(group))
            coef, shift = np.zeros(problem.shape), np.zeros((n_shifts, problem.n_outputs))
            coef[:, group], shift[:, group] = basis @ moves[:-n_shifts], moves[-n_shifts:]
            yield coef, shift.ravel() * problem.fit_intercept


def _without_tolerance(held, moves, bounds):
    """A program's solution, exactly, not as the tolerance allows: what seems not to move does not,
    be it a row, or a coefficient that has no room on one side."""
    loose = (np.abs(moves) > FEASIBLE) | bounds.all(axis=1)
    still = held[np.abs(held @ moves) <= FEASIBLE][:, loose]
    exact = np.zeros_like(moves)
    exact[loose] = moves[loose]
    exact[loose] -= np.linalg.lstsq(still, still @ exact[loose], rcond=ROUNDING)[0]
    return exact


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
