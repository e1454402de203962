"""Losses: how far a raw prediction is from a target."""

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
