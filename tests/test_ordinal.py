"""Proportional odds: on all penalties and solvers, against optima found without it."""

import numpy as np
import pytest
from scipy import optimize, sparse
from scipy.special import expit
from sklearn.base import clone

from nno_sklearn import (
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    check_loss,
    to_linear,
    to_sklearn,
)
from nno_sklearn.inspection import coefficients
from nno_sklearn.losses import Ordinal, OrdinalAt
from tests.estimators import SOLVERS
from tests.problems import X, Y

N, P, K, ALPHA, TOL = len(X), X.shape[1], 4, 0.02, 1e-7
RNG = np.random.default_rng(0)
GRADE = np.digitize(Y, np.quantile(Y, [0.2, 0.5, 0.7]))
WEIGHT, OFFSET = RNG.uniform(0.1, 3.0, N), RNG.normal(size=N)
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}


def probabilities(coef, intercept, offset):
    above = expit((X @ coef + offset)[:, None] + intercept)
    return -np.diff(np.pad(above, ((0, 0), (1, 1)), constant_values=(1.0, 0.0)), axis=1)


def objective(coef, intercept, weight, offset, l1, l2):
    chosen = probabilities(coef, intercept, offset)[np.arange(N), GRADE]
    penalty = l1 * np.abs(coef).sum() + l2 / 2 * coef @ coef
    return np.average(-np.log(np.maximum(chosen, 1e-300)), weights=weight) + penalty


def least_objective(weight, offset, l1, l2):
    """The optimum, by SLSQP in w+, w-, the first intercept and what the others are less."""

    def of(z):
        return objective(z[:P] - z[P : 2 * P], z[2 * P] - cut @ z[2 * P + 1 :], *given) + (
            l1 * z[: 2 * P].sum()
        )

    cut, given = np.tri(K - 1, K - 2, -1), (weight, offset, 0.0, l2)
    bounds = [(0, None)] * (2 * P) + [(None, None)] + [(1e-6, None)] * (K - 2)
    best = np.r_[np.zeros(2 * P), 1.0, np.ones(K - 2)]
    for _ in range(3):
        options = {"ftol": 1e-15, "maxiter": 500}
        best = optimize.minimize(of, best, bounds=bounds, method="SLSQP", options=options).x
    return of(best)


@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet", None])
def test_every_solver_finds_and_certifies_the_optimum(penalty):
    l1, l2 = {"l1": (ALPHA, 0.0), "l2": (0.0, ALPHA), None: (0.0, 0.0)}.get(
        penalty, (0.5 * ALPHA, 0.5 * ALPHA)
    )
    for container, convert in CONTAINERS.items():
        is_plain = container == "csr"
        weight, offset = (np.ones(N), None) if is_plain else (WEIGHT, OFFSET)
        moved = 0.0 if is_plain else OFFSET
        best = least_objective(weight, moved, l1, l2)
        tol = 1e-5 if container == "float32" else TOL
        for solver in SOLVERS[penalty] if container == "dense" else ("auto",):
            model = NNOClassifier(
                "ordinal", penalty=penalty, alpha=ALPHA, solver=solver, tol=tol
            ).fit(convert(X), GRADE, weight, offset=offset)
            assert model.converged_ and model.optimality_ <= tol
            assert -1e-9 <= model.objective_ / best - 1 <= 1.01 * tol + 1e-7
            assert model.coef_.dtype == convert(X[:1]).dtype
            coef, intercept = model.coef_[0].astype(float), model.intercept_
            expected = objective(coef, intercept, weight, moved, l1, l2)
            assert model.objective_ == pytest.approx(expected, rel=1e-6)
            assert np.isinf(model.dual_gap_) == (penalty is None)
            if container == "dense":
                found = model.predict_proba(X, offset=offset)
                np.testing.assert_allclose(found, probabilities(coef, intercept, moved), atol=1e-12)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_the_gap_bounds_the_distance_to_the_optimum_of_early_ends(penalty):
    model = NNOClassifier("ordinal", penalty=penalty, alpha=ALPHA, tol=1e-10).fit(X, GRADE)
    bounds = [record.objective - record.dual_gap for record in model.history_[1:]]
    assert max(bounds) <= model.objective_ * (1 + 1e-12)
    assert len(bounds) > 3 and bounds[-1] == pytest.approx(model.objective_, rel=1e-10)


