"""Penalties that are a sum over the coefficients: l1, l2, elastic net."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn._data_checks import check_idle
from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.parameters import Features, PerFeature, check_l1_ratio, not_bound
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar

#: Strength of the ridge of a first fit, in curvatures of the data loss by each coefficient.
PILOT_STRENGTH = 0.1
#: Parameters that only adaptive weights heed.
OF_FIRST_FIT = ("gamma", "first", "eps")


class ElasticNet(Penalty):
    """``sum_j weights_j (l1_ratio |w_j| + (1 - l1_ratio) w_j^2 / 2)``, within bounds (Zou and
    Hastie, 2005; weights and bounds as in glmnet).

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=0.5
        Share of the l1 part: 1 is the lasso, 0 is ridge.
    weights : float, array-like, dict, Series, callable or "adaptive", default=None
        Factor of each coefficient's penalty, at least 0: 0 leaves it free, inf excludes it. An
        array of shape (n_features,), or (n_features, n_outputs) where outputs, or classes, differ;
        a dict by feature name, or column number, of those that are not 1, as which a Series or a
        table with an index is taken, too; or a function of the feature's name, or of its number
        where the data have no names. None: 1. "adaptive":
        ``1 / (|v| + eps)**gamma``, where v are the coefficients of a first fit to the same data
        (Zou, 2006).
    lower, upper : float, array-like, dict, Series or callable, default=None
        Bounds of the coefficients, given likewise. They hold whatever ``alpha`` is. None, and what
        a dict leaves out: no bound.
    positive : bool, default=False
        Whether all coefficients must be at least 0, beside their bounds.
    gamma : float, default=1.0
        Exponent of adaptive weights, above 0. Refused beside others, as are ``first`` and ``eps``.
    first : Penalty, default=None
        Of the first fit of adaptive weights, where its strength is 1: ``L1(weights=0.1)`` is a
        lasso of ``alpha=0.1``. None is a ridge within the bounds of this penalty.
    eps : float, default=0.0
        Added to the sizes of the coefficients of the first fit. With 0, those that are 0 there are
        excluded; above 0 they may return (Candes, Wakin and Boyd, 2008).

    Notes
    -----
    The first fit of adaptive weights has the loss of the second. Its ridge is an l2 penalty of a
    tenth of the loss's curvature by each coefficient at the constant model, as on standardised
    columns; a loss with corners counts as rounded off by as much as that model loses. So with
    ``gamma=1`` it does not matter in which units columns are. Certificates are of the second fit,
    with the weights as they are.

    A fit whose coefficients are all penalised, or bounded on both sides, is certified by a duality
    gap. Where some are free, the Newton decrement is what ``tol`` bounds, and ``dual_gap_`` is inf.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import ElasticNet, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> penalty = ElasticNet(0.9, weights={"age": 0.0, "sex": float("inf")}, lower={"bmi": 0.0})
    >>> model = NNORegressor(penalty=penalty, alpha=0.1).fit(X, y)
    >>> bool(model.coef_[1] == 0)
    True
    """

    weights: PerFeature | str = None
    lower: PerFeature = None
    upper: PerFeature = None
    positive: bool = False
    gamma: float = 1.0
    first: Penalty | None = None
    eps: float = 0.0
    #: What it is on known features and outputs; None before :meth:`bind`.
    bound_terms: PiecewiseQuadratic | None = None

    def __init__(
        self,
        l1_ratio: float = 0.5,
        *,
        weights: PerFeature | str = None,
        lower: PerFeature = None,
        upper: PerFeature = None,
        positive: bool = False,
        gamma: float = 1.0,
        first: Penalty | None = None,
        eps: float = 0.0,
    ) -> None:
        self.l1_ratio = l1_ratio
        self.weights = weights
        self.lower = lower
        self.upper = upper
        self.positive = positive
        self.gamma = gamma
        self.first = first
        self.eps = eps

    def check_parameters(self) -> None:
        check_l1_ratio(self)
        name = type(self).__name__
        if isinstance(self.weights, str) and self.weights != "adaptive":
            raise ValueError(
                f"{name}(weights={self.weights!r}): the only weights with a name are 'adaptive'. "
                "Pass that, numbers, a dict by feature, or a function."
            )
        if not (isinstance(self.gamma, Real) and 0 < self.gamma < np.inf):
            raise ValueError(
                f"{name}(gamma={self.gamma!r}): gamma must be a finite number above 0, since "
                "adaptive weights are 1 / |coefficient|**gamma of a first fit."
            )
        if not (isinstance(self.eps, Real) and 0 <= self.eps < np.inf):
            raise ValueError(
                f"{name}(eps={self.eps!r}): eps must be a finite number of at least 0, since it is "
                "added to the sizes of the coefficients of a first fit."
            )
        if self.first is not None:
            self._check_first()
        check_idle(self)

    def _check_first(self) -> None:
        name = type(self).__name__
        if not isinstance(self.first, Penalty) or self.first.is_adaptive:
            raise ValueError(
                f"{name}(first={self.first!r}): the penalty of a first fit is an object, and needs "
                "no first fit itself. Pass one such as L1(weights=0.1), whose weights are its "
                "strength."
            )
        self.first.check_parameters()

    @property
    def is_adaptive(self) -> bool:
        return isinstance(self.weights, str)

    @property
    def idle_parameters(self) -> dict[str, tuple[str, Any]]:
        return {} if self.is_adaptive else dict.fromkeys(OF_FIRST_FIT, ("weights", "adaptive"))

    def pilot(self, curvature: Array) -> Penalty:
        if self.first is not None:
            return self.first
        strengths = np.where(curvature > 0, PILOT_STRENGTH * curvature, 1.0)
        return L2(weights=strengths, lower=self.lower, upper=self.upper, positive=self.positive)

    def adapted(self, coef: Array) -> Penalty:
        found = copy_of(self)
        with np.errstate(divide="ignore", over="ignore"):
            found.weights = (np.abs(coef) + self.eps) ** -self.gamma
        return found

    @property
    def _is_plain(self) -> bool:
        """Whether all coefficients are treated alike, and may be any number."""
        return self.weights is self.lower is self.upper is None and not self.positive

    @property
    def provides(self) -> frozenset[str]:
        found = super().provides
        if self._has_kinks and type(self).gradient is ElasticNet.gradient:
            found = found - {"gradient"}
        terms = self.bound_terms
        return found if terms is None or terms.grows else found - {"conjugate"}

    @property
    def _has_kinks(self) -> bool:
        if self.bound_terms is not None:
            return self.bound_terms.has_kinks
        return self.l1_ratio > 0 or self.positive or not self.lower is self.upper is None

    @property
    def _terms(self) -> PiecewiseQuadratic:
        if self.bound_terms is not None:
            return self.bound_terms
        if not self._is_plain:
            raise not_bound(self)
        return PiecewiseQuadratic(self.l1_ratio, 1.0 - self.l1_ratio)

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        if self.bound_terms is not None:
            return self
        if self._is_plain:
            return self._with(self._terms)
        if self.is_adaptive:
            raise ValueError(
                f"{type(self).__name__}(weights='adaptive') depends on a first fit, which models "
                "make. Elsewhere call adapted(coef) with its coefficients, of shape "
                "(n_features, n_outputs), before bind."
            )
        features = Features(self, n_features, n_outputs, feature_names)
        weights = features.values("weights", self.weights, 1.0)
        lower = features.values("lower", self.lower, -np.inf)
        upper = features.values("upper", self.upper, np.inf)
        lower = np.maximum(lower, 0.0) if self.positive else lower
        self._check(features, weights, lower, upper)
        excluded = np.isinf(weights)
        if np.any(excluded):
            weights = np.where(excluded, 0.0, weights)
            lower, upper = np.where(excluded, 0.0, lower), np.where(excluded, 0.0, upper)
        terms = PiecewiseQuadratic(
            self.l1_ratio * weights, (1.0 - self.l1_ratio) * weights, lower, upper
        )
        return self._with(terms)

    def _with(self, terms: PiecewiseQuadratic) -> "ElasticNet":
        return copy_of(self, bound_terms=terms)

    @staticmethod
    def _check(
        features: Features,
        weights: float | Array,
        lower: float | Array,
        upper: float | Array,
    ) -> None:
        if np.any(np.less(weights, 0)):
            name = features.first(np.less(weights, 0))
            what = f"that of {name} is below 0, which would reward large coefficients"
            raise features.error("weights", what, "0 leaves a coefficient free, inf excludes it")
        crossed = np.greater(lower, upper)
        if np.any(crossed):
            what = f"the lower bound of {features.first(crossed)} is above its upper one"
            raise features.error("lower", what, "let some room between them")
        never = np.isinf(lower) & np.greater(lower, 0) | np.isinf(upper) & np.less(upper, 0)
        if np.any(never):
            what = f"the bounds of {features.first(never)} allow no finite coefficient"
            raise features.error("lower", what, "-inf is no lower bound, inf no upper one")
        barred = np.isinf(weights) & (np.greater(lower, 0) | np.less(upper, 0))
        if np.any(barred):
            what = f"a weight of inf excludes {features.first(barred)}, but its bounds forbid 0"
            raise features.error("weights", what, "let the bounds include 0")

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        terms = self._terms.restrict(features, outputs)
        return self if terms is self.bound_terms else self._with(terms)

    def constraints(self) -> Penalty:
        terms = self._terms
        return self._with(terms.constraints()) if terms.has_bounds else NoPenalty()

    def without_bounds(self) -> Penalty | None:
        terms = self.bound_terms  # None where a subclass is bound in its own way
        if terms is None or not terms.has_bounds or np.any(terms.l1):
            return None
        if not np.all(np.greater(terms.l2, 0)):
            return None
        return self._with(PiecewiseQuadratic(0.0, terms.l2))

    def feasible_start(self, shape: tuple[int, int]) -> Array:
        terms = self._terms
        if not terms.has_bounds:
            return np.zeros(shape)
        return np.array(np.broadcast_to(np.clip(0.0, terms.lower, terms.upper), shape))

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic:
        return self._terms

    def value(self, w: Array) -> Scalar:
        return self._terms.value(w)

    def gradient(self, w: Array) -> Array:
        """Derivative; at a kink (w = 0 with an l1 part) the subgradient of least norm."""
        terms = self._terms
        return terms.l1 * np.sign(w) + terms.l2 * w if terms.has_kinks else terms.l2 * w

    def prox(self, w: Array, step: float | Array) -> Array:
        return self._terms.prox(w, step)

    def curvature(self, w: Array) -> Array:
        return np.zeros(w.shape) + self._terms.l2

    def conjugate(self, z: Array) -> Scalar:
        return self._terms.conjugate(z)

    def dual_scaling(self, z: Array) -> Scalar:
        return self._terms.dual_scaling(z)

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        return self._terms.subdiff_distance(w, gradient)


class _OneTerm(ElasticNet):
    """An elastic net whose ``l1_ratio`` belongs to its class."""

    def __init__(
        self,
        *,
        weights: PerFeature | str = None,
        lower: PerFeature = None,
        upper: PerFeature = None,
        positive: bool = False,
        gamma: float = 1.0,
        first: Penalty | None = None,
        eps: float = 0.0,
    ) -> None:
        self.weights = weights
        self.lower = lower
        self.upper = upper
        self.positive = positive
        self.gamma = gamma
        self.first = first
        self.eps = eps


class L1(_OneTerm):
    """``sum_j weights_j |w_j|``, within bounds (Tibshirani, 1996): many coefficients become exactly
    0.

    Parameters
    ----------
    weights, lower, upper, positive, gamma, first, eps
        As of :class:`ElasticNet`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import L1, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty=L1(positive=True), alpha=0.5).fit(X, y)
    >>> int((model.coef_ < 0).sum())
    0
    """

    l1_ratio = 1.0


class L2(_OneTerm):
    """``sum_j weights_j w_j^2 / 2``, within bounds (Hoerl and Kennard, 1970): all coefficients
    shrink.

    Parameters
    ----------
    weights, lower, upper, positive, gamma, first, eps
        As of :class:`ElasticNet`. With bounds, or excluded features, it has no gradient everywhere,
        which ``solver="gd"`` needs.
    """

    l1_ratio = 0.0
