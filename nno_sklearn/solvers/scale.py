"""Losses that estimate the scale of residuals: problems at scales that come nearer to the best."""

from typing import NamedTuple

import numpy as np

from nno_sklearn.problem import Point, Problem, best_scale, mean_squared_slope, root_mean_square
from nno_sklearn.problem.cost import takes_newton
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.result import Callback, SolverResult, Status
from nno_sklearn.solvers.returned import polished
from nno_sklearn.solvers.scale_newton import newton_with_scale
from nno_sklearn.solvers.succession import Check, Succession, accept
from nno_sklearn.types import RandomState

#: Scales as shares of the constant model's root mean square: the least, and the least to begin
#: with, as at tiny ones the loss has all but corners; and a scale where its residuals are all 0.
LEAST, FIRST, NONE = 1e-15, 1e-3, 10 * np.finfo(float).eps
#: Longest step of the scale's logarithm.
LONGEST = 3.0
#: Derivatives of a step by the scale's logarithm: between exact for given residuals, and little.
STEEPEST, FLATTEST = -2.0, -0.05
#: Accuracy of a problem at a scale, as a share of the squared last gap, and the finest one; and the
#: step below which scales are so far above the best ones that it is a share of the gap itself.
FINER, FINEST, FAR = 0.05, 1e-15, -1.0
#: What coefficients that move with the scale gain at least, as a share of what the scale does.
MORE = 1.5
#: Share of what is wanted that scales may leave as they end above the best ones: half of their sum.
ENOUGH = 0.5
#: Scales in a row that may be in vain where their problems cannot be solved for rounding.
MOST_IN_VAIN = 3
#: Least change of the scale's logarithm.
STILL = 4 * np.finfo(float).eps


