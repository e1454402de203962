"""Penalties that know features and outputs, in fits: each optimum is known from elsewhere."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import Lasso

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.penalties import NoPenalty, Penalty
from nno_sklearn.solvers import quadratic, working_set
from tests.penalties.test_shape import GROUPS, KINDS, NUMBERS, Box, GroupNorms, RowNorms, X
from tests.user_objects import MCP, NamedL1, SolvableL1, WeightedL1

ALPHA, TOL = 0.05, 1e-9
KINKED_SOLVERS = ("auto", "proximal", "nearest_neighbor")
OUTPUT_WEIGHTS = np.random.default_rng(2).uniform(0.2, 4.0, (X.shape[1], 3))
NAMES = [f"column {j}" for j in range(X.shape[1])]


class CertifiedGroupNorms(GroupNorms):
    def conjugate(self, z):
        return 0.0 if self._sizes(z).max() <= 1 + 1e-12 else np.inf

    def dual_scaling(self, z):
        return 1 / max(1.0, self._sizes(z).max())


def lasso(rows, y, weights, alpha=ALPHA):
    """scikit-learn's, on columns that are divided by the weights."""
    model = Lasso(alpha, tol=1e-14, max_iter=100_000).fit(rows / weights, y)
    return model.coef_ / weights


@pytest.mark.parametrize("solver", KINKED_SOLVERS)
@pytest.mark.parametrize("kind", [WeightedL1, SolvableL1])
def test_weights_of_each_output(kind, solver):
    """Outputs were handed to the penalty one at a time, as if they were the first."""
    model = NNORegressor(penalty=kind(OUTPUT_WEIGHTS), alpha=ALPHA, tol=TOL, solver=solver)
    model.fit(X, NUMBERS)
    assert model.converged_
    for k, coef in enumerate(model.coef_):
        np.testing.assert_allclose(coef, lasso(X, NUMBERS[:, k], OUTPUT_WEIGHTS[:, k]), atol=1e-6)


def test_weights_of_each_class():
    """Coupled outputs: both forms of the same penalty have the same optimum."""
    models = [
        NNOClassifier(penalty=kind(OUTPUT_WEIGHTS), alpha=0.02, tol=TOL).fit(X, KINDS)
        for kind in (WeightedL1, SolvableL1)
    ]
    assert all(model.converged_ for model in models)
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, atol=1e-6)
    gradient = X.T @ (models[0].predict_proba(X) - np.eye(3)[KINDS]) / len(X)
    size, coef = 0.02 * OUTPUT_WEIGHTS, models[0].coef_.T
    off = np.where(coef == 0, np.maximum(abs(gradient) - size, 0), gradient + size * np.sign(coef))
    assert np.abs(off).max() < 1e-6


def test_what_a_penalty_offers_is_solved_by_active_sets(monkeypatch):
    monkeypatch.delattr(quadratic, "_accelerated")
    weights = OUTPUT_WEIGHTS[:, 0]
    model = NNORegressor(penalty=SolvableL1(weights), alpha=ALPHA, tol=TOL)
    model.fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.coef_, lasso(X, NUMBERS[:, 0], weights), atol=1e-6)


@pytest.mark.parametrize("solver", KINKED_SOLVERS)
def test_bounds_stay_without_a_strength(solver):
    """alpha=0 took the bounds away."""
    model = NNORegressor(penalty=Box(0.1, 0.5), alpha=0.0, tol=TOL, solver=solver)
    model.fit(X, NUMBERS[:, 0])
    centred = X - X.mean(axis=0), NUMBERS[:, 0] - NUMBERS[:, 0].mean()
    expected = lsq_linear(*centred, bounds=(0.1, 0.5), tol=1e-14).x
    assert model.converged_
    np.testing.assert_allclose(model.coef_, expected, atol=1e-5)


def test_bounds_stay_in_a_search_that_ends_without_a_strength():
    search = NNOSearchCV(NNORegressor(penalty=Box(0.1, 0.5)), {"alpha": [1.0, 0.0]}, cv=3)
    coef = search.fit(X, NUMBERS[:, 0]).best_estimator_.coef_
    assert coef.min() >= 0.1 and coef.max() <= 0.5


@pytest.mark.parametrize("penalty", [RowNorms(), GroupNorms(GROUPS), Box(-1.0, 2.0)])
def test_constraints_are_where_a_penalty_is_finite(penalty):
    w = np.linspace(-3.0, 3.0, 6)[:, None]
    left = penalty.constraints()
    inside = np.clip(w, -1.0, 2.0) if isinstance(penalty, Box) else w
    np.testing.assert_array_equal(left.prox(w, 5.0), inside)
    assert left.value(inside) == 0.0
    assert (left.value(w) == np.inf) == isinstance(penalty, Box)
    part = left.restrict(np.array([0, 2]), np.array([0]))
    assert part.value(inside[[0, 2]]) == 0.0


def test_a_differentiable_penalty_constrains_nothing():
    class Squares(Penalty):
        def value(self, w):
            return (w**2).sum()

        def gradient(self, w):
            return 2 * w

    assert isinstance(Squares().constraints(), NoPenalty)


