"""Proportional odds: a loss of ordered classes."""

import numpy as np

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.classification import LogLoss
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.losses.elementwise import sigmoid, x_log_x
from nno_sklearn.types import Array

#: What rounding may add to a dual point.
SLACK = 1e-12
#: Distance of neighbouring intercepts beyond which a conjugate does not see it any more.
FAR = 600.0
TINY = np.finfo(float).tiny


class Ordinal(Loss):
    """Logistic loss of ordered classes, ``P(y > k) = 1 / (1 + exp(-eta_k))``: the proportional-odds
    model (McCullagh, 1980), an ordinal logistic regression.

    All ``eta_k = x w + o + b_k`` have the same coefficients, and an intercept for each pair of
    neighbouring classes, which falls with k: ``intercept_`` has n_classes - 1 entries, those of
    statsmodels' OrderedModel and of mord with the opposite sign, as thresholds. The loss ``-log P(y
    = k) = -log(sigmoid(eta_{k - 1}) - sigmoid(eta_k))`` is jointly convex in coefficients and
    intercepts, which fits find and certify together. Two classes are the log-loss.

    The order is that of ``classes_``: of numbers, or of words by the alphabet.

    The methods of this class are those of K - 1 raw predictions per row, with the class's number
    as the only target; :meth:`at_intercepts` has those of one.

    References
    ----------
    P. McCullagh (1980): Regression models for ordinal data. Journal of the Royal Statistical
    Society B 42, 109-142.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import NNOClassifier
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=1000)
    >>> grade = np.digitize(2 * x + rng.logistic(size=1000), [-1.0, 0.0, 3.0])
    >>> model = NNOClassifier("ordinal", tol=1e-6).fit(x[:, None], grade)
    >>> model.coef_.round(1), model.intercept_.round(1)
    (array([[2.]]), array([ 0.8, -0.1, -2.9]))
    >>> model.predict_proba([[0.0]]).round(1)
    array([[0.3, 0.2, 0.4, 0.1]])
    """

    probabilistic = True
    of_two_classes = LogLoss

    def value(self, y: Array, eta: Array) -> Array:
        return _value(*_ends(y, eta))

    def gradient(self, y: Array, eta: Array) -> Array:
        above, below = _ends(y, eta)
        return _entries(y, eta, *_slopes(above, below))

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        above, below = _ends(y, eta)
        joint = _joint_curvature(above, below)
        ends = (_density(end) + 2.0 * joint for end in (above, below))
        root = np.sqrt(joint)
        return Curvature(_entries(y, eta, *ends), _entries(y, eta, root, root))

    def conjugate(self, y: Array, u: Array) -> Array:
        padded = np.pad(u, ((0, 0), (1, 1)))
        above, below = -_at(padded, y), _at(padded, y, 1)
        inside = (above >= -SLACK) & (below >= -SLACK) & (np.abs(below - above) <= 1 + SLACK)
        above, below = np.maximum(above, 0.0), np.maximum(below, 0.0)
        total, size = below - above, above + below
        room = np.maximum(1.0 - total**2, TINY)
        share = room / (size + np.sqrt(size**2 + room))  # P(y) at the optimum
        value = x_log_x(above) + x_log_x(below) + (1.0 + size) * np.log(share)
        for slope, sign in ((above, 1.0), (below, -1.0)):
            end = np.maximum(0.5 * (1.0 + sign * total + share), 0.5 * share)
            value -= 2.0 * slope * np.log(end)
        # Split over the outputs, so that the sum over the array is the sum over the rows.
        return np.broadcast_to(np.where(inside, value, np.inf) / u.shape[1], u.shape)

    def at_intercepts(self, intercepts: Array) -> Loss:
        """The loss of one raw prediction; see :meth:`nno_sklearn.losses.Loss.at_intercepts`."""
        return OrdinalAt(intercepts)

    def link(self, mean: Array) -> Array:
        """Raw predictions, (n_classes - 1,), by which the classes have the shares ``mean``."""
        below = np.cumsum(mean)[:-1]
        above = np.cumsum(mean[::-1])[::-1][1:]
        return np.log(above) - np.log(below)

    def predict(self, eta: Array) -> Array:
        """Probabilities of the classes, (n_samples, n_classes)."""
        return np.exp(self.decide(eta))

    def decide(self, eta: Array) -> Array:
        """Logarithms of :meth:`predict`."""
        padded = np.pad(eta, ((0, 0), (1, 1)))
        padded[:, 0], padded[:, -1] = np.inf, -np.inf
        return -_value(padded[:, :-1], padded[:, 1:])

    def check_target(self, y: Array) -> None:
        raise ValueError(
            "loss='ordinal' is one of ordered classes: use NNOClassifier, whose classes_ they are. "
            "A penalised loss of numbers, such as 'squared_error', needs no thresholds."
        )


