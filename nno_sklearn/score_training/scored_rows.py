"""Weighted rows with their score: its value, its maximum on a line, its smoothed derivative."""

import numpy as np
from scipy.special import expit, softmax

from nno_sklearn._distances import nearest_neighbors
from nno_sklearn.score_training.breakpoints import (
    SAME,
    bagged_place,
    confusion_matrix,
    profile,
)
from nno_sklearn.score_training.scorer import class_numbers

#: Cells of rows whose influence on a score is estimated, by two evaluations each.
N_CELLS = 16
#: Evaluations of a scorer in one line search.
N_ON_A_LINE = 12
#: Scores on a line that differ by less than the mean change over this many intervals count as
#: equal.
EQUAL_INTERVALS = 10.0


def make_rows(scorer, y, weight, random_state):
    """The rows with a positive weight; lines are searched exactly where the score has a formula.

    Parameters
    ----------
    scorer : RawPredictionScorer
    y : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    random_state : RandomState

    Returns
    -------
    ConfusionRows or ScoredRows
        Both have ``index``, the numbers of their rows, and their ``weight``, which sums to 1.
    """
    kind = ScoredRows if scorer.confusion is None else ConfusionRows
    return kind(scorer, y, weight, random_state)


class ConfusionRows:
    """Rows with a score of their confusion matrix, which has an exact maximum on a line."""

    def __init__(self, scorer, y, weight, random_state):
        self.index = np.flatnonzero(weight)
        self.weight = weight[self.index] / weight.sum()
        self._formula, self._true = scorer.confusion, class_numbers(y[self.index])
        self._n_classes = self._formula.functionals.shape[1]
        self._random = random_state

    def _confusion(self, eta):
        return confusion_matrix(self._true, class_numbers(eta), self.weight, self._n_classes)

    def score(self, eta):
        """Score of the raw predictions of these rows."""
        return float(self._formula.score(self._confusion(eta)))

    def best_on_line(self, eta, slope, longest):
        """The highest score for t in (-longest, longest), and its t."""
        return profile(self._formula, self._true, self.weight, eta, slope, longest).best()

    def typical_on_line(self, eta, slope, longest):
        """A t of high scores in (-longest, longest), less subject to noise than the best one.

        With several outputs, the mean t of the high scores: bagging would cost 20 profiles a line.
        """
        line = (self._formula, self._true, self.weight, eta, slope, longest)
        if eta.shape[1] == 1:
            return bagged_place(*line, self._random)
        found = profile(*line)
        scores = found.score[np.isfinite(found.score)]
        return found.typical(max(EQUAL_INTERVALS * np.ptp(scores) / len(scores), SAME))[1]

    def influence(self, eta, bandwidth):
        """Derivative of a smoothed score by the raw predictions, and how near each is to a flip.

        Predicted classes are smoothed by a softmax of that bandwidth. Rows near a class boundary
        count most, each by the derivative of the score by its cells of the confusion matrix.

        Returns
        -------
        gradient, nearness : ndarray of shape (n_rows, n_outputs)
        """
        worth = self._formula.gradient(self._confusion(eta))
        if eta.shape[1] == 1:  # the second column of the softmax below
            soft = expit(eta / bandwidth)
            rise = (worth[:, 1] - worth[:, 0])[self._true, None]
            gradient, size = soft * (1 - soft) * rise, soft * (1 - soft) * np.abs(rise)
        else:
            soft = softmax(eta / bandwidth, axis=1)
            own = worth[self._true]
            gradient = soft * (own - (own * soft).sum(axis=1, keepdims=True))
            size = soft * (1 - soft) * np.ptp(worth, axis=1)[self._true, None]
        weight = self.weight[:, None] / bandwidth
        return weight * gradient, weight * size / bandwidth


class ScoredRows:
    """Rows with any score, which is evaluated a bounded number of times."""

    def __init__(self, scorer, y, weight, random_state):
        self.index = np.flatnonzero(weight)
        self.weight = weight[self.index] / weight.sum()
        self._scorer, self._y, self._random = scorer, y[self.index], random_state
        self._labels = scorer.labels(self._y)
        even = np.ptp(self.weight) <= 1e-12 * self.weight.max()
        self._given = None if even else self.weight

    def score(self, eta):
        """Score of the raw predictions of these rows."""
        return self._scorer.score(self._labels, eta, self._given)

    def best_on_line(self, eta, slope, longest):
        """A high score for t in (-longest, longest), and its t: bracket, then refine.

        Tries both sides at lengths that fall by a factor of 4, then maxima of the parabola through
        the best t and its neighbours (successive parabolic interpolation) until t settles.
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
            tried = sorted(seen)
            i = tried.index(top)
            if i in (0, len(tried) - 1):
                new = 0.5 * (top + np.copysign(longest, top))
            else:
                around = tried[i - 1 : i + 2]
                new = _parabola(around, [seen[t] for t in around])
            if min(abs(new - t) for t in tried) < 1e-3 * abs(tried[-1] - tried[0]):
                break
            at(new)
        top = max(seen, key=lambda t: (seen[t], -abs(t)))
        return seen[top], top

    def typical_on_line(self, eta, slope, longest):
        """The t of :meth:`best_on_line`."""
        return self.best_on_line(eta, slope, longest)[1]

    def influence(self, eta, bandwidth):
        """Central differences of the score by the raw predictions, and the rows' weights.

        Rows near each other in target and raw prediction have about the same influence: landmark
        rows are drawn, the others join the cell of the nearest one, and the predictions of a cell
        are shifted together, by the bandwidth to both sides.

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
        views = [self._y, eta] if self._scorer.classes is not None else [self._y, eta - self._y]
        ranks = np.column_stack([_rank(view, self.weight) for view in np.hstack(views).T])
        count = max(4, N_CELLS // eta.shape[1])
        order = np.argsort(ranks @ self._random.standard_normal(ranks.shape[1]))
        share = (np.arange(count) + 0.5) / count
        drawn = np.searchsorted(np.cumsum(self.weight[order]), share)
        landmarks = order[np.unique(np.minimum(drawn, len(order) - 1))]
        search = nearest_neighbors(n_neighbors=1).fit(ranks[landmarks])
        return search.kneighbors(ranks, return_distance=False)[:, 0]


def _rank(values, weight):
    """Share of the weight below each value, half of its own included."""
    _, place = np.unique(values, return_inverse=True)
    own = np.bincount(place, weight)
    return (np.cumsum(own) - 0.5 * own)[place]


def _parabola(t, score):
    """Maximum of the parabola through three points, kept at a distance from all of them."""
    (a, b, c), (fa, fb, fc) = t, score
    left, right = (b - a) * (fb - fc), (b - c) * (fb - fa)
    if left == right:
        top = b
    else:
        top = b - 0.5 * ((b - a) * left - (b - c) * right) / (left - right)
    wide = (a, b) if b - a > c - b else (b, c)
    inside = a + 0.05 * (c - a) < top < c - 0.05 * (c - a) and abs(top - b) > 0.02 * (c - a)
    return top if inside else 0.5 * (wide[0] + wide[1])
