"""The certificate: a proven bound on the distance to the optimum, which `tol` bounds."""

from functools import partial
from typing import NamedTuple

import numpy as np

#: Scalings of a Newton step's dual point that are tried, for a loss whose conjugate is bounded.
SCALINGS = 1.0 - np.array([0.0, 1e-8, 1e-6, 1e-4, 1e-2])
#: What a nearly feasible dual point lacks at most, in shares that the penalty has of the objective.
NEARLY_FEASIBLE = 0.3
EPS = np.finfo(float).eps
#: Largest cosine between a column and a dual point that it is perpendicular to, by rounding, and
#: what rounding may add where the dual point is far smaller than that of the constant model.
ROUNDING, LEAST_ROUNDING = 1e-9, 16 * EPS
#: Roundings of the largest of the terms that make up a gap.
ROUNDINGS = 16
#: Longest Newton step of a raw prediction that tells how far the optimum is: where rows saturate,
#: each is about 1, and the more may follow. Then no more is known of the distance of coefficients
#: and intercepts than their sizes and the step's.
LONG, FARTHEST = 0.1, 2.0
#: How many times as far as they are the raw predictions of the optimum may be where losses are
#: flat, as there a step says nothing of it.
FORGIVEN = 100.0
#: Weighted sum of a dual point, in sums of its sizes, that is 0 but for what an intercept at its
#: optimum leaves; and roundings of the intercept.
BALANCE, BALANCE_ROUNDINGS = 1e-9, 4096


def dual_gap(point, conjugates=None):
    """A bound on ``objective - optimum`` by Fenchel duality; inf where none is known.

    With ``u_i = loss'(y_i, eta_i)`` and weights that sum to 1, every scaling ``c u`` is a dual
    point (the intercept is optimal, so u has weighted sum 0), and::

        gap(c) = F(w) + sum_i s_i loss*(y_i, c u_i) + alpha penalty*(-c X'(s u) / alpha)

    The better of c = 1 and the c that makes the penalty's conjugate finite is taken, for each
    output by itself where nothing ties them. A weighted sum that is not exactly 0 adds the decrease
    that the intercept still allows.

    ``conjugates``, called with c, gives the weighted sums of positive and negative conjugates
    ``loss*(y_i, c u_i)``; by default the rows do.
    """
    if not point.problem.has_dual:
        return np.inf
    if point.problem.fit_intercept and not _is_balanced(point):
        return np.inf
    return unbalanced_gap(point, conjugates)


def unbalanced_gap(point, conjugates=None):
    """What :func:`dual_gap` would be, about, were the intercept at its optimum; no bound."""
    problem = point.problem
    dual = -point.data_gradient / problem.alpha
    # At c = 1 Fenchel's inequality is an equality: no conjugate of the loss, no cancellation.
    gap = _penalty_gap(point, _penalty_conjugate(problem, dual), 1.0)
    imbalance, left = _imbalance(point) if problem.fit_intercept else (0.0, 0.0)
    # Where no more than rounding is left, no scaling tells more.
    is_loose = gap > ROUNDINGS * EPS * abs(point.value)
    scaling = _dual_scaling(problem, dual) if is_loose else 1.0
    if np.any(scaling < 1.0):
        scaled = _penalty_conjugate(problem, scaling * dual)
        if _penalty_gap(point, scaled, scaling) < gap:  # else the losses' part adds to no less
            of_rows = partial(problem.rows.conjugate, point.raw, point.intercept)
            conjugate = (conjugates or of_rows)(scaling)
            gap = min(gap, _above(point.value, scaled, -np.sum(scaling * left), *conjugate))
    return max(gap, 0.0) + imbalance


