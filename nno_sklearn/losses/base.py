"""The interface of a loss: pointwise in (target, raw prediction)."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from nno_sklearn._inheritance import forget_outdated
from nno_sklearn.types import Array

CAPABILITIES = ("value", "gradient", "curvature", "conjugate")
_DERIVED = ("value", "gradient", "curvature", "derivatives")
#: What a subclass that rewrites one of the members on the right does not inherit.
AGREES_WITH = {
    "curvature": ("value", "gradient"),
    "derivatives": ("value", "gradient", "curvature"),
    "conjugate": ("value", "gradient"),
    "constant_curvature": _DERIVED,
    "largest_curvature": _DERIVED,
    "is_quadratic": _DERIVED,
    "of_two_classes": ("value", "gradient", "link", "predict"),
}


class Curvature(NamedTuple):
    """Second derivatives of n rows: row i has ``diag(diagonal[i]) - coupling[i] coupling[i]'``.

    Parameters
    ----------
    diagonal : ndarray of shape (n_samples, n_outputs)
    coupling : ndarray of shape (n_samples, n_outputs) or None
        None where the outputs do not interact.
    """

    diagonal: np.ndarray
    coupling: np.ndarray | None = None

    @classmethod
    def of(cls, curvature: "Array | Curvature") -> "Curvature":
        """Take what a loss returns: a plain array means uncoupled outputs."""
        return curvature if isinstance(curvature, cls) else cls(np.asarray(curvature))

    def product(self, direction: Array) -> Array:
        """Apply each row's matrix to that row of ``direction``, (n_samples, n_outputs)."""
        result = self.diagonal * direction
        if self.coupling is not None:
            inner = (self.coupling * direction).sum(axis=1, keepdims=True)
            result -= self.coupling * inner
        return result

    def entry(self, k: int, m: int) -> Array:
        """Second derivative in outputs k and m, (n_samples,)."""
        diagonal = self.diagonal[:, k] if k == m else 0.0
        if self.coupling is None:
            return np.broadcast_to(diagonal, len(self.diagonal))
        return diagonal - self.coupling[:, k] * self.coupling[:, m]

    def total(self, weight: Array) -> Array:
        """Weighted sum over the rows, (n_outputs, n_outputs)."""
        total = np.diag(weight @ self.diagonal)
        if self.coupling is not None:
            total = total - (self.coupling.T * weight) @ self.coupling
        return total


class Loss(BaseEstimator):
    """Base class of losses; subclass it to bring your own.

    A loss is pointwise in ``y`` and the raw prediction ``eta = X @ w + b``; both are float64
    arrays of shape (n_samples, n_outputs), as are all results. ``value`` and ``gradient`` must
    be written. ``curvature`` is taken from differences of the gradient unless it is written.
    With ``conjugate`` (and a penalty that has one) every fit is certified by a duality gap;
    without it, by the size of the gradient.

    A loss should be convex in ``eta`` and not negative. Class labels arrive as 0 and 1, one
    column per output; landmark rows carry the mean of the labels around them.

    A subclass of another loss that has a ``value`` or ``gradient`` of its own inherits neither
    curvature and conjugate nor the class data below: they belong to the other loss.
    :func:`nno_sklearn.check_loss` tests that all methods agree.
    """

    #: Solvers may then keep a curvature matrix for ever.
    constant_curvature: ClassVar[bool] = False
    #: True where ``value`` is ``c (eta - y)^2`` with one c for all: second moments of the data then
    #: say all.
    is_quadratic: ClassVar[bool] = False
    #: Largest curvature of a loss with flat parts, whose momentary curvature jumps; else None.
    largest_curvature: ClassVar[float | None] = None
    #: True where targets must not be negative.
    positive_target: ClassVar[bool] = False
    #: True where ``predict`` gives probabilities of classes.
    probabilistic: ClassVar[bool] = False
    #: Class of the loss of one output that states the same model of two classes, for a loss that
    #: couples one output per class; else None.
    of_two_classes: ClassVar[type | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_outdated(cls, Loss, AGREES_WITH)

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities of this loss: a subset of {"value", "gradient", "curvature", "conjugate"}.

        Read off the methods that the class writes; nothing has to be declared.
        """
        written = {
            name for name in CAPABILITIES if getattr(type(self), name) is not getattr(Loss, name)
        }
        return frozenset(written | {"curvature"} if "gradient" in written else written)

    def value(self, y: Array, eta: Array) -> Array:
        """Loss of each entry, (n_samples, n_outputs); their sum counts."""
        raise NotImplementedError(f"{type(self).__name__} has no value.")

    def gradient(self, y: Array, eta: Array) -> Array:
        """Derivative of the value by ``eta``, (n_samples, n_outputs)."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient.")

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        """Second derivative by ``eta``: an array like ``eta``, or a :class:`Curvature`."""
        step = 1e-5 * np.maximum(1.0, np.abs(eta))
        rise = self.gradient(y, eta + step) - self.gradient(y, eta - step)
        return np.maximum(rise, 0.0) / (2 * step)  # convex, but for rounding

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        """Gradient and curvature together; losses that share work between them override it."""
        return self.gradient(y, eta), Curvature.of(self.curvature(y, eta))

    def conjugate(self, y: Array, u: Array) -> Array:
        """``sup_eta u * eta - value(y, eta)``, per entry; inf outside the domain."""
        raise NotImplementedError(f"{type(self).__name__} has no conjugate.")

    def link(self, mean: Array) -> Array:
        """Raw prediction whose prediction is ``mean``: where the search for b begins."""
        return np.zeros_like(mean)

    def predict(self, eta: Array) -> Array:
        """Prediction in the units of the target (the inverse link)."""
        return eta

    def check_target(self, y: Array) -> None:
        """Raise a ValueError where ``y`` lies outside of what the loss is defined for."""


def x_log_x(x: Array) -> Array:
    """``x log x`` for x >= 0, 0 at 0: as :func:`scipy.special.xlogy`, but numpy's logarithm is
    vectorised."""
    return x * np.log(np.maximum(x, np.finfo(np.result_type(x, np.float32)).tiny))


def sigmoid(eta: Array) -> Array:
    """``1 / (1 + exp(-eta))``: exact wherever the result is not below 1e-308, and several times
    faster than :func:`scipy.special.expit`, since numpy's exp is vectorised."""
    with np.errstate(over="ignore"):
        result = np.exp(-eta)
    result += 1.0
    return np.divide(1.0, result, out=result)
