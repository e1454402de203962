"""Losses with corners and squares of all coefficients by multipliers: the optimum of other roads,
with rows on corners alone in Newton's steps."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import EpsilonInsensitive, Hinge, Quantile
from nno_sklearn.penalties import L1, L2
from nno_sklearn.problem import Objective, Problem, cost
from nno_sklearn.rows import envelopes
from nno_sklearn.solvers import multipliers, smoothing

N, P = 6_000, 8

CASES = {
    "quantile": (NNORegressor, Quantile(0.3)),
    "epsilon_insensitive": (NNORegressor, EpsilonInsensitive(0.5)),
    "hinge": (NNOClassifier, Hinge()),
}


def data(seed, n=N, p=P):
    """Columns of unlike sizes that are not centred, and heavy-tailed targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.logspace(-1, 1, p) + 2.0
    return X, X @ np.logspace(1, -1, p) + rng.standard_t(2, size=n)


def words(seed, n=1_500, p=2_500):
    """Sparse columns that are more than fit a matrix, of unlike frequencies."""
    rng = np.random.default_rng(seed)
    X = sparse.random(n, p, 0.005, format="csr", random_state=seed)
    X = X @ sparse.diags_array(1.0 / np.sqrt(np.arange(1, p + 1)))
    return sparse.csr_array(X), 20.0 * X @ rng.normal(size=p) + rng.normal(size=n)


def fitted(name, X, y, weight=None, **options):
    kind, loss = CASES[name]
    target = (y > np.median(y)).astype(int) if name == "hinge" else y
    sizes = {"alpha": 1e-3, "tol": 1e-7, "random_state": 0} | options
    return kind(loss, **sizes).fit(X, target, weight)


def elsewhere(monkeypatch):
    """Let smooth losses take what multipliers would."""
    monkeypatch.setattr(smoothing, "place_by_multipliers", lambda *args: None)
    monkeypatch.setattr(smoothing, "takes_interior", lambda problem: False)


