"""What parts of the rows say that is no sum: landmark rows, the heaviest rows, roots of a Hessian.

The functions are asked of each part's :class:`~nno_sklearn.rows.local.LocalRows`, with the part's
:class:`~nno_sklearn.rows.shard.Share` of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from nno_sklearn.losses import Curvature
from nno_sklearn.rows.cells import nearest_cells
from nno_sklearn.rows.draw import drawn_by_weight, keyed
from nno_sklearn.rows.local import LocalRows
from nno_sklearn.rows.merging import (
    FACTOR,
    LIST,
    SUM,
    Merge,
    added,
    as_it_is,
    concatenated,
    joined_targets,
    merged_by,
    shared_targets,
)
from nno_sklearn.rows.replies import HeavyRows, PassCounter, Targets
from nno_sklearn.rows.row_space import roots_and_columns
from nno_sklearn.rows.second_derivatives import LocalCurvature
from nno_sklearn.rows.targets import stacked
from nno_sklearn.rows.triangular import triangular_factor


class Facts(NamedTuple):
    """What rows are like, by the names of :class:`~nno_sklearn.rows.base.Rows`."""

    n_samples: int
    n_outputs: int
    dtype: Any
    is_sparse: bool
    n_stored: int
    row_product_cost: float
    rounding: float
    eps: float
    is_exact: bool
    underflows: bool
    is_separate: bool
    targets: Targets
    mean_offset: Any


def _shared_facts(facts, share):
    targets = shared_targets(facts.targets, share)
    offset = None if facts.mean_offset is None else share * facts.mean_offset
    cost = facts.n_samples * facts.row_product_cost
    return facts._replace(targets=targets, mean_offset=offset, row_product_cost=cost)


def _joined_facts(answers):
    of = Facts(*map(list, zip(*answers, strict=True)))
    return of._replace(
        n_samples=sum(of.n_samples),
        n_outputs=of.n_outputs[0],
        dtype=of.dtype[0],
        is_sparse=of.is_sparse[0],
        n_stored=sum(of.n_stored),
        row_product_cost=sum(of.row_product_cost),
        rounding=np.max(of.rounding, axis=0),
        eps=max(of.eps),
        is_exact=all(of.is_exact),
        underflows=any(of.underflows),
        is_separate=of.is_separate[0],
        targets=joined_targets(of.targets),
        mean_offset=added(of.mean_offset),
    )


@merged_by(Merge(_shared_facts, _joined_facts))
def facts(rows, share):
    """What the part's rows are like; the cost of a row's product times the number of rows."""
    known = {name: getattr(rows, name) for name in Facts._fields if name != "n_samples"}
    return Facts(n_samples=len(rows), **known)


def of_mean_row(facts: Facts) -> Facts:
    """With the cost of a mean row's product."""
    return facts._replace(row_product_cost=facts.row_product_cost / max(1, facts.n_samples))


@merged_by(SUM)
def look(rows, share, raw, b, with_gradient):
    """Sums at raw predictions, with the values, and the gradient if asked for: one round trip.

    Where raw predictions are not stored, each of them would cost a pass: sums come alone.
    """
    sums = rows.sums(raw, b)
    if not rows.stores_raw:
        return sums, None, None
    return sums, rows.values(raw, b), rows.gradient(raw, b) if with_gradient else None


# Landmark rows


class Draws(NamedTuple):
    """Candidates of a bottom-k draw, one entry each: those with the least keys are drawn.

    ``part`` and ``index`` tell which rows they are.
    """

    keys: Any
    chance: Any
    weight: Any
    part: Any
    index: Any

    def least(self, count: int) -> Draws:
        """Those with the ``count`` least keys."""
        if len(self.keys) <= count:
            return self
        return self.at(np.sort(np.argpartition(self.keys, count - 1)[:count]))

    def at(self, which: Any) -> Draws:
        return Draws(*(field[which] for field in self))


def _joined_draws(answers):
    """The least keys of all: samples by least keys can be merged (Cohen and Kaplan, 2007)."""
    most = max(len(one.keys) for one in answers)
    return Draws(*map(np.concatenate, zip(*answers, strict=True))).least(most)


