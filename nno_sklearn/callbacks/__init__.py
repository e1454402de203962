"""Callbacks: what sees the iterations of a fit, and may end it."""

from nno_sklearn.callbacks.base import Callback, Iteration
from nno_sklearn.callbacks.early_stopping import EarlyStopping

__all__ = ["Callback", "EarlyStopping", "Iteration"]
