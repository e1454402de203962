"""Squared errors of many small outputs: their normal equations, solved at once and certified."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from nno_sklearn.problem.certificate import EPS, ROUNDINGS
from nno_sklearn.problem.point import LEAST_UNIT
from nno_sklearn.rows.stacked import StackedRows
from nno_sklearn.rows.triangular import SAFE_PIVOT
from nno_sklearn.types import Array


class Solutions(NamedTuple):
    """The optima of several outputs; each field has an entry, or a row, for each output."""

    coef: Array
    intercept: Array
    #: Objective at the solution, and of the best constant.
    value: Array
    null_value: Array
    #: Bound on the value minus the optimum, and what ``tol`` bounds; NaN where the equations of an
    #: output have no digits left.
    gap: Array
    optimality: Array


def solve_stacked(rows: StackedRows, ridge: Array, curvature: float, dtype: DTypeLike) -> Solutions:
    """Minimise ``curvature r^2 / 2 + sum_j ridge_j w_j^2 / 2`` for each output, where r^2 is the
    residuals' mean square.

    Normal equations in units of the columns' spreads, corrected once by the rows' own gradient
    (corrected semi-normal equations: Björck, 1987), so that the errors of moments are squared. What
    the gradient that is left could gain is all that the optimum lies below, as the objective is a
    square.

    Parameters
    ----------
    rows : StackedRows
    ridge : ndarray of shape (n_outputs, n_features)
    curvature : float
        Second derivative of the loss.
    dtype : dtype
        In which the coefficients are returned, and certified.

    Returns
    -------
    Solutions
    """
    gram, cross = rows.moments()
    size = curvature * rows.scale**2 + np.where(rows.scale > 0, ridge, 0.0)
    unit = np.divide(1.0, np.sqrt(size), out=np.zeros_like(size), where=size > 0)
    gram *= curvature * unit[:, :, None] * unit[:, None]
    diagonal = np.arange(gram.shape[1])
    gram[:, diagonal, diagonal] = 1.0
    inverse = _inverse_factors(gram)

    def solve(right):
        return unit * _solved(inverse, unit * right)

    coef = solve(curvature * cross)
    coef -= solve(_gradient(rows, coef, ridge, curvature))
    coef = coef.astype(dtype).astype(float)
    square, _, intercept = rows.look(coef)
    left = _applied(inverse, unit * _gradient(rows, coef, ridge, curvature))
    decrease = 0.5 * (left**2).sum(axis=1)
    value = 0.5 * (curvature * square + (ridge * coef**2).sum(axis=1))
    null_value = 0.5 * curvature * rows.null_square
    gap = decrease + ROUNDINGS * EPS * value
    is_bounded = (ridge > 0).all(axis=1)
    share = _share(np.where(is_bounded, gap, decrease), np.maximum(value, LEAST_UNIT * null_value))
    optimality = np.where(is_bounded, share, np.sqrt(share))
    return Solutions(coef, intercept, value, null_value, gap, optimality)


def _gradient(rows, coef, ridge, curvature):
    return curvature * rows.look(coef)[1] + ridge * coef


def _share(gap, unit):
    return np.divide(gap, unit, out=np.where(gap > 0, np.inf, gap), where=unit > 0)


def _inverse_factors(matrices):
    """Inverses of the lower triangular factors of matrices; NaN of those without digits enough."""
    try:
        factors = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        halves = np.array_split(matrices, 2)
        return np.concatenate([_inverse_factors(half) for half in halves])
    inverse = np.linalg.inv(factors)
    inverse[np.diagonal(factors, axis1=1, axis2=2).min(axis=1, initial=1.0) < SAFE_PIVOT] = np.nan
    return inverse


def _applied(inverse, right):
    return (inverse @ right[:, :, None])[:, :, 0]


def _solved(inverse, right):
    return (_applied(inverse, right)[:, None] @ inverse)[:, 0]
