"""Means and variances of the columns of a stream."""

from dataclasses import dataclass, replace

import numpy as np

from nno_sklearn.rows.moments import moments


@dataclass(frozen=True)
class RunningMoments:
    """Weighted mean and mean squared deviation of the columns of all rows so far.

    Where columns are not centred, the mean is 0 and deviations are from 0.
    """

    weight: float
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def none(cls, n_features):
        """The moments before the first row."""
        return cls(0.0, np.zeros(n_features), np.zeros(n_features))

    def updated(self, X, weight, *, fade=1.0, centred=True):
        """Moments with more rows (Chan, Golub and LeVeque, 1979); old rows weigh ``fade``."""
        total = weight.sum()
        mean, scale = moments(X, weight / total, centred)
        old = fade * self.weight
        share = total / (old + total)
        step = mean - self.mean
        return replace(
            self,
            weight=old + total,
            mean=self.mean + share * step,
            variance=(1 - share) * self.variance + share * scale**2 + share * (1 - share) * step**2,
        )

    @property
    def inverse_scale(self):
        """1 / standard deviation, 0 for constant columns."""
        used = self.variance > 1e-24 * self.mean**2
        root = np.sqrt(self.variance, where=used, out=np.ones_like(self.variance))
        return np.divide(1.0, root, where=used, out=np.zeros_like(root))
