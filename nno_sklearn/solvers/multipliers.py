"""Losses with corners and squares of all coefficients by the method of multipliers.

Each smooth problem is solved by Newton's steps in which only rows on a rounded corner count, and
the others leave it once they are far from all corners.
"""

import numpy as np

from nno_sklearn.problem.cost import curved_by
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.corner_places import (
    OutputPlace,
    first_draw,
    of_all_outputs,
    penalty_terms,
)

#: First width, in distances from corners: from the constant model, and from near the optimum.
FIRST_WIDTH, NEAR_WIDTH = 4.0, 0.5
#: What a width shrinks by from one step of multipliers to the next.
SHRINKAGE = 0.2
#: Rows that stay: up to how far from a rounded corner, in its lengths, and what that grows by where
#: others have come to one.
BAND, WIDER = 3.0, 8.0
#: Smooth problems end at this share of what their slopes leave, or of the wanted gap.
ROUGH, FINE = 0.5, 0.3
#: Newton's steps of one width, widths, and widths in a row that may be in vain, at most.
MOST_STEPS, MOST_WIDTHS, PATIENCE = 40, 60, 4
#: Curvature by an intercept, in shares of the rows', by which its slope may gain at most.
DAMPING = 1e-4
#: Conjugate gradients: products that the first may take, those of any at most, and the share of the
#: residual that is left; and as how many times as many those count that did not get there.
FIRST_PRODUCTS, MOST_PRODUCTS, PRECISION, UNENDED = 60, 100, 0.05, 3
#: Share of the first slope that is left where a search along a step ends; looks at most;
#: what lengths grow or shrink by until there is a bracket.
CONTENT, MOST_LOOKS, FACTOR = 0.1, 30, 8.0
#: Rise of the objective, relative to it, that is none.
ROUNDING = 1e-13
#: Wanted gap from which on coefficients are wanted as exactly, and exact steps for them.
EXACT, POLISHES = 1e-11, 3
#: Share of what is left after one width and the next, below which the width stays.
FAST = 1e-2
EPS = np.finfo(float).eps
TINY = np.finfo(float).tiny


def place_by_multipliers(problem, coef, intercept, accuracy, max_iter, is_far, random_state):
    """A place near the optimum of a loss with corners, output by output.

    Of many rows some are drawn first, and from their optimum on widths are small.

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)
        Where to begin.
    intercept : ndarray of shape (n_outputs,)
        Of the centred columns, likewise.
    accuracy : float
        Relative duality gap.
    max_iter : int
        Newton's steps of an output at most.
    is_far : bool
        Whether no more is known than the constant model or some rows tell.
    random_state : int, RandomState instance or None
        Of the draw.

    Returns
    -------
    CornerPlace or None
        None where the penalty is not squares of all coefficients, or the loss has no corners.

    References
    ----------
    R. T. Rockafellar (1976): Augmented Lagrangians and applications of the proximal point algorithm
    in convex programming. Mathematics of Operations Research 1, 97-116.

    X. Li, D. Sun and K.-C. Toh (2018): A highly efficient semismooth Newton augmented Lagrangian
    method for solving lasso problems. SIAM Journal on Optimization 28, 433-458.
    """
    squares, rows = _squares(problem), problem.rows
    if squares is None or not rows.has_corners:
        return None
    draw = first_draw(problem, is_far, random_state)

    def find(k, start):
        given, width = (problem, squares[k]), FIRST_WIDTH
        if draw:
            few = draw.rows.envelopes(k)
            start = _Search(*given, few, start, width).solved(draw.rough, max_iter)
        width = NEAR_WIDTH if start.coef.any() else width
        return _Search(*given, rows.envelopes(k), start, width).solved(accuracy, max_iter)

    return of_all_outputs(problem, coef, intercept, find)


def _squares(problem):
    """Factors of each output's squares, (n_outputs, n_features); None where the penalty is more
    than squares, or less."""
    l1, l2 = penalty_terms(problem) or (0.0, 0.0)
    return l2 if not np.any(l1) and np.all(np.greater(l2, 0)) else None