class OrdinalAt(Loss):
    """:class:`Ordinal` of one raw prediction per row, to which known intercepts are added.

    Parameters
    ----------
    intercepts : ndarray of shape (n_classes - 1,)
        Falling.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn.losses import OrdinalAt
    >>> OrdinalAt(np.array([1.0, -1.0])).value(np.array([[0.0], [1.0]]), np.zeros((2, 1))).round(2)
    array([[1.31],
           [0.77]])
    """

    intercepts: Array

    def __init__(self, intercepts: Array) -> None:
        self.intercepts = intercepts

    def _shifts(self, y: Array) -> tuple[Array, Array]:
        """What the two raw predictions of each row's class have besides its own."""
        padded = np.concatenate([[np.inf], self.intercepts, [-np.inf]])
        code = _codes(y)
        return padded[code], padded[code + 1]

    def _ends(self, y: Array, eta: Array) -> tuple[Array, Array]:
        above, below = self._shifts(y)
        return eta + above, eta + below

    def value(self, y: Array, eta: Array) -> Array:
        return _value(*self._ends(y, eta))

    def gradient(self, y: Array, eta: Array) -> Array:
        above, below = self._ends(y, eta)
        return sigmoid(below) - sigmoid(-above)

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        above, below = self._ends(y, eta)
        return _density(above) + _density(below)

    def conjugate(self, y: Array, u: Array) -> Array:
        above, below = self._shifts(y)
        is_first, is_last = np.isinf(above), np.isinf(below)
        inside = (u <= 1 + SLACK) & (u >= -1 - SLACK)
        inside &= (u >= -SLACK) | ~is_first
        inside &= (u <= SLACK) | ~is_last
        # An end has the log-loss of one intercept.
        size = np.clip(np.abs(u), 0.0, 1.0)
        entropy = x_log_x(size) + x_log_x(1.0 - size)
        end = entropy - u * np.where(is_first, below, above)
        with np.errstate(invalid="ignore", over="ignore"):
            eta = _largest(np.clip(u, -1.0, 1.0), above, below)
            between = u * eta - _value(eta + above, eta + below)
        return np.where(inside, np.where(is_first | is_last, end, between), np.inf)

    def outward(self, y: Array) -> Array:
        n_intercepts = len(self.intercepts)
        return _entries(y, np.empty((len(y), n_intercepts)), 1.0, -1.0)

    def at_intercepts(self, intercepts: Array) -> Loss:
        """The loss at other intercepts."""
        return OrdinalAt(intercepts)

    @property
    def kept(self) -> Loss:
        return Ordinal()

    def predict(self, eta: Array) -> Array:
        """Mean number of the class."""
        return sigmoid(eta + self.intercepts).sum(axis=1, keepdims=True)

    def check_target(self, y: Array) -> None:
        n_classes = len(self.intercepts) + 1
        if not np.isin(y, np.arange(n_classes)).all():
            raise ValueError(
                f"OrdinalAt has {n_classes - 1} intercepts, so targets must be the numbers 0 to "
                f"{n_classes - 1} of the classes, but y goes from {y.min():g} to {y.max():g}."
            )


class ByIntercept(Loss):
    """Derivatives of :class:`Ordinal` by its raw predictions, of which rows give the means: first
    and second ones by each, and then second ones by neighbours."""

    def value(self, y: Array, eta: Array) -> Array:
        above, below = _ends(y, eta)
        joint = _joint_curvature(above, below)
        gradient = _entries(y, eta, *_slopes(above, below))
        diagonal = _entries(y, eta, _density(above) + joint, _density(below) + joint)
        is_near = _codes(y) == np.arange(1, eta.shape[1])
        return np.hstack([gradient, diagonal, -joint * is_near])


class ByCoefficients(Loss):
    """Second derivatives of :class:`Ordinal` by the part that its raw predictions share and by each
    of them, as the slopes of a loss: a gradient by coefficients is of these one that is mixed."""

    def value(self, y: Array, eta: Array) -> Array:
        return np.zeros_like(eta)

    def gradient(self, y: Array, eta: Array) -> Array:
        return _entries(y, eta, *(_density(end) for end in _ends(y, eta)))

    def curvature(self, y: Array, eta: Array) -> Array | Curvature:
        return np.zeros_like(eta)


def _codes(y):
    """Numbers of the classes; a landmark row, which has a mean, counts for the nearest one."""
    return np.rint(y).astype(np.intp)


def _at(padded, y, beside=0):
    return np.take_along_axis(padded, _codes(y) + beside, axis=1)


def _ends(y, eta):
    """Raw predictions of ``y > k - 1`` and of ``y > k``, (n_samples, 1), for rows of class k."""
    padded = np.pad(eta, ((0, 0), (1, 1)))
    padded[:, 0], padded[:, -1] = np.inf, -np.inf
    return _at(padded, y), _at(padded, y, 1)


def _entries(y, eta, above, below):
    """An array like ``eta`` with two entries of each row at its class's raw predictions."""
    padded = np.zeros((len(eta), eta.shape[1] + 2), dtype=eta.dtype)
    code = _codes(y)
    np.put_along_axis(padded, code, above, axis=1)
    np.put_along_axis(padded, code + 1, below, axis=1)
    return padded[:, 1:-1]


def _value(above, below):
    """``-log(sigmoid(above) - sigmoid(below))``; inf where these are not in order."""
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.log1p(-np.exp(np.minimum(below - above, 0.0)))
        return _softplus(-above) + _softplus(below) - apart


def _softplus(eta):
    return np.log1p(np.exp(-np.abs(eta))) + np.maximum(eta, 0.0)


def _odds(above, below):
    with np.errstate(divide="ignore", over="ignore"):
        return 1.0 / np.expm1(above - below)


def _slopes(above, below):
    odds = _odds(above, below)
    return -sigmoid(-above) - odds, sigmoid(below) + odds


def _joint_curvature(above, below):
    """Minus the second derivative by both raw predictions of a row."""
    odds = _odds(above, below)
    return odds * (1.0 + odds)


def _density(eta):
    return sigmoid(eta) * sigmoid(-eta)


def _largest(u, above, below):
    """Raw prediction at which the loss of a class between others has the slope u."""
    half = np.cosh(0.5 * np.minimum(above - below, FAR))
    root = np.sqrt((u * half) ** 2 + 1.0 - u**2)
    plus, minus = root + np.abs(u) * half, np.maximum(1.0 - np.abs(u), TINY)
    return np.sign(u) * (np.log(plus) - np.log(minus)) - 0.5 * (above + below)
