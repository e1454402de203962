"""Descent in the coefficients of coupled outputs, with Newton's step of the intercept.

Elsewhere the intercept is at its optimum at every point, and each step is as long as is best; for
coupled outputs both take several looks at the loss, more than the products with X. Here a look also
tells Newton's step of the intercept, and the gradient after it to first order; a step in the
coefficients is nearly always taken whole. It is one of the secants in a preconditioner: two
products and a look. Where these are so small that a look costs more than the products, it is
Newton's, by conjugate gradients, whose products with the Hessian take no look.

The secants' products are those of a copy of X in float32, whose rounding is that of a step: the
point where the steps end is looked at in the precision of X.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.problem.cost import most_few_looks, takes_single
from nno_sklearn.rows import Raw
from nno_sklearn.rows.replies import Reduced
from nno_sklearn.solvers.conjugate_gradients import model_minimum
from nno_sklearn.solvers.joint_descent import SURER, gap_at
from nno_sklearn.solvers.kronecker_preconditioner import KroneckerPreconditioner
from nno_sklearn.solvers.linesearch import MEAN_ROUNDING, first_lower
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.types import Array

#: Share of the squared residual, in the metric of the preconditioner, at which a first step of
#: Newton's ends (Dembo and Steihaug, 1983); later ones are as much more exact as the residual has
#: fallen.
ROUGH = 0.3
#: Share of the gap that a run may leave, below which a step need not fall.
LEFT = 0.1
#: The same at which steps end: one or two more than would do, for scores of folds that do not
#: depend on the solver.
ENOUGH = 0.3
#: Share of the gap that a run may leave, below which more steps would take longer than a proof.
FAR = 1e-4
TINY = np.finfo(float).tiny


class Place(NamedTuple):
    """Coefficients with an intercept of the centred columns, and what the rows tell of them."""

    coef: Array
    intercept: Array
    #: ``X @ coef``; steps are added to it.
    raw: Raw
    value: float
    #: Of the objective, where the intercept should be.
    slope: Array
    data: Reduced


def descend_reduced(run, point, preconditioner, past):
    """Steps of secants, or Newton's, until the run is done.

    Parameters
    ----------
    run : Run
    point : Point
        Where to begin; not an optimum.
    preconditioner : KroneckerAtPoint or DiagonalPreconditioners
    past : LBFGS
        Empty; of the steps that correct the preconditioner. Where it keeps none, steps are
        Newton's, by products with the Hessian.

    Returns
    -------
    Point
        The run has no status where no step from it descends, or as many as may be taken are.
    """
    whole, share = point.problem, ENOUGH
    past.carry_on(whole, point.coef)
    descent = _Descent(run, point, preconditioner, past)
    while True:
        is_near = descent.may_stay >= 1 / share
        if not (is_near or descent.is_due) and descent.goes_on():
            continue
        point, may_end = descent.point(), is_near or descent.is_due
        if descent.problem is whole or may_end or descent.is_last:
            if run.done(point) or descent.is_last or not may_end:
                past.hand_on(whole, point.coef)
                return point
        share *= SURER if is_near else 1.0
        descent.be_exact(point)  # float32 tells no more


class _Descent:
    """Where a descent is, and in which precision it looks; as :func:`descend_reduced`."""

    def __init__(self, run, point, preconditioner, past):
        self._run, self._whole, self._preconditioner = run, point.problem, preconditioner
        self.problem = self._whole.single() if takes_single(self._whole) else self._whole
        self._is_newton, self._largest = not past.most, 0.0
        self._n_steps, self._most_steps = 0, most_few_looks(self._whole)
        #: Whether no step may follow; and whether the point is to be looked at before one does.
        self.is_last = self.is_due = False
        place = _place_of(point)
        self._metric = Metric(past, _inverse(self._whole, place, preconditioner))
        self._be_at(place)

    def _be_at(self, place):
        """Look at what is left to gain from a place."""
        self._place, self._steepest = place, self._metric.solve(-place.slope)
        #: Of the slope, in the metric.
        self._energy = -float(np.vdot(place.slope, self._steepest))
        self._largest = max(self._largest, self._energy)
        left = max(_left(self.problem, place, self._energy), TINY)  # rounding may leave less than 0
        #: What may be left when the run ends, as a share of it.
        self.may_stay = place.value * self._run.may_leave / left

    def goes_on(self):
        """Take a step; False where none descends, none may follow, or float32 tells no more."""
        if not self._energy > 0 or self.is_last:
            return False
        self.is_last = not self._run.goes_by(self._place)
        found = None if self.is_last else _along(self.problem, self._place, *self._direction())
        if found is None:
            return False
        (step_size, new), before = found, self._place
        self._run.moved(step_size)
        self._metric.past.add(new.coef - before.coef, new.slope - before.slope)
        self._n_steps += 1
        self.is_last = self._n_steps >= self._most_steps
        self.is_due = self._is_due(new)
        if self._is_newton or _is_renewed_after(self._n_steps):
            inverse = _inverse(self.problem, new, self._preconditioner)
            self._metric = self._metric._replace(inverse=inverse)
        self._be_at(new)
        return self.problem is self._whole or before.value - new.value > self._rounding

    @property
    def _rounding(self):
        """What rounding of raw predictions may make of a value, a mean over the rows."""
        return MEAN_ROUNDING * self.problem.rows.eps * abs(self._place.value)

    def _is_due(self, new):
        """Whether the point at a new place is to be looked at: a proof may need no more steps, and
        more would take longer. Newton's own get there in two or three."""
        is_far = not self._is_newton and self.may_stay < FAR
        return is_far and self._run.is_due(new, self._rounding)

    def _direction(self):
        """That of the next step, and its raw predictions where they are known."""
        if not self._is_newton:
            return self._steepest, None
        share = max(ROUGH * np.sqrt(self._energy / self._largest), LEFT * self.may_stay)
        here = self.problem, self._place, self._metric, self._steepest
        return _newton_step(*here, share * self._energy)

    def point(self):
        """The point at the place, in the precision of X."""
        coef, intercept = self._place.coef, self._place.intercept + self._place.data.shift
        if self._whole.rows.dtype == np.float32:  # as precise as a product would be
            return self._whole.with_raw(coef, self._place.raw, intercept)
        return self._whole.at(coef, intercept)

    def be_exact(self, point):
        """Look in the precision of X from now on, from this point."""
        self.is_due = False
        if self.problem is not self._whole:
            self.problem = self._whole
            self._be_at(_place_of(point))


