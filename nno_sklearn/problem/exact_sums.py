"""Sums of products without rounding, for terms that cancel."""

import math

import numpy as np

from nno_sklearn.types import Array

#: Splits a float64 into two halves whose products are exact.
SPLIT = 2.0**27 + 1


def exact_sum(a: Array, b: Array, terms: list[float]) -> float:
    """``sum(a * b) + sum(terms)``, rounded once; nan where it overflows.

    Each product is split into its rounded value and the rest (Dekker, 1971), and all are added as
    :func:`math.fsum` does.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = a * b
        rest = _rest(a, b, product)
    try:
        return math.fsum([*product, *rest, *terms])
    except (OverflowError, ValueError):  # inf - inf
        return math.nan


def _rest(a, b, product):
    """``a * b - product``, exactly."""
    (high, low), (other_high, other_low) = _halves(a), _halves(b)
    rest = high * other_high - product + high * other_low + low * other_high
    return rest + low * other_low


def _halves(a):
    moved = SPLIT * a
    high = moved - (moved - a)
    return high, a - high
