"""Whether an objective has a minimum at all: said by every solver, not by the one that runs off."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses.classification import MultinomialLogLoss
from nno_sklearn.penalties import L1, L2, MCP, ElasticNet, FusedLasso, NoPenalty
from nno_sklearn.problem import recession, separates
from tests.problems import LOSSES, make_problem, pose

SOLVERS = ("auto", "gd", "nearest_neighbor", "proximal")


def ending(model, X, y, weight=None):
    """How a fit ended: "" or what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, weight)
    texts = [str(one.message) for one in caught if one.category is ConvergenceWarning]
    assert model.converged_ == (not texts)
    return " ".join(texts)


def three_classes(overlap):
    """One column in three ranges, weights of 16 decades, so that light rows look settled."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    X = (y + rng.uniform(0.05, 0.95, len(y)))[:, None]
    if overlap:
        y[np.argsort(X[:, 0])[[20, 60, 100]]] = [2, 0, 1]
    return X, y, 10 ** rng.uniform(-8, 8, len(y))


@pytest.mark.parametrize("solver", ["auto", "proximal"])
def test_a_direction_that_a_penalty_on_differences_leaves_free(solver):
    """Rows without events differ from others in the sum of their columns, one of them constant."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 5)), np.array([0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 3.0, 2.0])
    X[:, 2] = 3.0
    X[:, 0] += np.where(y > 0, 0.0, -4.0) - X.sum(axis=1)
    model = NNORegressor("poisson", penalty=FusedLasso(l1_ratio=0.0), alpha=0.1, solver=solver)
    assert "has no minimum" in ending(model, X, y) and model.n_iter_ < 60
    model.set_params(penalty=FusedLasso(l1_ratio=0.1))  # that grows along it
    assert ending(model, X, y) == ""


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize(
    ("alpha", "penalty"),
    [
        (0.01, L1(weights=[0.0, np.inf, 1.0])),
        (0.01, L1(weights=0.0, lower=0.0)),
        (0.0, L1(positive=True)),
        (0.01, L1(weights=[0.0, 0.0, 1.0], upper={1: 0.1})),
    ],
)
def test_no_direction_leads_beyond_bounds(alpha, penalty, scale):
    """Classes that only a column which is excluded, or its negative coefficient, tells apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:, 0] *= scale
    y = (X[:, 1] < 0) ^ (penalty.upper is not None)
    assert ending(NNOClassifier(penalty=penalty, alpha=alpha), X, y) == ""
    model = NNOClassifier(penalty=L1(weights=[0.0, 0.0, np.inf], upper={0: 0.1}), alpha=0.01)
    assert "has no minimum" in ending(model, X, y)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tol", [1e-3, 1e-8])
class TestSmallProblems:
    def test_separable_classes_of_uneven_weights(self, solver, tol):
        model = NNOClassifier(penalty=None, solver=solver, tol=tol)
        assert "has no minimum" in ending(model, *three_classes(overlap=False))

    def test_a_column_without_events_for_one_of_two_outputs(self, solver, tol):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 4)) * [1, 1e3, 1e-3, 1]
        X[:, 3] = rng.random(60) < 0.3
        Y = rng.poisson(3.0, (60, 2)).astype(float)
        model = NNORegressor("poisson", penalty=None, solver=solver, tol=tol)
        assert ending(model, X, Y) == ""
        Y[X[:, 3] > 0, 1] = 0.0
        assert "has no minimum" in ending(model, X, Y)

    def test_one_row_keeps_classes_from_being_separable(self, solver, tol):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(40, 3))
        side = X @ [1.0, -1.0, 0.5] > 0
        model = NNOClassifier(penalty=None, solver=solver, tol=tol)
        assert "has no minimum" in ending(model, X, side)
        inside = X[side].mean(axis=0)
        assert ending(model, np.vstack([X, inside]), np.append(side, False)) == ""


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_bound_is_one_on_the_way_to_infinity_as_well(solver):
    """Some rows keep their loss for ever, so that the infimum is neither 0 nor reached."""
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(60, 2)), np.repeat([[0.0], [1.0]], 30, axis=0)])
    y = (X[:, 0] + rng.logistic(size=60) > 0).astype(int)
    y[30:] = 1  # the last column tells them from the rest, along which the loss falls to theirs
    rest = NNOClassifier(penalty=None, tol=1e-12).fit(X[:30, :2], y[:30])
    model = NNOClassifier(penalty=None, solver=solver)
    assert "has no minimum" in ending(model, X, y)
    above = model.objective_ - 0.5 * rest.objective_
    assert 0 < above <= model.dual_gap_ <= model.objective_
    assert "has no minimum" in ending(model, X, X[:, 2])
    assert model.dual_gap_ == pytest.approx(model.objective_)  # the infimum is 0; this was inf


@pytest.mark.parametrize("solver", SOLVERS)
def test_classes_of_which_two_are_told_apart_by_one_direction(solver):
    """Along it two classes stay where they are, up to rounding, while the third goes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    y = (X[:, 1] + rng.logistic(size=90) > 0).astype(int)
    y[X @ [0.3, 0.1, -0.7, 0.2] > 0.8] = 2
    model = NNOClassifier(penalty=None, solver=solver, tol=1e-8)
    assert "has no minimum" in ending(model, np.hstack([X, X[:, :2]]), y)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("loss", ["one of three classes", "one of two labels"])
