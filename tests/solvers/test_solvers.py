"""Every solver reaches the same certified optimum, and keeps its book."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.datasets import make_regression

from nno_sklearn.penalties import L1, L2, SLOPE, ElasticNet, GroupLasso, NoPenalty
from nno_sklearn.solvers import (
    SOLVERS,
    GradientDescent,
    NearestNeighborSolver,
    ProximalSolver,
    Status,
)
from nno_sklearn.solvers.feature_choice import choose_features
from tests.problems import (
    CONTAINERS,
    EVERY_PENALTY,
    LOSSES,
    PENALTIES,
    make_matrix,
    make_problem,
    make_target,
    make_weight,
    pose,
    solve,
)
from tests.user_objects import Box

TOL = 1e-7
every_solver = pytest.mark.parametrize("solver", SOLVERS)
every_loss = pytest.mark.parametrize("name", LOSSES)


def accepting(problem):
    return [name for name in SOLVERS if not SOLVERS[name]().missing(problem.loss, problem.penalty)]


def check_history(result, problem, tol):
    """What holds for every run that converged."""
    history = result.history
    assert result.status is Status.CONVERGED
    assert result.n_iter == max(1, len(history) - 1) and result.n_passes == history[-1].n_passes
    assert result.optimality == history[-1].optimality <= tol
    assert result.objective == history[-1].objective
    assert all(record.optimality > tol for record in history[:-1])
    objectives = np.array([record.objective for record in history])
    assert (np.diff(objectives) <= 1e-12 * problem.null.value).all()
    passes = np.array([record.n_passes for record in history])
    assert (np.diff(passes) > 0).all() and passes[-1] <= problem.n_passes
    assert np.isnan(history[0].step_size)
    assert all(record.step_size > 0 for record in history[1:])
    assert history[-1].n_nonzeros == np.count_nonzero(result.coef)
    raw = problem.rows.design.X @ result.coef + result.intercept
    with np.errstate(over="ignore"):
        losses = problem.rows.weight @ problem.loss.value(problem.rows.y, raw).sum(axis=1)
    objective = losses + problem.alpha * problem.penalty.value(result.coef)
    assert result.objective == pytest.approx(objective, rel=1e-9)


@pytest.mark.pairwise
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
@pytest.mark.parametrize("penalty", PENALTIES)
@every_loss
def test_all_solvers_reach_the_same_certified_optimum(name, penalty, container, weighted):
    alpha = 0.03 if weighted else 0.2
    results = {}
    problem = make_problem(name, PENALTIES[penalty], alpha)
    for solver in accepting(problem):
        problem = make_problem(
            name, PENALTIES[penalty], alpha, n=60, container=container, weighted=weighted
        )
        results[solver] = solve(solver, problem, random_state=0)
        check_history(results[solver], problem, TOL)
        assert results[solver].dual_gap <= TOL * problem.null.value
    assert set(results) == set(SOLVERS) - (set() if penalty == "l2" else {"gd"})
    bound = max(result.objective - result.dual_gap for result in results.values())
    for result in results.values():
        assert bound <= result.objective + 1e-12
        assert result.objective <= bound + 2 * TOL * problem.null.value


@pytest.mark.each_value
@pytest.mark.parametrize("penalty", [*PENALTIES, "none"])
@pytest.mark.parametrize("name", ["squared_error", "huber", "poisson", "squared_hinge"])
def test_several_outputs_are_one_problem_each(name, penalty):
    penalty, X, weight = EVERY_PENALTY[penalty], make_matrix(80), make_weight(80)
    y = make_target(name, X, n_outputs=3)
    y[:, 2] = np.roll(y[:, 2], 1)
    options = (LOSSES[name], penalty, 0.05)
    joint = pose(X, y, *options, sample_weight=weight)
    apart = [pose(X, y[:, [k]], *options, sample_weight=weight) for k in range(3)]
    expected = sum(solve("auto", problem, tol=1e-10).objective for problem in apart)
    for solver in accepting(joint):
        result = solve(solver, joint, tol=1e-8)
        assert result.status is Status.CONVERGED
        assert result.objective == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("solver", ["auto", "gd", "proximal"])
def test_outputs_that_are_done_do_not_hold_up_the_others(solver):
    X, y = make_regression(n_samples=11, n_features=10, n_targets=5, random_state=42)
    problem = pose(X, y, LOSSES["huber"], PENALTIES["l2"], 1e-4)
    check_history(solve(solver, problem, tol=1e-6), problem, 1e-6)


@pytest.mark.pairwise
@every_solver
@pytest.mark.parametrize("fit_intercept", [True, False])
@every_loss
def test_no_penalty_is_solved_to_a_vanishing_gradient(name, fit_intercept, solver):
    problem = make_problem(name, alpha=0.0, n=120, p=3, seed=3, fit_intercept=fit_intercept)
    result = solve(solver, problem, tol=1e-6)
    check_history(result, problem, 1e-6)
    best = solve("auto", problem, tol=1e-9)
    distance = result.objective - best.objective
    assert distance <= result.dual_gap + 1e-14 * problem.null.value <= 2e-12 * problem.null.value
    point = problem.at(result.coef, problem.inner_intercept(result.coef, result.intercept))
    unit = problem.scale[:, None] * problem.null_residual
    assert np.abs(point.gradient / unit).max() <= 1.1e-6


@pytest.mark.pairwise
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", PENALTIES)
@every_loss
def test_proximal_reaches_high_accuracy(name, penalty, fit_intercept):
    problem = make_problem(name, PENALTIES[penalty], 0.05, fit_intercept=fit_intercept)
    result = solve("proximal", problem, tol=1e-12)
    assert result.optimality <= 1e-12 and result.status is Status.CONVERGED


@every_solver
@pytest.mark.parametrize("name", ["squared_error", "multinomial", "gamma"])
def test_columns_need_no_scaling(name, solver):
    X, factor = make_matrix(80), 10.0 ** np.array([-6, -3, 0, 3, 6])
    y = make_target(name, X)
    plain = pose(X, y, LOSSES[name], NoPenalty(), 1.0)
    scaled = pose(X * factor + 5 * factor, y, LOSSES[name], NoPenalty(), 1.0)
    expected, result = solve(solver, plain, tol=1e-7), solve(solver, scaled, tol=1e-7)
    assert result.status is Status.CONVERGED
    assert result.objective == pytest.approx(expected.objective, rel=1e-9)
    moved = result.coef * factor[:, None] - expected.coef
    if name == "multinomial":  # without a penalty the outputs may shift together
        moved -= moved.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(moved, 0.0, atol=1e-4)


@every_solver
@pytest.mark.parametrize("max_iter", [1, 2, 3])
def test_iteration_limit(solver, max_iter):
    problem = make_problem("poisson", alpha=1e-4, n=200, p=20)
    result = solve(solver, problem, max_iter=max_iter, tol=0.0)
    assert result.status is Status.MAX_ITER
    assert result.n_iter == len(result.history) - 1 == max_iter
    assert result.objective < problem.null.value


@every_solver
def test_callback_gets_every_record(solver):
    records = []
    problem = make_problem("log_loss", alpha=1e-3)
    result = solve(solver, problem, callback=lambda record, _: records.append(record))
    assert len(records) > 1
    assert all(one is other for one, other in zip(records, result.history, strict=True))


@every_solver
def test_start_at_the_optimum_is_recognised(solver):
    problem = make_problem("huber", alpha=0.1)
    best = solve("auto", problem, tol=1e-10)
    start = problem.at(best.coef, problem.inner_intercept(best.coef, best.intercept))
    result = SOLVERS[solver]().solve(problem, start, max_iter=10, tol=1e-6)
    assert result.n_iter == 1 and result.status is Status.CONVERGED
    np.testing.assert_array_equal(result.coef, best.coef)
    np.testing.assert_allclose(result.intercept, best.intercept, rtol=1e-12)


@every_solver
def test_limit_of_precision_is_not_reported_as_convergence(solver):
    problem = make_problem("gamma", alpha=1e-3)
    result = solve(solver, problem, tol=0.0, max_iter=200)
    assert (result.status is Status.CONVERGED) == (result.optimality == 0.0)
    assert result.objective - solve("auto", problem, tol=1e-10).objective <= 1e-9


@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("solver", ["proximal", "nearest_neighbor", "auto"])
@pytest.mark.parametrize("name", ["squared_error", "log_loss", "multinomial"])
def test_strong_penalties_leave_exact_zeros(name, solver, penalty):
    problem = make_problem(name, PENALTIES[penalty], 1.0, n=60, p=30)
    strongest = np.abs(problem.null.data_gradient).max() / PENALTIES[penalty].l1_ratio
    none = make_problem(name, PENALTIES[penalty], 1.0001 * strongest, n=60, p=30)
    result = solve(solver, none)
    assert result.n_iter == 1 and not result.coef.any()
    one = solve(solver, make_problem(name, PENALTIES[penalty], 0.98 * strongest, n=60, p=30))
    assert 1 <= np.count_nonzero(one.coef) <= 3


@pytest.mark.pairwise
@pytest.mark.parametrize("solver", ["nearest_neighbor", "gd", "auto", "proximal"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("container", [np.asarray, CONTAINERS["csr_array"]])
def test_more_features_than_fit_a_matrix(container, penalty, solver):
    if (solver, penalty) in {("gd", "l1"), ("proximal", "l2")}:
        pytest.skip("refused, or not what the solver is for")
    options = {"n": 60, "p": 2500, "container": container}
    problem = make_problem("log_loss", PENALTIES[penalty], 0.05, **options)
    result = solve(solver, problem, tol=1e-6, random_state=0)
    check_history(result, problem, 1e-6)
    X = make_matrix(60, 2500)
    if penalty == "l2":  # the optimum lies in the span of the centred rows: 60 numbers
        kernel = (X - problem.rows.weight @ X) @ (X - problem.rows.weight @ X).T
        small = pose(
            np.linalg.cholesky(kernel + 1e-9 * np.eye(60)), problem.rows.y, problem.loss, L2(),
            0.05, sample_weight=problem.rows.weight,
        )  # fmt: skip
        expected = solve("gd", small, tol=1e-8).objective
    else:
        used = np.flatnonzero(result.coef[:, 0])
        assert 0 < len(used) < 60
        few = pose(
            X[:, used], problem.rows.y, problem.loss, L1(), 0.05, sample_weight=problem.rows.weight
        )
        expected = solve("proximal", few, tol=1e-10).objective
    assert result.objective == pytest.approx(expected, abs=1.1e-6 * problem.null.value)


def test_auto_chooses_by_the_penalty():
    auto = SOLVERS["auto"]()
    assert isinstance(auto.select(make_problem("huber")), SOLVERS["nearest_neighbor"])
    assert isinstance(auto.select(make_problem("huber", L1())), ProximalSolver)
    assert auto.select(make_problem("huber", Box())).requires == {"loss.gradient", "penalty.prox"}
    assert GradientDescent().select(make_problem("huber")).n_corrections == 20


def test_working_set_holds_what_promises_most():
    problem = make_problem("log_loss", L1(), 0.02, n=80, p=400)
    null = problem.null
    excess = np.maximum(np.abs(null.data_gradient[:, 0]) - 0.02, 0.0)
    promise = excess**2 / null.diagonal_curvature[:, 0]
    chosen = choose_features(null)
    assert len(chosen) == 100 and (np.diff(chosen) > 0).all()
    assert promise[chosen].min() >= np.delete(promise, chosen).max()
    coef = np.zeros(problem.shape)
    coef[300:] = 1e-9
    chosen = choose_features(problem.at(coef))
    assert np.isin(np.arange(300, 400), chosen).all() and len(chosen) == 200
    best = solve("proximal", problem, tol=1e-10)
    np.testing.assert_array_equal(
        np.isin(np.flatnonzero(best.coef), choose_features(problem.at(best.coef))), True
    )


def test_a_working_set_has_all_that_no_kink_keeps_at_0():
    """Bounds away from 0, and weights of 0, keep no coefficient there."""
    problem = make_problem("squared_error", L2(lower=-1.0, upper=1.0), 0.02, n=80, p=400)
    assert len(choose_features(problem.null)) == 400
    positive = make_problem("squared_error", L2(positive=True), 0.02, n=80, p=400)
    assert len(choose_features(positive.null)) <= 100
    weights = np.ones(400)
    weights[250:] = 0.0
    free = make_problem("squared_error", L1(weights=weights), 0.02, n=80, p=400)
    chosen = choose_features(free.null)
    assert np.isin(np.arange(250, 400), chosen).all() and len(chosen) < 400


@pytest.mark.parametrize("bound", [1.0, 0.02, 0.002])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_bounds_on_many_columns_are_solved_for_at_once(bound, n_outputs):
    """In the space of the rows; the optimum of bounded least squares on rows of the ridge."""
    rng = np.random.default_rng(0)
    X, alpha = rng.normal(size=(30, 200)), 0.1
    y = X[:, :5].sum(axis=1, keepdims=True) + rng.normal(size=(30, n_outputs))
    penalty = L2(lower=-bound, upper=bound)
    problem = pose(X, y, LOSSES["squared_error"], penalty, alpha, fit_intercept=False)
    result = solve("proximal", problem, tol=1e-10)
    assert result.status is Status.CONVERGED and result.n_iter <= 2
    ridge = np.vstack([X / np.sqrt(30), np.sqrt(alpha) * np.eye(200)])
    for k in range(n_outputs):
        target = np.concatenate([y[:, k] / np.sqrt(30), np.zeros(200)])
        expected = lsq_linear(ridge, target, (-bound, bound), tol=1e-14).x
        np.testing.assert_allclose(result.coef[:, k], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["proximal", "nearest_neighbor"])
@pytest.mark.parametrize("loss", ["squared_hinge", "modified_huber", "log_loss"])
def test_bounds_that_hardly_matter_leave_the_ridge(loss, name):
    """Steps within the bounds crept towards an optimum a millionth of the constant model's."""
    ridge = make_problem(loss, L2(), 1e-6, n=40, p=300)
    free = solve(name, ridge, tol=1e-8, max_iter=200, random_state=0)
    far = 2 * np.abs(free.coef).max()
    within = make_problem(loss, L2(lower=-far, upper=far), 1e-6, n=40, p=300)
    result = solve(name, within, tol=1e-6, max_iter=20, random_state=0)
    assert result.status is Status.CONVERGED and result.n_iter == 1
    assert result.history[0].start == "optimum without bounds"
    # What tol is a share of is no less than a millionth of the constant model's objective.
    least = max(result.objective, 1e-6 * within.null.value)
    assert abs(result.objective - free.objective) <= 1.1e-6 * least
    some = make_problem(loss, L2(lower=-far / 4, upper=far / 4), 1e-6, n=40, p=300)
    result = solve(name, some, tol=1e-6, max_iter=100, random_state=0)
    assert result.status is Status.CONVERGED and result.objective > free.objective - least * 1e-6


