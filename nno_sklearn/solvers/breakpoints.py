"""The exact maximum of a metric of the confusion matrix on a line in coefficient space."""

from typing import NamedTuple

import numpy as np

#: Scores this close are the same score.
SAME = 1e-12
#: Shortest interval between two flips that is a place to be, relative to the whole line.
SHORTEST = 1e-10


class Flips(NamedTuple):
    """Where predictions change on a line: sorted positions, rows, and classes on both sides."""

    t: np.ndarray
    row: np.ndarray
    before: np.ndarray
    after: np.ndarray
    #: Class of every row at the line's beginning, (n_samples,).
    first: np.ndarray


def flips(eta, slope, longest):
    """All flips of the predictions of ``eta + t * slope`` for t in (-longest, longest).

    Predictions are those of ``predict``: with one output, whether it is above 0; with several,
    the largest. Flips of several outputs are the corners of the upper envelope of a row's lines.

    Parameters
    ----------
    eta, slope : ndarray of shape (n_samples, n_outputs)
    longest : float

    Returns
    -------
    Flips
    """
    if eta.shape[1] == 1:
        found = _flips_of_one(eta[:, 0], slope[:, 0], longest)
    else:
        found = _flips_of_several(eta, slope, longest)
    order = np.argsort(found.t)
    return found._replace(
        t=found.t[order],
        row=found.row[order],
        before=found.before[order],
        after=found.after[order],
    )


def _flips_of_one(eta, slope, longest):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = -eta / slope
        row = np.flatnonzero(np.abs(t) < longest)  # rows that do not move have inf or nan
    after = (slope[row] > 0).astype(int)
    first = (eta > 0).astype(int)
    first[row] = 1 - after
    return Flips(t[row], row, 1 - after, after, first)


def _flips_of_several(eta, slope, longest):
    """Walk each row's upper envelope from left to right, all rows at once."""
    current = _steepest(eta - longest * slope, -slope)
    first, position, row = current.copy(), np.full(len(eta), -longest), np.arange(len(eta))
    parts = []
    while len(row):
        height, rise = eta[row], slope[row]
        own = (np.arange(len(row)), current[row])
        gain = rise - rise[own][:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            crossing = (height[own][:, None] - height) / gain
        crossing = np.where(gain > 0, np.maximum(crossing, position[row, None]), np.inf)
        t = crossing.min(axis=1)
        after = np.where(crossing <= t[:, None], gain, -np.inf).argmax(axis=1)
        here = t < longest
        row, t, after = row[here], t[here], after[here]
        parts.append((t, row, current[row], after))
        current[row], position[row] = after, t
    t, row, before, after = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Flips(t, row, before, after, first)


def _steepest(eta, slope):
    """Largest output of each row; of equal ones that which will be the largest."""
    top = eta >= eta.max(axis=1, keepdims=True)
    return np.where(top, slope, -np.inf).argmax(axis=1)


def confusion_matrix(true, predicted, weight, n_classes):
    """Weights of the rows by class and predicted class, (n_classes, n_classes)."""
    cells = np.bincount(true * n_classes + predicted, weight, n_classes**2)
    return cells.reshape(n_classes, n_classes)


def best_on_line(metric, true, weight, eta, slope, longest):
    """The best score for t in (-longest, longest), and the t in the middle of where it is.

    Sorts the flips and sums the changes that they make to the metric's functionals:
    O(n log n) for n flips. Of equally good places the one nearest to 0 is taken. A place is an
    interval between two flips; where several predictions flip at the same t, no time is spent
    between them.

    Parameters
    ----------
    metric : ConfusionMetric
    true : ndarray of int of shape (n_samples,)
        Class numbers.
    weight : ndarray of shape (n_samples,)
    eta, slope : ndarray of shape (n_samples, n_outputs)
    longest : float

    Returns
    -------
    score, t : float
    """
    table = metric.functionals
    n_classes = table.shape[1]
    found = flips(eta, slope, longest)
    start = confusion_matrix(true, found.first, weight, n_classes)
    own = true[found.row]
    changes = table[:, own, found.after] - table[:, own, found.before]
    changes *= weight[found.row]
    values = np.empty((len(table), len(found.t) + 1))
    values[:, 0] = np.einsum("mjk,jk->m", table, start)
    np.cumsum(changes, axis=1, out=values[:, 1:])
    values[:, 1:] += values[:, :1]
    low, high = np.r_[-longest, found.t], np.r_[found.t, longest]
    score = np.where(high - low > SHORTEST * longest, metric.of_functionals(values), -np.inf)
    best = score.max()
    places = np.flatnonzero(score >= best - SAME)
    middle = 0.5 * (low[places] + high[places])
    nearest = np.argmin(np.abs(middle))
    return float(score[places[nearest]]), float(middle[nearest])
