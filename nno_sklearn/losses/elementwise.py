"""Functions of single numbers that several losses are made of."""

import numpy as np

from nno_sklearn.types import Array


def x_log_x(x: Array) -> Array:
    """``x log x`` for x >= 0, 0 at 0: as :func:`scipy.special.xlogy`, but numpy's logarithm is
    vectorised."""
    return x * np.log(np.maximum(x, np.finfo(np.result_type(x, np.float32)).tiny))


def sigmoid(eta: Array) -> Array:
    """``1 / (1 + exp(-eta))``: exact wherever the result is not below 1e-308, and several times
    faster than :func:`scipy.special.expit`, since numpy's exp is vectorised."""
    with np.errstate(over="ignore"):
        result = np.exp(-eta)
    result += 1.0
    return np.divide(1.0, result, out=result)
