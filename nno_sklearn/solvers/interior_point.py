"""Losses with corners by an interior point method: some twenty of Newton's steps from any start."""

from typing import NamedTuple

import numpy as np

from nno_sklearn.losses import Corner
from nno_sklearn.penalties import PiecewiseQuadratic
from nno_sklearn.problem.cost import n_drawn, n_near
from nno_sklearn.rows import Raw, Slopes, SlopeSums
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.types import Array

#: Share of the longest step that stays inside.
INSIDE = 0.99
#: Steps in a row, of which so many end, that leave more than this share of the least left before.
GAINS, MOST_IN_VAIN = 0.9, 10
#: Share of the rows' own error, as many parameters of a draw as it has for each row, that is left.
DRAWN_SHARE = 0.1
#: By which more rows are near corners where those chosen before were too few.
MORE = 1.5


class Inside(NamedTuple):
    """Coefficients near the optimum, the intercept, and a dual point there."""

    coef: Array
    intercept: Array
    raw: Raw
    dual: Raw
    sums: SlopeSums
    #: Steps so far.
    n_iter: int


def places_inside(problem, coef, intercept, accuracy, max_iter, random_state):
    """Places that come nearer to the optimum, each about as near as wanted if the rows that were
    taken for linear are so.

    Of many rows some are drawn first; from their optimum on most rows stay on their side of a
    corner, and their means stand for them (preprocessing; Portnoy and Koenker, 1997).

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
        Newton's steps at most, of all places together.
    random_state : RandomState instance

    Yields
    ------
    Inside
    """
    terms = _terms(problem)
    if terms is None:
        return
    spent, drawn = 0, n_drawn(problem)
    if drawn is not None and not coef.any():
        few = problem.rows.draw(drawn, random_state).interior()
        rough = DRAWN_SHARE * problem.n_features / drawn
        coef, intercept, spent = _newton(problem, terms, few, coef, intercept, rough, max_iter)
    count = n_near(problem, drawn)
    while spent < max_iter:
        near = None
        if count < problem.n_samples:
            near = problem.rows.interior_near(problem.rows.raw(coef), intercept, count)
        rows = problem.rows.interior() if near is None else near
        if rows is None:
            return
        left = max_iter - spent
        coef, intercept, n_iter = _newton(problem, terms, rows, coef, intercept, accuracy, left)
        spent, raw = spent + n_iter, problem.rows.raw(coef)
        yield Inside(coef, intercept, raw, rows.dual(raw, intercept), rows.sums(), spent)
        if near is None:
            return
        count = int(MORE * count)


def _terms(problem):
    """The penalty's squares and kinks, of w's shape; None where it has others."""
    if problem.penalty.is_zero:
        return PiecewiseQuadratic(np.zeros(problem.shape), np.zeros(problem.shape))
    terms = problem.penalty.piecewise_quadratic(np.zeros(problem.shape))
    if terms is None or terms.has_bounds or not problem.penalty.is_convex:
        return None
    l1, l2 = (np.broadcast_to(problem.alpha * part, problem.shape) for part in (terms.l1, terms.l2))
    kinks = l1 > 0
    return PiecewiseQuadratic(l1, l2) if (kinks.any(axis=1) == kinks.all(axis=1)).all() else None


def _newton(problem, terms, rows, coef, intercept, accuracy, max_iter):
    """Newton's steps on some rows, until objective and dual are as near as wanted.

    Returns
    -------
    coef, intercept : ndarray
    n_iter : int
    """
    inside = _Iterate(problem, terms, rows, coef, intercept)
    best, in_vain = np.inf, 0
    for n_iter in range(max_iter + 1):
        left = inside.left()
        if left.sum() <= accuracy * inside.value():
            break
        gains = left.sum() <= GAINS * best
        best, in_vain = min(best, left.sum()), 0 if gains else in_vain + 1
        if n_iter == max_iter or in_vain == MOST_IN_VAIN or not inside.step(left):
            break
    return inside.settled(), inside.intercept, n_iter


