"""Cells: rows gathered around landmark rows, a small weighted copy of the data."""

import numpy as np
from sklearn.neighbors import NearestNeighbors


def condense_rows(rows, landmarks, sample, *, n_neighbors=1, metric="euclidean"):
    """The rows ``landmarks``, each standing for the rows nearest to it.

    Every row of ``sample`` gives its weight, and with it its target and offset, in equal parts to
    its ``n_neighbors`` nearest landmarks. Distances are between rows in units of the columns'
    spreads, so that columns need no scaling.

    Parameters
    ----------
    rows : LocalRows
    landmarks, sample : ndarray of int
        Row numbers; a landmark belongs to its own cell.
    n_neighbors : int, default=1
        Landmarks that share a row; 1 gives the cells of a Voronoi partition.
    metric : str or callable, default="euclidean"
        As in :class:`sklearn.neighbors.NearestNeighbors`.

    Returns
    -------
    LocalRows
    """
    weight, target = rows.weight[landmarks].copy(), np.asarray(rows.y.take(landmarks, axis=0))
    offset = None if rows.offset is None else rows.offset[landmarks]
    sample = np.setdiff1d(sample, landmarks)
    if len(sample):
        shares = min(n_neighbors, len(landmarks))
        search = NearestNeighbors(n_neighbors=shares, metric=metric)
        search.fit(rows.design.standardised_rows(landmarks))
        cells = search.kneighbors(rows.design.standardised_rows(sample), return_distance=False)
        given = np.repeat(rows.weight[sample] / shares, shares)
        before, cells = weight.copy(), cells.ravel()
        np.add.at(weight, cells, given)

        def mean(own, others):
            sums = before[:, None] * own
            np.add.at(sums, cells, given[:, None] * np.repeat(others, shares, axis=0))
            return sums / weight[:, None]

        target = mean(target, np.asarray(rows.y.take(sample, axis=0)))
        offset = None if offset is None else mean(offset, rows.offset[sample])
    return rows.taken(landmarks, weight, target, offset)
