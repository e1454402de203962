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
        self._design = rows.design
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        is_shared = curvature.coupling is None and _are_alike(curvature.diagonal)
        is_even = _are_alike(diagonal)
        kernel, self._outputs = None, []
        for k in range(1 if is_shared and is_even else rows.n_outputs):
            if kernel is None or not is_even:
                kernel = self._design.kernel(self._inverse[:, k])
            self._outputs.append(_factor(rows, curvature.entry(k, k), kernel))

    def solve(self, gradient):
        """Apply it to a gradient, (n_features, n_outputs)."""
        plain = self._inverse * gradient
        raw = self._design.matvec(plain)
        width = raw.shape[1] // len(self._outputs)
        for k, (factor, root, mean) in enumerate(self._outputs):
            own = raw[:, k * width : (k + 1) * width]
            inner = factor.solve(_project(root[:, None] * own, mean))
            own[:] = root[:, None] * _project(inner, mean)
        return plain - self._inverse * self._design.rmatvec(raw)


def _are_alike(columns):
    """Whether all columns are equal."""
    return bool((columns == columns[:, :1]).all())


def _factor(rows, curvature, kernel):
    """Of the rows' matrix in their own space; roots of their weights, and the intercept's part."""
    weighted = np.maximum(rows.weight * curvature, 0.0)
    root, total, mean = np.sqrt(weighted), weighted.sum(), None
    kernel = root[:, None] * kernel * root
    if rows.fit_intercept and total > 0:
        mean = np.sqrt(weighted / total)
        kernel = _project(_project(kernel, mean).T, mean)
    kernel[np.diag_indices_from(kernel)] += 1.0
    return Cholesky(kernel), root, mean


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
        As many as samples, or as samples and outputs where outputs are coupled.
    """
    ones, columns = roots_and_columns(rows, curvature, feature, output)
    return without_intercept(ones, columns) if rows.fit_intercept else columns


def roots_and_columns(rows, curvature, feature, output):
    """Roots of the second derivatives by each output's intercept, and by some coefficients.

    The parameters are those of :func:`curvature_rows`.
    """
    columns = rows.design.dense_columns(feature)
    if curvature.coupling is None:  # coefficients of one output
        curved = np.maximum(curvature.entry(output[0], output[0]), 0.0)
        root = np.sqrt(rows.weight * curved)[:, None]
        columns *= root
        return root, columns
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
