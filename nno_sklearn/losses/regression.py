"""Smooth losses for numbers of either sign."""

from typing import Any

import numpy as np

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.concomitant import ConcomitantHuber
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.types import Array


class SquaredError(Loss):
    """``(eta - y)^2 / 2``."""

    constant_curvature = True
    is_quadratic = True
    takes_any_array = True

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
    delta : float or "auto", default=1.35
        Residual, in units of ``y``, at which the loss turns from squared to absolute. "auto": 1.35
        times the scale of the residuals, which fits estimate with the coefficients, as those of
        :class:`~nno_sklearn.losses.ConcomitantHuber` do, whose loss it is.

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
    takes_any_array = True

    def __init__(self, delta: float | str = 1.35) -> None:
        self.delta: Any = delta

    @property
    def has_scale(self) -> bool:
        return isinstance(self.delta, str) and self.delta == "auto"

    def resolved(self) -> Loss:
        return ConcomitantHuber() if self.has_scale else self

    def value(self, y: Array, eta: Array) -> Array:
        size = np.abs(eta - y)
        return np.where(size <= self.delta, 0.5 * size**2, self.delta * (size - 0.5 * self.delta))

    def gradient(self, y: Array, eta: Array) -> Array:
        return np.clip(eta - y, -self.delta, self.delta)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return (np.abs(eta - y) <= self.delta).astype(float)

    def conjugate(self, y: Array, u: Array) -> Array:
        # With slack for a gradient that is above delta by rounding.
        inside = np.abs(u) <= self.delta * (1 + 1e-12)
        return np.where(inside, u * (0.5 * u + y), np.inf)

    @property
    def sharp(self) -> Loss | None:
        return SharpHuber(self.delta)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        if isinstance(self.delta, str) or not self.delta > 0:
            raise ValueError(
                f"Huber(delta={self.delta!r}): delta must be greater than 0, since it is the "
                "residual beyond which the loss grows linearly. Use for instance delta=1.35, "
                "or delta='auto' for 1.35 times a scale that fits estimate."
            )


class SharpHuber(Huber):
    """:class:`Huber` as a loss that is nearly one with a corner: solved by wider ones.

    Parameters
    ----------
    delta : float, default=1.35
    """

    @property
    def steepest(self) -> float:  # type: ignore[override]
        return self.delta

    def smoothed(self, width: float) -> Loss:
        """Moreau's envelope: ``min over z of value(y, z) + (eta - z)^2 / (2 width)``.

        Parameters
        ----------
        width : float

        Returns
        -------
        HuberEnvelope
        """
        return HuberEnvelope(self.delta, width)


class HuberEnvelope(Loss):
    """Moreau's envelope of :class:`Huber`, itself a Huber loss of ``(1 + width) * delta`` over
    ``1 + width``: as steep, and curved ``1 + width`` times as far.

    Parameters
    ----------
    delta : float, default=1.35
    width : float, default=1.0
        In units of the raw prediction per unit of slope.
    """

    takes_any_array = True
    is_nearly_linear = True

    def __init__(self, delta: float = 1.35, width: float = 1.0) -> None:
        self.delta = delta
        self.width = width

    @property
    def _wide(self):
        return Huber((1.0 + self.width) * self.delta)

    @property
    def largest_curvature(self) -> float:  # type: ignore[override]
        return 1.0 / (1.0 + self.width)

    def value(self, y: Array, eta: Array) -> Array:
        return self._wide.value(y, eta) / (1.0 + self.width)

    def gradient(self, y: Array, eta: Array) -> Array:
        return self._wide.gradient(y, eta) / (1.0 + self.width)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return self._wide.curvature(y, eta) / (1.0 + self.width)

    def conjugate(self, y: Array, u: Array) -> Array:
        return Huber(self.delta).conjugate(y, u) + 0.5 * self.width * u**2

    def link(self, mean: Array) -> Array:
        return mean


class SquaredEpsilonInsensitive(Loss):
    """``max(0, |eta - y| - epsilon)^2``: support vector regression with a smooth loss.

    Parameters
    ----------
    epsilon : float, default=0.1
        Residual, in units of ``y``, up to which there is no loss.
    """

    largest_curvature = 2.0
    takes_any_array = True

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    def _beyond(self, y, eta):
        """Signed residual beyond epsilon."""
        away = eta - y
        return np.copysign(np.maximum(np.abs(away) - self.epsilon, 0.0), away)

    def value(self, y: Array, eta: Array) -> Array:
        return self._beyond(y, eta) ** 2

    def gradient(self, y: Array, eta: Array) -> Array:
        return 2.0 * self._beyond(y, eta)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return 2.0 * (np.abs(eta - y) >= self.epsilon)

    def conjugate(self, y: Array, u: Array) -> Array:
        return u * (0.25 * u + y) + self.epsilon * np.abs(u)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        check_epsilon(self, self.epsilon)


def check_epsilon(loss: Loss, epsilon: float) -> None:
    """Raise a ValueError where an insensitive loss has no epsilon of at least 0."""
    if not 0 <= epsilon < np.inf:
        raise ValueError(
            f"{type(loss).__name__}(epsilon={epsilon!r}): it must be a number of at least 0, as it "
            "is the residual up to which there is no loss. Use for instance epsilon=0.1."
        )
