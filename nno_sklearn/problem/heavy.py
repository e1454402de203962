"""Rows that carry much of the curvature of sparse X: a few long texts among many short ones."""

import numpy as np


def heavy_rows(design, weight, count):
    """The rows with the largest weighted sums of squares.

    Parameters
    ----------
    design : DesignMatrix
        Sparse.
    weight : ndarray of shape (n_samples,)
    count : int
        Rows at most.

    Returns
    -------
    index : ndarray of shape (n_rows,)
    squares : ndarray of shape (n_features,)
        Their weighted sums of squares, not centred, in each column.
    """
    squares = design.X.astype(float, copy=False).power(2)
    size = weight * np.asarray(squares.sum(axis=1)).ravel()
    index = np.arange(len(size))
    if count < len(size):
        index = np.sort(np.argpartition(-size, count)[:count])
    return index, squares.tocsr()[index].T @ weight[index]
