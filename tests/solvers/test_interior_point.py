"""Losses with corners by interior points: the optimum of other methods, in few steps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, sparse
from sklearn.base import clone

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import EpsilonInsensitive, Hinge, Quantile
from nno_sklearn.penalties import L1
from nno_sklearn.solvers import interior_point, smoothing

N, P = 12_000, 6


def data(seed, n=N, p=P):
    """Columns of unlike sizes that are not centred, and heavy-tailed targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.logspace(-1, 1, p) + 2.0
    return X, X @ np.logspace(1, -1, p) + rng.standard_t(2, size=n)


def optimum(X, y, quantile, weight=None):
    """The least weighted mean of a quantile's losses, by the linear program's dual."""
    weight = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    A = np.column_stack([np.ones(len(y)), X])
    found = optimize.linprog(
        -weight * y,
        A_eq=A.T * weight,
        b_eq=(1 - quantile) * (weight @ A),
        bounds=[(0.0, 1.0)] * len(y),
        method="highs",
    )
    assert found.status == 0
    return -found.fun - (1 - quantile) * (weight @ y)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["heavy tails", "counts", "weights", "sparse"])
def test_the_optimum_is_that_of_a_linear_program(kind, quantile):
    X, y = data(1, n=4000)
    weight = None
    if kind == "counts":
        y = np.floor(np.abs(y))
    elif kind == "weights":
        weight = np.random.default_rng(2).exponential(size=len(y))
        weight[::3] = 0.0
    elif kind == "sparse":
        X = np.where(np.random.default_rng(3).random(X.shape) < 0.1, X, 0.0)
    expected = optimum(X, y, quantile, weight)
    given = sparse.csr_array(X) if kind == "sparse" else X
    model = NNORegressor(Quantile(quantile), alpha=0.0, tol=1e-7, random_state=0).fit(
        given, y, weight
    )
    assert model.converged_
    assert -1e-9 <= model.objective_ / expected - 1 <= 1e-7
    assert model.objective_ - expected <= model.dual_gap_ + 1e-12


CASES = {
    "quantile": (NNORegressor, Quantile(0.3)),
    "epsilon_insensitive": (NNORegressor, EpsilonInsensitive(0.5)),
    "hinge": (NNOClassifier, Hinge()),
}


def fitted(name, penalty, X, y, **options):
    kind, loss = CASES[name]
    target = (y > np.median(y)).astype(int) if name == "hinge" else y
    sizes = {"alpha": 1e-3, "tol": 1e-6, "random_state": 0} | options
    return kind(loss, penalty=penalty, **sizes).fit(X, target)


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("name", list(CASES))
def test_few_steps_lead_to_the_optimum_of_smooth_losses(name, penalty, monkeypatch):
    X, y = data(4)
    model = fitted(name, penalty, X, y)
    monkeypatch.setattr(smoothing, "takes_interior", lambda problem: False)
    other = fitted(name, penalty, X, y)
    assert model.converged_ and other.converged_
    assert abs(model.objective_ - other.objective_) <= 2e-6 * other.objective_
    # The constant model, what the interior point method found, and at most the coefficients with
    # those that are returned.
    assert len(model.history_) <= 3 < len(other.history_)
    assert model.n_passes_ < other.n_passes_


def test_l1_leaves_zeros():
    X, y = data(5)
    model = fitted("quantile", "l1", X, y, alpha=1.0)
    assert 0 < np.count_nonzero(model.coef_) < P


def numbers_of_rows(monkeypatch):
    """A list that the numbers of rows come into of which Newton's steps find an optimum."""
    seen, newton = [], interior_point._newton

    def spied(problem, terms, rows, *args):
        found = newton(problem, terms, rows, *args)
        seen.append(len(rows))
        return found

    monkeypatch.setattr(interior_point, "_newton", spied)
    return seen


def test_most_rows_are_means(monkeypatch):
    """Newton's steps on all rows are none where most stay on their side of a corner."""
    seen = numbers_of_rows(monkeypatch)
    X, y = data(6, n=60_000, p=4)
    assert fitted("quantile", None, X, y).converged_
    assert len(seen) >= 2 and max(seen) < 0.5 * len(y)


