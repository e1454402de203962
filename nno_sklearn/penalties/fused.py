"""Penalties of differences between neighbouring coefficients: fused lasso, total variation."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn.penalties.base import NoPenalty, Penalty
from nno_sklearn.penalties.faces import Face, labelled_runs, runs
from nno_sklearn.penalties.parameters import check_l1_ratio
from nno_sklearn.penalties.piecewise import AT_BOUNDARY
from nno_sklearn.types import Array, Scalar

#: Steps to the dual norm at most (each finds a larger ratio), and what is rounding of it.
MAX_STEPS, EPS = 100, np.finfo(float).eps


class FusedLasso(Penalty):
    """``(1 - l1_ratio) sum_j |w_{j+1} - w_j| + l1_ratio |w|_1`` (Tibshirani et al., 2005).

    For columns in an order, such as wavelengths, places or times: neighbouring coefficients are
    equal but for a few jumps (total variation), and with the l1 part many are 0. Columns should be
    in the same units.

    Parameters
    ----------
    l1_ratio : float in [0, 1], default=0.5
        Share of the l1 part; 0 is the total variation alone.

    Notes
    -----
    A fit is certified by a duality gap. With ``l1_ratio=0`` the mean coefficient is free: then the
    Newton decrement is what ``tol`` bounds, ``dual_gap_`` is inf, and no strength makes all
    coefficients 0: ``alphas="auto"`` begins at the least strength that makes them all equal.

    Proximal steps are exact, by dynamic programming (Johnson, 2013) with a loop over the features
    in Python. Beyond 2000 features and 2000 rows there are only such steps, many of them.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import FusedLasso, NNORegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 30))
    >>> y = X[:, 10:20].sum(axis=1) + 0.1 * rng.normal(size=300)
    >>> model = NNORegressor(penalty=FusedLasso(), alpha=0.5).fit(X, y)
    >>> np.flatnonzero(np.diff(model.coef_))
    array([ 9, 19])
    """

    #: Of a bound penalty, the number of features.
    bound_features: int = 0

    def __init__(self, l1_ratio: float = 0.5) -> None:
        self.l1_ratio = l1_ratio

    def check_parameters(self) -> None:
        check_l1_ratio(self)

    @property
    def provides(self) -> frozenset[str]:
        found = super().provides
        return found if self.l1_ratio > 0 else found - {"conjugate"}

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        return copy_of(self, bound_features=n_features)

    @property
    def groups(self) -> NDArray[np.integer]:
        """One: all features are tied together."""
        return np.zeros(self.bound_features, dtype=int)

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        return self

    def constraints(self) -> Penalty:
        return NoPenalty()

    def value(self, w: Array) -> Scalar:
        jumps, sizes = np.abs(np.diff(w, axis=0)).sum(), np.abs(w).sum()
        return float((1.0 - self.l1_ratio) * jumps + self.l1_ratio * sizes)

    def prox(self, w: Array, step: float | Array) -> Array:
        steps = np.broadcast_to(step, w.shape)[0]
        columns = zip(w.T, (1.0 - self.l1_ratio) * steps, strict=True)
        fused = np.column_stack([total_variation(column, jump) for column, jump in columns])
        # The l1 part comes afterwards (Friedman et al., 2007).
        return _soft(fused, self.l1_ratio * steps)

    def dual_scaling(self, z: Array) -> Scalar:
        return 1.0 / max(1.0, max((self._norm_ratio(column) for column in z.T), default=0.0))

    def conjugate(self, z: Array) -> Scalar:
        rounding = max(AT_BOUNDARY, len(z) * EPS)
        return 0.0 if self.dual_scaling(z) >= 1.0 / (1.0 + rounding) else np.inf

    def _norm_ratio(self, z: Array) -> float:
        """The dual norm: that of an interval of coefficients with the largest ratio of the sum of
        slopes to its penalty, found by ever larger ratios (Dinkelbach, 1967)."""
        sums, places = np.r_[0.0, np.cumsum(z)], np.arange(len(z) + 1)
        ends = np.full(len(sums), 1.0 - self.l1_ratio)  # what the ends of an interval cost
        ends[[0, -1]] = 0.0
        ratio = 0.0
        for _ in range(MAX_STEPS):
            before = ratio
            for signed in (sums, -sums):
                last = signed - ratio * (self.l1_ratio * places + ends)
                first = -signed + ratio * (self.l1_ratio * places - ends)
                j = 1 + int(np.argmax(last[1:] + np.maximum.accumulate(first[:-1])))
                i = int(np.argmax(first[:j]))
                cost = self.l1_ratio * (j - i) + ends[i] + ends[j]
                ratio = max(ratio, float(signed[j] - signed[i]) / cost)
            if ratio <= (1.0 + EPS) * before:
                break
        return ratio

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        """The subgradient of least norm: what a short step would move by, piece by piece."""
        distance = np.empty_like(w)
        for k, column in enumerate(w.T):
            for start, end, outside in self._pieces(column):
                slope = gradient[start:end, k] + self.l1_ratio * np.sign(column[start])
                slope[0] += outside[0]
                slope[-1] += outside[1]
                moved = total_variation(-slope, 1.0 - self.l1_ratio)
                if column[start] == 0:
                    moved = _soft(moved, self.l1_ratio)
                distance[start:end, k] = np.abs(moved)
        return distance

    def face(self, w: Array) -> Face:
        labels, slopes, n_pieces = np.full(w.shape, -1), [], 0
        for k, column in enumerate(w.T):
            starts, runs_of = labelled_runs(column)
            level, lengths = column[starts], np.diff(starts, append=len(column))
            jumps = np.zeros(len(starts) + 1)
            jumps[1:-1] = (1.0 - self.l1_ratio) * np.sign(np.diff(level))
            cost = self.l1_ratio * lengths * np.sign(level) + jumps[:-1] - jumps[1:]
            moves = (level != 0) | (self.l1_ratio == 0)
            labels[:, k] = np.where(moves, n_pieces + np.cumsum(moves) - 1, -1)[runs_of]
            slopes.append(cost[moves])
            n_pieces += len(slopes[-1])
        return Face(labels, np.ones_like(w), np.concatenate(slopes))

    def _pieces(self, column: Array) -> Iterator[tuple[int, int, tuple[float, float]]]:
        """Start and end of each run of equal coefficients, and the derivatives by its first and its
        last coefficient of the jumps to the runs before and after."""
        jumps = np.r_[0.0, (1.0 - self.l1_ratio) * np.sign(np.diff(column)), 0.0]
        for start, end in runs(column):
            yield start, end, (float(jumps[start]), -float(jumps[end]))


def _soft(w: Array, step: float | Array) -> Array:
    return np.sign(w) * np.maximum(np.abs(w) - step, 0.0)


def total_variation(y: Array, strength: float) -> Array:
    """``argmin_x |x - y|^2 / 2 + strength * sum_i |x_{i+1} - x_i|``, exactly.

    Dynamic programming (Johnson, 2013). The derivative of what the first coefficients cost, as a
    function of the last of them, is linear between knots; a jump clips it at the strength. Each
    coefficient adds two knots at most, so the whole takes a time proportional to their number.

    Parameters
    ----------
    y : ndarray of shape (n,)
    strength : float

    Returns
    -------
    ndarray of shape (n,)
        Equal neighbours are equal without rounding.
    """
    if strength == 0 or len(y) < 2:
        return y.copy()
    mean = y.mean()
    if np.abs(np.cumsum(y - mean)).max() <= strength:
        # Beside a far larger strength, the derivatives below would lose the digits of y.
        return np.full_like(y, mean)
    values = y.tolist()
    knots: deque[tuple[float, float, float]] = deque()  # place, change of slope and of offset
    lows, highs = [], []
    # The derivative is slope * x + offset to the left of all knots, and to the right of them.
    left = right = (1.0, -values[0])
    for value in values[1:]:
        slope, offset = left
        while knots and slope * knots[0][0] + offset <= -strength:
            _, more_slope, more_offset = knots.popleft()
            slope, offset = slope + more_slope, offset + more_offset
        low = (-strength - offset) / slope
        first = (low, slope, offset + strength)
        slope, offset = right
        while knots and slope * knots[-1][0] + offset >= strength:
            _, more_slope, more_offset = knots.pop()
            slope, offset = slope - more_slope, offset - more_offset
        high = (strength - offset) / slope
        knots.appendleft(first)
        knots.append((high, -slope, strength - offset))
        lows.append(low)
        highs.append(high)
        left, right = (1.0, -strength - value), (1.0, strength - value)
    slope, offset = left
    while knots and slope * knots[0][0] + offset <= 0:
        _, more_slope, more_offset = knots.popleft()
        slope, offset = slope + more_slope, offset + more_offset
    x = -offset / slope
    found = [x]
    for low, high in zip(reversed(lows), reversed(highs), strict=True):
        x = min(max(x, low), high)
        found.append(x)
    return np.array(found[::-1])
