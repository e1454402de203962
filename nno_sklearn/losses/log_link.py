"""Losses for nonnegative numbers: half deviances with log link."""

import numpy as np
from scipy.special import xlog1py

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.losses.elementwise import sigmoid, x_log_x
from nno_sklearn.types import Array

#: Newton steps for the raw prediction with a given gradient, and the relative step that ends them:
#: the error of the conjugate is of second order in it.
ROOT_STEPS, ROOT_PRECISION = 20, 1e-9
#: About the largest number whose exponential does not overflow.
LARGEST_EXPONENT = 700.0


class _LogLinkDeviance(Loss):
    """The log link of the half deviances: predictions are ``exp(eta)``."""

    positive_target = True

    def link(self, mean: Array) -> Array:
        return np.log(mean)

    def predict(self, eta: Array) -> Array:
        return np.exp(eta)

    def check_mean(self, mean: Array) -> None:
        if not (mean > 0).all():
            raise ValueError(
                f"loss={self} needs at least one target y > 0 in each output, but all are 0: the "
                "best prediction exp(eta) = 0 has no finite intercept. Give rows with events; with "
                "fit_intercept=False and a penalty there is an optimum."
            )


class Poisson(_LogLinkDeviance):
    """Half Poisson deviance with log link: ``exp(eta) - y eta + y log y - y``; y >= 0."""

    takes_any_array = True

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
        _check_counts("'poisson'", "Poisson", y)


class Gamma(_LogLinkDeviance):
    """Half Gamma deviance with log link: ``y exp(-eta) + eta - log y - 1``; y > 0."""

    takes_any_array = True

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


class Tweedie(_LogLinkDeviance):
    """Half Tweedie deviance with log link (Tweedie, 1984; Jorgensen, 1987).

    With ``mu = exp(eta)``, ``a = 2 - power`` and ``b = power - 1``, so that the variance of y is
    proportional to ``mu^power``::

        (mu^a - y^a) / a + (y mu^-b - y^a) / b

    Up to power 2 it is convex in eta: amounts of which many are 0, such as claims, with y >= 0.
    Beyond it y > 0 is needed, and the loss is bounded as eta grows, hence not convex: fits are then
    certified as stationary points only, ``dual_gap_`` is inf. It is the loss of scikit-learn's
    TweedieRegressor.

    Parameters
    ----------
    power : float, default=1.5
        Power of the mean in the variance: greater than 1, and not 2. :class:`Poisson` is the
        limit 1, :class:`Gamma` the limit 2.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.losses import Tweedie
    >>> X, y = np.arange(6.0)[:, None], np.array([0.0, 1.0, 0.0, 2.0, 5.0, 6.0])
    >>> NNORegressor(Tweedie(power=1.2), alpha=0.01).fit(X, y).predict(X).round(1)
    array([0.2, 0.4, 0.9, 1.8, 3.6, 7.1])
    """

    takes_any_array = True

    def __init__(self, power: float = 1.5) -> None:
        self.power = power

    @property
    def provides(self) -> frozenset[str]:
        own = super().provides
        return own if self.power < 2 else own - {"conjugate"}

    def _parts(self, y, eta):
        """``mu^a`` and ``y mu^-b``, with the exponents a and b."""
        a, b = 2.0 - self.power, self.power - 1.0
        ratio = np.zeros(np.broadcast_shapes(y.shape, eta.shape))
        np.multiply(y, np.exp(-b * eta), out=ratio, where=y > 0)  # 0 also where exp overflows
        # Beyond power 2 it is less than the ratio, where it would overflow.
        rise = np.exp(a * eta if a > 0 else np.minimum(a * eta, LARGEST_EXPONENT))
        return rise, ratio, a, b

    def value(self, y: Array, eta: Array) -> Array:
        rise, ratio, a, b = self._parts(y, eta)
        least = y**a
        return (rise - least) / a + (ratio - least) / b

    def gradient(self, y: Array, eta: Array) -> Array:
        rise, ratio, _, _ = self._parts(y, eta)
        return rise - ratio

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        """Second derivative; where that is negative, beyond power 2, the expected one."""
        rise, ratio, a, b = self._parts(y, eta)
        return _positive(a * rise + b * ratio, rise)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        rise, ratio, a, b = self._parts(y, eta)
        return rise - ratio, Curvature(_positive(a * rise + b * ratio, rise))

    def conjugate(self, y: Array, u: Array) -> Array:
        """Conjugate up to power 2, by the raw prediction whose gradient is u."""
        a, b = 2.0 - self.power, self.power - 1.0
        positive = y > 0
        least = np.where(positive, y, 1.0) ** a
        t = _tweedie_root(u / least, a, b)
        above, below = np.expm1(a * t), np.expm1(-b * t)
        eta = t + np.log(np.where(positive, y, 1.0))
        touched = u * eta - least * (above / a + below / b)
        inside = np.maximum(u, 0.0)
        at_zero = np.where(u >= 0, (x_log_x(inside) - inside) / a, np.inf)
        return np.where(positive, touched, at_zero)

    def check_target(self, y: Array) -> None:
        name = type(self).__name__
        if not (self.power > 1 and self.power != 2 and np.isfinite(self.power)):
            raise ValueError(
                f"{name}(power={self.power!r}): power must be greater than 1 and not 2, for "
                "instance 1.5. Use loss='poisson' for power 1 and loss='gamma' for power 2."
            )
        if self.power < 2:
            _check_counts(self, "Tweedie", y)
        elif (y <= 0).any():
            raise ValueError(
                f"loss={self} needs targets y > 0, but the smallest is {y.min():g}: beyond power 2 "
                "the distribution is strictly positive. Remove those rows, or use "
                "loss='tweedie' (y >= 0), 'squared_error' or 'huber'."
            )


