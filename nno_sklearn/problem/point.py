"""Point and Line: where the objective is looked at. X was read once for each of them."""

from functools import cached_property

import numpy as np

from nno_sklearn.problem.certificate import dual_gap
from nno_sklearn.problem.intercept import best_intercept


class Point:
    """A coefficient array with its raw predictions: values here cost no pass, the gradient one.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
        At its optimum for ``coef``.
    linear : ndarray of shape (n_samples, n_outputs)
        ``X @ coef`` without the intercept.
    loss_gradient : ndarray of shape (n_samples, n_outputs)
        Derivative of each row's loss by its raw prediction, not weighted.
    loss_curvature : Curvature
    """

    def __init__(self, problem, coef, linear, intercept=None):
        self.problem, self.coef, self.linear = problem, coef, linear
        start = problem.mean_intercept if intercept is None else intercept
        with np.errstate(over="ignore", invalid="ignore"):
            if problem.fit_intercept:
                self.intercept, self.loss_gradient, self.loss_curvature = best_intercept(
                    problem, linear, start
                )
            else:
                self.intercept = np.zeros(problem.n_outputs)
                self.loss_gradient, self.loss_curvature = problem.loss.derivatives(
                    problem.y, linear
                )

    @property
    def raw_prediction(self):
        return self.linear + self.intercept

    @cached_property
    def data_loss(self):
        """Weighted mean of the loss."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.problem.loss.value(self.problem.y, self.raw_prediction)
            return float(self.problem.weight @ value.sum(axis=1))

    @cached_property
    def value(self):
        """The objective F."""
        return self.data_loss + self.problem.alpha * self.problem.penalty.value(self.coef)

    @cached_property
    def values(self):
        """The objective's share of each output, (n_outputs,); the sum, (1,), if they interact."""
        problem = self.problem
        if not problem.is_separate or problem.n_outputs == 1:
            return np.array([self.value])
        with np.errstate(over="ignore", invalid="ignore"):
            losses = problem.weight @ problem.loss.value(problem.y, self.raw_prediction)
        columns = [self.coef[:, [k]] for k in range(problem.n_outputs)]
        return losses + problem.alpha * np.array([problem.penalty.value(w) for w in columns])

    @cached_property
    def data_gradient(self):
        """Gradient of the data loss; one pass."""
        problem = self.problem
        return problem.design.rmatvec(problem.weight[:, None] * self.loss_gradient)

    @property
    def gradient(self):
        """Gradient of F, for differentiable penalties."""
        return self.data_gradient + self.problem.alpha * self.problem.penalty.gradient(self.coef)

    @cached_property
    def diagonal_curvature(self):
        """Estimate of the diagonal of the Hessian of F, of w's shape; no pass.

        Mean curvature of the rows times the columns' variances; always positive where the
        column is not constant.
        """
        problem, curvature = self.problem, self.loss_curvature
        mean = problem.weight @ curvature.diagonal
        if curvature.coupling is not None:
            mean = mean - problem.weight @ curvature.coupling**2
        if problem.loss.largest_curvature is not None:
            mean = np.full_like(mean, problem.loss.largest_curvature)
        data = problem.scale[:, None] ** 2 * mean
        return data + problem.alpha * problem.penalty.curvature(self.coef)

    @property
    def dual_gap(self):
        """Bound on ``value`` minus the optimum; inf where none is known."""
        return dual_gap(self)

    def towards(self, direction):
        """The line from here along ``direction``; one pass."""
        return Line(self, direction, self.problem.design.matvec(direction))


class Line:
    """The objective on ``w + t * direction``, with the intercept optimal at every t: no pass.

    ``t`` is an array of shape (n_outputs,) where the outputs do not interact, so that each has
    a step of its own, else of shape (1,); numbers are fine too.

    Parameters
    ----------
    start : Point
    direction : ndarray of shape (n_features, n_outputs)
    slope : ndarray of shape (n_samples, n_outputs)
        ``X @ direction``.
    """

    def __init__(self, start, direction, slope):
        self.start, self.direction, self.slope = start, direction, slope
        self._t, self._point, self._drift = np.zeros(1), start, 0.0

    def point(self, t):
        """The point at t; no pass."""
        if not np.array_equal(t, self._t):
            self._point = self.start.problem.with_raw_prediction(
                self.start.coef + t * self.direction,
                self.start.linear + t * self.slope,
                self._point.intercept + (t - self._t) * self._drift,
            )
            self._t = t
        return self._point

    def value(self, t):
        """The objective at t."""
        return self.point(t).value

    def derivatives(self, t):
        """First and second derivatives by t, the intercept following at its optimum."""
        point, problem = self.point(t), self.start.problem
        penalty, alpha = problem.penalty, problem.alpha
        with np.errstate(over="ignore", invalid="ignore"):
            weighted = problem.weight[:, None] * self.slope
            bent = point.loss_curvature.product(weighted)
            first = problem.inner(point.loss_gradient, weighted)
            second = problem.inner(bent, self.slope)
            if problem.fit_intercept and np.isfinite(second).all():
                mixed = bent.sum(axis=0)
                self._drift = -point.loss_curvature.inverse_total(problem.weight) @ mixed
                second += problem.inner(mixed[None], self._drift[None])
        first += alpha * problem.inner(penalty.gradient(point.coef), self.direction)
        bend = penalty.curvature(point.coef) * self.direction
        return first, second + alpha * problem.inner(bend, self.direction)
