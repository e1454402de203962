"""scikit-learn's estimators with the same objective as an NNO model, and their parameters.

The objective is ``sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha * penalty(w)`` with
``penalty(w) = l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|_2^2``. scikit-learn's estimators differ
in whether they take the mean or the sum of the losses, in the name of the strength, in the l1_ratio
that they allow, and in whether they penalise the intercept b.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR

from nno_sklearn.losses import (
    ConcomitantHuber,
    EpsilonInsensitive,
    Huber,
    InverseGaussian,
    Quantile,
    Tweedie,
)

__all__ = ["COUNTERPARTS", "Counterpart", "Strength", "counterparts", "logistic_penalty"]


@dataclass(frozen=True)
class Strength:
    """The name and unit of an estimator's strength of the penalty.

    Parameters
    ----------
    parameter : str
        Its name in that estimator.
    of_alpha, to_alpha : callable
        From ``(alpha, total_weight)`` to that parameter, and from ``(parameter, total_weight)`` to
        the ``alpha`` of NNO models; the total weight is the number of rows where none are given.
    """

    parameter: str
    of_alpha: Callable[[float, float], float]
    to_alpha: Callable[[float, float], float]


#: Losses with an epsilon, of the same default.
INSENSITIVE = ("epsilon_insensitive", "squared_epsilon_insensitive")


def _inverse(value: float) -> float:
    return 1.0 / value if value > 0 else np.inf


#: The penalty is added to the mean of the losses, as here.
OF_MEAN = Strength("alpha", lambda alpha, total: alpha, lambda alpha, total: alpha)
#: The penalty is added to the sum of the losses.
OF_SUM = Strength("alpha", lambda alpha, total: alpha * total, lambda alpha, total: alpha / total)
#: The sum of the losses is multiplied by C and added to the penalty.
INVERSE = Strength(
    "C",
    lambda alpha, total: _inverse(alpha * total),
    lambda C, total: _inverse(C * total),
)


def _no_options(loss: str, l1_ratio: float) -> dict[str, Any]:
    """No parameters, for an estimator with a single loss and kind of penalty."""
    return {}


@dataclass(frozen=True)
class Counterpart:
    """An estimator of scikit-learn and the objectives that it minimises.

    Parameters
    ----------
    estimator : type
    losses : tuple of str
        Names in NNOClassifier and NNORegressor.
    strength : Strength or None
        None where there is no penalty.
    takes : callable
        ``takes(alpha, l1_ratio, fit_intercept)``: whether it can have that objective.
    options : callable
        ``options(loss, l1_ratio)``: its other parameters for that objective.
    """

    estimator: type[BaseEstimator]
    losses: tuple[str, ...]
    strength: Strength | None
    takes: Callable[[float, float, bool], bool]
    options: Callable[[str, float], dict[str, Any]] = _no_options

    def params(
        self, loss: str, alpha: float, l1_ratio: float, total_weight: float
    ) -> dict[str, Any]:
        """Parameters with which the estimator has this objective.

        Parameters
        ----------
        loss : str
        alpha : float
            As in NNO models.
        l1_ratio : float in [0, 1]
            0 for "l2" and 1 for "l1".
        total_weight : float
            Sum of the sample weights, or the number of rows.
        """
        options = self.options(loss, l1_ratio)
        if self.strength is None:
            return options
        return {self.strength.parameter: self.strength.of_alpha(alpha, total_weight), **options}


def strength_of(estimator: type[BaseEstimator]) -> Strength | None:
    """Name and unit of the strength of an estimator of :data:`COUNTERPARTS`; None for others."""
    return next((one.strength for one in COUNTERPARTS if one.estimator is estimator), None)


def counterparts(
    *,
    loss: str,
    penalty: str | None,
    alpha: float,
    l1_ratio: float = 0.5,
    fit_intercept: bool = True,
    total_weight: float,
) -> list[BaseEstimator]:
    """Make every estimator of scikit-learn that has the same objective as an NNO model.

    Parameters
    ----------
    loss : str
        A name, as in NNOClassifier and NNORegressor.
    penalty : str or None
        A name.
    alpha : float
        Strength of the penalty, of a mean of losses.
    l1_ratio : float, default=0.5
        Share of the l1 part in "elasticnet".
    fit_intercept : bool, default=True
        Whether there is an intercept, which is not penalised.
    total_weight : float
        Sum of the sample weights, or number of rows, of the fit: some of scikit-learn's strengths
        depend on it, ``alpha`` does not.

    Returns
    -------
    list of estimator
        Not fitted, the most accurate first; empty where scikit-learn has none. The SGD estimators,
        which are last, only approach the optimum, and have the same objective for weights of
        mean 1. Solvers and tolerances are left to the caller.

    Examples
    --------
    >>> from nno_sklearn.counterparts import counterparts
    >>> counterparts(loss="squared_error", penalty="l2", alpha=0.01, total_weight=500)[0]
    Ridge(alpha=5.0)
    """
    alpha = 0.0 if penalty is None else alpha
    shares: dict[str | None, float] = {None: 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": l1_ratio}
    if penalty not in shares:
        return []
    l1_ratio = shares[penalty] if alpha > 0 else 0.0
    return [
        one.estimator(
            fit_intercept=fit_intercept, **one.params(loss, alpha, l1_ratio, total_weight)
        )
        for one in COUNTERPARTS
        if loss in one.losses and one.takes(alpha, l1_ratio, fit_intercept)
    ]


#: Up to scikit-learn 1.7 LogisticRegression has a penalty; later versions use l1_ratio alone.
_NAMED_PENALTY = "penalty" in (_parameters := signature(LogisticRegression).parameters) and (
    _parameters["penalty"].default == "l2"
)


def logistic_penalty(l1_ratio: float) -> dict[str, Any]:
    """Parameters of LogisticRegression for a penalty with this l1_ratio."""
    if not _NAMED_PENALTY:
        return {"l1_ratio": l1_ratio}
    named = {0.0: "l2", 1.0: "l1"}.get(l1_ratio)
    return {"penalty": named or "elasticnet", "l1_ratio": None if named else l1_ratio}


def _logistic(loss: str, l1_ratio: float) -> dict[str, Any]:
    return {"solver": "saga" if l1_ratio > 0 else "lbfgs", **logistic_penalty(l1_ratio)}


def _svc(loss: str, l1_ratio: float) -> dict[str, Any]:
    penalty = "l1" if l1_ratio == 1 else "l2"
    return {"loss": loss, "penalty": penalty, "dual": loss == "hinge"}


def _svr(loss: str, l1_ratio: float) -> dict[str, Any]:
    return {"loss": loss, "epsilon": EpsilonInsensitive().epsilon}


def _quantile(loss: str, l1_ratio: float) -> dict[str, Any]:
    return {"quantile": Quantile().quantile}


def _huber(loss: str, l1_ratio: float) -> dict[str, Any]:
    return {"epsilon": ConcomitantHuber().epsilon}


def _sgd(loss: str, l1_ratio: float) -> dict[str, Any]:
    epsilons = {"huber": Huber().delta, **dict.fromkeys(INSENSITIVE, EpsilonInsensitive().epsilon)}
    epsilon = {"epsilon": epsilons[loss]} if loss in epsilons else {}
    return {"loss": loss, "penalty": "elasticnet", "l1_ratio": l1_ratio, **epsilon}


def _tweedie(loss: str, l1_ratio: float) -> dict[str, Any]:
    return {"power": InverseGaussian.power if loss == "inverse_gaussian" else Tweedie().power}


def _smooth(alpha: float, l1_ratio: float, fit_intercept: bool) -> bool:
    return l1_ratio == 0


def _ridge_through_0(alpha: float, l1_ratio: float, fit_intercept: bool) -> bool:
    return alpha > 0 and l1_ratio == 0 and not fit_intercept


def _penalised(alpha: float, l1_ratio: float, fit_intercept: bool) -> bool:
    return alpha > 0


COUNTERPARTS = (
    Counterpart(LinearRegression, ("squared_error",), None, lambda alpha, *_: alpha == 0),
    Counterpart(
        Ridge, ("squared_error",), OF_SUM, lambda alpha, ratio, _: alpha > 0 and ratio == 0
    ),
    Counterpart(Lasso, ("squared_error",), OF_MEAN, lambda alpha, ratio, _: ratio == 1),
    Counterpart(
        ElasticNet,
        ("squared_error",),
        OF_MEAN,
        lambda alpha, ratio, _: ratio > 0,
        lambda loss, l1_ratio: {"l1_ratio": l1_ratio},
    ),
    Counterpart(LogisticRegression, ("log_loss",), INVERSE, lambda *_: True, _logistic),
    Counterpart(PoissonRegressor, ("poisson",), OF_MEAN, _smooth),
    Counterpart(GammaRegressor, ("gamma",), OF_MEAN, _smooth),
    Counterpart(TweedieRegressor, ("tweedie", "inverse_gaussian"), OF_MEAN, _smooth, _tweedie),
    # Half of its objective is ours.
    Counterpart(HuberRegressor, ("concomitant_huber",), OF_SUM, _smooth, _huber),
    Counterpart(
        QuantileRegressor,
        ("quantile",),
        OF_MEAN,
        lambda alpha, ratio, _: alpha == 0 or ratio == 1,
        _quantile,
    ),
    # They penalise the intercept.
    Counterpart(
        LinearSVC,
        ("squared_hinge",),
        INVERSE,
        lambda alpha, ratio, fit_intercept: alpha > 0 and ratio in (0, 1) and not fit_intercept,
        _svc,
    ),
    Counterpart(LinearSVC, ("hinge",), INVERSE, _ridge_through_0, _svc),
    Counterpart(LinearSVR, INSENSITIVE, INVERSE, _ridge_through_0, _svr),
    # Their step sizes divide by alpha.
    Counterpart(
        SGDClassifier,
        ("log_loss", "hinge", "squared_hinge", "modified_huber"),
        OF_MEAN,
        _penalised,
        _sgd,
    ),
    Counterpart(SGDRegressor, ("squared_error", "huber", *INSENSITIVE), OF_MEAN, _penalised, _sgd),
)
