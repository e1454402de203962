"""Rows on which a metric is looked at: its score, its maximum on a line, and who matters to it."""

import numpy as np
from scipy.special import softmax
from sklearn.neighbors import NearestNeighbors

from nno_sklearn.score_training.breakpoints import SAME, confusion_matrix, profile
from nno_sklearn.score_training.score import class_numbers

#: Cells of rows whose influence on a scorer is measured, two evaluations each.
N_CELLS = 16
#: Evaluations of a scorer on a line.
N_ON_A_LINE = 12
#: Scores that differ by so many places' share of the range on a line are taken as equal.
EQUAL_PLACES = 10.0


def make_rows(metric, y, weight, random_state):
    """The view of the rows with a positive weight that suits the metric."""
    kind = ScoredRows if metric.confusion is None else ConfusionRows
    return kind(metric, y, weight, random_state)


class ConfusionRows:
    """Rows judged by a function of their confusion matrix, which is known all along a line."""

    def __init__(self, metric, y, weight, random_state):
        self.index = np.flatnonzero(weight)
        self.weight = weight[self.index] / weight.sum()
        self.metric, self._true = metric.confusion, class_numbers(y[self.index])
        self._n_classes = self.metric.functionals.shape[1]

    def _confusion(self, eta):
        return confusion_matrix(self._true, class_numbers(eta), self.weight, self._n_classes)

    def score(self, eta):
        """Score of the raw predictions of these rows."""
        return float(self.metric.score(self._confusion(eta)))

    def best_on_line(self, eta, slope, longest):
        """The highest score for t in (-longest, longest), and its t."""
        return profile(self.metric, self._true, self.weight, eta, slope, longest).best()

    def typical_on_line(self, eta, slope, longest):
        """A high score for t in (-longest, longest), in the middle of such, and its t."""
        found = profile(self.metric, self._true, self.weight, eta, slope, longest)
        places = found.score[np.isfinite(found.score)]
        return found.typical(max(EQUAL_PLACES * np.ptp(places) / len(places), SAME))

    def influence(self, eta, bandwidth):
        """How the score answers to each raw prediction, and how near each is to a change.

        The derivative of the score where predictions are softened by a softmax of that
        bandwidth: rows near a boundary between classes, by what their cell is worth.

        Returns
        -------
        gradient, nearness : ndarray of shape (n_rows, n_outputs)
        """
        worth = self.metric.gradient(self._confusion(eta))[self._true]
        several = eta if eta.shape[1] > 1 else np.hstack([np.zeros_like(eta), eta])
        soft = softmax(several / bandwidth, axis=1)
        gain = worth - (worth * soft).sum(axis=1, keepdims=True)
        gradient, size = soft * gain, soft * (1 - soft) * np.ptp(worth, axis=1)[:, None]
        kept = slice(None) if eta.shape[1] > 1 else slice(1, 2)
        weight = self.weight[:, None] / bandwidth
        return weight * gradient[:, kept], weight * size[:, kept] / bandwidth


class ScoredRows:
    """Rows judged by any scorer, which is asked a bounded number of times."""

    def __init__(self, metric, y, weight, random_state):
        self.index = np.flatnonzero(weight)
        self.weight = weight[self.index] / weight.sum()
        self.metric, self._y, self._random = metric, y[self.index], random_state
        self._labels = metric.labels(self._y)
        even = np.ptp(self.weight) <= 1e-12 * self.weight.max()
        self._given = None if even else self.weight

    def score(self, eta):
        """Score of the raw predictions of these rows."""
        return self.metric.score(self._labels, eta, self._given)

    def best_on_line(self, eta, slope, longest):
        """A high score for t in (-longest, longest), and its t: widen or narrow, then refine.

        Both sides are tried at lengths that fall by a factor of 4; a parabola through the best
        and its neighbours is followed as long as it pays.
        """
        seen = {0.0: self.score(eta)}

        def at(t):
            if t not in seen:
                seen[t] = self.score(eta + t * slope)
            return seen[t]

        for length in longest * 0.25 ** np.arange(1, 6):
            best = max(at(-length), at(length))
            if best > seen[0.0] + SAME:
                break
        while len(seen) < N_ON_A_LINE:
            top = max(seen, key=seen.get)
            places = sorted(seen)
            i = places.index(top)
            if i in (0, len(places) - 1):
                new = 0.5 * (top + np.copysign(longest, top))
            else:
                new = _parabola(places[i - 1 : i + 2], [seen[t] for t in places[i - 1 : i + 2]])
            if min(abs(new - t) for t in places) < 1e-3 * abs(places[-1] - places[0]):
                break
            at(new)
        top = max(seen, key=lambda t: (seen[t], -abs(t)))
        return seen[top], top

    typical_on_line = best_on_line

    def influence(self, eta, bandwidth):
        """How the score answers to each raw prediction, and how near each is to a change.

        Rows near each other in target and raw prediction matter alike: landmark rows are drawn,
        the others join their nearest one's cell, and the score is asked what a shift of each
        cell's predictions does.

        Returns
        -------
        gradient, nearness : ndarray of shape (n_rows, n_outputs)
        """
        gradient, cells = np.zeros_like(eta), self._cells(eta)
        for cell in range(cells.max() + 1):
            rows = cells == cell
            share = self.weight[rows] / self.weight[rows].sum()
            for k in range(eta.shape[1]):
                shift = np.zeros_like(eta)
                shift[rows, k] = bandwidth
                rise = self.score(eta + shift) - self.score(eta - shift)
                gradient[rows, k] = share * rise / (2 * bandwidth)
        return gradient, np.broadcast_to(self.weight[:, None], eta.shape)

    def _cells(self, eta):
        """Number of each row's cell, by ranks of target, raw prediction and residual."""
        views = [self._y, eta] if self.metric.classes is not None else [self._y, eta - self._y]
        ranks = np.column_stack([_rank(view, self.weight) for view in np.hstack(views).T])
        count = max(4, N_CELLS // eta.shape[1])
        order = np.argsort(ranks @ self._random.standard_normal(ranks.shape[1]))
        share = (np.arange(count) + 0.5) / count
        places = np.searchsorted(np.cumsum(self.weight[order]), share)
        landmarks = order[np.unique(np.minimum(places, len(order) - 1))]
        search = NearestNeighbors(n_neighbors=1).fit(ranks[landmarks])
        return search.kneighbors(ranks, return_distance=False)[:, 0]


def _rank(values, weight):
    """Share of the weight below each value, half of its own included."""
    _, place = np.unique(values, return_inverse=True)
    own = np.bincount(place, weight)
    return (np.cumsum(own) - 0.5 * own)[place]


def _parabola(t, score):
    """Top of the parabola through three points, kept away from them."""
    (a, b, c), (fa, fb, fc) = t, score
    left, right = (b - a) * (fb - fc), (b - c) * (fb - fa)
    if left == right:
        top = b
    else:
        top = b - 0.5 * ((b - a) * left - (b - c) * right) / (left - right)
    wide = (a, b) if b - a > c - b else (b, c)
    inside = a + 0.05 * (c - a) < top < c - 0.05 * (c - a) and abs(top - b) > 0.02 * (c - a)
    return top if inside else 0.5 * (wide[0] + wide[1])