@merged_by(Merge(as_it_is, _joined_draws))
def candidates(rows, share, count, seed):
    """The part's rows with the ``count`` least keys; the seed is the part's own."""
    random_state = np.random.default_rng([seed, share.number])
    index, weight, chance = keyed(rows, count, random_state)
    weight, chance = share.of_weight * weight, share.of_weight * chance
    keys = random_state.exponential(size=len(index)) / chance
    part = np.full(len(index), share.number)
    return Draws(keys, chance, weight, part, index).least(count)


@merged_by(LIST)
def taken(rows, share, index):
    """The rows of the parts' numbers in ``index``, or all rows of all parts for None."""
    mine = np.arange(len(rows)) if index is None else index.get(share.number)
    if mine is None:
        return []
    weight = share.of_weight * np.asarray(rows.weight[mine])
    offset = None if rows.offset is None else np.asarray(rows.offset[mine])
    given = rows.design.rows(mine), rows.targets_at(mine), weight, offset
    return [rows.others(*given)]


def in_one_place(parts: Sequence[LocalRows], passes: PassCounter) -> LocalRows:
    """Rows of several parts, with the weights that they have there."""
    first = parts[0]
    design = first.design.stacked([part.design for part in parts], passes)
    y = stacked([part.y for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    offset = None if first.offset is None else np.vstack([part.offset for part in parts])
    return first.others(design, y, weight, offset)


@merged_by(LIST)
def entries(rows, share, curvature):
    """Second derivatives of all rows."""
    return [curvature.entries]


def stacked_entries(parts: Sequence[Curvature]) -> Curvature:
    diagonal, coupling = zip(*parts, strict=True)
    coupling = None if coupling[0] is None else np.vstack(coupling)
    return Curvature(np.vstack(diagonal), coupling)


# Cells


@merged_by(SUM)
def cell_sums(rows, share, landmarks, index, n_searched, seed, n_neighbors, metric):
    """Weights, weighted targets and weighted offsets that some rows give to landmarks near them.

    ``landmarks`` are rows in units of the columns' spreads, some of them this part's ``index``.
    """
    random_state = np.random.default_rng([seed, share.number])
    count = max(1, round(n_searched * share.of_weight))
    draws = drawn_by_weight(np.asarray(rows.weight), count, random_state)
    own = index.get(share.number, np.empty(0, dtype=int))
    sample, times = np.unique(draws[~np.isin(draws, own)], return_counts=True)
    rest = max(0.0, 1.0 - rows.weight[own].sum())
    weight = times * (rest / max(1, times.sum()))
    return nearest_cells(rows, landmarks, sample, weight, n_neighbors=n_neighbors, metric=metric)


# Second derivatives


@merged_by(FACTOR)
def root_factor(rows, share, curvature, feature, output):
    """A triangular factor of the part's root of second derivatives, by the intercept first."""
    ones, columns = roots_and_columns(rows, curvature.entries, feature, output)
    both = np.hstack([ones, columns])
    return triangular_factor([both], both.shape[1])


def _joined_heavy(answers):
    few, weighted = zip(*answers, strict=True)
    return concatenated(few), concatenated(weighted)


def _shared_heavy(answer, share):
    few, weighted = answer
    return few, [share * one for one in weighted]


@merged_by(Merge(_shared_heavy, _joined_heavy))
def heavy(rows, share, curvature, count):
    """The part's ``count`` heaviest rows, and their weighted curvatures."""
    few, held, _ = rows.heaviest(curvature, count)
    return [few], [held.entries.diagonal]


def heaviest_of(answer: Any, count: int, passes: PassCounter) -> HeavyRows:
    """The heaviest rows of all parts' heaviest."""
    parts, weighted = answer[0], np.vstack(answer[1])
    few = in_one_place(parts, passes)
    mean, squares = weighted.mean(axis=1), few.design.X.astype(float, copy=False).power(2)
    size = mean * np.asarray(squares.sum(axis=1)).ravel()
    index = np.arange(len(size))
    if count < len(size):
        index = np.sort(np.argpartition(-size, count)[:count])
    ones = np.ones(len(index))
    kept = few.others(few.design.rows(index), few.targets_at(index), ones, few.offset_of(index))
    curvature = LocalCurvature(Curvature(weighted[index]), ones, False)
    return HeavyRows(kept, curvature, sparse.csr_array(squares)[index].T @ mean[index])
