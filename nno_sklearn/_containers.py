"""Data in collections of Dask: parts of their rows, which stay where they are.

This module alone knows of them. It recognises a collection by what it can do, and imports Dask only
where there is one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial, wraps
from itertools import pairwise
from numbers import Real
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nno_sklearn._data_checks import given_offset
from nno_sklearn._dispatch import stays
from nno_sklearn.losses import Loss
from nno_sklearn.rows import Exchange, Part, ShardedRows, targets_of
from nno_sklearn.rows.dask_shards import default_client, place_of, scheduler
from nno_sklearn.rows.foreign_part import ForeignPart
from nno_sklearn.rows.merging import LIST, Merge, as_it_is, merged_by
from nno_sklearn.rows.places import Here
from nno_sklearn.rows.shard import Shard
from nno_sklearn.rows.targets import N_EXAMPLES
from nno_sklearn.types import Array

Function = TypeVar("Function", bound=Callable[..., Any])


def is_lazy(data: Any) -> bool:
    """Whether data are a collection of Dask: an array, a data frame or a series."""
    return hasattr(data, "__dask_graph__") and hasattr(data, "to_delayed")


def refuse_lazy(what: str, *data: Any) -> None:
    """Raise a ValueError for a collection of Dask where all rows are needed in one place."""
    if any(map(is_lazy, data)):
        raise ValueError(
            f"{what} needs its rows in one place, but these are a collection of Dask. Fit, predict "
            "and score of NNORegressor and NNOClassifier take collections as they are; here pass "
            "rows that fit this process: X.compute()."
        )


# Parts


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
    blocks, sizes = _blocks(X)
    others = [
        _aligned(name, given, blocks, sizes)
        for name, given in (("y", y), ("sample_weight", sample_weight), ("offset", offset))
    ]
    return [Piece(i, *parts) for i, parts in enumerate(zip(blocks, *others, strict=True))]


def _blocks(data):
    """Parts of a collection along its rows, delayed; and their sizes, nan where unknown."""
    if hasattr(data, "chunks"):
        if data.ndim == 2 and data.numblocks[1] > 1:
            data = data.rechunk({1: -1})
        return list(data.to_delayed().ravel()), np.array(data.chunks[0], dtype=float)
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
    parts, _ = _blocks(given)
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


def _check_sizes(piece):
    """Raise a ValueError where a part of X has not as many rows as what belongs to it."""
    n = piece.X.shape[0]
    for name in ("y", "sample_weight", "offset"):
        given = getattr(piece, name)
        if given is not None and not isinstance(given, Real) and len(given) != n:
            raise ValueError(
                f"Partition {piece.number}: X has {n} rows, but {name} has {len(given)}. Each row "
                "needs its own: make both of the same rows, with the same parts."
            )


# Training


class PreparedParts(NamedTuple):
    """Training data in parts: what :class:`~nno_sklearn.session.TrainingData` is in one place."""

    exchange: Exchange
    loss: Loss
    total_weight: float
    n_samples: int
    has_intercept_column: bool

    def rows(self, *, fit_intercept: bool) -> ShardedRows:
        """The rows, where they are."""
        return ShardedRows(self.exchange, self.loss, fit_intercept=fit_intercept)

    def examples(self) -> Array:
        """Dense targets that tell what all are like."""
        return np.vstack(self.exchange.ask(None, _examples)[0])


def prepared(
    draft: Any,
    loss: Loss,
    X: Any,
    y: Any,
    sample_weight: Any,
    options: dict[str, Any],
    *,
    trains_score: bool,
) -> Any:
    """Data as a problem takes them, in one place or in parts.

    Parameters
    ----------
    draft : estimator
        Gets the attributes that data determine.
    loss : Loss
    X, y, sample_weight
        As of ``fit``.
    options : dict
        ``offset``, where there is one.
    trains_score : bool
        Whether the loss only begins the training on a score.

    Returns
    -------
    TrainingData or PreparedParts
    """
    if not any(map(is_lazy, (X, y, sample_weight, *options.values()))):
        data = draft.prepare(X, y, sample_weight, loss, **options)
        return of_library(data, trains_score=trains_score) if stays(X) else data
    if trains_score:
        refuse_lazy(f"loss={draft.loss!r} is a score, whose training sorts all rows. It", X, y)
    return _prepared_parts(draft, loss, X, y, sample_weight, **options)


def of_library(data: Any, *, trains_score: bool) -> PreparedParts:
    """Prepared data whose rows are an array of another library, as a part where they are."""
    if trains_score:
        raise ValueError(
            "loss is a score, whose training sorts all rows in this process, but X is an array of "
            "another library. Pass numpy's, such as X.cpu().numpy() for torch."
        )
    mass, n_samples = data.total_weight, len(data.X)
    part = ForeignPart(data.X, data.targets, data.weight, data.offset, mass)
    exchange = Exchange(Here([Shard([part])]), (part.mass, part.n_counting))
    return PreparedParts(exchange, data.loss, mass, n_samples, data.has_intercept_column)


def _prepared_parts(draft, loss, X, y, sample_weight, offset=None):
    """Data checked and encoded where they are: each part by the model's own ``prepare``. What it
    must know of all rows before it can encode any, its ``survey`` finds in each part."""
    import dask

    if _is_table(draft, y):
        raise ValueError(
            "y is a collection of Dask with several columns: probabilities of classes, or several "
            "labels of a row, are fitted in one place. Pass X.compute() and y.compute(), or one "
            "label per row."
        )
    pieces, given = pieces_of(X, y, sample_weight, offset), _plain(draft)
    if hasattr(draft, "survey"):
        survey = dask.delayed(partial(_survey_of, given), pure=False)
        found = _computed([survey(piece.y, piece.sample_weight) for piece in pieces])
        given.surveyed = type(found[0]).merged(found)
    prepare = dask.delayed(partial(_prepared_part, given, loss), pure=False)
    place = place_of([prepare(*piece) for piece in pieces], X)
    answer = Exchange(place, (1.0, 1)).ask(None, _about)
    if answer is None:
        raise ValueError(
            "X has no rows that count: Found array with 0 sample(s), or every sample_weight is "
            "zero. Give at least one row a positive weight."
        )
    about = answer[0]
    vars(draft).update(about.fitted)
    exchange = Exchange(place, (about.mass, about.n_counting))
    sums = about.mass, about.n_samples
    return PreparedParts(exchange, about.loss, *sums, about.has_intercept_column)


def _is_table(draft, y):
    """Whether a classifier's targets have several columns."""
    return hasattr(draft, "survey") and len(getattr(y, "shape", ())) == 2 and y.shape[1] > 1


