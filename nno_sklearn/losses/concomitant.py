"""Huber's loss with a scale that is estimated jointly with the coefficients."""

import numpy as np

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.types import Array

#: What rounding may add to a slope of epsilon, relative.
SLACK = 1e-12


class ConcomitantHuber(Loss):
    """Huber's loss of residuals in units of their own scale, which is estimated with the
    coefficients (Huber, 1981; Owen, 2007): that of scikit-learn's HuberRegressor, divided by 2.

    ``sigma / 2 + sigma huber(r / sigma)`` with ``r = eta - y``, where ``huber(z)`` is ``z^2 / 2``
    up to ``|z| = epsilon`` and ``epsilon (|z| - epsilon / 2)`` beyond, is jointly convex in sigma
    and the coefficients. Each output has a sigma of its own, at which ``min(r^2 / sigma^2,
    epsilon^2)`` has mean 1: ``loss_.scale`` of a fitted model. Unlike the delta of
    :class:`~nno_sklearn.losses.Huber`, epsilon is in no unit: predictions for ``c y`` are c times
    those for y, with an l1 penalty at the same ``alpha``, with l2 at ``alpha / c``.

    The methods of this class are those at sigma = 0, :meth:`at_scale` has the others.

    Parameters
    ----------
    epsilon : float, default=1.35
        Residual, in units of the scale, at which the loss turns from squared to absolute; at least
        1. At 1.35 estimates are 95 % efficient for normal residuals.

    References
    ----------
    P. J. Huber (1981): Robust statistics. Wiley, section 7.7.

    A. B. Owen (2007): A robust hybrid of lasso and ridge regression. Contemporary Mathematics 443,
    59-72.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNORegressor
    >>> x = np.arange(20.0)
    >>> y = 2 * x + np.tile([-1.0, 1.0], 10)
    >>> y[-1] = 500.0
    >>> model = NNORegressor("concomitant_huber", tol=1e-6).fit(x[:, None], y)
    >>> model.coef_.round(1), model.loss_.scale.round(1)
    (array([2.]), array([1.]))
    """

    takes_any_array = True

    def __init__(self, epsilon: float = 1.35) -> None:
        self.epsilon = epsilon

    def value(self, y: Array, eta: Array) -> Array:
        return self.epsilon * np.abs(eta - y)

    def gradient(self, y: Array, eta: Array) -> Array:
        return self.epsilon * np.sign(eta - y)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return np.zeros_like(eta)

    def conjugate(self, y: Array, u: Array) -> Array:
        return np.where(np.abs(u) <= self.epsilon * (1 + SLACK), u * y, np.inf)

    def at_scale(self, scale: Array) -> Loss:
        """The loss of residuals at a given scale; see :meth:`nno_sklearn.losses.Loss.at_scale`."""
        return ScaledHuber(scale, self.epsilon)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        if not 1 <= self.epsilon < np.inf:
            raise ValueError(
                f"ConcomitantHuber(epsilon={self.epsilon!r}): it must be a number of at least 1, "
                "as below no scale fits the residuals. Use for instance epsilon=1.35."
            )


class ScaledHuber(Loss):
    """``sigma / 2 + sigma huber(r / sigma)`` at a known sigma: what
    :class:`~nno_sklearn.losses.ConcomitantHuber` is when its scale has been estimated.

    Parameters
    ----------
    scale : float or ndarray of shape (n_outputs,)
        sigma, in units of the target, of all outputs or of each.
    epsilon : float, default=1.35
        As there.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn.losses import ScaledHuber
    >>> y, eta = np.zeros((3, 1)), np.array([[0.0], [2.0], [6.0]])
    >>> ScaledHuber(2.0, epsilon=1.0).value(y, eta).ravel()
    array([1., 2., 6.])
    """

    takes_any_array = True

    def __init__(self, scale: float | Array, epsilon: float = 1.35) -> None:
        self.scale = scale
        self.epsilon = epsilon

    @property
    def largest_curvature(self) -> float:  # type: ignore[override]
        return float(np.max(1.0 / np.asarray(self.scale)))

    def value(self, y: Array, eta: Array) -> Array:
        slope = self.gradient(y, eta)
        return slope * (eta - y) + 0.5 * self.scale * (1.0 - slope**2)

    def gradient(self, y: Array, eta: Array) -> Array:
        return np.clip((eta - y) / self.scale, -self.epsilon, self.epsilon)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return (np.abs(eta - y) <= self.epsilon * self.scale) / np.asarray(self.scale)

    def conjugate(self, y: Array, u: Array) -> Array:
        inside = np.abs(u) <= self.epsilon * (1 + SLACK)
        return np.where(inside, u * y + 0.5 * self.scale * (u**2 - 1.0), np.inf)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        if not (np.asarray(self.scale) > 0).all():
            raise ValueError(
                f"ScaledHuber(scale={self.scale!r}): it must be greater than 0, as residuals are "
                "divided by it. ConcomitantHuber estimates it."
            )


class OfSlopes(Loss):
    """What the scale's derivatives are made of: another loss's slope u, of which rows give means.

    At a scale sigma a loss is the supremum over u of ``u eta - loss*(u)``, whose conjugate has a
    part ``sigma (u^2 - 1) / 2``. So its derivative by sigma is ``(1 - u^2) / 2``, and that of u
    is ``-u u'`` with the derivative u' by eta.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    @property
    def takes_any_array(self) -> bool:  # type: ignore[override]
        return self.loss.takes_any_array


class SquaredSlope(OfSlopes):
    """``u^2``: 1 less twice the derivative by the scale, minus half of whose gradient that by
    both."""

    def value(self, y: Array, eta: Array) -> Array:
        return self.loss.gradient(y, eta) ** 2

    def gradient(self, y: Array, eta: Array) -> Array:
        slope, curvature = self.loss.derivatives(y, eta)
        return 2.0 * slope * curvature.diagonal


class ScaleCurvature(OfSlopes):
    """``u^2 u'``: the second derivative by the scale."""

    def value(self, y: Array, eta: Array) -> Array:
        slope, curvature = self.loss.derivatives(y, eta)
        return slope**2 * curvature.diagonal
