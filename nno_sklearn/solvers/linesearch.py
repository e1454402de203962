"""Line searches: raw predictions are linear along a line, so they cost no pass over X."""

import numpy as np

MAX_EVALUATIONS = 40
#: Relative rise of the objective that counts as rounding.
ROUNDING = 1e-14
#: The same in roundings of single raw predictions, most of which a mean over the rows averages out.
MEAN_ROUNDING = 1 / 16
#: What is left to gain on a line, relative to the objective, that is none.
NO_GAIN = 1e-20

#: Share of the decrease that the slope promises with which a step is content, and limits of what
#: one that is too long is multiplied by.
CONTENT, SHORTEST, LONGEST = 1e-4, 0.1, 0.5
#: Steps along a direction that are tried.
MOST_TRIALS = 10
#: Share of the initial slope that the curvature over a step takes away, below which the step may
#: end far inside a flat part; and share of the gain that a shorter one may leave.
FLAT, LEAVES = 0.1, 1e-12


def first_lower(problem, value, slope, at, content=CONTENT, most_trials=MOST_TRIALS):
    """The first of ever shorter steps that lowers the objective, or leaves it but for rounding.

    Parameters
    ----------
    problem : Problem
    value, slope : float
        Of the objective at the start of a direction, and along it.
    at : callable
        Takes a step's length, returns the place there, which has a ``value``.
    content : float, default=1e-4
        Share of the promised decrease that is enough.
    most_trials : int, default=10

    Returns
    -------
    (float, place) or None
        None where rounding hides what the direction may gain, or no step gains.
    """
    rounding = MEAN_ROUNDING * problem.rows.eps * abs(value)
    if not -slope > rounding:
        return None
    t = 1.0
    for _ in range(most_trials):
        place = at(t)
        if place.value <= value + content * t * slope + rounding:
            return t, place
        t *= shorter(value, slope, t, place.value)
    return None


def shorter(value, slope, t, reached):
    """The share of a step of length ``t`` in vain that is to be tried next: where a parabola is
    least that begins with this value and slope, and ends at the value that was reached."""
    above = reached - value - t * slope  # of a parabola, its curvature's part
    share = -0.5 * t * slope / above if np.isfinite(above) and above > 0 else SHORTEST
    return float(np.clip(share, SHORTEST, LONGEST))


def exact_step(line, accuracy=0.1):
    """Step that lowers the slope along ``line`` to a fraction ``accuracy`` of what it was.

    Newton's method on the derivative from t = 1, kept inside a bracket; overflow shrinks the
    step. Outputs that do not interact have steps of their own. With a nonsmooth penalty the step
    is at most 1, the end of the direction, where its zeros are exact. Where the objective is flat
    from some place on, the step ends near that place.

    Returns
    -------
    (ndarray, Point) or None
        Step sizes and the point there; None where no step lowers the objective.
    """
    slope = line.initial_slope
    # An output whose direction is 0 needs no step, and makes none that is worth anything.
    moves = (slope < line.slope_rounding) & line.moves
    if not moves.any():
        return None
    low, high = np.zeros_like(slope), np.full_like(slope, np.inf)
    t = np.where(moves, 1.0, 0.0)
    for _ in range(MAX_EVALUATIONS):
        first, second = line.derivatives(t)
        usable = np.isfinite(first) & np.isfinite(second)
        flat = usable & (np.abs(first) <= accuracy * np.abs(slope))
        flat |= usable & (t >= line.longest) & (first <= line.slope_rounding)
        # A look at values costs most: outputs that wait for others are looked at together.
        above, done = np.zeros_like(moves), flat | ~moves
        if done.all():
            above = moves & _above(line.point(t), line.start)
            if not above.any():
                return first_as_low(line, t, second) if t.any() else None
            done &= ~above
        shrink = ~usable | above
        low = np.where(usable & ~flat & (first < 0), t, low)
        high = np.where(shrink | (first > 0), t, high)
        is_model = usable & (second > 0)
        newton = t - np.divide(first, second, out=np.full_like(t, -np.inf), where=is_model)
        t = np.where(done, t, _inside(np.where(shrink, np.nan, newton), low, high))
        # An output at its optimum, whose slope is rounding, must not keep the others waiting.
        left = np.where(moves & (slope != 0), high - low, 0.0) * np.abs(slope)
        settled = moves & ~done & (left <= NO_GAIN * np.abs(line.start.values))
        t, moves = np.where(settled, low, t), moves & ~settled
    t = np.where(done, t, low)
    t = np.where(_above(line.point(t), line.start), 0.0, t)
    return (t, line.point(t)) if t.any() else None


def first_as_low(line, t, second):
    """The first of t, t/2, t/4, ... from which half the step would leave some of its gain.

    Along a direction in which linear parts hide that it has curvature, a step may be many times too
    long, and end where a loss is 0: no slope there says how far that part reaches.

    Parameters
    ----------
    line : Line
    t : ndarray
        Steps that lower the objective.
    second : ndarray
        Second derivatives there.

    Returns
    -------
    (ndarray, Point)
    """
    problem, point = line.start.problem, line.point(t)
    if not problem.is_smooth:
        return t, point
    gain, slope = line.start.values - point.values, np.abs(line.initial_slope)
    shortens = (second * t <= FLAT * slope) & (gain > rounding_of(problem))
    while shortens.any():
        half = np.where(shortens, 0.5 * t, t)
        # The tangent at the start bounds the gain, and tells the most that is worth a look.
        shortens &= half * slope > (1 - LEAVES) * gain
        shortens &= line.point(half).values <= point.values + LEAVES * gain
        t = np.where(shortens, half, t)
    return t, line.point(t)


def _inside(t, low, high):
    """The Newton iterate; the middle of the bracket, or 10 times its lower end, if it leaves it."""
    open_end = np.isinf(high)
    top = np.where(open_end, 10 * low, high)
    margin = np.where(open_end, 0.1 * low, 0.05 * (top - low))
    inside = (t > low + margin) & (t < top - np.where(open_end, 0.0, margin))
    return np.where(inside, t, np.where(open_end, top, 0.5 * (low + top)))


def _above(point, start):
    rounding = max(ROUNDING, MEAN_ROUNDING * point.problem.rows.eps)
    return ~(point.values <= start.values + rounding * np.abs(start.values))


def rises(point, before):
    """Whether the objective is higher than before, by more than rounding of its terms."""
    return not point.value <= before.value + rounding_of(point.problem)


def rounding_of(problem):
    """What rounding may add to values of the objective, whose terms may be far larger than it."""
    return 4 * np.finfo(float).eps * problem.null_value
