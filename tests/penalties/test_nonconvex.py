"""MCP and SCAD: fits end at stationary points, by the textbooks' formulas."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import scale

from nno_sklearn import MCP, SCAD, NNOClassifier, NNORegressor, NNOSearchCV, check_penalty
from nno_sklearn.penalties import PENALTIES, NoPenalty
from tests.penalties.test_shape import KINDS, NUMBERS
from tests.penalties.test_shape import X as UNSCALED

X = scale(UNSCALED)
N, P = X.shape
COUNTS = np.random.default_rng(4).poisson(np.exp(np.clip(NUMBERS[:, 0] / 4, -3, 2))).astype(float)
KINKED_SOLVERS = ("auto", "proximal", "nearest_neighbor")
ALPHA, TOL = 0.1, 1e-9
KINDS_OF = [MCP(3.0), MCP(1.5), SCAD(3.7), SCAD(2.2)]


def textbook_value(penalty, w, alpha):
    """Of MCP by Zhang (2010), of SCAD by Fan and Li (2001), with strength."""
    a, gamma = np.abs(w), penalty.gamma
    if isinstance(penalty, MCP):
        return np.where(a <= gamma * alpha, alpha * a - a**2 / (2 * gamma), gamma * alpha**2 / 2)
    middle = (2 * gamma * alpha * a - a**2 - alpha**2) / (2 * (gamma - 1))
    end = alpha**2 * (gamma + 1) / 2
    return np.where(a <= alpha, alpha * a, np.where(a <= gamma * alpha, middle, end))


def textbook_slope(penalty, w, alpha):
    a, gamma = np.abs(w), penalty.gamma
    if isinstance(penalty, MCP):
        return np.maximum(alpha - a / gamma, 0.0)
    return np.where(a <= alpha, alpha, np.maximum(gamma * alpha - a, 0.0) / (gamma - 1))


def off_stationary(model, rows, y, weight=None):
    """How far a model is from a stationary point, in units of alpha."""
    if hasattr(model, "classes_"):
        y = np.eye(len(model.classes_))[y] if len(model.classes_) > 2 else y
    y = np.asarray(y, dtype=float).reshape(len(rows), -1)
    weight = np.ones(len(rows)) if weight is None else weight
    coef = np.atleast_2d(model.coef_).T.astype(float)
    residual = model.loss_.gradient(y, rows @ coef + model.intercept_)
    gradient = rows.T @ (weight[:, None] * residual) / weight.sum()
    slope = np.sign(coef) * textbook_slope(model.penalty, coef, model.alpha)
    inside = np.maximum(np.abs(gradient) - model.alpha, 0.0)
    return np.where(coef == 0, inside, np.abs(gradient + slope)).max() / model.alpha


@pytest.mark.parametrize("penalty", [*KINDS_OF, MCP(0.2), SCAD(1.05)], ids=repr)
def test_values_and_proximal_points(penalty):
    check_penalty(penalty)
    at, w = np.linspace(-8, 8, 6401), np.linspace(-6.03, 6, 57)[:, None]
    for alpha in (0.3, 1.0):
        bound = penalty.bind(57, 1).at_strength(alpha)
        value = textbook_value(penalty, w, alpha)
        assert alpha * bound.value(w) == pytest.approx(value.sum(), rel=1e-12)
        for step in (0.05, 0.7, 2.0, 9.0):
            rises = 0.5 * (at - w) ** 2 + step * textbook_value(penalty, at, alpha)
            best = bound.prox(w, alpha * step)
            found = 0.5 * (best - w) ** 2 + step * textbook_value(penalty, best, alpha)
            assert (found[:, 0] <= rises.min(axis=1) + 1e-12).all()
            np.testing.assert_array_equal(bound.prox(w, np.full_like(w, alpha * step)), best)


@pytest.mark.parametrize("penalty", KINDS_OF, ids=repr)
def test_the_tangent_is_above_and_touches(penalty):
    bound = penalty.at_strength(0.4)
    for w in np.linspace(-3, 3, 13):
        tangent = bound.piecewise_quadratic(np.array([[w]]))
        for v in np.linspace(-3, 3, 25):
            rise = bound.value(np.array([[v]])) - bound.value(np.array([[w]]))
            bound_of_rise = tangent.value(np.array([[v]])) - tangent.value(np.array([[w]]))
            assert rise <= bound_of_rise + 1e-12
    w = np.array([[-2.0], [-0.5], [0.7], [1.3], [0.05]])
    slopes = [bound.piecewise_quadratic(w + t).slopes(w + t)[0] for t in (-1e-6, 1e-6)]
    falls = (slopes[0] - slopes[1]) / 2e-6
    np.testing.assert_allclose(bound.concavity(w), falls, atol=1e-6)


@pytest.mark.each_value
@pytest.mark.parametrize("solver", KINKED_SOLVERS)
@pytest.mark.parametrize("penalty", [MCP(1.5), SCAD(3.7)], ids=repr)
def test_every_loss_and_solver_ends_stationary(penalty, solver):
    weight = np.random.default_rng(1).uniform(0.2, 3.0, N)
    options = {"penalty": penalty, "alpha": ALPHA, "tol": TOL, "solver": solver}
    for model, y in [
        (NNORegressor(**options), NUMBERS[:, 0]),
        (NNORegressor(**options), NUMBERS),
        (NNORegressor("huber", **options), NUMBERS[:, 0]),
        (NNORegressor("poisson", **options), COUNTS),
        (NNOClassifier(**options), (KINDS == 0).astype(int)),
        (NNOClassifier(**options), KINDS),
        (NNOClassifier("squared_hinge", **options), (KINDS == 0).astype(int)),
    ]:
        for container, given in ((np.asarray, None), (sparse.csr_array, weight)):
            model.fit(container(X), y, sample_weight=given)
            assert model.converged_ and model.dual_gap_ == np.inf
            assert off_stationary(model, X, y, given) < 1e-6
            assert 0 < np.count_nonzero(model.coef_)


def proximal_gradient(X, y, penalty, alpha):
    """Plain steps from 0, for squared error without an intercept; the objective."""
    step, bound = 0.9 * len(y) / np.linalg.norm(X, 2) ** 2, penalty.at_strength(alpha)
    w = np.zeros((X.shape[1], 1))
    for _ in range(5_000):
        before, w = w, bound.prox(w - step * X.T @ (X @ w - y[:, None]) / len(y), step * alpha)
        if np.abs(w - before).max() < 1e-13:
            break
    residual = y - (X @ w)[:, 0]
    return 0.5 * np.mean(residual**2) + textbook_value(penalty, w, alpha).sum()


def sparse_problem(n, p):
    rng = np.random.default_rng(0)
    rows = scale(rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1)))
    coef = np.zeros(p)
    coef[:8] = rng.choice([-1, 1], 8) * rng.uniform(0.5, 2.0, 8)
    y = rows @ coef + 0.5 * rng.normal(size=n)
    return rows, y - y.mean()


@pytest.mark.parametrize(("n", "p"), [(200, 40), (100, 300)])
@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=repr)
def test_the_objective_is_that_of_plain_steps(penalty, n, p):
    rows, y = sparse_problem(n, p)
    for share in (0.4, 0.2):
        alpha = share * np.abs(rows.T @ y).max() / n
        model = NNORegressor(penalty=penalty, alpha=alpha, tol=1e-7).fit(rows, y)
        assert model.converged_
        reference = proximal_gradient(rows, y, penalty, alpha)
        assert model.objective_ <= reference + 1e-6 * reference


#: Fits skglm's estimator to rows and targets in a file, and prints its coefficients.
OF_SKGLM = """
import json, sys, numpy as np, skglm
from skglm import penalties
data, name, alpha, gamma = np.load(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
solver = skglm.solvers.AndersonCD(tol=1e-9, fit_intercept=False)
penalty = getattr(penalties, name)(alpha, gamma)
model = skglm.GeneralizedLinearEstimator(skglm.datafits.Quadratic(), penalty, solver)
print(json.dumps(model.fit(data["rows"], data["y"]).coef_.ravel().tolist()))
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(("penalty", "name"), [(MCP(), "MCPenalty"), (SCAD(), "SCAD")])
def test_the_objective_is_that_of_skglm(penalty, name, tmp_path):
    """In a process that compiles, as tests of benchmarks forbid it to theirs."""
    pytest.importorskip("skglm")
    rows, y = sparse_problem(200, 40)
    alpha = 0.2 * np.abs(rows.T @ y).max() / 200
    np.savez(tmp_path / "data.npz", rows=rows, y=y)
    given = [tmp_path / "data.npz", name, alpha, penalty.gamma]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OF_SKGLM, *map(str, given)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "0"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    model = NNORegressor(penalty=penalty, alpha=alpha, tol=1e-7).fit(rows, y)
    np.testing.assert_allclose(model.coef_, json.loads(run.stdout), atol=1e-5)


def test_float32_stays():
    rows, y = sparse_problem(200, 40)
    exact = NNORegressor(penalty="mcp", alpha=0.3, tol=1e-6).fit(rows, y)
    single = clone(exact).set_params(tol=1e-4).fit(rows.astype(np.float32), y)
    assert single.converged_ and single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, exact.coef_, atol=1e-3)


