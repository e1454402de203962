"""Huber's loss with its scale: on all penalties and solvers, against optima found without it."""

import numpy as np
import pytest
from scipy import optimize, sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor

from nno_sklearn import NNORegressor, NNOSearchCV, check_loss, linear_model
from nno_sklearn.callbacks import Callback
from nno_sklearn.losses import ConcomitantHuber, Huber, ScaledHuber
from nno_sklearn.penalties import L1, L2, FusedLasso, GroupLasso
from nno_sklearn.problem import best_scale
from nno_sklearn.solvers import Status
from tests.estimators import SOLVERS
from tests.problems import X, Y, pose

N, ALPHA, TOL = len(X), 0.05, 1e-7
RNG = np.random.default_rng(0)
WEIGHT, OFFSET = RNG.uniform(0.1, 3.0, N), RNG.normal(size=N)
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}


class StopAt(Callback):
    """Ends a fit at an iteration."""

    def __init__(self, last):
        self.last = last

    def on_iteration(self, iteration):
        return iteration.number >= self.last


def objective(coef, intercept, scale, X, y, weight, l1, l2, epsilon=1.35):
    """As HuberRegressor's, divided by twice the weights, and an elastic net."""
    z = np.abs(y - X @ coef - intercept) / scale
    losses = scale * (1 + np.where(z <= epsilon, z**2, 2 * epsilon * z - epsilon**2)) / 2
    return np.average(losses, weights=weight) + l1 * np.abs(coef).sum() + l2 / 2 * coef @ coef


def least_objective(X, y, weight, l1, l2):
    """The optimum, by L-BFGS-B in w+, w-, b and sigma, restarted."""
    p = X.shape[1]

    def of(z):
        w = z[:p] - z[p : 2 * p]
        r = y - X @ w - z[-2]
        u, s = np.clip(r / z[-1], -1.35, 1.35), weight / weight.sum()
        slope = np.r_[-(X.T @ (s * u)), X.T @ (s * u)] + l1
        slope += l2 * np.r_[w, -w]
        value = objective(w, z[-2], z[-1], X, y, weight, 0.0, l2) + l1 * z[: 2 * p].sum()
        return value, np.r_[slope, -(s @ u), 0.5 * (1 - s @ u**2)]

    bounds = [(0, None)] * (2 * p) + [(None, None), (1e-6, None)]
    best = np.r_[np.zeros(2 * p), np.median(y), y.std()]
    for _ in range(20):
        options = {"ftol": 1e-16, "gtol": 1e-12, "maxiter": 5000}
        best = optimize.minimize(of, best, jac=True, bounds=bounds, options=options).x
    return of(best)[0]


@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet", None])
def test_every_solver_finds_and_certifies_the_optimum(penalty):
    l1, l2 = {"l1": (ALPHA, 0.0), "l2": (0.0, ALPHA), None: (0.0, 0.0)}.get(
        penalty, (0.5 * ALPHA, 0.5 * ALPHA)
    )
    for container, convert in CONTAINERS.items():
        weight, offset = (np.ones(N), None) if container == "csr" else (WEIGHT, OFFSET)
        moved = Y if offset is None else Y - offset
        best = least_objective(X, moved, weight, l1, l2)
        tol = 1e-5 if container == "float32" else TOL
        for solver in SOLVERS[penalty] if container == "dense" else ("auto",):
            model = NNORegressor(
                "concomitant_huber", penalty=penalty, alpha=ALPHA, solver=solver, tol=tol
            ).fit(convert(X), Y, weight, offset=offset)
            assert model.converged_ and model.optimality_ <= tol
            assert -1e-9 <= model.objective_ / best - 1 <= 1.01 * tol + 1e-9
            found = model.coef_.astype(float), model.intercept_, model.loss_.scale
            expected = objective(*found, X, moved, weight, l1, l2)
            assert model.objective_ == pytest.approx(expected, rel=1e-6)
            assert model.objective_ - best <= model.dual_gap_ + 1e-9 * best