@pytest.mark.parametrize("penalty", ["l1", "l2", None])
def test_a_weight_is_a_repetition(penalty):
    model = NNOClassifier("ordinal", penalty=penalty, alpha=1e-3)
    count = np.random.default_rng(1).integers(0, 4, N)
    weighted, again = clone(model).fit(X, GRADE, count), np.repeat(np.arange(N), count)
    repeated = model.fit(X[again], GRADE[again])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-8)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=1e-8)


def test_two_classes_are_the_log_loss():
    ordinal = NNOClassifier("ordinal", tol=1e-9).fit(X, GRADE > 1)
    logistic = NNOClassifier(tol=1e-9).fit(X, GRADE > 1)
    np.testing.assert_array_equal(ordinal.coef_, logistic.coef_)
    np.testing.assert_array_equal(ordinal.decision_function(X), logistic.decision_function(X))


def test_the_reversed_order_is_the_same_model():
    model = NNOClassifier("ordinal", alpha=ALPHA, tol=1e-9).fit(X, GRADE)
    reversed_ = clone(model).fit(X, -GRADE)
    np.testing.assert_allclose(reversed_.coef_, -model.coef_, rtol=1e-6)
    np.testing.assert_allclose(reversed_.intercept_, -model.intercept_[::-1], rtol=1e-6)
    assert (np.diff(model.intercept_) < 0).all()


def test_decisions_are_logarithms_of_probabilities():
    model = NNOClassifier("ordinal").fit(X, GRADE)
    score = model.decision_function(X)
    np.testing.assert_allclose(np.exp(score), model.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), score.argmax(axis=1))
    far = model.decision_function(1e4 * X)
    assert np.isfinite(far).all() and far.min() < -1000


def test_searches_and_warm_starts():
    model = NNOClassifier("ordinal", penalty="l1", tol=1e-6)
    search = NNOSearchCV(model, alphas=3, cv=2, scoring="neg_log_loss").fit(X, GRADE)
    assert search.cv_results_["mean_converged"].all()
    assert search.cv_results_["mean_n_nonzeros"][0] <= 1
    again = clone(search.best_estimator_).set_params(warm_start=True).fit(X, GRADE)
    n_iter = again.n_iter_
    assert again.fit(X, GRADE).n_iter_ <= n_iter
    started = clone(model).fit(X, GRADE, coef_init=again.coef_)
    assert started.converged_


def test_a_table_has_each_intercept():
    model = NNOClassifier("ordinal").fit(X, GRADE)
    table = coefficients(model)
    assert table["feature"][:3].tolist() == [f"(intercept, above {k})" for k in range(3)]
    np.testing.assert_array_equal(table["coefficient"], np.r_[model.intercept_, model.coef_[0]])


INTERCEPTS = np.array([1.5, 0.2, -2.0])


def test_contract():
    check_loss(OrdinalAt(INTERCEPTS), GRADE[:, None].astype(float))


def test_derivatives_and_conjugate_of_all_raw_predictions():
    loss, y = Ordinal(), np.repeat(np.arange(K), 25)[:, None].astype(float)
    eta, step = RNG.normal(size=(100, 1)) * 3 + INTERCEPTS, 1e-6
    gradient, curvature = loss.derivatives(y, eta)
    for k in range(K - 1):
        move = step * (np.arange(K - 1) == k)
        slope = (loss.value(y, eta + move) - loss.value(y, eta - move)) / (2 * step)
        np.testing.assert_allclose(gradient[:, k], slope[:, 0], atol=1e-8)
        turn = (loss.gradient(y, eta + move) - loss.gradient(y, eta - move)) / (2 * step)
        expected = np.column_stack([curvature.entry(k, m) for m in range(K - 1)])
        np.testing.assert_allclose(expected, turn, atol=1e-7)
    # Fenchel and Young: equality at the gradient, and an upper bound of all others.
    inner = (gradient * eta).sum(axis=1)
    at_best = inner - loss.value(y, eta)[:, 0]
    np.testing.assert_allclose(loss.conjugate(y, gradient).sum(axis=1), at_best, atol=1e-9)
    other = RNG.normal(size=(100, 1)) * 3 + np.array([3.0, 1.0, -0.5])
    below = (0.7 * gradient * other).sum(axis=1) - loss.value(y, other)[:, 0]
    assert (loss.conjugate(y, 0.7 * gradient).sum(axis=1) >= below).all()
    assert np.isinf(loss.conjugate(y, 3 + 0 * gradient)).all()


