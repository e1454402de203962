"""A small weighted training set that stands for a large one."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_X_y
from sklearn.utils.validation import check_consistent_length

from nno_sklearn._containers import refuse_lazy
from nno_sklearn._data_checks import (
    canonical,
    check_any_weight,
    check_sum_of_weights,
    check_weight,
    counting_rows,
    is_count,
)
from nno_sklearn._distances import check_metric
from nno_sklearn.neighbors.memory import CellMemory, Scaling
from nno_sklearn.rows import Labels
from nno_sklearn.rows.moments import moments
from nno_sklearn.types import Array, Matrix, Metric

#: Rows that are absorbed together.
CHUNK = 2000


def condense(
    X: Matrix,
    y: ArrayLike,
    n_cells: int,
    metric: Metric = "euclidean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[Any, Array, Array]:
    """Replace rows by the cells of their nearest neighbours: mean rows, mean targets, weights.

    One pass in which each row joins its nearest cell or opens one, and near cells merge (Ward,
    1963). Distances are in units of the columns' spreads. Any estimator that takes weights can
    be trained on the result; for labels, repeat the rows once per class::

        rows, targets, weights = condense(X, y, 500)
        k = targets.shape[1]
        model.fit(
            np.repeat(rows, k, axis=0),
            np.tile(np.unique(y), len(rows)),
            sample_weight=(weights[:, None] * targets).ravel(),
        )

    The scatter of rows inside cells is lost here; ``partial_fit`` corrects for it.

    Parameters
    ----------
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Floats are targets, which are averaged; anything else is labels.
    n_cells : int
        Cells at most, at least 2.
    metric : str or callable, default="euclidean"
        As in :class:`sklearn.neighbors.NearestNeighbors`.
    sample_weight : array-like of shape (n_samples,), default=None
        Rows of weight 0 are left out.

    Returns
    -------
    rows : ndarray or CSR array of shape (n_condensed, n_features)
    targets : ndarray of shape (n_condensed,), (n_condensed, n_outputs) or (n_condensed, n_classes)
        Mean targets; for labels the shares of the classes, in the order of ``np.unique(y)``.
    weights : ndarray of shape (n_condensed,)
        Sums of the rows' weights.

    Raises
    ------
    ValueError
        For data that are not finite or of different lengths, for weights that are negative or
        all 0, for fewer than 2 cells, and for an unknown metric.

    Examples
    --------
    >>> import numpy as np
    >>> from nno_sklearn import condense
    >>> X = np.random.default_rng(0).normal(size=(2000, 2))
    >>> rows, targets, weights = condense(X, X @ [1.0, 2.0], 50)
    >>> len(rows) <= 50, float(weights.sum())
    (True, 2000.0)
    """
    if not is_count(n_cells, 2):
        raise ValueError(
            f"n_cells={n_cells!r}: it is a count, so it must be a whole number of at least 2."
        )
    check_metric(metric)
    refuse_lazy("condense", X, y, sample_weight)
    targets = np.asarray(y)
    is_numbers = targets.dtype.kind == "f"
    is_vector = is_numbers and targets.ndim == 1
    if not is_numbers:
        check_consistent_length(X, targets)
        classes, codes = np.unique(targets, return_inverse=True)
        targets = np.asarray(Labels(codes, len(classes)))
    X, targets = check_X_y(X, targets, accept_sparse="csr", dtype=np.float64, multi_output=True)
    targets = targets.reshape(len(targets), -1)
    weight = check_weight(X, sample_weight)
    check_any_weight(weight)
    check_sum_of_weights(weight)
    X, weight, targets = counting_rows(canonical(X), weight, targets)
    _, scale = moments(X, weight / weight.sum(), True)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    cells = CellMemory.empty(X.shape[1], targets.shape[1], is_sparse=sparse.issparse(X))
    for first in range(0, len(weight), CHUNK):
        part = slice(first, first + CHUNK)
        chunk = X[part], targets[part], weight[part]
        cells = cells.absorb(*chunk, Scaling(inverse), n_cells=n_cells, metric=metric)
    mean = cells.targets[:, 0] if is_vector else cells.targets
    return cells.rows, mean, cells.weight
