"""Penalties of groups of coefficients, which are 0 together: group lasso, sparse group lasso."""

from collections.abc import Mapping, Sequence
from copy import copy
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.norms import GroupNorms
from nno_sklearn.penalties.parameters import Features
from nno_sklearn.penalties.piecewise import AT_BOUNDARY
from nno_sklearn.types import Array, Scalar

#: Newton steps, from above, to the scaling into a domain that has no closed form.
MAX_STEPS = 60


class GroupLasso(Penalty):
    """``sum_g weights_g (1 - l1_ratio) |w_g|_2 + l1_ratio |w|_1`` (Yuan and Lin, 2006; Simon et
    al., 2013).

    The coefficients of a group, those of its features in all outputs or classes, are all 0 or, but
    for an l1 part, none of them.

    Parameters
    ----------
    groups : "rows", sequence of sequences, or dict, default="rows"
        Features that belong together, by name or column number: a list of groups, or a dict of
        them by name. A group may be one pattern of names, "city_*" for the columns that
        OneHotEncoder makes of "city". Features in no group are on their own.
        "rows": all features are, so that a feature is in use for all outputs or for none: the
        multi-task lasso (Obozinski, Taskar and Jordan, 2010), and feature selection with several
        classes.
    weights : array-like or dict, default=None
        Factor of each group's norm, at least 0, where 0 leaves it without one: in the order of
        ``groups``, or by their names in a dict, in which those left out have the default. With
        "rows" by feature: an array, or a dict by name or number. None: the root of the number of
        features.
    l1_ratio : float in [0, 1], default=0.0
        Share of the l1 part, which makes coefficients 0 within groups (sparse group lasso).

    Notes
    -----
    A fit is certified by a duality gap, unless a group has a weight of 0 and there is no l1 part.

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
    #: Of a bound penalty, the groups' factors, (n_groups,); None before :meth:`bind`.
    bound_factors: Array | None = None

    def __init__(
        self,
        groups: str | Sequence[Sequence[Any]] | Mapping[Any, Sequence[Any]] = "rows",
        *,
        weights: ArrayLike | Mapping[Any, float] | None = None,
        l1_ratio: float = 0.0,
    ) -> None:
        self.groups = groups
        self.weights = weights
        self.l1_ratio = l1_ratio

    def check_parameters(self) -> None:
        if not 0 <= self.l1_ratio <= 1:
            raise ValueError(
                f"GroupLasso(l1_ratio={self.l1_ratio!r}): l1_ratio must be between 0 and 1, since "
                "it is the share of the l1 part."
            )
        if isinstance(self.groups, str) and self.groups != "rows":
            raise ValueError(
                f"GroupLasso(groups={self.groups!r}): pass 'rows', a list of lists of features, or "
                "a dict of them."
            )

    @property
    def is_separate(self) -> bool:  # type: ignore[override]  # of one output, it is
        return self.bound_outputs == 1

    @property
    def provides(self) -> frozenset[str]:
        found = super().provides
        is_free = self.bound_factors is not None and not self.bound_factors.all()
        return found - {"conjugate"} if is_free and self.l1_ratio == 0 else found

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        if self.bound_factors is not None:
            return self
        features = Features(self, n_features, n_outputs, feature_names)
        bound = copy(self)
        bound.bound_outputs = n_outputs
        if isinstance(self.groups, str):
            given = features.values("weights", self.weights, 1.0)
            factors = np.array(np.broadcast_to(given, (n_features, n_outputs))[:, 0])
            bound.groups = None
        else:
            named = isinstance(self.groups, Mapping)
            members = [
                [features.number("groups", key) for key in _keys(features, group)]
                for group in (self.groups.values() if named else self.groups)
            ]
            bound.groups = _labels(features, members)
            factors = np.sqrt(np.bincount(bound.groups))
            names = list(self.groups) if named else list(range(len(members)))
            _set_weights(features, factors, self.weights, names)
        if np.any(factors < 0) or not np.isfinite(factors).all():
            what = f"a group has the factor {factors[~(factors >= 0) | np.isinf(factors)][0]}"
            raise features.error("weights", what, "pass finite numbers of at least 0")
        bound.bound_factors = factors
        return bound

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        part = copy(self)
        if self.groups is None:
            part.bound_factors = self._factors[features]
        else:
            kept, part.groups = np.unique(self.groups[features], return_inverse=True)
            part.bound_factors = self._factors[kept]
        return part

    def constraints(self) -> Penalty:
        return NoPenalty()

    @property
    def _factors(self) -> Array:
        if self.bound_factors is None:
            raise ValueError(
                f"{self!r} does not know its features yet: call bind(n_features, n_outputs, "
                "feature_names) and use what it returns."
            )
        return self.bound_factors

    def _sums(self, terms: Array) -> Array:
        """Sums over each group, (n_groups,)."""
        sums: Array = terms.sum(axis=1)
        if self.groups is None:
            return sums
        return np.asarray(np.bincount(self.groups, sums, len(self._factors)), dtype=float)

    def _norms(self, w: Array) -> Array:
        """Norm of each group, (n_groups,)."""
        return np.sqrt(self._sums(w * w))

    def _of_features(self, groups: Array) -> Array:
        """A number of each group for each of its features, (n_features, 1)."""
        return (groups if self.groups is None else groups[self.groups])[:, None]

    def _soft(self, z: Array, step: float | Array = 1.0) -> Array:
        """What the l1 part leaves of slopes, or of coefficients after a step."""
        if self.l1_ratio == 0:
            return z
        return np.sign(z) * np.maximum(np.abs(z) - step * self.l1_ratio, 0.0)

    @property
    def _radii(self) -> Array:
        """What each group's slopes may amount to at 0, beyond the l1 part."""
        return (1.0 - self.l1_ratio) * self._factors

    def value(self, w: Array) -> Scalar:
        total = float(self._radii @ self._norms(w))
        return total + self.l1_ratio * float(np.abs(w).sum()) if self.l1_ratio else total

    def group_norms(self) -> GroupNorms:
        labels = np.arange(len(self._factors)) if self.groups is None else self.groups
        return GroupNorms(labels, self._radii, float(self.l1_ratio))

    def prox(self, w: Array, step: float | Array) -> Array:
        soft = self._soft(w, step)
        of_group = step if np.ndim(step) == 0 else np.broadcast_to(step, w.shape)[:, :1]
        norms, radii = self._of_features(self._norms(soft)), self._of_features(self._radii)
        shrink = np.divide(of_group * radii, norms, out=np.zeros_like(norms), where=norms > 0)
        return soft * np.maximum(1.0 - shrink, 0.0)

    def curvature(self, w: Array) -> Array:
        rate, unit = self._rates(w)
        return rate * (1.0 - unit**2)

    def curvature_product(self, w: Array, d: Array) -> Array:
        rate, unit = self._rates(w)
        return rate * (d - self._of_features(self._sums(unit * d)) * unit)

    def _rates(self, w: Array) -> tuple[Array, Array]:
        """Curvature across each group's direction, and that direction; 0 at a kink."""
        norms = self._norms(w)
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        return self._of_features(self._radii * inverse), self._of_features(inverse) * w

    def conjugate(self, z: Array) -> Scalar:
        radii = self._radii
        excess = self._norms(self._soft(z)) - radii
        return 0.0 if (excess <= AT_BOUNDARY * np.maximum(radii, 1.0)).all() else np.inf

    def dual_scaling(self, z: Array) -> Scalar:
        radii = self._radii
        outside = self._norms(self._soft(z)) > radii
        if not outside.any():
            return 1.0
        if self.l1_ratio == 0:
            return float(np.min(radii[outside] / self._norms(z)[outside]))
        # Of each group, where |soft(c z)|^2 = radius^2: convex in c, so Newton's steps from 1 fall.
        scaling = np.ones(len(radii))
        for _ in range(MAX_STEPS):
            at_group = self._of_features(scaling)
            left = np.maximum(at_group * np.abs(z) - self.l1_ratio, 0.0)
            excess = self._sums(left**2) - radii**2
            slope = 2.0 * self._sums(left * np.abs(z))
            steps = outside & (excess > 0) & (slope > 0)
            new = scaling - np.divide(excess, slope, out=np.zeros_like(slope), where=steps)
            if np.array_equal(new, scaling):
                break
            scaling = new
        return float(scaling.min())

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        norms = self._norms(w)
        at_zero = self._soft(gradient)
        sizes, radii = self._of_features(self._norms(at_zero)), self._of_features(self._radii)
        share = np.divide(radii, sizes, out=np.ones_like(sizes), where=sizes > radii)
        at_zero = np.abs(at_zero) * (1.0 - share)
        rate, _ = self._rates(w)
        slope = gradient + rate * w
        in_use = np.where(
            w == 0, np.abs(self._soft(slope)), np.abs(slope + self.l1_ratio * np.sign(w))
        )
        return np.where(self._of_features(norms) > 0, in_use, at_zero)


def _keys(features: Features, group: Any) -> Sequence[Any]:
    """The features of a group; one string is a pattern of their names."""
    if not isinstance(group, str):
        return list(group)
    found = [name for name in features.names if fnmatchcase(name, group)]
    if not found:
        what = f"no feature is called {group!r}"
        raise features.error(
            "groups", what, "a string is a pattern, such as 'city_*'; lists have names"
        )
    return found


def _labels(features: Features, members: list[list[int]]) -> NDArray[np.integer]:
    """Number of each feature's group, those in none after the others."""
    labels = np.full(features.shape[0], -1)
    for number, group in enumerate(members):
        if not group:
            raise features.error("groups", f"group {number} is empty", "leave it out")
        for j in group:
            if labels[j] >= 0:
                what = f"{features.name(j)} is in two groups"
                raise features.error("groups", what, "let each feature be in one at most")
            labels[j] = number
    alone = np.flatnonzero(labels < 0)
    labels[alone] = len(members) + np.arange(len(alone))
    return labels


def _set_weights(features: Features, factors: Array, weights: Any, names: list[Any]) -> None:
    """Write the weights that a user gives for groups into the factors of all."""
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
