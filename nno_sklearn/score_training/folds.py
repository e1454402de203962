"""Folds that depend on the rows' contents alone: not on their order, and a weight equals copies."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import check_cv

#: Decimals of a row's projection that rounding does not reach.
DECIMALS = 9


def make_folds(problem, cv, strata, random_state):
    """Weights of the rows to search on and of those held out: a list of pairs of (n_samples,).

    With a number of folds, the distinct rows of each stratum are assigned to folds in turn, in the
    order of a random projection. A row that weighs more than the mean distinct row of its stratum,
    such as a frequent one, is split over several folds, so that it is in training and held-out
    parts, as it will be in new data. An empty list where a stratum cannot be split.

    Parameters
    ----------
    problem : Problem
    cv : int or splitter
        A splitter of :mod:`sklearn.model_selection` splits by row numbers.
    strata : ndarray of shape (n_samples,)
        Class numbers; constant for a regressor.
    random_state : RandomState
    """
    counting = np.flatnonzero(problem.rows.weight)
    if not isinstance(cv, Integral):
        splits = check_cv(cv).split(np.zeros((len(counting), 1)), strata[counting])
        return [
            tuple(_only(problem.rows.weight, counting[rows]) for rows in split) for split in splits
        ]
    key = _keys(problem, random_state)
    first, pieces = np.ones((2, problem.n_samples), dtype=int)
    n_folds = cv
    for stratum in np.unique(strata):
        rows = counting[strata[counting] == stratum]
        _, distinct = np.unique(key[rows], return_inverse=True)
        weight = np.bincount(distinct, problem.rows.weight[rows])
        count = np.ceil(weight / weight.mean() - 1e-9).astype(int)
        n_folds = min(n_folds, count.sum())
        first[rows] = (np.cumsum(count) - count)[distinct]
        pieces[rows] = count[distinct]
    if n_folds < 2:
        return []
    pieces = np.minimum(pieces, n_folds)
    own = [(fold - first) % n_folds < pieces for fold in range(n_folds)]
    held_out = [np.where(mine, problem.rows.weight / pieces, 0.0) for mine in own]
    rest = [np.where(mine & (pieces == 1), 0.0, problem.rows.weight - part)
            for mine, part in zip(own, held_out, strict=True)]  # fmt: skip
    return list(zip(rest, held_out, strict=True))


def _only(weight, rows):
    part = np.zeros_like(weight)
    part[rows] = weight[rows]
    return part


def _keys(problem, random_state):
    """A number for each row, the same for equal rows with equal targets."""
    scale = np.where(problem.scale > 0, problem.scale, 1.0)[:, None]
    mixture = random_state.standard_normal((problem.n_features, 1)) / scale
    key = problem.rows.design.matvec(mixture)[:, 0]
    target = problem.rows.y @ random_state.standard_normal(problem.n_outputs)
    return np.round(key / _size(key) + target / _size(target), DECIMALS)


def _size(values):
    return max(float(np.abs(values).max()), 1e-300)
