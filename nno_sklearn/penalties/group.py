"""Penalties of groups of coefficients, which are 0 together: group lasso, sparse group lasso."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.grouping import Grouping, Groups, check_groups
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.penalties.parameters import Features, by_label, check_l1_ratio, not_bound
from nno_sklearn.penalties.piecewise import PiecewiseQuadratic
from nno_sklearn.types import Array, Scalar


class GroupLasso(Penalty):
    """``(1 - l2_ratio) (sum_g weights_g (1 - l1_ratio) |w_g|_2 + l1_ratio |w|_1) + l2_ratio
    |w|_2^2 / 2`` (Yuan and Lin, 2006; Simon et al., 2013; the squares: Zou and Hastie, 2005).

    The coefficients of a group, those of its features in all outputs or classes, are all 0 or, but
    for an l1 part, none of them.

    Parameters
    ----------
    groups : "rows", sequence of sequences, dict or callable, default="rows"
        Features that belong together, by name or column number: a list of groups, or a dict of
        them by name. A group may be one pattern of names, such as "city=*": "city_*" would take
        "city_size_small", too. Or a function that tells the name of a feature's group by the
        feature's name, or by its number where the data have no names; None where it is in none.
        Features in no group are on their own.
        "rows": all features are, so that a feature is in use for all outputs or for none: the
        multi-task lasso (Obozinski, Taskar and Jordan, 2010), and feature selection with several
        classes.
    weights : array-like, dict or Series, default=None
        Factor of each group's norm, at least 0, where 0 leaves it without one: in the order of
        ``groups``, or by their names in a dict or a Series, in which those left out have the
        default. With "rows" by feature: an array, or a dict or a Series by name or number. None:
        the root of the number of features.
    l1_ratio : float in [0, 1], default=0.0
        Share of the l1 part, which makes coefficients 0 within groups (sparse group lasso).
    l2_ratio : float in [0, 1), default=0.0
        Share of the squares, with which groups of similar columns are in use together (an elastic
        net of groups).

    Notes
    -----
    A fit is certified by a duality gap, unless a group has a weight of 0 and there are neither an
    l1 part nor squares.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn import GroupLasso, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> groups = {"body": [0, 1, 2, 3], "blood": ["s1", "s2", "s3", "s4", "s5", "s6"]}
    >>> model = NNORegressor(penalty=GroupLasso(groups), alpha=0.9).fit(X, y)
    >>> [int((model.coef_[part] != 0).sum()) for part in (slice(4), slice(4, None))]
    [4, 6]
    """

    #: Of a bound penalty, the number of each feature's group, or None where each is on its own.
    groups: Any = "rows"
    #: Of a bound penalty, the number of outputs.
    bound_outputs: int = 0
    #: What it is on known features; None before :meth:`bind`.
    bound_norms: GroupNorms | None = None

    def __init__(
        self,
        groups: Groups = "rows",
        *,
        weights: ArrayLike | Mapping[Any, float] | None = None,
        l1_ratio: float = 0.0,
        l2_ratio: float = 0.0,
    ) -> None:
        self.groups = groups
        self.weights = weights
        self.l1_ratio = l1_ratio
        self.l2_ratio = l2_ratio

    def check_parameters(self) -> None:
        check_l1_ratio(self)
        if not 0 <= self.l2_ratio < 1:
            raise ValueError(
                f"GroupLasso(l2_ratio={self.l2_ratio!r}): l2_ratio must be at least 0 and below 1, "
                "since it is the share of the squares; without norms use penalty='l2'."
            )
        check_groups(self, self.groups)

    @property
    def is_separate(self) -> bool:  # type: ignore[override]  # of one output, it is
        return self.bound_outputs == 1

    @property
    def provides(self) -> frozenset[str]:
        found = super().provides
        is_free = self.bound_norms is not None and not self.bound_norms.grows
        return found - {"conjugate"} if is_free else found

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        if self.bound_norms is not None:
            return self
        features = Features(self, n_features, n_outputs, feature_names)
        labels, names = Grouping.of(features, self.groups)
        bound = copy_of(self, bound_outputs=n_outputs)
        if isinstance(self.groups, str):
            given = features.values("weights", self.weights, 1.0)
            factors = np.array(np.broadcast_to(given, (n_features, n_outputs))[:, 0])
            bound.groups = None
        else:
            bound.groups, factors = labels, np.sqrt(np.bincount(labels))
            _set_weights(features, factors, self.weights, names)
        if np.any(factors < 0) or not np.isfinite(factors).all():
            what = f"a group has the factor {factors[~(factors >= 0) | np.isinf(factors)][0]}"
            raise features.error("weights", what, "pass finite numbers of at least 0")
        share = 1.0 - self.l2_ratio
        radii, l1 = share * (1.0 - self.l1_ratio) * factors, share * self.l1_ratio
        bound.bound_norms = GroupNorms(labels, radii, l1, self.l2_ratio)
        return bound

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        part = copy_of(self)
        part.bound_norms = self._norms.restrict(features)
        part.groups = None if self.groups is None else part.bound_norms.labels
        return part

    def constraints(self) -> Penalty:
        return NoPenalty()

    @property
    def _norms(self) -> GroupNorms:
        if self.bound_norms is None:
            raise not_bound(self)
        return self.bound_norms

    def piecewise_quadratic(self, w: Array) -> PiecewiseQuadratic | None:
        """Of groups of one coefficient each, which is an l1 norm, or an elastic net."""
        norms = self._norms
        if w.shape[1] > 1 or np.bincount(norms.labels).max(initial=0) > 1:
            return None
        return PiecewiseQuadratic(norms.of_features(norms.radii) + norms.l1, norms.l2)

    def group_norms(self, w: Array) -> GroupNorms:
        return self._norms

    def value(self, w: Array) -> Scalar:
        return self._norms.value(w)

    def prox(self, w: Array, step: float | Array) -> Array:
        return self._norms.prox(w, step)

    def curvature(self, w: Array) -> Array:
        rate, unit = self._norms.rates(w)
        return rate * (1.0 - unit**2) + self._norms.l2

    def curvature_product(self, w: Array, d: Array) -> Array:
        return self._norms.curvature_product(w, d)

    def conjugate(self, z: Array) -> Scalar:
        return self._norms.conjugate(z)

    def dual_scaling(self, z: Array) -> Scalar:
        return self._norms.dual_scaling(z)

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        return self._norms.subdiff_distance(w, gradient)


def _set_weights(features: Features, factors: Array, weights: Any, names: list[Any]) -> None:
    """Write the weights that a user gives for groups into the factors of all."""
    weights = by_label(weights)
    if callable(weights):
        what = "a function says nothing of groups"
        raise features.error("weights", what, "pass one number for each, or a dict by their names")
    if isinstance(weights, Mapping):
        unknown = [name for name in weights if name not in names]
        if unknown:
            known = ", ".join(map(repr, names[:3]))
            raise features.error(
                "weights", f"there is no group {unknown[0]!r}", f"there is {known}"
            )
        for name, weight in weights.items():
            factors[names.index(name)] = weight
    elif weights is not None:
        array = np.asarray(weights, dtype=float)
        if array.shape != (len(names),):
            what = f"an array of shape {array.shape} does not fit {len(names)} groups"
            raise features.error("weights", what, "pass one number for each")
        factors[: len(names)] = array
