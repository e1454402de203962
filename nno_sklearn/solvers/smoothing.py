"""Nonsmooth losses: smooth problems that come nearer, and the certificate of the loss itself."""

import numpy as np

from nno_sklearn.problem import Point, Problem
from nno_sklearn.problem.cost import begins_inside, takes_interior, takes_newton
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.interior_point import place_inside
from nno_sklearn.solvers.multipliers import place_by_multipliers
from nno_sklearn.solvers.result import GIVEN, Callback, SolverResult, Status
from nno_sklearn.solvers.returned import polished
from nno_sklearn.solvers.succession import Check, Succession, accept
from nno_sklearn.types import RandomState

#: First width, in constant models' losses over squared slopes: from the constant model, and from a
#: solved neighbour.
#: The first lets most rows lie on a parabola: Newton's steps are lost among rows without curvature.
FIRST_WIDTH, NEAR_WIDTH = 8.0, 1e-2
#: Width of the loss on cells of rows, whose optimum is a start, in the same units; and of the first
#: one of all rows from there, as a smaller one leaves too few rows curved.
START_WIDTH = 0.3
#: Shares by which the next width is smaller, at least and at most.
LEAST_SHRINKAGE, MOST_SHRINKAGE = 0.5, 0.2
#: Share of ``tol`` that the next width aims at, the gap being as its square.
AIM = 0.2
#: Shares of what is wanted that the method of multipliers and an interior point method aim at.
NEARBY, INSIDE = 0.5, 0.1
#: Share of it for multipliers on small problems: next to rounding, all rows being on a corner or
#: away from it, where each step of Newton's is exact.
EXACTLY = 1e-2
#: Newton's steps that may take; many more are of columns of many scales, which others solve.
MOST_EXACT = 200
#: Accuracy of a smooth problem, as a share of what is wanted and of the last one, and at least.
FINER, ROUGH = 0.05, 1e-3
#: What a width grows by where its problem could not be solved, or rounding hides what is left, and
#: widths in a row that may be in vain.
GROWTH, MOST_IN_VAIN = 4.0, 3
#: Widths in roundings of raw predictions, below which a smooth loss is no nearer.
ROUNDINGS = 256
#: Relative gap at which rows have settled on a side of a corner, or on it. A dual point then comes
#: nearer by larger widths as well, of which slopes round less.
NEAR = 1e-8
EPS = np.finfo(float).eps


def solve_nonsmooth(
    problem: Problem,
    solver: Solver,
    start: Point,
    *,
    max_iter: int,
    tol: float,
    callback: Callback | None = None,
    random_state: RandomState = None,
    check: Check = accept,
) -> SolverResult:
    """Minimise an objective whose loss is not differentiable.

    A smooth loss below it, whose corners are rounded off on a width, is solved by any solver, from
    the solution for the width before; the width shrinks as the gap asks for (a continuation;
    Nesterov, 2005). Its gradients are a dual point of the loss itself, which certifies each
    solution, and around which the next smooth loss is made (the method of multipliers; Rockafellar,
    1976): so widths need not become small for coefficients to become exact.

    Parameters
    ----------
    problem : Problem
    solver : Solver
    start : Point
    max_iter : int
        Iterations at most, of all smooth problems together.
    tol, callback, random_state
        As of a solver.
    check : callable, default=None
        Called with the solver, a smooth problem, the solver's result and its tolerance.

    Returns
    -------
    SolverResult
        Its history has one record per width, each of the loss itself.
    """
    # Small widths magnify the rounding of products in float32.
    run = _Continuation(problem.exact(), start, max_iter, tol, callback)
    return run.solve(solver, random_state, check)


