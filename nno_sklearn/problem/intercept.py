"""The best intercept for given raw predictions: solvers then see a function of w alone."""

import numpy as np

MAX_STEPS = 100
#: Below it, nothing that a certificate or a step needs gets any better.
PRECISION = 1e-10
#: Largest step of coupled intercepts that is surely in the basin where Newton converges: softmax's
#: curvature changes by a factor of e at most within 1 (self-concordance; Bach, 2010).
QUADRATIC = 0.1
#: Damping of their steps, in units of the largest curvature, that rounding does not swallow.
LEAST_DAMPING = 1e-13


class Look:
    """The data loss at the raw predictions ``raw + t * slope + b`` of a problem's rows, b free.

    ``coef`` are the coefficients there. Their sizes in units of the columns' spreads bound those of
    the raw predictions, of which rounding is a share.
    """

    def __init__(self, problem, coef, raw, slope=None, t=0.0):
        self._rows, self._correction = problem.rows, problem.correction
        self._raw, self._slope, self._t = raw, slope, t
        self.is_separate, self.size = problem.rows.is_separate, problem.scale @ np.abs(coef)

    def sums(self, b):
        """:class:`RowSums` at the intercept ``b``, the correction's share included."""
        return self._correction.shifted(self._rows.sums(self._raw, b, self._slope, self._t))

    def values(self, b):
        """Loss of each output, (n_outputs,)."""
        values = self._rows.values(self._raw, b, self._slope, self._t)
        return values + self._correction.shift * b


def best_intercept(look, start, precision=PRECISION):
    """Minimise ``sum_i weight_i loss(y_i, linear_i + b)`` over b by safeguarded Newton steps.

    Parameters
    ----------
    look : Look
    start : ndarray of shape (n_outputs,)
    precision : float, default=1e-10
        Sum of the loss gradient, relative to the sum of its absolute values, to end with.

    Returns
    -------
    intercept : ndarray of shape (n_outputs,)
    sums : RowSums
        At the intercept.
    """
    find = _separate if look.is_separate else _coupled
    with np.errstate(over="ignore", invalid="ignore"):
        return find(look, start, precision)


def _separate(look, start, precision):
    """One root of an increasing function per output: Newton inside a shrinking bracket."""
    b = start.astype(float)
    low, high = np.full_like(b, -np.inf), np.full_like(b, np.inf)
    moved, stretch = np.full_like(b, np.inf), 1.0 + np.abs(b) + look.size
    for _ in range(MAX_STEPS):
        sums = look.sums(b)
        total, bend = sums.total, sums.bend.diagonal
        usable = np.isfinite(total) & np.isfinite(bend)
        # A step below the rounding of the raw predictions would change nothing.
        size = np.abs(b) + look.size
        rounding = 4 * np.finfo(float).eps * np.where(usable, bend, 0.0) * size
        done = usable & (np.abs(total) <= precision * sums.size + rounding + 1e-300)
        if done.all():
            break
        low = np.where(total < 0, b, low)
        high = np.where(total > 0, b, high)
        newton = b - np.divide(total, bend, out=np.full_like(b, np.nan), where=usable & (bend > 0))
        # Newton only while it shrinks its steps: from the steep side of an exponential it creeps,
        # and from the flat side it leaps.
        longest = np.minimum(np.where(np.isinf(high - low), 10 * stretch, np.inf), 0.5 * moved)
        good = (newton > low) & (newton < high) & (np.abs(newton - b) <= longest)
        bracket = np.where(
            np.isinf(low), high - stretch, np.where(np.isinf(high), low + stretch, (low + high) / 2)
        )
        stretch = np.where(good, stretch, 2 * stretch)
        new = np.where(done, b, np.where(good, newton, bracket))
        moved = np.abs(new - b)
        if (moved <= 4 * np.finfo(float).eps * np.abs(b)).all():
            break
        b = new
    return b, sums


def _coupled(look, start, precision):
    """Joint Newton, damped until it descends; the shift that all outputs share has mean 0."""

    def objective(b):
        return look.values(b).sum()

    b, value = start - start.mean(), None
    reach = 10 * (1 + np.abs(b).max() + look.size.max())
    for _ in range(MAX_STEPS):
        sums = look.sums(b)
        total, bend = sums.total, sums.bend
        is_finite = np.isfinite(total).all() and np.isfinite(bend.diagonal).all()
        if not is_finite or np.abs(total).max() <= precision * sums.size.max():
            break  # overflow is for a line search to see
        step = bend.solve(total)
        step -= step.mean()
        length = np.abs(step).max()
        # Saturated outputs have no curvature to speak of; then the step does not answer the slope.
        if (
            length < QUADRATIC
            and np.abs(total - bend.product(step)).max() <= 0.5 * np.abs(total).max()
        ):
            b, value = b - step, None  # Newton's quadratic basin: a check would cost for nothing
            if length <= 4 * np.finfo(float).eps * max(1.0, np.abs(b).max()):
                break
            continue
        value = objective(b) if value is None else value
        found = _damped(objective, b, value, total, bend, reach)
        if found is None:
            break
        length = np.abs(found[0] - b).max()
        b, value = found
        reach = 10 * length
    return b, sums


def _damped(objective, b, value, total, bend, reach):
    """The first of ever shorter damped Newton steps that descends, and the objective there.

    The damping lets an output without curvature go as far as ``reach``: where outputs saturate,
    Newton's own step would leap to where they saturate on the other side.
    """
    largest, least = np.abs(total).max(), LEAST_DAMPING * bend.diagonal.max()
    while reach > np.finfo(float).eps * max(1.0, np.abs(b).max()):
        damping = max(largest / reach, least)
        step = bend.solve(total, damping)
        step -= step.mean()
        new = objective(b - step)
        if new < value:
            return b - step, new
        reach = 0.1 * min(reach, np.abs(step).max())
    return None
