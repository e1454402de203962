"""Descent with Newton's step of the intercept: the optimum, its steps, and sums over the rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import MultinomialLogLoss
from nno_sklearn.problem.cost import descents
from nno_sklearn.rows import LocalRows, Rows
from nno_sklearn.solvers import nearest_neighbor, reduced_descent

RNG = np.random.default_rng(8)
N_FEATURES, N_CLASSES = 90, 8  # more coefficients than one matrix is made for
X = RNG.normal(size=(400, N_FEATURES)) * np.logspace(-1, 1, N_FEATURES) + 2.0
ETA = (X - 2.0) / np.logspace(-1, 1, N_FEATURES) @ RNG.normal(size=(N_FEATURES, N_CLASSES)) / 3
Y = (ETA + RNG.gumbel(size=ETA.shape)).argmax(axis=1)
WEIGHT = RNG.uniform(0.5, 2.0, len(X))


@pytest.fixture
def steps(returned):
    """Every step of the descent."""
    return returned(reduced_descent, "_along")


@pytest.fixture(params=["secants", "newton"])
def kind(request, monkeypatch):
    """Both kinds of steps, whatever they cost."""
    is_newton = request.param == "newton"
    for module in (descents, nearest_neighbor):  # secants have a copy of X in float32
        monkeypatch.setattr(module, "takes_hessian_products", lambda problem: is_newton)
    return request.param


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("alpha", [1e-2, 1e-5])
def test_same_optimum_as_by_gradients(alpha, container, fit_intercept, kind, steps, monkeypatch):
    model = NNOClassifier(alpha=alpha, tol=1e-6, fit_intercept=fit_intercept)
    model.fit(container(X), Y, WEIGHT)
    assert model.converged_ and steps
    assert model.n_iter_ <= 300  # no steps are taken in the rounding of float32
    objective = model.objective_
    monkeypatch.setattr(nearest_neighbor, "takes_few_looks", lambda problem: False)
    del steps[:]
    model.fit(container(X), Y, WEIGHT)
    assert not steps
    assert objective == pytest.approx(model.objective_, rel=2e-6)


@pytest.mark.parametrize("tol", [1e-4, 1e-10])
def test_weights_are_repetitions(tol, steps):
    counts = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = NNOClassifier(alpha=1e-3, tol=tol, random_state=0).fit(X, Y, counts)
    repeated = NNOClassifier(alpha=1e-3, tol=tol, random_state=0)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    assert steps
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-7)


def test_steps_descend_and_are_few(kind, steps):
    model = NNOClassifier(alpha=1e-2, tol=1e-9).fit(X, Y)
    objectives = [record.objective for record in model.history_]
    assert (np.diff(objectives) <= 1e-8 * objectives[0]).all()  # products are rounded to float32
    assert len(steps) <= {"secants": 50, "newton": 12}[kind]


@pytest.mark.parametrize("kind", ["secants"], indirect=True)
def test_secants_go_on_where_float32_tells_no_more(kind, steps):
    """In the precision of X, without Newton's steps on all rows, which are many passes each."""
    model = NNOClassifier(alpha=1e-3, tol=1e-11).fit(X, Y)
    assert model.converged_
    assert model.n_passes_ <= 3 * len(steps) + 30


