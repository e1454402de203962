"""scikit-learn's estimator with the same objective."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from nno_sklearn.counterparts import counterparts
from nno_sklearn.losses import InverseGaussian, Tweedie

#: Losses of ``y - eta`` alone: an offset is taken from the target.
OF_RESIDUALS = (
    "squared_error", "huber", "concomitant_huber", "quantile", "absolute_error",
    "epsilon_insensitive", "squared_epsilon_insensitive",
)  # fmt: skip
#: Losses with a log link, and the power of the mean in their variance: an offset makes rates of
#: targets, and weights of rows.
POWERS = {
    "poisson": 1.0,
    "gamma": 2.0,
    "tweedie": Tweedie().power,
    "inverse_gaussian": InverseGaussian.power,
}


def make_baseline(total_weight, *, loss, penalty, alpha, l1_ratio, **search):
    """Make the scikit-learn estimator with the same objective.

    Parameters
    ----------
    total_weight : float
        Sum of the weights of the rows, or their number: some of scikit-learn's strengths depend on
        it; ``alpha`` does not.
    loss, penalty, alpha, l1_ratio
        As in NNOClassifier and NNORegressor.
    **search
        ``tol``, ``max_iter`` and ``random_state``, set where the estimator has them.

    Returns
    -------
    Estimator, or None where scikit-learn has none.
    """
    found = counterparts(
        loss=loss, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, total_weight=total_weight
    )
    if not found:
        return None
    known = found[0].get_params()
    return found[0].set_params(**{name: search[name] for name in search if name in known})


class WithOffset(RegressorMixin, BaseEstimator):
    """scikit-learn's estimator fitted to rows with an offset, which it knows nothing of.

    With an offset ``o``, a loss of residuals is that of the target ``y - o``. A deviance with log
    link whose variance is proportional to ``mean^p`` is ``exp((2 - p) o)`` times that of
    ``y exp(-o)``: Poisson counts with exposures are rates, weighted by the exposures. The mean
    offset is left to the intercept, so that rates are numbers of the usual size.

    Parameters
    ----------
    problem : dict
        What :func:`make_baseline` takes; the loss is one of OF_RESIDUALS or POWERS.
    """

    def __init__(self, problem):
        self.problem = problem

    def fit(self, X, y, offset):
        """Fit the estimator to other targets and weights."""
        loss, alpha = self.problem["loss"], self.problem["alpha"]
        if loss in OF_RESIDUALS:
            targets, weight = y - offset, np.ones(len(y))
        else:
            self.mean_offset_ = offset.mean()
            around = offset - self.mean_offset_
            targets, weight = y * np.exp(-around), np.exp((2 - POWERS[loss]) * around)
        total = weight.sum()
        # The mean of the losses is now one of weight ``total``.
        self.estimator_ = make_baseline(total, **self.problem | {"alpha": alpha * len(y) / total})
        self.estimator_.fit(X, targets, sample_weight=weight)
        self.coef_ = self.estimator_.coef_
        return self

    def predict(self, X, offset):
        """Predict with the offset of the rows."""
        predicted = self.estimator_.predict(X)
        if self.problem["loss"] in OF_RESIDUALS:
            return predicted + offset
        return predicted * np.exp(offset - self.mean_offset_)