def solve_with_scale(
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
    """Minimise an objective jointly in the coefficients and the scale of the residuals.

    At each scale any solver finds the coefficients, from those at the scale before. The scale
    then follows the residuals by a secant method. Where a Hessian is cheap, Newton's steps in both
    together come first. The slopes u of the loss are a dual point of the
    joint problem where their squares have mean 1 at most, to which they are shrunk: it certifies
    coefficients and scale together.

    Parameters
    ----------
    problem : Problem
        With a loss that has ``at_scale``.
    solver : Solver
    start : Point
    max_iter : int
        Iterations at most, of all scales together.
    tol, callback, random_state
        As of a solver.
    check : callable, default=None
        Called with the solver, the problem at a scale, the solver's result and its tolerance.

    Returns
    -------
    SolverResult
        Its history has one record per scale, or step of coefficients and scale together; its loss
        is that at the last one.
    """
    run = _Scales(problem.exact(), start, max_iter, tol, callback)
    return run.solve(solver, random_state, check)


class _Found(NamedTuple):
    """Where Newton's steps lead, as a succession takes it in."""

    point: Point
    n_iter: int
    optimality: float = np.inf  # they have no certificate
    status: Status | None = None


class _Scales(Succession):
    """Problems at known scales."""

    precise = 1e-14

    def __init__(self, problem, start, max_iter, tol, callback):
        null, self._seen = problem.null, None
        size = root_mean_square(problem, null.raw, null.intercept)
        scale = best_scale(problem, null.raw, null.intercept)
        self._floor = np.where(size > 0, LEAST * size, NONE)
        self._scale = np.maximum(scale, self._floor)
        losses = problem.at_scale(self._scale).rows.values(null.raw, null.intercept).sum()
        unit = float(losses) + problem.alpha * problem.penalty.value(null.coef)
        super().__init__(problem, start, max_iter, tol, callback, unit)
        self._value, self._before = self._value_at(self.coef, self.raw), None
        if start.coef.any():
            scale = self._scale = self._own
        self._first = FIRST * size
        self._scale = np.maximum(self._scale, self._first)
        #: Derivatives of the steps by the scale's logarithm, those of the last secant.
        self._risen = np.full_like(self._scale, FLATTEST)
        #: The last step.
        self._step = np.zeros_like(self._scale)
        if not (scale > 0).any():  # the constant model is perfect
            self._bound, self.status = 0.0, Status.CONVERGED

    def _approach(self, solver, random_state):
        is_cheap = self._problem.is_smooth and takes_newton(self._problem)
        if self.status is None and is_cheap and solver.is_second_order:
            self._begin_jointly()

    def _move_to(self, found):
        super()._move_to(found)
        self._scale = np.maximum(self._own, self._first)

    def _begin_jointly(self):
        """Begin near the optimum, by Newton's steps in coefficients and scale together."""
        given = self._problem, self.coef, self.intercept, self._scale
        found = newton_with_scale(*given, self._goes_by)
        if found is not None:
            coef, intercept, scale = found
            self._scale = np.maximum(scale, self._floor)
            point = self._next_problem().at(coef, intercept)
            self._advance(_Found(point, 1))

    def _goes_by(self, value, coef, intercept, scale):
        """Record where a step has led; whether the run may go on from there. If not, the record
        is yet to come, with a certificate."""
        if self._n_iter + 1 >= self._max_iter:
            return False
        moved = np.abs(coef - self.coef).max()
        self.coef, self.intercept, self._scale, self._value = coef, intercept, scale, value
        self._record(np.inf, np.inf, moved)
        if self.status is not None:
            self.history.pop()
            return False
        self._n_iter += 1
        return True

    def _next_problem(self):
        return self._problem.at_scale(self._scale)

    def _refined(self, problem, solver, found, **options):
        return polished(problem, solver, found, **options)

    @property
    def _measure(self):
        return self._problem.at_scale(self._own)

    @property
    def _estimated(self):
        return self._measure.loss

    def _accuracy(self, goal, last):
        wanted = min(max(goal, last), 1.0)  # beyond it any point would do, however far it is off
        if (self._step < FAR).all():  # the slopes are a dual point as they are
            return max(FINEST, FINER * wanted)
        # Slopes that must be shrunk, and with them the gap, are off by the root of a problem's gap.
        return max(FINEST, FINER * wanted**2)

    def _below(self, point):
        """Without a dual point, another scale may gain: with coefficients that follow it, half of
        the squared slope over the curvature, and more than is known with these coefficients, by at
        least ``MORE`` as a secant from afar may take the curvature for too large."""
        if np.isfinite(self._bound):
            return point.value
        squares = _mean_squared_slope(point)
        rows = self._problem.at_scale(self._best(point.raw, point.intercept)).rows
        here = point.problem.rows.values(point.raw, point.intercept)
        known = here - rows.values(point.raw, point.intercept)
        slope = 0.5 * self._scale * (1.0 - squares)
        expected = -0.5 * slope**2 / (self._scale * self._risen)
        return point.value - np.maximum(MORE * known, expected).sum()

    def _value_at(self, coef, raw):
        """The objective at the scale that is best for these coefficients."""
        self._own = self._best(raw, self.intercept)
        return super()._value_at(coef, raw)

    def _best(self, raw, intercept):
        """The scale that is best for raw predictions, which may be the last ones asked about."""
        if self._seen is None or self._seen[0] is not raw:
            found = best_scale(self._problem, raw, intercept)
            self._seen = raw, np.maximum(found, self._floor)
        return self._seen[1]

    def _look(self, point):
        squares = _mean_squared_slope(point)
        with np.errstate(divide="ignore"):  # no residual is left
            # Exact where no residual is beyond epsilon, else too short.
            self._step = np.clip(0.5 * np.log(squares), -LONGEST, LONGEST)
        dual = point.problem.rows.dual(self.raw, self.intercept)
        share = 1.0 / np.sqrt(np.maximum(squares, 1.0))
        self._bound_by(self._problem, point.sums, dual, share)
        return self._value_at(self.coef, self.raw)

    def _has_next(self, found, optimality):
        self._gains(optimality)
        if self._in_vain > MOST_IN_VAIN and found.status is Status.STALLED:
            return False
        place = np.log(self._scale)
        move = self._step
        if self._before is not None:
            moved = place - self._before[0]
            risen = np.divide(
                self._step - self._before[1], moved, out=np.full_like(moved, -1.0), where=moved != 0
            )
            self._risen = np.clip(risen, STEEPEST, FLATTEST)
            move = np.maximum(-self._step / self._risen, -LONGEST)
        self._before = place, self._step
        least = ENOUGH * self._goal * self._least / len(place)
        self._scale = np.maximum(np.exp(place + move), np.maximum(self._floor, least))
        return bool((np.abs(np.log(self._scale) - place) > STILL).any())


def _mean_squared_slope(point):
    problem = point.problem
    return mean_squared_slope(problem.rows, problem.loss, point.raw, point.intercept)
