"""Losses with corners by an interior point method: some twenty of Newton's steps from any start."""

from collections import deque
from math import isfinite
from typing import NamedTuple

import numpy as np

from nno_sklearn.losses import Corner
from nno_sklearn.problem.cost import is_polished, n_near
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.rows import Slopes
from nno_sklearn.rows.cholesky import ScaledCholesky
from nno_sklearn.solvers.corner_places import (
    OutputPlace,
    first_draw,
    of_all_outputs,
    penalty_terms,
)
from nno_sklearn.solvers.crossing import Crossing, Sides
from nno_sklearn.types import Array

#: Share of the longest step that stays inside.
INSIDE = 0.99
#: Power of the share that a step without a level would leave, by which the level shrinks (Mehrotra,
#: 1992).
POWER = 3
#: Steps that end where they leave more than this share of the gap and of slopes; steps at most.
PATIENCE, GAINS, MOST_STEPS = 10, 0.9, 150
#: Slope by a coefficient without a penalty that is 0, in spreads of the column and mean slopes.
FREE = 1e-10
TINY, EPS = np.finfo(float).tiny, np.finfo(float).eps
#: Relative gap from which on the optimum itself is tried, and its share at which it is again.
NEAR, NEARER = 1e-2, 0.03
#: Factor on the rows near corners where those chosen before were too few.
MORE = 2.25


def place_inside(problem, coef, intercept, accuracy, max_iter, is_far, random_state):
    """A place near the optimum of a loss with corners, output by output.

    Of many rows some are drawn first. From their optimum on most rows stay on their side of a
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
        Newton's steps of an output at most.
    is_far : bool
        Whether no more is known than the constant model or some rows tell.
    random_state : int, RandomState instance or None
        Of the draw.

    Returns
    -------
    CornerPlace or None
        None where the loss or the penalty allows none.

    References
    ----------
    S. Mehrotra (1992): On the implementation of a primal-dual interior point method. SIAM Journal
    on Optimization 2, 575-601.

    S. Portnoy and R. Koenker (1997): The Gaussian hare and the Laplacian tortoise: computability of
    squared-error versus absolute-error estimators. Statistical Science 12, 279-300.
    """
    terms = penalty_terms(problem)
    if terms is None or not problem.rows.has_corners:
        return None
    draw = first_draw(problem, is_far, random_state)
    count = n_near(problem, draw and draw.n_rows)

    def find(k, start):
        given = problem, tuple(one[k] for one in terms)
        if draw:
            start = _newton(*given, draw.rows.interior(k), start, draw.rough, max_iter)
        return _found(*given, k, start, count, accuracy, max_iter)

    return of_all_outputs(problem, coef, intercept, find)


def _found(problem, terms, k, start, count, accuracy, max_iter):
    """An output's optimum, by means of the rows that are not near corners while all of them stay
    where they were. If they do not, as many as before are chosen again near what was found, where
    that gains more than it leaves; else more are, near the better one."""
    best, raw = start, None
    while count < problem.n_samples:
        raw = problem.rows.raw(best.coef) if raw is None else raw
        rows = problem.rows.interior_near(k, raw, best.intercept, count)
        if rows is None:
            break
        found = _newton(problem, terms, rows, best, accuracy, max_iter)
        if found.n_iter >= max_iter:
            return found
        ahead = problem.rows.raw(found.coef)
        whole = rows.whole_value(ahead, found.intercept)
        missed = whole - rows.value()
        if missed <= accuracy * whole:
            return found
        gain = rows.whole_value(raw, best.intercept) + _penalty(terms, best.coef)
        gain -= whole + _penalty(terms, found.coef)
        if gain > 0:
            best, raw = found, ahead
        else:
            best = best._replace(n_iter=found.n_iter)
        if gain < missed:
            count = int(MORE * count)
    nearest = NEAR if is_polished(problem) else 0.0
    return _newton(problem, terms, problem.rows.interior(k), best, accuracy, max_iter, nearest)


def _penalty(terms, coef):
    l1, l2 = terms
    size = np.abs(coef[:, 0])
    return float(l1 @ size + 0.5 * l2 @ size**2)


