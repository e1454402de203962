"""Conjugate gradients on a second-order model of the objective, by products with the Hessian."""

import numpy as np

#: Products with the Hessian in a step, at most.
MOST_PRODUCTS = 60


def model_minimum(problem, curvature, coef, residual, preconditioner, steepest, enough):
    """A move to about the minimum of a second-order model.

    Outputs share the steps, as they share the curvature. Arrays of the coefficients' shape, which
    may be larger than X, are few and, but for directions that rows have seen, changed in place.

    Parameters
    ----------
    problem : Problem
    curvature : RowCurvature
        Of the rows, at the place.
    coef : ndarray of shape (n_features, n_outputs)
        At the place.
    residual : ndarray of shape (n_features, n_outputs)
        Minus the gradient there; what is left of it afterwards.
    preconditioner : object with ``solve``
    steepest : ndarray of shape (n_features, n_outputs)
        The residual in the metric of the preconditioner.
    enough : float
        Energy of the residual in that metric at which to end.

    Returns
    -------
    direction : ndarray of shape (n_features, n_outputs)
        0 where rounding hides what it may gain.
    slope : Raw
        What it adds to the raw predictions.
    """
    rows, smooth = problem.rows, problem.alpha * problem.penalty.curvature(coef)
    direction, slope = np.zeros(problem.shape), rows.nothing()
    ahead, energy = steepest, float(np.vdot(residual, steepest))
    term = np.empty_like(direction)
    for _ in range(MOST_PRODUCTS):
        raw, product = rows.hessian_product(curvature, ahead)
        product += np.multiply(smooth, ahead, out=term)
        along = float(np.vdot(ahead, product))
        if not along > 0:  # rounding, or a direction without curvature
            break
        step = energy / along
        direction += np.multiply(step, ahead, out=term)
        slope = rows.combined(slope, step, raw)
        residual -= np.multiply(step, product, out=product)
        steepest = preconditioner.solve(residual)
        before, energy = energy, float(np.vdot(residual, steepest))
        if not energy > enough:
            break
        ahead = energy / before * ahead  # a new array: rows may still compute with the last one
        ahead += steepest
    return direction, slope
