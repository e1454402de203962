"""Proximal Newton in coefficients and intercept together, for kinks of single coefficients.

The steps are those of :mod:`nno_sklearn.solvers.joint_newton`: one look at the rows gives a model
of the data loss by coefficients and intercept. With the intercept at the model's own minimum,
active sets solve what is left together with the penalty.
"""

from math import isfinite

import numpy as np

from nno_sklearn.rows.cholesky import invert
from nno_sklearn.solvers.joint_newton import Place
from nno_sklearn.solvers.kinked import minimise_kinked
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.models import GramModel, IllConditionedError

#: Accuracy of a model's minimum, as a share of the objective: what rounding leaves.
MODEL_ACCURACY = 1e-16


def kinked_place_at(problem, coef, intercept):
    """The objective, and the step from there to the minimum of its model; one look at the rows.

    Parameters
    ----------
    problem : Problem
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
        Of the centred columns.

    Returns
    -------
    Place
        Without a step where the model does not tell coefficients apart.
    """
    data = problem.rows.second_order(coef, intercept)  # there is no correction: it has a dual
    alpha, penalty = problem.alpha, problem.penalty
    of_penalty = alpha * penalty.value(coef)
    value = float(data.values.sum()) + of_penalty
    step, fall = np.zeros((len(coef) + 1, coef.shape[1])), np.nan
    if isfinite(value) and all(isfinite(block.trace()) for block in data.blocks):
        try:
            fall = _fill(step, problem, coef, data) + of_penalty
            fall -= alpha * penalty.value(coef + step[:-1])
        except IllConditionedError:
            step[:] = 0.0
    is_exact = problem.is_piecewise_quadratic and bool(np.isfinite(fall))
    return Place(coef, intercept, value, step, fall, data.gradient, is_exact)


def _fill(step, problem, coef, data):
    """Fill in the step; by how much it lowers the model of the data loss."""
    terms, fall = problem.penalty.piecewise_quadratic(coef).scaled(problem.alpha), 0.0
    n_coupled = problem.n_outputs // len(data.blocks)
    rank = (problem.n_samples - 1) * max(1, n_coupled - 1)
    energy = 2.0 * abs(float(data.values.sum()))
    given = energy, rank, n_coupled == 1  # a softmax has no curvature where all outputs move alike
    for k, block in enumerate(data.blocks):
        outputs = slice(k * n_coupled, (k + 1) * n_coupled)
        w, slope = (array[:, outputs].T.ravel() for array in (coef, data.gradient))
        n_coefs = len(w)
        matrix, mixed = block[:n_coefs, :n_coefs], block[:n_coefs, n_coefs:]
        total = data.total[outputs][: mixed.shape[1]]
        # The intercepts that the model is lowest with move by -(ahead + follows @ moved).
        inverse = invert(block[n_coefs:, n_coefs:])
        ahead, follows = inverse @ total, inverse @ mixed.T
        matrix, slope = matrix - mixed @ follows, slope - mixed @ ahead
        moved = _minimum(matrix, terms.of_outputs(outputs, coef.shape), w, slope, *given)
        step[:-1, outputs] = moved.reshape(n_coupled, -1).T
        if mixed.size:
            step[-1, outputs] = -(ahead + follows @ moved)
        fall -= float(slope @ moved + 0.5 * moved @ matrix @ moved - 0.5 * total @ ahead)
    return fall


def _minimum(matrix, terms, w, slope, energy, rank, rows_tell):
    """The move to the minimum of a model.

    Raises
    ------
    IllConditionedError
        Where few rows are curved: working sets have factors of the rows, which tell more.
    """
    model = GramModel(matrix, lambda combination, size, refined: rows_tell)
    place = KinkedModel(model, terms, w, slope, energy)
    return minimise_kinked(place, rank, MODEL_ACCURACY * energy) - w
