"""Cells: rows gathered around landmark rows, a small weighted copy of the data."""

from typing import Any, NamedTuple

import numpy as np

from nno_sklearn._distances import check_metric_on, nearest_neighbors
from nno_sklearn.rows.draw import draw, drawn_by_weight


class CellSums(NamedTuple):
    """Weights, weighted targets and weighted offsets that landmarks get of the rows near them."""

    weight: Any
    target: Any
    offset: Any


def searched_cells(rows, count, n_searched, random_state, *, n_neighbors, metric):
    """``count`` landmarks, which stand for the rows nearest to them and for the rows not searched.

    ``n_searched`` rows are drawn by weight and look for their landmarks. The landmarks' own weights
    are unbiased too (:func:`~nno_sklearn.rows.draw.draw`): each of the two estimates has the share
    of its rows.

    Parameters
    ----------
    rows : LocalRows
    count, n_searched : int
    random_state : RandomState instance
    n_neighbors : int
    metric : str or callable

    Returns
    -------
    LocalRows
    """
    landmarks, drawn = draw(rows, count, random_state)
    own = rows.weight[landmarks]
    draws = drawn_by_weight(rows.weight, n_searched, random_state)
    sample, times = np.unique(draws[~np.isin(draws, landmarks)], return_counts=True)
    share = times.sum() / (len(landmarks) + times.sum())
    stands_for = share * max(0.0, rows.weight.sum() - own.sum()) / max(1, times.sum())
    weights = share * own + (1.0 - share) * drawn, stands_for * times
    given = {"weights": weights, "n_neighbors": n_neighbors, "metric": metric}
    return condense_rows(rows, landmarks, sample, **given)


def condense_rows(rows, landmarks, sample, *, weights=None, n_neighbors=1, metric="euclidean"):
    """The rows ``landmarks``, each standing for the rows nearest to it.

    Every row of ``sample`` gives its weight, and with it its target and offset, in equal parts to
    its ``n_neighbors`` nearest landmarks. Distances are between rows in units of the columns'
    spreads, so that columns need no scaling.

    Parameters
    ----------
    rows : LocalRows
    landmarks, sample : ndarray of int
        Row numbers; a landmark belongs to its own cell.
    weights : (ndarray, ndarray), default=None
        Of the landmarks, and of the sample, in which there are then no landmarks; None: the rows'
        own.
    n_neighbors : int, default=1
        Landmarks that share a row; 1 gives the cells of a Voronoi partition.
    metric : str or callable, default="euclidean"
        As in :class:`sklearn.neighbors.NearestNeighbors`.

    Returns
    -------
    LocalRows
    """
    if weights is None:
        sample = np.setdiff1d(sample, landmarks)
        weights = rows.weight[landmarks], rows.weight[sample]
    weight, target = weights[0], np.asarray(rows.y.take(landmarks, axis=0))
    offset = None if rows.offset is None else rows.offset[landmarks]
    if len(sample):
        near = rows.design.standardised_rows(landmarks)
        given = {"n_neighbors": n_neighbors, "metric": metric}
        sums = nearest_cells(rows, near, sample, weights[1], **given)
        weight, target, offset = with_cells(weight, target, offset, sums)
    return rows.taken(landmarks, weight, target, offset)


def nearest_cells(rows, landmarks, sample, weight, *, n_neighbors, metric):
    """What rows give to their nearest landmarks, in equal parts.

    Parameters
    ----------
    rows : LocalRows
    landmarks : ndarray or sparse array of shape (n_landmarks, n_features)
        In units of the columns' spreads.
    sample : ndarray of int
        Numbers of the rows that give.
    weight : ndarray
        Theirs.
    n_neighbors : int
    metric : str or callable

    Returns
    -------
    CellSums
    """
    n = landmarks.shape[0]
    shares = min(n_neighbors, n)
    check_metric_on(metric, rows.is_sparse)
    search = nearest_neighbors(n_neighbors=shares, metric=metric).fit(landmarks)
    cells = search.kneighbors(rows.design.standardised_rows(sample), return_distance=False).ravel()
    given = np.repeat(weight / shares, shares)

    def total(others):
        sums = np.zeros((n, others.shape[1]))
        np.add.at(sums, cells, given[:, None] * np.repeat(others, shares, axis=0))
        return sums

    received = np.zeros(n)
    np.add.at(received, cells, given)
    offset = None if rows.offset is None else total(rows.offset[sample])
    return CellSums(received, total(np.asarray(rows.y.take(sample, axis=0))), offset)


def with_cells(weight, target, offset, sums):
    """Landmarks' weights, mean targets and mean offsets, of their own and what is given to them."""
    total = weight + sums.weight

    def mean(own, others):
        return (weight[:, None] * own + others) / total[:, None]

    return total, mean(target, sums.target), None if offset is None else mean(offset, sums.offset)
