"""Ways to make a small problem out of a large one: which rows, which weights, which curvature.

What the package does is among them; the others are what it could do (``--suite landmarks``).
"""

from functools import partial

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from nno_sklearn.problem import Objective, Problem, hessian_blocks
from nno_sklearn.rows import condense_rows
from nno_sklearn.solvers.preconditioner import CurvaturePreconditioner, positive_diagonal

#: Distances that a bounded search may compute, per row of X.
BOUNDED_DISTANCES = 30
#: Columns of a random projection.
PROJECTED = 10
#: Rows of X handled at a time.
BLOCK = 4096


# Which rows ------------------------------------------------------------------------------------


def uniform(problem, count, rng):
    """Landmarks drawn uniformly, with their own weights."""
    index = np.sort(rng.permutation(problem.n_samples)[:count])
    return problem.over(
        problem.rows.taken(index, problem.rows.weight[index], problem.rows.y[index])
    )


def by_leverage(problem, count, rng):
    """Landmarks drawn by leverage, with weights that make all sums unbiased.

    Half of the probability is proportional to ``sum_j x_ij^2 / sum_i s_i x_ij^2``, large for rows
    with rare features. Drawn as the smallest of exponential keys, so that a prefix of the order is
    such a draw too (bottom-k sampling; Cohen and Kaplan, 2007).
    """
    score = _leverage(problem)
    chance = problem.rows.weight * (0.5 + 0.5 * score / (problem.rows.weight @ score))
    with np.errstate(divide="ignore"):
        keys = rng.exponential(size=len(chance)) / chance
    order = np.argpartition(keys, min(count, len(keys) - 1))
    index = np.sort(order[:count])
    last = keys[order[count]] if count < len(keys) else np.inf
    weight = problem.rows.weight[index] / -np.expm1(-chance[index] * last)
    return problem.over(problem.rows.taken(index, weight, problem.rows.y[index]))


def _leverage(problem):
    X, centre, scale = problem.rows.design.X, problem.rows.design.centre, problem.scale
    inverse = np.divide(1.0, scale**2, out=np.zeros_like(scale), where=scale > 0)
    if sparse.issparse(X):
        return X.power(2) @ inverse - X @ (2 * centre * inverse) + centre**2 @ inverse
    root = np.sqrt(inverse)
    blocks = (slice(i, i + BLOCK) for i in range(0, len(X), BLOCK))
    return np.concatenate([np.square((X[b] - centre) * root).sum(axis=1) for b in blocks])


