"""Small problems of losses with corners end at the optimum itself, to rounding."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import EpsilonInsensitive, Hinge, Quantile
from nno_sklearn.solvers import crossing

LOSSES = {
    "quantile": (NNORegressor, Quantile(0.3)),
    "epsilon_insensitive": (NNORegressor, EpsilonInsensitive(0.3)),
    "hinge": (NNOClassifier, Hinge()),
}


def data(name, n=150, p=6, seed=0):
    """Columns of unlike sizes, and heavy-tailed targets or labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.logspace(-0.5, 0.5, p) + 1.0
    y = X @ np.logspace(0.5, -0.5, p) + rng.standard_t(2, size=n)
    return X, (y > np.median(y)).astype(int) if name == "hinge" else y


def fitted(name, penalty, X, y, weight=None, **options):
    kind, loss = LOSSES[name]
    return kind(loss, **{"penalty": penalty, "alpha": 1e-2} | options).fit(X, y, weight)


def spied(monkeypatch):
    """A list of whether each try has found an optimum."""
    found, crossed = [], crossing.Crossing.crossed

    def seen(self, *args):
        result = crossed(self, *args)
        found.append(result is not None)
        return result

    monkeypatch.setattr(crossing.Crossing, "crossed", seen)
    return found


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
@pytest.mark.parametrize("name", list(LOSSES))
def test_the_optimum_is_exact_and_found_in_few_steps(name, penalty, fit_intercept, monkeypatch):
    found = spied(monkeypatch)
    model = fitted(name, penalty, *data(name), fit_intercept=fit_intercept)
    assert model.converged_ and model.optimality_ <= 1e-12
    assert found[-1] and model.n_iter_ <= 40 and len(model.history_) == 2


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("name", list(LOSSES))
def test_other_methods_find_the_same(name, penalty, monkeypatch):
    X, y = data(name, seed=1)
    model = fitted(name, penalty, X, y)
    monkeypatch.setattr(crossing.Crossing, "crossed", lambda self, *args: None)
    other = fitted(name, penalty, X, y, tol=1e-10)
    assert other.converged_
    assert model.objective_ <= other.objective_ * (1 + 1e-12)
    assert other.objective_ - model.objective_ <= 1e-9 * model.objective_


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("name", list(LOSSES))
def test_weights_are_repetitions_and_order_does_not_matter(name, penalty):
    X, y = data(name, n=60, seed=2)
    weight = np.random.default_rng(3).integers(0, 4, size=len(y))
    order = np.random.default_rng(4).permutation(len(y))
    weighted = fitted(name, penalty, X, y, weight)
    for rows in (np.repeat(np.arange(len(y)), weight), np.repeat(order, weight[order])):
        repeated = fitted(name, penalty, X[rows], y[rows])
        np.testing.assert_allclose(repeated.coef_, weighted.coef_, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", list(LOSSES))
def test_sparse_rows(name, monkeypatch):
    X, y = data(name, seed=5)
    X = np.where(np.random.default_rng(6).random(X.shape) < 0.5, X, 0.0)
    found = spied(monkeypatch)
    dense, few = (fitted(name, "l1", one, y) for one in (X, sparse.csr_array(X)))
    assert any(found)
    np.testing.assert_allclose(few.coef_, dense.coef_, rtol=1e-8, atol=1e-12)


def test_ties_are_no_obstacle():
    """Rows that are alike, of which more are at corners than coefficients are free."""
    rng = np.random.default_rng(7)
    X, y = rng.integers(0, 3, size=(120, 4)).astype(float), rng.integers(0, 4, size=120)
    for loss in (Quantile(0.5), EpsilonInsensitive(1.0)):
        model = NNORegressor(loss, penalty="l1", alpha=1e-2).fit(X, y)
        assert model.converged_ and model.optimality_ <= 1e-8


def test_zero_coefficients_stay_zero():
    X, y = data("quantile", seed=8)
    model = fitted("quantile", "l1", X, y, alpha=1e3)
    low, high = np.sort(y)[[44, 45]]  # 0.3 of 150 rows lie below
    assert not model.coef_.any() and low - 1e-6 <= model.intercept_ <= high + 1e-6


def test_nothing_may_be_left_to_solve_for(capfd):
    """All coefficients at 0, no intercept, and no row at a corner: LAPACK is not asked."""
    X, y = data("quantile", seed=9)
    model = fitted("quantile", "l1", X, y, alpha=1e3, fit_intercept=False)
    assert model.converged_ and not model.coef_.any()
    assert "illegal" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("seed", range(4))
def test_short_coefficients_do_not_cost_what_was_reached(seed):
    """More columns than rows, of unlike sizes, without a penalty: all rows can be met, and the
    shortest coefficients that do so missed by 1e-13 what others meet to rounding."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 40)) * 10.0 ** rng.uniform(-3, 3, 40)
    y = X @ rng.normal(size=40) / np.abs(X).max() + rng.standard_t(2, size=20)
    model = NNORegressor(Quantile(0.1), penalty=None, tol=1e-8).fit(X, y)
    assert model.converged_ and model.optimality_ <= 1e-8
