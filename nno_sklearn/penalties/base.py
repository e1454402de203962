"""The interface of a penalty, and the absence of one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from nno_sklearn._inheritance import forget_outdated, written
from nno_sklearn.penalties.faces import Face
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar

#: Length of a proximal step, relative to the coefficients, that shows a subdifferential.
SHORT = 1e-4
#: Units in the last place that may be rounding of such a step.
ROUNDINGS = 8
CAPABILITIES = ("value", "gradient", "prox", "curvature", "conjugate")
#: What a subclass that rewrites one of the members on the right does not inherit. (A gradient
#: and a prox each do without the other: who writes one means it to be the one.)
AGREES_WITH = {
    "gradient": ("prox",),
    "prox": ("gradient",),
    "curvature": ("value", "gradient"),
    "curvature_product": ("value", "gradient", "curvature"),
    "concavity": ("value", "gradient", "prox"),
    "conjugate": ("value",),
    "dual_scaling": ("value",),
    "subdiff_distance": ("value", "gradient", "prox"),
    **dict.fromkeys(
        (
            "piecewise_quadratic",
            "group_norms",
            "face",
            "constraints",
            "bind",
            "is_adaptive",
            "pilot",
            "adapted",
            "at_strength",
            "restrict",
            "feasible_start",
        ),
        ("value", "gradient", "prox"),
    ),
    "is_zero": ("value", "gradient", "prox"),
}


class Penalty(BaseEstimator):
    """Base class of penalties; subclass it to bring your own.

    A penalty is a function of all coefficients ``w``, an array of shape (n_features, n_outputs); it
    never sees the intercept, nor ``alpha``. Write ``value`` and

    - ``gradient`` (and ``curvature``) if it is differentiable everywhere, or
    - ``prox``, with an elementwise step, and ``subdiff_distance`` if it is not.

    A penalty that treats coefficients differently makes arrays of its parameters in ``bind``, once
    the features and outputs are known, and says with ``restrict`` what it is on some of them.
    One that ties coefficients together says so by ``is_separate = False``, where those are the
    outputs of a feature, or by ``groups``: its ``prox`` then gets the same step for all of them.
    One that does not allow 0 names a ``feasible_start``.

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
    #: Capabilities by the methods that the class writes.
    _written: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_outdated(cls, Penalty, AGREES_WITH)
        cls._written = written(cls, Penalty, CAPABILITIES)

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities: a subset of {"value", "gradient", "prox", "curvature", "conjugate"}.

        Read off the methods that the class writes.
        """
        return self._written

    @property
    def idle_parameters(self) -> dict[str, tuple[str, Any]]:
        """Parameters that have no effect beside the others, and what would give them one: the name
        of another parameter, and a value of it."""
        return {}

    @property
    def has_dual(self) -> bool:
        """Whether it is convex and has a conjugate, of which duality gaps are made."""
        return self.is_convex and "conjugate" in self.provides

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> "Penalty":
        """This penalty on coefficients of shape (n_features, n_outputs); one that is bound to them
        already is itself.

        Parameters
        ----------
        n_features, n_outputs : int
        feature_names : sequence of str, default=None
            Where the data have any.

        Raises
        ------
        ValueError
            Where its parameters do not fit the features or outputs.
        """
        return self

    @property
    def is_adaptive(self) -> bool:
        """Whether this penalty depends on the coefficients of a first fit to the same data. It is
        bound after it has been :meth:`adapted` to them."""
        return False

    def pilot(self, curvature: Array) -> "Penalty":
        """The penalty, with strength 1, of the first fit that an adaptive penalty depends on.

        Parameters
        ----------
        curvature : ndarray of shape (n_features, n_outputs)
            Of the data loss, by each coefficient, at the constant model.
        """
        raise NotImplementedError(f"{type(self).__name__} takes no first fit.")

    def adapted(self, coef: Array) -> "Penalty":
        """This penalty as the coefficients of a first fit, (n_features, n_outputs), make it."""
        raise NotImplementedError(f"{type(self).__name__} takes no first fit.")

    def at_strength(self, alpha: float) -> "Penalty":
        """This penalty, which is bound already, where ``alpha`` > 0 multiplies it.

        Most are the same at every strength; a non-convex one may have sizes in units of alpha.
        """
        return self

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> "Penalty":
        """This penalty, which is bound already, as a function of the coefficients of some features
        in some outputs alone, the others being 0.

        Some features are a working set, with all outputs; single outputs occur with all features,
        where they do not interact. An array of w's shape is cut by ``np.ix_(features, outputs)``.
        """
        return self

    def constraints(self) -> "Penalty":
        """What is left of this penalty, which is bound already, as its strength vanishes:
        ``alpha=0`` frees the coefficients, but only where the penalty is finite."""
        return NoPenalty() if "gradient" in self.provides else Domain(self)

    def without_bounds(self) -> "Penalty | None":
        """This penalty, which is bound already, as it would be without bounds of coefficients; None
        where it has none, or has kinks or no curvature beside them."""
        return None

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic | None:
        """A piecewise quadratic function that is this penalty, or else is equal to it at ``w``, up
        to a constant, and nowhere below it; None where there is none.

        Active sets with factors solve for it, which are far faster and more exact than proximal
        steps.
        """
        return None

    def group_norms(self, w: Array) -> GroupNorms | None:
        """Of a bound penalty: a sum of norms of groups, an l1 part and squares, that is this
        penalty, or else is equal to it at ``w``, up to a constant, and nowhere below it; None where
        there is none.

        Newton's method in the sizes of the groups solves for it, far faster than proximal steps.
        """
        return None

    def face(self, w: Array) -> Face | None:
        """Of a bound penalty that is piecewise linear, but no sum over coefficients: those
        coefficients near ``w`` among which it is linear; None for others.

        Proximal steps find the face of the optimum, and Newton's method the optimum on it.
        """
        return None

    @property
    def groups(self) -> NDArray[np.integer] | None:
        """Of a bound penalty: the number of each feature's group, (n_features,), counted from 0.

        Features of a group enter a model together, and have one step. None: each is on its own.
        """
        return None

    @property
    def is_elementwise(self) -> bool:
        """Of a bound penalty: whether it is a sum over coefficients, each of which has a step of
        its own."""
        return self.is_separate and self.groups is None

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

    def concavity(self, w: Array) -> Scalar | Array:
        """Of a penalty that is not convex: how far its second derivative by each coefficient, or
        that along the direction of each coefficient's group, is below that of its
        :meth:`piecewise_quadratic`, or of its :meth:`group_norms`; a number of at least 0. 0 is a
        safe answer, with which solvers may be slower."""
        return 0.0

    def curvature_product(self, w: Array, d: Array) -> Array:
        """Second derivatives at ``w`` times ``d``, those between coefficients included."""
        return self.curvature(w) * d

    def conjugate(self, z: Array) -> Scalar:
        """``sup_w z.w - penalty(w)``, a float; inf outside the domain."""
        raise NotImplementedError(f"{type(self).__name__} has no conjugate.")

    def dual_scaling(self, z: Array) -> Scalar:
        """A factor in [0, 1] that brings ``z`` into the domain of the conjugate."""
        return 1.0

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """Distance, per coefficient, of ``-gradient`` to the subdifferential at ``w``.

        The default is the length of a proximal step so short that it hardly leaves ``w``, in
        units of the step: 0 at an optimum, and where it is rounding of ``w``.
        """
        if "gradient" in self.provides:
            return np.abs(gradient + self.gradient(w))
        step = (
            SHORT * (1.0 + np.abs(w).max(initial=0.0)) / (1.0 + np.abs(gradient).max(initial=0.0))
        )
        length = np.abs(w - self.prox(w - step * gradient, step))
        rounding = ROUNDINGS * np.finfo(float).eps * (np.abs(w) + step * np.abs(gradient))
        return np.where(length <= rounding, 0.0, length) / step


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


class Domain(Penalty):
    """0 wherever another penalty is finite: its constraints.

    Parameters
    ----------
    penalty : Penalty
        A bound one, with a prox.
    """

    def __init__(self, penalty: Penalty) -> None:
        self.penalty = penalty

    @property
    def is_separate(self) -> bool:  # type: ignore[override]  # as the other's class says
        return self.penalty.is_separate

    @property
    def groups(self) -> NDArray[np.integer] | None:
        return self.penalty.groups

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        return Domain(self.penalty.restrict(features, outputs))

    def feasible_start(self, shape: tuple[int, int]) -> Array:
        return self.penalty.feasible_start(shape)

    def value(self, w: Array) -> Scalar:
        return 0.0 if np.isfinite(self.penalty.value(w)) else np.inf

    def prox(self, w: Array, step: float | Array) -> Array:
        return self.penalty.prox(w, 0.0 * step)
