"""One matrix over features times one over classes, in place of the Hessian of a softmax."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier
from nno_sklearn.penalties import NoPenalty
from nno_sklearn.problem.cost import has_kronecker_factors
from nno_sklearn.solvers import NearestNeighborSolver, Status
from nno_sklearn.solvers.kronecker_preconditioner import KroneckerAtPoint, KroneckerPreconditioner
from nno_sklearn.solvers.landmarks import Landmarks
from nno_sklearn.solvers.second_moments import Factor
from tests.problems import LOSSES, make_problem, pose, solve


@pytest.mark.parametrize("knows_outputs", [True, False])
def test_it_inverts_the_kronecker_product(knows_outputs):
    rng = np.random.default_rng(0)
    p, n_outputs = 5, 3
    root, other = rng.normal(size=(p, p)), rng.normal(size=(n_outputs, n_outputs))
    gram, diagonal = root @ root.T, rng.uniform(1, 3, p)
    outputs = other @ other.T if knows_outputs else np.diag([1.0, 2.0, 0.5])
    scaling = 1 / np.sqrt(diagonal)
    features = Factor(*np.linalg.eigh(scaling[:, None] * gram * scaling), scaling)
    eigen = np.linalg.eigh(outputs) if knows_outputs else (outputs.diagonal(), None)
    whole = np.kron(gram, outputs) + np.kron(np.diag(diagonal), np.eye(n_outputs))
    gradient = rng.normal(size=(p, n_outputs))
    solution = KroneckerPreconditioner(features, eigen).solve(gradient)
    np.testing.assert_allclose(whole @ solution.ravel(), gradient.ravel(), atol=1e-10)


@pytest.mark.parametrize("knows_outputs", [True, False])
def test_other_directions_have_one_eigenvalue(knows_outputs):
    """Those of a few directions and the rest are told apart."""
    rng = np.random.default_rng(0)
    p, n_known, rest, scaling = 9, 3, 0.4, rng.uniform(0.5, 2, 9)
    vectors = np.linalg.qr(rng.normal(size=(p, p)))[0]
    values = np.r_[np.full(p - n_known, rest), 2.0, 5.0, 30.0]
    outputs = 1.5, 0.7, 0.1
    eigen = np.array(outputs), np.linalg.qr(rng.normal(size=(3, 3)))[0] if knows_outputs else None
    gradient = rng.normal(size=(p, 3))
    known = slice(p - n_known, None)
    few = Factor(values[known], vectors[:, known], scaling, rest)
    solution = KroneckerPreconditioner(few, eigen).solve(gradient)
    expected = KroneckerPreconditioner(Factor(values, vectors, scaling), eigen).solve(gradient)
    np.testing.assert_allclose(solution, expected, rtol=1e-12)


@pytest.mark.parametrize("alpha", [1e-3, 1e-1])
def test_at_equal_rows_it_is_the_hessian(alpha):
    """Where all rows have the same probabilities nothing is lost: Newton's step."""
    problem = make_problem("multinomial", alpha=alpha)
    point = problem.null
    at = KroneckerAtPoint(Landmarks(None, np.random.RandomState(0)).of(problem), problem.n_samples)
    direction = np.random.default_rng(1).normal(size=problem.shape)
    direction -= direction.mean(axis=1, keepdims=True)
    _, product = problem.rows.hessian_product(point.curvature, direction)
    product = product + alpha * direction
    np.testing.assert_allclose(at(point).solve(product), direction, rtol=1e-2, atol=1e-4)


def test_landmarks_of_a_session_serve_each_strength():
    """Their moments are shared; the penalty is that of the fit."""
    first = make_problem("multinomial", alpha=10.0)
    landmarks = Landmarks(None, np.random.RandomState(0)).of(first)
    problem = first.with_penalty(first.penalty, 1e-3)
    shared = KroneckerAtPoint(landmarks.of(problem), problem.n_samples)
    own = KroneckerAtPoint(Landmarks(None, np.random.RandomState(0)).of(problem), problem.n_samples)
    gradient = problem.null.gradient
    expected = own(problem.null).solve(gradient)
    np.testing.assert_allclose(shared(problem.null).solve(gradient), expected, rtol=1e-9)
    at_first = KroneckerAtPoint(landmarks, problem.n_samples)(first.null).solve(gradient)
    assert np.abs(at_first).max() < 0.1 * np.abs(expected).max()
    assert landmarks.moments(problem.n_samples) is landmarks.of(problem).moments(problem.n_samples)


