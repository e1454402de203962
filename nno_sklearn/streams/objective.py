"""The objective of a stream: that of a batch fit, with class weights that change over time."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nno_sklearn.problem import Objective
from nno_sklearn.rows import reweighted


class Look(NamedTuple):
    """What weighted rows say of their losses at a model."""

    loss: float
    #: (n_samples, n_outputs): weights times derivatives by the raw predictions.
    residual: np.ndarray
    #: (n_features + 1, n_outputs), the intercept's last.
    gradient: np.ndarray
    #: (n_outputs, n_outputs): sum of the second derivatives by the raw predictions.
    curvature: np.ndarray


@dataclass(frozen=True)
class StreamObjective(Objective):
    """The objective over all rows of a stream.

    Parameters
    ----------
    loss : Loss
        Of a row.
    penalty : Penalty
        Of the coefficients, bound to the features and outputs.
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    class_factors : ndarray of shape (n_classes,), default=None
        Current class weights; None for a regressor.
    """

    class_factors: np.ndarray | None = None

    def reweighted(self, y, weight):
        """Targets (also means of labels) and weights, with the classes' factors applied."""
        if self.class_factors is None or (self.class_factors == 1.0).all():
            return y, weight
        is_single = y.shape[1] == 1
        shares = np.hstack([1.0 - y, y]) if is_single else y
        shares, weight = reweighted(shares, weight, self.class_factors)
        return (shares[:, 1:] if is_single else shares), weight

    def loss_value(self, y, eta):
        """Each row's loss, times its class's factor."""
        y, weight = self.reweighted(y, np.ones(len(y)))
        return weight * self.loss.value(y, eta).reshape(len(y), -1).sum(axis=1)

    def loss_gradient(self, y, eta):
        """Derivative of each row's loss by its raw prediction, times its class's factor."""
        y, weight = self.reweighted(y, np.ones(len(y)))
        return weight[:, None] * self.loss.gradient(y, eta)

    def slopes(self, y, eta, weight):
        """Derivatives of the rows' loss by their raw predictions, (n_samples, n_outputs), and the
        weighted sum of its curvatures, (n_outputs,).

        A row where the loss is a line is as curved as the parabola that falls to 0 from there, or
        steps in units of Newton's would have no end.
        """
        slope, curvature = self.loss.derivatives(y, eta)
        total = curvature.total(weight).diagonal()
        if self.loss.largest_curvature is None:
            return slope, total
        loss = self.loss.value(y, eta)
        parabola = np.divide(0.5 * slope**2, loss, out=np.zeros_like(slope), where=loss > 0)
        return slope, np.maximum(total, weight @ parabola)

    def look(self, rows, coef, intercept):
        """The :class:`Look` of a batch at coefficients and intercept."""
        y, weight = self.reweighted(rows.y, rows.weight)
        losses, gradient, curvature = self.loss.with_derivatives(y, rows.X @ coef + intercept)
        residual = weight[:, None] * gradient
        slope = np.vstack([rows.X.T @ residual, residual.sum(axis=0)])
        return Look(float((weight @ losses).sum()), residual, slope, curvature.total(weight))

    def base(self, rows, weight):
        """Raw prediction of the mean target so far, less the mean offset: the intercept before any
        step.

        Parameters
        ----------
        rows : ndarray of shape (n_sums, n_outputs)
            Weighted sums over the rows; the first of targets, the last of offsets.
        weight : float
            Sum of the weights.
        """
        if weight == 0:
            return np.zeros_like(rows[0])
        return self._mean_prediction(rows[0], weight) - rows[-1] / weight

    def _mean_prediction(self, mass, weight):
        """Raw prediction of a mean target; one that no event has is a little above 0."""
        if self.class_factors is not None:  # rule of succession
            n_classes = max(2, len(mass))
            return self.loss.link((mass + 1 / n_classes) / (weight + 1))
        if self.loss.positive_target:
            mass = np.where(mass > 0, mass, 0.5)
        return self.loss.link(mass / weight)

    def imagined_targets(self, mass, total):
        """Targets of pseudo-observations, (n_imagined, n_outputs): one for each class not yet seen.

        Until a class (or any event, for counts) has occurred, the best intercept for it is
        infinite; one pseudo-observation makes it finite (Laplace's rule of succession).

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
