"""Accelerated proximal gradient: for models too large for a curvature matrix."""

import numpy as np

MAX_HALVINGS = 60


class Momentum:
    """How far proximal gradient steps go beyond the last one (FISTA; Beck and Teboulle, 2009)."""

    def __init__(self):
        self._t = 1.0

    def share(self, uphill):
        """Share of the last step that is gone once more; from anew where it points uphill
        (O'Donoghue and Candes, 2015)."""
        last = 1.0 if uphill else self._t
        self._t = 0.5 * (1 + np.sqrt(1 + 4 * last**2))
        return (last - 1) / self._t


def accelerated_steps(point, target_gap, max_steps):
    """Lower the objective by at most ``max_steps`` proximal gradient steps with momentum.

    With :class:`Momentum`, in a diagonal preconditioner whose size is found by backtracking. Two
    passes a step: raw predictions of the extrapolated point are a combination of known ones.

    Returns
    -------
    Point
        Not above the one given.
    """
    problem, rows = point.problem, point.problem.rows
    diagonal = problem.penalty.tied(point.diagonal_curvature)
    best, momentum, stretch = point, Momentum(), 1.0
    ahead, last = point, point
    for count in range(max_steps):
        new, stretch = _proximal_step(ahead, diagonal, stretch)
        moved = new.coef - last.coef
        beta = momentum.share(np.vdot(diagonal * (ahead.coef - new.coef), moved) > 0)
        raw = rows.combined(rows.combined(new.raw, beta, new.raw), -beta, last.raw)
        ahead = problem.with_raw(new.coef + beta * moved, raw, new.intercept)
        last = new
        best = new if new.value <= best.value else best
        # The certificate costs a gradient; ask it now and then.
        if count % 10 == 9 and best.dual_gap <= target_gap:
            break
    return best


def _proximal_step(point, diagonal, stretch):
    """One step in the preconditioner ``stretch * diagonal``, stretched until it bounds the loss."""
    problem, alpha = point.problem, point.problem.alpha
    stretch *= 0.9
    for _ in range(MAX_HALVINGS):
        step = np.divide(1.0, stretch * diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        coef = problem.penalty.prox(point.coef - step * point.data_gradient, alpha * step)
        new = problem.at(coef, point.intercept)
        moved = coef - point.coef
        bound = point.data_loss + np.vdot(point.data_gradient, moved)
        bound += 0.5 * stretch * np.vdot(diagonal * moved, moved)
        if new.data_loss <= bound + 1e-14 * abs(point.data_loss):
            break
        stretch *= 2
    return new, stretch
