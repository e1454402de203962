"""MCP and SCAD of groups: by the textbooks' formulas of a group's norm."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from nno_sklearn import (
    MCP,
    SCAD,
    GroupLasso,
    NNORegressor,
    NNOSearchCV,
    check_penalty,
)
from tests.penalties.fits import fits_of_every_kind, gradient_of
from tests.penalties.test_nonconvex import COUNTS, X, textbook_slope, textbook_value
from tests.penalties.test_shape import KINDS, NUMBERS, P

ALPHA, TOL = 0.1, 1e-9
MEMBERS = [[0, 2], [1, 5]]
PENALTIES = {
    "mcp": MCP(3.0, groups=MEMBERS),
    "scad": SCAD(3.7, groups={"a": [0, 2], "b": [1, 5]}),
    "rows": MCP(3.0, groups="rows"),
}


def parts_of(name):
    return [[j] for j in range(P)] if name == "rows" else [*MEMBERS, [3], [4]]


def value_of(name, coef, alpha):
    """``sum_g P(|w_g|; alpha sqrt(K_g), gamma)`` (Breheny and Huang, 2015)."""
    penalty = PENALTIES[name]
    sizes = [(np.linalg.norm(coef[part]), alpha * np.sqrt(len(part))) for part in parts_of(name)]
    return sum(textbook_value(penalty, size, strength) for size, strength in sizes)


def off_stationary(name, coef, gradient, alpha):
    """Largest distance of ``-gradient`` to the subdifferential, in units of alpha."""
    worst = 0.0
    for part in parts_of(name):
        w, g, strength = coef[part].ravel(), gradient[part].ravel(), alpha * np.sqrt(len(part))
        size = np.linalg.norm(w)
        if size == 0:
            worst = max(worst, np.linalg.norm(g) - strength)
        else:
            slope = textbook_slope(PENALTIES[name], size, strength)
            worst = max(worst, np.linalg.norm(g + slope * w / size))
    return worst / alpha


@pytest.mark.parametrize("name", PENALTIES)
def test_contract_and_formulas(name):
    check_penalty(PENALTIES[name], n_features=P)
    rng = np.random.default_rng(0)
    bound = PENALTIES[name].bind(P, 3).at_strength(0.4)
    assert bound.bind(P, 3) is bound
    for size in (0.1, 0.5, 3.0):
        w = size * rng.normal(size=(P, 3))
        assert 0.4 * bound.value(w) == pytest.approx(value_of(name, w, 0.4), rel=1e-12)
        tangent = bound.group_norms(w)
        for other in size * rng.normal(size=(5, P, 3)):
            rise = bound.value(other) - bound.value(w)
            assert rise <= tangent.value(other) - tangent.value(w) + 1e-12
    assert pickle.loads(pickle.dumps(bound)).value(w) == bound.value(w)
    assert clone(PENALTIES[name]).get_params().keys() == {"gamma", "groups"}


@pytest.mark.parametrize("name", PENALTIES)
def test_second_derivatives(name):
    """Across a group's direction those of the tangent, along it less by the concavity."""
    bound, rng = PENALTIES[name].bind(P, 3).at_strength(0.9), np.random.default_rng(2)
    w, d = rng.normal(size=(2, P, 3))

    def slope(v):
        return bound.group_norms(v).rates(v)[0] * v

    expected = (slope(w + 1e-6 * d) - slope(w - 1e-6 * d)) / 2e-6
    _, unit = bound.bound_norms.rates(w)
    along = bound.bound_norms.of_features(bound.bound_norms.sums(unit * d)) * unit
    found = bound.curvature_product(w, d) - bound.concavity(w) * along
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert bound.concavity(w).any()


