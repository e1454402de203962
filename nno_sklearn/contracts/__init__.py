"""Contracts of losses, penalties and solvers as every fit checks them; full tests are `authors`."""

from nno_sklearn.contracts.at_fit import (
    check_loss_on,
    check_penalty_on,
    check_prediction,
    check_result,
)
from nno_sklearn.contracts.corners import gradient_jumps

__all__ = [
    "check_loss_on",
    "check_penalty_on",
    "check_prediction",
    "check_result",
    "gradient_jumps",
]
