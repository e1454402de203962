"""The interface of a loss: pointwise in (target, raw prediction)."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from nno_sklearn._inheritance import forget_outdated, written
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.types import Array

if TYPE_CHECKING:
    from nno_sklearn.losses.piecewise_linear import Corner

CAPABILITIES = (
    "value",
    "gradient",
    "curvature",
    "conjugate",
    "smoothed",
    "corners",
    "at_scale",
    "at_intercepts",
)
_DERIVED = ("value", "gradient", "curvature", "derivatives")
#: Members that a subclass does not inherit if it overrides one of those on the right.
AGREES_WITH = {
    "curvature": ("value", "gradient"),
    "derivatives": ("value", "gradient", "curvature"),
    "with_derivatives": ("value", "gradient", "curvature", "derivatives"),
    "conjugate": ("value", "gradient"),
    "smoothed": ("value", "gradient"),
    "corners": ("value", "gradient"),
    "sharp": ("value", "gradient"),
    "at_scale": ("value", "gradient"),
    "at_intercepts": ("value", "gradient"),
    "resolved": ("value", "gradient"),
    "decide": ("value", "gradient", "predict"),
    "constant_curvature": _DERIVED,
    "largest_curvature": _DERIVED,
    "is_quadratic": _DERIVED,
    "is_nearly_linear": _DERIVED,
    "of_two_classes": ("value", "gradient", "link", "predict"),
    "takes_shares": ("value", "gradient", "conjugate"),
    "conjugate_is_entropy": ("value", "gradient", "conjugate"),
    "takes_any_array": (*_DERIVED, "with_derivatives", "conjugate", "predict", "decide"),
}


class Loss(BaseEstimator):
    """Base class of losses; subclass it to bring your own.

    A loss is pointwise in ``y`` and the raw prediction ``eta = X @ w + b``; both are float64
    arrays of shape (n_samples, n_outputs), as are all results. ``value`` and ``gradient`` must
    be written. Without ``curvature``, differences of the gradient serve. With ``conjugate`` (and a
    penalty that has one) a fit is certified by a duality gap, without it by a Newton decrement.

    A loss whose gradient jumps, such as the absolute error, writes ``smoothed``: fits then solve
    smooth losses that come nearer and nearer, and certify the loss itself by its ``conjugate``.

    A loss should be convex in ``eta`` and nonnegative. Class labels arrive as 0 and 1, one
    column per output; landmark rows carry the mean of the labels around them.

    A subclass that overrides ``value`` or ``gradient`` of another loss inherits neither curvature
    and conjugate nor the class attributes below: they belong to the other loss.
    :func:`nno_sklearn.check_loss` tests that all methods agree.
    """

    #: True where the curvature is constant: solvers may then keep a Hessian.
    constant_curvature: ClassVar[bool] = False
    #: True where ``value`` is ``c (eta - y)^2`` with one constant c: second moments of the data
    #: then determine the fit.
    is_quadratic: ClassVar[bool] = False
    #: Largest curvature of a loss with flat parts, whose curvature jumps there; else None.
    largest_curvature: ClassVar[float | None] = None
    #: True where the curvature is 0 but on short intervals: the best intercept then takes long to
    #: find, and solvers do without it along lines.
    is_nearly_linear: ClassVar[bool] = False
    #: About the largest slope of a loss with a :meth:`smoothed`, which tells how wide the first
    #: parabolas are.
    steepest: ClassVar[float] = 1.0
    #: True where targets must not be negative.
    positive_target: ClassVar[bool] = False
    #: True where ``predict`` gives probabilities of classes.
    probabilistic: ClassVar[bool] = False
    #: True where a row's targets may be shares of classes that sum to 1, as if it were that many
    #: rows, in the conjugate, too.
    takes_shares: ClassVar[bool] = False
    #: True where ``y + gradient`` are probabilities p that sum to 1 in each row, and the conjugate
    #: is ``p log p``: means of many dual points then bound the optimum.
    conjugate_is_entropy: ClassVar[bool] = False
    #: True where the methods use no functions of numpy but ufuncs, ``where``, ``clip``, ``*_like``
    #: and sums or extremes along an axis: they then compute wherever arrays are, such as torch's on
    #: a GPU. Others are given copies in this process.
    takes_any_array: ClassVar[bool] = False
    #: For a loss that couples one output per class: the class of the loss of one output that is
    #: the same model for two classes; else None.
    of_two_classes: ClassVar[type | None] = None
    #: What ordered classes add to each row's raw prediction, where it is known; else 0.
    intercepts: Array | float = 0.0
    #: Capabilities by the methods that the class writes.
    _written: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_outdated(cls, Loss, AGREES_WITH)
        own = written(cls, Loss, CAPABILITIES)
        cls._written = own | {"curvature"} if "gradient" in own else own

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities of this loss: a subset of {"value", "gradient", "curvature", "conjugate",
        "smoothed", "corners", "at_scale", "at_intercepts"}.

        Determined by the methods that the class defines; nothing has to be declared.
        """
        return self._written

    def resolved(self) -> "Loss":
        """The loss that a fit with this one takes: itself, unless a parameter names another."""
        return self

    def value(self, y: Array, eta: Array) -> Array:
        """Loss of each entry; their weighted sum counts.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets; labels as 0 and 1, or shares between them.
        eta : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        raise NotImplementedError(f"{type(self).__name__} has no value.")

    def gradient(self, y: Array, eta: Array) -> Array:
        """Derivative of the value by ``eta``.

        Parameters
        ----------
        y, eta : ndarray of shape (n_samples, n_outputs)
            As in :meth:`value`.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        raise NotImplementedError(f"{type(self).__name__} has no gradient.")

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        """Second derivative by ``eta``; from differences of the gradient unless it is written.

        Parameters
        ----------
        y, eta : ndarray of shape (n_samples, n_outputs)
            As in :meth:`value`.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs) or Curvature
            A :class:`Curvature` where the outputs of a row interact.
        """
        step = 1e-5 * np.maximum(1.0, np.abs(eta))
        rise = self.gradient(y, eta + step) - self.gradient(y, eta - step)
        return np.maximum(rise, 0.0) / (2 * step)  # convex: below 0 by rounding only

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        """Gradient and curvature together; losses that share work between them override it."""
        return self.gradient(y, eta), Curvature.of(self.curvature(y, eta))

    def with_derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Curvature]:
        """Value, gradient and curvature together; losses that share work between them override
        it, and may do so in the memory of ``eta``, which is not looked at again."""
        return self.value(y, eta), *self.derivatives(y, eta)

    def conjugate(self, y: Array, u: Array) -> Array:
        """``sup_eta u * eta - value(y, eta)``, per entry.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.
        u : ndarray of shape (n_samples, n_outputs)
            Dual point.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            inf outside of the domain.
        """
        raise NotImplementedError(f"{type(self).__name__} has no conjugate.")

    @property
    def has_scale(self) -> bool:
        """Whether fits estimate the scale of residuals too, as the loss writes ``at_scale``."""
        return "at_scale" in self.provides

    @property
    def has_intercepts(self) -> bool:
        """Whether classes are ordered, with an intercept for each pair of neighbours, as the loss
        writes ``at_intercepts``."""
        return "at_intercepts" in self.provides

    def outward(self, y: Array) -> Array | None:
        """Signs of the moves of raw predictions, one for each intercept, along which the losses of
        ordered classes fall for ever, and 0 where a move is nothing to a row; None where gradients
        tell."""
        return None

    @property
    def is_smooth(self) -> bool:
        """Whether solvers take the loss as it is, as it writes no ``smoothed``."""
        return "smoothed" not in self.provides

    @property
    def kept(self) -> "Loss":
        """The loss of a fitted model, ``loss_``, whose ``predict`` takes raw predictions with all
        intercepts."""
        return self

    def smoothed(self, width: float) -> "Loss":
        """A smooth loss nowhere above this one, and near it for a small width.

        Parameters
        ----------
        width : float
            Length on which corners are rounded off.

        Returns
        -------
        Loss
            Its gradients must be in the domain of this loss's conjugate, as those of Moreau's
            envelope are, ``min over z of value(y, z) + (eta - z)^2 / (2 width)``. Where there is a
            conjugate, fits move the raw predictions by ``width`` times a dual point, which for
            this envelope makes them exact; for others they come as near as the width.
        """
        raise NotImplementedError(f"{type(self).__name__} has no smoothed.")

    @property
    def sharp(self) -> "Loss | None":
        """The same loss with a :meth:`smoothed`, as which it is solved where the curved part
        between its lines is so narrow in the targets' unit that it is nearly a corner; None without
        such lines."""
        return None

    def corners(self, y: Array) -> "tuple[Corner, ...] | None":
        """The corners whose sum a loss with a :meth:`smoothed` is, where it is linear beside them.

        An interior point method then comes near the optimum in about twenty steps of Newton's.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Targets.

        Returns
        -------
        tuple of Corner, or None
            Each a corner of every entry; None where these targets do not allow that.
        """
        raise NotImplementedError(f"{type(self).__name__} has no corners.")

    def at_scale(self, scale: Array) -> "Loss":
        """The loss where the scale of residuals is known; this one is its limit at scale 0.

        Parameters
        ----------
        scale : ndarray of shape (n_outputs,)
            In units of the target.

        Returns
        -------
        Loss
            Jointly convex in eta and scale. At the best scale of given raw predictions its
            squared gradients have mean 1, and where they have mean 1 at most, this loss's conjugate
            bounds the optimum in both.
        """
        raise NotImplementedError(f"{type(self).__name__} has no at_scale.")

    def at_intercepts(self, intercepts: Array) -> "Loss":
        """The loss of ordered classes where their intercepts are known.

        Parameters
        ----------
        intercepts : ndarray of shape (n_classes - 1,)
            What the raw prediction of each row has besides, one for each pair of neighbours.

        Returns
        -------
        Loss
            Of one raw prediction, and of the number of the row's class as target.
        """
        raise NotImplementedError(f"{type(self).__name__} has no at_intercepts.")

    def link(self, mean: Array) -> Array:
        """Raw prediction whose prediction is ``mean``: where the search for b begins.

        Parameters
        ----------
        mean : ndarray of shape (n_outputs,)
            Weighted mean of the targets.

        Returns
        -------
        ndarray of shape (n_outputs,)
        """
        return np.zeros_like(mean)

    def predict(self, eta: Array) -> Array:
        """Prediction in the units of the target (the inverse link).

        Parameters
        ----------
        eta : ndarray of shape (n_samples, n_outputs)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return eta

    def decide(self, eta: Array) -> Array:
        """Scores of classes, the largest of which decides: ``decision_function``. By default the
        raw predictions.

        Parameters
        ----------
        eta : ndarray of shape (n_samples, n_outputs)

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return eta

    def outputs_of(self, y: Array) -> Array:
        """Targets of the outputs, of those given: the same, unless a target has several outputs.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_targets)

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return y

    def check_target(self, y: Array) -> None:
        """Raise a ValueError where the loss is not defined for ``y``."""

    def check_mean(self, mean: Array) -> None:
        """Raise a ValueError where no finite intercept is best for targets with this mean,
        (n_outputs,), whatever the rows; fits without an intercept do not ask."""
