"""What every competitor minimises, written down once more, independent of the package.

Accuracy is computed here from coefficients, not taken from a competitor's own report.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp, softmax, xlogy

from benchmarks.penalties import PENALTIES

#: Of "epsilon_insensitive", the package's default.
EPSILON = 0.1
#: Losses of labels.
CLASSIFICATION = ("log_loss", "hinge", "modified_huber", "ordinal", "multinomial")
#: Losses of positive means, whose raw predictions are logarithms.
LOG_LINK = ("poisson", "gamma", "tweedie")


@dataclass(frozen=True)
class Objective:
    """``F(w, b) = sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha * penalty(w)``.

    ``penalty(w) = l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2``, or another of
    :mod:`benchmarks.penalties`.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features), float64
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Labels (integers from 0 or 1 on) for the losses of :data:`CLASSIFICATION`, else floats.
    loss : str
        A name in :data:`LOSSES`.
    alpha : float
    l1_ratio : float in [0, 1]
    fit_intercept : bool
    weight : ndarray of shape (n_samples,), default=None
    delta : float, default=1.35
        Of the Huber loss.
    penalty : str, default="elasticnet"
        Name in :data:`benchmarks.penalties.PENALTIES`.
    group_size : int, default=1
        Number of neighbouring columns in each group of "group_lasso".
    """

    X: np.ndarray
    y: np.ndarray
    loss: str
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    weight: np.ndarray | None = None
    delta: float = 1.35
    penalty: str = "elasticnet"
    group_size: int = 1

    @property
    def is_sparse(self):
        return not isinstance(self.X, np.ndarray)

    @property
    def is_classification(self):
        return self.loss in CLASSIFICATION

    @cached_property
    def codes(self):
        """Labels as 0, 1, 2, ..."""
        return np.unique(self.y, return_inverse=True)[1]

    @property
    def n_samples(self):
        return self.X.shape[0]

    @property
    def total_weight(self):
        return self.n_samples if self.weight is None else self.weight.sum()

    @cached_property
    def counterparts(self):
        """Parameters of scikit-learn's estimators with this objective, by their names.

        Looked up before a worker starts, whose first fit counts the time of imports.
        """
        from nno_sklearn.counterparts import counterparts

        found = counterparts(
            loss="log_loss" if self.loss == "multinomial" else self.loss,
            penalty="elasticnet",
            alpha=self.alpha,
            l1_ratio=self.l1_ratio,
            fit_intercept=self.fit_intercept,
            total_weight=self.total_weight,
        )
        return {type(one).__name__: one.get_params() for one in found}

    @property
    def n_bytes(self):
        """Size of X: what one pass over the data reads."""
        if not self.is_sparse:
            return self.X.nbytes
        return self.X.data.nbytes + self.X.indices.nbytes + self.X.indptr.nbytes

    def value(self, coef, intercept=0.0):
        """F at coefficients of shape (n_features,) or (n_classes, n_features)."""
        raw_prediction = self.X @ np.asarray(coef, dtype=np.float64).T
        if self.loss == "ordinal":  # an intercept for each pair of neighbouring classes
            raw_prediction = raw_prediction[:, None]
        raw_prediction = raw_prediction + intercept
        penalty = PENALTIES[self.penalty].value(self, np.asarray(coef, dtype=np.float64))
        return self._mean(LOSSES[self.loss](self, raw_prediction)) + self.alpha * penalty

    def constant_model(self):
        """Raw prediction of the best model that has w = 0."""
        if self.loss == "multinomial":
            frequency = np.bincount(self.codes) / self.n_samples
            return np.log(frequency) if self.fit_intercept else np.zeros(len(frequency))
        if self.loss == "ordinal":
            above = 1 - np.cumsum(np.bincount(self.codes))[:-1] / self.n_samples
            return np.log(above / (1 - above))
        if not self.fit_intercept:
            return np.zeros(self.y.shape[1:])
        if self.loss == "quantile":
            return np.median(self.y)
        if self.loss == "huber":
            return minimize_scalar(
                lambda b: self._mean(_huber(self, b)), bracket=np.quantile(self.y, (0.25, 0.75))
            ).x
        mean = self._mean(self.codes if self.is_classification else self.y)
        if self.loss == "log_loss":
            return np.log(mean / (1 - mean))
        if self.loss == "modified_huber":
            return 2 * mean - 1
        return np.log(mean) if self.loss in LOG_LINK else mean

    def null_value(self):
        """F of the best constant model, the unit of suboptimality."""
        constant = self.constant_model()
        raw_prediction = np.broadcast_to(constant, (self.n_samples, *np.shape(constant)))
        return self._mean(LOSSES[self.loss](self, raw_prediction))

    def alpha_max(self):
        """The smallest alpha of a penalty with kinks at 0 at which all coefficients are 0."""
        constant = self.constant_model()
        raw_prediction = np.broadcast_to(constant, (self.n_samples, *np.shape(constant)))
        slope = SLOPES[self.loss](self, raw_prediction)
        if self.weight is not None:
            slope = slope * self.weight
        dual_norm = PENALTIES[self.penalty].dual_norm
        return dual_norm(self, self.X.T @ slope) / self.total_weight

    def _mean(self, values):
        """Weighted mean over the rows, summed over outputs."""
        return np.average(values, axis=0, weights=self.weight).sum()


def _huber(objective, eta):
    size, delta = np.abs(eta - objective.y), objective.delta
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))


def _sign(objective):
    """Labels as 1 and -1; times a raw prediction they are margins."""
    return np.where(objective.codes == 1, 1.0, -1.0)


def _hinge(objective, eta):
    return np.maximum(1 - _sign(objective) * eta, 0)


def _hinge_slope(objective, eta):
    sign = _sign(objective)
    return np.where(sign * eta < 1, -sign, 0.0)


def _modified_huber(objective, eta):
    margin = _sign(objective) * eta
    return np.where(margin < -1, -4 * margin, np.maximum(1 - margin, 0) ** 2)


def _modified_huber_slope(objective, eta):
    sign = _sign(objective)
    return -2 * sign * np.clip(1 - sign * eta, 0, 2)


def _ordinal_ends(objective, eta):
    """Raw predictions of the classes' ends: that a class is above its predecessor, and itself."""
    ends = np.pad(eta, ((0, 0), (1, 1)), constant_values=(np.inf, -np.inf))
    rows = np.arange(len(eta))
    return ends[rows, objective.codes], ends[rows, objective.codes + 1]


