"""Predictions and scores of rows in parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import numpy as np

from nno_sklearn._containers.pieces import (
    Piece,
    check_sizes,
    computed,
    is_lazy,
    joined_blocks,
    pieces_of,
    plain,
)
from nno_sklearn._offset import given_offset

Function = TypeVar("Function", bound=Callable[..., Any])


def by_parts(method: Function) -> Function:
    """Lets a method of ``(X, offset)`` that predicts take collections: a lazy array of predictions,
    made part by part where the rows are."""

    @wraps(method)
    def predict(self: Any, X: Any, offset: Any = None) -> Any:
        if not (is_lazy(X) or is_lazy(offset)):
            return method(self, X, offset)
        return _lazy_predictions(method.__name__, self, X, offset)

    return predict  # type: ignore[return-value]


def _lazy_predictions(name, model, X, offset):
    import dask

    example = getattr(plain(model), name)(_example_of(X), **given_offset(_example_offset(offset)))
    predict = dask.delayed(partial(_predicted, plain(model), name), pure=False)
    made = [predict(piece.X, piece.offset) for piece in pieces_of(X, offset=offset)]
    return joined_blocks(X, made, example.shape[1:], example.dtype)


def _example_of(X):
    """A row like those of X: of zeros, or a data frame with its columns."""
    if not hasattr(X, "columns"):
        return np.zeros((1, X.shape[1]), dtype=X.dtype)
    import pandas as pd

    return pd.DataFrame({name: np.zeros(1, dtype=X.dtypes[name]) for name in X.columns})


def _example_offset(offset):
    if offset is None:
        return None
    shape = np.shape(offset)[1:]
    return np.zeros((1, *shape))


def _predicted(model, name, X, offset):
    predict = getattr(model, name)
    if X.shape[0]:
        return predict(X, **given_offset(offset))
    return predict(np.zeros((1, X.shape[1])))[:0]


def scored_by_parts(method: Function) -> Function:
    """Lets ``score`` take collections: parts tell what scores of all rows are made of.

    The model has them: ``score_sums(X, y, sample_weight, offset)`` of some rows, and ``score_of``
    of a list of such sums.
    """

    @wraps(method)
    def score(self: Any, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        if not any(map(is_lazy, (X, y, sample_weight, offset))):
            return method(self, X, y, sample_weight, offset)
        sums = told_by_parts(partial(_score_sums, plain(self)), X, y, sample_weight, offset)
        return self.score_of(sums)

    return score  # type: ignore[return-value]


def _score_sums(model, X, y, sample_weight, offset):
    return model.score_sums(X, y, sample_weight, offset)


def told_by_parts(
    tell: Callable[..., Any], X: Any, y: Any, sample_weight: Any = None, offset: Any = None
) -> list[Any]:
    """What a function of ``(X, y, sample_weight, offset)`` tells of each part that has rows: small
    things, as they travel, in the order of the parts."""
    import dask

    ask, tell = dask.delayed(_told, pure=False), dask.delayed(tell, traverse=False)
    found = computed([ask(tell, *piece) for piece in pieces_of(X, y, sample_weight, offset)])
    return [one for one in found if one is not None]


def _told(tell, *piece):
    piece = Piece(*piece)
    check_sizes(piece)
    if not piece.X.shape[0]:
        return None
    return tell(piece.X, piece.y, piece.sample_weight, piece.offset)