def test_spreads_far_apart_take_few_steps():
    """The penalty matters to small columns alone: digits of the eigenvalues that float32 lacks."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 90)) * 10.0 ** rng.integers(-8, 9, 90)
    model = NNOClassifier(alpha=1e3, max_iter=60).fit(X, rng.integers(8, size=400))
    assert model.converged_


@pytest.mark.parametrize("n_classes", [10, 60])
@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_moments_beyond_float32(size, n_classes):
    """Squares of columns overflow or vanish in float32, not in float64."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(600, 90)), rng.integers(n_classes, size=600)
    model = NNOClassifier(alpha=1e-2 * size**2, tol=1e-8).fit(X * size, y)
    expected = NNOClassifier(alpha=1e-2, tol=1e-8).fit(X, y)
    assert model.converged_
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-7)


def wide(n=400, p=80, n_classes=12):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n, p)) / np.sqrt(1 + np.arange(p))
    scores = 3 * X @ rng.normal(size=(p, n_classes)) + rng.gumbel(size=(n, n_classes))
    return X, scores.argmax(axis=1)


@pytest.mark.parametrize("n_classes", [20, 60])
def test_a_fit_takes_up_what_the_last_one_learnt(n_classes):
    X, y = wide(1500, 60, n_classes)
    session, starts, n_warm, n_cold = NNOClassifier().open_session(X, y, n_models=8), [], 0, 0
    for alpha in np.logspace(-1, -4, 8):
        model = NNOClassifier(alpha=alpha, tol=1e-5)
        fitted, result = session.solve(model, starts)
        starts = [result, *starts[:1]]
        cold = model.fit(X, y)
        assert fitted.converged_
        gap = fitted.objective_ - cold.objective_
        assert -cold.dual_gap_ <= gap <= fitted.dual_gap_
        n_warm, n_cold = n_warm + fitted.n_iter_, n_cold + cold.n_iter_
    assert n_warm < 0.75 * n_cold


def test_many_classes_with_many_features_are_its_case():
    X, y = wide()
    model = NNOClassifier(alpha=1e-3, tol=1e-8).fit(X, y)
    assert model.converged_ and isinstance(model.solver_, NearestNeighborSolver)
    plain = NNOClassifier(alpha=1e-3, tol=1e-8, solver="gd").fit(X, y)
    assert model.n_iter_ < 0.7 * plain.n_iter_
    assert model.objective_ == pytest.approx(plain.objective_, abs=1e-7)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-2)


def test_without_a_penalty_rounding_becomes_no_step():
    X, y = wide(n=3000, p=60)
    X = np.hstack([X, X[:, :3], np.zeros((len(X), 1))])  # directions that the data leave open
    problem = pose(X, np.eye(12)[y], LOSSES["multinomial"], NoPenalty(), 0.0)
    assert has_kronecker_factors(problem)
    result = solve("nearest_neighbor", problem, tol=1e-5)
    assert result.status is Status.CONVERGED and np.abs(result.coef).max() < 100


def test_a_curvature_that_is_rounding_is_no_way_down():
    """Next to no penalty: the shift that all outputs share, of which gradients have rounding."""
    features = Factor(np.array([1e22, 1e20]), np.eye(2), np.ones(2))
    outputs = np.array([1.0, 0.5, -1e-17]), np.linalg.qr(np.ones((3, 3)) + np.eye(3))[0]
    preconditioner = KroneckerPreconditioner(features, outputs)
    for gradient in np.random.default_rng(0).normal(size=(5, 2, 3)):
        step = preconditioner.solve(gradient)
        assert np.vdot(gradient, step) > 0
        assert np.abs(step).max() < 1e-7 * np.abs(gradient).max()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_next_to_no_penalty(seed):
    """Columns of 1e9: what kept separable classes at losses of 1e-8 to 5e-8 was that shift."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((120, 40))
    y = (2 * X @ rng.standard_normal((40, 8)) + rng.gumbel(size=(120, 8))).argmax(axis=1)
    assert NNOClassifier(alpha=1e-8, tol=1e-8).fit(1e9 * X, y).objective_ < 1e-9
