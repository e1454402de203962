"""How far a point is from the optimum, proven: the one measure that `tol` bounds."""

import numpy as np


def dual_gap(point):
    """A bound on ``objective - optimum`` by Fenchel duality; inf where none is known.

    With ``u_i = loss'(y_i, eta_i)`` and weights that sum to 1, every scaling ``c u`` is a dual
    point (the intercept is optimal, so u has weighted sum 0), and::

        gap(c) = F(w) + sum_i s_i loss*(y_i, c u_i) + alpha penalty*(-c X'(s u) / alpha)

    The better of c = 1 and the c that the penalty asks for is taken.
    """
    problem = point.problem
    loss, penalty, alpha = problem.loss, problem.penalty, problem.alpha
    if "conjugate" not in problem.provides:
        return np.inf
    if problem.fit_intercept and not _is_balanced(point):
        return np.inf
    dual = -point.data_gradient / alpha
    # At c = 1 Fenchel's inequality is an equality: no conjugate of the loss, no cancellation.
    gap = alpha * (penalty.value(point.coef) + penalty.conjugate(dual))
    gap += np.vdot(point.data_gradient, point.coef)
    scaling = penalty.dual_scaling(dual)
    if scaling < 1.0:
        conjugate = loss.conjugate(problem.y, scaling * point.loss_gradient)
        scaled = point.value + problem.weight @ conjugate.sum(axis=1)
        scaled += alpha * penalty.conjugate(scaling * dual)
        gap = min(gap, scaled)
    return max(float(gap), 0.0)


def _is_balanced(point):
    """Whether the intercept is at its optimum, without which there is no dual point."""
    sums = point.sums
    rounding = 1e-12 * sums.bend.diagonal() * (1 + np.abs(point.intercept))
    return (np.abs(sums.total) <= 1e-9 * sums.size + rounding).all()


def stationarity(point):
    """Largest cosine between a column and what is left to explain; 0 at the optimum.

    The distance of ``-gradient`` to the penalty's subdifferential, per coefficient, over the
    column's scale and the size of the loss gradient of the constant model. It has no units:
    scaling a column or the target does not change it.
    """
    problem = point.problem
    distance = problem.penalty.subdiff_distance(point.coef, point.data_gradient / problem.alpha)
    unit = problem.scale[:, None] * problem.null_residual
    ratio = np.divide(problem.alpha * distance, unit, out=np.zeros_like(distance), where=unit > 0)
    return float(ratio.max(initial=0.0))


class Certificate:
    """The proof that a run has so far: its best dual bound serves all later points."""

    def __init__(self, problem):
        self._unit = problem.null.value
        self._bound = -np.inf

    def judge(self, point):
        """Absolute dual gap (inf without one) and the relative optimality of a point."""
        gap = dual_gap(point)
        if np.isinf(gap) and "conjugate" not in point.problem.provides:
            return gap, stationarity(point)
        self._bound = max(self._bound, point.value - gap)
        gap = min(gap, max(point.value - self._bound, 0.0))
        if gap <= 0:
            return gap, 0.0
        # Where a constant model explains all, whatever is not it is infinitely far.
        return gap, (gap / self._unit if self._unit > 0 else np.inf)