class _Iterate:
    """Coefficients with slopes of the rows' corners and of the penalty's kinks, all inside of their
    intervals, and the predictor and corrector that move them (Mehrotra, 1992)."""

    def __init__(self, problem, terms, rows, coef, intercept):
        self._terms, self._rows, self._fit_intercept = terms, rows, problem.fit_intercept
        self._scale = problem.scale[:, None]
        self.coef, self.intercept = coef.copy(), intercept.astype(float)
        rows.begin(self.coef, self.intercept)
        self._kinked = np.flatnonzero((terms.l1 > 0).any(axis=1))
        self._kinks = []
        if len(self._kinked):
            # Their terms weigh 1 together, as the rows' do.
            self._weight = np.full((len(self._kinked), 1), 1.0 / len(self._kinked))
            steep = terms.l1[self._kinked] / self._weight
            at = self.coef[self._kinked]
            self._kinks = [Slopes(Corner(0.0, -steep, steep), at, self._weight)]
        self._has_squares = (terms.l2 > 0).any(axis=0)

    def value(self):
        """The objective on these rows."""
        return float(self._rows.value().sum()) + self._terms.value(self.coef)

    def left(self):
        """Objective less dual of each output, (n_outputs,)."""
        return self._rows.left() + sum(kinks.left() for kinks in self._kinks)

    def settled(self):
        """The coefficients, 0 where the slope at the kink is farther from an end of its interval
        than the coefficient is from 0."""
        coef = self.coef.copy()
        for kinks in self._kinks:
            size = np.abs(coef[self._kinked]) * self._scale[self._kinked]
            coef[self._kinked] *= size >= kinks.share_left() * size.max(axis=0)
        return coef

    def step(self, left):
        """Make a step; False where the Hessian's factor has no digits."""
        factors = self._factors()
        if factors is None:
            return False
        slope = self._rows.gradient()
        slope[:-1] += self._terms.l2 * self.coef
        for kinks in self._kinks:
            slope[self._kinked] += self._weight * kinks.u
        lengths = self._plan(factors, slope, None).inside(1.0, self._has_squares)
        after = self._rows.left_after(lengths)
        after = after + sum(kinks.left_after(lengths) for kinks in self._kinks)
        share = np.divide(after, left, out=np.zeros_like(left), where=left > 0)
        level = share**3 * left / self._rows.n_products(len(self._kinks))
        lengths = self._plan(factors, slope, level).inside(INSIDE, self._has_squares)
        self._rows.step(lengths)
        for kinks in self._kinks:
            kinks.step(lengths)
        self.coef += lengths.primal * self._step[:-1]
        self.intercept += lengths.primal * self._step[-1]
        return True

    def _factors(self):
        diagonals = self._terms.l2.copy()
        for kinks in self._kinks:
            diagonals[self._kinked] += self._weight * kinks.curvature
        factors = []
        for block, diagonal in zip(self._rows.blocks(), diagonals.T, strict=True):
            if not np.isfinite(block).all():
                return None
            factors.append(
                ScaledCholesky(block, np.r_[diagonal, np.zeros(len(block) - len(diagonal))])
            )
        return factors

    def _plan(self, factors, slope, level):
        """Plan a step to products of ``level``; how long it may be."""
        right = slope + self._rows.aim(level)
        at = self.coef[self._kinked]
        for kinks in self._kinks:
            right[self._kinked] += self._weight * kinks.curvature * kinks.aim(at, level)
        self._step = np.zeros_like(right)
        size = len(right) - (not self._fit_intercept)
        for k, factor in enumerate(factors):
            self._step[:size, k] = -factor.solve(right[:size, k])
        lengths = self._rows.plan(self._step)
        for kinks in self._kinks:
            lengths = lengths.shorter(kinks.plan(self._step[self._kinked]))
        return lengths
