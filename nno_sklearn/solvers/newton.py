"""Newton's step on all rows: certifies an optimum where no dual point does."""

from dataclasses import dataclass, replace

import numpy as np

from nno_sklearn.problem import Line
from nno_sklearn.problem.cost import PROOF_BUDGET, can_factor_rows, newton_cost
from nno_sklearn.rows import Raw, RowCurvature
from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.preconditioner import diagonal_preconditioner
from nno_sklearn.solvers.row_preconditioner import RowPreconditioner

#: Conjugate gradients: iterations at most, and the preconditioned squared residual to stop at,
#: relative to twice the decrease. It is near rounding where the preconditioner is the Hessian, as
#: residuals along nearly collinear columns are small; coarser elsewhere.
MAX_ITERATIONS, PRECISION, ROUGH_PRECISION = 200, 1e-15, 1e-8
#: Curvature given to a loss's flat parts, relative to its largest: the model then has a minimum.
LEAST_CURVATURE = 1e-12
#: Least curvature of a loss without flat parts: saturated outputs underflow to 0.
SATURATED = 1e-60
#: Change of the gradient, relative to its largest entry, under which a coefficient does not move if
#: the penalty holds it where it is.
NUDGE = 1e-6
#: Changes of a coefficient, relative to it, that tell the sign of a slope, and that do not.
VISIBLE, LOST = 1e-8, 16 * np.finfo(float).eps
#: Share of the features up to which those that move are worth a problem of their own.
FEW_FEATURES = 0.5
#: Squared residual norm, relative to the objective, that is rounding of the gradient.
ROUNDING = 1e-22
#: Slope along a shift, beside the slopes of the outputs, that is rounding.
SHIFT_ROUNDING = 1e-12


@dataclass(frozen=True)
class NewtonStep:
    """The minimum of the second-order model of the objective at a point.

    Attributes
    ----------
    line : Line
        From the point along the step; t = 1 is the model's minimum.
    shift : ndarray of shape (n_outputs,)
        The intercept's part of the step.
    curvature : RowCurvature
        The rows' curvature at the point; at least :data:`LEAST_CURVATURE` on a loss's flat parts.
    decrease : float
        Half the squared Newton decrement: the decrease of the model by the step (Boyd and
        Vandenberghe, 2004, section 9.5).
    """

    line: Line
    shift: np.ndarray
    curvature: RowCurvature
    decrease: float

    @property
    def direction(self):
        """The step, (n_features, n_outputs)."""
        return self.line.direction

    @property
    def slope(self) -> Raw:
        """Change of the raw predictions by the coefficients' part of the step."""
        return self.line.slope


def newton_step(point):
    """The minimum of the second-order model at a point.

    Coefficients that the penalty holds at a point where it is not differentiable do not move; where
    few features move, the model is that of their columns alone.

    Parameters
    ----------
    point : Point

    Returns
    -------
    NewtonStep
    """
    features = _moving_features(point)
    if features is None:
        return _solved(point)
    part = point.on_columns(point.problem.columns(features), features)
    step, direction = _solved(part), np.zeros(point.problem.shape)
    direction[features] = step.direction
    return replace(step, line=Line(point, direction, step.slope))


def _moving_features(point):
    """Features whose coefficients the penalty does not hold; None where they are not few."""
    problem, groups = point.problem, point.problem.penalty.groups
    if problem.is_smooth:
        return None
    moving = _subgradient(point)[1].any(axis=1)
    if groups is not None:
        moving = (np.bincount(groups, moving) > 0)[groups]
    features = np.flatnonzero(moving)
    return features if 0 < len(features) <= FEW_FEATURES * problem.n_features else None


def _solved(point):
    """Solve the second-order model by preconditioned conjugate gradients on the rows.

    Products ``X'(h * (X d))`` are accurate in directions of small curvature, where a Gram matrix is
    not; its factor, where affordable, serves as preconditioner.
    """
    problem, rows = point.problem, point.problem.rows
    curvature = _positive_curvature(point)
    penalty, alpha = problem.penalty, problem.alpha
    gradient, free = _subgradient(point)
    may_move = _movement(point, gradient, free)
    gradient = may_move(gradient)
    preconditioner = _preconditioner(point, curvature, free)
    direction, slope = np.zeros(problem.shape), rows.nothing()
    without_shift = _shift_remover(point, gradient, free)
    residual, decrease = -without_shift(gradient), 0.0
    ahead, energy = np.zeros_like(direction), None
    precision = PRECISION if preconditioner.is_hessian else ROUGH_PRECISION
    for _ in range(MAX_ITERATIONS):
        steepest = without_shift(may_move(preconditioner.solve(residual)))
        before, energy = energy, np.vdot(residual, steepest)
        if not energy > max(2 * precision * decrease, ROUNDING * point.value):
            break
        ahead = steepest + (energy / before if before else 0.0) * ahead
        raw, product = rows.hessian_product(curvature, ahead)
        product = product + alpha * penalty.curvature_product(point.coef, ahead)
        product = product + problem.correction.product(ahead)
        along = np.vdot(ahead, product)
        if _is_rounding(point, ahead, raw, along):
            break
        if along <= 0:  # a descent direction without curvature: the model is unbounded below
            decrease = np.inf
            break
        step = energy / along
        direction, slope = direction + step * ahead, rows.combined(slope, step, raw)
        residual = residual - step * without_shift(may_move(product))
        decrease += 0.5 * step * energy
    if decrease == 0.0:  # rounding hides what one coefficient could gain
        decrease = float(point.promised_decrease.max())
    line = Line(point, direction, slope)
    shift = rows.intercept_step(curvature, slope, point.sums.total)
    return NewtonStep(line, shift, curvature, decrease)