@pytest.mark.parametrize("alpha", [1e-5, 1e-3, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", list(CASES))
def test_the_optimum_is_that_of_smooth_losses(name, fit_intercept, alpha, monkeypatch):
    X, y = data(1)
    options = {"alpha": alpha, "fit_intercept": fit_intercept}
    model = fitted(name, X, y, **options)
    elsewhere(monkeypatch)
    other = fitted(name, X, y, **options)
    assert model.converged_ and other.converged_
    assert model.objective_ == pytest.approx(other.objective_, rel=2e-7)
    # The constant model, what was found, and at most the coefficients as they are returned.
    assert len(model.history_) <= 3 < len(other.history_)
    assert model.n_passes_ < other.n_passes_


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", list(CASES))
def test_sparse_columns_that_fit_no_matrix(name, fit_intercept, monkeypatch):
    X, y = words(2)
    options = {"alpha": 1e-5, "fit_intercept": fit_intercept, "tol": 1e-6}
    model = fitted(name, X, y, **options)
    by_columns = fitted(name, X.tocsc(), y, **options)
    assert model.converged_ and len(model.history_) <= 3
    np.testing.assert_array_equal(model.coef_, by_columns.coef_)
    elsewhere(monkeypatch)
    other = fitted(name, X, y, **options, max_iter=5_000)
    assert other.converged_
    assert model.objective_ == pytest.approx(other.objective_, rel=2e-6)


@pytest.mark.parametrize("way", ["columns", "rows", "products"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_all_ways_to_a_newton_step_lead_there(way, fit_intercept, monkeypatch):
    X, y = data(3, n=4_000)
    options = {"fit_intercept": fit_intercept, "alpha": 1e-2}
    expected = fitted("hinge", X, y, **options).objective_
    monkeypatch.setattr(multipliers, "curved_by", lambda problem, *sizes: way)
    for given in (X, sparse.csr_array(np.where(np.abs(X) > 2.0, X, 0.0))):
        model = fitted("hinge", given, y, **options)
        assert model.converged_ and len(model.history_) <= 3
        if given is X:
            assert model.objective_ == pytest.approx(expected, rel=2e-7)


def test_each_way_is_the_cheapest_somewhere():
    def way(n, p, density, n_rows, n_products=60):
        X = np.zeros((n, p))
        X[:, : max(1, int(density * p))] = 1.0
        problem = problem_of(sparse.csr_array(X) if density < 1 else X, np.arange(n) % 2)
        return cost.curved_by(problem, n_rows, n_products)

    assert way(2_000, 20, 1.0, 500) == "columns"
    assert way(300, 2_500, 1.0, 40) == "rows"
    assert way(3_000, 2_500, 0.01, 2_500) == "products"
    assert way(3_000, 2_500, 0.01, 1_500) == "products"
    assert way(3_000, 2_500, 0.01, 1_500, n_products=600) == "rows"


def problem_of(X, y):
    return Problem.of(Objective(Hinge(), L2(), 1e-3, True), X, y[:, None].astype(float))


def test_a_weight_is_a_repetition():
    X, y = data(4)
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    for name in ("quantile", "epsilon_insensitive"):
        model = fitted(name, X, y, weight)
        other = fitted(name, X[repeated], y[repeated])
        assert model.converged_ and other.converged_ and len(model.history_) <= 3
        assert model.objective_ == pytest.approx(other.objective_, rel=2e-7)


def test_rows_that_come_to_a_corner_from_far_away_are_found_out(monkeypatch):
    """A band that no row but those on corners is in."""
    X, y = data(5, n=20_000)
    expected = fitted("hinge", X, y).objective_
    monkeypatch.setattr(multipliers, "BAND", 0.0)
    model = fitted("hinge", X, y)
    assert model.converged_
    assert model.objective_ == pytest.approx(expected, rel=2e-7)


def test_few_rows_are_left(monkeypatch):
    seen, near = [], envelopes.Envelopes.near

    def spied(self, band):
        part = near(self, band)
        seen.append(len(part))
        return part

    monkeypatch.setattr(envelopes.Envelopes, "near", spied)
    X, y = data(6, n=20_000)
    assert fitted("quantile", X, y).converged_
    assert seen[-1] < 0.05 * len(y)


def test_outputs_are_solved_each_for_itself():
    X, y = data(7)
    levels = [0.1, 0.5, 0.9]
    together = NNORegressor(Quantile(levels), alpha=1e-3, tol=1e-7, random_state=0).fit(X, y)
    alone = [
        NNORegressor(Quantile(q), alpha=1e-3, tol=1e-7, random_state=0).fit(X, y) for q in levels
    ]
    assert together.objective_ == pytest.approx(sum(one.objective_ for one in alone), rel=1e-6)


def test_float32_offsets_and_weights_of_coefficients(monkeypatch):
    X, y = data(8)
    penalty = L2(weights=np.linspace(0.5, 2.0, P))
    offset = np.random.default_rng(0).normal(size=len(y))
    model = NNORegressor(Quantile(0.3), penalty=penalty, alpha=1e-3, tol=1e-6)
    given = X.astype(np.float32)
    model.fit(given, y, offset=offset)
    assert model.converged_ and model.coef_.dtype == np.float32 and len(model.history_) <= 3
    found = model.objective_
    elsewhere(monkeypatch)
    assert found == pytest.approx(model.fit(given, y, offset=offset).objective_, rel=2e-6)


@pytest.mark.parametrize("penalty", [L1(), L2(weights=[0.0] + [1.0] * (P - 1)), L2(lower=0.0)])
def test_other_penalties_take_other_roads(penalty):
    X, y = data(9)
    problem = problem_of(X, (y > 0).astype(float))
    problem.penalty = penalty.bind(P, 1, None)
    given = np.zeros((P, 1)), np.zeros(1), 1e-6, 100, True, np.random.RandomState(0)
    assert multipliers.place_by_multipliers(problem, *given) is None
    assert fitted("quantile", X, y, penalty=penalty, tol=1e-6).converged_


def test_the_iteration_limit_holds():
    X, y = data(10)
    with pytest.warns(match="did not converge: the iteration limit"):
        model = fitted("hinge", X, y, max_iter=3, tol=1e-9)
    assert model.n_iter_ <= 3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_with_some_columns_far_larger_than_others():
    """Beside such a kernel, what rows' own curvatures add to its diagonal is rounding."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(50, 150)), 4, axis=0) * 10.0 ** rng.integers(-8, 9, 150)
    model = fitted("quantile", X, rng.normal(size=200), alpha=1e-6, max_iter=100)
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("seed", range(4))
def test_small_problems_end_at_rounding_also_where_equal_rows_have_both_labels(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 3))
    X, y = np.vstack([X, X[:4]]), rng.integers(0, 2, 8)
    y = np.append(y, 1 - y[:4])
    for alpha in (1e-2, 1e-6):
        models = [
            NNOClassifier("hinge", alpha=alpha, solver=one).fit(X, y) for one in ("auto", "gd")
        ]
        for model in models:
            assert model.converged_ and model.dual_gap_ <= 1e-11 * model.objective_
        np.testing.assert_allclose(models[0].coef_, models[1].coef_, atol=1e-8)


def test_columns_of_many_scales_are_left_to_others():
    """Newton's steps end far above the constant model there, and are not taken."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 9)) * 10.0 ** np.linspace(-9, 9, 9)
    y = np.arange(9) % 2
    for alpha in (1e-3, 1.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = NNOClassifier("hinge", alpha=alpha, tol=1e-7).fit(X, y)
        assert model.objective_ <= 8 / 9 + 1e-9


def raw_measurements(seed, n, p):
    """Positive columns in units of their own, of which a few differ between two classes: many more
    than rows, and so large beside the penalty that the optimum is about 1e-11."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(5, 1.8, p) * rng.lognormal(0, 0.6, (n, p)) + rng.normal(0, 30, (n, p))
    y = (rng.random(n) < 0.35).astype(int)
    X[y == 1, : p // 20] *= 1.6
    return X, y


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor"])
@pytest.mark.parametrize("seed", [1, 5, 10])
@pytest.mark.parametrize(("n", "p"), [(40, 300), (60, 1_000)])
def test_classes_apart_in_columns_of_large_units(n, p, seed, solver):
    X, y = raw_measurements(seed, n, p)
    model = NNOClassifier("hinge", solver=solver, random_state=0).fit(X, y)
    assert model.converged_ and model.n_iter_ < 250
    assert model.objective_ < 1e-9 and model.score(X, y) == 1.0


@pytest.mark.parametrize("name", list(CASES))
def test_a_rise_is_what_a_step_makes_of_the_smooth_value(name):
    X, y = data(5, n=300)
    loss = CASES[name][1]
    target = (y > np.median(y)).astype(float) if name == "hinge" else y
    problem = Problem.of(Objective(loss, L2(), 0.1, True), X, target[:, None])
    rows = problem.rows.envelopes(0)
    rows.begin(np.zeros((P, 1)), np.zeros(1))
    rows.look(2.0)
    step = np.random.default_rng(0).normal(size=P + 1)
    before = rows.smooth_value()
    rows.plan(step)
    for t in (1e-3, 0.1, 3.0):
        expected = rows.rise(t)
        rows.step(t)
        rows.look(2.0)
        assert rows.smooth_value() - before == pytest.approx(expected, rel=1e-9)
        rows.step(-t)
        rows.look(2.0)


class Kink:
    """A line that falls steeply, and rises beyond a place that is near."""

    place, down, up = 1e-6, -1e6, 1e4

    def derivatives(self, t):
        return (self.down if t < self.place else self.up), 1.0

    def rise(self, t):
        return self.down * min(t, self.place) + self.up * max(t - self.place, 0.0)


def test_a_slope_that_is_small_beside_the_first_is_no_end_above_the_start():
    X, y = data(6, n=50)
    problem = Problem.of(Objective(Quantile(0.5), L2(), 0.1, True), X, y[:, None])
    start = multipliers.OutputPlace(np.zeros((P, 1)), np.zeros(1), None, 0)
    search = multipliers._Search(problem, np.ones(P), problem.rows.envelopes(0), start, 4.0)
    line = Kink()
    t = search._length(line, np.zeros(P + 1), line.down)
    assert abs(line.up) < multipliers.CONTENT * abs(line.down)  # so a slope alone tells nothing
    assert t > 0 and line.rise(t) < 0
