"""Training data in parts: each is checked and encoded where it is."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nno_sklearn._containers.pieces import (
    Piece,
    check_no_table,
    check_sizes,
    computed,
    is_lazy,
    pieces_of,
    plain,
    refuse_lazy,
)
from nno_sklearn._dispatch import stays
from nno_sklearn.losses import Loss
from nno_sklearn.rows import Exchange, Part, ShardedRows, targets_of
from nno_sklearn.rows.dask_shards import place_of
from nno_sklearn.rows.foreign_part import ForeignPart
from nno_sklearn.rows.merging import LIST, Merge, as_it_is, merged_by
from nno_sklearn.rows.places import Here
from nno_sklearn.rows.shard import Shard
from nno_sklearn.rows.targets import N_EXAMPLES
from nno_sklearn.types import Array


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
        return _of_library(data, trains_score=trains_score) if stays(X) else data
    if trains_score:
        refuse_lazy(f"loss={draft.loss!r} is a score, whose training sorts all rows. It", X, y)
    return _prepared_parts(draft, loss, X, y, sample_weight, **options)


def _of_library(data: Any, *, trains_score: bool) -> PreparedParts:
    """Prepared data whose rows are an array of another library, as a part where they are."""
    if trains_score:
        raise ValueError(
            "loss is a score, whose training sorts all rows in this process, but X is an array of "
            "another library. Pass numpy's, such as X.cpu().numpy() for torch."
        )
    mass, n_samples = data.total_weight, len(data.X)
    part = ForeignPart(0, data.X, data.targets, data.weight, data.offset, mass)
    exchange = Exchange(Here([Shard([part])]), (part.mass, part.n_counting))
    return PreparedParts(exchange, data.loss, mass, n_samples, data.has_intercept_column)


def _prepared_parts(draft, loss, X, y, sample_weight, offset=None):
    """Data checked and encoded where they are: each part by the model's own ``prepare``. What it
    must know of all rows before it can encode any, its ``survey`` finds in each part."""
    import dask

    check_no_table(draft, y)
    pieces, given = pieces_of(X, y, sample_weight, offset), plain(draft)
    if hasattr(draft, "survey"):
        survey = dask.delayed(partial(_survey_of, given), pure=False)
        found = computed([survey(piece.y, piece.sample_weight) for piece in pieces])
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


def _survey_of(draft, y, sample_weight):
    return draft.survey(y, sample_weight)


def _prepared_part(draft, loss, *piece):
    """A part of the rows, checked and encoded; None where none of them counts."""
    piece = Piece(*piece)
    check_sizes(piece)
    weight = piece.sample_weight
    if not piece.X.shape[0] or (weight is not None and not np.any(np.asarray(weight))):
        return None
    draft = plain(draft)
    before = dict(vars(draft))
    options = {} if piece.offset is None else {"offset": piece.offset}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what is constant in this part alone
        data = draft.prepare(piece.X, piece.y, weight, loss, **options)
    if data.weight.ndim > 1:
        raise ValueError(
            "y of a collection of Dask has missing targets (NaN), or sample_weight a column for "
            "each output: outputs that count rows of their own are fitted in one place. Pass "
            "X.compute(), y.compute() and sample_weight.compute()."
        )
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