def test_errors():
    with pytest.raises(ValueError, match="tells 4 ordered classes apart by intercepts"):
        NNOClassifier("ordinal", fit_intercept=False).fit(X, GRADE)
    with pytest.raises(ValueError, match="of ordered classes: use NNOClassifier"):
        NNORegressor(Ordinal()).fit(X, Y)
    with pytest.raises(ValueError, match="takes one label per row, but y has probabilities"):
        NNOClassifier("ordinal").fit(X, np.full((N, 4), 0.25))
    with pytest.raises(ValueError, match="intercepts between ordered classes are found from coef_"):
        NNOClassifier("ordinal").fit(X, GRADE, intercept_init=[1.0, 0.0, -1.0])
    with pytest.raises(ValueError, match="targets must be the numbers 0 to 3 of the classes"):
        OrdinalAt(INTERCEPTS).check_target(np.array([[4.0]]))
    model = NNOClassifier("ordinal").fit(X, GRADE)
    with pytest.raises(ValueError, match="several intercepts for one row of coefficients"):
        to_sklearn(model)
    with pytest.raises(ValueError, match="standard errors of ordered classes"):
        coefficients(model, X=X, y=GRADE)
    with pytest.raises(AttributeError) as refused:
        _ = model.partial_fit
    assert "has intercepts between all classes" in str(refused.value.__cause__)
    with pytest.raises(ValueError, match="3 intercepts for one row of coefficients, as no linear"):
        to_linear(model)


def ladder(seed, n, p, spread, noise):
    """Grades 0 to 3 by columns of scales that differ, which nearly tell them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(1e-3, 1e3, p)
    score = X @ (spread / np.geomspace(1e-3, 1e3, p)) + noise * rng.logistic(size=n)
    return X, np.digitize(score, np.quantile(score, [0.1, 0.4, 0.8]))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_grades_that_are_nearly_separated(penalty, seed):
    """A matrix of intercepts without curvature raised LinAlgError; Newton's step far off, where
    they have hardly any, must not lead away."""
    X, grade = ladder(seed, 14 + 4 * seed, 1 + seed, 30.0, 0.3 * (seed % 2))
    model = NNOClassifier("ordinal", penalty=penalty, alpha=10.0 ** -(3 + seed % 4), tol=1e-5)
    model.fit(X, grade)
    assert model.converged_ and model.dual_gap_ <= 1e-5 * model.objective_


def test_an_effect_that_intercepts_do_not_show():
    """The constant model is within 1e-5 of the optimum: fits ended there, and said they stalled."""
    rng = np.random.default_rng(0)
    X, grade = rng.normal(size=(43, 1)), np.arange(43) % 3
    gaps = []
    for alpha in (1e2, 1e3, 1e4):
        model = NNOClassifier("ordinal", alpha=alpha, tol=1e-9).fit(X, grade)
        assert model.converged_ and np.all(model.coef_ != 0)
        gaps.append(model.history_[0].objective - model.objective_)
    assert 0 < gaps[2] < gaps[1] < gaps[0] < 1e-4


@pytest.mark.parametrize("seed", [0, 2, 3, 5])
def test_separated_grades_with_a_weak_penalty(seed):
    """Far out, intercepts have no curvature: the solution of their equations raised LinAlgError."""
    X = np.random.default_rng(seed).normal(size=(114, 2))
    score = X @ [3.0, -2.0]
    grade = np.digitize(score, np.quantile(score, [0.1, 0.2, 0.65, 0.8, 0.95]))
    model = NNOClassifier("ordinal", penalty="l1", alpha=1e-5, tol=1e-2).fit(X, grade)
    assert model.converged_ and model.score(X, grade) == 1.0
