"""Adaptive weights: a first fit by hand, then the weighted problem, which is what is certified."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import (
    L1,
    L2,
    ElasticNet,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    check_penalty,
)
from nno_sklearn.penalties.separable import PILOT_STRENGTH
from nno_sklearn.session import minimise
from tests.penalties.test_shape import KINDS, NUMBERS, N, P, X

ALPHA, TOL = 0.02, 1e-9
ADAPTIVE = L1(weights="adaptive")


def ridge_by_hand(rows, y, weight=None):
    """Coefficients of the first fit with squared error, (n_features, n_outputs)."""
    weight = np.ones(len(rows)) if weight is None else weight
    share = weight / weight.sum()
    rows, y = rows - share @ rows, y - share @ y
    gram = rows.T @ (share[:, None] * rows)
    ridge = PILOT_STRENGTH * np.diag(np.diag(gram))
    y = y[:, None] if y.ndim == 1 else y
    return np.linalg.solve(gram + ridge, rows.T @ (share[:, None] * y))


@pytest.mark.parametrize("gamma", [1.0, 0.5])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_it_is_the_lasso_with_weights_of_a_ridge(container, gamma):
    weight = np.random.default_rng(1).uniform(0.2, 3.0, N)
    model = NNORegressor(penalty=L1(weights="adaptive", gamma=gamma), alpha=ALPHA, tol=TOL)
    model.fit(container(X), NUMBERS[:, 0], sample_weight=weight)
    scaling = np.abs(ridge_by_hand(X, NUMBERS[:, 0], weight)[:, 0]) ** gamma
    theirs = Lasso(ALPHA, tol=1e-14, max_iter=100_000)
    theirs.fit(X * scaling, NUMBERS[:, 0], sample_weight=weight)
    np.testing.assert_allclose(model.coef_, theirs.coef_ * scaling, atol=1e-7)
    assert model.converged_ and model.dual_gap_ <= 1e-8 and (model.coef_ == 0).any()
    assert model.penalty.weights == "adaptive" and clone(model).penalty.gamma == gamma


def test_outputs_have_first_fits_of_their_own():
    model = NNORegressor(penalty=ADAPTIVE, alpha=ALPHA, tol=TOL).fit(X, NUMBERS)
    for k in range(NUMBERS.shape[1]):
        alone = clone(model).fit(X, NUMBERS[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_, atol=1e-8)


def test_classes_have_first_fits_of_their_own():
    """The multinomial ridge and the weighted problem, both by L-BFGS."""
    model = NNOClassifier(penalty=ADAPTIVE, alpha=ALPHA, tol=TOL).fit(X, KINDS)
    indicator, m = np.eye(3)[KINDS], P * 3

    def loss(w, b):
        eta = X @ w + b
        eta = eta - eta.max(axis=1, keepdims=True)
        log_p = eta - np.log(np.exp(eta).sum(axis=1, keepdims=True))
        return -(indicator * log_p).sum() / N, (np.exp(log_p) - indicator) / N

    share = indicator.mean(axis=0)
    curvature = np.outer(X.var(axis=0), share * (1 - share))

    def ridge(z):
        w, b = z[:m].reshape(P, 3), z[m:]
        value, slope = loss(w, b)
        strength = PILOT_STRENGTH * curvature
        gradient = (X.T @ slope + strength * w).ravel()
        return value + 0.5 * (strength * w**2).sum(), np.r_[gradient, slope.sum(axis=0)]

    options = {"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-11, "maxcor": 50}
    first = minimize(ridge, np.zeros(m + 3), jac=True, method="L-BFGS-B", options=options).x
    weights = 1 / np.abs(first[:m])

    def weighted(z):
        w, b = (z[:m] - z[m : 2 * m]).reshape(P, 3), z[2 * m :]
        value, slope = loss(w, b)
        gradient = (X.T @ slope).ravel()
        value += ALPHA * weights @ (z[:m] + z[m : 2 * m])
        strength = ALPHA * weights
        return value, np.r_[gradient + strength, strength - gradient, slope.sum(axis=0)]

    bounds = [(0, None)] * (2 * m) + [(None, None)] * 3
    start = np.zeros(2 * m + 3)
    least = minimize(
        weighted, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    ).fun
    assert model.converged_ and model.dual_gap_ <= 1e-8
    assert model.objective_ == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("loss", ["huber", "poisson", "quantile"])
def test_every_loss_has_its_own_first_fit(loss):
    y = np.abs(NUMBERS[:, 0]).round()
    model = NNORegressor(loss, penalty=ADAPTIVE, alpha=ALPHA, tol=1e-6).fit(X, y)
    assert model.converged_ and model.dual_gap_ < 1e-5
    pilot = L2(weights=_curvature_of(loss, y) * PILOT_STRENGTH)
    first = NNORegressor(loss, penalty=pilot, alpha=1.0, tol=1e-9, max_iter=1000).fit(X, y)
    again = NNORegressor(loss, penalty=L1(weights=1 / np.abs(first.coef_)), alpha=ALPHA, tol=1e-6)
    assert again.fit(X, y).objective_ == pytest.approx(model.objective_, rel=1e-5)


def _curvature_of(loss, y):
    session = NNORegressor(loss, penalty=None).open_session(X, y)
    return session.pose(NNORegressor(loss, penalty=None)).problem.null.data_diagonal


def test_the_units_of_columns_do_not_matter():
    units = np.array([1e-3, 1.0, 50.0, 7.0, 1e4, 0.1])
    model = NNORegressor(penalty=ADAPTIVE, alpha=ALPHA, tol=TOL).fit(X, NUMBERS[:, 0])
    scaled = clone(model).fit(X * units, NUMBERS[:, 0])
    np.testing.assert_allclose(scaled.coef_ * units, model.coef_, atol=1e-7)


def test_bounds_hold_in_both_fits():
    """What the first fit holds at 0 the second excludes."""
    y = NUMBERS[:, 0]
    model = NNORegressor(penalty=L1(weights="adaptive", positive=True), alpha=1e-4, tol=TOL)
    model.fit(X, y)
    curvature = PILOT_STRENGTH * X.var(axis=0)
    first = NNORegressor(penalty=L2(weights=curvature, positive=True), alpha=1.0, tol=TOL)
    assert (first.fit(X, y).coef_ == 0).any() and (model.coef_[first.coef_ == 0] == 0).all()
    assert (model.coef_ >= 0).all() and model.converged_


def test_an_elastic_net_weighs_both_parts():
    net = ElasticNet(0.5, weights="adaptive", gamma=2.0)
    model = NNORegressor(penalty=net, alpha=ALPHA, tol=TOL).fit(X, NUMBERS[:, 0])
    weights = 1 / ridge_by_hand(X, NUMBERS[:, 0]) ** 2
    given = NNORegressor(penalty=ElasticNet(0.5, weights=weights), alpha=ALPHA, tol=TOL)
    np.testing.assert_allclose(given.fit(X, NUMBERS[:, 0]).coef_, model.coef_, atol=1e-8)


@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize(
    ("Model", "loss", "y"),
    [(NNORegressor, "huber", NUMBERS), (NNOClassifier, "log_loss", KINDS)],
)
def test_a_lasso_may_be_first(Model, loss, y, eps):
    """What it leaves out is excluded where eps is 0, and may return where it is not."""
    penalty = L1(weights="adaptive", first=L1(weights=0.15), eps=eps)
    model = Model(loss, penalty=penalty, alpha=0.001, tol=TOL).fit(X, y)
    first = Model(loss, penalty="l1", alpha=0.15, tol=TOL).fit(X, y)
    with np.errstate(divide="ignore"):
        weights = 1 / (np.abs(first.coef_.T) + eps)
    given = Model(loss, penalty=L1(weights=weights), alpha=0.001, tol=TOL).fit(X, y)
    np.testing.assert_allclose(model.coef_, given.coef_, atol=1e-6)
    left_out = first.coef_ == 0
    assert left_out.any() and not left_out.all() and model.converged_ and model.dual_gap_ <= 1e-8
    assert model.coef_[left_out].any() == (eps > 0)


def test_a_first_fit_that_leaves_all_out_gives_the_constant_model():
    y = NUMBERS[:, 0]
    penalty = L1(weights="adaptive", first=L1(weights=1e3))
    model = NNORegressor(penalty=penalty, alpha=ALPHA).fit(X, y)
    assert not model.coef_.any() and model.intercept_ == pytest.approx(y.mean())
    search = NNOSearchCV(NNORegressor(penalty=penalty), alphas=3, cv=3).fit(X, y)
    assert np.isfinite(search.cv_results_["strength"]).all()
    assert not search.best_estimator_.coef_.any()


def test_a_search_chooses_the_first_fit():
    """Of each fold; a ridge and a lasso of equal weights are two first fits."""
    y = NUMBERS[:, 0]
    model = NNORegressor(penalty=L1(weights="adaptive", first=L1()), alpha=ALPHA, tol=TOL)
    firsts, cv = [L1(weights=0.2), L2(weights=0.2)], KFold(2)
    search = NNOSearchCV(model, {"penalty__first": firsts}, cv=cv).fit(X, y)
    for k, first in enumerate(firsts):
        train, test = next(cv.split(X))
        alone = clone(model).set_params(penalty__first=first).fit(X[train], y[train])
        score = alone.score(X[test], y[test])
        assert search.cv_results_["split0_test_score"][k] == pytest.approx(score, abs=1e-6)
    one, other = search.cv_results_["mean_test_score"]
    assert abs(one - other) > 1e-4
    session = model.open_session(X, y, n_models=2)
    for weights in (0.2, 0.4):
        found, _ = session.solve(clone(model).set_params(penalty__first__weights=weights))
        alone = clone(model).set_params(penalty__first__weights=weights).fit(X, y)
        np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-8)


def test_float32_stays_and_no_signal_is_no_error():
    model = NNORegressor(penalty=ADAPTIVE, alpha=ALPHA, tol=1e-5)
    single = model.fit(X.astype(np.float32), NUMBERS[:, 0]).coef_
    assert single.dtype == np.float32 and model.converged_
    exact = clone(model).set_params(tol=TOL).fit(X, NUMBERS[:, 0]).coef_
    np.testing.assert_allclose(single, exact, atol=1e-3)
    assert not clone(model).fit(X, np.ones(N)).coef_.any()


def test_a_search_makes_a_first_fit_in_each_fold(monkeypatch):
    """One for all strengths and exponents of a fold, of that fold's rows, scaled rows included."""
    calls, original = [], minimise.pilot_coefficients

    def counted(problem, penalty, random_state):
        calls.append(problem.n_features)
        return original(problem, penalty, random_state)

    monkeypatch.setattr("nno_sklearn.session.fit_session.pilot_coefficients", counted)
    rows = X * 30.0
    pipe = make_pipeline(StandardScaler(), NNORegressor(penalty=ADAPTIVE, tol=TOL))
    name = "nnoregressor__"
    grid = {f"{name}penalty__gamma": [0.5, 2.0], f"{name}alpha": [0.1, 0.01]}
    cv = KFold(2)
    search = NNOSearchCV(pipe, grid, cv=cv).fit(rows, NUMBERS[:, 0])
    assert len(calls) == 2 + 1  # the last for the refit
    for k, setting in enumerate(search.cv_results_["params"]):
        for fold, (train, test) in enumerate(cv.split(rows)):
            alone = clone(pipe).set_params(**setting).fit(rows[train], NUMBERS[train, 0])
            score = alone.score(rows[test], NUMBERS[test, 0])
            found = search.cv_results_[f"split{fold}_test_score"][k]
            assert found == pytest.approx(score, abs=1e-6)


