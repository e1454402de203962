"""Whether an objective has a minimum at all, or falls for ever along some direction."""

import numpy as np

#: Share of the largest entry up to which an entry of a direction is no part of it, when the
#: direction is a Newton step: other rows move a little too.
MINOR = 0.3
#: Changes of a raw prediction after which exp(-t) is flat but not yet rounding, and, in sizes of
#: targets, after which a loss shows where it leads.
NEAR, FAR = 20.0, 1e6
#: Loss gradient of a row, in those of the constant model, up to which the model is sure of it.
SURE = 1e-6
#: Entries of X up to which the rows that it is sure of are looked at, and rounding among them.
MOST_ENTRIES, ROUNDING = 2e6, 1e-10


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
    if not 0 < least < np.inf:
        return False
    problem = point.problem
    if not problem.is_separate:  # a shift of all outputs changes nothing: the largest is 0
        raw = raw - raw.max(axis=1, keepdims=True)
    reach = FAR * (1.0 + np.abs(problem.y).max()) / least
    rises = _slopes(problem, reach * raw, raw).sum(axis=1) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        before, after = (problem.penalty.value(t * direction) for t in (reach, 2 * reach))
    if rises.any() or after > before:
        return False
    near = _steps_of_size(raw, problem.is_separate)
    return bool((_slopes(problem, near, near) < 0).any())


def _slopes(problem, eta, raw):
    """Derivatives of the losses at raw predictions ``eta`` along ``raw``."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(raw == 0, 0.0, problem.loss.gradient(problem.y, eta) * raw)


def _steps_of_size(raw, is_separate):
    """Each row's step, so long that what flattens for ever is flat but not yet 0."""
    if is_separate:
        return NEAR * np.sign(raw)
    size = np.where(raw == 0, np.inf, np.abs(raw)).min(axis=1, keepdims=True)
    return raw * (NEAR / size)


def separates(point):
    """Whether the model itself leads away for ever: rows without an error that it leaves no doubt.

    What it says of the rows that it tells for sure, while nothing changes for the others.
    """
    if falls_for_ever(point, point.coef, point.raw_prediction):
        return True
    problem = point.problem
    sure = (np.abs(point.loss_gradient) <= SURE * problem.null_residual).all(axis=1)
    if not sure.any() or sure.all() or problem.n_samples * problem.n_features > MOST_ENTRIES:
        return False
    unit = np.append(problem.scale, 1.0)
    model = unit[:, None] * np.vstack([point.coef, point.intercept])
    rows = np.vstack(
        list(
            problem.design.weighted_blocks(
                np.ones(problem.n_samples), problem.design.centre, np.ones((problem.n_samples, 1))
            )
        )
    )
    rows *= np.append(problem.design.inverse_scale, float(problem.fit_intercept))
    _, sizes, basis = np.linalg.svd(rows[~sure])
    seen = basis[: np.count_nonzero(sizes > ROUNDING * sizes.max())]
    direction = model - seen.T @ (seen @ model)
    if np.abs(direction).max() <= ROUNDING * np.abs(model).max():
        return False  # every direction changes a row that it is not sure of
    raw = np.where(sure[:, None], rows @ direction, 0.0)
    direction = problem.design.inverse_scale[:, None] * direction[:-1]
    return falls_for_ever(point, direction, raw)


def leads_away(point, step):
    """Whether Newton's step at what seems an optimum leads away for ever.

    Parameters
    ----------
    point : Point
    step : NewtonStep
    """
    major = np.abs(step.raw) >= MINOR * np.abs(step.raw).max(initial=0.0)
    return falls_for_ever(point, step.direction, np.where(major, step.raw, 0.0))
