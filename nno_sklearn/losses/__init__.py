"""Losses, pointwise in target and raw prediction."""

from nno_sklearn.losses.base import Loss
from nno_sklearn.losses.classification import (
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    SquaredHinge,
)
from nno_sklearn.losses.concomitant import ConcomitantHuber, ScaledHuber
from nno_sklearn.losses.curvature import Curvature
from nno_sklearn.losses.log_link import (
    Gamma,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    Tweedie,
)
from nno_sklearn.losses.ordinal import Ordinal, OrdinalAt
from nno_sklearn.losses.piecewise_linear import (
    AbsoluteError,
    Corner,
    EpsilonInsensitive,
    Hinge,
    Piece,
    PiecewiseLinear,
    Quantile,
    Smoothed,
)
from nno_sklearn.losses.regression import Huber, SquaredEpsilonInsensitive, SquaredError

__all__ = [
    "AbsoluteError",
    "ConcomitantHuber",
    "Corner",
    "Curvature",
    "EpsilonInsensitive",
    "Gamma",
    "Hinge",
    "Huber",
    "InverseGaussian",
    "LogLoss",
    "Loss",
    "ModifiedHuber",
    "MultinomialLogLoss",
    "NegativeBinomial",
    "Ordinal",
    "OrdinalAt",
    "Piece",
    "PiecewiseLinear",
    "Poisson",
    "Quantile",
    "ScaledHuber",
    "Smoothed",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
]
