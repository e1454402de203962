"""Second derivatives of the data loss by the coefficients, in blocks."""

import numpy as np

from nno_sklearn.problem.intercept import invert

#: Coefficients of coupled outputs up to which their Hessian is one matrix.
MAX_JOINT_SIZE = 600
#: How much faster an operation is in a product of matrices than in a pass over a large X.
BLOCKED_SPEEDUP = 8
#: Operations that a pass over however small an X is worth: what Python's own steps cost.
LEAST_PASS = 2e5
#: Share of a loss's largest curvature that its flat parts get.
FLAT_CURVATURE = 1e-6


def hessian_blocks(point, max_joint_size=MAX_JOINT_SIZE):
    """Second derivatives of the data loss by w, the intercept eliminated; one pass over X.

    Returns
    -------
    list of (index, matrix)
        ``matrix`` belongs to ``coef.ravel()[index]``. One block per output; outputs that share
        a curvature share the matrix (the same object). Coupled outputs come as one joint block
        as long as it has at most ``max_joint_size`` coefficients, else without the coupling's
        off-diagonal blocks.
    """
    problem, curvature = point.problem, point.loss_curvature
    p, n_outputs = problem.shape
    position = np.arange(p * n_outputs).reshape(p, n_outputs)
    if curvature.coupling is not None and p * n_outputs <= max_joint_size:
        return [(position.T.ravel(), _joint_hessian(problem, curvature))]
    if problem.loss.constant_curvature and n_outputs > 1:
        shared = _block(problem, curvature.entry(0, 0))
        return [(position[:, k], shared) for k in range(n_outputs)]
    return [(position[:, k], _block(problem, curvature.entry(k, k))) for k in range(n_outputs)]


def _block(problem, row_curvature):
    if problem.loss.largest_curvature is not None:
        # A far row on a flat part must not let its own prediction move without bound.
        row_curvature = np.maximum(row_curvature, FLAT_CURVATURE * problem.loss.largest_curvature)
    weight = problem.weight * np.maximum(row_curvature, 0.0)
    gram, first = problem.design.gram(weight)
    if problem.fit_intercept and weight.sum() > 0:
        gram -= np.outer(first, first / weight.sum())
    return gram


def _joint_hessian(problem, curvature):
    """All outputs' second derivatives together, output by output."""
    size = problem.n_features * problem.n_outputs
    weight = problem.weight[:, None]
    hessian, mixed = problem.design.coupled_gram(
        weight * curvature.diagonal, np.sqrt(weight) * curvature.coupling
    )
    if problem.fit_intercept:
        hessian -= mixed @ invert(curvature.total(problem.weight)) @ mixed.T
    return hessian.reshape(size, size)


def hessian_cost(problem, n_rows):
    """What :func:`hessian_blocks` on ``n_rows`` rows, and its factor, cost in passes over X.

    An estimate from operation counts; products of dense matrices use a processor about
    ``BLOCKED_SPEEDUP`` times better than a pass, which waits for memory.
    """
    p, n_outputs = problem.shape
    n_blocks = 1 if problem.loss.constant_curvature else n_outputs
    factor = p**3 / 3 / BLOCKED_SPEEDUP
    gram = n_rows * problem.design.row_product_cost(BLOCKED_SPEEDUP)
    # Further outputs ride along: a pass for many is a product of matrices itself.
    columns = 1 + 2 * (n_outputs - 1) / BLOCKED_SPEEDUP
    return n_blocks * (gram + factor) / max(LEAST_PASS, problem.design.n_stored * columns)
