"""numpy's functions that are no ufuncs, by those of the array API standard."""

from __future__ import annotations

import numpy as np

from nno_sklearn._foreign.array import FUNCTIONS, ForeignArray, dtype_of, type_of
from nno_sklearn._namespaces import to_numpy


def _for(*functions):
    """Note that a function stands for these of numpy."""

    def note(implementation):
        FUNCTIONS.update(dict.fromkeys(functions, implementation))
        return implementation

    return note


@_for(np.bincount, np.flatnonzero, np.count_nonzero, np.repeat, np.cumsum)
def _no_function_of_the_standard(like, *args, **kwargs):
    raise TypeError(
        "This function of numpy has no counterpart in the array API standard: bring its arrays to "
        "this process by np.asarray."
    )


@_for(np.where)
def _where(like, condition, x, y):
    kinds = [type_of(one) for one in (x, y)]
    dtype = np.add.resolve_dtypes((*kinds, None))[0]
    arrays = like.like(x, dtype), like.like(y, dtype)
    return ForeignArray(like.xp.where(like.like(condition, bool), *arrays))


@_for(np.clip)
def _clip(like, a, low, high):
    return np.minimum(np.maximum(a, low), high)


@_for(np.asarray)
def _asarray(like, a, dtype=None, order=None):
    return ForeignArray(like.like(a, dtype_of(a) if dtype is None else dtype))


@_for(np.empty, np.zeros)
def _zeros(like, shape, dtype=float, order=None):
    return ForeignArray(like.filled(shape, 0, np.dtype(dtype)))


@_for(np.empty_like, np.zeros_like)
def _zeros_like(like, a, dtype=None, order=None, shape=None):
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    return ForeignArray(like.filled(a.shape if shape is None else shape, 0, dtype))


@_for(np.ones_like)
def _ones_like(like, a, dtype=None):
    return _full_like(like, a, 1, dtype)


@_for(np.full_like)
def _full_like(like, a, fill_value, dtype=None):
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    return ForeignArray(like.filled(a.shape, fill_value, dtype))


@_for(np.broadcast_to)
def _broadcast_to(like, array, shape):
    shape = (shape,) if isinstance(shape, int) else shape
    return ForeignArray(like.xp.broadcast_to(array.array, shape))


@_for(np.concatenate)
def _concatenate(like, arrays, axis=0):
    dtype = np.result_type(*map(dtype_of, arrays))
    return ForeignArray(like.xp.concat([like.like(one, dtype) for one in arrays], axis=axis))


@_for(np.vstack)
def _vstack(like, arrays):
    return _concatenate(like, arrays, axis=0)


@_for(np.hstack)
def _hstack(like, arrays):
    return _concatenate(like, arrays, axis=1)


@_for(np.diag)
def _diag(like, v):
    return v[:, None] * np.eye(len(v))


@_for(np.outer)
def _outer(like, a, b):
    return a[:, None] * b[None, :]


@_for(np.vdot)
def _vdot(like, a, b):
    return (a * b).sum()


@_for(np.einsum)
def _einsum(like, subscripts, *operands):
    """Entry by entry: for products of matrices there is ``@``."""
    inputs, output = subscripts.split("->")
    letters = sorted(set(subscripts) - set(",->"))
    product = 1.0
    for names, array in zip(inputs.split(","), operands, strict=True):
        assert list(names) == sorted(names)
        product = product * array[tuple(slice(None) if x in names else None for x in letters)]
    assert list(output) == sorted(output)
    return product.sum(axis=tuple(i for i, x in enumerate(letters) if x not in output))


@_for(np.ptp)
def _ptp(like, a, axis):
    return a.max(axis=axis) - a.min(axis=axis)


@_for(np.result_type)
def _result_type(like, *values):
    return np.result_type(*(one.dtype if isinstance(one, ForeignArray) else one for one in values))


@_for(np.shape)
def _shape(like, a):
    return a.shape


@_for(np.ndim)
def _ndim(like, a):
    return a.ndim


@_for(np.linalg.qr)
def _qr(like, a, mode):
    """The triangular factor, which is small, in this process."""
    return to_numpy(like.xp.linalg.qr(a.array)[1])
