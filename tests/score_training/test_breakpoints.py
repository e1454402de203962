"""Scores of the confusion matrix, maximised exactly on lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    get_scorer,
    make_scorer,
    matthews_corrcoef,
    recall_score,
)

from nno_sklearn.score_training.breakpoints import Profile, bagged_place, flips, profile
from nno_sklearn.score_training.scorer import RawPredictionScorer, class_numbers

RNG = np.random.default_rng(0)
SMALL = st.integers(-4, 4)  # many ties


@st.composite
def lines(draw):
    """True classes, weights, raw predictions and slopes of a few rows."""
    n, n_outputs = draw(st.integers(2, 9)), draw(st.sampled_from([1, 3, 4]))
    n_classes = max(2, n_outputs)
    true = draw(hnp.arrays(int, n, elements=st.integers(0, n_classes - 1)))
    weight = draw(hnp.arrays(float, n, elements=st.integers(1, 3)))
    eta = draw(hnp.arrays(float, (n, n_outputs), elements=SMALL))
    slope = draw(hnp.arrays(float, (n, n_outputs), elements=SMALL))
    return true, weight, eta, slope


def between(eta, slope, longest):
    """The middle of each interval of a line in which no two outputs, nor one and 0, cross."""
    if eta.shape[1] == 1:
        eta, slope = (np.hstack([np.zeros_like(one), one]) for one in (eta, slope))
    places = [-longest, longest]
    for j in range(eta.shape[1]):
        for k in range(j):
            gap, rise = eta[:, j] - eta[:, k], slope[:, j] - slope[:, k]
            crossing = -gap[rise != 0] / rise[rise != 0]
            places += list(crossing[np.abs(crossing) < longest])
    places = np.unique(np.round(places, 12))
    return (places[1:] + places[:-1]) / 2


@settings(max_examples=80, deadline=None)
@given(lines(), st.sampled_from(["f1_macro", "balanced_accuracy", "matthews_corrcoef", "accuracy"]))
def test_best_is_that_of_brute_force(case, name):
    true, weight, eta, slope = case
    n_classes = max(2, eta.shape[1])
    metric = RawPredictionScorer(get_scorer(name), np.arange(n_classes)).confusion

    def score(t):
        cells = confusion_matrix(true, class_numbers(eta + t * slope), sample_weight=weight,
                                 labels=np.arange(n_classes))  # fmt: skip
        return metric.score(cells)

    best, t = profile(metric, true, weight, eta, slope, 10.0).best()
    assert best == pytest.approx(max(score(t) for t in between(eta, slope, 10.0)), abs=1e-12)
    assert score(t) == pytest.approx(best, abs=1e-12)
    assert abs(t) < 10.0


@settings(max_examples=60, deadline=None)
@given(lines())
def test_flips_are_those_of_predict(case):
    _, _, eta, slope = case
    found = flips(eta, slope, 10.0)
    assert (np.diff(found.t) >= 0).all()
    assert (found.before != found.after).all()
    for t in between(eta, slope, 10.0):
        predicted = found.first.copy()
        for row, place, before, after in zip(
            found.row, found.t, found.before, found.after, strict=True
        ):
            if place < t:
                assert eta.shape[1] > 2 or predicted[row] == before
                predicted[row] = after
        np.testing.assert_array_equal(predicted, class_numbers(eta + t * slope))


def test_best_of_real_scorers():
    """Against the scorers themselves, with weights, on rows without ties."""
    true, weight = RNG.integers(2, size=30), RNG.uniform(0.5, 2.0, 30)
    eta, slope = RNG.normal(size=(2, 30, 1))
    for metric in (f1_score, matthews_corrcoef, recall_score):
        confusion = RawPredictionScorer(make_scorer(metric), np.arange(2)).confusion
        best, t = profile(confusion, true, weight, eta, slope, 5.0).best()

        def score(t, metric=metric):
            return metric(true, class_numbers(eta + t * slope), sample_weight=weight)

        assert best == pytest.approx(max(map(score, between(eta, slope, 5.0))))
        assert best == pytest.approx(score(t))


def test_the_typical_place_is_in_the_middle_of_the_high_ones():
    low = np.array([-5.0, -1.0, 0.0, 1.0, 4.0])
    hill = Profile(low, np.r_[low[1:], 5.0], np.array([0.0, 0.90, 0.91, 0.90, 0.2]))
    assert hill.best() == (0.91, 0.5)
    score, t = hill.typical(0.1)
    assert 0.5 < t < 2.0
    assert score == 0.90
    valley = hill._replace(score=np.array([0.9, 0.1, 0.1, 0.1, 0.91]))
    assert valley.typical(0.01) == valley.best() == (0.91, 4.5)


class TestBaggedPlace:
    """The threshold of two classes whose raw predictions are known: a mixture of two normals."""

    score = RawPredictionScorer(get_scorer("balanced_accuracy"), np.arange(2)).confusion
    line = np.ones((300, 1))

    def sample(self, seed):
        true = np.arange(300) % 10 == 0
        eta = np.random.default_rng(seed).normal(size=300) + 1.5 * true
        return true.astype(int), np.full(300, 1 / 300), eta[:, None]

    def place(self, true, weight, eta):
        seed = np.random.RandomState(0)
        return bagged_place(self.score, true, weight, eta, np.ones_like(eta), 10.0, seed)

    def test_it_is_nearer_to_the_optimum_than_the_best_place(self):
        errors = []
        for seed in range(60):
            true, weight, eta = self.sample(seed)
            best = profile(self.score, true, weight, eta, self.line, 10.0).best()[1]
            errors.append([self.place(true, weight, eta) + 0.75, best + 0.75])
        bagged, best = np.square(errors).mean(axis=0)
        assert bagged < 0.8 * best

    def test_a_weight_equals_a_repetition(self):
        true, weight, eta = self.sample(0)
        times = np.random.default_rng(1).integers(1, 4, 300)
        weighted = self.place(true, weight * times, eta)
        repeated = self.place(*(np.repeat(one, times, axis=0) for one in (true, weight, eta)))
        assert weighted == pytest.approx(repeated, abs=1e-12)
        assert weighted != pytest.approx(self.place(true, weight, eta), abs=1e-3)

    def test_no_row_flips(self):
        true, weight, eta = self.sample(0)
        place = bagged_place(
            self.score, true, weight, eta, np.zeros_like(eta), 10.0, np.random.RandomState(0)
        )
        assert place == 0.0
