"""Requests to the shards of a place: what they have is known here by keys alone."""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from typing import Any, NamedTuple

from nno_sklearn.rows.places import Place
from nno_sklearn.rows.recipes import Missing, Recipe, Request, recipe_of, ref_of, steps_to
from nno_sklearn.rows.replies import RowSums
from nno_sklearn.types import Array


class Look(NamedTuple):
    """What a trip to a place brought: rows, handle and intercept.

    Parameters
    ----------
    place : tuple
    sums : RowSums or None
    values, gradient : ndarray or None
        As :meth:`~nno_sklearn.rows.base.Rows.values` and its ``gradient`` return them.
    """

    place: tuple[Any, ...]
    sums: RowSums | None
    values: Array | None
    gradient: Array | None


class Exchange:
    """All that is asked of the shards of one place: requests, and the keys of what they have.

    Parameters
    ----------
    place : Place
    whole : (float, int)
        Sum of all weights, and number of all rows that have any.

    Attributes
    ----------
    requests : Counter
        Round trips, by what was asked for.
    last_look : Look
        What the last sums brought along.
    """

    def __init__(self, place: Place, whole: tuple[float, int]) -> None:
        self.place, self.whole, self.requests = place, whole, Counter[str]()
        self.last_look = Look((), None, None, None)
        self._keys, self._known = itertools.count(), set[int]()
        self._forgotten, self._released = list[int](), list[int]()

    def recipe(self, on: Recipe | None, method: str, *args: Any) -> Recipe:
        """How to make something, of which the shards hear when it is needed."""
        return Recipe(next(self._keys), on, method, args)

    def watch(self, handle: Any) -> Any:
        """The handle; once no one has it, shards forget what it stands for."""
        weakref.finalize(handle, self._forgotten.append, handle.recipe.key)
        return handle

    def release(self, recipe: Recipe) -> None:
        """Let go of what shards keep beside a handle."""
        self._released.append(recipe.key)

    def ask(self, on: Recipe | None, method: Any, *args: Any, **options: Any) -> tuple[Any, float]:
        """The answer of all shards, and the entries of X that they read: one round trip."""
        self.requests[method if isinstance(method, str) else method.__name__] += 1
        args = tuple(map(recipe_of, args))
        needed = [one for one in (on, *args) if isinstance(one, Recipe)]
        known = self._known if self.place.keeps_steps else frozenset[int]()
        released, self._released[:] = tuple(self._released), []
        forgotten = tuple(self._forgotten)
        del self._forgotten[: len(forgotten)]  # others may be added meanwhile
        steps = steps_to(needed, known)
        refs = ref_of(on), method, tuple(map(ref_of, args)), options, self.whole
        answer = self.place.ask(Request(steps, *refs, released, forgotten))
        if isinstance(answer, Missing):  # a shard was lost, and made anew: tell it everything
            self.requests["(again)"] += 1
            steps = steps_to(needed, frozenset())
            answer = self.place.ask(Request(steps, *refs, released, forgotten))
        self._known.update(step.key for step in steps)
        self._known.difference_update(forgotten)
        return answer
