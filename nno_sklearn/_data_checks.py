"""Checks of what users pass: rows and weights, none changed in place, and counts."""

from copy import copy
from functools import lru_cache
from inspect import signature
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

#: Bytes of rows up to which a copy is cheap.
SMALL_COPY = 2**24
#: Columns that an error names.
MOST_NAMED = 5
#: Types in which X is kept.
FLOATS = (np.float64, np.float32)
X_FORMAT = {"accept_sparse": ("csr", "csc"), "accept_large_sparse": True, "dtype": FLOATS}


def is_count(value: Any, least: int) -> bool:
    """Whether a parameter is an integer of at least ``least``; booleans are not."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def is_default(owner: Any, name: str) -> bool:
    """Whether a parameter has the value of its owner's signature, or is not in that."""
    parameter = _parameters(type(owner).__init__).get(name)
    return parameter is None or bool(getattr(owner, name) == parameter.default)


@lru_cache(maxsize=128)
def _parameters(function):
    """Those of a signature, which takes long to read beside a small fit."""
    return signature(function).parameters


def check_idle(owner: Any) -> None:
    """Raise a ValueError for a parameter that was given and has no effect beside the others.

    Parameters
    ----------
    owner : object
        Its ``idle_parameters`` are those without effect, and what would give them one.
    """
    for name, (other, value) in owner.idle_parameters.items():
        if not is_default(owner, name):
            raise ValueError(
                f"{type(owner).__name__}({name}={getattr(owner, name)!r}): {name} has no effect "
                f"without {other}={value!r}. Give that, too, or leave {name} out."
            )


def is_as_validated(X: Any) -> bool:
    """Whether X is a plain array of finite floats, of which a check by :data:`X_FORMAT` would
    return each entry as it is."""
    if type(X) is not np.ndarray or X.ndim != 2 or not X.size:
        return False
    return X.dtype in FLOATS and _is_finite(X)


def is_vector_for(X: Any, y: Any) -> bool:
    """Whether y is a plain vector of finite numbers, or of words, for each row of X."""
    if type(y) is not np.ndarray or y.shape != X.shape[:1]:
        return False
    return y.dtype.kind in "iubU" or (y.dtype.kind == "f" and _is_finite(y))


def are_vectors(y: Any, predicted: Any) -> bool:
    """Whether targets and predictions are plain vectors of as many finite numbers, or of words: the
    metrics of scikit-learn would take them as they are."""
    return is_vector_for(predicted, y) and is_vector_for(y, predicted)


def _is_finite(values):
    """Whether the sum shows that all values are finite; it may overflow where they are huge."""
    with np.errstate(over="ignore", invalid="ignore"):
        return isfinite(np.add.reduce(values, axis=None))


def canonical(X):
    """X; a sparse X with sorted indices and no duplicate entries, copied if it has to change.

    Many of scipy's methods would sort X in place, which fails where it is read-only and is unsafe
    while other threads read it.
    """
    if not sparse.issparse(X):
        return X
    X = copy(X)  # shares the arrays, not the flags in which scipy records their order
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
    _check_not_negative(weight)
    return weight


def _check_not_negative(weight):
    if (weight < 0).any():
        raise ValueError(
            f"sample_weight has a negative entry ({weight.min():g}), but a weight counts "
            "repetitions of a row. Use weights >= 0."
        )


def check_table_of_weights(y, sample_weight):
    """Weights >= 0 in float64, one for each row and output, (n_samples, n_outputs); 0 where the
    target is missing (NaN).

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), or None

    Raises
    ------
    ValueError
        For other shapes, for weights that are no numbers of at least 0, and for an output without
        any target that counts.
    """
    if np.asarray(sample_weight).ndim == 2:
        weight = check_array(sample_weight, dtype=np.float64, input_name="sample_weight")
        if weight.shape != y.shape:
            raise ValueError(
                f"sample_weight has shape {weight.shape}, but y has shape {y.shape}: pass one "
                "weight for each row, or one for each entry of y."
            )
        _check_not_negative(weight)
    else:
        weight = check_weight(y, sample_weight)[:, None]
    weight = np.where(np.isnan(y), 0.0, weight)
    nothing = np.flatnonzero(~weight.any(axis=0))
    if len(nothing):
        names = ", ".join(map(str, nothing[:MOST_NAMED])) + ", ..." * (len(nothing) > MOST_NAMED)
        raise ValueError(
            f"y has no target of positive weight in {len(nothing)} of its {y.shape[1]} columns: "
            f"number {names} (from 0). Each output needs one. Leave these columns out."
        )
    return weight


def check_any_weight(weight):
    """Raise a ValueError where all weights are 0."""
    if not np.count_nonzero(weight):
        raise ValueError(
            "sample_weight: every weight is zero, so no row is left to fit. Give at least one "
            "row a positive weight."
        )


def check_sum_of_weights(weight):
    """Raise a ValueError where the sum of the weights overflows."""
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum()):
            raise ValueError(
                "sample_weight: the sum overflows. Divide all weights, those of a whole stream, by "
                "a constant."
            )


def counting_rows(X, weight, *others):
    """X, weights and other arrays as long, of the rows with a positive weight; copies of them.

    None among the others stays None.
    """
    if np.count_nonzero(weight) == len(weight):
        return X, weight, *others
    counts = weight > 0
    X = X.tocsr() if sparse.issparse(X) else X
    return X[counts], weight[counts], *(None if one is None else one[counts] for one in others)


def effective_rows(X, weight, *others):
    """X, weights and other arrays equivalent to those without the rows of weight 0, without a large
    copy of X.

    These rows are dropped where the rest is small. Otherwise they stay, with the target and offset
    of another row: with weight 0 they do not affect the problem.
    """
    if np.count_nonzero(weight) == len(weight):
        return X, weight, *others
    counts = weight > 0
    size = _n_bytes(X)
    if counts.mean() * size <= max(SMALL_COPY, size / 8):
        return counting_rows(X, weight, *others)
    return X, weight, *(None if one is None else _like_first(one, counts) for one in others)


def _like_first(values, counts):
    """A copy in which rows that do not count have the values of the first one that does."""
    values = values.copy()
    values[~counts] = values[counts.argmax()]
    return values


def _n_bytes(X):
    return X.data.nbytes + X.indices.nbytes if sparse.issparse(X) else X.nbytes