def least_dual_gap(point):
    """The penalty's part of :func:`dual_gap`, which takes no conjugates of the rows: most of it
    where the dual point is nearly feasible, as that part is of first order in what it lacks, and
    the losses' is of second. The gap itself where it lacks more.
    """
    problem = point.problem
    dual = -point.data_gradient / problem.alpha
    scaling = _dual_scaling(problem, dual)
    if np.any((1.0 - scaling) * point.value > NEARLY_FEASIBLE * point.of_penalty):
        return point.dual_gap
    conjugates = ((_penalty_conjugate(problem, one * dual), one) for one in (1.0, scaling))
    return max(0.0, min(_penalty_gap(point, *given) for given in conjugates))


def _penalty_conjugate(problem, dual):
    return problem.alpha * problem.penalty.conjugate(dual)


def _penalty_gap(point, conjugate, scaling):
    """What the penalty, with this conjugate, has of the gap at a scaled dual point: all of it at 1,
    less than it else, as the losses' part is not negative."""
    return _above(point.of_penalty, conjugate, np.vdot(point.data_gradient, scaling * point.coef))


def _dual_scaling(problem, dual):
    """What brings a dual point into the domain of the penalty's conjugate: a factor for each
    output, (n_outputs,), where they do not interact, as one that is far from its optimum would
    spoil the others' share of the bound."""
    if problem.n_outputs == 1 or not problem.is_separate:
        return problem.penalty.dual_scaling(dual)
    outputs = zip(problem.of_outputs, dual.T, strict=True)
    return np.array([one.dual_scaling(z[:, None]) for one, z in outputs])


def _above(*terms):
    """The sum of terms that may cancel, plus a bound on its rounding error."""
    return float(sum(terms) + ROUNDINGS * EPS * max(map(abs, terms)))


def _is_balanced(point):
    """Whether the intercept is at its optimum, without which there is no dual point."""
    sums = point.sums
    if (np.abs(sums.total) <= BALANCE * sums.size).all():
        return True
    eps = point.problem.rows.eps
    rounding = BALANCE_ROUNDINGS * eps * sums.curvature.diagonal * (1 + np.abs(point.intercept))
    share = max(BALANCE, ROUNDINGS * eps * (1 + np.abs(point.intercept).max()))
    return (np.abs(sums.total) <= share * sums.size + rounding).all()


def _imbalance(point):
    """Predicted decrease by a Newton step of the intercept, 0 where it is rounding; and the
    derivative by the intercept, 0 but for rounding, times the intercept, which may be large,
    (n_outputs,).
    """
    total, curvature = point.sums.total, point.sums.curvature.diagonal
    eps = point.problem.rows.eps
    above = np.abs(total) > ROUNDINGS * eps * curvature * np.abs(point.intercept)
    left = total * point.intercept
    if not np.count_nonzero(above):
        return 0.0, left
    used = above & (curvature > 0)
    return 0.5 * float((total[used] ** 2 / curvature[used]).sum()), left


