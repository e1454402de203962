"""What users pass, checked: rows and weights, which are never written to, and counts."""

from copy import copy
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

#: Bytes of rows that are copied without much ado.
SMALL_COPY = 2**24
X_FORMAT = {
    "accept_sparse": ("csr", "csc"),
    "accept_large_sparse": True,
    "dtype": (np.float64, np.float32),
}


def is_count(value: Any, least: int) -> bool:
    """Whether a parameter is a whole number from ``least`` on; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def canonical(X):
    """X; sparse rows with sorted indices and each entry stored once, in a copy where need be.

    Many of scipy's methods bring a matrix into this form in its place, where it cannot be
    written, or while other threads read it.
    """
    if not sparse.issparse(X):
        return X
    X = copy(X)  # shares the arrays, and keeps what scipy notes of their order to itself
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def check_weight(X, sample_weight):
    """Weights >= 0 in float64, one per row; ones for None."""
    if sample_weight is None:
        return np.ones(X.shape[0])
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(
            f"sample_weight has shape {weight.shape}, but one number per row is needed: pass an "
            f"array of shape ({X.shape[0]},). Sample weights must be 1D array or scalar."
        )
    check_consistent_length(X, weight)
    if (weight < 0).any():
        raise ValueError(
            f"sample_weight has a negative entry ({weight.min():g}), but a weight counts "
            "repetitions of a row. Use weights >= 0."
        )
    return weight


def check_any_weight(weight):
    """Raise a ValueError where no row counts."""
    if not weight.any():
        raise ValueError(
            "sample_weight: every weight is zero, so no row is left to fit. Give at least one "
            "row a positive weight."
        )


def check_sum_of_weights(weight):
    """Raise a ValueError where a sum in the user's own units overflows."""
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum()):
            raise ValueError(
                "sample_weight: the sum overflows. Divide all weights, those of a whole stream, by "
                "a constant."
            )


def counting_rows(X, y, weight):
    """X, y and weights of the rows with a positive weight; copies of them."""
    counts = weight > 0
    if counts.all():
        return X, y, weight
    X = X.tocsr() if sparse.issparse(X) else X
    return X[counts], y[counts], weight[counts]


def effective_rows(X, y, weight):
    """X, y and weights as if rows of weight 0 did not occur, without a large copy of X.

    They are left out where the rest is small. Otherwise they stay, with a target that occurs
    among the others: a problem then takes no notice of them.
    """
    counts = weight > 0
    size = _n_bytes(X)
    if counts.all() or counts.mean() * size <= max(SMALL_COPY, size / 8):
        return counting_rows(X, y, weight)
    y = y.copy()
    y[~counts] = y[counts.argmax()]
    return X, y, weight


def _n_bytes(X):
    return X.data.nbytes + X.indices.nbytes if sparse.issparse(X) else X.nbytes