def test_large_coefficients_are_not_shrunk():
    rows, y = sparse_problem(200, 40)
    for name in ("mcp", "scad"):
        model = NNORegressor(penalty=name, alpha=0.1, tol=1e-8).fit(rows, y)
        used = np.flatnonzero(model.coef_)
        assert set(range(8)) <= set(used) and len(used) < 40
        if (np.abs(model.coef_[used]) > PENALTIES[name]().gamma * 0.1).all():
            plain = np.linalg.lstsq(rows[:, used], y, rcond=None)[0]
            np.testing.assert_allclose(model.coef_[used], plain, atol=1e-6)
            return
    pytest.fail("neither model has large coefficients only")


def test_a_search_tunes_gamma():
    grid = {"alpha": [0.5, 0.3, 0.1], "penalty__gamma": [1.5, 3.0, 10.0]}
    rows, y = sparse_problem(200, 40)
    search = NNOSearchCV(NNORegressor(penalty=MCP(), tol=1e-8), grid, cv=3).fit(rows, y)
    best = search.best_estimator_
    assert best.penalty.gamma == search.best_params_["penalty__gamma"]
    assert best.converged_ and off_stationary(best, rows, y) < 1e-6
    auto = NNOSearchCV(NNORegressor(penalty="scad"), alphas=5, cv=3).fit(rows, y)
    assert auto.cv_results_["mean_test_score"].max() > 0.9
    np.testing.assert_allclose(  # the strongest of "auto" leaves no coefficient
        auto.cv_results_["strength"].max(), np.abs(rows.T @ y).max() / 200, rtol=1e-6
    )


