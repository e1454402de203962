"""The exact maximum of a score of the confusion matrix on a line in coefficient space."""

from typing import NamedTuple

import numpy as np
from scipy.stats import trim_mean

#: Scores that differ by less than this are equal up to rounding.
SAME = 1e-12
#: Length, as a share of the whole line, below which an interval between two flips is left out:
#: rounding would miss it.
SHORTEST = 1e-10
#: The best position replaces the mean one where the mean's score is this many temperatures lower.
VALLEY = 3.0
#: Pairs of random halves of the rows whose best places are averaged.
N_PAIRS = 10
#: Share of the smallest, and of the largest, of those places that is left out of the mean.
TRIMMED = 0.25


class Flips(NamedTuple):
    """Where predicted classes change on a line: sorted t, rows, and classes on both sides."""

    t: np.ndarray
    row: np.ndarray
    before: np.ndarray
    after: np.ndarray
    #: Class of every row at the start of the line, (n_samples,).
    first: np.ndarray


def flips(eta: np.ndarray, slope: np.ndarray, longest: float) -> Flips:
    """All flips of the predictions of ``eta + t * slope`` for t in (-longest, longest).

    Predictions are those of ``predict``: with one output, whether it is above 0; with several, the
    argmax, whose flips are the breakpoints of the upper envelope of a row's lines.

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
    """Largest output of each row; among ties the one with the largest slope."""
    top = eta >= eta.max(axis=1, keepdims=True)
    return np.where(top, slope, -np.inf).argmax(axis=1)


def confusion_matrix(true, predicted, weight, n_classes):
    """Weights of the rows by class and predicted class, (n_classes, n_classes)."""
    cells = np.bincount(true * n_classes + predicted, weight, n_classes**2)
    return cells.reshape(n_classes, n_classes)


class Profile(NamedTuple):
    """A score on a line: piecewise constant, with one value for each interval between two flips."""

    low: np.ndarray
    high: np.ndarray
    #: -inf where an interval is too short to step into.
    score: np.ndarray

    def best(self) -> tuple[float, float]:
        """The highest score and the middle of its interval, the one nearest to 0 among ties."""
        best = np.flatnonzero(self.score >= self.score.max() - SAME)
        middle = 0.5 * (self.low[best] + self.high[best])
        nearest = np.argmin(np.abs(middle))
        return float(self.score[best[nearest]]), float(middle[nearest])

    def middle(self) -> float:
        """The middle one among the places of the highest score."""
        best = np.flatnonzero(self.score >= self.score.max() - SAME)
        middle = best[len(best) // 2]
        return float(0.5 * (self.low[middle] + self.high[middle]))

    def typical(self, temperature: float) -> tuple[float, float]:
        """The mean t, intervals weighted by length and ``exp(score / temperature)``, and its score.

        On few rows the argmax of a score is mostly noise; this mean over the high scores has less
        variance. Where the score at the mean itself is low, between two maxima, the best position
        is returned instead.

        Returns
        -------
        score, t : float
        """
        weight = (self.high - self.low) * np.exp((self.score - self.score.max()) / temperature)
        t = float(0.5 * (weight @ (self.low + self.high)) / weight.sum())
        interval = min(int(np.searchsorted(self.high, t)), len(self.score) - 1)
        score = float(self.score[interval])
        return (score, t) if score > self.score.max() - VALLEY * temperature else self.best()


def profile(formula, true, weight, eta, slope, longest):
    """A score for all t in (-longest, longest).

    Cumulative sums, over the sorted flips, of their changes to the score's functionals:
    O(n log n) for n flips. Intervals of length 0, between flips at the same t, are left out.

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
    first = confusion_matrix(true, found.first, weight, table.shape[1])
    values = _sums(np.einsum("mjk,jk->m", table, first), changes)
    return _profile(formula, values, found, longest)


def bagged_place(formula, true, weight, eta, slope, longest, random_state):
    """The t of the highest score, averaged over random halves of the rows.

    The best place on all rows follows their noise. Halves of the rows vary as bootstrap samples do
    (McCarthy, *Pseudo-replication: half samples*, 1969), and the mean of their best places, which
    is Breiman's bagging (1996), varies less. It is trimmed, for places that are far apart. Rows
    that flip at the same t are drawn together, so that a weight equals a repetition.

    Parameters
    ----------
    formula, true, weight, eta, slope, longest
        As in :func:`profile`; no row may flip twice, as is so where one output moves.
    random_state : RandomState

    Returns
    -------
    t : float
    """
    table = formula.functionals
    found = flips(eta, slope, longest)
    own, own_weight = true[found.row], weight[found.row]
    before = table[:, own, found.before] * own_weight
    changes = table[:, own, found.after] * own_weight - before
    everywhere = np.einsum(
        "mjk,jk->m", table, confusion_matrix(true, found.first, weight, table.shape[1])
    )
    all_values, moving = _sums(everywhere, changes), before.sum(axis=1)
    group = np.cumsum(np.diff(found.t, prepend=-longest) > SHORTEST * longest)
    places = []
    for _ in range(N_PAIRS):
        drawn = 2.0 * random_state.randint(2, size=group.max(initial=0) + 1)[group]
        first = everywhere - moving + before @ drawn
        half = _sums(first, changes * drawn)
        other = 2.0 * all_values - half  # the rows that were not drawn
        places += [_profile(formula, values, found, longest).middle() for values in (half, other)]
    return float(trim_mean(places, TRIMMED))


def _sums(first, changes):
    """Values of the functionals in all intervals, from those in the first and their changes."""
    values = np.empty((len(first), changes.shape[1] + 1))
    values[:, 0] = first
    np.cumsum(changes, axis=1, out=values[:, 1:])
    values[:, 1:] += values[:, :1]
    return values


def _profile(formula, values, found, longest):
    ends = np.concatenate([[-longest], found.t, [longest]])
    low, high = ends[:-1], ends[1:]
    score = np.where(high - low > SHORTEST * longest, formula.of_functionals(values), -np.inf)
    return Profile(low, high, score)