def test_a_limit_of_steps_is_kept(kind, steps):
    with pytest.warns(match="iteration limit"):
        model = NNOClassifier(alpha=1e-4, tol=1e-9, max_iter=3).fit(X, Y)
    assert model.n_iter_ == len(steps) == 3


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_products_are_those_of_any_rows(fit_intercept):
    targets = np.eye(N_CLASSES)[Y]
    weight = WEIGHT / WEIGHT.sum()
    rows = LocalRows(X, targets, weight, MultinomialLogLoss(), fit_intercept=fit_intercept)
    rng = np.random.default_rng(3)
    coef, direction = (0.1 * rng.normal(size=(N_FEATURES, N_CLASSES)) for _ in range(2))
    curvature = rows.curvature(rows.raw(coef), np.zeros(N_CLASSES))
    (slope, product), (other_slope, other) = (
        kind.hessian_product(rows, curvature, direction) for kind in (LocalRows, Rows)
    )
    np.testing.assert_allclose(slope.array, other_slope.array)
    np.testing.assert_allclose(product, other, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("offset", [None, np.linspace(-1, 1, 400 * N_CLASSES).reshape(400, -1)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_look_is_what_any_rows_tell(fit_intercept, offset):
    targets, weight = np.eye(N_CLASSES)[Y], WEIGHT / WEIGHT.sum()
    given = X, targets, weight, MultinomialLogLoss()
    rows = LocalRows(*given, fit_intercept=fit_intercept, offset=offset)
    rng = np.random.default_rng(4)
    raw = rows.raw(0.1 * rng.normal(size=(N_FEATURES, N_CLASSES)))
    b = rng.normal(size=N_CLASSES) * fit_intercept
    one, other = (kind.reduced(rows, raw, b) for kind in (LocalRows, Rows))
    for name in ("value", "total", "shift", "gradient"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)
    slope = rows.raw(rng.normal(size=(N_FEATURES, N_CLASSES)))
    moves, expected = (rows.intercept_step(of.curvature, slope, 0.0) for of in (one, other))
    np.testing.assert_allclose(moves, expected, atol=1e-10)
    moved = rows.gradient(raw, b + 1e-5 * one.shift) - rows.gradient(raw, b)
    np.testing.assert_allclose(moved, 1e-5 * (one.gradient - rows.gradient(raw, b)), atol=1e-9)


@pytest.mark.parametrize("far", [0.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_copy_in_single_precision_is_rounded_in_spreads(dtype, far):
    data = (X + far * (np.arange(N_FEATURES) % 3 == 0)).astype(dtype)
    data[:, 5], data[0] = 7.0, 1e300 if dtype == np.float64 else 1e30
    weight = WEIGHT * (np.arange(len(X)) > 0)
    given = np.eye(N_CLASSES)[Y], weight / weight.sum(), MultinomialLogLoss()
    rows = LocalRows(data, *given, fit_intercept=True)
    coef = (
        np.random.default_rng(5).normal(size=(N_FEATURES, N_CLASSES)) * rows.inverse_scale[:, None]
    )
    raw, single = rows.raw(coef), rows.single.raw(coef)
    assert rows.single.design.X.dtype == np.float32
    np.testing.assert_allclose(single.array, raw.array, atol=1e-4)
    gradient = rows.gradient(raw, np.zeros(N_CLASSES)) * rows.inverse_scale[:, None]
    found = rows.single.gradient(single, np.zeros(N_CLASSES)) * rows.inverse_scale[:, None]
    np.testing.assert_allclose(found, gradient, atol=1e-4)
    np.testing.assert_allclose(rows.single.gram(), rows.gram(), rtol=1e-3, atol=1e-3)


def test_a_result_has_the_precision_of_the_data(kind):
    model = NNOClassifier(alpha=1e-3, tol=1e-12, max_iter=1000).fit(X, Y)
    assert model.converged_ and model.dual_gap_ <= 1e-12 * model.objective_


@pytest.fixture(params=["log_loss", "poisson", "gamma"])
def of_one_output(request):
    """A model of one output, rows too many for Newton's steps, and their targets."""
    rng = np.random.default_rng(6)
    X = (rng.normal(size=(1800, N_FEATURES)) + 2.0) * np.logspace(-1, 1, N_FEATURES)
    eta = (X / np.logspace(-1, 1, N_FEATURES) - 2.0) @ rng.normal(size=N_FEATURES) / 9
    if request.param == "log_loss":
        return NNOClassifier(alpha=1e-3), X, eta + rng.logistic(size=len(X)) > 0.5
    mean = np.exp(eta)
    y = rng.poisson(mean) if request.param == "poisson" else mean * rng.gamma(2.0, size=len(X))
    return NNORegressor(request.param, alpha=1e-3), X, y


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, np.float32])
def test_one_output_has_the_same_optimum(
    of_one_output, container, fit_intercept, steps, monkeypatch
):
    model, X, y = of_one_output
    model.set_params(tol=1e-7, fit_intercept=fit_intercept).fit(container(X), y)
    assert model.converged_ and 0 < len(steps) < descents.MOST_IN_ONE_METRIC
    objective = model.objective_
    monkeypatch.setattr(nearest_neighbor, "takes_few_looks", lambda problem: False)
    del steps[:]
    model.fit(container(X), y)
    assert not steps
    assert objective == pytest.approx(model.objective_, rel=2e-7)


def test_one_output_goes_on_by_landmarks(of_one_output, steps, monkeypatch):
    """Where second moments are unlike the curvature; each place is recorded once."""
    monkeypatch.setattr(descents, "MOST_IN_ONE_METRIC", 3)
    model, X, y = of_one_output
    model.set_params(tol=1e-9).fit(X, y)
    assert model.converged_ and len(steps) == 3 < model.n_iter_
    objectives = [record.objective for record in model.history_]
    assert (np.diff(objectives) < 1e-8 * objectives[0]).all()  # products are rounded to float32
    assert len(set(objectives)) == len(objectives)


def test_steps_end_where_a_proof_is_cheaper(of_one_output, steps):
    """The bound of the dual point is loose where the penalty is weak beside columns in large units,
    and gets tight many steps after the objective has settled."""
    model, X, y = of_one_output
    model.set_params(alpha=1e-9, tol=1e-5).fit(1e3 * X, y)
    assert model.converged_ and 0 < len(steps) <= 12
    exact = clone(model).set_params(tol=1e-10).fit(1e3 * X, y)
    assert model.objective_ <= (1 + 1e-5) * exact.objective_


@pytest.mark.parametrize("kind_of_X", [sparse.csr_array, lambda X: X[:900]])
def test_one_output_takes_newtons_steps_where_they_are_cheap(of_one_output, kind_of_X, steps):
    """And landmarks where X is sparse."""
    model, X, y = of_one_output
    X = kind_of_X(X)
    assert model.fit(X, y[: X.shape[0]]).converged_ and not steps