class _Search:
    """The search for an output's optimum on some rows."""

    def __init__(self, problem, l2, rows, start, width):
        self._problem, self._l2, self._rows = problem, l2, rows
        self._coef, self._intercept = start.coef[:, 0], start.intercept[0]
        self._n_iter, self._n_products = start.n_iter, FIRST_PRODUCTS
        self._unit = LEAST_UNIT * problem.null_value / problem.n_outputs
        self._rounding = 4 * EPS * problem.null_value / problem.n_outputs
        rows.begin(start.coef, start.intercept)
        self._width, self._band = max(width * rows.spread(), TINY), BAND
        rows.look(self._width)

    def solved(self, accuracy, max_iter):
        """Widths that shrink, until objective and dual are as near as wanted."""
        last, in_vain, before = np.inf, 0, np.inf
        for _ in range(MOST_WIDTHS):
            wanted = self._wanted(accuracy)
            is_settled = self._moved(FINE * wanted, max_iter)
            left, squares, gap = self._gap()
            wanted = self._wanted(accuracy)
            in_vain = 0 if gap < ROUGH * last else in_vain + 1
            last = gap
            if gap <= wanted or in_vain > PATIENCE or self._n_iter >= max_iter:
                break
            if is_settled and squares <= max(left, wanted):
                self._rows.settle()
                # Where little is left anyway, smaller widths would only magnify rounding.
                if accuracy > EXACT or left > FAST * before:
                    self._width *= SHRINKAGE
                before = left
                self._rows.look(self._width)
            elif self._is_part:
                self._band *= WIDER
        if accuracy <= EXACT:
            self._polish(gap)
        intercept = np.full(1, self._intercept)
        return OutputPlace(self._coef[:, None], intercept, self._rows, self._n_iter)

    def _gap(self):
        """What losses leave, what slopes may gain, and both with what the intercept leaves."""
        slope, left = self._slope(self._rows), self._rows.left()
        squares = self._may_gain(slope, np.inf)
        return left, squares, left + squares + abs(slope[-1] * self._intercept)

    def _polish(self, gap):
        """Steps of multipliers, as long as they leave the gap as it was: that is as the square of
        what coefficients are off, and sees them no more."""
        for _ in range(POLISHES):
            before = self._coef, self._intercept, self._rows.around
            if not (self._takes_exact_step() and self._gap()[-1] <= max(gap, self._rounding)):
                self._rows.around = before[-1]
                self._look_at(*before[:-1])
                return

    def _takes_exact_step(self):
        """Round off around the slopes, by one exact step of Newton's; whether the same rows are
        curved there."""
        self._rows.settle()
        self._rows.look(self._width)
        slope, curved = self._slope(self._rows), self._rows.curved()
        if not len(curved):
            return False
        own = self._of_intercept(curved)
        step = self._newton_step(curved, slope, np.append(self._l2, own))
        self._look_at(self._coef + step[:-1], self._intercept + step[-1])
        return self._rows.curved().are(curved)

    def _moved(self, enough, max_iter):
        """Descend on the rows near corners; whether others, of which some may have come to a
        corner, leave the objective lower. Else nothing moves."""
        part, before = self._rows.near(self._band), (self._coef, self._intercept)
        self._is_part = part is not self._rows
        value = self._smooth_value()
        self._descend(part, enough, max_iter)
        # Of the rows themselves too, as raw predictions are sums of steps, which may be large.
        self._look_at(self._coef, self._intercept)
        falls = self._smooth_value() <= value + ROUNDING * abs(value)
        if self._is_part and not falls:
            self._look_at(*before)
        return falls or not self._is_part

    def _look_at(self, coef, intercept):
        self._coef, self._intercept = coef, intercept
        self._rows.move_to(coef[:, None], intercept)
        self._rows.look(self._width)

    def _smooth_value(self):
        return self._rows.smooth_value() + 0.5 * float(self._l2 @ self._coef**2)

    def _wanted(self, accuracy):
        """The gap that is wanted, but no less than rounding of the rows' losses."""
        return max(accuracy * self._size(), self._rounding)

    def _size(self):
        """The objective, but no less than a unit of it."""
        return max(self._rows.value() + 0.5 * float(self._l2 @ self._coef**2), self._unit)

    def _slope(self, rows):
        """Of the smooth objective, by coefficients and intercept, (n_features + 1,)."""
        slope = rows.gradient()
        slope[:-1] += self._l2 * self._coef
        if not self._problem.fit_intercept:
            slope[-1] = 0.0
        return slope

    def _may_gain(self, slope, rho):
        """What a slope may gain at most, given a curvature by the intercept."""
        return 0.5 * float(slope[:-1] @ (slope[:-1] / self._l2) + slope[-1] ** 2 / rho)

    def _descend(self, rows, enough, max_iter):
        """Newton's steps on near rows, up to what slopes leave anyway, or is ``enough``."""
        for count in range(MOST_STEPS):
            rows.look(self._width)
            slope, curved = self._slope(rows), rows.curved()
            own = self._of_intercept(curved)
            may_gain = self._may_gain(slope, own or DAMPING * curved.total)
            is_done = may_gain <= (max(enough, ROUGH * rows.left()) if count else enough)
            if is_done or self._n_iter >= max_iter:
                return
            step = self._newton_step(curved, slope, np.append(self._l2, own))
            rows.plan(step)
            length = self._length(rows, step, float(slope @ step))
            if not length > 0:
                return
            rows.step(length)
            self._coef = self._coef + length * step[:-1]
            self._intercept += length * step[-1]
            self._n_iter += 1
            if abs(slope @ step) <= EPS * self._unit:
                return

    def _of_intercept(self, curved):
        """Curvature by the intercept that is no row's: some where no row is curved."""
        if not self._problem.fit_intercept:
            return np.inf
        return 0.0 if len(curved) else 1.0 / self._width

    def _newton_step(self, curved, slope, diagonal):
        """Of coefficients and intercept, (n_features + 1,): ``diagonal`` is what the penalty adds
        to the Hessian of the curved rows."""
        if not len(curved):
            return -slope / diagonal
        way = curved_by(self._problem, len(curved), self._n_products)
        if way == "columns":
            block = curved.block()
            factor, step = ScaledCholesky(block, diagonal[: len(block)]), np.zeros_like(slope)
            step[: len(block)] = -factor.solve(slope[: len(block)])
            return step
        if way == "rows":
            return -curved.solve(diagonal, slope)
        step, self._n_products = _by_products(curved, slope, diagonal)
        return step

    def _length(self, rows, step, slope):
        """About the best length of a planned step: Newton's method on the slope along it, which is
        linear but for corners, inside of a bracket. Where rows come to their corners soon, a slope
        may be small beside the first one, and the objective high."""
        pull, curvature = self._l2 * step[:-1], float(self._l2 @ step[:-1] ** 2)
        here, low, high, t = float(pull @ self._coef), 0.0, np.inf, 1.0
        for _ in range(MOST_LOOKS):
            first, second = rows.derivatives(t)
            first, second = first + here + t * curvature, second + curvature
            is_small = abs(first) <= CONTENT * abs(slope)
            if is_small and (first <= 0 or rows.rise(t) + t * (here + 0.5 * t * curvature) <= 0):
                return t
            low, high = (t, high) if first < 0 else (low, t)
            ahead = t - first / max(second, TINY)
            t = ahead if low < ahead < high else _between(low, high)
        return low


def _between(low, high):
    """A length inside of a bracket, whose lower end may be 0 and whose upper one may be open."""
    if np.isinf(high):
        return FACTOR * low
    return 0.5 * (low + high) if low > 0 else high / FACTOR


def _by_products(curved, slope, diagonal):
    """About Newton's step, by conjugate gradients; and the products that it takes."""
    inverse = 1.0 / (diagonal + curved.diagonal())
    diagonal = np.where(np.isfinite(diagonal), diagonal, 0.0)
    step, residual = np.zeros_like(slope), -slope
    ahead = inverse * residual
    energy = float(residual @ ahead)
    enough = PRECISION**2 * energy
    for count in range(MOST_PRODUCTS):
        product = diagonal * ahead + curved.product(ahead)
        length = energy / float(ahead @ product)
        step += length * ahead
        residual -= length * product
        steepest = inverse * residual
        before, energy = energy, float(residual @ steepest)
        if not energy > enough:
            return step, count + 1
        ahead = steepest + energy / before * ahead
    return step, UNENDED * MOST_PRODUCTS
