"""Means and spreads of the columns of a stream."""

from dataclasses import dataclass

import numpy as np

from nno_sklearn.rows.moments import moments, pooled


@dataclass(frozen=True)
class RunningMoments:
    """Weight, weighted mean and sum of squared deviations of the columns of all rows so far.

    Where columns are not centred, the mean is 0 and deviations are from 0.
    """

    weight: float
    mean: np.ndarray
    square: np.ndarray

    @classmethod
    def none(cls, n_features):
        """The moments before the first row."""
        return cls(0.0, np.zeros(n_features), np.zeros(n_features))

    def updated(self, X, weight, *, centred=True):
        """Moments with more rows."""
        total = weight.sum()
        mean, scale = moments(X, weight / total, centred)
        before = self.weight, self.mean, self.square
        return RunningMoments(*pooled([before, (total, mean, total * scale**2)]))

    @property
    def inverse_scale(self):
        """1 / standard deviation, 0 for constant columns."""
        used = self.square > 1e-24 * self.weight * self.mean**2
        root = np.sqrt(self.square, where=used, out=np.ones_like(self.square))
        return np.divide(np.sqrt(self.weight), root, where=used, out=np.zeros_like(root))
