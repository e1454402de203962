"""The best intercept for given raw predictions: solvers then see a function of w alone."""

from functools import cached_property

import numpy as np

MAX_STEPS, EPS = 100, np.finfo(float).eps
#: The gradient by the coefficients moves with what is left of the imbalance, and with it the Newton
#: decrement, which a tol of 1e-13 bounds as well. Newton's steps mostly end below it anyway.
PRECISION = 1e-13
#: The precision that leaves coupled outputs' intercept as it is.
NO_SEARCH = np.inf
#: Longest step of coupled intercepts that is tried without a look at values: softmax's curvature
#: changes by a factor of e at most within 1 (self-concordance; Bach, 2010).
LONGEST = 2.0
#: Roundings of the intercept that a sum of coupled outputs may keep.
ROUNDINGS = 4
#: Damping of their steps, in units of the largest curvature, that rounding does not swallow.
LEAST_DAMPING = 1e-13


class Look:
    """The data loss at the raw predictions ``raw + t * slope + b`` of a problem's rows, b free.

    ``coef`` are the coefficients there. Their sizes in units of the columns' spreads bound those of
    the raw predictions, of which rounding is a share.
    """

    def __init__(self, problem, coef, raw, slope=None, t=0.0):
        self._rows, self._correction, self._scale = problem.rows, problem.correction, problem.scale
        self._coef, self._raw, self._slope, self._t = coef, raw, slope, t

    @property
    def eps(self):
        """Rounding of raw predictions."""
        return self._rows.eps

    @property
    def is_separate(self):
        """Whether outputs do not interact."""
        return self._rows.is_separate

    @cached_property  # of many outputs it costs as much as a pass, and only searches ask
    def size(self):
        """Sizes of the coefficients, (n_outputs,)."""
        return self._scale @ np.abs(self._coef)

    def sums(self, b):
        """:class:`RowSums` at the intercept ``b``, the correction's share included."""
        return self._correction.shifted(self._rows.sums(self._raw, b, self._slope, self._t))

    def at_corner(self, start):
        """The best intercept where losses are linear but for corners, as a search among the rows'
        own places finds it; None where they are not."""
        is_other = self._slope is not None or not self._correction.is_zero
        if is_other or not self._rows.has_corners:
            return None
        return self._rows.best_constants(self._raw, start)

    def derivatives_along(self, b, drift):
        """Derivatives of the losses' sums by t where b moves with it; b is that at t = 0."""
        given = self._raw, b, self._slope, self._t, drift
        first, second = self._rows.derivatives_along(*given)
        moved = self._correction.shift * drift
        return first + (moved if self.is_separate else np.sum(moved)), second

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
    precision : float, default=1e-13
        Sum of the loss gradient, relative to the sum of its absolute values, to end with.

    Returns
    -------
    intercept : ndarray of shape (n_outputs,)
    sums : RowSums
        At the intercept.
    """
    find = _separate if look.is_separate else _coupled
    with np.errstate(over="ignore", invalid="ignore"):
        at_corner = look.at_corner(start)
        if at_corner is not None:
            return at_corner, look.sums(at_corner)
        return find(look, start, precision)


def _separate(look, start, precision):
    """One root of an increasing function per output: Newton inside a shrinking bracket."""
    b, moved = start.astype(float), None
    for _ in range(MAX_STEPS):
        sums = look.sums(b)
        total, curvature = sums.total, sums.curvature.diagonal
        if (np.abs(total) < precision * sums.size).all():
            break
        # A step below the rounding of the raw predictions would change nothing.
        no_step = 4 * EPS * (np.abs(b) + look.size)
        usable = np.isfinite(total + curvature)
        least = precision * sums.size + curvature * no_step + 1e-300
        done = usable & (np.abs(total) <= least)
        if done.all():
            break
        if moved is None:
            low, high = np.full_like(b, -np.inf), np.full_like(b, np.inf)
            moved, stretch = np.full_like(b, np.inf), 1.0 + np.abs(b) + look.size
        low = np.where(total < 0, b, low)
        high = np.where(total > 0, b, high)
        newton = b - np.divide(
            total, curvature, out=np.full_like(b, np.nan), where=usable & (curvature > 0)
        )
        # Newton's steps only while they get shorter: on the steep side of an exponential they are
        # too short, on the flat side too long.
        longest = np.minimum(np.where(np.isinf(high - low), 10 * stretch, np.inf), 0.5 * moved)
        good = (newton > low) & (newton < high) & (np.abs(newton - b) <= longest)
        if not (good | done).all():
            ahead = np.where(np.isinf(high), low + stretch, (low + high) / 2)
            bracket = np.where(np.isinf(low), high - stretch, ahead)
            stretch = np.where(good, stretch, 2 * stretch)
            newton = np.where(good, newton, bracket)
        new = np.where(done, b, newton)
        moved = np.abs(new - b)
        if (moved <= no_step).all():
            break
        b = new
    return b, sums


def _coupled(look, start, precision):
    """Joint Newton; the shift that all outputs share has mean 0.

    A full step has to halve the imbalance, which the next sums tell. Where it does not, and where
    outputs saturate, steps are damped until the objective descends.
    """
    b, tried = start - start.mean(), None
    # An intercept that is rounded to the type of the raw predictions leaves so much of a sum.
    precision = max(precision, ROUNDINGS * look.eps * (1.0 + np.abs(b).max()))
    reach = 10 * (1 + np.abs(b).max() + look.size.max())
    for _ in range(MAX_STEPS):
        sums = look.sums(b)
        is_finite = np.isfinite(sums.total).all() and np.isfinite(sums.curvature.diagonal).all()
        if tried is not None and not (is_finite and _imbalance(sums) <= 0.5 * _imbalance(tried[1])):
            b, sums = tried  # the full step misled
        elif not is_finite or np.abs(sums.total).max() <= precision * sums.size.max():
            break  # overflow is for a line search to see
        else:
            step = sums.curvature.solve(sums.total)
            step -= step.mean()
            if _is_newton(step, sums):
                b, tried = b - step, (b, sums)
                if np.abs(step).max() <= 4 * EPS * max(1.0, np.abs(b).max()):
                    break
                continue
        found = _damped(look, b, sums, reach)
        if found is None:
            break
        reach, tried = 10 * np.abs(found - b).max(), None
        b = found
    return b, sums


def _imbalance(sums):
    """Twice the predicted decrease by Newton steps of each output alone."""
    diagonal, square = sums.curvature.diagonal, sums.total**2
    return np.divide(square, diagonal, out=np.zeros_like(square), where=diagonal > 0).sum()


def _is_newton(step, sums):
    """Whether a step is short enough for a second-order model, and solves it: the curvature of
    saturated outputs is too small for that."""
    total = sums.total
    answers = np.abs(total - sums.curvature.product(step)).max() <= 0.5 * np.abs(total).max()
    return answers and np.abs(step).max() <= LONGEST


def _damped(look, b, sums, reach):
    """The intercept after the first of ever shorter damped Newton steps that descends.

    The damping lets an output without curvature go as far as ``reach``: where outputs saturate,
    Newton's own step would leap to where they saturate on the other side.
    """
    value, total = look.values(b).sum(), sums.total
    largest, least = np.abs(total).max(), LEAST_DAMPING * sums.curvature.diagonal.max()
    while reach > EPS * max(1.0, np.abs(b).max()):
        step = sums.curvature.solve(total, max(largest / reach, least))
        step -= step.mean()
        if look.values(b - step).sum() < value:
            return b - step
        reach = 0.1 * min(reach, np.abs(step).max())
    return None
