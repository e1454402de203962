"""An array of another library that answers to numpy's functions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

from nno_sklearn._namespaces import dtype_name, namespace_of, to_library, to_numpy

#: ufuncs whose names in the standard are others.
_NAMES = {
    "absolute": "abs",
    "arcsinh": "asinh",
    "conjugate": "conj",
    "invert": "logical_not",
    "power": "pow",
    "true_divide": "divide",
}
#: Orders in memory are the library's own affair.
_FLAGS = SimpleNamespace(c_contiguous=False, f_contiguous=False)
#: What stands for each of numpy's functions that are no ufuncs; it gets the array that was asked
#: first, and what the function got.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
#: Bytes of a block of another library's array: each call there costs as much as the arithmetic on
#: what fits a processor's cache, and starts a device's many processors.
BLOCK_BYTES = 2**26


def block_bytes(array: Any, at_home: int) -> int:
    """Bytes of a block of rows: ``at_home`` for arrays of this process."""
    return BLOCK_BYTES if isinstance(array, ForeignArray) else at_home


class ForeignArray(NDArrayOperatorsMixin):
    """An array of another library that behaves as numpy's, in its types, too.

    Parameters
    ----------
    array : array
        Of a library that follows the array API standard.
    parent : (ForeignArray, key), default=None
        The array that this one is a part of: libraries whose arrays do not change (jax) write to it
        as well.
    """

    flags = _FLAGS

    def __init__(self, array: Any, parent: tuple[ForeignArray, Any] | None = None) -> None:
        self.array, self._parent = array, parent
        self.xp, self._device = namespace_of(array), array.device

    shape = property(lambda self: tuple(self.array.shape))
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    dtype = property(lambda self: np.dtype(dtype_name(self.array)))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    @property
    def T(self) -> ForeignArray:  # noqa: N802
        return ForeignArray(self.array.T) if self.ndim == 2 else self

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"ForeignArray({self.array!r})"

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        values = to_numpy(self.array)
        dtype = values.dtype if dtype is None else dtype
        return np.array(values, dtype) if copy else values.astype(dtype, copy=False)

    def __float__(self) -> float:
        return float(self.array)

    def __bool__(self) -> bool:
        return bool(self.array)

    # Making others

    def like(self, values: Any, dtype: DTypeLike) -> Any:
        """Values as an array of this one's library, where this one is, in a type."""
        dtype = np.dtype(dtype)
        if isinstance(values, ForeignArray):
            if values.dtype == dtype:
                return values.array
            return self.xp.astype(values.array, getattr(self.xp, dtype.name))
        if np.ndim(values) == 0:  # no transfer
            return self.filled((), values, dtype)
        shape = values.shape
        some = tuple(slice(1) if s == 0 and n else slice(None) for s, n in _strides(values))
        array = to_library(values[some], dtype, self.xp, self._device)
        return self.xp.broadcast_to(array, shape) if array.shape != shape else array

    def filled(self, shape: tuple[int, ...], value: Any, dtype: np.dtype) -> Any:
        """An array of one number, of this one's library, where this one is."""
        type_ = getattr(self.xp, dtype.name)
        return self.xp.full(shape, dtype.type(value).item(), dtype=type_, device=self._device)

    def astype(self, dtype: DTypeLike, order: str = "K", copy: bool = True) -> ForeignArray:
        array = self.like(self, dtype)
        return ForeignArray(self.xp.asarray(array, copy=True) if copy and array is self.array
                            else array)  # fmt: skip

    def copy(self) -> ForeignArray:
        return self.astype(self.dtype)

    def reshape(self, *shape: Any) -> ForeignArray:
        shape = shape[0] if isinstance(shape[0], tuple) else shape
        return ForeignArray(self.xp.reshape(self.array, shape))

    def ravel(self) -> ForeignArray:
        return self.reshape(-1)

    def take(self, index: Any, axis: int = 0) -> ForeignArray:
        index = self.like(np.arange(self.shape[axis])[np.asarray(index)], np.int64)
        return ForeignArray(self.xp.take(self.array, index, axis=axis))

    # Reductions

    def sum(self, axis: Any = None, dtype: DTypeLike | None = None, keepdims: bool = False) -> Any:
        dtype = self.dtype if dtype is None else dtype
        array = self.like(self, np.int64 if dtype == np.dtype(bool) else dtype)
        return ForeignArray(self.xp.sum(array, axis=_axes(axis, self.ndim), keepdims=keepdims))

    def _reduced(self, name, axis, keepdims, initial=None):
        array, axes = self.array, _axes(axis, self.ndim)
        if initial is not None and 0 in (self.shape[i] for i in axes):
            shape = [n for i, n in enumerate(self.shape) if i not in axes]
            return ForeignArray(self.filled(tuple(shape), initial, self.dtype))
        for i in sorted(axes, reverse=True):
            array = getattr(self.xp, name)(array, axis=i, keepdims=keepdims)
        return ForeignArray(array)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        found = self._reduced("max", axis, keepdims, initial)
        return found if initial is None else np.maximum(found, initial)

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        found = self._reduced("min", axis, keepdims, initial)
        return found if initial is None else np.minimum(found, initial)

    def any(self, axis: Any = None) -> Any:
        return (self != 0)._reduced("any", axis, False)

    def all(self, axis: Any = None) -> Any:
        return (self != 0)._reduced("all", axis, False)

    def argmax(self, axis: int) -> ForeignArray:
        return ForeignArray(self.xp.argmax(self.array, axis=axis))

    # Parts

    def __getitem__(self, key: Any) -> ForeignArray:
        basic, chosen = self._parts(key)
        part = ForeignArray(self.array[basic], (self, basic))
        if chosen is None:
            return part
        axis, index = chosen
        if index.dtype == bool and np.ndim(index) > 1:
            return ForeignArray(self.array[self.like(index, bool)])
        index = np.asarray(index)
        return part.take(np.flatnonzero(index) if index.dtype == bool else index, axis)

    def _parts(self, key):
        """A key of slices and numbers, and of the part that it gives an axis with an array that
        says which; None for none."""
        basic, chosen, axis, at = [], None, 0, 0
        for one in key if isinstance(key, tuple) else (key,):
            if one is None:
                basic.append(None)
                at += 1
            elif one is Ellipsis:
                skipped = self.ndim - axis
                basic.append(Ellipsis)
                axis, at = axis + skipped, at + skipped
            elif isinstance(one, slice):
                basic.append(slice(*one.indices(self.shape[axis])))
                axis, at = axis + 1, at + 1
            elif isinstance(one, int | np.integer):
                basic.append(int(one))
                axis += 1
            elif chosen is not None:
                raise TypeError("A ForeignArray takes one array as an index, not several.")
            else:
                index = np.asarray(one) if isinstance(one, list) else one
                chosen = at, index
                n_axes = index.ndim if index.dtype == bool else 1
                basic.extend([slice(None)] * n_axes)
                axis, at = axis + n_axes, at + n_axes
        if Ellipsis not in basic:
            basic.append(Ellipsis)
        return tuple(basic), chosen

    def __setitem__(self, key: Any, value: Any) -> None:
        if _is_entry_of_each_row(key, self.shape):
            is_entry = key[1][:, None] == np.arange(self.shape[1])
            return self._write(..., np.where(is_entry, value, self))
        basic, chosen = self._parts(key)
        if chosen is None:
            return self._write(basic, value)
        axis, index = chosen
        if index.dtype != bool:
            raise TypeError("A ForeignArray is set by slices and masks, not by row numbers.")
        shape = (1,) * axis + index.shape + (1,) * (self.ndim - axis - index.ndim)
        return self._write(..., np.where(index.reshape(shape), value, self))

    def _write(self, key, value):
        value = self.like(value, self.dtype)
        try:
            self.array[key] = value
        except TypeError:  # the library's arrays do not change
            self.array = self.array.at[key].set(value)
            if self._parent is not None:
                parent, mine = self._parent
                parent._write(mine, ForeignArray(self.array))

    # numpy's protocols

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any, ...] = (), where: Any = True
    ) -> Any:
        if method == "at" and isinstance(inputs[0], np.ndarray):
            return ufunc.at(*map(_at_home, inputs))
        if method != "__call__":
            return NotImplemented
        *types, result_type = ufunc.resolve_dtypes((*map(type_of, inputs), None))
        arrays = [self.like(one, dtype) for one, dtype in zip(inputs, types, strict=True)]
        result: Any = ForeignArray(self._function(ufunc)(*arrays))
        if result.dtype != result_type:
            result = result.astype(result_type)
        if where is not True:
            result = np.where(where, result, out[0])
        if not out:
            return result
        out[0][...] = _at_home(result) if isinstance(out[0], np.ndarray) else result
        return out[0]

    def _function(self, ufunc):
        """The library's function that does what a ufunc does."""
        name = _NAMES.get(ufunc.__name__, ufunc.__name__)
        known = _COMPOSED.get(name) or getattr(self.xp, name, None)
        if known is None:
            raise TypeError(
                f"{ufunc.__name__} is no function of the array API standard, so that it cannot be "
                "computed where an array of another library is. np.asarray brings the array to "
                "this process; a Loss without takes_any_array = True is given arrays of numpy."
            )
        return known if name not in _COMPOSED else lambda *arrays: known(self.xp, *arrays)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if function not in FUNCTIONS:
            return NotImplemented
        return FUNCTIONS[function](self, *args, **kwargs)


def _strides(values):
    return zip(values.strides, values.shape, strict=True)


def _axes(axis, ndim):
    """The axes of a reduction, from 0."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(i % ndim for i in (axis if isinstance(axis, tuple) else (axis,)))


def _at_home(value):
    return np.asarray(value) if isinstance(value, ForeignArray) else value


def type_of(value):
    """A type for promotion: python's numbers give way to those of arrays."""
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic | bool):
        return type(value)
    return np.result_type(dtype_of(value))


def dtype_of(value):
    return value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype


def _is_entry_of_each_row(key, shape):
    """Whether a key names one entry in each row: the rows' numbers, and a column for each."""
    if not (isinstance(key, tuple) and len(key) == 2 and len(shape) == 2):
        return False
    rows, columns = key
    is_pair = isinstance(rows, np.ndarray) and np.ndim(columns) == 1
    return is_pair and np.array_equal(rows, np.arange(shape[0]))


# What the standard lacks


def _xlog1py(xp, x, y):
    return xp.where(x == 0, xp.zeros_like(x), x * xp.log1p(y))


_COMPOSED = {"xlog1py": _xlog1py}