@pytest.mark.parametrize("count", [300, 2_400])
def test_too_few_rows_near_corners_become_more_near_the_better_point(count, monkeypatch):
    """Means of most rows may have their optimum far away, where other rows are near corners."""
    monkeypatch.setattr(interior_point, "n_near", lambda problem, drawn: count)
    seen = numbers_of_rows(monkeypatch)
    X, y = data(6, n=60_000, p=4)
    assert fitted("quantile", None, X, y).converged_
    assert len(seen) > 2 and max(seen) < 0.5 * len(y)


def test_rows_that_cross_a_corner_are_found_out():
    """A draw of rows whose optimum is far from that of all leaves means on the wrong side."""
    X, y = data(7)
    weight = np.ones(N)
    far = np.argsort(X[:, 0])[-40:]
    y[far] += 1e3 * X[far, 0]
    weight[far] = 60.0  # most draws tell little of them
    for seed in range(3):
        model = NNORegressor(Quantile(0.5), alpha=0.0, tol=1e-7, random_state=seed)
        model.fit(X, y, weight)
        assert model.converged_
        expected = optimum(X, y, 0.5, weight)
        assert model.objective_ == pytest.approx(expected, rel=2e-7)


def test_outputs_are_solved_each_for_itself():
    X, y = data(8)
    levels = [0.1, 0.5, 0.9]
    together = NNORegressor(Quantile(levels), alpha=0.0, tol=1e-7, random_state=0).fit(X, y)
    alone = [
        NNORegressor(Quantile(q), alpha=0.0, tol=1e-7, random_state=0).fit(X, y) for q in levels
    ]
    assert together.objective_ == pytest.approx(sum(one.objective_ for one in alone), rel=1e-6)
    labels = np.digitize(y, np.quantile(y, np.linspace(0.1, 0.9, 9)))
    model = NNOClassifier("hinge", alpha=1e-3, tol=1e-6).fit(X, labels)
    assert model.converged_ and len(model.history_) <= 3


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_float32_and_offsets(fit_intercept):
    X, y = data(9, n=3000)
    offset = np.random.default_rng(0).normal(size=len(y))
    options = {"alpha": 0.0, "tol": 1e-5, "fit_intercept": fit_intercept}
    model = NNORegressor(Quantile(0.3), **options)
    single = model.fit(X.astype(np.float32), y, offset=offset).objective_
    assert model.converged_ and model.coef_.dtype == np.float32
    shifted = NNORegressor(Quantile(0.3), **options).fit(X.astype(np.float32), y - offset)
    assert single == pytest.approx(shifted.objective_, rel=2e-5)


def test_what_it_does_not_take_is_solved_by_smooth_losses():
    """Bounds, and a solver of first order."""
    X, y = data(10, n=500)
    for model in (
        NNORegressor(Quantile(0.5), penalty=L1(lower=0.0), tol=1e-6),
        NNORegressor(Quantile(0.5), solver="gd", tol=1e-6),
    ):
        assert model.fit(X, y).converged_ and len(model.history_) > 3


@pytest.mark.parametrize("n", [200, 3000])
def test_the_iteration_limit_holds(n):
    X, y = data(11, n=n)
    with pytest.warns(match="did not converge: the iteration limit"):
        model = NNORegressor(Quantile(0.5), max_iter=3, tol=1e-9).fit(X, y)
    assert model.n_iter_ <= 3


@pytest.mark.parametrize("penalty", ["l2", "l1", None])
@pytest.mark.parametrize("weight", [None, np.arange(120) % 3])
@pytest.mark.parametrize(
    ("estimator", "loss"),
    [(NNOClassifier, "hinge"), (NNORegressor, "quantile"), (NNORegressor, "epsilon_insensitive")],
)
@pytest.mark.filterwarnings("ignore:Label 1 is")
def test_an_output_that_the_constant_model_meets_is_left_as_it_is(estimator, loss, weight, penalty):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    own = (X[:, 0] + rng.normal(size=120) > 0).astype(int)
    rare = (np.arange(120) % 3 == 0).astype(int) * (weight is not None)  # all of weight 0
    model = estimator(loss, penalty=penalty, alpha=0.01, tol=1e-8)
    both = clone(model).fit(X, np.column_stack([own, rare]), sample_weight=weight)
    alone = clone(model).fit(X, own, sample_weight=weight)
    assert both.converged_
    assert_allclose(both.coef_[1], 0, atol=0)
    assert both.objective_ == pytest.approx(alone.objective_, rel=1e-7)
