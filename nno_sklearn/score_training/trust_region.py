"""The search of nno_minimize: quadratic models of the nearest points tried, within a radius."""

import numpy as np
from scipy.optimize import OptimizeResult, brentq

from nno_sklearn.score_training.archive import Archive

#: Actual over predicted decrease: below POOR the radius shrinks, above GOOD it grows.
POOR, GOOD = 0.1, 0.7
#: Of points closer to each other than CLUSTER radii one is used; CROWD times more neighbours than
#: the model needs are searched for, so that enough are left.
CLUSTER, CROWD = 0.1, 3
#: How a search ends; the status is the index.
ENDS = (
    "the radius is as small as tol asks",
    "the evaluations are used up",
    "the callback ended the search",
    "fun is nan or infinite at x0 and at all points around it: begin elsewhere, or with another "
    "initial_radius",
    "fun is -inf, and nothing is lower",
)


class _ExhaustedError(Exception):
    """The evaluations are used up."""


class _BottomlessError(Exception):
    """The function is -inf, so no point is lower."""


class TrustRegionSearch:
    """State of one run: the best point, the archive, the model and the radius of its region.

    Models use values divided by ``unit``, a power of 2 near the first ones, so that values of any
    size can be subtracted and squared; the division is exact.
    """

    def __init__(self, fun, bounds, x, radius, max_evaluations, n_neighbors, metric, rng):
        self.fun, self.rng = fun, rng
        self.low, self.high = bounds
        self.radius, self.n_neighbors, self.most = radius, n_neighbors, max_evaluations
        self.archive, self.n_evaluations = Archive(max(1000, 4 * n_neighbors), metric), 0
        self.x, self.value, self.unit = x, np.inf, 1.0
        self.hessian = np.zeros((len(x), len(x)))

    def evaluate(self, x):
        """Value at a point within the bounds; keeps the best one."""
        if self.n_evaluations >= self.most:
            raise _ExhaustedError
        self.n_evaluations += 1
        value = self.fun(x.copy())
        value = np.inf if np.isnan(value) else value
        if np.isfinite(value):
            self.archive.add(x, value)
        if value < self.value:
            self.x, self.value = x, value
        if value == -np.inf:
            raise _BottomlessError
        return value

    def run(self, smallest, callback):
        """Step until the radius is below ``smallest``; returns an OptimizeResult."""
        n_steps, status = 0, 0
        try:
            self._first_neighbors()
            status = 0 if len(self.archive) else 3
            while status == 0 and self.radius > smallest:
                self._step()
                n_steps += 1
                if callback is not None:
                    callback(OptimizeResult(x=self.x.copy(), fun=self.value))
        except _ExhaustedError:
            status = 1
        except StopIteration:
            status = 2
        except _BottomlessError:
            status = 4
        return OptimizeResult(
            x=self.x, fun=self.value, nfev=self.n_evaluations, nit=n_steps,
            success=status == 0, status=status, message=ENDS[status],
        )  # fmt: skip

    def _first_neighbors(self):
        """Evaluate the start and points around it, and choose the unit of values."""
        centre = self.x
        self.evaluate(centre)
        for axis in np.eye(len(centre)):
            for sign in (1.0, -1.0):
                self.evaluate(self._inside(centre + sign * self.radius * axis))
        self.unit = np.ldexp(1.0, np.frexp(self.archive.largest_value)[1] - 1)

    def _step(self):
        """Try the model's minimum; else shrink the region, or add a missing direction."""
        centre, before = self.x, self.value
        near, values = self._neighbors(centre)
        gradient, hessian = self._model(near, self._rise(before, values))
        step = self._model_minimum(centre, gradient, hessian)
        predicted = -(gradient @ step + 0.5 * step @ hessian @ step)
        if predicted <= 1e-15 * abs(before / self.unit) or np.linalg.norm(step) < 0.01:
            self._fill_or_shrink(centre, near)
            return
        value = self.evaluate(self._inside(centre + self.radius * step))
        ratio = self._rise(value, before) / predicted
        if ratio < POOR:
            self._fill_or_shrink(centre, near)
        elif ratio > GOOD and np.linalg.norm(step) > 0.9:
            self.radius *= 2.0

    def _rise(self, low, high):
        """Difference of values, in units of ``unit``."""
        with np.errstate(over="ignore"):
            return high / self.unit - low / self.unit

    def _neighbors(self, centre):
        """The nearest points, in radii from the centre, and their values; one of each cluster."""
        points, values = self.archive.nearest(centre, CROWD * self.n_neighbors)
        near, kept = (points - centre) / self.radius, [0]
        for i in range(1, len(near)):
            if ((near[kept] - near[i]) ** 2).sum(axis=1).min() > CLUSTER**2:
                kept.append(i)
            if len(kept) > self.n_neighbors:
                break
        return near[kept], values[kept]

    def _model(self, near, rise):
        """Gradient and Hessian in units of the radius; the change of the Hessian is minimal."""
        moved = ((near**2).sum(axis=1) > 0) & np.isfinite(rise)
        near, rise = near[moved], rise[moved]
        old = self.hessian * self.radius**2
        n, size = near.shape
        left = rise - 0.5 * np.einsum("ij,jk,ik->i", near, old, near)
        # Far neighbours are interpolated less closely than near ones.
        scale = 1.0 / np.maximum(1.0, (near**2).sum(axis=1))
        system = np.zeros((n + size, n + size))
        system[:n, :n] = 0.5 * (near @ near.T) ** 2 * np.outer(scale, scale)
        system[:n, n:] = near * scale[:, None]
        system[n:, :n] = system[:n, n:].T
        solved = np.linalg.lstsq(system, np.r_[left * scale, np.zeros(size)], rcond=1e-11)[0]
        hessian = old + near.T @ (near * (solved[:n] * scale)[:, None])
        self.hessian = hessian / self.radius**2
        return solved[n:], hessian

    def _model_minimum(self, centre, gradient, hessian):
        """Minimum of the model within one radius, coordinates fixed at bounds they push against."""
        free = ~((centre <= self.low) & (gradient > 0) | (centre >= self.high) & (gradient < 0))
        step = np.zeros_like(gradient)
        if not gradient[free].any():
            return step
        step[free] = _within_ball(gradient[free], hessian[np.ix_(free, free)])
        return (self._inside(centre + self.radius * step) - centre) / self.radius

    def _inside(self, x):
        return np.clip(x, self.low, self.high)

    def _fill_or_shrink(self, centre, near):
        """Evaluate in a direction that no neighbour covers; else, if all are, halve the radius."""
        close = near[(near**2).sum(axis=1) <= 4.0]
        _, spread, axes = np.linalg.svd(close, full_matrices=True)
        if len(spread) < len(centre) or spread[-1] < 0.5:
            side = self.rng.choice([-1.0, 1.0])
            self.evaluate(self._inside(centre + side * self.radius * axes[-1]))
            if self.x is centre:
                self.evaluate(self._inside(centre - side * self.radius * axes[-1]))
        else:
            self.radius *= 0.5


def _within_ball(gradient, hessian):
    """Minimum of ``gradient . s + s' hessian s / 2`` for ``|s| <= 1`` (More and Sorensen, 1983)."""
    values, axes = np.linalg.eigh(hessian)
    along = axes.T @ gradient

    def length(shift):
        return np.linalg.norm(along / (values + shift))

    lowest = max(0.0, -values[0]) + 1e-12 * max(1.0, np.abs(values).max())
    if values[0] > 0 and length(0.0) <= 1.0:
        return -axes @ (along / values)
    high = lowest + np.linalg.norm(along) + np.abs(values).max()
    if length(lowest) <= 1.0:  # the gradient has no part along the lowest axis
        step = -axes @ (along / (values + lowest))
        return step + np.sqrt(1.0 - min(1.0, step @ step)) * axes[:, 0]
    shift = brentq(lambda at: 1.0 / length(at) - 1.0, lowest, high)
    return -axes @ (along / (values + shift))
