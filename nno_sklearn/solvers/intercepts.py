"""Ordered classes: problems at known intercepts that come nearer to the best."""

import numpy as np

from nno_sklearn.problem import (
    Point,
    Problem,
    best_intercepts,
    intercept_sums,
    ordered_gap,
    ordered_step,
    reduced_hessian,
)
from nno_sklearn.problem.cost import LOOK_BUDGET, newton_cost
from nno_sklearn.rows.cholesky import ScaledCholesky, invert
from nno_sklearn.solvers.base import Solver
from nno_sklearn.solvers.result import Callback, SolverResult, Status
from nno_sklearn.solvers.returned import polished
from nno_sklearn.solvers.succession import Check, Succession, accept
from nno_sklearn.types import RandomState

#: Accuracy of a problem at known intercepts, as a share of the squared last gap; the finest one and
#: the roughest, as gaps say little far from the optimum.
FINER, FINEST, ROUGH = 0.05, 1e-15, 1e-5
#: Optimality from which on a small problem's solution is worth polishing.
NEAR = 1e-6
#: Longest step, in lengths of one that raised the objective, and what it grows by after each other.
SHORTER, LONGER = 0.25, 2.0
#: Least change of an intercept.
STILL = 4 * np.finfo(float).eps


def solve_ordered(
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
    """Minimise an objective of ordered classes in the coefficients and all intercepts.

    With intercepts that are known up to a shift, any solver finds the coefficients, from those
    before. What is left is a smooth convex function of the intercepts, whose gradient is known
    there. Newton's steps minimise it where a Hessian by coefficients costs little, and BFGS
    elsewhere; first of all for BFGS, and after a step that raised it, its curvature is that at
    fixed coefficients, which is never too small. Where all intercepts suit the coefficients, slopes
    are a dual point of both.

    Parameters
    ----------
    problem : Problem
        With a loss that has ``at_intercepts``.
    solver : Solver
    start : Point
    max_iter : int
        Iterations at most, of all problems together.
    tol, callback, random_state
        As of a solver.
    check : callable, default=None
        Called with the solver, each problem, the solver's result and its tolerance.

    Returns
    -------
    SolverResult
        Its intercept is (n_classes - 1,); its history has one record per problem.
    """
    run = _Intercepts(problem.exact(), start, max_iter, tol, callback)
    return run.solve(solver, random_state, check)


class _Intercepts(Succession):
    """Problems at known intercepts."""

    precise = 1e-14

    def __init__(self, problem, start, max_iter, tol, callback):
        super().__init__(problem, start, max_iter, tol, callback, problem.null_value)
        known = problem.loss.intercepts + start.intercept
        self.intercept = self._known = best_intercepts(problem, self.raw, known)
        self._value = self._value_at(self.coef, self.raw)
        #: Those of the last problem, and the gradient there; None before the first.
        self._before = None
        self._takes_newton = newton_cost(problem) <= LOOK_BUDGET
        #: Length of the last step, and of the next at most.
        self._taken, self._most = 0.0, np.inf

    def _next_problem(self):
        return self._problem.at_intercepts(self._known)

    def _move_to(self, found):
        # The best intercepts are found once coefficients are those of all rows: far ones have none.
        self.intercept = self._known = self._known + found.intercept
        self.coef, self.raw = found.coef, found.raw
        self._value = self._value_at(self.coef, self.raw)

    @property
    def _shift(self):
        return np.zeros(1)

    def _refined(self, problem, solver, found, **options):
        is_last = self.history[-1].optimality <= NEAR
        return polished(problem, solver, found, **options) if is_last else found

    @property
    def _measure(self):
        return self._problem.at_intercepts(self.intercept)

    def _accuracy(self, goal, last):
        # The intercepts' gradient is off by the root of a problem's own gap.
        return max(FINEST, min(ROUGH, FINER * max(goal, last) ** 2))

    def _value_at(self, coef, raw):
        losses = self._measure.rows.values(raw, self._shift).sum()
        return float(losses + self._problem.alpha * self._problem.penalty.value(coef))

    def _advance(self, found):
        self._decrement = found.optimality
        super()._advance(found)

    def _look(self, point):
        self._known = self._known + point.intercept
        self.intercept = best_intercepts(self._problem, self.raw, self._known)
        value = self._value_at(self.coef, self.raw)
        self._learn(point, value > self._value)
        gap = ordered_gap(self._problem, self.coef, self.raw, self.intercept)
        self._bound = max(self._bound, value - gap)
        return value

    def _learn(self, point, has_risen):
        """The inverse of the curvature, and the step that it leads to: Newton's, or by BFGS; after
        a step that raised the objective by the curvature at fixed coefficients."""
        sums = intercept_sums(self._problem, self.raw, self._known)
        slope = sums.gradient
        self._most = SHORTER * self._taken if has_risen else LONGER * self._most
        if self._takes_newton and not has_risen:
            reduced = reduced_hessian(point, self._known, sums.hessian)
            self._inverse = ScaledCholesky(reduced, 0.0).solve(np.eye(len(slope)))
        elif self._before is None or has_risen:
            self._inverse = invert(sums.hessian)
        else:
            moved, turned = self._known - self._before[0], slope - self._before[1]
            if (along := moved @ turned) > 0:
                left = np.eye(len(moved)) - np.outer(moved, turned) / along
                self._inverse = left @ self._inverse @ left.T + np.outer(moved, moved) / along
        self._before, self._step = (self._known, slope), -self._inverse @ slope
        self._promised = -0.5 * slope @ self._step

    @property
    def _gap(self):
        """On the way to infinity, no loss is below 0."""
        return super()._gap if np.isfinite(self._decrement) else min(super()._gap, self._value)

    def _optimality(self):
        """Without a dual point the Newton decrement: of the coefficients, and of the intercepts."""
        if np.isfinite(self._bound):
            return super()._optimality()
        return float(np.hypot(self._decrement, np.sqrt(self._promised / self._least)))

    def _has_next(self, found, optimality):
        step = ordered_step(self._known, self._step, self._most)
        self._known, self._taken = self._known + step, np.abs(step).max()
        moves = bool((np.abs(step) > STILL * (1 + np.abs(self._known))).any())
        # Coefficients of a weak effect may be wanted more exactly than intercepts show.
        return moves or (found.status is Status.CONVERGED and found.optimality > self._inner_tol)
