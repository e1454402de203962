"""Losses for labels. Targets are 0/1 per output, or shares between them (mixtures of labels)."""

import numpy as np

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.losses.elementwise import sigmoid, x_log_x
from nno_sklearn.types import Array


class LogLoss(Loss):
    """Logistic loss of a binary label: ``log(1 + exp(eta)) - y eta``."""

    probabilistic = True
    takes_any_array = True
    takes_shares = True

    def value(self, y: Array, eta: Array) -> Array:
        return np.log1p(np.exp(-np.abs(eta))) + np.maximum(eta, 0.0) - y * eta

    def gradient(self, y: Array, eta: Array) -> Array:
        return sigmoid(eta) - y

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        probability = sigmoid(eta)
        return probability * (1.0 - probability)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        probability = sigmoid(eta)
        return probability - y, Curvature(probability * (1.0 - probability))

    def with_derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Curvature]:
        odds = np.exp(-np.abs(eta))  # of the less likely label: one exponential for all three
        likely = 1.0 / (1.0 + odds)
        unlikely = odds * likely
        losses = np.log1p(odds) + np.maximum(eta, 0.0) - y * eta
        return losses, np.where(eta > 0, likely, unlikely) - y, Curvature(likely * unlikely)

    def conjugate(self, y: Array, u: Array) -> Array:
        p = u + y
        inside = np.clip(p, 0.0, 1.0)
        value = x_log_x(inside) + x_log_x(1.0 - inside)
        return np.where(np.abs(p - inside) <= 1e-12, value, np.inf)

    def link(self, mean: Array) -> Array:
        return np.log(mean) - np.log1p(-mean)

    def predict(self, eta: Array) -> Array:
        """Probability of the second class."""
        return sigmoid(eta)

    def check_target(self, y: Array) -> None:
        check_labels(self, y)


def check_labels(loss, y):
    """Raise a ValueError for targets that are neither labels nor mixtures of them."""
    if not ((y >= -1e-9) & (y <= 1 + 1e-9)).all():
        raise ValueError(
            f"loss={loss} needs labels 0 and 1, or shares between them, but y goes from "
            f"{y.min():g} to {y.max():g}. Use NNOClassifier, which encodes labels, or a loss for "
            "numbers such as 'squared_error'."
        )


def _softmax(eta: Array) -> Array:
    """Softmax of each row; numpy's vectorised exp makes it faster than scipy's."""
    result = eta - eta.max(axis=1, keepdims=True)
    np.exp(result, out=result)
    result /= result.sum(axis=1, keepdims=True)
    return result


def _log_sum_exp(eta: Array) -> Array:
    top = eta.max(axis=1, keepdims=True)
    return np.log(np.exp(eta - top).sum(axis=1, keepdims=True)) + top


class MultinomialLogLoss(Loss):
    """Joint loss of K classes: ``log sum_k exp(eta_k) - sum_k y_k eta_k``."""

    probabilistic = True
    takes_shares = True
    conjugate_is_entropy = True
    takes_any_array = True
    of_two_classes = LogLoss

    def value(self, y: Array, eta: Array) -> Array:
        # Split over the classes, so that the sum over the array is the sum over the rows.
        return y * (_log_sum_exp(eta) - eta)

    def gradient(self, y: Array, eta: Array) -> Array:
        return _softmax(eta) - y

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        probability = _softmax(eta)
        return Curvature(probability, probability)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        probability = _softmax(eta)
        return probability - y, Curvature(probability, probability)

    def with_derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Curvature]:
        # Fresh memory costs several times the arithmetic on it.
        eta -= eta.max(axis=1, keepdims=True)
        probability = np.exp(eta)
        total = probability.sum(axis=1, keepdims=True)
        probability /= total
        eta -= np.log(total)
        eta *= y
        losses = np.negative(eta, out=eta)
        return losses, probability - y, Curvature(probability, probability)

    def conjugate(self, y: Array, u: Array) -> Array:
        p = u + y
        inside = np.clip(p, 0.0, 1.0)
        total = np.abs(p.sum(axis=1, keepdims=True) - 1.0)
        return np.where((np.abs(p - inside) <= 1e-12) & (total <= 1e-9), x_log_x(inside), np.inf)

    def link(self, mean: Array) -> Array:
        log_mean = np.log(np.maximum(mean, 1e-16))
        return log_mean - log_mean.mean()

    def predict(self, eta: Array) -> Array:
        """Probabilities of the classes."""
        return _softmax(eta)

    def check_target(self, y: Array) -> None:
        check_labels(self, y)


class _MarginLoss(Loss):
    """``y phi(eta) + (1 - y) phi(-eta)`` for a function ``phi`` of the margin."""

    largest_curvature = 2.0
    takes_any_array = True

    def value(self, y: Array, eta: Array) -> Array:
        return y * self._phi(eta) + (1.0 - y) * self._phi(-eta)

    def gradient(self, y: Array, eta: Array) -> Array:
        return y * self._phi_slope(eta) - (1.0 - y) * self._phi_slope(-eta)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return y * self._phi_curvature(eta) + (1.0 - y) * self._phi_curvature(-eta)

    def check_target(self, y: Array) -> None:
        check_labels(self, y)

    def conjugate(self, y: Array, u: Array) -> Array:
        """Conjugate at labels 0 and 1 (a mixed label has no closed form)."""
        slope = np.where(y > 0.5, u, -u)
        value = slope * (1.0 + 0.25 * slope)
        inside = (slope <= 1e-12) & (slope >= self._steepest * (1 + 1e-12))
        return np.where(inside, value, np.inf)


class SquaredHinge(_MarginLoss):
    """``max(0, 1 - margin)^2``, margin = eta for label 1 and -eta for label 0.

    More than two classes: one problem for each class against the rest.
    """

    _steepest = -np.inf

    def _phi(self, margin: Array) -> Array:
        return np.maximum(0.0, 1.0 - margin) ** 2

    def _phi_slope(self, margin: Array) -> Array:
        return -2.0 * np.maximum(0.0, 1.0 - margin)

    def _phi_curvature(self, margin: Array) -> Array:
        return 2.0 * (margin < 1.0)


class ModifiedHuber(_MarginLoss):
    """Squared hinge that turns linear at margin -1 (Zhang, 2004); robust to wrong labels.

    ``max(0, 1 - margin)^2`` where margin >= -1 and ``-4 margin`` below. More than two classes:
    one problem for each class against the rest.

    References
    ----------
    T. Zhang (2004): Solving large scale linear prediction problems using stochastic gradient
    descent algorithms. ICML.
    """

    probabilistic = True
    takes_any_array = True

    _steepest = -4.0

    def _phi(self, margin: Array) -> Array:
        return np.where(margin >= -1.0, np.maximum(0.0, 1.0 - margin) ** 2, -4.0 * margin)

    def _phi_slope(self, margin: Array) -> Array:
        return np.clip(-2.0 * (1.0 - margin), -4.0, 0.0)

    def _phi_curvature(self, margin: Array) -> Array:
        return 2.0 * ((margin < 1.0) & (margin >= -1.0))

    def predict(self, eta: Array) -> Array:
        """Probability of the class, ``(clip(eta, -1, 1) + 1) / 2`` (Zhang, 2004)."""
        return (np.clip(eta, -1.0, 1.0) + 1.0) / 2.0