def test_grids_begin_where_the_last_coefficient_leaves():
    y = NUMBERS[:, 0]
    search = NNOSearchCV(NNORegressor(penalty=ADAPTIVE), alphas=5, cv=3).fit(X, y)
    weights = 1 / np.abs(ridge_by_hand(X, y)[:, 0])
    gradient = (X - X.mean(axis=0)).T @ (y - y.mean()) / N
    assert search.cv_results_["strength"].max() == pytest.approx(
        np.max(np.abs(gradient) / weights), rel=1e-6
    )


def test_sessions_keep_first_fits_apart():
    """Other bounds are another first fit, other strengths are not; plain penalties need none."""
    session = NNORegressor().open_session(X, NUMBERS[:, 0], n_models=4)
    for penalty in (ADAPTIVE, "l1", L1(weights="adaptive", positive=True), ADAPTIVE):
        model = NNORegressor(penalty=penalty, alpha=ALPHA, tol=TOL)
        found, _ = session.solve(model)
        alone = clone(model).fit(X, NUMBERS[:, 0])
        np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-8)


def test_names_of_bounds_and_pickles():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    penalty = L1(weights="adaptive", upper={"b": 0.0})
    model = NNORegressor(penalty=penalty, alpha=ALPHA).fit(frame, NUMBERS[:, 0])
    assert model.coef_[1] == 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(frame),
                                  model.predict(frame))  # fmt: skip
    check_penalty(penalty, n_features=P, feature_names=list("abcdef"))
    check_penalty(L1(weights="adaptive", gamma=0.5))


