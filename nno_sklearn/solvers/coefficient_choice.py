"""Which coefficients of several outputs a model is of, where a matrix over all would be large."""

import numpy as np

from nno_sklearn.problem.cost import MAX_MATRIX_SIZE, fits_matrix

#: Least number of a choice.
SMALLEST_SET = 100
#: Share of the coefficients from which on models are of all: no columns are then copied.
MOST = 0.5


def chosen_coefficients(point):
    """Those that a model is of, as numbers in ``coef.ravel()``: those in use, and with the largest
    predicted decrease; where those in use are too many for a matrix, the latter alone. None for
    all of them.
    """
    if are_chosen_by_output(point):
        index = chosen_by_outputs(point)
        are_most = len(index) >= MOST * point.coef.size and fits_matrix(len(point.coef))
        return None if are_most else index
    if _are_chosen_singly(point):
        promise, used = point.promised_decrease.ravel(), (point.coef != 0).ravel()
        return _room_for(promise, used, SMALLEST_SET, MAX_MATRIX_SIZE)
    return _of_groups(point) if _are_chosen_in_groups(point) else None


def holds_all(point, chosen):
    """Whether a model of the ``chosen`` coefficients holds all that promise a decrease."""
    return chosen is None or not np.delete(point.promised_decrease.ravel(), chosen).any()


def are_chosen(point):
    """Whether a model is of some coefficients, few enough for a matrix over them."""
    return are_chosen_by_output(point) or _are_chosen_singly(point) or _are_chosen_in_groups(point)


def is_model_of_some(point):
    """Whether a model of coupled outputs is full of coefficients in use, or too small for them."""
    if _are_chosen_singly(point):
        return np.count_nonzero(point.coef) >= MAX_MATRIX_SIZE
    used = np.count_nonzero(point.coef.any(axis=1)) * point.problem.n_outputs
    return _are_chosen_in_groups(point) and used >= MAX_MATRIX_SIZE


def are_chosen_by_output(point):
    """Whether each output has a model of its own, of its own coefficients: outputs use different
    features, and the working set holds those of all."""
    problem = point.problem
    if problem.n_outputs == 1 or problem.loss.constant_curvature or not problem.rows.is_separate:
        return False
    if problem.penalty.piecewise_quadratic(point.coef) is None:
        return False
    return may_be_any_number(point).sum(axis=0).max() < MAX_MATRIX_SIZE  # all of them are chosen


def _are_chosen_singly(point):
    """Whether a model of coupled outputs is of single coefficients, most of which stay at 0."""
    problem = point.problem
    return (
        not problem.rows.is_separate and problem.penalty.piecewise_quadratic(point.coef) is not None
    )


def _are_chosen_in_groups(point):
    """Whether a model of coupled outputs is of some groups, as all are too many for a matrix."""
    problem = point.problem
    if problem.rows.is_separate or fits_matrix(point.coef.size):
        return False
    return problem.penalty.group_norms(point.coef) is not None


def chosen_by_outputs(point):
    """The numbers of each output's own choice, one output after the other."""
    n_outputs = point.problem.n_outputs
    pairs = zip(point.promised_decrease.T, may_be_any_number(point).T, strict=True)
    features = [_room_for(*pair, SMALLEST_SET, MAX_MATRIX_SIZE) for pair in pairs]
    return np.concatenate([n_outputs * own + k for k, own in enumerate(features)])


def _of_groups(point):
    promise, n_outputs = point.promised_decrease.sum(axis=1), point.problem.n_outputs
    used, groups = (point.coef != 0).any(axis=1), point.problem.penalty.groups
    most = MAX_MATRIX_SIZE // n_outputs
    if groups is None:
        features = _room_for(promise, used, SMALLEST_SET // n_outputs, most)
    else:
        size = int(most / np.bincount(groups).max())
        promise, used = np.bincount(groups, promise), np.bincount(groups, used) > 0
        chosen = _room_for(promise, used, 1, max(1, size))
        features = np.flatnonzero(np.isin(groups, chosen))
    return (features[:, None] * n_outputs + np.arange(n_outputs)).ravel()


def _room_for(promise, used, least, most):
    """Numbers of those in use and of others that promise most, or of any where no room is left."""
    n_used = np.count_nonzero(used)
    if n_used >= most:
        return largest(promise, np.zeros_like(used), most)
    return largest(promise, used, min(most, max(least, 2 * n_used)))


def may_be_any_number(point):
    """Mask of coefficients in use, and of those at 0 where the penalty has no kink."""
    used, terms = point.coef != 0, point.problem.penalty.piecewise_quadratic(point.coef)
    if terms is None:
        return used
    left, right = terms.slopes(point.coef)
    return used | ((left == right) & (point.data_gradient != 0))


def largest(promise, used, size):
    """Numbers of those in use, and of the ``size`` largest promises among them and all others."""
    promise = np.where(used, np.inf, promise)
    if (promise > 0).sum() > size:
        promise[np.argpartition(-promise, size)[size:]] = 0.0
    return np.flatnonzero(promise > 0)
