"""Losses with corners on all estimators and solvers, against optima found without this package."""

import numpy as np
import pytest
from scipy import optimize, sparse, special
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from nno_sklearn import SLOPE, FusedLasso, GroupLasso, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.losses import AbsoluteError, EpsilonInsensitive, Hinge, Loss, Quantile
from nno_sklearn.solvers.sparse_groups import SparseGroupModel
from tests.estimators import SOLVERS
from tests.user_objects import Pinball

RNG = np.random.default_rng(0)
N, P, ALPHA, TOL = 60, 4, 0.05, 1e-6
X = RNG.normal(size=(N, P)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -1.0]
SIGNAL = X @ [0.6, -0.4, 0.0, 0.3]
Y = SIGNAL + 0.5 * RNG.standard_t(2, size=N) + 0.7
LABELS = (SIGNAL + 0.5 * RNG.logistic(size=N) > 0).astype(int)
WEIGHT, OFFSET = RNG.uniform(0.1, 3.0, N), RNG.normal(size=N)
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}
LOSSES = {
    "quantile": (NNORegressor, Quantile(0.3), Y),
    "absolute_error": (NNORegressor, AbsoluteError(), Y),
    "epsilon_insensitive": (NNORegressor, EpsilonInsensitive(0.4), Y),
    "hinge": (NNOClassifier, Hinge(), LABELS),
}
every_loss = pytest.mark.parametrize("name", list(LOSSES))


def lines_of(name, y):
    """Slopes and levels of the lines of which a loss is the largest: ``slope * eta + level``."""
    if name == "hinge":
        sign = 2 * y - 1
        return [(-sign, np.ones(N)), (np.zeros(N), np.zeros(N))]
    slopes = {"quantile": (-0.3, 0.7)}.get(name, (-1.0, 1.0))
    insensitive = 0.4 if name == "epsilon_insensitive" else 0.0
    lines = [(np.full(N, slope), -slope * y - insensitive) for slope in slopes]
    return [*lines, (np.zeros(N), np.zeros(N))]


def least_objective(name, y, weight, offset, l1, l2):
    """The optimum, by a linear or a quadratic program in w+, w-, b and the rows' losses."""
    weight = weight / weight.sum()
    cost = np.r_[np.full(2 * P, l1), 0.0, weight]
    above = []
    for slope, level in lines_of(name, y):
        rows = np.hstack([slope[:, None] * np.hstack([X, -X, np.ones((N, 1))]), -np.eye(N)])
        above.append((rows, -level - slope * offset))
    A, b = np.vstack([rows for rows, _ in above]), np.concatenate([level for _, level in above])
    bounds = [(0, None)] * (2 * P) + [(None, None)] * (N + 1)
    found = optimize.linprog(cost, A, b, bounds=bounds)
    assert found.status == 0
    if not l2:
        return found.fun

    def objective(z):
        w = z[:P] - z[P : 2 * P]
        return cost @ z + 0.5 * l2 * w @ w

    def gradient(z):
        w = z[:P] - z[P : 2 * P]
        return cost + l2 * np.r_[w, -w, np.zeros(N + 1)]

    hold = {"type": "ineq", "fun": lambda z: b - A @ z, "jac": lambda z: -A}
    options = {"ftol": 1e-13, "maxiter": 1000}
    best = optimize.minimize(
        objective, found.x, jac=gradient, bounds=bounds, constraints=hold, options=options
    )
    assert best.success
    return best.fun


@pytest.mark.each_value
@pytest.mark.parametrize("penalty", ["l1", "l2", "elasticnet", None])
@every_loss
def test_every_solver_finds_and_certifies_the_optimum(name, penalty):
    kind, loss, y = LOSSES[name]
    l1, l2 = {"l1": (ALPHA, 0.0), "l2": (0.0, ALPHA), None: (0.0, 0.0)}.get(
        penalty, (0.5 * ALPHA, 0.5 * ALPHA)
    )
    best = {}
    for container, convert in CONTAINERS.items():
        is_full = container != "csr"
        weight, offset = (WEIGHT, OFFSET) if is_full else (np.ones(N), np.zeros(N))
        if is_full not in best:
            best[is_full] = least_objective(name, y, weight, offset, l1, l2)
        tol = 1e-5 if container == "float32" else TOL
        for solver in SOLVERS[penalty] if container == "dense" else ("auto",):
            model = kind(loss, penalty=penalty, alpha=ALPHA, solver=solver, tol=tol)
            model.fit(convert(X), y, weight, offset=offset)
            assert model.converged_
            assert -1e-7 <= model.objective_ / best[is_full] - 1 <= 1.01 * tol + 1e-7
            assert model.objective_ - best[is_full] <= model.dual_gap_ + 1e-7 * best[is_full]
            assert model.dual_gap_ <= tol * model.objective_ * (1 + 1e-9)
            assert len(model.history_) <= model.n_iter_ + 2