WITHOUT_A_BOUND = {
    "steps alone": FusedLasso(l1_ratio=0.0),
    "a free coefficient": L1(weights=np.array([0.0, 1.0, 2.0])),
    "a free group": GroupLasso([[0], [1, 2]], weights=np.array([0.0, 1.0])),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("penalty", WITHOUT_A_BOUND)
def test_optima_that_no_dual_point_bounds(penalty, seed):
    """A gain of the scale with the coefficients held is not all that there is to gain."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 3))
    y = X @ [0.6, 0.5, -0.4] + 0.3 * rng.standard_t(1.5, size=40)
    model = NNORegressor("concomitant_huber", alpha=ALPHA, tol=1e-6, solver="proximal")
    model.set_params(penalty=WITHOUT_A_BOUND[penalty]).fit(X, y)

    def at(log_scale):
        loss = ScaledHuber(np.exp(log_scale))
        return clone(model).set_params(loss=loss, tol=1e-9).fit(X, y).objective_

    own = np.log(model.loss_.scale[0])
    found = optimize.minimize_scalar(at, bounds=(own - 1, own + 1), options={"xatol": 1e-6})
    assert model.converged_
    assert model.objective_ <= found.fun * (1 + 1e-6)


@pytest.mark.parametrize("epsilon", [1.1, 1.35, 5.0, 1e3])
def test_each_output_has_its_own_scale(epsilon):
    both = np.column_stack([Y, 1000 * np.abs(Y)])
    model = NNORegressor(ConcomitantHuber(epsilon), penalty="l1", tol=1e-8).fit(X, both)
    for k, y in enumerate(both.T):
        alone = clone(model).fit(X, y)
        np.testing.assert_allclose(model.loss_.scale[k], alone.loss_.scale[0], rtol=1e-3)
        np.testing.assert_allclose(model.coef_[k], alone.coef_, rtol=1e-3)


def test_a_scaled_target_has_scaled_predictions():
    model = NNORegressor("concomitant_huber", alpha=ALPHA, tol=1e-9).fit(X, Y)
    scaled = NNORegressor("concomitant_huber", alpha=ALPHA / 1e6, tol=1e-9).fit(X, 1e6 * Y)
    np.testing.assert_allclose(scaled.coef_, 1e6 * model.coef_, rtol=1e-5)
    np.testing.assert_allclose(scaled.loss_.scale, 1e6 * model.loss_.scale, rtol=1e-5)


@pytest.mark.parametrize("penalty", ["l1", "l2", None])
def test_a_weight_is_a_repetition(penalty):
    model = NNORegressor("concomitant_huber", penalty=penalty)
    count = np.random.default_rng(1).integers(0, 4, N)
    weighted, again = clone(model).fit(X, Y, count), np.repeat(np.arange(N), count)
    repeated = model.fit(X[again], Y[again])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9)
    np.testing.assert_allclose(weighted.loss_.scale, repeated.loss_.scale, rtol=1e-9)


def test_what_no_scale_fits_ends_at_none():
    constant = NNORegressor("concomitant_huber").fit(X, np.full(N, 3.0))
    assert constant.converged_ and not constant.coef_.any() and constant.intercept_ == [3.0]
    exact = NNORegressor("concomitant_huber", penalty=None).fit(X, X @ [1.0, -2.0, 3.0, 0.0])
    assert exact.converged_ and exact.loss_.scale < 1e-10
    np.testing.assert_allclose(exact.coef_, [1.0, -2.0, 3.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_what_interpolates_has_the_shortest_coefficients(container):
    """Most residuals of the constant model are 0, so that no scale is best for it."""
    rng = np.random.RandomState(42)
    A, y = rng.rand(15, 30), rng.randint(0, 3, size=15)
    weight = rng.randint(0, 5, size=15)
    model = NNORegressor("concomitant_huber", tol=1e-8).fit(container(A), y, weight)
    assert model.converged_ and model.loss_.scale[0] < 1e-10
    A, y = A[weight > 0], y[weight > 0]
    shortest = np.linalg.pinv(A - A.mean(axis=0)) @ (y - y.mean())
    np.testing.assert_allclose(model.coef_, shortest, atol=1e-5)


@pytest.mark.parametrize("intercept", [True, False])
def test_coefficients_and_scale_take_newtons_steps_together(intercept):
    target = np.column_stack([Y, 3.0 * Y[::-1] + X[:, 0]])
    given = {"alpha": 0.01, "tol": 1e-10, "fit_intercept": intercept}
    together = NNORegressor("concomitant_huber", **given).fit(X, target, WEIGHT)
    apart = NNORegressor("concomitant_huber", solver="gd", **given).fit(X, target, WEIGHT)
    assert together.n_iter_ <= 12 < apart.n_iter_
    np.testing.assert_allclose(together.coef_, apart.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(together.loss_.scale, apart.loss_.scale, rtol=1e-8)
    np.testing.assert_array_less(np.diff([record.objective for record in together.history_]), 1e-12)


@pytest.mark.parametrize("count", [1, 3])
def test_steps_of_coefficients_and_scale_end_where_they_are_told_to(count):
    model = NNORegressor("concomitant_huber", tol=1e-12, max_iter=count)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        model.fit(X, Y)
    assert model.n_iter_ == count == len(model.history_) - 1
    assert 0 < model.optimality_ < np.inf

    stopping = NNORegressor("concomitant_huber", tol=1e-12)
    stopping.set_callbacks(StopAt(count)).fit(X, Y)
    assert stopping.status_ is Status.STOPPED and len(stopping.history_) - 1 == count
    np.testing.assert_allclose(stopping.coef_, model.coef_)


def test_history_has_a_record_for_each_step():
    model = NNORegressor("concomitant_huber", tol=1e-8).fit(X, Y)
    last = model.history_[-1]
    assert (last.objective, last.optimality) == (model.objective_, model.optimality_)
    assert len(model.history_) > 3 and model.history_[0].objective > last.objective


def test_searches_score_it():
    search = NNOSearchCV(NNORegressor("concomitant_huber", penalty="l1"), alphas=5, cv=3).fit(X, Y)
    assert search.cv_results_["mean_converged"].all()
    assert search.cv_results_["mean_n_nonzeros"][0] <= 1
    twin = NNOSearchCV(linear_model.HuberRegressor(), {"alpha": [0.1, 10.0]}, cv=3).fit(X, Y)
    assert twin.best_estimator_.outliers_.shape == (N,)


def test_the_twin_is_scikit_learns():
    theirs = HuberRegressor(alpha=2.0, tol=1e-10, max_iter=10_000).fit(X, Y, WEIGHT)
    ours = linear_model.HuberRegressor(alpha=2.0).fit(X, Y, WEIGHT)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4)
    assert ours.scale_ == pytest.approx(theirs.scale_, rel=1e-4)
    np.testing.assert_array_equal(ours.outliers_, theirs.outliers_)


RESIDUALS = {
    "normal": RNG.normal(size=301),
    "heavy tails": RNG.pareto(0.3, size=301) * 1e6,
    "some zeros": np.r_[np.zeros(2), RNG.normal(size=299)],
    "equal": np.full(301, 2.0),
    "one far off": np.r_[1e3, 1e-9 * RNG.normal(size=300)],
}


@pytest.mark.parametrize("residuals", RESIDUALS)
@pytest.mark.parametrize("epsilon", [1.01, 1.35, 3.0])
def test_the_best_scale_of_residuals(residuals, epsilon):
    """Where the mean of min(r^2 / scale^2, epsilon^2) is 1: a root between two residuals."""
    r = np.sort(np.abs(RESIDUALS[residuals]))
    inside = np.arange(1, len(r) + 1)
    roots = np.sqrt(np.cumsum(r**2) / np.maximum(len(r) - epsilon**2 * (len(r) - inside), 1e-9))
    upper = np.r_[r[1:], np.inf]
    expected = roots[(roots * epsilon >= r * (1 - 1e-12)) & (roots * epsilon < upper)].max()
    y = RESIDUALS[residuals][:, None]
    problem = pose(np.ones((301, 1)), y, ConcomitantHuber(epsilon), L2(), ALPHA)
    found = best_scale(problem, problem.rows.nothing(), np.zeros(1), settled=1e-10)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_no_scale_is_best_where_most_residuals_are_none():
    rare = np.r_[np.zeros(200), np.ones(101)]
    problem = pose(np.ones((301, 1)), rare[:, None], ConcomitantHuber(1.2), L2(), ALPHA)
    assert best_scale(problem, problem.rows.nothing(), np.zeros(1))[0] < 1e-15


@pytest.mark.parametrize("loss", [ConcomitantHuber(), ScaledHuber(0.7), ScaledHuber(2.0, 1.0)])
def test_contract(loss):
    check_loss(loss, Y[:, None])


def test_derivatives_by_the_scale():
    """Jointly convex, with the derivative by the scale that the certificate is made of."""
    eta, y, step = np.linspace(-3, 3, 50)[:, None], np.zeros((50, 1)), 1e-6
    up, down = (ScaledHuber(1.0 + t).value(y, eta) for t in (step, -step))
    slope = ScaledHuber(1.0).gradient(y, eta)
    np.testing.assert_allclose((up - down) / (2 * step), (1 - slope**2) / 2, atol=1e-8)


def test_errors():
    with pytest.raises(ValueError, match=r"ConcomitantHuber\(epsilon=0.5\): it must be a num"):
        NNORegressor(ConcomitantHuber(0.5)).fit(X, Y)
    with pytest.raises(ValueError, match=r"ScaledHuber\(scale=0.0\): it must be greater than 0"):
        NNORegressor(ScaledHuber(0.0)).fit(X, Y)
    with pytest.raises(ValueError, match=r"Huber\(delta='large'\).*delta='auto'"):
        NNORegressor(Huber("large")).fit(X, Y)
    for loss in ("concomitant_huber", Huber("auto")):
        with pytest.raises(AttributeError) as refused:
            _ = NNORegressor(loss).partial_fit
        said = str(refused.value.__cause__)
        assert "estimates a scale of all rows. Use loss=Huber(delta=...)" in said


@pytest.mark.parametrize("alpha", [1e-2, 1e-3])
def test_rows_that_can_be_fitted_exactly_take_few_passes(alpha):
    """No residual is left, so the best scale is 0: the optimum is that of a linear program."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 12)) + 1e4, rng.normal(size=5)
    sides = np.column_stack([X, -X, np.ones(5)])
    costs, bounds = np.r_[np.ones(24), 0.0], [(0, None)] * 24 + [(None, None)]
    least = optimize.linprog(costs, A_eq=sides, b_eq=y, bounds=bounds).fun
    model = NNORegressor("concomitant_huber", penalty="l1", alpha=alpha, tol=1e-7).fit(X, y)
    assert model.converged_ and model.n_passes_ < 5000
    assert model.objective_ == pytest.approx(alpha * least, rel=2e-7)
    assert np.abs(y - model.predict(X)).max() < 1e-6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_problem_is_solved_however_far_the_best_scale_is():
    """Newton's steps may end where gaps are many times the objective: no accuracy to aim at."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(600, 60))
    truth = rng.normal(size=60)
    y = X @ truth + 3 + 0.01 * rng.standard_t(1, 600)
    model = linear_model.HuberRegressor(epsilon=1.01, alpha=1.0).fit(X, y)
    np.testing.assert_allclose(model.coef_, truth, atol=0.02)


def test_huber_of_an_automatic_delta_is_this_loss():
    model = NNORegressor(Huber(delta="auto"), alpha=ALPHA).fit(X, Y)
    other = NNORegressor("concomitant_huber", alpha=ALPHA).fit(X, Y)
    np.testing.assert_array_equal(model.coef_, other.coef_)
    assert isinstance(model.loss_, ScaledHuber) and model.loss.delta == "auto"
    assert not hasattr(model, "partial_fit")
    tuned = clone(model).set_params(loss__delta=2.0).fit(X, Y)
    assert tuned.loss_.delta == 2.0
    with pytest.raises(ValueError, match="or delta='auto' for 1.35 times a scale"):
        NNORegressor(Huber(delta="x")).fit(X, Y)
