"""Offsets: parts of the raw predictions that are known, in fits, predictions and scores."""

from functools import partial, update_wrapper

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from nno_sklearn._dispatch import draft_of
from nno_sklearn._wording import counted

#: Methods of a model that take the offset of the rows.
OFFSET_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score")


def given_offset(offset: ArrayLike | None) -> dict[str, ArrayLike]:
    """The argument ``offset`` of a method that a subclass may have overridden, where there is one.

    A subclass of a twin may be written as one of scikit-learn's estimator, whose methods have none.
    """
    return {} if offset is None else {"offset": offset}


def check_offset(X, offset):
    """Offsets in float64, (n_samples, 1) or (n_samples, n_outputs); None for None."""
    if offset is None:
        return None
    format_ = {"ensure_2d": False, "allow_nd": True, "dtype": np.float64}
    offset = check_array(offset, **format_, input_name="offset")
    if offset.ndim not in (1, 2):
        raise ValueError(
            f"offset has shape {offset.shape}, but one number per row, or one per row and output, "
            f"is needed: pass an array of shape ({X.shape[0]},)."
        )
    if len(offset) != X.shape[0]:
        raise ValueError(
            f"offset has {len(offset)} entries, but X has {X.shape[0]} rows, each of which needs "
            "its own."
        )
    return offset.reshape(len(offset), -1)


def offset_of_outputs(offset, n_outputs, *, is_coupled=False):
    """Offsets, one per row and output, of those for a model; None for None.

    Parameters
    ----------
    offset : ndarray of shape (n_samples, 1) or (n_samples, n_outputs), or None
    n_outputs : int
    is_coupled : bool, default=False
        Whether the outputs are the classes of one label, whose probabilities do not change where
        all raw predictions of a row do by the same.
    """
    if offset is None or offset.shape[1] == n_outputs:
        return offset
    if offset.shape[1] != 1 or is_coupled:
        needed = f"one for each {'class' if is_coupled else 'output'}"
        if n_outputs == 1:
            needed = "one number for each row"
        raise ValueError(
            f"offset has {counted(offset.shape[1], 'column')}, but the model has "
            f"{counted(n_outputs, 'raw prediction')} for each row: pass {needed}, an array of "
            f"shape ({len(offset)}, {n_outputs})."
        )
    return np.repeat(offset, n_outputs, axis=1)


def with_offset(model, offset):
    """The model with the offset of the rows that it is scored on: scorers call methods without."""
    shifted = draft_of(model)
    for name in OFFSET_METHODS:
        if hasattr(model, name):
            method = getattr(model, name)
            setattr(shifted, name, update_wrapper(partial(method, offset=offset), method))
    return shifted
