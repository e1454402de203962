"""Losses that are linear but for corners: quantiles, absolute error, hinge, epsilon-insensitive."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.classification import check_labels
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.losses.regression import check_epsilon
from nno_sklearn.types import Array

#: What rounding may move a slope out of its interval by, relative to the interval's length.
SLACK = 1e-12


class Corner(NamedTuple):
    """``max over low <= u <= high of u (eta - centre)``: a line on each side of the centre.

    Parameters
    ----------
    centre, low, high : ndarray or float
        Each broadcasts to (n_samples, n_outputs).
    """

    centre: Array | float
    low: Array | float
    high: Array | float

    @property
    def is_none(self) -> Any:
        """Where both lines are the same."""
        return np.equal(self.low, self.high)

    def of_output(self, k: int) -> "Corner":
        """The corner in output k."""
        return Corner(*(_column(np.asarray(field), k) for field in self))

    def value(self, eta: Array) -> Array:
        """Of each entry."""
        away = eta - self.centre
        return np.maximum(self.low * away, self.high * away)

    def where_none(self, other: "Corner") -> "Corner":
        """This corner, and where it is none another one."""
        fields = zip(self, other, strict=True)
        return Corner(*(np.where(self.is_none, theirs, own) for own, theirs in fields))


def _column(field, k):
    if field.ndim == 0 or field.shape[-1] == 1:
        return field
    return field[k] if field.ndim == 1 else field[:, [k]]


class Piece(NamedTuple):
    """``share * max over low <= u <= high of u (eta - centre) - insensitive |u|``.

    Parameters
    ----------
    share : ndarray of shape (n_samples, n_outputs), or float
        Factor of each entry.
    centre : ndarray of shape (n_samples, n_outputs), or float
        Raw prediction of loss 0.
    low, high : float or ndarray of shape (n_outputs,)
        Least and greatest slope; 0 lies between them.
    insensitive : float
        Distance from the centre up to which the loss is 0.
    """

    share: Array | float
    centre: Array | float
    low: Array | float
    high: Array | float
    insensitive: float = 0.0

    def distance(self, eta: Array) -> tuple[Array, Array]:
        """Signed distance from where the piece is 0, and whether that is not inside."""
        away = eta - self.centre
        if not self.insensitive:
            return away, np.ones_like(away, dtype=bool)
        beyond = np.abs(away) - self.insensitive
        return np.copysign(np.maximum(beyond, 0.0), away), beyond >= 0

    def corners(self) -> list[Corner]:
        """The corners whose sum the piece is."""
        low, high = self.share * self.low, self.share * self.high
        if not self.insensitive:
            return [Corner(self.centre, low, high)]
        above, below = self.centre + self.insensitive, self.centre - self.insensitive
        return [Corner(above, 0.0 * high, high), Corner(below, low, 0.0 * low)]

    def conjugate(self, u: Array) -> Array:
        """Conjugate of each entry as if its share were 1; inf outside of the slopes."""
        rounding = SLACK * (self.high - self.low)
        inside = (u >= self.low - rounding) & (u <= self.high + rounding)
        return np.where(inside, u * self.centre + self.insensitive * np.abs(u), np.inf)


class PiecewiseLinear(Loss):
    """Base class of losses that are the largest of linear functions of the raw prediction.

    The conjugate is finite on an interval of slopes. :meth:`smoothed` gives Moreau's envelope, a
    parabola of ``width`` between two lines, with slopes in the same interval. Fits solve it for
    widths that shrink, and certify the loss itself by the duality gap.

    References
    ----------
    J.-J. Moreau (1965): Proximité et dualité dans un espace hilbertien. Bulletin de la Société
    Mathématique de France 93, 273-299.

    Y. Nesterov (2005): Smooth minimization of non-smooth functions. Mathematical Programming 103,
    127-152.
    """

    takes_any_array = True

    def pieces(self, y: Array) -> tuple[Piece, ...]:
        """What the loss is the sum of; where the target is no mixture, one share is 1."""
        raise NotImplementedError

    def corners(self, y: Array) -> tuple[Corner, ...] | None:
        found = [corner for piece in self.pieces(y) for corner in piece.corners()]
        if not any(np.any(corner.is_none) for corner in found):
            return tuple(found)
        joined = found[0]  # labels: each has a corner of its own
        for other in found[1:]:
            if not np.all(joined.is_none | other.is_none):
                return None
            joined = joined.where_none(other)
        return None if np.any(joined.is_none) else (joined,)

    def value(self, y: Array, eta: Array) -> Array:
        total = np.zeros_like(eta)
        for piece in self.pieces(y):
            distance, _ = piece.distance(eta)
            total += piece.share * np.maximum(piece.low * distance, piece.high * distance)
        return total

    def gradient(self, y: Array, eta: Array) -> Array:
        """A subgradient: at a corner, 0."""
        total = np.zeros_like(eta)
        for piece in self.pieces(y):
            distance, _ = piece.distance(eta)
            total += piece.share * ((distance > 0) * piece.high + (distance < 0) * piece.low)
        return total

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return np.zeros_like(eta)

    def conjugate(self, y: Array, u: Array) -> Array:
        """Conjugate at targets that are no mixtures of labels, which have no closed form."""
        first, *others = self.pieces(y)
        total = first.conjugate(u)
        for piece in others:
            total = np.where(np.broadcast_to(piece.share, u.shape) > 0.5, piece.conjugate(u), total)
        return total

    def smoothed(self, width: float) -> Loss:
        """Moreau's envelope: ``min over z of value(y, z) + (eta - z)^2 / (2 width)``.

        Parameters
        ----------
        width : float
            In units of the raw prediction per unit of slope: the absolute error becomes Huber's
            loss with ``delta=width``, divided by ``width``.

        Returns
        -------
        Smoothed
        """
        return Smoothed(self, width)


class Smoothed(Loss):
    """A piecewise linear loss with parabolas in place of its corners.

    It lies below the loss by ``width u^2 / 2`` at most, where u is the steepest slope. As a loss of
    its own it can be learnt by ``partial_fit``.

    Parameters
    ----------
    loss : PiecewiseLinear
    width : float

    Examples
    --------
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.losses import Quantile
    >>> loss = Quantile(0.9).smoothed(width=0.1)
    >>> NNORegressor(loss).partial_fit([[0.0], [1.0]], [1.0, 2.0]).n_samples_seen_
    2
    """

    takes_any_array = True

    is_nearly_linear = True

    def __init__(self, loss: PiecewiseLinear, width: float) -> None:
        self.loss = loss
        self.width = width

    @property
    def largest_curvature(self) -> float:  # type: ignore[override]
        return 1.0 / self.width

    def value(self, y: Array, eta: Array) -> Array:
        total = np.zeros_like(eta)
        for piece in self.loss.pieces(y):
            distance, _ = piece.distance(eta)
            slope = np.clip(distance / self.width, piece.low, piece.high)
            total += piece.share * slope * (distance - 0.5 * self.width * slope)
        return total

    def gradient(self, y: Array, eta: Array) -> Array:
        return self.derivatives(y, eta)[0]

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return self.derivatives(y, eta)[1]

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Curvature]:
        total, curvature = np.zeros_like(eta), np.zeros_like(eta)
        for piece in self.loss.pieces(y):
            distance, is_off = piece.distance(eta)
            steep = distance / self.width
            total += piece.share * np.clip(steep, piece.low, piece.high)
            curved = is_off & np.less(piece.low, steep) & np.less(steep, piece.high)
            curvature += piece.share * curved
        curvature /= self.width
        return total, Curvature(curvature)

    def conjugate(self, y: Array, u: Array) -> Array:
        return self.loss.conjugate(y, u) + 0.5 * self.width * u**2

    def link(self, mean: Array) -> Array:
        return self.loss.link(mean)

    def predict(self, eta: Array) -> Array:
        return self.loss.predict(eta)

    def outputs_of(self, y: Array) -> Array:
        return self.loss.outputs_of(y)

    def check_target(self, y: Array) -> None:
        self.loss.check_target(y)
        if not self.width > 0:
            raise ValueError(
                f"{self}: the width must be greater than 0, as it is the length on which a corner "
                "is rounded off."
            )


class Quantile(PiecewiseLinear):
    """Pinball loss, whose best constant is a quantile of the target (Koenker and Bassett, 1978).

    ``quantile * (y - eta)`` where the target is above the raw prediction, and
    ``(1 - quantile) * (eta - y)`` where it is below.

    Parameters
    ----------
    quantile : float or sequence of float, default=0.5
        Share of targets below the prediction, between 0 and 1. With several, a model of one target
        has an output for each of them, in their order: ``coef_`` is (n_quantiles, n_features).
        Nothing keeps them from crossing, far from most rows.

    References
    ----------
    R. Koenker and G. Bassett (1978): Regression quantiles. Econometrica 46, 33-50.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNORegressor
    >>> from nno_sklearn.losses import Quantile
    >>> X, y = np.zeros((11, 1)), np.arange(11.0)
    >>> NNORegressor(Quantile(0.9), tol=1e-6).fit(X, y).predict(X[:1]).round(3)
    array([9.])
    >>> NNORegressor(Quantile([0.1, 0.5, 0.9]), tol=1e-6).fit(X, y).predict(X[:1]).round(3)
    array([[1., 5., 9.]])
    """

    def __init__(self, quantile: float | Sequence[float] = 0.5) -> None:
        self.quantile = quantile

    def pieces(self, y: Array) -> tuple[Piece, ...]:
        quantile = np.asarray(self.quantile, dtype=float)
        return (Piece(1.0, y, -quantile, 1.0 - quantile),)

    def outputs_of(self, y: Array) -> Array:
        if np.ndim(self.quantile) == 0:
            return y
        if y.shape[1] != 1:
            raise ValueError(
                f"y has {y.shape[1]} columns, but {self} has an output for each quantile of one "
                "target. Fit a model for each column, as "
                "sklearn.multioutput.MultiOutputRegressor does, or one quantile of all."
            )
        return np.repeat(y, np.size(self.quantile), axis=1)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        quantile = np.asarray(self.quantile, dtype=float)
        if quantile.ndim > 1 or not (quantile.size and ((quantile > 0) & (quantile < 1)).all()):
            raise ValueError(
                f"Quantile(quantile={self.quantile!r}): it must lie between 0 and 1, as it is the "
                "share of targets below the prediction. Use for instance quantile=0.9, or a list "
                "of such numbers."
            )


class AbsoluteError(PiecewiseLinear):
    """``|eta - y|``: its best constant is the median of the target."""

    def pieces(self, y: Array) -> tuple[Piece, ...]:
        return (Piece(1.0, y, -1.0, 1.0),)

    def link(self, mean: Array) -> Array:
        return mean


class EpsilonInsensitive(PiecewiseLinear):
    """``max(0, |eta - y| - epsilon)``: that of linear support vector regression (Vapnik, 1995).

    Parameters
    ----------
    epsilon : float, default=0.1
        Residual, in units of ``y``, up to which there is no loss.

    References
    ----------
    V. Vapnik (1995): The nature of statistical learning theory. Springer.
    """

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    def pieces(self, y: Array) -> tuple[Piece, ...]:
        return (Piece(1.0, y, -1.0, 1.0, self.epsilon),)

    def link(self, mean: Array) -> Array:
        return mean

    def check_target(self, y: Array) -> None:
        check_epsilon(self, self.epsilon)


class Hinge(PiecewiseLinear):
    """``max(0, 1 - margin)``, margin = eta for label 1 and -eta for label 0: the support vector
    machine (Cortes and Vapnik, 1995).

    More than two classes: one problem for each class against the rest.

    References
    ----------
    C. Cortes and V. Vapnik (1995): Support-vector networks. Machine Learning 20, 273-297.
    """

    def pieces(self, y: Array) -> tuple[Piece, ...]:
        return Piece(y, 1.0, -1.0, 0.0), Piece(1.0 - y, -1.0, 0.0, 1.0)

    def check_target(self, y: Array) -> None:
        check_labels(self, y)
