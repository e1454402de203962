"""Parameters that a user gives for each feature: numbers, arrays, or by name."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nno_sklearn.types import Array

#: One number for all coefficients; an array of shape (n_features,) or (n_features, n_outputs); a
#: dict, or a Series, by name or number of a feature; or a function of a feature's name, or of its
#: number where the data have no names.
PerFeature: TypeAlias = float | ArrayLike | Mapping[Any, float] | Callable[[Any], float] | None


#: What to do where data have no names of columns.
WITH_NAMES = (
    "pass a DataFrame, or numbers of columns; within a pipeline, set_output(transform='pandas') of "
    "the step before, which needs dense output (sparse_output=False of a OneHotEncoder)"
)


def check_l1_ratio(penalty: Any) -> None:
    """Raise a ValueError for an ``l1_ratio`` that is no share."""
    if not 0 <= penalty.l1_ratio <= 1:
        name = type(penalty).__name__
        raise ValueError(
            f"{name}(l1_ratio={penalty.l1_ratio!r}): l1_ratio must be between 0 and 1, since it is "
            "the share of the l1 part."
        )


def by_label(given: Any) -> Any:
    """A Series, or a table, as a dict of its rows by their labels; anything else as it is.

    An index is what tells: numbers with names would be taken by position otherwise.
    """
    labels = getattr(given, "index", None)
    if labels is None or callable(labels):  # of a list, index is a method
        return given
    keys = list(labels)
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValueError(
            f"A parameter by labels, such as a Series, has {twice[0]!r} twice in its index. Let "
            "each label be there once, or pass an array, which is taken by position."
        )
    return dict(zip(keys, np.asarray(given), strict=True))


def not_bound(penalty: object) -> ValueError:
    """The error of a penalty that is asked for what it is on features before it is bound."""
    return ValueError(
        f"{penalty!r} does not know its features yet: call bind(n_features, n_outputs, "
        "feature_names) and use what it returns."
    )


class Features:
    """The features and outputs of some data, for parameters of a penalty.

    Parameters
    ----------
    owner : object
        The penalty; errors name its class.
    n_features, n_outputs : int
    names : sequence of str, default=None
    """

    def __init__(
        self, owner: object, n_features: int, n_outputs: int, names: Sequence[str] | None = None
    ) -> None:
        self._owner = type(owner).__name__
        self.shape = n_features, n_outputs
        self._names = None if names is None else [str(name) for name in names]
        self._number = {} if self._names is None else {n: j for j, n in enumerate(self._names)}

    @property
    def names(self) -> list[str]:
        """Names of the features; none where the data have none."""
        return [] if self._names is None else self._names

    def name(self, j: int) -> str:
        """How an error names a feature."""
        return f"column {j}" if self._names is None else repr(self._names[j])

    def number(self, parameter: str, key: Any) -> int:
        """The number of a feature that is given by its name or number.

        Raises
        ------
        ValueError
            Where the data have no such feature.
        """
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            if not -self.shape[0] <= key < self.shape[0]:
                raise self.error(
                    parameter, f"there is no column {key}", f"the data have {self.shape[0]} columns"
                )
            return int(key) % self.shape[0]
        if self._names is None:
            raise self.error(
                parameter,
                f"{key!r} is a name, but the data have none",
                WITH_NAMES,
            )
        if key not in self._number:
            near = get_close_matches(str(key), self._names, n=3) or self._names[:3]
            known = ", ".join(map(repr, near))
            raise self.error(parameter, f"the data have no feature {key!r}", f"there is {known}")
        return self._number[key]

    def numbers(self, parameter: str, keys: Sequence[Any]) -> NDArray[np.integer]:
        """The numbers of features that are given by names or numbers; see :meth:`number`."""
        kinds = set(map(type, keys))
        if kinds and all(issubclass(k, (int, np.integer)) and k is not bool for k in kinds):
            numbers = np.asarray(keys)
            if ((numbers >= -self.shape[0]) & (numbers < self.shape[0])).all():
                return numbers % self.shape[0]
        return np.asarray([self.number(parameter, key) for key in keys], dtype=int)

    def error(self, parameter: str, what: str, remedy: str) -> ValueError:
        """What is wrong with a parameter, and what to do."""
        return ValueError(f"{self._owner}({parameter}=...): {what}; {remedy}.")

    def values(self, parameter: str, given: PerFeature, default: float) -> float | Array:
        """One number, or an array of shape (n_features, n_outputs), without NaN.

        Raises
        ------
        ValueError
            For arrays of other shapes, unknown features, and what is no number.
        """
        if given is None:
            return default
        if isinstance(given, Real):
            return float(self._checked(parameter, np.full((1, 1), float(given)))[0, 0])
        given = by_label(given)
        if isinstance(given, Mapping):
            array = np.full(self.shape, default)
            for key, value in given.items():
                array[self.number(parameter, key)] = self._row(parameter, key, value)
        elif callable(given):
            array = np.array(self.told(parameter, given), dtype=float)
        else:
            array = np.asarray(given, dtype=float)
        return self._checked(parameter, self._widened(parameter, array))

    def told(self, parameter: str, function: Callable[[Any], Any]) -> list[Any]:
        """What a function tells of each feature, by its name, or its number where there is none."""
        if self._names is not None:
            return [function(name) for name in self._names]
        try:
            return [function(number) for number in range(self.shape[0])]
        except (AttributeError, TypeError, LookupError) as error:
            what = f"the features have no names, and of their numbers the function says: {error}"
            raise self.error(parameter, what, WITH_NAMES) from error

    def _row(self, parameter: str, key: Any, value: Any) -> float | Array:
        """What a dict has for a feature: a number, or one for each output."""
        try:
            row = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            row = np.empty((0, 0))
        if row.shape not in ((), (1,), self.shape[1:]):
            raise self.error(parameter, f"that of {key!r} is {value!r}", "pass a number")
        return row

    def _widened(self, parameter: str, array: Array) -> Array:
        if array.ndim == 1:
            array = array[:, None]
        if array.shape not in (self.shape, (self.shape[0], 1)):
            p, n_outputs = self.shape
            raise self.error(
                parameter,
                f"an array of shape {np.squeeze(array).shape} does not fit {p} features and "
                f"{n_outputs} outputs",
                f"pass one of shape ({p},) or ({p}, {n_outputs})",
            )
        return np.array(np.broadcast_to(array, self.shape))

    def _checked(self, parameter: str, array: Array) -> Array:
        if np.isnan(array).any():
            j = int(np.isnan(array).any(axis=1).argmax())
            raise self.error(parameter, f"that of {self.name(j)} is NaN", "pass a number")
        return array

    def first(self, where: NDArray[np.bool_]) -> str:
        """Name of the first feature for which something is so."""
        return self.name(int(np.broadcast_to(where, self.shape).any(axis=1).argmax()))