def _ordinal(objective, eta):
    above, below = _ordinal_ends(objective, eta)
    return -np.log(expit(above) - expit(below))


def _ordinal_slope(objective, eta):
    """By the raw prediction that all intercepts are added to."""
    above, below = (expit(end) for end in _ordinal_ends(objective, eta))
    return above + below - 1


def _tweedie(objective, eta):
    """Half the deviance of power 1.5."""
    root = np.exp(eta / 2)
    return 2 * (objective.y / root + root) - 4 * np.sqrt(objective.y)


def _insensitive_slope(objective, eta):
    residual = eta - objective.y
    return np.where(np.abs(residual) > EPSILON, np.sign(residual), 0.0)


def _multinomial(objective, eta):
    return logsumexp(eta, axis=1) - eta[np.arange(len(eta)), objective.codes]


def _multinomial_slope(objective, eta):
    return softmax(eta, axis=1) - np.eye(eta.shape[1])[objective.codes]


#: Loss of each row, given the objective and the raw predictions.
LOSSES = {
    "squared_error": lambda f, eta: (eta - f.y) ** 2 / 2,
    "quantile": lambda f, eta: np.abs(eta - f.y) / 2,  # the median
    "epsilon_insensitive": lambda f, eta: np.maximum(np.abs(eta - f.y) - EPSILON, 0),
    "huber": _huber,
    "poisson": lambda f, eta: np.exp(eta) - f.y * eta + xlogy(f.y, f.y) - f.y,
    "gamma": lambda f, eta: f.y * np.exp(-eta) + eta - np.log(f.y) - 1,
    "tweedie": _tweedie,
    "log_loss": lambda f, eta: np.logaddexp(0, np.where(f.codes == 1, -eta, eta)),
    "hinge": _hinge,
    "modified_huber": _modified_huber,
    "ordinal": _ordinal,
    "multinomial": _multinomial,
}

#: Derivative of the loss by the raw prediction, any of them at a corner.
SLOPES = {
    "squared_error": lambda f, eta: eta - f.y,
    "quantile": lambda f, eta: np.sign(eta - f.y) / 2,
    "epsilon_insensitive": _insensitive_slope,
    "huber": lambda f, eta: np.clip(eta - f.y, -f.delta, f.delta),
    "poisson": lambda f, eta: np.exp(eta) - f.y,
    "gamma": lambda f, eta: 1 - f.y * np.exp(-eta),
    "tweedie": lambda f, eta: np.exp(eta / 2) - f.y * np.exp(-eta / 2),
    "log_loss": lambda f, eta: expit(eta) - f.codes,
    "hinge": _hinge_slope,
    "modified_huber": _modified_huber_slope,
    "ordinal": _ordinal_slope,
    "multinomial": _multinomial_slope,
}