def test_history_is_of_the_loss_itself():
    model = NNORegressor("quantile", tol=1e-8).fit(X, Y)
    r = Y - model.predict(X)
    expected = np.mean(np.maximum(0.5 * r, -0.5 * r)) + 0.5e-4 * model.coef_ @ model.coef_
    assert model.objective_ == pytest.approx(expected, rel=1e-12)
    last = model.history_[-1]
    assert (last.objective, last.optimality) == (model.objective_, model.optimality_)
    assert model.history_[0].objective > last.objective


class TestParity:
    X = RNG.normal(size=(300, 6))
    Y = X @ RNG.normal(size=6) + RNG.standard_t(3, size=300) + 1.0
    LABELS = (Y > 1).astype(int)

    @pytest.mark.parametrize("alpha", [0.0, 0.01])
    @pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
    def test_quantile_regressor(self, quantile, alpha):
        theirs = QuantileRegressor(quantile=quantile, alpha=alpha).fit(self.X, self.Y)
        ours = NNORegressor(Quantile(quantile), penalty="l1", alpha=alpha, tol=1e-7)
        ours.fit(self.X, self.Y)
        r = self.Y - theirs.predict(self.X)
        loss = np.mean(np.maximum(quantile * r, (quantile - 1) * r))
        expected = loss + alpha * np.abs(theirs.coef_).sum()
        assert ours.objective_ == pytest.approx(expected, rel=1e-6)
        assert np.mean(self.Y < ours.predict(self.X)) == pytest.approx(quantile, abs=0.03)

    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_support_vector_machine(self, fit_intercept):
        n, alpha = len(self.X), 0.01
        given = {"C": 1 / (alpha * n), "tol": 1e-8}
        if fit_intercept:
            theirs = SVC(kernel="linear", **given)
        else:  # liblinear penalises an intercept
            theirs = LinearSVC(
                loss="hinge", fit_intercept=False, max_iter=10**6, random_state=0, **given
            )
        theirs.fit(self.X, self.LABELS)
        margin = (2 * self.LABELS - 1) * theirs.decision_function(self.X)
        expected = np.maximum(0, 1 - margin).mean() + alpha / 2 * (theirs.coef_**2).sum()
        ours = NNOClassifier("hinge", alpha=alpha, tol=1e-7, fit_intercept=fit_intercept)
        assert ours.fit(self.X, self.LABELS).objective_ == pytest.approx(expected, rel=1e-6)
        assert (ours.predict(self.X) == theirs.predict(self.X)).mean() > 0.99

    @pytest.mark.parametrize("loss", ["epsilon_insensitive", "squared_epsilon_insensitive"])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_support_vector_regression(self, fit_intercept, loss):
        n, alpha, power = len(self.X), 0.01, 2 if loss.startswith("squared") else 1
        given = {"C": 1 / (alpha * n), "tol": 1e-9, "epsilon": 0.1}
        if fit_intercept and power == 1:
            theirs = SVR(kernel="linear", **given)
        elif fit_intercept:
            theirs = LinearSVR(loss=loss, intercept_scaling=1e4, max_iter=10**6, **given)
        else:
            theirs = LinearSVR(loss=loss, fit_intercept=False, max_iter=10**6, **given)
        theirs.fit(self.X, self.Y)
        r = np.maximum(0, np.abs(self.Y - theirs.predict(self.X)) - 0.1)
        expected = (r**power).mean() + alpha / 2 * (theirs.coef_**2).sum()
        ours = NNORegressor(loss, alpha=alpha, tol=1e-7, fit_intercept=fit_intercept)
        assert ours.fit(self.X, self.Y).objective_ == pytest.approx(expected, rel=1e-6)


