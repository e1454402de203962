"""What candidates share, and in which order they are solved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.model_selection.settings import CATEGORY, coordinates, nearest_first
from nno_sklearn.penalties import L1, L2, ElasticNet
from nno_sklearn.session import key_of
from tests.model_selection.searches import ALPHAS, GROUPS, LABELS, NUMBERS, X

FITS = []


class Witness(TransformerMixin, BaseEstimator):
    """Records the rows that it is fitted on, by the number in their first column."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y=None):
        FITS.append((self.shift, frozenset(X[:, 0].astype(int))))
        self.mean_ = X.mean(axis=0) + self.shift
        return self

    def transform(self, X):
        return X - self.mean_


@pytest.fixture
def witnessed():
    FITS.clear()
    return np.column_stack([np.arange(len(X)), X])


PIPELINE = Pipeline([("see", Witness()), ("model", NNOClassifier(penalty="elasticnet"))])


def test_preprocessing_is_fitted_once_per_setting_and_split_on_training_rows(witnessed):
    cv, shifts = GroupKFold(3), [0.0, 1.0]
    grid = {"see__shift": shifts, "model__alpha": ALPHAS, "model__l1_ratio": [0.1, 0.5, 0.9]}
    search = NNOSearchCV(PIPELINE, grid, cv=cv, return_train_score=True)
    search.fit(witnessed, LABELS, groups=GROUPS)
    splits = [frozenset(train) for train, _ in cv.split(X, LABELS, GROUPS)]
    refit = (search.best_params_["see__shift"], frozenset(range(len(X))))
    assert sorted(FITS[:-1], key=repr) == sorted(
        ((shift, rows) for shift in shifts for rows in splits), key=repr
    )
    assert FITS[-1] == refit
    assert search.n_fits_ == 2 * 2 * 3 * 3
    assert search.saved_seconds_ > 0


def test_strengths_that_fit_the_data_take_one_more_preprocessing_per_setting(witnessed):
    search = NNOSearchCV(PIPELINE, {"see__shift": [0.0, 1.0]}, alphas=3, cv=2, refit=False)
    search.fit(witnessed, LABELS)
    assert [shift for shift, _ in FITS] == [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    assert [len(rows) for _, rows in FITS] == [60, 60, 30, 30, 30, 30]


def test_neighbours_as_starts_save_passes():
    grid = {"alpha": np.logspace(-3, -0.5, 8), "l1_ratio": [0.2, 0.8]}
    model = NNORegressor(penalty="elasticnet", tol=1e-8)
    search = NNOSearchCV(model, grid, cv=3).fit(X, NUMBERS)
    cold = [
        model.set_params(**params).fit(X[train], NUMBERS[train]).n_passes_
        for params in search.cv_results_["params"]
        for train in (range(20, 60), [*range(20), *range(40, 60)], range(40))
    ]
    assert 0 < search.n_passes_ < 0.9 * sum(cold)
    assert search.n_passes_ == pytest.approx(3 * search.cv_results_["mean_n_passes"].sum())


points_and_strengths = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 9).map(lambda k: k / 9)),
            min_size=n, max_size=n,
        ),
        st.lists(st.sampled_from([1e-3, 0.1, 1.0]), min_size=n, max_size=n),
    )
)  # fmt: skip


@settings(deadline=None, max_examples=50, derandomize=True)
@given(points_and_strengths)
def test_the_walk_is_a_minimum_spanning_tree(drawn):
    points, strength = np.array(drawn[0], dtype=float), np.array(drawn[1])
    order, starts = nearest_first(points, strength)
    assert sorted(order) == list(range(len(points)))
    assert strength[order[0]] == strength.max()
    apart, place, length = cdist(points, points), np.argsort(order), 0.0
    for step, (here, near) in enumerate(zip(order, starts, strict=True)):
        assert (place[near] < step).all() and len(near) == min(step, len(near), 5)
        assert (np.diff(apart[here, near]) >= -1e-9).all()
        if step:
            assert apart[here, near[0]] == pytest.approx(apart[here, order[:step]].min())
            length += apart[here, near[0]]
    places = np.unique(points, axis=0)  # scipy takes a length of 0 for no edge
    shortest = minimum_spanning_tree(cdist(places, places)).sum()
    assert length == pytest.approx(shortest, abs=1e-9)