def cells(problem, count, rng, searched=None):
    """Landmarks in the weights and with the mean targets of the rows nearest to them.

    Parameters
    ----------
    problem : Problem
    count : int
    rng : RandomState instance
    searched : {None, "bounded"}
        All rows look for their landmark, or as many as a bounded search allows.
    """
    order = rng.permutation(problem.n_samples)
    rows = order[count:]
    if searched == "bounded":
        rows = rows[: BOUNDED_DISTANCES * problem.n_samples // count]
    return problem.over(condense_rows(problem.rows, np.sort(order[:count]), rows))


def projected_cells(problem, count, rng):
    """Like :func:`cells`, with distances after a random projection to a few columns."""
    index = np.sort(rng.permutation(problem.n_samples)[:count])
    cell = _nearest(_projection(problem, rng), index)
    weight = np.bincount(cell, problem.rows.weight, count)
    target = np.stack(
        [np.bincount(cell, problem.rows.weight * column, count) for column in problem.rows.y.T],
        axis=1,
    )
    return problem.over(problem.rows.taken(index, weight, target / weight[:, None]))


def centroids(problem, count, rng, by_class=False, projected=False):
    """Mean rows of cells instead of landmarks; ``by_class`` splits cells by their labels."""
    index = np.sort(rng.permutation(problem.n_samples)[: count // (2 if by_class else 1)])
    if projected:
        place = _projection(problem, rng)
    else:
        place = problem.rows.design.standardised_rows(np.arange(problem.n_samples))
    cell = _nearest(place, index)
    if by_class:
        label = (
            problem.rows.y.argmax(axis=1) if problem.n_outputs > 1 else problem.rows.y[:, 0] > 0.5
        )
        _, cell = np.unique(cell * (problem.n_outputs + 1) + label, return_inverse=True)
    n = problem.n_samples
    gather = sparse.csr_array(
        (problem.rows.weight, (cell, np.arange(n))), shape=(cell.max() + 1, n)
    )
    weight = np.asarray(gather.sum(axis=1)).ravel()
    gather = sparse.diags_array(1 / weight) @ gather
    rows = gather @ problem.rows.design.X
    rows = rows.tocsr() if sparse.issparse(rows) else rows
    terms = problem.loss, problem.penalty, problem.alpha, problem.fit_intercept
    return Problem.of(Objective(*terms), rows, gather @ problem.rows.y, weight)


def _projection(problem, rng):
    """Rows in units of the columns' spreads, projected; one pass over X."""
    scale = problem.scale
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    return problem.rows.design.X @ (inverse[:, None] * rng.normal(size=(len(scale), PROJECTED)))


def _nearest(place, index):
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(place[index])
    cell = search.kneighbors(place, return_distance=False).ravel()
    cell[index] = np.arange(len(index))
    return cell


ROWS = {
    "uniform": uniform,
    "leverage": by_leverage,
    "cells, bounded": partial(cells, searched="bounded"),
    "cells, projected": projected_cells,
    "cells": cells,
    "centroids, projected": partial(centroids, projected=True),
    "centroids": centroids,
    "centroids per class": partial(centroids, by_class=True),
}


# Which curvature -------------------------------------------------------------------------------


def exact_diagonal(point):
    """Diagonal of the data loss's Hessian over all rows, of w's shape; about two passes."""
    problem = point.problem
    X = problem.rows.design.X
    weight = problem.rows.weight[:, None] * np.maximum(
        point.problem.rows.loss_curvature(point.raw, point.intercept).diagonal, 0.0
    )
    if point.problem.rows.loss_curvature(point.raw, point.intercept).coupling is not None:
        weight = (
            weight
            - problem.rows.weight[:, None]
            * point.problem.rows.loss_curvature(point.raw, point.intercept).coupling ** 2
        )
    if sparse.issparse(X):
        first, second = X.T @ weight, X.power(2).T @ weight
    else:
        first, second = np.zeros(problem.shape), np.zeros(problem.shape)
        for block in (slice(i, i + BLOCK) for i in range(0, len(X), BLOCK)):
            rows = X[block] - problem.rows.design.centre
            first += rows.T @ weight[block]
            second += np.square(rows, out=rows).T @ weight[block]
    total = weight.sum(axis=0)
    if problem.fit_intercept:
        second -= first**2 / np.where(total > 0, total, 1.0)
    second[problem.scale == 0] = 0.0
    return np.maximum(second, 0.0)


def by_variance(here, point, diagonal):
    """The landmarks' own diagonal, times all rows' variance over the landmarks'; no pass."""
    variance = _variance(here.problem)[:, None]
    full = point.problem.scale[:, None] ** 2
    seen = variance > 1e-3 * full
    smooth = point.problem.alpha * point.problem.penalty.curvature(point.coef)
    guess = point.diagonal_curvature - smooth
    ratio = np.divide(full, variance, out=np.ones_like(full), where=seen)
    return np.where(seen, diagonal * ratio, guess)


def _variance(small):
    X, weight, centre = small.rows.design.X, small.rows.weight, small.rows.design.centre
    if sparse.issparse(X):
        mean, square = weight @ X, weight @ X.power(2)
        return np.maximum(square - mean**2 if small.fit_intercept else square, 0.0)
    X = X - centre
    mean = weight @ X
    return np.maximum(weight @ X**2 - (mean**2 if small.fit_intercept else 0.0), 0.0)


def landmark_curvature(here, point, correction="none"):
    """The landmarks' Hessian of the data loss, in blocks, with a diagonal that says more.

    Parameters
    ----------
    here, point : Point
        Of the small problem and of the whole one, at the same coefficients.
    correction : {"none", "exact", "variance", "added"}
        How the diagonal D of all rows enters: not; as ``S R S`` with S diagonal, so that the
        diagonal is D; the same with D guessed from variances; as ``R + max(D - diag R, 0)``.
    """
    blocks = hessian_blocks(here)
    if correction == "none":
        return blocks
    own = np.empty(point.problem.shape)
    for index, matrix in blocks:
        own.ravel()[index] = matrix.diagonal()
    wanted = by_variance(here, point, own) if correction == "variance" else exact_diagonal(point)
    result = []
    for index, matrix in blocks:
        target, diagonal = wanted.ravel()[index], matrix.diagonal()
        if correction == "added":
            matrix = matrix + np.diag(np.maximum(target - diagonal, 0.0))
        else:
            seen = diagonal > 1e-12 * target
            scaling = np.sqrt(np.divide(target, diagonal, out=np.ones_like(target), where=seen))
            matrix = matrix * np.outer(scaling, scaling)
            matrix[np.diag_indices_from(matrix)] = target
        result.append((index, matrix))
    return result


def curvature_preconditioner(here, point, correction="none"):
    """The package's preconditioner from :func:`landmark_curvature`."""
    smooth = point.problem.alpha * point.problem.penalty.curvature(point.coef)
    data = point.diagonal_curvature - smooth
    blocks = landmark_curvature(here, point, correction)
    return CurvaturePreconditioner(blocks, positive_diagonal(smooth, data))
