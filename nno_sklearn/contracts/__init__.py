"""Contracts of losses, penalties, solvers and streams: tests for authors, and checks in fits."""

from nno_sklearn.contracts.at_fit import (
    check_loss_on,
    check_penalty_on,
    check_prediction,
    check_result,
)
from nno_sklearn.contracts.authors import check_loss, check_penalty, check_solver, check_stream
from nno_sklearn.contracts.corners import gradient_jumps

__all__ = [
    "check_loss",
    "check_loss_on",
    "check_penalty",
    "check_penalty_on",
    "check_prediction",
    "check_result",
    "check_solver",
    "check_stream",
    "gradient_jumps",
]