class _Continuation(Succession):
    """Smooth problems of widths that shrink."""

    precise = 1e-12

    def __init__(self, problem, start, max_iter, tol, callback):
        super().__init__(problem, start, max_iter, tol, callback, problem.null_value)
        self._value = float(start.value)
        #: Around which the next smooth loss is made; None where no dual point is known.
        self._dual = None
        first = NEAR_WIDTH if start.coef.any() else FIRST_WIDTH
        self._width = self._width_of(first * self._unit)
        self._least_width = 0.0
        if self._unit <= 0:  # the constant model is perfect
            self._bound, self.status = 0.0, Status.CONVERGED

    def _width_of(self, loss):
        """The width that is as long as residuals of that loss, per slope."""
        return loss / self._problem.loss.steepest**2

    def _approach(self, solver, random_state):
        if self.status is None and solver.is_second_order:
            self._begin_near(random_state)

    def _like_problem(self):
        return self._problem.smoothed(self._width_of(START_WIDTH * self._unit))

    def _move_to(self, found):
        super()._move_to(found)
        self._width = self._width_of(START_WIDTH * self._unit)

    def _begin_near(self, random_state):
        """Begin near the optimum, and with a dual point there: by an interior point method, or by
        multipliers where the penalty is squares; a small problem by the first that ends."""
        problem, is_small = self._problem, self._goal < self._tol
        takes_inside = takes_newton(problem) if is_small else takes_interior(problem)
        ways = [(place_by_multipliers, NEARBY)]
        if takes_inside:
            ways.insert(0 if begins_inside(problem) else 1, (place_inside, INSIDE))
        most = min(self._max_iter, MOST_EXACT) if is_small else self._max_iter
        for find, share in ways:
            # Small problems go on beyond tol, to where both methods end exactly.
            accuracy = (EXACTLY if is_small else share) * self._goal
            given = problem, self.coef, self.intercept, accuracy, most
            place = find(*given, self.history[0].start != GIVEN, random_state)
            if place is not None and (self._begin_at(place, is_small) or not is_small):
                return

    def _begin_at(self, place, is_small):
        """Go to a place, if that is lower than the start; whether the run has ended there."""
        given = self.coef, self.intercept, self.raw, self._value
        self.coef, self.intercept, self.raw = place.coef, place.intercept, place.raw
        self._bound_by(self._problem, place.sums, place.dual)
        self._value = self._value_at(place.coef, place.raw)
        optimality = self._optimality()
        falls = self._value <= given[-1]
        if not falls or (is_small and optimality > self._tol):  # columns of many scales, say
            self.coef, self.intercept, self.raw, self._value = given
            return False
        self._n_iter, self._since = place.n_iter, len(self.history) + 1
        self._record(optimality, self._gap, np.abs(self.coef - given[0]).max())
        if optimality <= ROUGH:
            self._dual, self._width = place.dual, self._width_of(NEAR_WIDTH * self._least)
        is_rounding = self._gap <= ROUNDINGS * EPS * self._unit and optimality <= self._tol
        if optimality <= self._goal or is_rounding:
            self.status = Status.CONVERGED
        elif self._n_iter >= self._max_iter:
            self.status = self.status or Status.MAX_ITER
        return self.status is not None

    def _next_problem(self):
        return self._problem.smoothed(self._width, self._dual)

    def _refined(self, problem, solver, found, **options):
        return polished(problem, solver, found, **options) if problem.is_smooth else found

    @property
    def _measure(self):
        return self._problem

    def _accuracy(self, goal, last):
        rough = ROUGH * min(1.0, self._width / self._width_of(self._unit))
        # Near a corner a smooth loss falls by squares: where nothing is gained, it was too rough.
        return max(FINER * goal, min(rough, FINER * last)) * FINER**self._in_vain

    def _below(self, point):
        """Around a dual point v, Moreau's envelope is lower by ``width * v^2 / 2``."""
        if self._dual is None:
            return point.value
        return point.value - 0.5 * self._width * self._problem.rows.square(self._dual)

    def _look(self, point):
        if "conjugate" in self._problem.loss.provides:
            self._dual = point.problem.rows.dual(self.raw, self.intercept)
            self._bound_by(self._problem, point.sums, self._dual)
        return self._value_at(self.coef, self.raw)

    def _has_next(self, found, optimality):
        gains = self._gains(optimality)
        is_near = np.isfinite(self._bound) and optimality <= NEAR
        if self._in_vain > (1 if is_near and optimality <= self._tol else MOST_IN_VAIN):
            return False
        size = self._problem.rows.targets.size.max() + np.abs(self.intercept).max()
        size += (self._problem.scale @ np.abs(self.coef)).max()
        rounding = ROUNDINGS * EPS * size / self._problem.loss.steepest
        # Slopes are roundings of raw predictions in units of the width: where these are what is
        # left, it was too small.
        is_rounding = found.optimality * self._width <= rounding
        is_stalled = found.status is Status.STALLED and self._dual is not None
        if is_stalled and is_rounding:
            self._least_width = GROWTH * self._width
        aim = np.clip(np.sqrt(AIM * self._goal / optimality), MOST_SHRINKAGE, LEAST_SHRINKAGE)
        # Where steps stall, few rows were curved: a smaller width has fewer still, and around the
        # dual point of this one a larger one is as near.
        self._width *= GROWTH if is_stalled or (is_near and gains) else aim
        self._width = max(self._width, self._least_width)
        return self._width > rounding
