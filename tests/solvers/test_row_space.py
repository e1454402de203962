"""Coupled outputs of few rows, solved for in coordinates of the space that the rows span."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import NNOClassifier
from nno_sklearn.penalties import L1, L2, ElasticNet
from nno_sklearn.problem.cost import takes_row_space
from nno_sklearn.solvers import nearest_neighbor
from nno_sklearn.solvers.gd import GradientDescent
from tests.problems import LOSSES, pose, solve

N, P, N_CLASSES = 50, 400, 4
TOL = 1e-9


def genes(n=N, p=P, n_classes=N_CLASSES, seed=0):
    """Few rows of correlated columns, one of which is constant, with classes and weights."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 6))
    X = factors @ rng.normal(size=(6, p)) + rng.normal(size=(n, p)) + 3.0
    X[:, 7] = 2.0
    scores = factors[:, :n_classes] + rng.gumbel(size=(n, n_classes))
    y = scores.argmax(axis=1)
    y[:n_classes] = range(n_classes)
    return X, y, rng.uniform(0.5, 2.0, n)


@pytest.fixture
def inside(returned):
    """Every result that was found in the rows' space."""
    return returned(nearest_neighbor, "solve_in_row_space")


@pytest.mark.parametrize("alpha", [1.0, 1e-3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, np.asfortranarray, np.float32])
def test_same_optimum_as_by_columns(container, fit_intercept, alpha, inside):
    X, y, weight = genes()
    model = NNOClassifier(alpha=alpha, tol=TOL, fit_intercept=fit_intercept)
    model.fit(container(X), y, weight)
    assert inside and model.converged_
    other = NNOClassifier(alpha=alpha, tol=TOL, fit_intercept=fit_intercept, solver="gd")
    other.fit(container(X), y, weight)
    assert model.objective_ == pytest.approx(other.objective_, rel=2 * TOL)
    np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-4)
    assert model.coef_[:, 7].any() == (not fit_intercept)  # a constant column
    assert model.coef_.dtype == container(X).dtype


def test_values_gradients_and_gaps_are_the_same():
    X, y, weight = genes()
    problem = pose(X, np.eye(N_CLASSES)[y], LOSSES["multinomial"], L2(), 0.1, sample_weight=weight)
    known, basis = problem.in_row_space()
    assert known.shape == (N - 1, N_CLASSES) and basis.shape == (P, N - 1)  # rows are centred
    np.testing.assert_allclose(basis.T @ basis, np.eye(N - 1), atol=1e-12)
    theta = np.random.default_rng(1).normal(size=known.shape)
    here, there = known.at(0.1 * theta), problem.at(0.1 * basis @ theta)
    assert here.value == pytest.approx(there.value, rel=1e-12)
    assert here.dual_gap == pytest.approx(there.dual_gap, rel=1e-9)
    np.testing.assert_allclose(basis @ here.gradient, there.gradient, atol=1e-10)
    np.testing.assert_allclose(here.intercept, there.intercept, atol=1e-9)


# Newton's steps inside, and those of more coupled outputs.
@pytest.mark.parametrize(("n", "n_classes"), [(30, 4), (60, 6)])
@pytest.mark.parametrize("tol", [1e-4, 1e-10])
def test_weights_are_repetitions(tol, n, n_classes, inside):
    X, y, _ = genes(n, 600, n_classes)
    counts = np.random.default_rng(1).integers(1, 3, n)
    weighted = NNOClassifier(alpha=1e-2, tol=tol).fit(X, y, counts)
    repeated = NNOClassifier(alpha=1e-2, tol=tol)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert len(inside) == 2
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-7)


def test_callbacks_and_history_are_of_the_columns(inside):
    X, y, _ = genes()
    problem, seen = pose(X, np.eye(N_CLASSES)[y], LOSSES["multinomial"], L2(), 0.01), []

    def callback(record, coefficients):
        coef, intercept = coefficients()
        seen.append((record, problem.at(coef, problem.inner_intercept(coef, intercept)).value))

    result = solve("auto", problem, tol=1e-6, callback=callback)
    assert inside and [record for record, _ in seen] == result.history
    for record, value in seen[:1] + seen[-1:]:
        assert value == pytest.approx(record.objective, rel=1e-6)
    assert result.history[0].n_nonzeros == 0
    assert result.history[-1].n_nonzeros == np.count_nonzero(result.coef) == (P - 1) * N_CLASSES
    assert result.coef.shape == problem.shape


def test_a_callback_ends_it():
    X, y, _ = genes()
    problem = pose(X, np.eye(N_CLASSES)[y], LOSSES["multinomial"], L2(), 1e-4)
    result = solve("auto", problem, tol=1e-9, callback=lambda record, coefficients: True)
    assert len(result.history) <= 2


def test_strengths_of_a_session_share_the_basis(inside, monkeypatch):
    X, y, _ = genes()
    made, session, starts = [], NNOClassifier().open_session(X, y, n_models=4), []
    space = type(session.pose(NNOClassifier()).problem).in_row_space
    monkeypatch.setattr(
        "nno_sklearn.problem.problem.Problem.in_row_space",
        lambda problem: made.append(problem) or space(problem),
    )
    for alpha in (1.0, 0.1, 0.03, 0.01):
        fitted, result = session.solve(NNOClassifier(alpha=alpha, tol=1e-8), starts)
        starts = [result, *starts[:1]]
        cold = NNOClassifier(alpha=alpha, tol=1e-8, solver="gd").fit(X, y)
        assert fitted.objective_ == pytest.approx(cold.objective_, rel=2e-8)
    assert len(inside) == 4 and len(made) == 1


@pytest.mark.parametrize(
    ("penalty", "container", "expected"),
    [
        (L2(), np.asarray, True),
        (ElasticNet(0.0), np.asarray, True),
        (L2(weights=np.linspace(1, 2, P)), np.asarray, False),
        (L1(), np.asarray, False),
        (ElasticNet(0.5), np.asarray, False),
        (L2(lower=0.0), np.asarray, False),
        (L2(), sparse.csr_array, False),
    ],
)
def test_it_takes_lengths_of_dense_rows(penalty, container, expected):
    X, y, _ = genes()
    problem = pose(container(X), np.eye(N_CLASSES)[y], LOSSES["multinomial"], penalty, 0.1)
    assert takes_row_space(problem) == expected


def test_columns_that_are_all_constant():
    X, y, _ = genes()
    model = NNOClassifier(alpha=0.1).fit(np.ones_like(X), y)
    assert model.converged_ and not model.coef_.any()


def test_it_takes_few_rows():
    X, y, _ = genes(n=300, p=500)
    problem = pose(X, np.eye(N_CLASSES)[y], LOSSES["multinomial"], L2(), 0.1)
    assert not takes_row_space(problem)


def test_a_search_for_neighbours_is_among_the_given_rows(inside):
    X, y, _ = genes()
    NNOClassifier(solver="nearest_neighbor", alpha=0.1).fit(X, y)
    assert not inside


def test_more_columns_than_a_matrix_takes():
    X, y, _ = genes(n=60, p=2300)
    model = NNOClassifier(alpha=1 / 60, tol=1e-6).fit(X, y)
    assert model.converged_ and not isinstance(model.solver_, GradientDescent)
    plain = NNOClassifier(alpha=1 / 60, tol=1e-6, solver="gd").fit(X, y)
    assert model.n_iter_ < 0.5 * plain.n_iter_