def test_a_path_goes_from_strong_to_weak():
    alphas = [0.01, 1.0, 0.1, 10.0]
    points = coordinates([{"alpha": alpha} for alpha in alphas])
    order, starts = nearest_first(points, np.array(alphas))
    assert [alphas[k] for k in order] == [10.0, 1.0, 0.1, 0.01]
    assert [[alphas[k] for k in near[:1]] for near in starts] == [[], [10.0], [1.0], [0.1]]


def distances(*values):
    points = coordinates([{"a": value} for value in values])
    return cdist(points, points)[0, 1:]


def test_coordinates():
    np.testing.assert_allclose(distances(1.0, 10.0, 1e-3), [1, 3])  # decades
    np.testing.assert_allclose(distances(1.0, 10.0, 0.0), [1, 1])  # 0 is a decade below the least
    np.testing.assert_allclose(distances(2, 3, 6), [0.25, 1])  # shares of a short range
    np.testing.assert_allclose(distances(-1.0, 99.0, 49.0), [1, 0.5])  # also of a signed one
    np.testing.assert_allclose(distances(0.0, 0.5, 1.0), [1, 1 + np.log10(2)])
    np.testing.assert_allclose(distances("l1", "l2", "l1", None), [CATEGORY, 0, CATEGORY])
    np.testing.assert_allclose(distances(True, False), [CATEGORY])
    np.testing.assert_allclose(distances(1.0, np.inf, np.nan), [CATEGORY] * 2)
    np.testing.assert_allclose(
        distances(L2(), L1(), L2(), ElasticNet(0.3)), [CATEGORY, 0, CATEGORY]
    )
    np.testing.assert_allclose(distances(3, 3, 3), [0, 0])
    np.testing.assert_allclose(distances(0, 0), [0])
    several = coordinates([{"a": 1, "b": "x"}, {"a": 100, "b": "y"}, {"b": "x"}])
    assert several.shape[0] == 3
    assert coordinates([{}, {}]).tolist() == [[0.0], [0.0]]


def test_keys():
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": ElasticNet(0.3)}) == key_of({"a": ElasticNet(0.3)})
    assert key_of({"a": ElasticNet(0.3)}) != key_of({"a": ElasticNet(0.4)})
    assert key_of({"a": np.arange(3)}) == key_of({"a": np.arange(3)})
    assert key_of({"a": {0: 1, 1: 2}}) != key_of({"a": {0: 1, 1: 3}})
    assert key_of({"a": 1}) != key_of({"b": 1})
    one, other = (lambda x: x), (lambda x: x)
    assert key_of({"a": one}) == key_of({"a": one}) != key_of({"a": other})


def test_a_failed_neighbour_is_no_start():
    """The nearest start fails in the middle of a path; those behind it begin at the next one."""
    alphas = [1.0, 0.3, -0.1, 0.1, 0.03]
    model = NNORegressor(tol=1e-12)
    with pytest.warns(Warning) as caught:
        search = NNOSearchCV(model, {"alpha": alphas}, cv=2).fit(X, NUMBERS)
    assert {"FitFailedWarning", "UserWarning"} >= {w.category.__name__ for w in caught}
    assert "2 fits failed out of a total of 10" in str(caught[0].message)
    assert "alpha=-0.1: it must be a number of at least 0" in str(caught[0].message)
    whole = NNOSearchCV(model, {"alpha": [1.0, 0.3, 0.1, 0.03]}, cv=2).fit(X, NUMBERS)
    scores = np.delete(search.cv_results_["mean_test_score"], 2)
    np.testing.assert_allclose(scores, whole.cv_results_["mean_test_score"], rtol=1e-6)
    assert search.cv_results_["rank_test_score"][2] == 5
    assert search.mean_coef_[2] is None