def _positive(second, expected):
    """Second derivatives, or where they are not positive the expected ones (Fisher's scoring)."""
    return np.where(second > 0, second, expected)


def _tweedie_root(slope, a, b):
    """The t with ``exp(a t) - exp(-b t) = slope``, where a + b = 1; nan where none is found.

    Newton's method on the inverse hyperbolic sine of both sides, which is nearly linear in t;
    for a = b it is t / 2. The root lies between 0 and ``farthest``, since one exponential is at
    most 1.
    """
    target, size = np.arcsinh(0.5 * slope), np.abs(slope)
    farthest = np.sign(slope) * np.log1p(size) / np.where(slope > 0, a, b)
    low, high = np.minimum(farthest, 0.0), np.maximum(farthest, 0.0)
    t = np.clip(slope, low, high)
    for _ in range(ROOT_STEPS):
        rise, fall = np.exp(a * t), np.exp(-b * t)
        difference = rise - fall
        steepness = (a * rise + b * fall) / np.hypot(difference, 2.0)
        step = (np.arcsinh(0.5 * difference) - target) / steepness
        t = np.clip(t - step, low, high)
        if (np.abs(step) <= ROOT_PRECISION * (1.0 + np.abs(t))).all():
            return t
    return np.where(np.abs(step) <= ROOT_PRECISION * (1.0 + np.abs(t)), t, np.nan)


class InverseGaussian(Tweedie):
    """Half inverse Gaussian deviance with log link: Tweedie's at power 3; y > 0.

    ``(y - mu)^2 / (2 y mu^2)`` with ``mu = exp(eta)`` (Tweedie, 1957): for positive amounts whose
    variance grows with the cube of their mean. It is not convex: see :class:`Tweedie`.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNORegressor
    >>> X, y = np.arange(5.0)[:, None], np.array([1.0, 1.9, 4.4, 7.0, 18.0])
    >>> NNORegressor("inverse_gaussian", alpha=0.001).fit(X, y).predict(X).round(1)
    array([ 1. ,  2. ,  4. ,  8.1, 16.2])
    """

    power = 3.0

    def __init__(self) -> None:
        pass


class NegativeBinomial(_LogLinkDeviance):
    """Half negative binomial deviance with log link, for counts with more variance than Poisson's.

    With ``mu = exp(eta)``, a variance of ``mu + dispersion * mu^2`` and ``r = 1 / dispersion``
    (Lawless, 1987)::

        y log(y / mu) - (y + r) log((1 + dispersion * y) / (1 + dispersion * mu))

    It is convex in eta for every y >= 0, and its gradient is bounded: a logistic loss of the shift
    ``log(dispersion)``.

    Parameters
    ----------
    dispersion : float, default=1.0
        Factor of ``mu^2`` in the variance, greater than 0; it is not estimated, but can be tuned
        as ``loss__dispersion``. :class:`Poisson` is the limit 0.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.losses import NegativeBinomial
    >>> X, y = np.arange(6.0)[:, None], np.array([0.0, 2.0, 1.0, 2.0, 9.0, 6.0])
    >>> NNORegressor(NegativeBinomial(0.3), alpha=0.01).fit(X, y).predict(X).round(1)
    array([0.5, 1. , 1.7, 3. , 5.2, 9.2])
    """

    takes_any_array = True

    def __init__(self, dispersion: float = 1.0) -> None:
        self.dispersion = dispersion

    def value(self, y: Array, eta: Array) -> Array:
        r, z = 1.0 / self.dispersion, eta + np.log(self.dispersion)
        risen = np.logaddexp(0.0, z) - np.log1p(self.dispersion * y)
        return x_log_x(y) - y * eta + (y + r) * risen

    def gradient(self, y: Array, eta: Array) -> Array:
        r, z = 1.0 / self.dispersion, eta + np.log(self.dispersion)
        return r * sigmoid(z) - y * sigmoid(-z)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        r, z = 1.0 / self.dispersion, eta + np.log(self.dispersion)
        return (y + r) * sigmoid(z) * sigmoid(-z)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        r, z = 1.0 / self.dispersion, eta + np.log(self.dispersion)
        share, rest = sigmoid(z), sigmoid(-z)
        return r * share - y * rest, Curvature((y + r) * share * rest)

    def conjugate(self, y: Array, u: Array) -> Array:
        r = 1.0 / self.dispersion
        up, down = np.maximum(u + y, 0.0), np.maximum(r - u, 0.0)
        fall = xlog1py(down, np.maximum(-self.dispersion * u, -1.0))
        value = x_log_x(up) - x_log_x(y) + fall
        inside = (u + y >= -1e-12 * (1 + y)) & (r - u >= -1e-12 * r)
        return np.where(inside, value, np.inf)

    def check_target(self, y: Array) -> None:
        if not (self.dispersion > 0 and np.isfinite(self.dispersion)):
            raise ValueError(
                f"NegativeBinomial(dispersion={self.dispersion!r}): dispersion must be greater "
                "than 0, for instance 1.0. Use loss='poisson' where counts have no dispersion "
                "of their own."
            )
        _check_counts(self, "negative binomial", y)


def _check_counts(loss, distribution, y):
    """Raise a ValueError for targets below 0."""
    if (y < 0).any():
        raise ValueError(
            f"loss={loss} needs targets y >= 0, but the smallest is {y.min():g}: negative "
            f"counts have no {distribution} deviance. Remove those rows, or use "
            "loss='squared_error' or 'huber'."
        )