def test_outputs_are_fitted_each_for_itself():
    both = np.column_stack([Y, 10 * SIGNAL])
    model = NNORegressor("absolute_error", tol=1e-8).fit(X, both)
    alone = [NNORegressor("absolute_error", tol=1e-8).fit(X, y) for y in both.T]
    assert model.objective_ == pytest.approx(sum(one.objective_ for one in alone), rel=1e-6)


QUANTILES = [0.9, 0.1, 0.5]


@pytest.mark.parametrize("penalty", ["l1", "l2", None])
@pytest.mark.parametrize("container", CONTAINERS)
def test_several_quantiles_are_outputs(penalty, container):
    rows, options = CONTAINERS[container](X), {"penalty": penalty, "alpha": ALPHA, "tol": 1e-5}
    model = NNORegressor(Quantile(QUANTILES), **options).fit(rows, Y, WEIGHT, offset=OFFSET)
    assert model.converged_ and model.coef_.shape == (3, P) and model.intercept_.shape == (3,)
    prediction = model.predict(rows, offset=OFFSET)
    assert prediction.shape == (N, 3) and model.coef_.dtype == rows.dtype
    for k, quantile in enumerate(QUANTILES):
        alone = NNORegressor(Quantile(quantile), **options).fit(rows, Y, WEIGHT, offset=OFFSET)
        losses = [
            one.loss_.value(Y[:, None], one.predict(rows, offset=OFFSET).reshape(N, -1))
            for one in (model, alone)
        ]
        ours, theirs = (np.average(loss, axis=0, weights=WEIGHT) for loss in losses)
        penalties = [ALPHA * size_of(one, penalty) for one in (model.coef_[k], alone.coef_)]
        assert ours[k] + penalties[0] == pytest.approx(theirs[0] + penalties[1], rel=1e-4)


def size_of(coef, penalty):
    coef = coef.astype(float)
    return {"l1": np.abs(coef).sum(), "l2": coef @ coef / 2, None: 0.0}[penalty]


def test_several_quantiles_are_scored_learnt_and_refused():
    model = NNORegressor(Quantile(QUANTILES)).fit(X, Y)
    each = [NNORegressor(Quantile(q)).fit(X, Y).score(X, Y) for q in QUANTILES]
    assert model.score(X, Y) == pytest.approx(np.mean(each), rel=1e-6)
    smooth = NNORegressor(Quantile(QUANTILES).smoothed(0.2)).partial_fit(X, Y)
    assert smooth.predict(X).shape == (N, 3)
    with pytest.raises(ValueError, match="y has 2 columns, but Quantile.* an output for each qua"):
        NNORegressor(Quantile(QUANTILES)).fit(X, np.column_stack([Y, Y]))
    for wrong in ([0.5, 1.0], [], [[0.5]]):
        with pytest.raises(ValueError, match="it must lie between 0 and 1"):
            NNORegressor(Quantile(wrong)).fit(X, Y)


def test_classes_are_each_against_the_rest():
    kinds = np.digitize(SIGNAL, [-0.5, 0.5])
    model = NNOClassifier("hinge", alpha=0.01, tol=1e-7).fit(X, kinds)
    parts = [NNOClassifier("hinge", alpha=0.01, tol=1e-7).fit(X, kinds == k) for k in range(3)]
    assert model.objective_ == pytest.approx(sum(one.objective_ for one in parts), rel=1e-6)
    assert not hasattr(model, "predict_proba")


def test_separable_classes_reach_the_least_loss_without_a_penalty():
    model = NNOClassifier("hinge", penalty=None).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    assert model.converged_
    assert model.objective_ == pytest.approx(0.0, abs=1e-8)


def test_a_perfect_constant_is_found_at_once():
    model = NNORegressor("epsilon_insensitive").fit(X, 0.05 * np.sign(Y))
    assert model.converged_ and model.objective_ == 0.0 and not model.coef_.any()


def test_searches_start_from_neighbours():
    search = NNOSearchCV(NNORegressor("quantile", penalty="l1"), alphas=6, cv=3).fit(X, Y)
    assert search.cv_results_["mean_converged"].all()
    assert search.cv_results_["mean_n_nonzeros"][0] <= 1
    alone = NNORegressor("quantile", penalty="l1", alpha=search.best_params_["alpha"]).fit(X, Y)
    assert search.best_estimator_.objective_ == pytest.approx(alone.objective_, rel=2e-4)


