"""Tensors of deep-learning libraries as arrays; none of these libraries is imported."""

import warnings
from typing import Any

import numpy as np

from nno_sklearn._namespaces import dtype_name, to_numpy

HALVES = ("float16", "bfloat16")


def from_tensor(given: Any) -> Any:
    """A numpy array of what a tensor holds, without a copy where it can be; all else as it is.

    Halves (float16, bfloat16) become float32. What has to be left behind is said: a tensor that
    requires gradients gets none, with a UserWarning.
    """
    if isinstance(given, np.ndarray):  # and its subclasses, of which scikit-learn takes not all
        is_half = given.dtype.itemsize == 2 and given.dtype.name in HALVES  # names take long
        return given.astype(np.float32) if is_half else given
    if not (hasattr(given, "__dlpack__") and hasattr(given, "dtype")):
        return given
    given = detached(given)
    if dtype_name(given) not in HALVES:
        return to_numpy(given)
    # numpy has no bfloat16: torch widens its tensors itself, jax's become arrays that can.
    return to_numpy(given.float() if hasattr(given, "float") else given).astype(np.float32)


def detached(given: Any) -> Any:
    """A tensor without gradients, with a UserWarning where it requires some."""
    if getattr(given, "requires_grad", False):
        warnings.warn(
            "A tensor requires gradients, which a fit does not give: it is detached.",
            UserWarning,
            stacklevel=4,
        )
    return given.detach() if hasattr(given, "detach") else given