def _newton(problem, terms, rows, start, accuracy, max_iter, nearest=0.0):
    """Newton's steps on some rows, until objective and dual are as near as wanted. From a relative
    gap of ``nearest`` on, the optimum itself is tried."""
    rows.begin(start.coef, start.intercept)
    if _penalty(terms, start.coef) == 0 and rows.lose_nothing():  # no lower objective exists
        return start._replace(rows=rows)
    inside, past = _Iterate(problem, terms, rows, start), deque(maxlen=PATIENCE)
    last = min(max_iter, start.n_iter + MOST_STEPS)
    for n_iter in range(start.n_iter, last + 1):
        look = inside.look()
        if look.left <= nearest * look.size and n_iter > start.n_iter:
            if inside.cross():
                return OutputPlace(inside.coef, inside.intercept, rows, n_iter)
            nearest = NEARER * look.left / look.size
        enough = accuracy * look.size
        # Steps may take what is left below what is wanted, where slopes are rounding.
        now = np.maximum([look.left, np.abs(look.slope).max()], [enough, TINY])
        in_vain = len(past) == PATIENCE and (now > GAINS * past[0]).all()
        is_last = in_vain or n_iter == last or inside.is_near(look, enough)
        if is_last or not inside.step(look):
            break
        past.append(now)
    return OutputPlace(inside.settled(look, enough), inside.intercept, rows, n_iter)


class _Look(NamedTuple):
    """What is known of an iterate."""

    #: Of the Lagrangian, by coefficients and intercept, (n_features + 1,): 0 where the slopes are a
    #: dual point.
    slope: Array
    #: Objective less dual, at a dual point.
    left: float
    #: The objective, but no less than a unit of it.
    size: float


