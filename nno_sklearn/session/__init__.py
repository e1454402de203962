"""Sessions: data prepared once for one fit, or for many, each from a solved one nearby."""

from nno_sklearn.session.apart import are_apart, no_problem
from nno_sklearn.session.fit_session import FitSession, key_of
from nno_sklearn.session.model import (
    Limits,
    Parts,
    SessionModel,
    TrainingData,
    come_from_one_class,
    has_sessions,
)
from nno_sklearn.session.posed import Fitted, Posed
from nno_sklearn.session.starts import Coefficients, Start, given_start

__all__ = [
    "Coefficients",
    "FitSession",
    "Fitted",
    "Limits",
    "Parts",
    "Posed",
    "SessionModel",
    "Start",
    "TrainingData",
    "are_apart",
    "given_start",
    "come_from_one_class",
    "has_sessions",
    "key_of",
    "no_problem",
]
