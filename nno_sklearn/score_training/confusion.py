"""Formulas of scores of the confusion matrix, recognised by the scores' values."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

#: Classes up to which a table of costs is looked for, which has that many squared unknowns.
MOST_CLASSES_OF_COSTS = 8
#: Random matrices on which a formula must agree with the scorer.
N_CHECKS = 6
#: Relative difference that counts as rounding.
ROUNDING = 1e-9


class ConfusionScore(NamedTuple):
    """A score ``combine(v)`` of linear functionals ``v_m = <functionals_m, C>``.

    ``C[j, k]`` is the weight of the rows of class j that are predicted as class k. Along a line in
    coefficient space the functionals change by one row's entries where its prediction flips, so
    cumulative sums over sorted flips give the score everywhere.

    Parameters
    ----------
    functionals : ndarray of shape (n_functionals, n_classes, n_classes)
    combine : callable
        Takes an array of shape (n_functionals, ...), returns one of shape (...).
    slope, offset : float
        The score is ``slope * combine(v) + offset``.
    """

    functionals: np.ndarray
    combine: Callable
    slope: float = 1.0
    offset: float = 0.0

    def of_functionals(self, values):
        """Scores of values of the functionals, (n_functionals, ...) to (...)."""
        return self.slope * self.combine(values) + self.offset

    def score(self, confusion):
        """Scores of confusion matrices, (..., n_classes, n_classes) to (...)."""
        return self.of_functionals(np.einsum("mjk,...jk->m...", self.functionals, confusion))

    def gradient(self, confusion):
        """Derivative of the score by each cell of one matrix, by central differences."""
        values = np.einsum("mjk,jk->m", self.functionals, confusion)
        step = 1e-4 * confusion.sum() * np.eye(len(values))
        values = values[:, None]
        rise = self.of_functionals(values + step) - self.of_functionals(values - step)
        return np.einsum("m,mjk->jk", rise / (2 * step[0, 0]), self.functionals)


def recognise(score: Callable, n_classes: int) -> ConfusionScore | None:
    """The formula behind a scorer of predicted labels, or None.

    A scorer is a black box, recognised by its values on small random confusion matrices. Known are
    rates of the classes and their averages, Matthews' correlation, Cohen's kappa, ratios of linear
    functions (any F-beta, precision, specificity, accuracy), and mean or total costs of a table.

    Parameters
    ----------
    score : callable
        ``score(true, predicted)`` of two arrays of class numbers.
    n_classes : int

    Returns
    -------
    ConfusionScore or None
    """
    probes = _Probes(score, n_classes, np.random.default_rng(0))
    matrices, values = probes.take(N_CHECKS)
    for candidate in _formulas(n_classes):
        found = _fit_line(candidate, matrices, values)
        if found is not None:
            return found
    if n_classes > MOST_CLASSES_OF_COSTS:
        return None
    more = probes.take(2 * n_classes**2)  # as many as a ratio has unknowns
    for fit in (_fit_total, _fit_ratio):
        found = fit(*more)
        if found is not None and _agrees(found, matrices, values):
            return found
    return None


class _Probes:
    """Random confusion matrices of integers, and the scores of data sets that have them."""

    def __init__(self, score, n_classes, rng):
        self.score, self.n_classes, self.rng = score, n_classes, rng

    def take(self, count):
        shape = (count, self.n_classes, self.n_classes)
        matrices = self.rng.integers(1, 8, shape)
        matrices += 8 * np.eye(self.n_classes, dtype=int)
        true, predicted = np.indices(shape[1:]).reshape(2, -1)
        values = [
            self.score(np.repeat(true, cells), np.repeat(predicted, cells))
            for cells in matrices.reshape(count, -1)
        ]
        return matrices.astype(float), np.array(values, dtype=float)


def _agrees(formula, matrices, values):
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.abs(formula.score(matrices) - values)
    return bool((difference <= ROUNDING * (1 + np.abs(values))).all())


def _fit_line(candidate, matrices, values):
    """``slope * candidate + offset`` if that agrees with all values, else None."""
    raw = candidate.score(matrices)
    if np.ptp(raw) == 0:
        return None
    slope, offset = np.polyfit(raw, values, 1)
    found = candidate._replace(slope=slope, offset=offset)
    return found if slope != 0 and _agrees(found, matrices, values) else None


def _formulas(n_classes):
    """Well-known scores, the most common first."""
    every = range(n_classes)
    diagonal = np.array([np.outer(np.eye(n_classes)[k], np.eye(n_classes)[k]) for k in every])
    rows = np.array([np.tile(np.eye(n_classes)[[k]].T, (1, n_classes)) for k in every])
    cells = np.concatenate([diagonal, rows, rows.transpose(0, 2, 1)])
    rates = [_recall, _precision, _jaccard, *(partial(_f_beta, beta) for beta in (1.0, 0.5, 2.0))]
    averages = [_macro, _weighted, *(partial(_of_class, k) for k in every)]
    yield ConfusionScore(cells, _accuracy)
    yield ConfusionScore(cells, _balanced_accuracy)
    for rate in rates:
        for average in averages:
            yield ConfusionScore(cells, partial(_averaged, rate, average))
    yield ConfusionScore(cells, _matthews)
    distance = np.abs(np.subtract.outer(every, every))
    for disagreement in (distance > 0, distance, distance**2):
        functionals = np.concatenate([cells, disagreement[None]]).astype(float)
        yield ConfusionScore(functionals, partial(_kappa, disagreement))


def _parts(values):
    """True positives, class totals and predicted totals, each (n_classes, ...)."""
    return np.split(values, 3)


def _divide(numerator, denominator):
    """Quotients; 0 where the denominator is 0, as in scikit-learn's scores."""
    positive = denominator > 0
    if positive.all():
        return numerator / denominator
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape), where=positive)


