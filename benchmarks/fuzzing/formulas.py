"""Losses of rows in extended precision: values, slopes and curvatures, written again.

Nothing is taken from the package. Where a loss has corners, the curvature is 0.
"""

from typing import NamedTuple

import numpy as np

LD = np.longdouble
DELTA = LD(1.35)  # of the package's Huber losses
EPSILON = LD(0.1)  # of its epsilon-insensitive ones
QUANTILE = LD(0.25)
LEAST_SCALE = 10 * np.finfo(float).eps  # of residuals that are all 0
POWER = LD(1.5)  # of its Tweedie loss


class Derivatives(NamedTuple):
    """Loss of rows: value (n,), slope (n, K), curvature (n, K, K)."""

    value: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray


def squared_error(y, eta):
    r = eta - y
    return r * r / 2, r, np.ones_like(r)


def huber(y, eta):
    r = eta - y
    size = np.abs(r)
    value = np.where(size <= DELTA, r * r / 2, DELTA * (size - DELTA / 2))
    return value, np.clip(r, -DELTA, DELTA), (size <= DELTA).astype(LD)


def poisson(y, eta):
    mean = np.exp(eta)
    y_log_y = y * np.log(np.where(y > 0, y, 1))
    return mean - y * eta + y_log_y - y, mean - y, mean


def gamma(y, eta):
    ratio = y * np.exp(-eta)
    return ratio + eta - np.log(y) - 1, 1 - ratio, ratio


def log_loss(y, eta):
    sign = 2 * y - 1
    value = np.logaddexp(LD(0), -sign * eta)
    miss = np.exp(-sign * eta - value)  # probability of the other label
    return value, -sign * miss, miss * (1 - miss)


def squared_hinge(y, eta):
    sign = 2 * y - 1
    short = np.maximum(0, 1 - sign * eta)
    return short**2, -2 * sign * short, 2 * (short > 0).astype(LD)


def modified_huber(y, eta):
    sign = 2 * y - 1
    margin = sign * eta
    short = np.maximum(0, 1 - margin)
    linear = margin < -1
    value = np.where(linear, -4 * margin, short**2)
    slope = sign * np.where(linear, LD(-4), -2 * short)
    return value, slope, 2 * ((short > 0) & ~linear).astype(LD)


def hinge(y, eta):
    sign = 2 * y - 1
    short = 1 - sign * eta
    return np.maximum(0, short), -sign * (short > 0), np.zeros_like(eta)


def quantile(y, eta):
    slope = np.where(eta > y, 1 - QUANTILE, -QUANTILE)
    return slope * (eta - y), slope, np.zeros_like(eta)


def absolute_error(y, eta):
    return np.abs(eta - y), np.sign(eta - y), np.zeros_like(eta)


def epsilon_insensitive(y, eta):
    beyond = np.maximum(np.abs(eta - y) - EPSILON, 0)
    return beyond, np.sign(eta - y) * (beyond > 0), np.zeros_like(eta)


def squared_epsilon_insensitive(y, eta):
    beyond = np.maximum(np.abs(eta - y) - EPSILON, 0)
    return beyond**2, 2 * np.sign(eta - y) * beyond, 2 * (beyond > 0).astype(LD)


def concomitant_huber(weight, y, eta):
    """Huber's loss of residuals in units of the scale at which it is least, for each output."""
    r = eta - y
    size, low = np.abs(r), np.zeros(r.shape[1], LD)
    high = 2 * np.sqrt(weight @ r**2)
    for _ in range(100):
        sigma = (low + high) / 2
        spread = weight @ np.minimum(r**2, (DELTA * sigma) ** 2)
        low, high = (
            np.where(spread > sigma**2, sigma, low),
            np.where(spread > sigma**2, high, sigma),
        )
    scale = np.where(high > 0, high, LEAST_SCALE)
    slope = np.clip(r / scale, -DELTA, DELTA)
    return slope * r + scale * (1 - slope**2) / 2, slope, (size <= DELTA * scale) / scale


def _tweedie(power):
    a, b = 2 - power, power - 1

    def derivatives(y, eta):
        rise = np.exp(a * eta)
        ratio = np.where(y > 0, y * np.exp(-b * eta), 0)
        least = np.where(y > 0, y, 0 if a > 0 else 1) ** a
        return (rise - least) / a + (ratio - least) / b, rise - ratio, a * rise + b * ratio

    return derivatives


def negative_binomial(y, eta):
    """Of dispersion 1."""
    risen = np.logaddexp(LD(0), eta)
    share, rest = np.exp(eta - risen), np.exp(-risen)
    y_log_y = y * np.log(np.where(y > 0, y, 1))
    value = y_log_y - y * eta + (y + 1) * (risen - np.log1p(y))
    return value, share - y * rest, (y + 1) * share * rest


def uncoupled(loss):
    """Derivatives from a loss of each output on its own: values, slopes, curvatures (n, K)."""

    def derivatives(y, eta):
        value, slope, curvature = loss(y, eta)
        diagonal = curvature[:, :, None] * np.eye(eta.shape[1], dtype=LD)
        return Derivatives(value.sum(axis=1), slope, diagonal)

    return derivatives


def multinomial(y, eta):
    """Joint log-loss of K classes; y is one column per class."""
    top = eta.max(axis=1, keepdims=True)
    log_p = eta - top - np.log(np.exp(eta - top).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    curvature = p[:, :, None] * (np.eye(eta.shape[1], dtype=LD) - p[:, None, :])
    return Derivatives(-(y * log_p).sum(axis=1), p - y, curvature)


UNCOUPLED = {
    "tweedie": uncoupled(_tweedie(POWER)),
    "inverse_gaussian": uncoupled(_tweedie(LD(3))),
}
UNCOUPLED |= {
    loss.__name__: uncoupled(loss)
    for loss in (
        squared_error,
        huber,
        poisson,
        gamma,
        log_loss,
        squared_hinge,
        modified_huber,
        hinge,
        quantile,
        absolute_error,
        epsilon_insensitive,
        squared_epsilon_insensitive,
        negative_binomial,
    )
}
#: Losses that fall to 0 as eta falls where y is 0.
COUNTS = ("poisson", "tweedie", "negative_binomial")
#: Losses without a second derivative everywhere, to which Newton's steps do not lead.
CORNERED = ("hinge", "quantile", "absolute_error", "epsilon_insensitive", "concomitant_huber")
NOT_CONVEX = ("inverse_gaussian",)


def magnitude(loss, y, eta):
    """Size of the largest term in the loss of rows, where terms cancel."""
    log_y = np.abs(np.log(np.where(y > 0, y, 1)))
    if loss in ("poisson", "negative_binomial"):
        risen = np.exp(eta) if loss == "poisson" else 0  # which overflows where eta is large
        return risen + (1 + y) * (1 + np.abs(eta) + log_y)
    if loss == "gamma":
        return y * np.exp(-eta) + np.abs(eta) + log_y + 1
    if loss in ("tweedie", "inverse_gaussian"):
        value, _, curvature = _tweedie(POWER if loss == "tweedie" else LD(3))(y, eta)
        return 2 * (np.abs(value) + np.abs(curvature) * (1 + np.abs(eta)) + np.sqrt(y))
    return np.abs(eta) if loss == "log_loss" else np.zeros_like(eta)