def test_of_many_rows_some_outputs_are_in_doubt_and_one_is_not(solver, loss):
    """Rows in doubt between two classes or about one label are in all directions: the third class,
    the other label, is told from the rest for sure all the same."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 4)).astype(np.float32)
    overlapping = X[:, 1] + rng.logistic(size=len(X)) > 0
    side = X @ [0.3, 0.1, -0.7, 0.2]
    X += np.where(side > 0.8, 0.2, 0.0)[:, None].astype(np.float32) * [0.3, 0.1, -0.7, 0.2]
    if loss == "one of three classes":
        y = np.where(side > 0.8, 2, overlapping)
    else:
        y = np.column_stack([overlapping, side > 0.8]).astype(int)
    assert "has no minimum" in ending(NNOClassifier(penalty=None, solver=solver, tol=1e-6), X, y)
    if loss == "one of two labels":
        y[np.argsort(side)[[-1, 10]], 1] = [0, 1]
        assert ending(NNOClassifier(penalty=None, solver=solver, tol=1e-6), X, y) == ""


def grades(n=200, n_classes=3):
    """Ordered classes that a column tells apart."""
    X = np.random.default_rng(0).normal(size=(n, 4))
    return X, np.digitize(X[:, 0], np.linspace(-1, 1, n_classes - 1))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", [None, L1(weights={0: 0.0}), MCP()])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_thresholds_of_ordered_classes_move_apart(n_classes, penalty, solver):
    if solver == "gd" and penalty is not None:
        pytest.skip("penalties with kinks")
    X, y = grades(n_classes=n_classes)
    model = NNOClassifier("ordinal", penalty=penalty, alpha=0.01, solver=solver)
    assert "has no minimum" in ending(model, X, y) and model.n_iter_ < 30
    assert 0 < model.objective_ <= model.dual_gap_ < np.inf
    border = np.argsort(X[:, 0])
    one, other = border[np.searchsorted(y[border], 1) + np.array([-2, 1])]
    y[one], y[other] = y[other], y[one]
    assert ending(model, X, y) == ""


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_column_that_only_the_last_of_ordered_classes_has(solver):
    X, y = grades()
    y = np.digitize(X[:, 0] + np.random.default_rng(1).logistic(size=len(X)), [-1, 1])
    X[:, 3] = np.arange(len(X)) % 10 == 0
    model = NNOClassifier("ordinal", penalty=None, solver=solver)
    assert ending(model, X, y) == ""
    y[X[:, 3] > 0] = 2
    assert "has no minimum" in ending(model, X, y)
    y[X[:, 3] > 0] = 1  # between two thresholds that others hold
    assert ending(model, X, y) == ""


@pytest.mark.parametrize("solver", SOLVERS)
def test_many_rows_of_ordered_classes_by_the_coefficients_themselves(solver):
    model = NNOClassifier("ordinal", penalty=None, solver=solver)
    X, y = grades(n=8000)
    X[:, 0] += 0.05 * (y - 1)
    assert "has no minimum" in ending(model, X, y)
    assert ending(model.set_params(penalty="l2"), X, y) == ""


def test_of_overlapping_classes_there_is_an_optimum():
    X, y, weight = three_classes(overlap=True)
    y = np.eye(3)[y]
    problem = pose(X, y, MultinomialLogLoss(), NoPenalty(), 1.0, sample_weight=weight)
    assert not separates(problem.null)


@pytest.mark.parametrize("name", ["squared_error", "huber", "gamma", "squared_hinge"])
def test_losses_that_reach_their_minimum_have_one(name):
    assert not separates(make_problem(name, NoPenalty()).null)


def test_many_rows_are_no_square_matrix():
    """A decomposition of 30,000 rows in 30,000 others would take 7 GB."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30_000, 2))
    y = (X[:, :1] + rng.logistic(size=(len(X), 1)) > 0).astype(float)
    X[0], y[0] = [300.0, 0.0], 1.0  # a row that a model tells for sure
    problem = pose(X, y, LOSSES["log_loss"], NoPenalty(), 1.0)
    assert not separates(problem.at(np.array([[1.0], [0.0]])))


