"""The best intercept for given raw predictions: solvers then see a function of w alone."""

import numpy as np

MAX_STEPS = 100
PRECISION = 1e-14


def best_intercept(problem, linear, start):
    """Minimise ``sum_i weight_i loss(y_i, linear_i + b)`` over b by safeguarded Newton steps.

    Parameters
    ----------
    problem : Problem
    linear : ndarray of shape (n_samples, n_outputs)
    start : ndarray of shape (n_outputs,)

    Returns
    -------
    intercept : ndarray of shape (n_outputs,)
    gradient : ndarray of shape (n_samples, n_outputs)
        Of the loss at the result, not weighted.
    curvature : Curvature
    """
    find = _separate if problem.is_separate else _coupled
    return find(problem.loss, problem.y, problem.weight, linear, start)


def _negligible(total, weight, gradient):
    return np.abs(total) <= PRECISION * (weight @ np.abs(gradient)) + 1e-300


def _separate(loss, y, weight, linear, start):
    """One root of an increasing function per output: Newton inside a shrinking bracket."""
    b = start.astype(float)
    low, high = np.full_like(b, -np.inf), np.full_like(b, np.inf)
    stretch, moved = 1.0 + np.abs(b) + weight @ np.abs(linear), np.full_like(b, np.inf)
    for _ in range(MAX_STEPS):
        gradient, curvature = loss.derivatives(y, linear + b)
        total, bend = weight @ gradient, weight @ curvature.diagonal
        usable = np.isfinite(total) & np.isfinite(bend)
        low = np.where(total < 0, b, low)
        high = np.where(total > 0, b, high)
        done = usable & _negligible(total, weight, gradient)
        if done.all():
            break
        newton = b - np.divide(total, bend, out=np.full_like(b, np.nan), where=usable & (bend > 0))
        # Newton only while it shrinks its steps: from the steep side of an exponential it creeps,
        # and from the flat side it leaps.
        longest = np.minimum(np.where(np.isinf(high - low), 10 * stretch, np.inf), 0.5 * moved)
        good = (newton > low) & (newton < high) & (np.abs(newton - b) <= longest)
        bracket = np.where(
            np.isinf(low), high - stretch, np.where(np.isinf(high), low + stretch, (low + high) / 2)
        )
        stretch = np.where(good, stretch, 2 * stretch)
        new = np.where(done, b, np.where(good, newton, bracket))
        moved = np.abs(new - b)
        if (moved <= 4 * np.finfo(float).eps * np.abs(b)).all():
            break
        b = new
    return b, gradient, curvature


def _coupled(loss, y, weight, linear, start):
    """Joint Newton, damped until it descends; the shift that all outputs share has mean 0."""

    def objective(b):
        return weight @ loss.value(y, linear + b).sum(axis=1)

    b, value = start - start.mean(), None
    for _ in range(MAX_STEPS):
        gradient, curvature = loss.derivatives(y, linear + b)
        total = weight @ gradient
        if np.abs(total).max() <= PRECISION * (weight @ np.abs(gradient)).max():
            break
        hessian = curvature.total(weight)
        step = curvature.inverse_total(weight) @ total
        step -= step.mean()
        length = np.abs(step).max()
        # Saturated outputs have no curvature to speak of; then the step does not answer the slope.
        if length < 1e-3 and np.abs(total - hessian @ step).max() <= 0.5 * np.abs(total).max():
            b, value = b - step, None  # Newton's quadratic basin: a check would cost for nothing
            if length <= 4 * np.finfo(float).eps * max(1.0, np.abs(b).max()):
                break
            continue
        value = objective(b) if value is None else value
        found = _damped(objective, b, value, step, total, hessian)
        if found is None:
            break
        b, value = found
    return b, gradient, curvature


def _damped(objective, b, value, step, total, hessian):
    """The first of ever shorter steps, from Newton's to the gradient's, that descends."""
    for damping in (0.0, *10.0 ** np.arange(-8, 9)):
        if damping > 0:  # where outputs saturate, their curvature says nothing
            step = np.linalg.solve(hessian + damping * np.eye(len(b)), total)
            step -= step.mean()
        new = objective(b - step)
        if new < value:
            return b - step, new
    return None
