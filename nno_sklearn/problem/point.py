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
                    problem.loss, problem.y, problem.weight, linear, start
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
        # Losses with flat parts (Huber, hinge) may be flat at all rows just now.
        mean = np.maximum(mean, 1e-3 * mean.max() if mean.max() > 0 else 1.0)
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

    The intercept is followed by Newton's method in (t, b) together, so one evaluation of the
    loss per t is enough.
    """

    def __init__(self, start, direction, slope):
        self.start, self.direction, self.slope = start, direction, slope
        self._t, self._intercept = 0.0, start.intercept
        self._residual, self._drift = np.zeros(len(start.intercept)), None

    def _predicted_intercept(self, t):
        if self._drift is None:
            return self._intercept
        return self._intercept - self._residual - (t - self._t) * self._drift

    def derivatives(self, t):
        """First and second derivative by t."""
        problem = self.start.problem
        linear = self.start.linear + t * self.slope
        with np.errstate(over="ignore", invalid="ignore"):
            intercept = self._predicted_intercept(t)
            u, curvature = problem.loss.derivatives(problem.y, linear + intercept)
            bent = curvature.product(self.slope)
            first = problem.weight @ np.einsum("ik,ik->i", u, self.slope)
            second = problem.weight @ np.einsum("ik,ik->i", bent, self.slope)
            if problem.fit_intercept:
                first, second = self._eliminate(t, intercept, u, curvature, bent, first, second)
        return self._add_penalty(t, first, second)

    def _eliminate(self, t, intercept, u, curvature, bent, first, second):
        """Take the intercept out of the derivatives (a Schur complement), and follow it."""
        weight = self.start.problem.weight
        total = curvature.total(weight)
        mixed, residual = weight @ bent, weight @ u
        if not np.isfinite(total).all() or np.trace(total) <= 0:
            return first, second
        inverse = np.linalg.pinv(total, hermitian=True)
        self._t, self._intercept = t, intercept
        self._residual, self._drift = inverse @ residual, inverse @ mixed
        return first - mixed @ self._residual, second - mixed @ self._drift

    def _add_penalty(self, t, first, second):
        problem = self.start.problem
        coef = self.start.coef + t * self.direction
        first += problem.alpha * np.vdot(problem.penalty.gradient(coef), self.direction)
        bend = problem.penalty.curvature(coef)
        return first, second + problem.alpha * np.vdot(bend * self.direction, self.direction)

    def point(self, t):
        """The point at t; no pass."""
        start = self.start
        return start.problem.with_raw_prediction(
            start.coef + t * self.direction,
            start.linear + t * self.slope,
            self._predicted_intercept(t),
        )

    def value(self, t):
        """The objective at t."""
        return self.point(t).value
