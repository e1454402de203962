"""``fit(coef_init=..., intercept_init=...)``: where a run starts, whatever it then finds."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import L1, NNOClassifier, NNORegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5)) + 3.0
CODES = ((X - 3.0) @ RNG.normal(size=(5, 3))).argmax(axis=1)
SOLVERS = ["auto", "gd", "nearest_neighbor", "proximal"]
MODELS = [
    (NNOClassifier(alpha=0.01), CODES),
    (NNOClassifier(alpha=0.01), CODES > 0),
    (NNORegressor("huber", alpha=0.01), X @ RNG.normal(size=(5, 2))),
    (NNORegressor("poisson", alpha=0.01), CODES),
]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("model", "y"), MODELS)
def test_an_optimum_as_a_start_is_seen(model, y, solver):
    model.set_params(solver=solver, tol=1e-8).fit(X, y)
    init = {"coef_init": model.coef_, "intercept_init": model.intercept_}
    model.set_params(tol=1e-6)
    assert model.fit(X, y, **init).n_iter_ == 1
    np.testing.assert_allclose(model.coef_, init["coef_init"], rtol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("model", "y"), MODELS)
def test_the_optimum_does_not_depend_on_it(model, y, solver):
    model.set_params(solver=solver, tol=1e-10)
    expected = model.fit(X, y).coef_
    for init in ({"coef_init": 0.1 + expected}, {"intercept_init": np.ones(expected.shape[:-1])}):
        np.testing.assert_allclose(model.fit(X, y, **init).coef_, expected, atol=1e-4)


@pytest.mark.parametrize("size", [1e6, 1e15, 1e30, 1e100, 1e200])
@pytest.mark.parametrize(
    ("model", "y"),
    [
        *MODELS,
        (NNOClassifier(alpha=0.01, penalty="l1"), CODES),
        (NNOClassifier("hinge", alpha=0.01), CODES > 0),
        (NNOClassifier(penalty=None, loss="squared_hinge"), CODES > 0),
        (NNORegressor(), X[:, 0] + CODES),
    ],
)
def test_from_far_off_too(model, y, size):
    """As after a change of units, or of a layer that has diverged."""
    model.set_params(solver="auto", tol=1e-6)
    expected = model.fit(X, y).objective_
    far = size * np.random.default_rng(1).normal(size=model.coef_.shape)
    again = model.fit(X, y, coef_init=far)
    assert again.converged_
    assert again.objective_ <= expected * (1 + 2e-6) + 1e-9


def test_it_goes_before_the_last_fit():
    optimum = NNOClassifier(alpha=0.01, tol=1e-10).fit(X, CODES)
    model = NNOClassifier(alpha=0.01, solver="gd", warm_start=True, max_iter=1, tol=1e-10)
    with pytest.warns(ConvergenceWarning):
        far = model.fit(X, CODES).objective_
    with pytest.warns(ConvergenceWarning):
        near = model.fit(X, CODES, coef_init=optimum.coef_ + 1e-2).objective_
    assert optimum.objective_ < near < far


def test_beyond_bounds_it_starts_at_the_nearest():
    model = NNORegressor(penalty=L1(positive=True), alpha=0.1, tol=1e-8)
    y = X @ [1.0, -1.0, 0.0, 2.0, 0.5]
    expected = model.fit(X, y).coef_
    np.testing.assert_allclose(model.fit(X, y, coef_init=-np.ones(5)).coef_, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "init", "message"),
    [
        (NNOClassifier(), {"coef_init": np.ones((2, 5))}, r"has shape \(2, 5\), .*\(3, 5\)"),
        (NNOClassifier(), {"intercept_init": 1.0}, r"intercept_init has shape \(\), .*\(3,\)"),
        (NNOClassifier(), {"coef_init": np.full((3, 5), np.inf)}, "coef_init has entries that are"),
        (NNOClassifier(), {"coef_init": 1j * np.ones((3, 5))}, "of real numbers, .* complex128"),
        (NNOClassifier(), {"coef_init": np.full((3, 5), "1")}, "coef_init is to be a dense array"),
        (NNOClassifier(), {"coef_init": sparse.eye_array(3, 5)}, r"object, .* \.toarray\(\)"),
        (NNOClassifier(fit_intercept=False), {"intercept_init": np.ones(3)}, "there is none"),
        (NNOClassifier("f1_macro"), {"coef_init": np.ones((3, 5))}, "starts at the optimum of a"),
    ],
)
def test_errors_say_what_is_wrong(model, init, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, CODES, **init)
