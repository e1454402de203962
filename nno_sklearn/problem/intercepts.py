"""Intercepts of ordered classes: the best ones for given raw predictions, and their certificate."""

from typing import NamedTuple

import numpy as np

from nno_sklearn.losses.ordinal import ByCoefficients, ByIntercept, Ordinal
from nno_sklearn.problem.certificate import dual_gap
from nno_sklearn.problem.point import Point
from nno_sklearn.problem.problem import Problem
from nno_sklearn.rows import Raw
from nno_sklearn.rows.cholesky import ScaledCholesky, invert
from nno_sklearn.types import Array

#: Newton steps at most, the decrease after which one more is the last, and the share of the way to
#: where two intercepts meet that a step may go.
MAX_STEPS, SETTLED, NEAREST = 100, 1e-18, 0.9
#: Shortest step, as a share of Newton's, that is tried.
SHORTEST = 1e-6


class InterceptSums(NamedTuple):
    """Derivatives of the data loss by the intercepts of ordered classes.

    Parameters
    ----------
    gradient : ndarray of shape (n_classes - 1,)
    hessian : ndarray of shape (n_classes - 1, n_classes - 1)
        Tridiagonal.
    """

    gradient: Array
    hessian: Array


def intercept_sums(problem: Problem, raw: Raw, intercepts: Array) -> InterceptSums:
    """Derivatives by the intercepts, at raw predictions; no pass."""
    n = len(intercepts)
    parts = problem.rows.with_loss(ByIntercept()).values(raw, intercepts)
    gradient, diagonal, beside = np.split(parts, [n, 2 * n])
    return InterceptSums(gradient, np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))


def reduced_hessian(point: Point, intercepts: Array, hessian: Array) -> Array:
    """Second derivatives by the intercepts where coefficients go with them to their best, but those
    that a penalty with kinks has at 0; three passes.

    Parameters
    ----------
    point : Point
        Best coefficients at the intercepts, which its loss knows.
    intercepts : ndarray of shape (n_classes - 1,)
    hessian : ndarray of shape (n_classes - 1, n_classes - 1)
        Those at fixed coefficients.

    Returns
    -------
    ndarray of shape (n_classes - 1, n_classes - 1)
    """
    problem, coef = point.problem, point.coef
    used = np.flatnonzero(problem.is_smooth | (coef[:, 0] != 0))
    if not len(used):
        return hessian
    rows = problem.rows.with_loss(ByCoefficients())
    mixed = rows.gradient(rows.raw(np.repeat(coef, len(intercepts), axis=1)), intercepts)[used]
    gram = problem.rows.hessian_sums(point.curvature, 0)[0] + problem.correction.block(0, 0)
    curvature = problem.alpha * problem.penalty.curvature(coef)[used, 0]
    response = ScaledCholesky(gram[np.ix_(used, used)], curvature).solve(mixed)
    return hessian - mixed.T @ response


def ordered_step(intercepts: Array, step: Array, most: float = np.inf) -> Array:
    """A step, shortened so that intercepts stay in order, and move by no more than ``most`` or than
    would double them: where classes are nearly separated, curvature says little of what is farther.
    """
    falls, closer = -np.diff(intercepts), np.diff(step)
    ends = np.divide(falls, closer, out=np.full_like(falls, np.inf), where=closer > 0)
    size = np.abs(step).max(initial=0.0)
    most = min(most, 1.0 + np.abs(intercepts).max(initial=0.0))
    longest = most / size if size > 0 else 1.0
    return min(1.0, NEAREST * ends.min(initial=np.inf), longest) * step


def best_intercepts(problem: Problem, raw: Raw, start: Array) -> Array:
    """The intercepts that suit raw predictions, (n_classes - 1,), by Newton's steps; no pass.

    Parameters
    ----------
    problem : Problem
        Of ordered classes.
    raw : Raw
    start : ndarray of shape (n_classes - 1,)
        Falling.

    Returns
    -------
    ndarray of shape (n_classes - 1,)
    """
    rows, b = problem.rows.with_loss(Ordinal()), start
    value = rows.values(raw, b).sum()
    for _ in range(MAX_STEPS):
        sums = intercept_sums(problem, raw, b)
        newton = -invert(sums.hessian) @ sums.gradient
        decrease = -0.5 * sums.gradient @ newton
        step = ordered_step(b, newton)
        if decrease <= SETTLED * value:
            return b + step
        t, new = 1.0, np.inf
        while not new < value and t > SHORTEST:
            new, t = rows.values(raw, b + t * step).sum(), 0.5 * t
        if not new < value:
            break
        b, value = b + 2 * t * step, new
    return b


def ordered_gap(problem: Problem, coef: Array, raw: Raw, intercepts: Array) -> float:
    """A bound on the objective minus its optimum in coefficients and intercepts together.

    Where all intercepts are at their optimum for the coefficients, the loss's slopes by each of
    them have weighted sum 0: these are a dual point of the joint problem, which in turn is one of
    the problem whose intercepts are known up to a shift; at a scaling c = 1 both gaps are the same.

    Parameters
    ----------
    problem : Problem
        Of ordered classes.
    coef : ndarray of shape (n_features, 1)
    raw : Raw
        Of ``coef``.
    intercepts : ndarray of shape (n_classes - 1,)

    Returns
    -------
    float
        inf where none is known.
    """
    joint = problem.rows.with_loss(Ordinal())
    point = Point(problem.at_intercepts(intercepts), coef, raw, np.zeros(1))
    gap = dual_gap(point, lambda scaling: joint.conjugate(raw, intercepts, scaling))
    sums = intercept_sums(problem, raw, intercepts)
    left = 0.5 * sums.gradient @ invert(sums.hessian) @ sums.gradient
    return float(gap + left + abs(sums.gradient @ intercepts))
