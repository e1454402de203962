"""Handles of what lies in shards: how to make it, so that what is lost can be made anew.

A shard is asked for sums at handles (:class:`Request`). A handle is a :class:`Recipe`: a method, on
rows that a recipe describes themselves, with numbers and other recipes as arguments. Shards keep
what they made; where they no longer have it, they are told the recipe again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from nno_sklearn.rows.intercept_curvature import InterceptCurvature
from nno_sklearn.rows.replies import Raw, RowCurvature


class Ref(NamedTuple):
    """Stands for what a recipe makes, in the arguments of another one."""

    key: int


@dataclass(frozen=True, eq=False)
class Recipe:
    """``getattr(on, method)(*args)``, known to the shards by ``key``; later ones have larger keys.

    Parameters
    ----------
    key : int
    on : Recipe or None
        The rows; None for a shard's own data.
    method : str
    args : tuple
        Numbers, arrays, losses, and recipes.
    """

    key: int
    on: Recipe | None
    method: str
    args: tuple[Any, ...]

    @cached_property
    def parents(self) -> tuple[Recipe, ...]:
        """The recipes that this one needs."""
        return tuple(one for one in (self.on, *self.args) if isinstance(one, Recipe))

    @cached_property
    def step(self) -> Step:
        """This recipe alone."""
        return Step(self.key, ref_of(self.on), self.method, tuple(map(ref_of, self.args)))


class Step(NamedTuple):
    """A recipe as it is sent: of its parents the keys alone."""

    key: int
    on: Ref | None
    method: str
    args: tuple[Any, ...]

    @property
    def needs(self) -> set[int]:
        return keys_in((self.on, *self.args))


def ref_of(value: Any) -> Any:
    """A recipe's key for a recipe, and the value itself for anything else."""
    return Ref(value.key) if isinstance(value, Recipe) else value


def keys_in(values: Iterable[Any]) -> set[int]:
    """Keys of the references among some values."""
    return {value.key for value in values if isinstance(value, Ref)}


def steps_to(recipes: Iterable[Recipe], known: Collection[int]) -> tuple[Step, ...]:
    """Steps from what shards know to some recipes, in an order in which they can be made."""
    ahead, found = list(recipes), dict[int, Recipe]()
    while ahead:
        recipe = ahead.pop()
        if recipe.key not in known and recipe.key not in found:
            found[recipe.key] = recipe
            ahead.extend(recipe.parents)
    return tuple(found[key].step for key in sorted(found))


@dataclass(frozen=True)
class Request:
    """What each shard is asked; it needs nothing that was asked before.

    Parameters
    ----------
    steps : tuple of Step
        How to make what the shards may not have.
    on : Ref or None
        Rows, a handle, or the shard's own data.
    method : str or callable
        Its method or attribute; or a function of it, of the part's share, and of ``args``.
    args : tuple
    whole : (float, int)
        Sum of all weights, and number of all rows that have any.
    released, forgotten : tuple of int
        Handles whose intermediate results, and handles that, no one needs from now on.
    """

    steps: tuple[Step, ...]
    on: Ref | None
    method: str | Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    whole: tuple[float, int]
    released: tuple[int, ...] = ()
    forgotten: tuple[int, ...] = ()

    @property
    def needs(self) -> set[int]:
        """Keys of what it refers to."""
        return keys_in((self.on, *self.args))


class Missing(NamedTuple):
    """The answer of a shard that lacks something: it was lost with a worker, and made anew."""

    keys: frozenset[int]


class ShardedRaw(Raw):
    """Handle of what lies in the shards: no array."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe


@dataclass(eq=False)
class ShardedCurvature(RowCurvature):
    """Handle of second derivatives; only their sum ever travels, when it is asked for."""

    recipe: Recipe
    _sum: Callable[[], InterceptCurvature] = field(repr=False)

    @cached_property
    def intercept(self) -> InterceptCurvature:  # type: ignore[override]
        return self._sum()


def recipe_of(value: Any) -> Any:
    """The recipe of a handle, and the value itself for anything else."""
    return value.recipe if isinstance(value, ShardedRaw | ShardedCurvature) else value