class _Iterate:
    """Coefficients of an output with slopes of the rows' corners and of the penalty's kinks, all
    inside of their intervals; steps predict what is left, and correct it. The rows have begun."""

    def __init__(self, problem, terms, rows, start):
        self._steep, self._l2 = terms
        self._rows, self._fit_intercept, self._scale = rows, problem.fit_intercept, problem.scale
        self._unit = LEAST_UNIT * problem.null_value / problem.n_outputs
        self.coef, self.intercept = start.coef.copy(), start.intercept.copy()
        self._kinked, self._kinks = np.flatnonzero(self._steep), None
        self._n_products = rows.n_products
        if len(self._kinked):
            # Their terms weigh 1 together, as the rows' do.
            self._weight = 1.0 / len(self._kinked)
            weight = np.full((len(self._kinked), 1), self._weight)
            steep = self._steep[self._kinked, None] / self._weight
            level = rows.left() / rows.n_products
            at = self.coef[self._kinked]
            self._kinks = Slopes(Corner(0.0, -steep, steep), at, weight, level)
            self._n_products += 2
        self._is_flat, self._crossing = self._l2 == 0, None
        self._is_free = self._is_flat & (self._steep == 0)
        self._has_squares = not self._is_flat.all()
        self._begin()

    def _begin(self):
        """Begin with the slopes of parabolas around all corners and kinks; and at their minimum, if
        nothing nearer is known. Where these slopes stay inside of their intervals, they are a dual
        point there."""
        if self.coef.any():
            self._rows.aim(None)
            self._rows.plan(np.zeros(len(self.coef) + 1))
            if self._kinks:
                self._kinks.aim(self.coef[self._kinked], None)
                self._kinks.plan(0.0)
        elif (factor := self._factor()) is not None:
            self._plan(factor, self.look().slope, None)
            self.coef += self._step[:-1, None]
            self.intercept += self._step[-1]
        else:
            return
        # Slopes that are cut are far from dual points where a coefficient is free; 0 is one.
        self._rows.begin_planned(at_zero=bool(self._is_free.any()))
        if self._kinks:
            self._kinks.begin(self.coef[self._kinked])

    def look(self):
        """The :class:`_Look` of where it is."""
        slope, left = self._rows.gradient(), self._rows.left()
        slope[:-1] += self._l2 * self.coef[:, 0]
        if self._kinks:
            slope[self._kinked] += self._weight * self._kinks.u[:, 0]
            left += self._kinks.left()
        if not self._fit_intercept:
            slope[-1] = 0.0
        value = self._rows.value() + self._penalty(self.coef)
        return _Look(slope, left, max(value, self._unit))

    def is_near(self, look, enough):
        """Whether objective and dual are as near as wanted."""
        if look.left > enough:
            return False
        steep, is_flat = np.abs(look.slope[:-1]), self._is_flat
        gap = look.left + 0.5 * np.sum(steep[~is_flat] ** 2 / self._l2[~is_flat])
        gap += steep[is_flat] @ np.abs(self.coef[is_flat, 0])
        gap += abs(look.slope[-1] * self.intercept[0])
        limit = FREE * self._scale[self._is_free] * self._rows.sums()[1]
        return gap <= enough and bool((steep[self._is_free] <= limit).all())

    def cross(self):
        """Go to the optimum itself, if the last step tells what it is; whether it does."""
        if not self._rows.are_kept:
            return False
        if self._crossing is None:
            given = self._steep, self._l2, self._scale, self._fit_intercept
            self._crossing = Crossing(*given, self._rows)
        coefs = np.ones(len(self.coef))
        if self._kinks:
            coefs[self._kinked] = self._kinks.side()[:, 0]
        sides, joint = Sides(self._rows.sides(), coefs), np.append(self.coef, self.intercept)
        found = self._crossing.crossed(sides, joint, self._rows.slopes())
        if found is None:
            return False
        self._rows.settle(*found)
        self.coef, self.intercept = found[0][:-1, None], found[0][-1:]
        return True

    def settled(self, look, enough):
        """The coefficients, 0 where the slope at the kink is farther from the ends of its interval
        than the coefficient is from 0, or where it is rounding of the intercept; as they are where
        that raises the objective by more than is ``enough``."""
        if not self._kinks:
            return self.coef
        coef = self.coef.copy()
        size = np.abs(coef[self._kinked]) * self._scale[self._kinked, None]
        least = np.maximum(self._kinks.share_left() * size.max(), EPS * np.abs(self.intercept))
        coef[self._kinked] *= size >= least
        value = self._rows.value_at(coef, self.intercept) + self._penalty(coef)
        return coef if value <= look.size + enough else self.coef

    def _penalty(self, coef):
        return _penalty((self._steep, self._l2), coef)

    def step(self, look):
        """Make a step; False where the Hessian is not finite, or what is left underflows."""
        factor, left = self._factor(), look.left
        if factor is None or not left > 0:
            return False
        lengths = self._plan(factor, look.slope, None).inside(1.0, self._has_squares)
        after = self._rows.left_after(lengths)
        after += self._kinks.left_after(lengths) if self._kinks else 0.0
        level = (after / left) ** POWER * left / self._n_products
        lengths = self._plan(factor, look.slope, level).inside(INSIDE, self._has_squares)
        self._rows.step(lengths)
        if self._kinks:
            self._kinks.step(lengths)
        self.coef += lengths.primal * self._step[:-1, None]
        self.intercept += lengths.primal * self._step[-1]
        return True

    def _factor(self):
        block = self._rows.block()
        if not isfinite(block.trace()):  # it is a sum of squares
            return None
        diagonal = np.zeros(len(block))
        diagonal[: len(self._l2)] = self._l2
        if self._kinks:
            diagonal[self._kinked] += self._weight * self._kinks.curvature[:, 0]
        return ScaledCholesky(block, diagonal)

    def _plan(self, factor, slope, level):
        """Plan a step to products of ``level``; how long it may be."""
        right = slope + self._rows.aim(level)
        if self._kinks:
            ahead = self._kinks.curvature * self._kinks.aim(self.coef[self._kinked], level)
            right[self._kinked] += self._weight * ahead[:, 0]
        if self._fit_intercept:
            self._step = -factor.solve(right)
        else:
            self._step = np.append(-factor.solve(right[:-1]), 0.0)
        lengths = self._rows.plan(self._step)
        if self._kinks:
            lengths = lengths.shorter(self._kinks.plan(self._step[self._kinked, None]))
        return lengths
