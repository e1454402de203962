"""Batches of rows."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Batch:
    """Rows of a stream.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
        float32 or float64.
    y : ndarray of shape (n_samples, n_outputs)
        Targets; labels as 0 and 1.
    weight : ndarray of shape (n_samples,)
        All positive, not normalised.
    offset : ndarray of shape (n_samples, n_outputs), default=None
        What raw predictions have besides X w + b; None for nothing.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None = None

    def __len__(self):
        return len(self.weight)

    def __getitem__(self, index):
        """A copy of some rows, in float64: users fill the same array with the next batch."""
        offset = None if self.offset is None else self.offset[index].copy()
        X, y, weight = self.X[index].astype(float), self.y[index].copy(), self.weight[index].copy()
        return Batch(X, y, weight, offset)

    def part(self, index):
        """Some rows, in float64, that are used before users fill their array with others."""
        X = self.X[index].astype(float, copy=False)
        return Batch(X, self.y[index], self.weight[index])

    @classmethod
    def join(cls, parts):
        """Concatenate batches."""
        if len(parts) == 1:
            return parts[0]
        rows = [part.X for part in parts]
        return cls(
            sparse.vstack(rows, format="csr") if sparse.issparse(rows[0]) else np.vstack(rows),
            np.vstack([part.y for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )
