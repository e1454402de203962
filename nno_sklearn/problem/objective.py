"""What is minimised, without the rows."""

from dataclasses import dataclass

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty


@dataclass(frozen=True)
class Objective:
    """``F(w, b) = sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha * penalty(w)`` for any rows.

    Parameters
    ----------
    loss : Loss
    penalty : Penalty
    alpha : float
    fit_intercept : bool, default=True
        Whether there is a b; otherwise it is 0.
    """

    loss: Loss
    penalty: Penalty
    alpha: float
    fit_intercept: bool = True
