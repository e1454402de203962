"""The sorted l1 norm: the largest coefficient pays most, and equal sizes are favoured."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from nno_sklearn._copies import copy_of
from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.faces import Face, labelled_runs, runs
from nno_sklearn.penalties.parameters import not_bound
from nno_sklearn.penalties.piecewise import AT_BOUNDARY
from nno_sklearn.types import Array, Scalar


class SLOPE(Penalty):
    """``sum_i weights_i |w|_(i)``, where ``|w|_(1) >= |w|_(2) >= ...`` are the sizes of an output's
    coefficients in descending order (Bogdan et al., 2015).

    The largest coefficient has the largest weight. Coefficients of correlated columns get the same
    size, as with OSCAR (Bondell and Reich, 2008), which is the one of equally spaced weights.

    Parameters
    ----------
    weights : array-like of shape (n_features,), default=None
        At least 0, and not all 0; sorted here. None: by ``q``.
    q : float in (0, 1), default=0.1
        The weights are the normal distribution's quantiles ``1 - i q / (2 n_features)``, as in the
        test of Benjamini and Hochberg (1995). With columns of mean 0 and variance 1 that are
        uncorrelated, and errors of standard deviation sigma, ``alpha = sigma / sqrt(n_samples)``
        keeps the share of false discoveries below q. Without effect on ``weights``.

    Notes
    -----
    A fit is certified by a duality gap, as the dual norm is exact: the largest ratio of partial
    sums of ``|z|_(i)`` and of the weights.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from nno_sklearn import SLOPE, NNORegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNORegressor(penalty=SLOPE(q=0.1), alpha=5.0).fit(scale(X), y)
    >>> int((model.coef_ != 0).sum()), model.dual_gap_ < 1e-3 * model.objective_
    (4, True)
    """

    #: Of a bound penalty, the weights in descending order; None before :meth:`bind`.
    bound_weights: Array | None = None

    def __init__(self, weights: ArrayLike | None = None, *, q: float = 0.1) -> None:
        self.weights = weights
        self.q = q

    def check_parameters(self) -> None:
        if not (isinstance(self.q, Real) and 0 < self.q < 1):
            raise ValueError(
                f"SLOPE(q={self.q!r}): q must be between 0 and 1, since it is a share of false "
                "discoveries."
            )

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        if self.bound_weights is not None:
            return self
        bound = copy_of(self)
        if self.weights is None:
            shares = np.arange(1, n_features + 1) / n_features
            bound.bound_weights = ndtri(1.0 - 0.5 * self.q * shares)
            return bound
        if isinstance(self.weights, Mapping):
            raise ValueError(
                "SLOPE(weights=...): weights belong to ranks of sizes, the largest to the largest "
                "coefficient, and not to features; pass an array, or None for weights by q."
            )
        given = np.asarray(self.weights, dtype=float)
        if given.shape != (n_features,):
            raise ValueError(
                f"SLOPE(weights=...): an array of shape {given.shape} does not fit {n_features} "
                f"features; pass one of shape ({n_features},), or None for weights by q."
            )
        if not (np.isfinite(given) & (given >= 0)).all() or not given.any():
            raise ValueError(
                "SLOPE(weights=...): weights are finite numbers of at least 0, not all of them 0, "
                "since a negative one would reward large coefficients."
            )
        bound.bound_weights = np.sort(given)[::-1]
        return bound

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        return copy_of(self, bound_weights=self._weights[: len(features)])

    def constraints(self) -> Penalty:
        return NoPenalty()

    @property
    def is_elementwise(self) -> bool:
        return False

    def tied(self, curvature: Array) -> Array:
        return np.broadcast_to(curvature.max(axis=0), curvature.shape)

    @property
    def _weights(self) -> Array:
        if self.bound_weights is None:
            raise not_bound(self)
        return self.bound_weights

    def value(self, w: Array) -> Scalar:
        return float((self._weights @ _descending(w)).sum())

    def prox(self, w: Array, step: float | Array) -> Array:
        steps, found = np.broadcast_to(step, w.shape)[0], np.empty_like(w)
        for k, column in enumerate(w.T):
            order = np.argsort(-np.abs(column), kind="stable")
            shrunk = _nonincreasing(np.abs(column[order]) - steps[k] * self._weights)
            found[order, k] = np.sign(column[order]) * np.maximum(shrunk, 0.0)
        return found

    def _norm_ratio(self, z: Array) -> float:
        """The dual norm: 1 on the boundary of the conjugate's domain."""
        sums = np.cumsum(_descending(z), axis=0) / np.cumsum(self._weights)[:, None]
        return float(sums.max(initial=0.0))

    def conjugate(self, z: Array) -> Scalar:
        rounding = max(AT_BOUNDARY, len(z) * np.finfo(float).eps)
        return 0.0 if self._norm_ratio(z) <= 1.0 + rounding else np.inf

    def dual_scaling(self, z: Array) -> Scalar:
        return 1.0 / max(1.0, self._norm_ratio(z))

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """The subgradient of least norm: within each set of equal sizes, the projection of what
        pulls on them onto the order that a short step keeps."""
        distance = np.empty_like(w)
        for k, column in enumerate(w.T):
            slope = gradient[:, k]
            pull = np.where(column == 0, np.abs(slope), -np.sign(column) * slope)
            order = np.lexsort((-pull, -np.abs(column)))
            left = pull[order] - self._weights
            for start, end in runs(np.abs(column[order])):
                if end - start > 1:
                    left[start:end] = _nonincreasing(left[start:end])
                if column[order[start]] == 0:
                    left[start:end] = np.maximum(left[start:end], 0.0)
            distance[order, k] = np.abs(left)
        return distance

    def face(self, w: Array) -> Face:
        labels, slopes, n_pieces = np.full(w.shape, -1), [], 0
        for k, column in enumerate(w.T):
            sizes = np.abs(column)
            order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(column)]
            starts, pieces = labelled_runs(sizes[order])
            labels[order, k] = n_pieces + pieces
            slopes.append(np.add.reduceat(self._weights[: len(order)], starts))
            n_pieces += len(starts)
        return Face(labels, np.where(w < 0, -1.0, 1.0), np.concatenate(slopes))


def _descending(w: Array) -> Array:
    """Sizes of each column in descending order."""
    return np.sort(np.abs(w), axis=0)[::-1]


def _nonincreasing(values: Array) -> Array:
    """The nearest sequence that does not rise (pool adjacent violators)."""
    return np.asarray(isotonic_regression(values, increasing=False).x)
