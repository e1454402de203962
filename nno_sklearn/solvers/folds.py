"""Folds that depend on the rows' contents alone: a weight equals a repetition, order is nothing."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import check_cv

#: Decimals of a row's projection that are beyond rounding.
DECIMALS = 9


def make_folds(problem, cv, strata, random_state):
    """Pairs of (rows to search on, rows held out), a list of pairs of arrays of row numbers.

    With a number of folds, equal rows are in the same fold, and the distinct rows of each
    stratum are dealt evenly in the order of a random projection. There are no folds where some
    stratum has fewer than two distinct rows.

    Parameters
    ----------
    problem : Problem
    cv : int or splitter
        A splitter of :mod:`sklearn.model_selection` splits by row numbers.
    strata : ndarray of shape (n_samples,)
        Class numbers; all the same for a regressor.
    random_state : RandomState
    """
    if not isinstance(cv, Integral):
        return list(check_cv(cv).split(np.zeros((problem.n_samples, 1)), strata))
    key = _keys(problem, random_state)
    fold, n_folds = np.empty(problem.n_samples, dtype=int), cv
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        _, rank = np.unique(key[rows], return_inverse=True)
        n_folds = min(n_folds, rank.max() + 1)
        fold[rows] = rank
    fold %= n_folds
    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    return parts if n_folds > 1 else []


def _keys(problem, random_state):
    """A number for each row, the same for equal rows with equal targets."""
    scale = np.where(problem.scale > 0, problem.scale, 1.0)[:, None]
    mixture = random_state.standard_normal((problem.n_features, 1)) / scale
    key = problem.design.matvec(mixture)[:, 0]
    target = problem.y @ random_state.standard_normal(problem.n_outputs)
    return np.round(key / _size(key) + target / _size(target), DECIMALS)


def _size(values):
    return max(float(np.abs(values).max()), 1e-300)
