"""The inner problem of proximal Newton: a quadratic model plus a nonsmooth penalty."""

from functools import partial

import numpy as np

from nno_sklearn.problem.cost import can_have_rows, coupled_outputs, has_cheap_rows
from nno_sklearn.solvers.accelerated import Momentum
from nno_sklearn.solvers.active_sets import ActiveSets
from nno_sklearn.solvers.concave import newton_on_support
from nno_sklearn.solvers.faces import minimise_on_faces
from nno_sklearn.solvers.groups import group_model
from nno_sklearn.solvers.kinked import minimise_kinked
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import (
    GramModel,
    IllConditionedError,
    RowsModel,
    block_product,
    curved_along,
    free_shifts,
    largest_eigenvalue,
)

MAX_ACCELERATED_STEPS = 1000
#: Squared size of a proximal gradient, beside the largest one, with which they end, and of the
#: largest one that goes with a gap.
SMALL_GRADIENT, GRADIENT_OF_GAP = 1e-6, 100.0
#: And beside the coefficients: there it is rounding.
ROUNDING = 1e-30
#: Roundings that may be the curvature of coupled outputs along a direction without any.
ROUNDINGS = 64

#: Accuracy of a model's minimum, in target gaps, where the penalty is not convex: which stationary
#: point is near depends on it.
EXACTLY = 1e-4


def minimise_model(point, blocks, target_gap):
    """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)`` over v.

    Parameters
    ----------
    point : Point
        Gives w and the gradient g of the data loss.
    blocks : list of (index, matrix)
        The blocks of H. A matrix of None is that of all rows, in the space of the rows.
    target_gap : float
        Accuracy that is worth reaching, in units of the objective.

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
    """
    problem = point.problem
    terms = problem.penalty.piecewise_quadratic(point.coef)
    if terms is not None:
        terms = terms.scaled(problem.alpha).of(problem.shape)
        v = point.coef.flatten()  # those of no block stay
        for index, matrix in blocks:
            v[index] = _active_sets(point, index, matrix, terms, target_gap / len(blocks))
        v = v.reshape(point.coef.shape)
    elif problem.penalty.group_norms(point.coef) is not None:
        v = _groups(point, blocks, target_gap)
    elif problem.penalty.face(point.coef) is not None:
        return minimise_on_faces(point, blocks, target_gap)
    else:
        return _accelerated(point, blocks, target_gap)
    return v if problem.penalty.is_convex else newton_on_support(point, blocks, v)


def _groups(point, blocks, target_gap):
    """By the sizes of the groups; where one block is of some of them, of these."""
    problem, accuracy = point.problem, 1.0 if point.problem.penalty.is_convex else EXACTLY
    index, matrix = blocks[0]
    if len(blocks) > 1 or len(index) == point.coef.size:
        return group_model(point, blocks).minimise(accuracy * target_gap)
    v, features = point.coef.copy(), np.unique(index // problem.n_outputs)
    part = point.on_columns(problem.columns(features), features)
    model = group_model(part, [(np.arange(len(index)), matrix)])
    v[features] = model.minimise(accuracy * target_gap)
    return v


def _active_sets(point, index, matrix, terms, target_gap):
    """By factors of the Gram matrix; where its rounding errors matter, by those of the rows."""
    w, gradient = point.coef.ravel()[index], point.data_gradient.ravel()[index]
    rank = (point.problem.n_samples - 1) * max(1, coupled_outputs(point.problem) - 1)
    given = terms.take(index), w, gradient, 2 * abs(point.data_loss)
    shifts = free_shifts(point.problem, index, terms.is_free)
    if matrix is not None:
        try:
            matrix = curved_along(shifts, matrix)
            model = GramModel(matrix, partial(_rows_tell, point, index))
            return minimise_kinked(KinkedModel(model, *given), rank, target_gap)
        except IllConditionedError:
            pass
    model = RowsModel(point, index, shifts)
    return ActiveSets(KinkedModel(model, *given), rank).minimise(target_gap)


def _rows_tell(point, index, combination, size, refined):
    """Whether the rows' curvature tells from 0 a combination of coefficients, whose square it would
    make ``size`` if nothing cancelled, and there is memory for factors of the rows. Where these are
    cheap they may as well be made."""
    if not can_have_rows(point.problem, len(index)):
        return False
    if has_cheap_rows(point.problem, len(index)):
        return True

    def product(combination):
        direction = np.zeros(point.coef.size)
        direction[index] = combination
        direction = direction.reshape(point.coef.shape)
        return point.problem.rows.hessian_product(point.curvature, direction)[1].ravel()[index]

    combination = refined(combination, product(combination))
    # A row's coupled outputs have a root to half of the digits.
    rows = point.problem.rows
    share = rows.rounding.max() ** 2 if rows.is_separate else ROUNDINGS * np.finfo(float).eps
    return combination @ product(combination) > share * size


def _accelerated(point, blocks, target_gap):
    """Accelerated proximal gradient with restart, for any penalty with a prox.

    It ends with a proximal gradient that is small beside the gap wanted and beside the largest one:
    by itself its size says little of the gap, which may be far larger where columns are nearly
    collinear.
    """
    problem, w = point.problem, point.coef
    step = _proximal_steps(point, blocks)
    v, ahead, momentum, steepest = w, w, Momentum(), 0.0
    for _ in range(MAX_ACCELERATED_STEPS):
        slope = point.data_gradient + block_product(blocks, ahead - w)
        new = problem.penalty.prox(ahead - step * slope, problem.alpha * step)
        left, moved = ahead - new, new - v
        size = np.vdot(left, left / step)
        steepest = max(steepest, size)
        ahead, v = new + momentum.share(np.vdot(left / step, moved) > 0) * moved, new
        enough = SMALL_GRADIENT * min(steepest, GRADIENT_OF_GAP * target_gap)
        if size <= max(enough, ROUNDING * np.vdot(v, v / step)):
            break
    return v


def _proximal_steps(point, blocks):
    """Reciprocals of curvatures that majorise H, of w's shape."""
    diagonal, largest = np.empty(point.coef.size), 1.0
    for index, matrix in blocks:
        diagonal[index] = np.maximum(matrix.diagonal(), 1e-300)
        scaling = 1 / np.sqrt(diagonal[index])
        largest = max(largest, largest_eigenvalue(scaling[:, None] * matrix * scaling))
    return 1 / (largest * point.problem.penalty.tied(diagonal.reshape(point.coef.shape)))
