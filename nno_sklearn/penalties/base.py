"""The interface of a penalty, and the absence of one."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from nno_sklearn._inheritance import forget_outdated
from nno_sklearn.types import Array, Scalar

#: Length of a proximal step, relative to the coefficients, that shows a subdifferential.
SHORT = 1e-4
CAPABILITIES = ("value", "gradient", "prox", "curvature", "conjugate")
#: What a subclass that rewrites one of the members on the right does not inherit. (A gradient
#: and a prox each do without the other: who writes one means it to be the one.)
AGREES_WITH = {
    "gradient": ("prox",),
    "prox": ("gradient",),
    "curvature": ("value", "gradient"),
    "conjugate": ("value",),
    "dual_scaling": ("value",),
    "subdiff_distance": ("value", "gradient", "prox"),
    "is_elastic_net": ("value", "gradient", "prox"),
    "is_zero": ("value", "gradient", "prox"),
}


class Penalty(BaseEstimator):
    """Base class of penalties; subclass it to bring your own.

    A penalty is a function of all coefficients ``w``, an array of shape (n_features, n_outputs); it
    never sees the intercept, nor ``alpha``. Write ``value`` and

    - ``gradient`` (and ``curvature``) if it is differentiable everywhere, or
    - ``prox``, with an elementwise step, and ``subdiff_distance`` if it is not.

    A penalty that treats features differently says with ``restrict`` what it is on some of them
    (and may make arrays of its parameters in ``bind``). One that ties coefficients together says
    so by ``is_separate = False``, where those are the outputs of a feature, or by ``groups``: its
    ``prox`` then gets the same step for all of them. One that does not allow 0 names a
    ``feasible_start``.

    With ``conjugate``, fits are certified by a duality gap.

    A subclass of another penalty that has a ``value``, ``gradient`` or ``prox`` of its own does
    not inherit what belongs to the other penalty, such as its conjugate.
    :func:`nno_sklearn.check_penalty` tests that all methods agree.
    """

    #: Whether it is a sum over the outputs, each of which then has steps of its own.
    is_separate: ClassVar[bool] = True
    #: Whether it is convex; otherwise a fit is certified to be stationary, which is less than
    #: optimal: ``dual_gap_`` is inf.
    is_convex: ClassVar[bool] = True
    #: True only where the penalty is 0 everywhere.
    is_zero: ClassVar[bool] = False
    #: True where the value is ``l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2``: active sets with
    #: factors then solve for it.
    is_elastic_net: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_outdated(cls, Penalty, AGREES_WITH)

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities: a subset of {"value", "gradient", "prox", "curvature", "conjugate"}.

        Read off the methods that the class writes.
        """
        return frozenset(
            name for name in CAPABILITIES if getattr(type(self), name) is not getattr(Penalty, name)
        )

    def bind(self, shape: tuple[int, int]) -> "Penalty":
        """This penalty on coefficients of a shape, (n_features, n_outputs).

        Raises
        ------
        ValueError
            Where its parameters do not fit the number of features or outputs.
        """
        return self

    def restrict(self, index: NDArray[np.integer]) -> "Penalty":
        """This penalty as a function of the features ``index`` alone, the others being 0.

        It is a penalty that is bound already.
        """
        return self

    @property
    def groups(self) -> NDArray[np.integer] | None:
        """Of a bound penalty: the number of each feature's group, (n_features,), counted from 0.

        Features of a group enter a model together, and have one step. None: each is on its own.
        """
        return None

    def tied(self, curvature: Array) -> Array:
        """Curvatures, (n_features, n_outputs), whose reciprocals are steps that :meth:`prox` takes:
        the largest among coefficients that this penalty ties together."""
        if not self.is_separate:
            curvature = np.broadcast_to(curvature.max(axis=1, keepdims=True), curvature.shape)
        if self.groups is None:
            return curvature
        largest = np.zeros((self.groups.max() + 1, curvature.shape[1]))
        np.maximum.at(largest, self.groups, curvature)
        return largest[self.groups]

    def feasible_start(self, shape: tuple[int, int]) -> Array:
        """Coefficients of a bound penalty whose value is finite: 0, wherever 0 is allowed."""
        return np.zeros(shape)

    def check_parameters(self) -> None:
        """Raise a ValueError where the penalty's own parameters make no sense."""

    def value(self, w: Array) -> Scalar:
        """Penalty of all coefficients, a float."""
        raise NotImplementedError(f"{type(self).__name__} has no value.")

    def gradient(self, w: Array) -> Array:
        """Derivative by each coefficient."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient.")

    def prox(self, w: Array, step: float | Array) -> Array:
        """``argmin_v |v - w|^2 / 2 + step * penalty(v)``, elementwise in w and step."""
        raise NotImplementedError(f"{type(self).__name__} has no prox.")

    def curvature(self, w: Array) -> Array:
        """Second derivative by each coefficient; 0 is a safe answer."""
        return np.zeros_like(w)

    def conjugate(self, z: Array) -> Scalar:
        """``sup_w z.w - penalty(w)``, a float; inf outside the domain."""
        raise NotImplementedError(f"{type(self).__name__} has no conjugate.")

    def dual_scaling(self, z: Array) -> Scalar:
        """A factor in [0, 1] that brings ``z`` into the domain of the conjugate."""
        return 1.0

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """Distance, per coefficient, of ``-gradient`` to the subdifferential at ``w``.

        The default is the length of a proximal step so short that it hardly leaves ``w``, in
        units of the step: 0 exactly at an optimum.
        """
        if "gradient" in self.provides:
            return np.abs(gradient + self.gradient(w))
        step = (
            SHORT * (1.0 + np.abs(w).max(initial=0.0)) / (1.0 + np.abs(gradient).max(initial=0.0))
        )
        return np.abs(w - self.prox(w - step * gradient, step)) / step


class NoPenalty(Penalty):
    """No penalty at all: the maximum-likelihood fit."""

    is_zero = True

    def value(self, w: Array) -> Scalar:
        return 0.0

    def gradient(self, w: Array) -> Array:
        return np.zeros_like(w)

    def prox(self, w: Array, step: float | Array) -> Array:
        return w

    def curvature(self, w: Array) -> Array:
        return np.zeros_like(w)