def test_a_first_fit_that_does_not_converge_is_told(monkeypatch):
    monkeypatch.setattr(minimise, "PILOT_MAX_ITER", 1)
    model = NNORegressor("poisson", penalty=ADAPTIVE, alpha=ALPHA, solver="proximal")
    with pytest.warns(ConvergenceWarning, match="first fit.*did not converge.*pass weights"):
        model.fit(X, np.exp(np.clip(NUMBERS[:, 0], -4, 4)))


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (L1(weights="adaptiv"), r"L1\(weights='adaptiv'\): the only weights with a name are"),
        (L1(weights="adaptive", gamma=0), r"L1\(gamma=0\): gamma must be a finite number above 0"),
        (ElasticNet(gamma="x"), r"ElasticNet\(gamma='x'\): gamma must be"),
        (L1(weights="adaptive", eps=-1.0), r"L1\(eps=-1.0\): eps must be a finite number of at l"),
        (L1(weights="adaptive", first="l1"), r"L1\(first='l1'\): the penalty of a first fit is"),
        (L1(weights="adaptive", first=ADAPTIVE), "needs no first fit itself. Pass one such as L1"),
        (L1(weights="adaptive", first=L1(gamma=0)), r"L1\(gamma=0\): gamma must be a finite"),
        (L1(gamma=2.0), r"L1\(gamma=2.0\): gamma has no effect without weights='adaptive'. Give"),
        (L1(weights=2.0, eps=0.1), "eps has no effect without weights='adaptive'. Give that, too,"),
        (ElasticNet(first=L1()), r"ElasticNet\(first=L1\(\)\): first has no effect without weig"),
    ],
)
def test_errors(penalty, message):
    with pytest.raises(ValueError, match=message):
        NNORegressor(penalty=penalty).fit(X, NUMBERS[:, 0])