def _computed(values: Sequence[Any]) -> list[Any]:
    """What small delayed values are: of the default client, or in threads."""
    import dask

    client = default_client()
    if client is not None:
        return list(client.gather(client.compute(list(values))))
    return list(dask.compute(*values, scheduler=scheduler()))


def _plain(model):
    """A copy of a model for other processes: without its callbacks, and what is long."""
    copy = object.__new__(type(model))
    vars(copy).update({k: v for k, v in vars(model).items() if k not in ("history_", "start_")})
    return copy


def _survey_of(draft, y, sample_weight):
    return draft.survey(y, sample_weight)


def _prepared_part(draft, loss, *piece):
    """A part of the rows, checked and encoded; None where none of them counts."""
    piece = Piece(*piece)
    _check_sizes(piece)
    weight = piece.sample_weight
    if not piece.X.shape[0] or (weight is not None and not np.any(np.asarray(weight))):
        return None
    draft = _plain(draft)
    before = dict(vars(draft))
    options = {} if piece.offset is None else {"offset": piece.offset}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what is constant in this part alone
        data = draft.prepare(piece.X, piece.y, weight, loss, **options)
    with np.errstate(over="ignore", invalid="ignore"):
        data.loss.check_target(np.asarray(data.targets))
    fitted = {k: v for k, v in vars(draft).items() if k not in before or before[k] is not v}
    n_counting = int(np.count_nonzero(data.weight))
    sizes = data.total_weight, n_counting, piece.X.shape[0], data.X.shape[1]
    about = About(fitted, data.loss, *sizes, data.has_intercept_column)
    given = data.X, data.targets, data.weight, data.offset, data.total_weight
    return Part(piece.number, *given, about)


class About(NamedTuple):
    """What a model learns of its data before it is fitted."""

    fitted: dict[str, Any]
    loss: Loss
    mass: float
    n_counting: int
    n_samples: int
    n_features: int
    has_intercept_column: bool


def _joined_about(answers):
    first = answers[0]
    others = {one.n_features for one in answers} - {first.n_features}
    if others:
        raise ValueError(
            f"Parts of X have {first.n_features} and {others.pop()} columns, but each needs the "
            "same ones."
        )
    mass, n_counting, n_samples = (
        sum(getattr(one, name) for one in answers) for name in ("mass", "n_counting", "n_samples")
    )
    return first._replace(mass=mass, n_counting=n_counting, n_samples=n_samples)


@merged_by(Merge(as_it_is, _joined_about))
def _about(part, share):
    return part.about


@merged_by(LIST)
def _examples(part, share):
    """A few targets of each part."""
    index = np.linspace(0, len(part) - 1, min(len(part), N_EXAMPLES)).astype(int)
    return [np.asarray(targets_of(targets_of(part.targets).take(index)), dtype=float)]


# Predictions


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
    import dask.array as da

    pieces = pieces_of(X, offset=offset)
    example = getattr(_plain(model), name)(_example_of(X), **given_offset(_example_offset(offset)))
    predict = dask.delayed(partial(_predicted, _plain(model), name), pure=False)
    _, sizes = _blocks(X)
    blocks = [
        da.from_delayed(
            predict(piece.X, piece.offset),
            shape=(size if np.isnan(size) else int(size), *example.shape[1:]),
            dtype=example.dtype,
        )
        for piece, size in zip(pieces, sizes, strict=True)
    ]
    return da.concatenate(blocks, allow_unknown_chunksizes=True)


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
        import dask

        sums = dask.delayed(partial(_scored, _plain(self)), pure=False)
        found = _computed([sums(*piece) for piece in pieces_of(X, y, sample_weight, offset)])
        return self.score_of([one for one in found if one is not None])

    return score  # type: ignore[return-value]


def _scored(model, *piece):
    piece = Piece(*piece)
    _check_sizes(piece)
    if not piece.X.shape[0]:
        return None
    return model.score_sums(piece.X, piece.y, piece.sample_weight, piece.offset)