def test_the_iteration_limit_holds_for_all_widths_together():
    with pytest.warns(ConvergenceWarning, match="the iteration limit was reached"):
        model = NNORegressor("quantile", solver="gd", max_iter=3, tol=1e-9).fit(X, Y)
    assert model.n_iter_ == 3 and not model.converged_


def test_streams_refuse_corners_and_take_their_smoothed_form():
    for model in (NNORegressor("quantile"), NNOClassifier("hinge"), NNORegressor(Quantile(0.3))):
        with pytest.raises(AttributeError) as refused:
            _ = model.partial_fit
        assert "has corners. Use loss=" in str(refused.value.__cause__)
        assert ".smoothed(width=...)" in str(refused.value.__cause__)
    smooth = Quantile(0.3).smoothed(0.2)
    learnt = (
        NNORegressor(smooth, alpha=0.01).partial_fit(X[:30], Y[:30]).partial_fit(X[30:], Y[30:])
    )
    fitted = NNORegressor(smooth, alpha=0.01).fit(X, Y)
    np.testing.assert_allclose(learnt.coef_, fitted.coef_, atol=0.05)


class Moreau(Pinball):
    """A user's loss with corners that says how it is smoothed."""

    def smoothed(self, width):
        return Quantile(self.level).smoothed(width)


class MoreauWithDual(Moreau):
    def conjugate(self, y, u):
        return Quantile(self.level).conjugate(y, u)


class Logistic(Hinge):
    """The hinge, smoothed by logarithms: not by Moreau's envelope."""

    def smoothed(self, width):
        return LogisticHinge(width)


class LogisticHinge(Loss):
    def __init__(self, width):
        self.width = width

    def value(self, y, eta):
        margin = (1 - (2 * y - 1) * eta) / self.width
        return self.width * (np.logaddexp(0, margin) - np.log(2))

    def gradient(self, y, eta):
        return -(2 * y - 1) * special.expit((1 - (2 * y - 1) * eta) / self.width)


def test_any_smooth_loss_below_it_will_do():
    known = NNOClassifier("hinge", alpha=ALPHA, tol=1e-9).fit(X, LABELS)
    model = NNOClassifier(Logistic(), alpha=ALPHA).fit(X, LABELS)
    assert model.converged_ and 0 <= model.objective_ - known.objective_ <= model.dual_gap_
    assert model.dual_gap_ <= 1e-4 * model.objective_


@pytest.mark.parametrize("penalty", ["l1", "l2", None])
@every_loss
def test_a_weight_is_a_repetition(name, penalty):
    kind, loss, y = LOSSES[name]
    model = kind(loss, penalty=penalty, alpha=ALPHA)
    count = np.random.default_rng(1).integers(0, 4, N)
    weighted, again = clone(model).fit(X, y, count), np.repeat(np.arange(N), count)
    repeated = model.fit(X[again], y[again])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS["l2"])
@every_loss
def test_every_solver_ends_at_the_same_point(name, solver):
    """gd ended within tol, 1e-6 away, on more columns than rows with a weak penalty."""
    rng = np.random.default_rng(3)
    rows, count = rng.random((15, 30)), rng.integers(0, 5, 15)
    y = rng.integers(0, 2, 15) if name == "hinge" else rng.standard_normal(15)
    kind, loss, _ = LOSSES[name]
    known = kind(loss, solver="auto").fit(rows, y, count)
    again = np.repeat(np.arange(15), count)
    model = kind(loss, solver=solver).fit(rows[again], y[again])
    np.testing.assert_allclose(model.coef_, known.coef_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, known.intercept_, rtol=0, atol=1e-9)
    rounding = 8 * np.finfo(float).eps * np.abs(y).mean()  # of terms far larger than their sum
    assert model.dual_gap_ <= max(1e-11 * model.objective_, rounding)


@pytest.mark.parametrize("solver", SOLVERS["l2"])
def test_classes_that_a_wide_matrix_separates(solver):
    """The default solver made 1,000 steps from one kink to the next, and did not converge."""
    rng = np.random.default_rng(3)
    rows, count = rng.random((15, 30)), rng.integers(0, 5, 15)
    y = (rows[:, 0] > 0.5).astype(int)
    model = NNOClassifier("hinge", solver=solver).fit(rows, y, count)
    assert model.converged_ and model.n_passes_ < 500
    known = SVC(kernel="linear", C=1e4 / count.sum(), tol=1e-8).fit(rows, y, count)
    np.testing.assert_allclose(model.coef_, known.coef_, atol=1e-5)


