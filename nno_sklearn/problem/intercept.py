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
    stretch = np.ones_like(b)
    for _ in range(MAX_STEPS):
        gradient, curvature = loss.derivatives(y, linear + b)
        total, bend = weight @ gradient, weight @ curvature.diagonal
        # An overflow lies on the side that its sign says; it is no place for a Newton step.
        usable = np.isfinite(total) & np.isfinite(bend)
        low = np.where(total < 0, b, low)
        high = np.where(total > 0, b, high)
        done = usable & _negligible(total, weight, gradient)
        if done.all():
            break
        newton = b - np.divide(total, bend, out=np.full_like(b, np.nan),
                               where=usable & (bend > 0))
        inside = (newton > low) & (newton < high)
        middle = np.where(np.isinf(low), high - stretch, np.where(
            np.isinf(high), low + stretch, 0.5 * (low + high)))
        stretch = np.where(inside, stretch, 2 * stretch)
        new = np.where(done, b, np.where(inside, newton, middle))
        if (np.abs(new - b) <= 4 * np.finfo(float).eps * np.abs(b)).all():
            break
        b = new
    return b, gradient, curvature


def _coupled(loss, y, weight, linear, start):
    """Joint Newton with halving; the shift that all outputs share is held at mean 0."""
    def objective(b):
        return weight @ loss.value(y, linear + b).sum(axis=1)

    b, value = start - start.mean(), None
    for _ in range(MAX_STEPS):
        gradient, curvature = loss.derivatives(y, linear + b)
        total = weight @ gradient
        if _negligible(total, weight, gradient).all():
            break
        step = curvature.inverse_total(weight) @ total
        step -= step.mean()
        if np.abs(step).max() <= 4 * np.finfo(float).eps * max(1.0, np.abs(b).max()):
            break
        if np.abs(step).max() < 1e-3:  # inside Newton's quadratic basin a check costs for nothing
            b, value = b - step, None
            continue
        value = objective(b) if value is None else value
        size = 1.0
        while not (new := objective(b - size * step)) <= value and size > 1e-8:
            size /= 2
        b, value = b - size * step, new
    return b, gradient, curvature
