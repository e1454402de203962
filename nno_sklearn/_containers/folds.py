"""Folds of rows in parts: ranges of the rows of each part."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from nno_sklearn._containers.pieces import is_lazy, joined_blocks, pieces_of
from nno_sklearn.rows.dask_shards import keep


def kept(*given: Any) -> list[Any]:
    """The same data, collections of Dask made once and kept, if there is room, so that each of
    several fits finds them."""
    lazy = [one for one in given if is_lazy(one)]
    made = iter(keep([_whole_rows(one) for one in lazy]))
    return [next(made) if is_lazy(one) else one for one in given]


def _whole_rows(data):
    """A collection whose parts have all columns."""
    is_table = hasattr(data, "chunks") and data.ndim == 2
    return data.rechunk({1: -1}) if is_table else data


def weights_of_fold(
    X: Any, sample_weight: Any, number: int, n_folds: int, *, is_held_out: bool
) -> Any:
    """Weights that are 0 for rows that a split does not use.

    Of a part's rows, in their order, each fold has one range; which one moves on with each part.

    Parameters
    ----------
    X : collection of Dask
    sample_weight : array-like, collection or None
    number, n_folds : int
        Number of the fold that the split holds out, and of folds.
    is_held_out : bool
        Whether the split uses the fold, or all rows but those.

    Returns
    -------
    dask.array
        In the parts of X.
    """
    import dask

    weigh = dask.delayed(partial(_weights, number, n_folds, is_held_out), pure=False)
    pieces = pieces_of(X, sample_weight=sample_weight)
    made = [weigh(piece.number, piece.X, piece.sample_weight) for piece in pieces]
    return joined_blocks(X, made, (), float)


def _weights(number, n_folds, is_held_out, part, X, sample_weight):
    n = X.shape[0]
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    place = (number - part) % n_folds
    is_in = np.zeros(n, dtype=bool)
    is_in[place * n // n_folds : (place + 1) * n // n_folds] = True
    return np.where(is_in == is_held_out, weight, 0.0)
