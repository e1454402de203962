"""The best intercept of a loss with corners: one of them, or what lies between two."""

from collections.abc import Sequence

import numpy as np

from nno_sklearn.losses import Corner
from nno_sklearn.types import Array

#: Sum of slopes, in sums of their sizes, that is 0 but for rounding.
FLAT = 1e-13


def best_constant(corners: Sequence[Corner], raw: Array, weight: Array, start: float) -> float:
    """A minimum of the weighted losses at ``raw + b`` over b, the nearest one to a start.

    Parameters
    ----------
    corners : sequence of Corner
        In one output.
    raw : ndarray of shape (n, 1)
    weight : ndarray of shape (n,)
    start : float
    """
    counts = weight > 0
    weight = weight[counts, None]
    fields = zip(*corners, strict=True)
    centre, low, high = (
        np.hstack([np.broadcast_to(one, raw.shape)[counts] for one in field]) for field in fields
    )
    places = (centre - raw[counts]).ravel()
    order = np.argsort(places, kind="stable")
    steps = (weight * (high - low)).ravel()[order]
    size = float(np.sum(weight * np.maximum(np.abs(low), np.abs(high))))
    # Slopes before the first place, and after each.
    slopes = np.cumsum(np.concatenate([[np.sum(weight * low)], steps]))
    last = len(order) - 1
    first = min(max(0, int(np.searchsorted(slopes, -FLAT * size)) - 1), last)
    end = min(max(0, int(np.searchsorted(slopes, FLAT * size, side="right")) - 1), last)
    return float(np.clip(start, places[order[first]], places[order[end]]))
