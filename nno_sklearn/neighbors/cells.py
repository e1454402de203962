"""Cells: rows gathered around landmark rows, a small weighted copy of the data."""

import numpy as np
from sklearn.neighbors import NearestNeighbors


def condense_rows(problem, landmarks, sample, *, n_neighbors=1, metric="euclidean"):
    """The problem on ``landmarks``, each standing for the rows nearest to it.

    Every row of ``sample`` gives its weight, and with it its target, in equal parts to its
    ``n_neighbors`` nearest landmarks. Distances are between rows in units of the columns'
    spreads, so that columns need no scaling.

    Parameters
    ----------
    problem : Problem
    landmarks, sample : ndarray of int
        Row numbers; a landmark belongs to its own cell.
    n_neighbors : int, default=1
        Landmarks that share a row; 1 gives the cells of a Voronoi partition.
    metric : str or callable, default="euclidean"
        As in :class:`sklearn.neighbors.NearestNeighbors`.

    Returns
    -------
    Problem
    """
    weight, target = problem.weight[landmarks].copy(), problem.y[landmarks]
    sample = np.setdiff1d(sample, landmarks)
    if len(sample):
        shares = min(n_neighbors, len(landmarks))
        search = NearestNeighbors(n_neighbors=shares, metric=metric)
        search.fit(problem.design.standardised_rows(landmarks))
        cells = search.kneighbors(problem.design.standardised_rows(sample), return_distance=False)
        given = np.repeat(problem.weight[sample] / shares, shares)
        targets = np.repeat(problem.y[sample], shares, axis=0)
        sums = weight[:, None] * target
        np.add.at(sums, cells.ravel(), given[:, None] * targets)
        np.add.at(weight, cells.ravel(), given)
        target = sums / weight[:, None]
    return problem.rows(landmarks, weight, target)
