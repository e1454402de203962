"""Second derivatives from the rows themselves, where these are few."""

import numpy as np

from nno_sklearn.rows.cholesky import Cholesky, invert
from nno_sklearn.rows.moments import row_blocks


class RowSpaceInverse:
    """``(diag + A'A)^-1`` where A has few rows: solved in their space (Woodbury, 1950).

    A holds the rows, centred and weighted by their curvature: one such set for each output, or one
    for all where neither curvature nor diagonal tells outputs apart, as with squared error.

    Parameters
    ----------
    rows : LocalRows
    curvature : Curvature
    diagonal : ndarray of shape (n_features, n_outputs), or (n_features, 1) for all outputs
    """

    def __init__(self, rows, curvature, diagonal):
        self._rows, self._curvature = rows, curvature
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        is_shared = curvature.coupling is None and _are_alike(curvature.diagonal)
        #: Of each output, once there is a gradient of it.
        self._factors = [None] * (1 if is_shared and _are_alike(diagonal) else rows.n_outputs)

    def solve(self, gradient):
        """Apply it to a gradient, (n_features, n_outputs)."""
        plain, design = self._inverse * gradient, self._rows.design
        raw = design.matvec(plain)
        width = raw.shape[1] // len(self._factors)
        for k in range(len(self._factors)):
            own = raw[:, k * width : (k + 1) * width]
            if own.any():
                curved, factor, root, mean = self._factor(k)
                inner = factor.solve(_project(root[:, None] * own[curved], mean))
                own[:] = 0.0
                own[curved] = root[:, None] * _project(inner, mean)
        return plain - self._inverse * design.rmatvec(raw)

    def _factor(self, k):
        if self._factors[k] is None:
            inverse = self._inverse[:, min(k, self._inverse.shape[1] - 1)]
            kernel = self._rows.design.kernel(inverse)  # the last one, where outputs share it
            self._factors[k] = _factor(self._rows, self._curvature.entry(k, k), kernel)
        return self._factors[k]


def _are_alike(columns):
    """Whether all columns are equal."""
    return bool((columns == columns[:, :1]).all())


def _factor(rows, curvature, kernel):
    """The rows that have curvature, as on some parts of a loss none has; the factor of their matrix
    in their own space; roots of their weights, and the intercept's part."""
    weighted = np.maximum(rows.weight * curvature, 0.0)
    curved = _curved(weighted)
    if len(curved) < len(weighted):
        weighted, kernel = weighted[curved], kernel[np.ix_(curved, curved)]
    root, total, mean = np.sqrt(weighted), weighted.sum(), None
    kernel = root[:, None] * kernel * root
    if rows.fit_intercept and total > 0:
        mean = np.sqrt(weighted / total)
        kernel = _project(_project(kernel, mean).T, mean)
    kernel[np.diag_indices_from(kernel)] += 1.0
    return curved, Cholesky(kernel), root, mean


def _curved(weighted):
    """Which rows have curvature, as on some parts of a loss none has; one at least, for LAPACK."""
    curved = np.flatnonzero(np.asarray(weighted))
    return curved if len(curved) else np.zeros(1, dtype=int)


def _project(vectors, unit):
    """Take the part along ``unit`` out of the columns of ``vectors``."""
    return vectors if unit is None else vectors - np.multiply.outer(unit, unit @ vectors)


def curvature_rows(rows, curvature, feature, output):
    """Rows R with ``R'R`` the second derivatives by some coefficients, the intercept eliminated.

    Parameters
    ----------
    rows : LocalRows
    curvature : Curvature
    feature, output : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n_rows, n)
        As many as samples with curvature, or as samples and outputs where outputs are coupled.
    """
    ones, columns = roots_and_columns(rows, curvature, feature, output)
    return without_intercept(ones, columns) if rows.fit_intercept else columns


def roots_and_columns(rows, curvature, feature, output):
    """Roots of the second derivatives by each output's intercept, and by some coefficients.

    The parameters are those of :func:`curvature_rows`.
    """
    if curvature.coupling is None:  # coefficients of one output
        weighted = np.maximum(rows.weight * curvature.entry(output[0], output[0]), 0.0)
        curved = _curved(weighted)
        design = rows.design if len(curved) == len(weighted) else rows.design.rows(curved)
        root, columns = np.sqrt(weighted[curved])[:, None], design.dense_columns(feature)
        columns *= root
        return root, columns
    columns = rows.design.dense_columns(feature)
    roots = _coupled_roots(rows.weight, curvature)
    return np.concatenate(roots), np.concatenate([root[:, output] * columns for root in roots])


def without_intercept(ones, columns):
    """The columns, changed in place, without what the ``ones`` explain of them."""
    inverse = invert(ones.T @ ones)
    for block in row_blocks(columns.shape[1], len(columns)):
        rows = columns[:, block].T
        for _ in range(2):  # once more for the digits that are left
            rows -= rows @ ones @ inverse @ ones.T
    return columns


def _coupled_roots(weight, curvature):
    """For each output the (n_samples, n_outputs) part of roots of the rows' second derivatives.

    A row's ``diag(d) - c c'`` has the root ``(I - b u u') diag(sqrt(d))`` with
    ``u = c / sqrt(d)`` and ``b = (1 - sqrt(1 - |u|^2)) / |u|^2``.
    """
    plain = np.sqrt(np.maximum(curvature.diagonal, 0.0))
    root = np.sqrt(weight)[:, None] * plain
    unit = np.divide(curvature.coupling, plain, out=np.zeros_like(plain), where=plain > 0)
    square = np.clip((unit**2).sum(axis=1, keepdims=True), 0.0, 1.0)
    share = np.divide(1 - np.sqrt(1 - square), square, out=np.zeros_like(square), where=square > 0)
    n_outputs = plain.shape[1]
    return [
        root * (np.arange(n_outputs) == k) - share * unit[:, [k]] * unit * root
        for k in range(n_outputs)
    ]
