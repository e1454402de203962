"""Which features a working set has: those in use, and those that violate optimality most."""

import numpy as np

from nno_sklearn.problem.cost import MAX_MATRIX_SIZE, fits_matrix, takes_all_columns
from nno_sklearn.solvers.coefficient_choice import (
    SMALLEST_SET,
    are_chosen_by_output,
    chosen_by_outputs,
    largest,
    may_be_any_number,
)

#: Share of the largest predicted decrease above which features of many rows are likely needed, and
#: how many times as many as those in use a set has at least.
LIKELY, MARGIN = 0.01, 1.25


def choose_features(point):
    """Features in use, and those with the largest predicted decrease; groups as a whole.

    Where they are most of the features, all that vary: X is then hardly ever copied. Half of them
    are most where one model on many rows, but of a small X, is the whole objective.
    """
    if are_chosen_by_output(point):
        return np.unique(chosen_by_outputs(point) // point.problem.n_outputs)
    problem, groups = point.problem, point.problem.penalty.groups
    promise, used = point.promised_decrease.sum(axis=1), may_be_any_number(point).any(axis=1)
    varies = used | (point.data_diagonal > 0).any(axis=1)
    sizes = np.ones(len(used), dtype=int)
    if groups is not None:
        promise, used, varies, sizes = (
            np.bincount(groups, of_feature) for of_feature in (promise, used, varies, sizes)
        )
    size, is_most = _set_size(problem, promise, sizes, int(sizes @ (used > 0)))
    if is_most and promise.any() and fits_matrix(point.coef.size):
        chosen = varies > 0
    elif groups is None and problem.penalty.face(point.coef) is not None:
        chosen = _most_violated(point, size)
    else:
        chosen = np.zeros(len(sizes), dtype=bool)
        chosen[largest(promise, used > 0, max(1, int(size / sizes.mean())))] = True
    return np.flatnonzero(chosen if groups is None else chosen[groups])


def _set_size(problem, promise, sizes, n_used):
    """Number of features of a working set, and whether that is most of them.

    Many rows tell columns apart: those that promise little at the constant model mostly promise
    little for ever. So a set holds all that promise more, as each one costs passes over X.
    """
    size, n_features = max(SMALLEST_SET, 2 * n_used), problem.n_features
    size = max(min(size, MAX_MATRIX_SIZE), int(MARGIN * n_used))
    if problem.loss.constant_curvature and problem.n_samples > n_features:
        if takes_all_columns(problem) or n_features <= 2 * SMALLEST_SET:
            return size, 2 * size >= n_features
        likely = n_used + int(sizes @ (promise > LIKELY * promise.max(initial=0.0)))
        least, most = max(SMALLEST_SET, int(MARGIN * n_used)), 2 * max(SMALLEST_SET, n_used)
        size = max(least, min(likely, most))
    return size, size >= n_features


def _most_violated(point, size):
    """Features in use, and about ``size`` that violate optimality most, as a mask.

    A penalty with faces but no groups, such as SLOPE, lets columns in together which could not
    enter without the others. All of these violate optimality equally in an output, and so are
    chosen all or none; a part of them may promise much and yet gain nothing.
    """
    problem, used = point.problem, (point.coef != 0).any(axis=1)
    distance = problem.penalty.subdiff_distance(point.coef, point.data_gradient / problem.alpha)
    distance = np.where(point.data_diagonal > 0, distance, 0.0).max(axis=1)
    distance[used] = np.inf
    least = np.sort(distance)[-min(size, len(distance))]
    return (distance >= least) & (distance > 0)
