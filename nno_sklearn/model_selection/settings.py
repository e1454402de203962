"""Distances between settings, and the order in which to solve them."""

from numbers import Real

import numpy as np

from nno_sklearn._distances import nearest_neighbors

#: A nonnegative parameter whose values span at least this factor is measured by its logarithm.
MANY_TIMES = 10.0
#: Distance between two values of a categorical parameter, in decades of alpha.
CATEGORY = 4.0
#: Nearest solved settings kept as starts, in case nearer ones fail.
SPARE = 5


def coordinates(settings):
    """Settings as points of a Euclidean space.

    Parameters that span decades are coordinates by their decimal logarithm, other numbers by
    their share of the range; categorical values are equidistant.

    Parameters
    ----------
    settings : list of dict

    Returns
    -------
    ndarray of shape (n_settings, n_coordinates)
    """
    names = sorted({name for setting in settings for name in setting})
    axes = [_axis([setting.get(name) for setting in settings]) for name in names]
    return np.hstack([np.zeros((len(settings), 1)), *axes])


def _axis(values):
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, dtype=float)[:, None]
        if np.isfinite(numbers).all():
            return _scaled(numbers)
    kinds = np.array([repr(value) for value in values])
    return (kinds[:, None] == np.unique(kinds)) * (CATEGORY / np.sqrt(2))


def _scaled(numbers):
    low, high = numbers.min(), numbers.max()
    if low >= 0 and high >= MANY_TIMES * low and high > 0:
        # A strength of 0 is a little weaker than the weakest other one.
        least = numbers[numbers > 0].min()
        return np.log10(np.where(numbers > 0, numbers, least / MANY_TIMES))
    return (numbers - low) / max(high - low, np.finfo(float).tiny)


def nearest_first(points, strength):
    """Order in which each setting is the unsolved one nearest to a solved one.

    A minimum spanning tree (Prim, 1957) from the strongest regularisation, whose optimum is near
    the constant model. Ties go to the stronger.

    Parameters
    ----------
    points : ndarray of shape (n_settings, n_coordinates)
    strength : ndarray of shape (n_settings,)

    Returns
    -------
    order : ndarray of shape (n_settings,)
    starts : list of ndarray
        For each setting in that order, the nearest earlier ones, nearest first.
    """
    n = len(points)
    # A tree is searched in one thread: those of OpenMP would wait for each other.
    search = nearest_neighbors(n_neighbors=n, algorithm="kd_tree").fit(points)
    distance, index = search.kneighbors(points)
    apart = np.empty((n, n))
    np.put_along_axis(apart, index, distance, axis=1)
    strongest_first = np.argsort(-strength, kind="stable")
    left = np.ones(n, dtype=bool)
    nearest, order, starts = np.full(n, np.inf), [], []
    for _ in range(n):
        waiting = strongest_first[left[strongest_first]]
        # Equal distances may differ by rounding.
        step = nearest[waiting].min()
        chosen = waiting[np.flatnonzero(nearest[waiting] <= step * (1 + 1e-9))[0]]
        near = index[chosen]
        starts.append(near[~left[near]][:SPARE])
        order.append(chosen)
        left[chosen] = False
        nearest = np.minimum(nearest, apart[chosen])
    return np.array(order), starts
