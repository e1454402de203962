"""A bound on the optimum by the mean of several places' dual points, for a softmax.

The loss gradients of one place are a dual point, whose bound is as loose as the gradient is long.
Gradients of several places cancel in their mean, while its conjugate is no more than the mean of
theirs, by convexity. So after some steps the mean bounds the optimum ten times as closely, and
costs no pass over X.
"""

from typing import NamedTuple

import numpy as np

from nno_sklearn.losses.elementwise import x_log_x
from nno_sklearn.types import Array

#: Roundings, of raw predictions, of the largest term of a bound.
ROUNDINGS = 16
TINY = np.finfo(float).tiny


class DualMean(NamedTuple):
    """A mean of dual points: what a bound needs of it.

    Parameters
    ----------
    conjugate : float
        Bound from above on the weighted sum of the loss's conjugates.
    gradient : ndarray of shape (n_features, n_outputs)
        ``X'(s u)`` of the dual point u.
    total : ndarray of shape (n_outputs,)
        Weighted sum of u.
    """

    conjugate: float
    gradient: Array
    total: Array

    def towards(self, other: "DualMean", share: float) -> "DualMean":
        """The mean with ``other``, which gets a share."""
        return DualMean(
            self.conjugate + share * (other.conjugate - self.conjugate),
            self.gradient + share * (other.gradient - self.gradient),
            self.total + share * (other.total - self.total),
        )


class MeanDual:
    """The best bound so far by a mean of the places that a descent came by.

    Each new place gets the share of the mean that is best on a parabola through three bounds.
    An intercept asks for probabilities p whose weighted sum is that of the targets. Where the mean
    has too much of a class, each row passes the same share ``a`` of that class's probability on to
    the classes that have too little. The conjugate, ``E[p log p]``, then rises by no more than
    ``E[p] (a + (1 - a) log(1 - a) - a log E[p])``: as much for the class itself by Jensen's
    inequality, and as probability y that joins x adds ``x log(1 + y / x) <= y`` to what it has.

    Parameters
    ----------
    problem : Problem
        With a loss whose conjugate is an entropy, without an offset.

    Attributes
    ----------
    bound : float
        No value of the objective is below it.
    """

    def __init__(self, problem):
        self._problem, self._mean, self.bound = problem, None, -np.inf

    @classmethod
    def serves(cls, problem):
        """Whether there is such a bound: conjugates of other losses are not known to be entropies,
        and what a class's rows have in common is known from a constant model alone."""
        has_dual = problem.has_dual and problem.loss.conjugate_is_entropy
        return has_dual and problem.rows.mean_offset is None and not problem.null.coef.any()

    def add(self, coef, intercept, data):
        """Mix in the dual point of a place.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)
        data : FirstOrder
            The data loss there.
        """
        # Fenchel's inequality is an equality between a raw prediction and its loss gradient.
        along = np.vdot(data.gradient, coef) + np.vdot(data.total, intercept)
        new = DualMean(along - data.value, data.gradient, data.total)
        if self._mean is None:
            self._mean, self.bound = new, self._bound(new)
            return
        middle, end = self._bound(self._mean.towards(new, 0.5)), self._bound(new)
        share = _top_of_parabola(self.bound, middle, end)
        mixed = self._mean.towards(new, share)
        if (bound := self._bound(mixed)) > self.bound:
            self._mean, self.bound = mixed, bound

    def _bound(self, mean):
        """What a mean proves: minus its conjugates, the penalty's included."""
        problem = self._problem
        if problem.fit_intercept:
            mean = self._balanced(mean)
        penalty = problem.alpha * problem.penalty.conjugate(-mean.gradient / problem.alpha)
        rounding = ROUNDINGS * problem.rows.eps * max(abs(mean.conjugate), abs(penalty))
        return -(mean.conjugate + penalty) - rounding

    def _balanced(self, mean):
        """The mean with the weighted sums of probabilities that an intercept asks for."""
        above, below = np.maximum(mean.total, 0.0), np.maximum(-mean.total, 0.0)
        probability = np.maximum(self._problem.rows.targets.mean + mean.total, TINY)
        # A constant model's probabilities tell nothing of X: its gradient is that of the targets.
        pulled = mean.gradient - self._problem.null.data_gradient
        share = np.minimum(above / probability, 1.0)
        passed = share * pulled
        gradient = mean.gradient - passed
        gradient += np.outer(passed.sum(axis=1), below / max(below.sum(), TINY))
        rise = share - share * np.log(probability) + x_log_x(1.0 - share)
        return DualMean(mean.conjugate + probability @ rise, gradient, np.zeros_like(mean.total))


def _top_of_parabola(first, middle, last):
    """Where in [0, 1] a parabola through values at 0, 1/2 and 1 is largest."""
    curvature = 2.0 * (first - 2.0 * middle + last)
    if not curvature < 0:
        return float(last > first)
    return float(np.clip((3.0 * first - 4.0 * middle + last) / (2.0 * curvature), 0.0, 1.0))
