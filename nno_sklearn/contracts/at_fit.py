"""Cheap checks of a user's own losses, penalties and solvers in every fit."""

import numpy as np

from nno_sklearn.contracts.answers import as_array, is_own
from nno_sklearn.contracts.loss import examine_loss_on
from nno_sklearn.contracts.penalty import examine_penalty
from nno_sklearn.contracts.solver import examine_result


def check_loss_on(loss, y):
    """Raise a ValueError where a user's loss contradicts itself on targets (n_samples, n_outputs).

    Tries a few rows, with a fixed seed.
    """
    if not is_own(loss):
        examine_loss_on(loss, y, np.random.RandomState(0))


def check_penalty_on(penalty, shape):
    """Raise a ValueError where a user's penalty contradicts itself on coefficients of a shape."""
    if not is_own(penalty):
        examine_penalty(penalty, shape, np.random.RandomState(0))


def check_result(solver, problem, result, tol):
    """Raise a ValueError where the result of a user's solver is not as it claims."""
    if not is_own(solver):
        examine_result(solver, problem, result, tol)


def check_prediction(loss, raw_prediction):
    """The loss's predictions, (n_samples, n_outputs); a ValueError for other shapes, and NaN."""
    if is_own(loss):
        return loss.predict(raw_prediction)
    return as_array(loss, "predict", loss.predict(raw_prediction), raw_prediction.shape)
