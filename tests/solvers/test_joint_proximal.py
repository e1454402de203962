"""Small problems with kinks: Newton's steps in coefficients and intercept together."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import ElasticNet, NNOClassifier, NNORegressor
from nno_sklearn.solvers import working_set

RNG = np.random.default_rng(7)
X = RNG.normal(size=(150, 8)) * np.logspace(-2, 2, 8) + 3.0
ETA = (X - 3.0) / np.logspace(-2, 2, 8) @ (RNG.normal(size=(8, 3)) * (RNG.random((8, 3)) < 0.6))
WEIGHT = RNG.uniform(0.5, 2.0, 150)
COUNTS = RNG.poisson(np.exp(ETA / 2)).astype(float)
CLASSES = (ETA + RNG.gumbel(size=ETA.shape)).argmax(axis=1)
MODELS = {
    "two classes": (NNOClassifier(), CLASSES > 0),
    "three classes": (NNOClassifier(), CLASSES),
    "squared hinge": (NNOClassifier("squared_hinge"), CLASSES),
    "modified huber": (NNOClassifier("modified_huber"), CLASSES > 1),
    "poisson": (NNORegressor("poisson"), COUNTS),
    "gamma": (NNORegressor("gamma"), COUNTS[:, 0] + 0.1),
    "huber": (NNORegressor("huber"), COUNTS),
    "squared error": (NNORegressor(), COUNTS),
}
BOUNDS = ElasticNet(l1_ratio=0.7, lower=-0.5, upper=[1.0, np.inf] * 4)
WEIGHTS = ElasticNet(l1_ratio=1.0, weights=[0.1, 1.0, 2.0, 0.5] * 2)
PENALTIES = {"l1": "l1", "elastic net": "elasticnet", "bounds": BOUNDS, "weights": WEIGHTS}
FORMATS = {
    "dense": np.asarray,
    "csr": sparse.csr_array,
    "float32": lambda X: X.astype(np.float32),
}


@pytest.fixture
def steps(returned):
    """Every place that Newton's steps reach."""
    return returned(working_set, "kinked_place_at")


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", MODELS)
def test_same_optimum_as_by_working_sets(name, penalty, fit_intercept, steps, monkeypatch):
    model, y = MODELS[name]
    options = {"penalty": PENALTIES[penalty], "fit_intercept": fit_intercept, "alpha": 3e-3}
    model.set_params(**options, tol=1e-9, solver="proximal").fit(X, y, sample_weight=WEIGHT)
    assert model.converged_ and steps
    objectives = [record.objective for record in model.history_]
    assert (np.diff(objectives) <= 1e-12 * objectives[0]).all()
    own, nonzeros = model.objective_, model.coef_ != 0
    monkeypatch.setattr(working_set, "takes_kinked_newton", lambda problem: False)
    del steps[:]
    model.fit(X, y, sample_weight=WEIGHT)
    assert model.converged_ and not steps
    assert own == pytest.approx(model.objective_, rel=2e-9)
    np.testing.assert_array_equal(nonzeros, model.coef_ != 0)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("solver", ["auto", "proximal", "nearest_neighbor"])
def test_every_format_and_solver(form, solver, steps, monkeypatch):
    model = NNOClassifier(penalty="l1", alpha=3e-3, tol=1e-6, solver=solver, random_state=0)
    model.fit(FORMATS[form](X), CLASSES, sample_weight=WEIGHT)
    assert model.converged_ and steps
    monkeypatch.setattr(working_set, "takes_kinked_newton", lambda problem: False)
    reference = NNOClassifier(penalty="l1", alpha=3e-3, tol=1e-10)
    reference.fit(X, CLASSES, sample_weight=WEIGHT)
    assert model.objective_ == pytest.approx(reference.objective_, rel=2e-6)


def test_no_more_looks_than_steps(steps):
    """The last step is taken without a look, and there is no search along lines."""
    model = NNOClassifier(penalty="l1", alpha=1e-2, solver="proximal").fit(X, CLASSES > 0)
    assert len(steps) <= 9 and model.dual_gap_ <= 1e-12 * model.objective_


@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_step_is_enough_for_a_quadratic_loss(penalty, steps):
    """Rounding of its gap may ask for a look more."""
    model = NNORegressor(penalty=PENALTIES[penalty], alpha=1e-2, solver="proximal").fit(X, COUNTS)
    assert 1 <= len(steps) <= 2 and model.n_iter_ <= 2
    assert model.dual_gap_ <= 1e-11 * model.objective_


def test_a_quadratic_loss_without_digits_gives_way_to_working_sets(steps):
    twice = np.hstack([X, X])
    model = NNORegressor(penalty="l1", alpha=1e-2, tol=1e-10).fit(twice, COUNTS)
    single = NNORegressor(penalty="l1", alpha=1e-2, tol=1e-10).fit(X, COUNTS)
    assert model.converged_ and steps
    assert model.objective_ == pytest.approx(single.objective_, rel=1e-9)


def test_free_coefficients_take_working_sets(steps):
    """Those of all classes may move alike at no cost: a model has no minimum there."""
    free = ElasticNet(l1_ratio=1.0, weights=[0.0, 1.0] * 4)
    model = NNOClassifier(penalty=free, alpha=3e-3, solver="proximal").fit(X, CLASSES)
    assert model.converged_ and not steps
    np.testing.assert_allclose(model.coef_[:, ::2].sum(axis=0), 0.0, atol=1e-9)


def test_a_model_without_digits_gives_way_to_working_sets(steps):
    """Equal columns: the Hessian does not tell their coefficients apart."""
    twice = np.hstack([X, X])
    model = NNOClassifier(penalty="l1", alpha=3e-3, tol=1e-8).fit(twice, CLASSES > 0)
    single = NNOClassifier(penalty="l1", alpha=3e-3, tol=1e-8).fit(X, CLASSES > 0)
    assert model.converged_ and steps
    assert model.objective_ == pytest.approx(single.objective_, rel=1e-7)