@pytest.mark.parametrize(
    ("name", "solver"),
    [
        ("scad", "auto"),
        ("rows", "nearest_neighbor"),
        pytest.param("mcp", "auto", marks=pytest.mark.exhaustive),
        pytest.param("rows", "proximal", marks=pytest.mark.exhaustive),
    ],
)
def test_every_loss_and_solver_ends_stationary(name, solver):
    options = {"penalty": PENALTIES[name], "alpha": ALPHA, "tol": TOL, "solver": solver}
    fits = fits_of_every_kind(X, NUMBERS, COUNTS, KINDS, **options)
    for model, y, weight in fits:
        assert model.converged_ and model.dual_gap_ == np.inf
        coef, gradient = gradient_of(model, X, y, weight)
        assert off_stationary(name, coef, gradient, ALPHA) < 1e-6 and coef.any()


def wide_problem():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 240)) + 0.3 * rng.normal(size=(80, 1))
    y = rows[:, :6].sum(axis=1) - rows[:, 6:12].sum(axis=1) + 0.3 * rng.normal(size=80)
    return rows - rows.mean(axis=0), y - y.mean(), [list(range(j, j + 6)) for j in range(0, 240, 6)]


@pytest.mark.parametrize("kind", [MCP, SCAD])
def test_the_objective_is_that_of_plain_steps(kind):
    rows, y, members = wide_problem()
    model = NNORegressor(penalty=kind(groups=members), alpha=0.3, tol=1e-8).fit(rows, y)
    assert model.converged_ and np.flatnonzero(model.coef_).tolist() == list(range(12))
    bound = model.penalty.bind(240, 1).at_strength(0.3)
    w, step = np.zeros((240, 1)), 0.9 * 80 / np.linalg.norm(rows, 2) ** 2
    for _ in range(5_000):
        before, w = w, bound.prox(w - step * rows.T @ (rows @ w - y[:, None]) / 80, 0.3 * step)
        if np.abs(w - before).max() < 1e-13:
            break
    reference = 0.5 * np.mean((rows @ w - y[:, None]) ** 2) + 0.3 * bound.value(w)
    assert model.objective_ <= reference * (1 + 1e-6)


def test_large_groups_are_not_shrunk():
    rows, y, members = wide_problem()
    shrunk = NNORegressor(penalty=GroupLasso(members), alpha=0.3, tol=1e-8).fit(rows, y)
    model = NNORegressor(penalty=MCP(groups=members), alpha=0.3, tol=1e-8).fit(rows, y)
    plain = np.linalg.lstsq(rows[:, :12], y, rcond=None)[0]
    np.testing.assert_allclose(model.coef_[:12], plain, atol=1e-6)
    assert np.abs(shrunk.coef_[:12] - plain).max() > 0.1


def test_groups_of_one_are_no_groups():
    y = NUMBERS[:, 0]
    alone = NNORegressor(penalty=MCP(groups=[]), alpha=ALPHA, tol=TOL).fit(X, y)
    model = NNORegressor(penalty=MCP(), alpha=ALPHA, tol=TOL).fit(X, y)
    np.testing.assert_allclose(alone.coef_, model.coef_, atol=1e-7)


def test_names_searches_and_float32():
    frame = pd.DataFrame(X.astype(np.float32), columns=list("abcdef"))
    model = NNORegressor(penalty=MCP(groups={"g": ["a", "c"], "h": "[bf]"}), tol=1e-5)
    grid = {"alpha": [0.1], "penalty__gamma": [1.5, 3.0]}
    best = NNOSearchCV(model, grid, cv=2).fit(frame, NUMBERS[:, 0]).best_estimator_
    assert best.converged_ and best.coef_.dtype == np.float32
    exact = clone(best).set_params(tol=TOL, penalty__groups=MEMBERS).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(best.coef_, exact.coef_, atol=1e-3)


def test_streams_and_errors():
    model = NNORegressor(penalty=MCP(groups=MEMBERS), alpha=ALPHA, stream="ftrl")
    with pytest.raises(ValueError, match="MCP ties"):
        model.partial_fit(X, NUMBERS[:, 0])
    for groups, message in (("row", r"SCAD\(groups='row'\): pass 'rows'"),
                            ([[9]], r"SCAD\(groups=...\): there is no column 9")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            NNORegressor(penalty=SCAD(groups=groups)).fit(X, NUMBERS[:, 0])
