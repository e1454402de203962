"""Newton models of coupled outputs by products with the rows' Hessian, without a matrix.

The joint Hessian of some hundred features and all classes has thousands of rows: to make it takes
longer than to multiply with it some tens of times.
"""

from dataclasses import replace

import numpy as np

from nno_sklearn.solvers.models import model_gap
from nno_sklearn.solvers.plane_steps import Kinks, PlaneSteps

#: Steps at most: then the model is made anew where they lead.
MOST_STEPS = 60


def has_product_models(point):
    """Whether the penalty is one that such a model takes: norms or kinks, without bounds."""
    penalty = point.problem.penalty
    if not penalty.is_convex:
        return False
    terms = penalty.piecewise_quadratic(point.coef)
    has_kinks = terms is not None and not terms.has_bounds
    return has_kinks or penalty.group_norms(point.coef) is not None


def minimise_by_products(point, product, target_gap):
    """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)`` over v, about.

    Parameters
    ----------
    point : Point
        Gives w and the gradient g of the data loss.
    product : callable
        ``H d``.
    target_gap : float
        Accuracy that is worth reaching, in units of the objective.

    Returns
    -------
    ndarray of shape (n_features, n_outputs)
    """
    problem, w = point.problem, point.coef
    norms, squares, is_free = _terms(problem, w)
    gradient = point.data_gradient + squares * w
    diagonal = problem.penalty.tied(point.data_diagonal + squares)
    energy = 2 * abs(point.data_loss) + np.vdot(squares * w, w)

    def gap(v, slope):
        slope = np.where(is_free, 0.0, slope)
        return model_gap(norms, energy, v, slope, np.vdot(slope + gradient, v - w))

    whole = lambda d: product(d) + squares * d  # noqa: E731
    steps = PlaneSteps(norms, whole, diagonal, w, gradient)
    return steps.minimise(gap, target_gap, MOST_STEPS)[0]


def _terms(problem, w):
    """Norms or kinks of the penalty, times alpha; its squares' curvature; and which coefficients
    have no kink."""
    norms = problem.penalty.group_norms(w)
    if norms is not None:
        norms = norms.scaled(problem.alpha)
        is_free = norms.of_features(norms.radii == 0) & (norms.l1 == 0)
        return replace(norms, l2=0.0), norms.l2, is_free
    terms = problem.penalty.piecewise_quadratic(w).scaled(problem.alpha).of(w.shape)
    return Kinks(terms.l1), terms.l2, np.equal(terms.l1, 0.0)
