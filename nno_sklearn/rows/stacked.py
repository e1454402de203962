"""Outputs that count rows of their own: the rows of several of them, handled at once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nno_sklearn.rows.moments import CONSTANT
from nno_sklearn.types import Array, Matrix

#: Bytes of the rows that are handled at a time.
STACK_BYTES = 2**25


class StackedRows:
    """The rows that each of several outputs counts, centred, times the roots of their weights.

    All outputs have room for as many rows as the one that counts most; what is left is of weight 0.

    Parameters
    ----------
    X : ndarray or sparse CSR of shape (n_samples, n_features)
    y, weight : ndarray of shape (n_samples, n_outputs)
        An output counts the rows in which its weight is positive, one at least.
    fit_intercept : bool

    Attributes
    ----------
    scale : ndarray of shape (n_outputs, n_features)
        Spread of the columns among the rows that an output counts; 0 of constant ones.
    null_square : ndarray of shape (n_outputs,)
        Weighted mean square of the targets about the best constant.
    is_constant : ndarray of bool of shape (n_outputs,)
        Whether no target is off that constant.
    """

    def __init__(self, X: Matrix, y: Array, weight: Array, *, fit_intercept: bool) -> None:
        index, counts = _counting(weight)
        places = index, np.arange(weight.shape[1])[:, None]
        root = np.sqrt(np.where(counts, weight[places], 0.0) / weight.sum(axis=0)[:, None])
        rows, target = _dense(X, index), np.where(counts, y[places], 0.0)
        self._centre, self._mean = np.zeros(rows[:, 0].shape), np.zeros(len(rows))
        if fit_intercept:
            share = root**2
            self._centre, self._mean = _combined(share, rows), (share * target).sum(axis=1)
            rows -= self._centre[:, None]
            target -= self._mean[:, None]
        rows *= root[:, :, None]
        self._rows, self._target, self._root = rows, root * target, root
        self._fit_intercept = fit_intercept
        scale = np.sqrt(np.einsum("kij,kij->kj", rows, rows))
        self.scale = np.where(scale > CONSTANT * np.abs(self._centre), scale, 0.0)
        self.null_square = (self._target**2).sum(axis=1)
        self.is_constant = ~self._target.any(axis=1)

    def moments(self) -> tuple[Array, Array]:
        """Of the columns with each other, (n_outputs, n_features, n_features), and with the target,
        (n_outputs, n_features)."""
        return self._rows.transpose(0, 2, 1) @ self._rows, _combined(self._target, self._rows)

    def look(self, coef: Array) -> tuple[Array, Array, Array]:
        """At coefficients, (n_outputs, n_features): the residuals' mean square, and half of its
        gradient, with the best intercept; and that intercept, for the columns as they are."""
        residual = self._target - (self._rows @ coef[:, :, None])[:, :, 0]
        intercept = self._mean - (self._centre * coef).sum(axis=1)
        if self._fit_intercept:  # 0 but for the rounding of means
            left = (self._root * residual).sum(axis=1)
            residual -= left[:, None] * self._root
            intercept += left
        return (residual**2).sum(axis=1), -_combined(residual, self._rows), intercept


def stacks_of(weight: Array, outputs: NDArray[Any], n_features: int) -> Iterator[NDArray[Any]]:
    """The given outputs in groups that count about as many rows, whose arrays fit the memory."""
    n_rows = np.count_nonzero(weight[:, outputs], axis=0)
    order = np.argsort(-n_rows, kind="stable")
    first = 0
    while first < len(order):
        each = 8 * n_features * (n_rows[order[first]] + 2 * n_features)
        last = first + max(1, STACK_BYTES // int(each))
        yield outputs[order[first:last]]
        first = last


def _counting(weight):
    """Numbers of the rows that each output counts, (n_outputs, most), and which of them are such:
    where an output counts fewer, 0 stands for the rest."""
    output, row = np.nonzero(weight.T)
    n_rows = np.bincount(output, minlength=weight.shape[1])
    counts = np.arange(n_rows.max()) < n_rows[:, None]
    index = np.zeros(counts.shape, dtype=np.intp)
    index[counts] = row
    return index, counts


def _dense(X, index):
    """Rows of X in float64, (n_outputs, most, n_features)."""
    rows = X[index.ravel()]
    rows = rows.toarray() if sparse.issparse(X) else rows
    return rows.astype(np.float64, copy=False).reshape(*index.shape, X.shape[1])


def _combined(factors, rows):
    """Sums of each output's rows times factors, (n_outputs, n_features)."""
    return (factors[:, None] @ rows)[:, 0]