def shifted_dual_gap(point, step):
    """As :func:`dual_gap`, at the dual point that Newton's step implies.

    ``v = u + h (slope + shift)`` is feasible where the penalty asks for ``X'(s v) = 0``, as without
    a penalty, which ``u`` itself never is. Scalings a little below 1 bring it back into the
    loss's domain.

    Parameters
    ----------
    point : Point
    step : NewtonStep

    Returns
    -------
    gap : float
        inf where no feasible dual point is near; below 0, rounding aside, where the dual point is
        feasible only within what conjugates forgive, which matters to tiny values.
    rounding : float
        How much of it rounding may be: sums of both signs cancel here.
    """
    problem = point.problem
    penalty, alpha = problem.penalty, problem.alpha
    if "conjugate" not in problem.loss.provides or not problem.correction.is_zero:
        return np.inf, 0.0
    dual = problem.rows.newton_dual(
        point.raw, point.intercept, step.curvature, step.slope, step.shift, SCALINGS
    )
    pulled, scaling, gap = dual.pulled, dual.scaling, point.value + dual.conjugate
    rounding = 32 * EPS * (point.value + dual.size) + FORGIVEN * dual.beyond
    # What rounding leaves of sums that should be 0, times where the optimum is, or nearly.
    gap -= scaling * dual.total @ point.intercept
    length = min(problem.rows.move_sizes(step.slope, step.shift)[1] / LONG, 1.0 / EPS)
    farthest = scaling * FARTHEST * length if length >= 1.0 else 0.0  # the more, the more follow
    if farthest and problem.fit_intercept:
        sizes = np.abs(point.intercept) + np.abs(step.shift)
        rounding += farthest * np.abs(dual.total) @ sizes
    if problem.has_dual:
        gap += alpha * penalty.conjugate(-scaling * pulled / alpha)
    elif penalty.is_zero and _is_zero(problem, dual):
        gap += scaling * (abs(np.vdot(pulled, step.direction)) - np.vdot(pulled, point.coef))
        sizes = problem.scale[:, None] * np.sqrt(dual.squares)  # of what cancels in it
        rounding += ROUNDINGS * EPS * scaling * float(np.sum(sizes * np.abs(point.coef)))
        if farthest:
            sizes = np.abs(point.coef) + np.abs(step.direction)
            rounding += farthest * np.vdot(np.abs(pulled), sizes)
    else:
        return np.inf, 0.0
    return float(gap), float(rounding)


def nonsmooth_bound(problem, coef, sums, dual, share=1.0):
    """A bound from below on the optimum of a problem, by slopes of its rows near it.

    Slopes u, such as the gradients of a loss that is near, are in the domain of the loss's own
    conjugate. Those of the sign that prevails are shrunk until u has weighted sum 0, as an
    intercept asks for. Then each scaling ``c u`` is a dual point, and no optimum lies below::

        -sum_i s_i loss*(y_i, c u_i) - alpha penalty*(-c X'(s u) / alpha)

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)
        Near the optimum.
    sums : RowSums or SlopeSums
        Of u.
    dual : Raw
        Handle of u.
    share : float or ndarray of shape (n_outputs,), default=1.0
        What u is multiplied by, at most 1.

    Returns
    -------
    float
        -inf where no dual point is known.
    """
    penalty, alpha = problem.penalty, problem.alpha
    if "conjugate" not in problem.loss.provides or not (penalty.has_dual or penalty.is_zero):
        return -np.inf
    shares = tuple(share * factor for factor in _balance(problem, sums))
    whole = problem.rows.shrunk_dual(dual, shares, 1.0)
    if penalty.is_zero:
        if not _is_zero(problem, whole):
            return -np.inf
        # The optimum's coefficients are no farther from 0, or not by much.
        left = FARTHEST * np.vdot(np.abs(whole.pulled), np.abs(coef))
        return -_above(whole.size, whole.conjugate - whole.size, left)
    pulled = -whole.pulled / alpha
    bound = -_above(whole.conjugate, alpha * penalty.conjugate(pulled))
    scaling = _dual_scaling(problem, pulled)
    if np.any(scaling < 1.0):
        part = problem.rows.shrunk_dual(dual, shares, scaling)
        bound = max(bound, -_above(part.conjugate, alpha * penalty.conjugate(scaling * pulled)))
    return bound


def _balance(problem, sums):
    """Factors on the positive and the negative slopes that make their sum 0."""
    ones = np.ones(problem.n_outputs)
    if not problem.fit_intercept:
        return ones, ones
    total, size = sums.total, sums.size
    above, below = 0.5 * (size + total), 0.5 * (size - total)
    least = np.minimum(above, below)
    return tuple(
        np.divide(least, part, out=np.ones_like(part), where=part > least)
        for part in (above, below)
    )


def _is_zero(problem, dual):
    limit = ROUNDING * np.sqrt(dual.squares) + LEAST_ROUNDING * problem.null_residual
    return bool((np.abs(dual.pulled) <= problem.scale[:, None] * limit).all())