def test_groups_enter_whole():
    """With more features than a working set begins with, equal promises were cut anywhere."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(60), 6))
    rows = rng.normal(size=(80, 360))
    y = rows[:, labels == 7].sum(axis=1) + rng.normal(size=80)
    seen, choose = [], working_set.choose_features
    model = NNORegressor(penalty=CertifiedGroupNorms(labels), alpha=0.02, tol=TOL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(working_set, "choose_features", lambda p: seen.append(choose(p)) or seen[-1])
        model.fit(rows, y)
    assert model.converged_ and any(len(chosen) < 360 for chosen in seen)
    for chosen in seen:
        counts = np.bincount(labels[chosen], minlength=60)
        assert set(counts) <= {0, 6}
    gradient = rows.T @ (model.predict(rows) - y) / len(y) / 0.02
    assert model.penalty.violation(model.coef_[:, None], gradient[:, None]) < 1e-4


@pytest.mark.parametrize("estimator", ["fit", "search", "partial_fit"])
def test_features_have_names(estimator):
    weights = {"column 1": 5.0, "column 4": 0.1}
    frame, y = pd.DataFrame(X, columns=NAMES), NUMBERS[:, 0]
    by_name = np.array([weights.get(name, 1.0) for name in NAMES])
    fits = []
    for penalty in (NamedL1(weights), WeightedL1(by_name)):
        model = NNORegressor(penalty=penalty, alpha=ALPHA, tol=TOL)
        if estimator == "search":
            search = NNOSearchCV(model, {"alpha": [0.1, ALPHA]}, cv=3)
            model = search.fit(frame, y).best_estimator_
        else:
            getattr(model, estimator)(frame, y)
        fits.append(model.coef_)
    np.testing.assert_array_equal(*fits)
    if estimator == "fit":
        np.testing.assert_allclose(fits[0], lasso(X, y, by_name), atol=1e-6)
    with pytest.raises(ValueError, match="no feature 'age'"):
        NNORegressor(penalty=NamedL1({"age": 0.0})).fit(frame, y)


@pytest.mark.parametrize("solver", KINKED_SOLVERS)
@pytest.mark.parametrize("target", ["numbers", "several", "kinds"])
def test_a_penalty_that_is_not_convex_ends_stationary(target, solver):
    if target == "kinds":
        model = NNOClassifier(penalty=MCP(), alpha=ALPHA, tol=TOL, solver=solver).fit(X, KINDS)
        residual = model.predict_proba(X) - np.eye(3)[KINDS]
    else:
        y = NUMBERS if target == "several" else NUMBERS[:, :1]
        model = NNORegressor(penalty=MCP(), alpha=ALPHA, tol=TOL, solver=solver).fit(X, y)
        residual = model.predict(X).reshape(y.shape) - y
    coef, gradient = np.atleast_2d(model.coef_).T, X.T @ residual / len(X) / ALPHA
    slope = np.sign(coef) * np.maximum(1 - np.abs(coef) / 3, 0)
    off = np.where(coef == 0, np.maximum(np.abs(gradient) - 1, 0), np.abs(gradient + slope))
    assert model.converged_ and model.dual_gap_ == np.inf
    assert off.max() < 1e-6 and 0 < np.count_nonzero(coef) < coef.size


def test_gd_says_that_it_needs_a_gradient():
    with pytest.raises(ValueError, match=r"solver='gd' needs a penalty with a gradient.*MCP"):
        NNORegressor(penalty=MCP(), solver="gd").fit(X, NUMBERS[:, 0])


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_proximal_steps_reach_the_finest_tolerance(loss):
    """They ended with a step that is small by itself: at gaps of 7e-9 with collinear columns."""
    model = NNORegressor(loss, penalty=RowNorms(), alpha=ALPHA, tol=1e-12)
    model.fit(X, NUMBERS if loss == "squared_error" else NUMBERS[:, 0])
    assert model.converged_ and model.dual_gap_ <= 1e-12 and model.n_iter_ <= 10
    gradient = X.T @ model.loss_.gradient(
        NUMBERS if loss == "squared_error" else NUMBERS[:, :1],
        model.predict(X).reshape(len(X), -1),
    )
    assert RowNorms().violation(np.atleast_2d(model.coef_).T, gradient / len(X) / ALPHA) < 1e-10


@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor"])
def test_streams_bind(solver):
    """The stream's own optimum is that of a fit of all rows, up to what a stream can know."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(4000, 6))
    y = rows @ [1.0, 1.0, 0.0, 1.0, 0.0, 0.0] + 0.1 * rng.normal(size=4000)
    frame = pd.DataFrame(rows, columns=NAMES)
    model = NNORegressor(penalty=NamedL1({"column 1": 1e6, "column 3": 0.0}), alpha=0.1)
    model.set_params(solver=solver)
    for part in np.array_split(np.arange(4000), 8):
        model.partial_fit(frame.iloc[part], y[part])
    assert model.coef_[1] == 0.0  # a weight that nothing pays for
    np.testing.assert_allclose(model.coef_, [0.9, 0.0, 0.0, 1.0, 0.0, 0.0], atol=0.06)


@pytest.mark.parametrize(
    ("penalty", "reason"),
    [(RowNorms(), "RowNorms ties some together"), (GroupNorms(GROUPS), "GroupNorms ties"),
     (Box(0.1, 1.0), "Box forbids")],
)  # fmt: skip
def test_what_ftrl_cannot_do_is_told(penalty, reason):
    y = NUMBERS if isinstance(penalty, RowNorms) else NUMBERS[:, 0]
    with pytest.raises(ValueError, match=f"stream='ftrl'.*{reason}.*accept it: .*'cells'"):
        NNORegressor(penalty=penalty, stream="ftrl").partial_fit(X, y)
    model = NNORegressor(penalty=penalty, stream="cells").partial_fit(X, y)
    assert np.isfinite(penalty.value(np.atleast_2d(model.coef_).T))