def test_a_penalty_that_grows_leaves_the_intercept_alone(monkeypatch):
    """No rows are searched for a direction, which no coefficients can have."""
    monkeypatch.setattr(recession, "_is_sure_of_rows", None)
    monkeypatch.setattr(recession, "_directions", None)
    X = np.arange(12.0)[:, None]
    for penalty in (L1(), L2(), ElasticNet(0.5)):
        problem = pose(X, (X > 5.5).astype(float), LOSSES["log_loss"], penalty, 1e-3)
        assert not separates(problem.at(np.array([[1.0]])))
        one_class = pose(X, np.ones((12, 1)), LOSSES["log_loss"], penalty, 1e-3)
        assert separates(one_class.at(np.zeros((1, 1)), np.array([3.0])))


def one_hot(n_samples, n_columns, rng):
    """Columns of five levels each."""
    return np.hstack([np.eye(5)[rng.integers(0, 5, n_samples)] for _ in range(n_columns)])


@pytest.mark.parametrize("solver", ["auto", "nearest_neighbor", "proximal"])
class TestFreeFeatures:
    """A penalty holds most features and leaves a few free, among which alone it may fall for ever;
    all of them together are more than a program takes."""

    def test_a_level_without_a_class(self, solver):
        rng = np.random.default_rng(0)
        X, y = one_hot(50, 80, rng), np.arange(50) % 3
        X[:5, 0] = [1, 1, 0, 1, 1]
        weights = np.ones(X.shape[1])
        weights[:2] = 0.0
        model = NNOClassifier(penalty=L1(weights=weights), alpha=0.003, solver=solver)
        X[y == 2, 0] = 0.0
        assert "has no minimum" in ending(model, X, y) and model.n_iter_ < 60
        X[:12, 0] = 1.0
        X[:, 1] = 1.0 - X[:, 0]
        assert ending(model, X, y) == ""

    @pytest.mark.parametrize("loss", ["log_loss", "poisson"])
    def test_bounds_stand_in_the_way(self, solver, loss):
        """What was said of the direction did not count that it leads out of the bounds."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 3))
        y = np.where(X[:, 0] < 0, rng.integers(1, 4, 60) if loss == "poisson" else 1, 0)
        X[:, 0] += np.where(y > 0, 1.0, 2.0) if loss == "poisson" else 0.0
        kind = NNORegressor if loss == "poisson" else NNOClassifier
        bound = {"lower": {0: 0.0}}
        model = kind(loss, penalty=L1(weights={0: 0.0}, **bound), alpha=0.01, solver=solver)
        assert ending(model, X, y) == "" and model.coef_.ravel()[0] >= 0
        model.set_params(penalty=L1(weights={0: 0.0}, upper={0: 0.0, 1: 1.0}, lower={2: -1.0}))
        if loss == "log_loss":
            assert "has no minimum" in ending(model, X, y)

    def test_free_in_one_class_alone(self, solver):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(90, 30)), np.arange(90) % 3
        X[:, 0] = np.where(y == 1, 1.0, 0.0) * (rng.random(90) < 0.5)
        weights = np.ones((30, 3))
        weights[0, 1] = 0.0
        model = NNOClassifier(penalty=L1(weights=weights), alpha=0.01, solver=solver)
        assert "has no minimum" in ending(model, X, y)
        weights[0] = [0.0, 1.0, 1.0]
        model.set_params(penalty=L1(weights=weights))
        assert "has no minimum" in ending(model, X, y)  # away from the other two
        X[0, 0], X[1, 0] = 1.0, 1.0
        assert ending(model, X, y) == ""
