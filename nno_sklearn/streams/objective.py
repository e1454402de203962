"""What online solvers share: batches of rows, what is to be minimised, and running moments."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem.moments import moments


@dataclass(frozen=True)
class Objective:
    """``sum_i s_i loss / sum_i s_i + alpha * penalty`` over all rows of a stream.

    Parameters
    ----------
    loss : Loss
    penalty : Penalty
    alpha : float
    fit_intercept : bool
    class_factors : ndarray of shape (n_classes,), default=None
        Factor on the weights of each class's rows at present; None for numbers.
    """

    loss: Loss
    penalty: Penalty
    alpha: float
    fit_intercept: bool
    class_factors: np.ndarray | None = None

    def reweighted(self, y, weight):
        """Targets, means of labels too, and weights as the classes' factors make them."""
        if self.class_factors is None or (self.class_factors == 1.0).all():
            return y, weight
        single = y.shape[1] == 1
        mass = (np.hstack([1.0 - y, y]) if single else y) * self.class_factors
        total = mass.sum(axis=1)
        share = mass / total[:, None]
        return (share[:, 1:] if single else share), weight * total

    def gradient(self, y, eta):
        """Derivative of each row's loss by its raw prediction, times its class's factor."""
        y, weight = self.reweighted(y, np.ones(len(y)))
        return weight[:, None] * self.loss.gradient(y, eta)

    def curvature(self, y, eta, weight):
        """Weighted sum of the second derivatives, (n_outputs, n_outputs)."""
        y, weight = self.reweighted(y, weight)
        return self.loss.derivatives(y, eta)[1].total(weight)

    def unseen(self, mass, total):
        """Targets of imagined rows, (n_imagined, n_outputs): one for each class not yet seen.

        Where a class (or any event, for counts) has not occurred, the best model of it is
        infinite; one imagined row of it makes it finite (Laplace's rule of succession).

        Parameters
        ----------
        mass : ndarray of shape (n_outputs,)
            Weighted sum of the targets.
        total : float
            Sum of the weights.
        """
        if self.class_factors is None:
            none = self.loss.positive_target and not mass.all()
            return np.ones((1, len(mass))) if none else np.zeros((0, len(mass)))
        if len(mass) > 1:
            return np.eye(len(mass))[mass <= 0]
        return np.array([[0.0], [1.0]])[[mass[0] >= total, mass[0] <= 0]]


@dataclass(frozen=True)
class Batch:
    """Rows of a stream.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features), float32 or float64
    y : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
        All positive, not normalised.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def __len__(self):
        return len(self.weight)

    def __getitem__(self, index):
        """A copy of some rows, in float64: users fill the same array with the next batch."""
        return Batch(self.X[index].astype(float), self.y[index].copy(), self.weight[index].copy())

    @classmethod
    def join(cls, parts):
        """One batch of several."""
        if len(parts) == 1:
            return parts[0]
        rows = [part.X for part in parts]
        return cls(
            sparse.vstack(rows, format="csr") if sparse.issparse(rows[0]) else np.vstack(rows),
            np.vstack([part.y for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )


@dataclass(frozen=True)
class RunningMoments:
    """Weighted mean and mean squared deviation of the columns of all rows so far.

    Deviations are from 0, and the mean counts as 0, where columns are not to be centred.
    """

    weight: float
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def none(cls, n_features):
        """Those of no row."""
        return cls(0.0, np.zeros(n_features), np.zeros(n_features))

    def updated(self, X, weight, *, fade=1.0, centred=True):
        """With rows added (Chan, Golub and LeVeque, 1979); older ones count ``fade``."""
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
