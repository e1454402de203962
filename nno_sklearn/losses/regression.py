"""Losses for numbers: squared error, Huber, and the half deviances of Poisson and Gamma."""

import numpy as np

from nno_sklearn.losses.base import Curvature, Loss, x_log_x
from nno_sklearn.types import Array


class SquaredError(Loss):
    """``(eta - y)^2 / 2``."""

    constant_curvature = True
    is_quadratic = True

    def value(self, y: Array, eta: Array) -> Array:
        return 0.5 * (eta - y) ** 2

    def gradient(self, y: Array, eta: Array) -> Array:
        return eta - y

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return np.ones_like(eta)

    def conjugate(self, y: Array, u: Array) -> Array:
        return u * (0.5 * u + y)

    def link(self, mean: Array) -> Array:
        return mean


class Huber(Loss):
    """Squared error near the target, absolute error far from it (Huber, 1964).

    ``r^2 / 2`` where ``|r| <= delta`` and ``delta * (|r| - delta / 2)`` elsewhere, with
    ``r = eta - y``.

    Parameters
    ----------
    delta : float, default=1.35
        Residual, in units of ``y``, at which the loss turns from squared to absolute.

    References
    ----------
    P. J. Huber (1964): Robust estimation of a location parameter. Annals of Mathematical
    Statistics 35, 73-101.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn.losses import Huber
    >>> Huber(delta=1.0).value(np.zeros((3, 1)), np.array([[0.5], [1.0], [3.0]])).ravel()
    array([0.125, 0.5  , 2.5  ])
    """

    largest_curvature = 1.0

    def __init__(self, delta: float = 1.35) -> None:
        self.delta = delta

    def value(self, y: Array, eta: Array) -> Array:
        size = np.abs(eta - y)
        return np.where(size <= self.delta, 0.5 * size**2, self.delta * (size - 0.5 * self.delta))

    def gradient(self, y: Array, eta: Array) -> Array:
        return np.clip(eta - y, -self.delta, self.delta)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return (np.abs(eta - y) <= self.delta).astype(float)

    def conjugate(self, y: Array, u: Array) -> Array:
        # The slack lets a residual gradient that was rounded past delta stay in the domain.
        inside = np.abs(u) <= self.delta * (1 + 1e-12)
        return np.where(inside, u * (0.5 * u + y), np.inf)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        if not self.delta > 0:
            raise ValueError(
                f"Huber(delta={self.delta!r}): delta must be greater than 0, since it is the "
                "residual beyond which the loss grows linearly. Use for instance delta=1.35."
            )


class _LogLinkDeviance(Loss):
    """What Poisson and Gamma share: predictions are ``exp(eta)``."""

    def link(self, mean: Array) -> Array:
        return np.log(mean)

    def predict(self, eta: Array) -> Array:
        return np.exp(eta)


class Poisson(_LogLinkDeviance):
    """Half Poisson deviance with log link: ``exp(eta) - y eta + y log y - y``; y >= 0."""

    positive_target = True

    def value(self, y: Array, eta: Array) -> Array:
        return np.exp(eta) - y * eta + x_log_x(y) - y

    def gradient(self, y: Array, eta: Array) -> Array:
        return np.exp(eta) - y

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return np.exp(eta)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        mean = np.exp(eta)
        return mean - y, Curvature(mean)

    def conjugate(self, y: Array, u: Array) -> Array:
        mean = u + y
        inside = np.maximum(mean, 0.0)
        value = x_log_x(inside) - inside - x_log_x(y) + y
        return np.where(mean >= -1e-12 * (1 + y), value, np.inf)

    def check_target(self, y: Array) -> None:
        if (y < 0).any():
            raise ValueError(
                f"loss='poisson' needs targets y >= 0, but the smallest is {y.min():g}: negative "
                "counts have no Poisson deviance. Remove those rows, or use "
                "loss='squared_error' or 'huber'."
            )
        if not (y > 0).any(axis=0).all():
            raise ValueError(
                "loss='poisson' needs at least one target y > 0, but all are 0: the best "
                "prediction exp(eta) = 0 has no finite eta. Give rows with events."
            )


class Gamma(_LogLinkDeviance):
    """Half Gamma deviance with log link: ``y exp(-eta) + eta - log y - 1``; y > 0."""

    positive_target = True

    def value(self, y: Array, eta: Array) -> Array:
        return y * np.exp(-eta) + eta - np.log(y) - 1.0

    def gradient(self, y: Array, eta: Array) -> Array:
        return 1.0 - y * np.exp(-eta)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return y * np.exp(-eta)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        ratio = y * np.exp(-eta)
        return 1.0 - ratio, Curvature(ratio)

    def conjugate(self, y: Array, u: Array) -> Array:
        rest = 1.0 - u
        inside = np.maximum(rest, 0.0)
        value = x_log_x(inside) - inside * np.log(y) - inside + np.log(y) + 1.0
        return np.where(rest >= -1e-12, value, np.inf)

    def check_target(self, y: Array) -> None:
        if (y <= 0).any():
            raise ValueError(
                f"loss='gamma' needs targets y > 0, but the smallest is {y.min():g}: the Gamma "
                "distribution is strictly positive. Remove those rows, or use loss='poisson' "
                "(y >= 0), 'squared_error' or 'huber'."
            )