def test_streams_refuse():
    message = r"no first fit to all rows, on which L1\(weights='adaptive'\) depends.*earlier fit"
    with pytest.raises(AttributeError) as error:
        NNORegressor(penalty=ADAPTIVE).partial_fit(X, NUMBERS[:, 0])
    assert re.search(message, str(error.value.__cause__ or error.value))
    assert not hasattr(NNOClassifier(penalty=ADAPTIVE), "partial_fit")
    with pytest.raises(ValueError, match=r"depends on a first fit.*call adapted\(coef\)"):
        ADAPTIVE.bind(P, 1)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
def test_units_of_the_targets_do_not_matter(loss):
    """Losses grow with the targets, or with their squares, as the first fit's penalty does."""
    power, y = 2 if loss == "squared_error" else 1, NUMBERS[:, 0]
    found = []
    for unit in (1.0, 1e-3, 1e4):
        model = NNORegressor(loss, penalty=ADAPTIVE, alpha=ALPHA * unit**power, tol=1e-8)
        found.append(model.fit(X, unit * y).coef_ / unit)
    assert found[0].any()
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-5)


@pytest.mark.parametrize("loss", ["log_loss", "hinge", "squared_hinge"])
def test_units_of_columns_do_not_matter_to_classes(loss):
    unit = 10.0 ** np.arange(-3, P - 3)
    plain, other = (
        NNOClassifier(loss, penalty=ADAPTIVE, alpha=ALPHA, tol=1e-8).fit(rows, KINDS == 1)
        for rows in (X, X * unit)
    )
    assert plain.coef_.any()
    np.testing.assert_allclose(other.coef_ * unit, plain.coef_, atol=1e-4)


def test_outputs_with_corners_have_first_fits_in_units_of_their_own():
    y = NUMBERS * 10.0 ** np.arange(NUMBERS.shape[1])
    model = NNORegressor("absolute_error", penalty=ADAPTIVE, alpha=ALPHA, tol=1e-8).fit(X, y)
    for k in range(y.shape[1]):
        alone = clone(model).fit(X, y[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_, atol=1e-5 * 10**k)