def promised_decrease(point):
    """Predicted decrease of the objective by each coefficient alone, of w's shape."""
    problem = point.problem
    distance = problem.penalty.subdiff_distance(point.coef, point.data_gradient / problem.alpha)
    square, curvature = (problem.alpha * distance) ** 2, point.diagonal_curvature
    return np.divide(square, 2 * curvature, out=np.zeros_like(square), where=curvature > 0)


class Verdict(NamedTuple):
    """How far a point is from the optimum.

    Attributes
    ----------
    gap : float
        Bound on the objective minus the optimum; inf where none is known.
    optimality : float
        What ``tol`` bounds, as a share of :attr:`Point.unit`: the gap, or without a finite dual
        the Newton decrement, the square root of what a second-order model could gain.
        For squared error that is the cosine between the columns' span and the residuals.
    is_proof : bool
        Whether the optimality is more than a bound from below.
    """

    gap: float
    optimality: float
    is_proof: bool


class Certificate:
    """The proof that a run has so far: its best dual bound serves all later points.

    Parameters
    ----------
    known : float, default=-inf
        What is known already not to be above any value of the objective, rounding included.

    Attributes
    ----------
    known : float
    """

    def __init__(self, known=-np.inf):
        self.known = self._bound = known
        self._least = None

    def learn(self, bound):
        """Take in a bound on the optimum, rounding included; see :class:`MeanDual`."""
        self.known = max(self.known, bound)
        self._bound = max(self._bound, bound)

    def gap_of(self, value):
        """What is known of a value of the objective: its distance to the best bound so far."""
        return max(value - self._bound, 0.0)

    def judge(self, point):
        """The :class:`Verdict` of a look that costs no more than the gradient.

        Without a finite dual it says what a single coefficient could gain, which may be little
        where two nearly collinear ones could gain much: no proof.
        """
        if not point.problem.has_dual:
            most = float(point.promised_decrease.max(initial=0.0))
            return Verdict(np.inf, _decrement(point, most), False)
        gap = self._bounded(point, point.dual_gap)
        return Verdict(gap, _relative(point, gap), True)

    def prove(self, point, step):
        """The :class:`Verdict` with all directions in view, by Newton's ``step``."""
        gap, rounding = shifted_dual_gap(point, step)
        is_feasible = gap >= -rounding
        agrees = not is_feasible or np.isinf(gap) or gap <= 2 * step.decrease + rounding
        gap = max(gap, 0.0) + rounding if is_feasible else self._most(point)
        decrease = step.decrease if agrees else gap
        if point.problem.has_dual:
            gap = self._bounded(point, gap)
            return Verdict(gap, _relative(point, gap), True)
        return Verdict(gap, _decrement(point, min(decrease, self._most(point))), True)

    def without_optimum(self, point):
        """The :class:`Verdict` where the objective falls for ever: only the losses' least values
        bound it, as a dual point is one near an optimum alone. A penalty that is not convex has no
        bound."""
        gap = self._most(point) if point.problem.penalty.is_convex else np.inf
        return Verdict(gap, np.inf, False)

    def _most(self, point):
        """What any step could gain at most: no row's loss falls below its least value, which is
        minus the conjugate at 0. On flat parts of a loss a second-order model promises more."""
        problem = point.problem
        if self._least is None:
            known = "conjugate" in problem.loss.provides and problem.correction.is_zero
            sums = problem.rows.conjugate(point.raw, point.intercept, 0.0) if known else (np.inf,)
            self._least = -sums[0]
        return max(point.value - self._least, 0.0)

    def _bounded(self, point, gap):
        """The gap by the best dual point so far."""
        self._bound = max(self._bound, point.value - gap)
        return min(gap, self.gap_of(point.value))


def _relative(point, decrease):
    unit = point.unit
    if not np.isfinite(unit):  # the loss overflows
        return np.inf
    if decrease <= 0:
        return 0.0
    return decrease / unit if unit > 0 else np.inf


def _decrement(point, decrease):
    return float(np.sqrt(_relative(point, decrease)))
