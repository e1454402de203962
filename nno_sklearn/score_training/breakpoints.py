"""The exact maximum of a score of the confusion matrix on a line in coefficient space."""

from typing import NamedTuple

import numpy as np

#: Scores that differ by less than this are equal but for rounding.
SAME = 1e-12
#: Length, as a share of the whole line, below which an interval between two flips is left out: a
#: step into it would be undone by rounding.
SHORTEST = 1e-10
#: The mean position is given up for the best one where its score lies this many temperatures below.
VALLEY = 3.0


class Flips(NamedTuple):
    """Where predictions change on a line: sorted positions, rows, and classes on both sides."""

    t: np.ndarray
    row: np.ndarray
    before: np.ndarray
    after: np.ndarray
    #: Class of every row at the line's beginning, (n_samples,).
    first: np.ndarray


def flips(eta: np.ndarray, slope: np.ndarray, longest: float) -> Flips:
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


class Profile(NamedTuple):
    """A score on a line: constant on each of the intervals between two flips, which are sorted."""

    low: np.ndarray
    high: np.ndarray
    #: -inf where an interval is too short to step into.
    score: np.ndarray

    def best(self) -> tuple[float, float]:
        """The highest score, and the middle of its interval; of several that nearest to 0."""
        places = np.flatnonzero(self.score >= self.score.max() - SAME)
        middle = 0.5 * (self.low[places] + self.high[places])
        nearest = np.argmin(np.abs(middle))
        return float(self.score[places[nearest]]), float(middle[nearest])

    def typical(self, temperature: float) -> tuple[float, float]:
        """The mean position, where intervals weigh by length and ``exp(score / temperature)``.

        Scores that differ by less than ``temperature`` count as equal: which of many scores of
        few rows is the highest is chance, the middle of the high ones varies less. Where the
        mean position has a low score itself, between two maxima, the best one is taken.

        Returns
        -------
        score, t : float
        """
        chance = (self.high - self.low) * np.exp((self.score - self.score.max()) / temperature)
        t = float(0.5 * (chance @ (self.low + self.high)) / chance.sum())
        place = min(int(np.searchsorted(self.high, t)), len(self.score) - 1)
        score = float(self.score[place])
        return (score, t) if score > self.score.max() - VALLEY * temperature else self.best()


def profile(formula, true, weight, eta, slope, longest):
    """A score for all t in (-longest, longest).

    Sorts the flips and sums the changes that they make to the score's functionals:
    O(n log n) for n flips. Where several predictions flip at the same t, the
    score between them, on an interval of length 0, is left out.

    Parameters
    ----------
    formula : ConfusionScore
    true : ndarray of int of shape (n_samples,)
        Class numbers.
    weight : ndarray of shape (n_samples,)
    eta, slope : ndarray of shape (n_samples, n_outputs)
    longest : float

    Returns
    -------
    Profile
    """
    table = formula.functionals
    found = flips(eta, slope, longest)
    own = true[found.row]
    changes = table[:, own, found.after] - table[:, own, found.before]
    changes *= weight[found.row]
    values = np.empty((len(table), len(found.t) + 1))
    first = confusion_matrix(true, found.first, weight, table.shape[1])
    values[:, 0] = np.einsum("mjk,jk->m", table, first)
    np.cumsum(changes, axis=1, out=values[:, 1:])
    values[:, 1:] += values[:, :1]
    low, high = np.r_[-longest, found.t], np.r_[found.t, longest]
    score = np.where(high - low > SHORTEST * longest, formula.of_functionals(values), -np.inf)
    return Profile(low, high, score)
