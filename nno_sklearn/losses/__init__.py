"""Losses, pointwise in target and raw prediction."""

from nno_sklearn.losses.base import Curvature, Loss
from nno_sklearn.losses.classification import (
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    SquaredHinge,
)
from nno_sklearn.losses.log_link import (
    Gamma,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    Tweedie,
)
from nno_sklearn.losses.regression import Huber, SquaredError

__all__ = [
    "Curvature",
    "Gamma",
    "Huber",
    "InverseGaussian",
    "LogLoss",
    "Loss",
    "ModifiedHuber",
    "MultinomialLogLoss",
    "NegativeBinomial",
    "Poisson",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
]
