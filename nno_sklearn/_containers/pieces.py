"""Collections of Dask, and the parts of their rows.

They are recognised by what they can do, and Dask is imported only where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from nno_sklearn.rows.dask_shards import default_client, scheduler
from nno_sklearn.types import Array


def is_lazy(data: Any) -> bool:
    """Whether data are a collection of Dask: an array, a data frame or a series."""
    is_plain = data is None or isinstance(data, np.ndarray)  # the quick way to tell
    return not is_plain and hasattr(data, "__dask_graph__") and hasattr(data, "to_delayed")


def refuse_lazy(what: str, *data: Any) -> None:
    """Raise a ValueError for a collection of Dask where all rows are needed in one place."""
    if any(map(is_lazy, data)):
        raise ValueError(
            f"{what} needs its rows in one place, but these are a collection of Dask. Fit, predict "
            "and score of NNORegressor and NNOClassifier, and NNOSearchCV over them, take "
            "collections as they are; here pass rows that fit this process: X.compute()."
        )


def check_no_table(estimator: Any, y: Any) -> None:
    """Raise a ValueError where the targets of a classifier have several columns."""
    if hasattr(estimator, "survey") and len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1:
        raise ValueError(
            "y is a collection of Dask with several columns: probabilities of classes, or several "
            "labels of a row, are fitted in one place. Pass X.compute() and y.compute(), or one "
            "label per row."
        )


class Piece(NamedTuple):
    """Some rows, as Dask will make them, with what belongs to them."""

    number: int
    X: Any
    y: Any
    sample_weight: Any
    offset: Any


def pieces_of(X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None) -> list[Piece]:
    """The parts of X, along its rows only, with those of the others.

    Raises
    ------
    ValueError
        Where the others have other parts, or no parts.
    """
    if not is_lazy(X):
        named = {"y": y, "sample_weight": sample_weight, "offset": offset}
        lazy = next(name for name, given in named.items() if is_lazy(given))
        raise ValueError(
            f"{lazy} is a collection of Dask, but X is none, so that their rows are in different "
            f"places. Pass {lazy}.compute(), or X as a collection with the same parts."
        )
    if getattr(X, "ndim", 2) != 2:
        raise ValueError(
            f"X has {X.ndim} dimension, but rows and columns are needed: Expected 2D array. "
            "Reshape it, by X[:, None] for a single feature."
        )
    blocks, sizes = blocks_of(X)
    others = [
        _aligned(name, given, blocks, sizes)
        for name, given in (("y", y), ("sample_weight", sample_weight), ("offset", offset))
    ]
    return [Piece(i, *parts) for i, parts in enumerate(zip(blocks, *others, strict=True))]


def blocks_of(data: Any) -> tuple[list[Any], Array]:
    """Parts of a collection along its rows, delayed; and their sizes, nan where unknown."""
    if hasattr(data, "chunks"):
        if data.ndim == 2 and data.numblocks[1] > 1:
            data = data.rechunk({1: -1})
        # Not optimised one by one: what X and y are both made of is then made once for both.
        parts = data.to_delayed(optimize_graph=False)
        return list(parts.ravel()), np.array(data.chunks[0], dtype=float)
    blocks = list(data.to_delayed())
    return blocks, np.full(len(blocks), np.nan)


def _aligned(name, given, blocks, sizes):
    """Parts of what belongs to the rows, one for each part of X."""
    if given is None or isinstance(given, Real):
        return [given] * len(blocks)
    is_known = not np.isnan(sizes).any()
    if not is_lazy(given):
        if not is_known:
            raise ValueError(
                f"{name} is no collection of Dask, and the sizes of the parts of X are not known, "
                f"so that no one can tell which rows are whose. Pass {name} as a collection with "
                "the same parts, or call X.compute_chunk_sizes() first."
            )
        given = np.asarray(given)
        _check_total(name, len(given), sizes)
        ends = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        return [given[low:high] for low, high in pairwise(ends)]
    if hasattr(given, "chunks") and is_known:
        own = np.array(given.chunks[0], dtype=float)
        if not np.isnan(own).any():
            _check_total(name, int(own.sum()), sizes)
            given = given.rechunk({0: tuple(sizes.astype(int))})
    parts, _ = blocks_of(given)
    if len(parts) != len(blocks):
        raise ValueError(
            f"X has {len(blocks)} parts (chunks or partitions) of rows, but {name} has "
            f"{len(parts)}, so that no one can tell which rows are whose. Give both the same parts."
        )
    return parts


def _check_total(name, length, sizes):
    if length != sizes.sum():
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has "
            f"{int(sizes.sum())} rows, but {name} has {length}. Each row needs its own."
        )


def check_sizes(piece: Piece) -> None:
    """Raise a ValueError where a part of X has not as many rows as what belongs to it."""
    n = piece.X.shape[0]
    for name in ("y", "sample_weight", "offset"):
        given = getattr(piece, name)
        if given is not None and not isinstance(given, Real) and len(given) != n:
            raise ValueError(
                f"Partition {piece.number}: X has {n} rows, but {name} has {len(given)}. Each row "
                "needs its own: make both of the same rows, with the same parts."
            )


def joined_blocks(X: Any, made: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """A lazy array of one delayed array for each part of X, with as many rows each.

    Parameters
    ----------
    X : collection of Dask
    made : sequence of Delayed
    shape : tuple of int
        That of a row.
    dtype : dtype
    """
    import dask.array as da

    _, sizes = blocks_of(X)
    lengths = [size if np.isnan(size) else int(size) for size in sizes]
    blocks = [
        da.from_delayed(one, shape=(length, *shape), dtype=dtype)
        for one, length in zip(made, lengths, strict=True)
    ]
    return da.concatenate(blocks, allow_unknown_chunksizes=True)


def computed(values: Sequence[Any]) -> list[Any]:
    """What small delayed values are: of the default client, or in threads."""
    import dask

    client = default_client()
    if client is not None:
        return list(client.gather(client.compute(list(values))))
    return list(dask.compute(*values, scheduler=scheduler()))


def plain(model: Any) -> Any:
    """A copy of a model for other processes: without its callbacks, and what is long."""
    copy = object.__new__(type(model))
    vars(copy).update({k: v for k, v in vars(model).items() if k not in ("history_", "start_")})
    return copy
