"""Calls of a user's methods, and the errors that name them."""

import numpy as np

PACKAGE = __name__.partition(".")[0]


def is_own(thing):
    """Whether an object's class belongs to this package, which tests it already."""
    return type(thing).__module__.partition(".")[0] == PACKAGE


def broken(thing, method, found, remedy):
    """The ValueError for a method: what it did, and what to do."""
    cls = type(thing)
    writer = next((one for one in cls.__mro__ if method in vars(one)), cls)
    inherited = "" if writer is cls else f" (inherited from {writer.__name__})"
    return ValueError(f"{cls.__name__}.{method}{inherited} {found}. {remedy}")


def array_of(thing, method, *arguments, shape):
    """A method's result as a float array; an error unless it has this shape and no NaN."""
    return as_array(thing, method, _called(thing, method, arguments), shape)


def _called(thing, method, arguments):
    """A method's result; an error where it changes its arguments in place."""
    given = [np.array(argument) for argument in arguments]
    returned = getattr(thing, method)(*given)
    if not all(map(np.array_equal, given, arguments)):
        found = "changes its arguments in place, but others go on to use them"
        raise broken(thing, method, found, "Return a new array.")
    return returned


def as_array(thing, method, returned, shape):
    """A part of a method's result, checked as in :func:`array_of`; float32 stays float32."""
    expected = f"but a float array of shape {shape} is expected"
    try:
        array = np.asarray(returned)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "bif":
        kind = type(returned).__name__
        raise broken(thing, method, f"returned a {kind}, {expected}", "Return such an array.")
    if array.shape != shape:
        found = f"returned an array of shape {array.shape}, {expected}"
        raise broken(thing, method, found, "Work entry by entry, on arrays of any length.")
    return without_nan(thing, method, array.astype(np.result_type(array, np.float32)))


def number_of(thing, method, *arguments):
    """A method's result as a float; an error unless it is a number other than NaN."""
    returned = _called(thing, method, arguments)
    number = returned if np.ndim(returned) == 0 else None
    if number is None or np.asarray(number).dtype.kind not in "bif":
        found = f"returned a {type(returned).__name__}, but one number is expected"
        raise broken(thing, method, found, "Return a float, the sum over all coefficients.")
    return float(without_nan(thing, method, np.asarray(number, dtype=float)))


def without_nan(thing, method, array):
    if np.isnan(array).any():
        found = f"returned NaN in {np.isnan(array).sum()} of {array.size} entries"
        raise broken(
            thing,
            method,
            f"{found}, at arguments that are finite",
            "Avoid inf - inf, 0 * inf and logarithms of negative numbers.",
        )
    return array
