"""How the answers of parts of the rows become the answer of all: joined in the order of the parts.

Every part's weights sum to 1, so that it can answer as if it were alone. Its answer is first
brought to its share of the whole; joining is then associative, and can take place on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from nno_sklearn.rows.moments import pooled
from nno_sklearn.rows.replies import Targets
from nno_sklearn.rows.triangular import triangular_factor


class Merge(NamedTuple):
    """How the answers to one kind of request become one.

    Parameters
    ----------
    share : callable
        Takes a part's answer and its share of the whole.
    join : callable
        Takes a list of such answers.
    """

    share: Callable[[Any, float], Any]
    join: Callable[[Sequence[Any]], Any]


def scaled(answer: Any, share: float) -> Any:
    """Share of a sum; field by field where it has several."""
    if answer is None:
        return None
    if isinstance(answer, tuple):
        return _like(answer, [scaled(field, share) for field in answer])
    if hasattr(answer, "formed"):  # of a curvature nothing that is as long as the data travels
        answer = answer.formed()
    return share * answer


def added(answers: Sequence[Any]) -> Any:
    """Sum of sums, in their order; field by field where they have several."""
    first = answers[0]
    if first is None:
        return None
    if isinstance(first, tuple):
        return _like(first, [added(fields) for fields in zip(*answers, strict=True)])
    return reduce(add, answers)


def _like(answer, fields):
    return type(answer)(*fields) if hasattr(answer, "_fields") else tuple(fields)


def as_it_is(answer: Any, share: float) -> Any:
    """An answer that is the same for any share."""
    return answer


def _each(*joins):
    """Joins a field each."""

    def join(answers):
        fields = zip(*answers, strict=True)
        return tuple(one(list(field)) for one, field in zip(joins, fields, strict=True))

    return join


def _in_any(answers):
    return np.any(answers, axis=0)


def _stacked(answers):
    return np.concatenate(answers)


def _joined_factors(factors):
    """Of matrices whose Gram matrices add up, one with their sum."""
    n_columns = factors[0].shape[1]
    is_short = sum(map(len, factors)) <= n_columns
    return np.vstack(factors) if is_short else triangular_factor(factors, n_columns)


def _root_scaled(factor, share):
    return np.sqrt(share) * factor


def _shared_dual(dual, share):
    """The scaling is kept as its least and largest: one must serve all rows."""
    rest = dual._replace(scaling=0.0)
    return dual.scaling, dual.scaling, scaled(rest, share)


def _joined_recession(answers):
    return [
        tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))
        for outputs in zip(*answers, strict=True)
    ]


def shared_targets(targets: Targets, share: float) -> Targets:
    """What a part's targets are like, with its share of the mean."""
    return targets._replace(mean=share * targets.mean)


def joined_targets(answers: Sequence[Targets]) -> Targets:
    """What the targets of several parts are like."""
    mean, low, high = zip(*answers, strict=True)
    return Targets(reduce(add, mean), np.min(low, axis=0), np.max(high, axis=0))


def _shared_moments(answer, share):
    mean, scale = answer
    return share, mean, share * scale**2


def concatenated(lists: Sequence[list[Any]]) -> list[Any]:
    return [one for items in lists for one in items]


def merged_by(merge: Merge) -> Callable[[Any], Any]:
    """Says how the answers of a function are joined."""

    def note(function):
        function.merge = merge
        return function

    return note


SUM, LARGEST = Merge(scaled, added), Merge(as_it_is, max)
#: Lists of what parts have to say, in their order.
LIST = Merge(as_it_is, concatenated)
FACTOR = Merge(_root_scaled, _joined_factors)

#: By method of :class:`~nno_sklearn.rows.base.Rows`; of all others the answers are sums.
MERGES: dict[Any, Merge] = {
    "column_moments": Merge(_shared_moments, pooled),
    "gradient_sizes": Merge(lambda a, share: (share * a[0] ** 2, a[1]), _each(sum, max)),
    "largest_curvature": LARGEST,
    "newton_dual": Merge(_shared_dual, _each(min, max, added)),
    "move_sizes": Merge(as_it_is, _each(min, max)),
    "recedes": Merge(as_it_is, _each(_in_any, _in_any)),
    "doubtful": Merge(as_it_is, _each(_stacked, _stacked)),
    "recession": Merge(as_it_is, _joined_recession),
    "factor": FACTOR,
}
#: Requests whose answers are matrices: they are added up where they are, two by two.
LARGE = frozenset({"moments", "factor", "hessian_sums", "joint_hessian_sums"})