def test_users_losses_with_corners():
    known = NNORegressor(Quantile(0.3), tol=1e-7).fit(X, Y)
    certified = NNORegressor(MoreauWithDual(0.3), tol=1e-7).fit(X, Y)
    assert certified.objective_ == pytest.approx(known.objective_, rel=1e-6)
    assert certified.dual_gap_ <= 1e-7
    measured = NNORegressor(Moreau(0.3), tol=1e-4).fit(X, Y)
    assert measured.converged_ and measured.dual_gap_ == np.inf
    assert measured.objective_ == pytest.approx(known.objective_, rel=1e-4)
    with pytest.warns(ConvergenceWarning, match="gradient of Pinball.* jumps.*smoothed.width"):
        NNORegressor(Pinball(0.3)).fit(X, Y)


@pytest.mark.parametrize(
    "penalty", ["mcp", pytest.param(FusedLasso(0.0), marks=pytest.mark.exhaustive)]
)
def test_without_a_dual_the_smooth_problem_is_below(penalty):
    """What tol then bounds is never negative, and shrinks with it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 6))
    y = rows[:, 0] - rows[:, 1] + 0.5 * rng.normal(size=120)
    objectives = []
    for tol in (1e-2, 1e-5, 1e-7):
        model = NNORegressor("quantile", penalty=penalty, alpha=0.02, tol=tol).fit(rows, y)
        assert model.converged_ and 0 <= model.optimality_ <= tol
        assert all(record.optimality >= 0 for record in model.history_[1:])
        objectives.append(model.objective_)
    assert objectives[1] <= objectives[2] * (1 + 1e-5) and objectives[0] >= objectives[2]


FEW_ROWS = {
    # The smooth loss of one width is hard: wider ones are none the better.
    "a hard width": (
        [[0.83893868, -0.47354846], [0.33153011, -0.26735031]],
        [[1.20943339, 0.65853584, 2.44486208], [0.42173575, -1.33202936, -0.04102559]],
        {"alpha": 0.03368132657450944, "fit_intercept": False},
    ),
    # The objective is so small beside the constant model's that squares on a width say little.
    "next to no loss": (
        [[-0.2, -0.7, -0.7, -1.4, -0.3], [0.1, 2.4, -0.1, 1.3, 0.7]],
        [[-3.7, 3.0, -6.8], [-1.9, 1.9, 0.2]],
        {"alpha": 0.00124},
    ),
}


@pytest.mark.parametrize("name", list(FEW_ROWS))
def test_few_rows_in_groups_of_outputs(name):
    rows, Y, given = FEW_ROWS[name]
    model = NNORegressor(Quantile(0.3), penalty=GroupLasso("rows"), **given).fit(rows, Y)
    assert model.converged_ and model.optimality_ <= 1e-4


@pytest.mark.parametrize("seed", [4, 7, 9])
def test_a_start_on_cells_of_few_rows_leaves_enough_of_them_curved(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-1, 2, (20, 5)).astype(float)
    labels = (rows[:, :2] + 0.5 * rng.normal(size=(20, 2)) > 0).astype(int)
    model = NNOClassifier("hinge", penalty=SLOPE(np.linspace(2.0, 0.5, 5)), alpha=1e-4)
    starts = set()
    for draw in range(3):
        model.set_params(solver="nearest_neighbor", max_iter=100, random_state=draw)
        assert model.fit(rows, labels).converged_
        starts.add(model.history_[0].start)
    assert "cells" in starts


def test_models_of_sparse_groups_end_where_rounding_is_left(monkeypatch):
    taken, newton = [], SparseGroupModel._newton
    monkeypatch.setattr(
        SparseGroupModel, "_newton", lambda *given: taken.append(1) or newton(*given)
    )
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 8))
    rows[:, 0] = 3.0
    y = rows @ rng.normal(size=8) + rng.normal(size=5)
    groups = GroupLasso([[7, 4], [1, 5], [6, 2]], l1_ratio=0.3)
    model = NNORegressor("absolute_error", penalty=groups, alpha=1e-2).fit(rows, y)
    assert model.converged_ and 0 < len(taken) < 1000  # 2570 where these went on
