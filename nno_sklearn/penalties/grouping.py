"""Groups of features as a user names them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.penalties.parameters import WITH_NAMES, Features, by_label

#: "rows", lists of features by name or number, a dict of such lists by a group's name, or a
#: function that tells the name of a feature's group.
Groups: TypeAlias = (
    str | Sequence[Sequence[Any]] | Mapping[Any, Sequence[Any]] | Callable[[Any], Any]
)


class Grouping(NamedTuple):
    """Which group each feature is in."""

    #: Number of each feature's group, those in none being groups of their own after the others.
    labels: NDArray[np.integer]
    #: Names of the groups that the user gave.
    names: list[Any]

    @classmethod
    def of(cls, features: Features, groups: Groups) -> "Grouping":
        """The groups that a parameter ``groups`` gives; "rows": each feature is one.

        Raises
        ------
        ValueError
            For unknown features, empty groups, and features that are in two.
        """
        if isinstance(groups, str):
            return cls(np.arange(features.shape[0]), [])
        by_name = _of_names(features, groups) if callable(groups) else _by_name(groups)
        keys = [_keys(features, group) for group in by_name.values()]
        members = features.numbers("groups", list(chain.from_iterable(keys)))
        return cls(_labels(features, members, [len(group) for group in keys]), list(by_name))


def check_groups(owner: object, groups: Any) -> None:
    """Raise a ValueError for what is no groups at all, whatever the features are."""
    if callable(groups) or (isinstance(groups, str) and groups == "rows"):
        return
    given = f"{type(owner).__name__}(groups={groups!r})"
    if isinstance(groups, str) or not isinstance(groups, Iterable):
        raise ValueError(
            f"{given}: pass 'rows', a list of lists of features, a dict of them, or a function "
            "that tells the group of a feature by its name."
        )
    for group in _by_name(groups).values():
        if not isinstance(group, Iterable):
            raise ValueError(
                f"{given}: {group!r} is no group. Each group is a list of its features, by name or "
                "number, such as [[0, 1], [2]], or one pattern of names; labels of the features, "
                "such as [0, 0, 1], are none."
            )


def _by_name(groups: Any) -> Mapping[Any, Any]:
    labelled = by_label(groups)
    return labelled if isinstance(labelled, Mapping) else dict(enumerate(groups))


def _of_names(features: Features, group_of: Callable[[Any], Any]) -> Mapping[Any, Any]:
    """Groups that a function tells by each feature's name, or number; None: on its own."""
    found: dict[Any, list[int]] = {}
    for j, name in enumerate(features.told("groups", group_of)):
        if name is not None:
            found.setdefault(name, []).append(j)
    return found


def _keys(features: Features, group: Any) -> Sequence[Any]:
    """The features of a group; one string is a pattern of their names."""
    if not isinstance(group, str):
        return list(group)
    found = [name for name in features.names if fnmatchcase(name, group)]
    if not features.names:
        what = f"{group!r} is a pattern of names, but the data have none"
        raise features.error("groups", what, WITH_NAMES)
    if not found:
        what = f"no feature is called {group!r}"
        raise features.error(
            "groups", what, "a string is a pattern, such as 'city_*'; lists have names"
        )
    return found


def _labels(
    features: Features, members: NDArray[np.integer], sizes: list[int]
) -> NDArray[np.integer]:
    """Number of each feature's group, those in none after the others.

    ``members`` are the groups' features, so many of each as the ``sizes`` say.
    """
    if 0 in sizes:
        raise features.error("groups", f"group {sizes.index(0)} is empty", "leave it out")
    twice = np.bincount(members, minlength=features.shape[0]) > 1
    if twice.any():
        what = f"{features.name(int(twice.argmax()))} is in two groups"
        raise features.error("groups", what, "let each feature be in one at most")
    labels = np.full(features.shape[0], -1)
    labels[members] = np.repeat(np.arange(len(sizes)), sizes)
    alone = np.flatnonzero(labels < 0)
    labels[alone] = len(sizes) + np.arange(len(alone))
    return labels