def _is_renewed_after(n_steps):
    """Whether secants get a new preconditioner after so many steps, each of which changes it less
    than those before: after 1, 2, 4, 8, ..."""
    return n_steps & (n_steps - 1) == 0


class Metric(NamedTuple):
    """A preconditioner at a place, corrected by past steps."""

    past: LBFGS
    inverse: KroneckerPreconditioner

    def solve(self, gradient: Array) -> Array:
        """What a gradient is in the corrected metric."""
        return self.past.solve(gradient, self.inverse)


def _place_of(point):
    """A point, whose intercept is at its optimum, as a place; no pass."""
    sums, still = point.sums, np.zeros_like(point.intercept)
    known = point.data_loss, sums.total, sums.curvature, still, point.data_gradient
    data = Reduced(*known, point.curvature)
    return Place(point.coef, point.intercept, point.raw, point.value, point.gradient, data)


def _place(problem, coef, raw, intercept):
    """The objective and its slope; one look at the rows, and a pass."""
    penalty, alpha = problem.penalty, problem.alpha
    data = problem.rows.reduced(raw, intercept)
    slope = data.gradient + alpha * penalty.gradient(coef)
    return Place(coef, intercept, raw, data.value + alpha * penalty.value(coef), slope, data)


def _inverse(problem, place, preconditioner):
    """The preconditioner at a place."""
    outputs = place.data.outputs
    diagonal = problem.scale[:, None] ** 2 * outputs.diagonal
    return preconditioner.at(place.coef, diagonal, outputs.eigen())


def _left(problem, place, energy):
    """What is left to gain: at most, where there is a dual point, else to second order."""
    if problem.has_dual:
        return gap_at(problem, place.coef, place.data.gradient)
    return 0.5 * energy


def _newton_step(problem, place, metric, steepest, enough):
    """About the minimum of the second-order model: the residual's energy in the metric is at most
    ``enough`` there."""
    here = problem, place.data.curvature, place.coef
    return model_minimum(*here, -place.slope, metric, steepest, enough)


def _along(problem, place, direction, slope=None):
    """Length and end of a step, the intercept following it; None where none descends."""
    rows, data = problem.rows, place.data
    slope = rows.raw(direction) if slope is None else slope
    moves = rows.intercept_step(data.curvature, slope, 0.0) if problem.fit_intercept else 0.0
    begins = place.intercept + data.shift

    def at(t):
        raw = rows.combined(place.raw, t, slope)
        return _place(problem, place.coef + t * direction, raw, begins + t * moves)

    promised = np.vdot(data.total, data.shift) + np.vdot(place.slope, direction)
    return first_lower(problem, place.value, promised, at)