def _accuracy(values):
    true, total, _ = _parts(values)
    return _divide(true.sum(axis=0), total.sum(axis=0))


def _balanced_accuracy(values):
    true, total, _ = _parts(values)
    return _divide(_divide(true, total).sum(axis=0), (total > 0).sum(axis=0))


def _recall(true, total, predicted):
    return _divide(true, total)


def _precision(true, total, predicted):
    return _divide(true, predicted)


def _jaccard(true, total, predicted):
    return _divide(true, total + predicted - true)


def _f_beta(beta, true, total, predicted):
    return _divide((1 + beta**2) * true, beta**2 * total + predicted)


def _averaged(rate, average, values):
    true, total, predicted = _parts(values)
    return average(rate(true, total, predicted), total, predicted)


def _macro(rates, total, predicted):
    return _divide(rates.sum(axis=0), (total + predicted > 0).sum(axis=0))


def _weighted(rates, total, predicted):
    return _divide((rates * total).sum(axis=0), total.sum(axis=0))


def _of_class(k, rates, total, predicted):
    return rates[k]


def _matthews(values):
    true, total, predicted = _parts(values)
    size = total.sum(axis=0)
    covariance = true.sum(axis=0) * size - (total * predicted).sum(axis=0)
    spreads = (size**2 - (part**2).sum(axis=0) for part in (total, predicted))
    product = np.prod([np.maximum(spread, 0.0) for spread in spreads], axis=0)
    return _divide(covariance, np.sqrt(np.where(product > 1e-14 * size**4, product, 0.0)))


def _kappa(disagreement, values):
    _, total, predicted = _parts(values[:-1])
    expected = np.einsum("j...,jk,k...->...", total, disagreement.astype(float), predicted)
    return 1.0 - _divide(values[-1] * total.sum(axis=0), expected)


def _fit_total(matrices, values):
    """A total cost: a linear function of the cells of the matrix."""
    n, n_classes = len(values), matrices.shape[1]
    table = np.linalg.lstsq(matrices.reshape(n, -1), values, rcond=None)[0]
    return ConfusionScore(table.reshape(1, n_classes, n_classes), _first)


def _fit_ratio(matrices, values):
    """A ratio of two linear functions of the cells: the null vector of ``a C - value * b C``."""
    n, n_classes = len(values), matrices.shape[1]
    cells = matrices.reshape(n, -1)
    system = np.hstack([cells, -values[:, None] * cells])
    vector = np.linalg.svd(system / np.linalg.norm(system, axis=0))[2][-1]
    vector = vector / np.linalg.norm(system, axis=0)
    tables = vector.reshape(2, n_classes, n_classes)
    return ConfusionScore(tables / np.abs(tables[1]).max() * np.sign(tables[1].sum()), _ratio)


def _first(values):
    return values[0]


def _ratio(values):
    return _divide(values[0], values[1])
