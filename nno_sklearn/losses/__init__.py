"""Losses, pointwise in target and raw prediction."""

from nno_sklearn.losses.base import Curvature, Loss
from nno_sklearn.losses.classification import (
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    SquaredHinge,
)
from nno_sklearn.losses.regression import Gamma, Huber, Poisson, SquaredError

__all__ = [
    "Curvature",
    "Gamma",
    "Huber",
    "LogLoss",
    "Loss",
    "ModifiedHuber",
    "MultinomialLogLoss",
    "Poisson",
    "SquaredError",
    "SquaredHinge",
]
