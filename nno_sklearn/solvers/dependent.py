"""Coefficients in use that depend on others: one of each dependence goes to 0."""

import numpy as np


def leave_dependent(place, most_rise):
    """Go to a place of the same predictions where no coefficient in use depends on others.

    Along a dependence the data loss does not change and the penalty changes linearly, up to the
    first coefficient that is 0: it leaves, and where that is another one, the dependent one takes
    its place (a pivot of the simplex method; Dantzig, 1951).

    Parameters
    ----------
    place : KinkedModel
        By a Gram matrix and without bounds; it is moved.
    most_rise : float
        By how much the model may rise, as dependences hold but for rounding.
    """
    used = np.flatnonzero(place.v)
    used = used[np.argsort(-np.abs(place.v[used]) * np.sqrt(place.curvature[used]), kind="stable")]
    ridge = np.broadcast_to(place.terms.l2, place.v.shape)
    if not len(used):
        return
    is_dependent = place.model.part(used, ridge[used]).is_dependent
    if not is_dependent.any():
        return
    others, dependent = used[~is_dependent], used[is_dependent]
    columns = place.model.matrix[dependent].take(others, axis=1).T
    shares = place.model.part(others, ridge[others]).solve(columns)
    v = _pivoted(place, others, dependent, shares)
    if place.rise(v) <= most_rise:
        place.move_to(v)


def _pivoted(place, others, dependent, shares):
    """The place after a pivot for each dependent coefficient, the smallest first."""
    v, rates = place.v.copy(), place.slope + place.terms.l1 * np.sign(place.v)
    kinks = np.broadcast_to(place.terms.l1, v.shape) > 0
    for j in range(len(dependent) - 1, -1, -1):
        inside = np.append(others, dependent[j])
        direction = np.append(-shares[:, j], 1.0)
        down = rates[inside] @ direction
        direction *= -np.sign(down) if down else -np.sign(v[dependent[j]])
        ends = (v[inside] * direction < 0) & kinks[inside]
        if not ends.any():
            continue
        length = np.full(len(inside), np.inf)
        length[ends] = -v[inside[ends]] / direction[ends]
        first = int(length.argmin())
        v[inside] += length[first] * direction
        v[inside[first]] = 0.0
        if first < len(others):
            others[first] = dependent[j]
            row = shares[first] / shares[first, j]
            shares -= np.multiply.outer(shares[:, j], row)
            shares[first] = row
    return v
