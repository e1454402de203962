"""Arrays of other libraries: torch, cupy, jax, whatever follows the array API standard.

None of these libraries is imported: whoever passes its arrays has it loaded.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class _Torch:
    """torch, whose names and arguments differ from the standard's in places."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules.get("torch"), name)

    def astype(self, x: Any, dtype: Any) -> Any:
        return x.to(dtype)

    def equal(self, x: Any, y: Any) -> Any:
        return self.eq(x, y)

    def take(self, x: Any, index: Any, axis: int) -> Any:
        return self.index_select(x, axis, index)

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return self.amax(x, axis, keepdims)

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return self.amin(x, axis, keepdims)


_TORCH = _Torch()


def _is_tensor(data: Any) -> bool:
    """Whether data are a tensor of torch, which has no ``__array_namespace__``."""
    return (
        "torch" in sys.modules and hasattr(data, "__torch_function__") and hasattr(data, "layout")
    )


def has_namespace(data: Any) -> bool:
    """Whether data are an array of a library other than numpy that follows the standard."""
    if isinstance(data, np.ndarray | np.generic):
        return False
    return hasattr(data, "__array_namespace__") or _is_tensor(data)


def namespace_of(array: Any) -> Any:
    """The functions of an array's library, by the names of the standard."""
    return _TORCH if _is_tensor(array) else array.__array_namespace__()


def dtype_name(array: Any) -> str:
    """Name of an array's type: float64, bool, bfloat16, ..."""
    return str(array.dtype).rsplit(".", 1)[-1]


def to_numpy(array: Any) -> NDArray[Any]:
    """What an array holds, in this process; without a copy where it can be."""
    for method in ("detach", "cpu", "get"):  # of torch's tensors, and of cupy's arrays
        array = getattr(array, method)() if hasattr(array, method) else array
    try:
        return np.asarray(array)
    except RuntimeError:  # the array is on a device, which need not be another memory
        return np.from_dlpack(array)


def to_library(values: Any, dtype: DTypeLike, xp: Any, device: Any) -> Any:
    """A copy of numbers of this process as an array of a library."""
    values = np.array(values, dtype=dtype, order="C")
    return xp.asarray(values, dtype=getattr(xp, values.dtype.name), device=device)


def has_float64(xp: Any, device: Any) -> bool:
    """Whether a device computes in float64."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of jax, which then gives float32
            made = xp.zeros(1, dtype=xp.float64, device=device)
        return dtype_name(made) == "float64"
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return False