def test_starts_matter_where_there_are_several_stationary_points():
    """A warm start at one of them stays there; both are certified."""
    rows = np.ones((10, 1)) * np.linspace(-1, 1, 10)[:, None]
    rows /= np.sqrt(np.mean(rows**2))
    y = 1.2 * rows[:, 0]  # 0 and 1.2 are stationary: 1.2 <= alpha, 1.2 >= gamma * alpha
    model = NNORegressor(penalty=MCP(0.8), alpha=1.3, tol=1e-10, warm_start=True)
    assert model.fit(rows, y).coef_[0] == 0 and model.converged_
    model.coef_ = np.array([1.2])
    assert model.fit(rows, y).coef_[0] == pytest.approx(1.2) and model.converged_


def test_without_a_strength_nothing_is_left():
    assert isinstance(MCP().constraints(), NoPenalty)
    model = NNORegressor(penalty="scad", alpha=0.0, tol=1e-9).fit(X, NUMBERS[:, 0])
    plain = NNORegressor(penalty=None, tol=1e-9).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-7)


def test_separable_classes_have_no_optimum():
    """The penalty is level far out, where the log-loss still falls."""
    rows = np.linspace(-2, 2, 40)[:, None]
    model = NNOClassifier(penalty="mcp", alpha=0.02)
    with pytest.warns(UserWarning, match="no minimum"):
        model.fit(rows, rows[:, 0] > 0.01)
    assert not model.converged_ and model.dual_gap_ == np.inf


@pytest.mark.parametrize("penalty", [MCP(), SCAD()])
def test_few_rows_take_few_sets(penalty):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, 900)) + 0.7 * rng.normal(size=(150, 1))
    y = rows[:, :20] @ rng.normal(size=20) + rng.normal(size=150)
    alpha = 0.15 * np.abs(rows.T @ (y - y.mean())).max() / 150
    model = NNORegressor(penalty=penalty, alpha=alpha, tol=1e-6).fit(rows, y)
    assert model.converged_ and model.n_iter_ <= 3
    gradient = rows.T @ (rows @ model.coef_ + model.intercept_ - y) / 150
    bound = penalty.bind(900, 1).at_strength(alpha)
    assert bound.subdiff_distance(model.coef_[:, None], gradient[:, None] / alpha).max() < 1e-6


@pytest.mark.parametrize("stream", ["ftrl", "cells"])
def test_streams(stream):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(4000, 6))
    y = rows @ [1.0, -1.0, 0.0, 0.5, 0.0, 0.0] + 0.1 * rng.normal(size=4000)
    model = NNORegressor(penalty="mcp", alpha=0.1, stream=stream)
    for part in np.array_split(np.arange(4000), 8):
        model.partial_fit(rows[part], y[part])
    np.testing.assert_allclose(model.coef_, [1.0, -1.0, 0.0, 0.5, 0.0, 0.0], atol=0.03)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [(MCP(0.0), r"MCP\(gamma=0.0\): gamma must be a number above 0.*gamma \* alpha"),
     (MCP(np.inf), r"MCP\(gamma=inf\).*L1\(\) penalises all"),
     (SCAD(1.0), r"SCAD\(gamma=1.0\): gamma must be a number above 1")],
)  # fmt: skip
def test_gammas_that_make_no_sense(penalty, message):
    with pytest.raises(ValueError, match=message):
        NNORegressor(penalty=penalty).fit(X, NUMBERS[:, 0])


def test_objects():
    for penalty in (MCP(2.0), SCAD(3.0)):
        assert clone(penalty).get_params() == {"gamma": penalty.gamma, "groups": None}
        bound = pickle.loads(pickle.dumps(penalty.bind(3, 1).at_strength(0.5)))
        assert bound.value(np.ones((3, 1))) == penalty.at_strength(0.5).value(np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"solver='gd' needs a penalty with a gradient"):
        NNORegressor(penalty="mcp", solver="gd").fit(X, NUMBERS[:, 0])