def _movement(point, gradient, free):
    """What takes out of a direction what the penalty does not let move.

    Where it is piecewise linear, that is what leads off its face: a duality gap proves what this
    leaves out, and without one the gradient must be on the face.
    """
    face = point.problem.penalty.face(point.coef)
    has_dual = point.problem.has_dual
    if face is not None and (has_dual or np.allclose(face.project(gradient), gradient, rtol=1e-9)):
        return face.project
    return lambda step: free * step


def _shift_remover(point, gradient, free):
    """What takes out of a step the shift of a feature's coefficients in all outputs alike.

    A softmax does not change with it, so where the penalty does not either, the slope along it is
    rounding over no curvature at all.
    """
    if point.problem.rows.is_separate:
        return lambda step: step
    data = point.data_gradient
    # At a bound that an output's slope leads beyond, that slope is 0, but not what balances it.
    is_level = ((gradient == 0) | np.isclose(gradient, data, rtol=1e-9, atol=0.0)).all(axis=1)
    slope = np.abs(np.where(is_level[:, None], data, gradient).sum(axis=1))
    size = np.abs(data).sum(axis=1)
    movable = np.broadcast_to(free, gradient.shape).all(axis=1)
    has_none = movable & (
        slope <= SHIFT_ROUNDING * (size + point.problem.scale * point.problem.null_residual)
    )
    share = has_none[:, None] / gradient.shape[1]
    return lambda step: step - share * step.sum(axis=1, keepdims=True)


def _is_rounding(point, direction, raw, curvature):
    """Whether a direction is in the null space of X up to rounding of the columns."""
    problem, rows = point.problem, point.problem.rows
    share = rows.rounding[:, None] ** 2
    if not rows.is_exact:
        share *= (np.finfo(rows.dtype).eps / np.finfo(float).eps) ** 2
    if rows.square(raw) > np.sum(share * (problem.scale[:, None] * direction) ** 2):
        return False
    return curvature <= np.vdot(share * point.data_diagonal * direction, direction)


def _preconditioner(point, curvature, free):
    """The most exact factor of the Hessian that is affordable."""
    if can_factor_rows(point.problem):
        return RowPreconditioner(point, curvature, np.broadcast_to(free, point.coef.shape) > 0)
    if newton_cost(point.problem) <= PROOF_BUDGET:
        return landmark_preconditioner(point, point, curvature)
    return diagonal_preconditioner(point)


def _positive_curvature(point):
    """The rows' curvature, positive on flat parts too, so that the model has a minimum."""
    problem, largest = point.problem, point.problem.loss.largest_curvature
    least = SATURATED if largest is None else LEAST_CURVATURE * largest
    return problem.rows.curvature(point.raw, point.intercept, least)


def _subgradient(point):
    """The subgradient of least norm, and which coefficients may move."""
    problem = point.problem
    if problem.is_smooth:
        return point.gradient, 1.0
    penalty, alpha, gradient = problem.penalty, problem.alpha, point.data_gradient
    size = alpha * penalty.subdiff_distance(point.coef, gradient / alpha)
    diagonal = penalty.tied(_showing(point, size))
    steepest = np.abs(gradient).max(initial=0.0)
    # Where all rows are saturated, a short step still tells the sign.
    short = NUDGE * (1.0 + np.abs(point.coef).max(initial=0.0)) / (steepest or 1.0)
    step = np.divide(1.0, diagonal, out=np.full_like(diagonal, short), where=diagonal > 0)

    def moved(gradient):
        return point.coef - penalty.prox(point.coef - step * gradient, alpha * step)

    nudge = NUDGE * steepest
    held = (moved(gradient - nudge) == 0) & (moved(gradient + nudge) == 0)  # at a bound, say
    free = (size > 0) | ((point.coef != 0) & ~held)
    return size * np.sign(moved(gradient)), free


def _showing(point, size):
    """Curvatures of single coefficients, less where a step by slopes of this ``size`` would be
    lost to rounding of the coefficient, and with it the slope's sign."""
    diagonal, coef = point.diagonal_curvature, np.abs(point.coef)
    is_lost = (size > 0) & (size < LOST * coef * diagonal)
    return np.divide(size, VISIBLE * coef, out=diagonal, where=is_lost)