def test_a_start_given_is_kept_beside_bounds():
    problem = make_problem("log_loss", L2(lower=-1.0, upper=1.0), 1e-3, n=40, p=300)
    start = problem.at(np.full(problem.shape, 0.01))
    result = SOLVERS["proximal"]().solve(problem, start, max_iter=100, tol=1e-6)
    assert result.history[0].start == "given coefficients"


def test_a_working_set_has_all_that_violate_optimality_equally():
    """With SLOPE columns of one output may enter together which cannot enter alone."""
    problem = make_problem("multinomial", SLOPE(np.linspace(2, 1, 300)), 0.005, n=80, p=300)
    coef = np.zeros(problem.shape)
    coef[250:260] = 1e-9
    for point in (problem.null, problem.at(coef)):
        pull = point.data_gradient / problem.alpha
        distance = problem.penalty.subdiff_distance(point.coef, pull).max(axis=1)
        used, chosen = np.flatnonzero(point.coef.any(axis=1)), choose_features(point)
        assert 100 <= len(chosen) < 300 and np.isin(used, chosen).all()
        least = distance[np.setdiff1d(chosen, used)].min()
        assert least > np.delete(distance, chosen).max()


@pytest.mark.parametrize("size", [1, 4])
def test_a_working_set_of_many_rows_holds_all_that_are_likely(size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8000, 260))
    y = X[:, 20:172] @ rng.choice([-1.0, 1.0], size=(152, 1)) + rng.normal(size=(8000, 1))
    penalty = L1() if size == 1 else GroupLasso(np.arange(260).reshape(-1, size).tolist())
    problem = pose(X, y, LOSSES["squared_error"], penalty, 0.2)
    chosen = choose_features(problem.null)
    assert np.isin(np.arange(20, 172), chosen).all() and len(chosen) <= 160
    result = solve("proximal", problem, tol=1e-9)
    assert result.status is Status.CONVERGED and result.n_iter == 1
    assert (result.coef[20:172] != 0).all()


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        (NearestNeighborSolver(n_landmarks=0), r"NearestNeighborSolver\(n_landmarks=0\)"),
        (NearestNeighborSolver(n_landmarks=10.0), r"n_landmarks=10.0\)"),
        (NearestNeighborSolver(n_neighbors=0), r"n_neighbors=0\)"),
        (NearestNeighborSolver(n_neighbors=True), r"n_neighbors=True\)"),
        (NearestNeighborSolver(metric="near"), r"metric='near'.*Use one of \['braycurtis"),
        (NearestNeighborSolver(n_corrections=-1), r"n_corrections=-1\)"),
        (GradientDescent(n_corrections=2.5), r"GradientDescent\(n_corrections=2.5\)"),
        (ElasticNet(l1_ratio=1.5), r"l1_ratio=1.5\): l1_ratio must be between 0 and 1"),
        (ElasticNet(l1_ratio=-0.1), r"l1_ratio=-0.1\)"),
        (ElasticNet(l1_ratio=np.nan), r"l1_ratio=nan\)"),
    ],
)
def test_bad_parameters_are_named(owner, message):
    with pytest.raises(ValueError, match=message):
        owner.check_parameters()


@pytest.mark.parametrize(
    "owner",
    [
        *(solver() for solver in SOLVERS.values()),
        *EVERY_PENALTY.values(),
        GradientDescent(n_corrections=0),
        NearestNeighborSolver(n_landmarks=np.int64(5), metric=lambda a, b: 0.0),
    ],
)
def test_good_parameters_pass(owner):
    owner.check_parameters()
