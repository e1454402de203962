"""Condensed training sets stand for all rows."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import NNOClassifier, NNORegressor, condense


class TestCondense:
    def test_labels(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(5000, 3))
        y = np.where(X[:, 0] + rng.logistic(size=5000) > 0, "b", "a")
        rows, targets, weights = condense(X, y, 200)
        assert len(rows) == len(weights) <= 200 and targets.shape == (len(rows), 2)
        assert weights @ targets[:, 1] == pytest.approx((y == "b").sum())
        small = NNOClassifier().fit(
            np.repeat(rows, 2, axis=0),
            np.tile(np.unique(y), len(rows)),
            sample_weight=(weights[:, None] * targets).ravel(),
        )
        np.testing.assert_allclose(small.coef_, NNOClassifier().fit(X, y).coef_, atol=0.1)

    @pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_matrix])
    def test_numbers(self, container):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3000, 2))
        y = X @ [1.0, 2.0] + 3
        rows, targets, weights = condense(container(X), y, 100, "manhattan")
        assert sparse.issparse(rows) == sparse.issparse(container(X)) and targets.ndim == 1
        model = NNORegressor(alpha=0).fit(rows, targets, weights)
        np.testing.assert_allclose(model.coef_, [1, 2], atol=1e-3)
        assert condense(X, np.column_stack([y, y]), 100)[1].shape[1] == 2

    def test_weights_of_zero_do_not_count(self):
        X, y = np.arange(20.0)[:, None], np.arange(20.0)
        rows, _, weights = condense(X, y, 5, sample_weight=np.arange(20) < 10)
        assert rows.max() < 10 and weights.sum() == 10

    @pytest.mark.parametrize(
        ("weight", "said"),
        [
            ([np.nan, 1, 1], "sample_weight contains NaN"),
            ([np.inf, 1, 1], "sample_weight contains infinity"),
            ([-1, 1, 1], "has a negative entry"),
            ([0, 0, 0], "every weight is zero"),
            (np.ones((3, 1)), "one number per row"),
            ([1, 1], "inconsistent numbers"),
        ],
    )
    def test_weights_are_checked_as_in_fit(self, weight, said):
        with pytest.raises(ValueError, match=said):
            condense(np.eye(3), np.ones(3), 2, sample_weight=weight)

    def test_errors(self):
        for n_cells in (1, 2.5, True, "all", None):
            with pytest.raises(ValueError, match="n_cells=.*whole number of at least 2"):
                condense(np.eye(3), np.ones(3), n_cells)
        with pytest.raises(ValueError, match="metric='near'.*does not know this metric"):
            condense(np.eye(3), np.ones(3), 2, metric="near")
        with pytest.raises(ValueError, match="inconsistent numbers"):
            condense(np.eye(3), ["a", "b"], 2)
        with pytest.raises(ValueError, match="NaN"):
            condense(np.full((3, 1), np.nan), np.ones(3), 2)
