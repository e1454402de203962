"""Plain accelerated gradient descent with backtracking, the reference for "gd".

It counts its passes over X as the package does: one for ``X @ v``, one for ``X.T @ u``.
"""

import numpy as np

from benchmarks.competitors.base import MAX_ITER, Competitor, Solution
from benchmarks.objective import LOSSES, SLOPES


def _fit(f, tolerance):
    """Beck and Teboulle (2009), restarted when the objective rises (O'Donoghue, 2015).

    Stops where the gradient's largest entry has shrunk to ``tolerance`` of the first.
    """
    n_outputs = len(np.unique(f.y)) if f.loss == "multinomial" else 1
    weight = np.full(f.n_samples, 1 / f.n_samples) if f.weight is None else f.weight
    weight = weight / weight.sum()
    # w and b are one variable: row 0 is b, whose column of ones X does not have.
    has_intercept = float(f.fit_intercept)

    def predict(w):
        eta = f.X @ w[1:] + has_intercept * w[0]
        return eta if f.loss == "multinomial" else eta[:, 0]

    def value(w, eta):
        return weight @ LOSSES[f.loss](f, eta) + f.alpha / 2 * np.vdot(w[1:], w[1:])

    def gradient(w, eta):
        slope = (weight * SLOPES[f.loss](f, eta).T).T.reshape(f.n_samples, n_outputs)
        first = has_intercept * slope.sum(axis=0, keepdims=True)
        return np.vstack([first, f.X.T @ slope + f.alpha * w[1:]])

    w = np.zeros((f.X.shape[1] + 1, n_outputs))
    eta = predict(w)
    current, passes = value(w, eta), 1
    ahead, eta_ahead, momentum, step, growing, first = w, eta, 1.0, 1.0, True, None
    for _ in range(MAX_ITER):
        slope = gradient(ahead, eta_ahead)
        passes += 1
        first = first or np.abs(slope).max()
        base, steepness = value(ahead, eta_ahead), np.vdot(slope, slope)
        if np.abs(slope).max() <= tolerance * first or step * steepness <= 1e-16 * abs(base):
            break
        while True:
            new = ahead - step * slope
            eta_new = predict(new)
            passes += 1
            with np.errstate(over="ignore", invalid="ignore"):
                reached = value(new, eta_new)
            enough = reached <= base - step / 2 * steepness
            if not enough:
                step, growing = step / 2, False
            elif growing:  # only until the first step that is too long
                step *= 2
            if enough or step * steepness <= 1e-16 * abs(base):
                break
        if reached > current and momentum > 1:
            ahead, eta_ahead, momentum = w, eta, 1.0
            continue
        longer = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        push = (momentum - 1) / longer
        # X is linear: the prediction ahead needs no pass.
        ahead, eta_ahead = new + push * (new - w), eta_new + push * (eta_new - eta)
        w, eta, momentum, current = new, eta_new, longer, reached
    return Solution(np.squeeze(w[1:].T), np.squeeze(w[0]), passes)


def _takes(f):
    """It needs a gradient that does not jump, and one intercept for each output."""
    kinked = ("quantile", "hinge", "epsilon_insensitive")
    return f.l1_ratio == 0 and f.loss not in (*kinked, "ordinal")


COMPETITORS = [
    Competitor("plain accelerated", "numpy", _takes, _fit),
]
