"""Accelerated proximal gradient: for models too large for a Hessian."""

import numpy as np

from nno_sklearn.solvers.linesearch import rounding_of

MAX_HALVINGS = 60


class Momentum:
    """Extrapolation coefficients of FISTA (Beck and Teboulle, 2009)."""

    def __init__(self):
        self._t = 1.0

    def share(self, uphill):
        """Share of the last step to extrapolate by; restarts where that step points uphill
        (O'Donoghue and Candes, 2015)."""
        last = 1.0 if uphill else self._t
        self._t = 0.5 * (1 + np.sqrt(1 + 4 * last**2))
        return (last - 1) / self._t


def accelerated_steps(point, target_gap, max_steps):
    """Lower the objective by at most ``max_steps`` proximal gradient steps with momentum.

    With :class:`Momentum`, in a diagonal preconditioner scaled by backtracking. Two passes a step:
    raw predictions of the extrapolated point are a linear combination of known ones.

    Returns
    -------
    Point
        The best one; its objective is not above that of ``point``.
    """
    problem, rows = point.problem, point.problem.rows
    diagonal = problem.penalty.tied(point.diagonal_curvature)
    best, momentum, stretch = point, Momentum(), 1.0
    ahead, last = point, point
    for count in range(max_steps):
        new, stretch = _proximal_step(ahead, diagonal, stretch)
        best = new if new.value <= best.value else best
        if np.array_equal(new.coef, ahead.coef):  # no shorter step would move either
            break
        moved = new.coef - last.coef
        beta = momentum.share(np.vdot(diagonal * (ahead.coef - new.coef), moved) > 0)
        raw = rows.combined(rows.combined(new.raw, beta, new.raw), -beta, last.raw)
        ahead = problem.with_raw(new.coef + beta * moved, raw, new.intercept)
        last = new
        # The duality gap costs a gradient: check it every ten steps only.
        if count % 10 == 9 and best.dual_gap <= target_gap:
            break
    return best


def _proximal_step(point, diagonal, stretch):
    """One step with curvature ``stretch * diagonal``, doubled until it majorises the loss."""
    problem, alpha = point.problem, point.problem.alpha
    stretch *= 0.9
    for _ in range(MAX_HALVINGS):
        step = np.divide(1.0, stretch * diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        coef = problem.penalty.prox(point.coef - step * point.data_gradient, alpha * step)
        new = problem.at(coef, point.intercept)
        moved = coef - point.coef
        bound = point.data_loss + np.vdot(point.data_gradient, moved)
        bound += 0.5 * stretch * np.vdot(diagonal * moved, moved)
        if new.data_loss <= bound + rounding_of(problem) or not moved.any():
            break
        stretch *= 2
    return new, stretch
