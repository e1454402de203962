"""Rows in shards: solvers, certificate and Newton need nothing but the interface of rows."""

from collections import Counter

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import Quantile
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty
from nno_sklearn.problem import Problem, summarise
from nno_sklearn.problem.cost import landmarks, sizes
from nno_sklearn.rows import LocalRows
from nno_sklearn.solvers import SOLVERS, Status, solve_nonsmooth
from nno_sklearn.solvers.newton import newton_step
from tests.problems import LOSSES, make_matrix, make_target, make_weight, solve
from tests.rows.sharded import ill_conditioned, in_shards

N_SAMPLES, TOL = 240, 1e-9
#: More requests for each iteration than any fit here needs.
GENEROUS = 60
CASES = {
    "log_loss-l2": ("log_loss", L2(), {}),
    "log_loss-l1": ("log_loss", L1(), {}),
    "poisson-l2": ("poisson", L2(), {}),
    "huber-l2": ("huber", L2(), {}),
    "lasso": ("squared_error", L1(), {}),
    "several-lasso": ("squared_error", L1(), {"n_outputs": 3}),
    "several-log_loss": ("log_loss", L2(), {"n_outputs": 2}),
    "multinomial-l2": ("multinomial", L2(), {}),
    "multinomial-l1": ("multinomial", L1(), {}),
    "poisson-l1-offset": ("poisson", L1(), {"offset": True}),
    "several-lasso-offset": ("squared_error", L1(), {"n_outputs": 3, "offset": True}),
}
FITS = [
    (case, solver)
    for case, (name, penalty, _) in CASES.items()
    for solver in ("gd", "proximal", "nearest_neighbor")
    if not SOLVERS[solver]().missing(LOSSES[name], penalty)
]
containers = pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])


def make_pair(name, penalty=None, *, n=N_SAMPLES, p=6, alpha=0.02, container=np.asarray,
              n_outputs=None, n_shards=3, fit_intercept=True, offset=False):  # fmt: skip
    """The same problem over rows in one place and over rows in shards."""
    X, weight = make_matrix(n, p), make_weight(n)
    X[:, -1] = 3.7  # an intercept says all that it could
    y, weight = make_target(name, X, n_outputs), weight / weight.sum()
    X = container(X)
    penalty = L2() if penalty is None else penalty
    given, options = (X, y, weight, LOSSES[name]), {"fit_intercept": fit_intercept}
    if offset:
        options["offset"] = np.random.default_rng(2).normal(size=y.shape)
    local = LocalRows(*given, **options)
    sharded = in_shards(*given, **options, n_shards=n_shards)
    return [Problem(rows, penalty, alpha) for rows in (local, sharded)]


@pytest.mark.each_value
@containers
@pytest.mark.parametrize("case, solver", FITS)
def test_solvers_need_nothing_but_the_interface(case, solver, container):
    name, penalty, options = CASES[case]
    local, sharded = make_pair(name, penalty, container=container, **options)
    options = {"tol": TOL, "random_state": 0}
    expected, result = (solve(solver, problem, **options) for problem in (local, sharded))
    assert expected.status is result.status is Status.CONVERGED
    # Shards draw landmarks of their own: another path to within TOL of the same optimum.
    near = 1e-4 if solver == "nearest_neighbor" else 1e-8
    np.testing.assert_allclose(result.coef, expected.coef, rtol=0, atol=near)
    np.testing.assert_allclose(result.intercept, expected.intercept, rtol=0, atol=near)
    assert result.objective == pytest.approx(expected.objective, rel=2 * TOL)
    assert result.optimality <= TOL
    # A look may bring a gradient that no one asks for: passes are cheaper than trips.
    assert 0.5 * expected.n_passes <= result.n_passes <= 1.7 * expected.n_passes
    there = local.at(result.coef, local.inner_intercept(result.coef, result.intercept))
    if local.has_dual:
        assert there.dual_gap <= 2 * TOL * local.null.value
    requests = sharded.rows.requests
    assert requests.total() <= GENEROUS * (1 + result.n_iter), (
        f"{requests.total()} requests in {result.n_iter} iterations: {dict(requests)}"
    )


@pytest.mark.parametrize("penalty", [L1(), L2(), NoPenalty()], ids=repr)
def test_a_loss_with_corners_needs_no_more(penalty):
    pair = [one.with_loss(Quantile(0.3)) for one in make_pair("huber", penalty, offset=True)]
    limits = {"max_iter": 500, "tol": 1e-7}
    results = [solve_nonsmooth(one, SOLVERS["auto"](), one.null, **limits) for one in pair]
    for result in results:
        assert result.status is Status.CONVERGED
        assert result.dual_gap <= 1e-7 * result.objective
    assert_close(*(result.objective for result in results))


def assert_close(one, other):
    """Equal but for rounding: numbers, arrays, or tuples of them."""
    if isinstance(one, tuple):
        for a, b in zip(one, other, strict=True):
            assert_close(a, b)
    elif one is None:
        assert other is None
    else:
        size = np.abs(one).max(initial=0.0) if np.isfinite(one).all() else 0.0
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12 * (1 + size))


def root_of(matrix):
    """What does not depend on the rows' order or on reflections of them."""
    return matrix.T @ matrix


def places(problem):
    """A point, a direction, and their handles: the same numbers for every kind of rows."""
    rng = np.random.default_rng(5)
    coef, direction = rng.normal(size=(2, *problem.shape))
    point = problem.at(0.3 * coef)
    return point, direction, problem.rows.raw(direction)


def matrix_of(curvature):
    return np.column_stack([curvature.product(e) for e in np.eye(len(curvature.diagonal))])


def in_numbers(sums):
    return tuple(sums._replace(curvature=matrix_of(sums.curvature)))


def sums_of(problem):
    """All that the interface says in sums, by name."""
    rows, (point, direction, slope) = problem.rows, places(problem)
    raw, b, shift = point.raw, point.intercept, 0.1 * np.ones(problem.n_outputs)
    curvature, before = rows.curvature(raw, b, 1e-3), problem.null.curvature
    which = np.array([True]) if not problem.is_separate else np.arange(problem.n_outputs) == 0
    some, k = np.array([0, 3]), problem.n_outputs - 1
    part = problem.columns(some).rows
    yield "sizes", (rows.shape, rows.n_outputs, rows.n_stored)
    yield "columns", (rows.origin, rows.scale, rows.inverse_scale, rows.underflows)
    yield "targets", (*rows.targets, rows.mean_offset)
    yield "sums", in_numbers(rows.sums(raw, b))
    yield "along", in_numbers(rows.sums(raw, b, slope, 0.7))
    yield "joint line", rows.derivatives_along(raw, b, slope, 0.7, shift)
    yield "values", (rows.values(raw, b), rows.values(raw, b, slope, 0.7))
    yield "combined", rows.values(rows.combined(raw, 0.3, slope), b)
    yield "chosen", rows.values(rows.chosen(which, raw, rows.nothing()), b)
    yield "gradient", rows.gradient(raw, b)
    yield "moved", rows.moved_gradient(raw, b, curvature, shift)
    yield "square", rows.square(slope)
    yield "gradient sizes", rows.gradient_sizes(raw, b)
    if "conjugate" in problem.loss.provides:
        yield "conjugate", rows.conjugate(raw, b, 0.9)
        scalings = 0.1 ** np.arange(5.0)
        yield "dual", tuple(rows.newton_dual(raw, b, curvature, slope, shift, scalings))
    yield "curvature", (matrix_of(curvature.intercept), rows.largest_curvature(curvature))
    yield "intercept", curvature.intercept.solve(shift - shift.mean() + direction[0])
    yield "change", rows.curvature_change(curvature, before)
    yield "step", rows.intercept_step(curvature, slope, 0.2)
    yield "product", rows.hessian_product(curvature, direction)[1]
    yield "hessian", rows.hessian(curvature, k, 0.01)
    yield "hessian columns", rows.hessian_columns(curvature, some, 0.01)
    if not problem.is_separate:
        feature, output = np.divmod(np.arange(0, direction.size, 2), problem.n_outputs)
        yield "joint hessian", rows.joint_hessian(curvature, feature, output)
    yield "move sizes", (rows.move_sizes(slope, shift), rows.move_sizes(slope, shift, 0.5))
    yield "recedes", rows.recedes(slope, shift, 0.1, 1e3, 20.0)
    yield "doubtful", rows.doubtful(raw, b, 0.3)
    for held, falls in rows.recession(1e3, 20.0):
        yield "recession", (held[np.lexsort(held.T)], falls[np.lexsort(held.T)])
    yield "moments", tuple(rows.moments())
    yield "even moments", tuple(rows.moments(evenly=True))
    yield "factor", root_of(rows.factor(targets=True))
    yield "even factor", root_of(rows.factor(evenly=True))
    yield "part", (part.scale, part.gradient(raw, b), part.hessian(curvature, 0))
    yield "exact", (rows.exact().gradient(raw, b), problem.exact().null.value)
    index = np.arange(4)
    yield "root", root_of(rows.hessian_root(curvature, index, np.zeros(4, dtype=int)))
    yield "part's root", root_of(part.hessian_root(curvature, index[:2], index[:1].repeat(2)))
    inverse = rows.row_space_inverse(curvature, np.full(problem.shape, 0.1))
    yield "row space", inverse.solve(direction)


@pytest.mark.pairwise
@containers
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("name", ["log_loss", "poisson", "squared_error", "multinomial"])
def test_what_shards_say_adds_up(name, offset, fit_intercept, container):
    pair = make_pair(name, container=container, fit_intercept=fit_intercept, offset=offset)
    for (what, expected), (_, said) in zip(*map(sums_of, pair), strict=True):
        try:
            assert_close(expected, said)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None
    costs = [problem.rows.row_product_cost for problem in pair]  # of a mean row, where sparse
    assert costs[1] == pytest.approx(costs[0], rel=0.01)
    here, there = (problem.n_passes for problem in pair)
    assert 0.98 * here <= there <= 1.5 * here  # gradients come with looks, asked for or not


@pytest.mark.parametrize("n_shards", [1, 2, 7])
def test_newton_agrees_with_any_number_of_shards(n_shards):
    pair = make_pair("poisson", NoPenalty(), n_shards=n_shards)
    results = [solve("auto", problem, tol=TOL) for problem in pair]
    assert_close(*(result.coef for result in results))
    points = [problem.at(0.9 * results[0].coef) for problem in pair]
    steps = [newton_step(point) for point in points]
    assert_close(*((step.direction, step.shift, step.decrease) for step in steps))


#: Solver, problem, and requests that other fits do not make.
RARE = {
    "landmarks": (
        "nearest_neighbor",
        {"name": "multinomial", "n": 20000, "p": 20},
        {"candidates", "taken", "cell_sums"},
    ),
    "sparse landmarks": (
        "nearest_neighbor",
        {"name": "log_loss", "n": 5000, "p": 8, "container": sparse.csr_array},
        {"candidates", "taken"},
    ),
    "wide": (
        "nearest_neighbor",
        {"name": "squared_error", "n": 60, "p": 2200},
        {"entries"},
    ),
    "words": (
        "nearest_neighbor",
        {"name": "squared_error", "n": 1600, "p": 2010, "container": sparse.csr_array},
        {"second_gradient", "second_total"},
    ),
    "no penalty": (
        "gd",
        {"name": "log_loss", "penalty": NoPenalty()},
        {"newton_dual", "moments", "root_factor", "second_gradient", "square", "recession"},
    ),
    "no penalty, many rows": (
        "nearest_neighbor",
        {"name": "log_loss", "penalty": NoPenalty(), "n": 6000},
        {"doubtful"},
    ),
    "separable": (
        "proximal",
        {"name": "log_loss", "penalty": NoPenalty(), "n": 60, "p": 100},
        {"factor", "gradient_sizes", "move_sizes", "recedes"},
    ),
    "flat parts": (
        "proximal",
        {"name": "huber_small", "n": 500, "p": 200, "alpha": 1e-4},
        {"moved_gradient"},
    ),
    "single precision": ("gd", {"name": "log_loss", "container": np.float32}, {"sums"}),
}


@pytest.mark.parametrize("solver, options, asked", RARE.values(), ids=RARE)
def test_what_solvers_rarely_ask(solver, options, asked):
    pair = make_pair(**options)
    expected, result = (solve(solver, problem, tol=1e-6, random_state=0) for problem in pair)
    assert result.status is expected.status
    assert asked <= set(pair[1].rows.requests)
    if result.status is Status.CONVERGED:  # each within tol of the optimum
        distance = 1e-6 * pair[0].null.value
        assert result.objective == pytest.approx(expected.objective, rel=0, abs=distance)
        assert pair[0].at(result.coef).value <= expected.objective + distance


def test_heavy_rows_of_words_without_a_penalty():
    options = {"name": "squared_error", "n": 1600, "p": 2010, "container": sparse.csr_array}
    local, sharded = make_pair(penalty=NoPenalty(), **options)
    limits = {"tol": 1e-6, "max_iter": 12, "random_state": 0}
    expected, result = (solve("nearest_neighbor", one, **limits) for one in (local, sharded))
    assert result.status is expected.status is Status.MAX_ITER
    assert "heavy" in sharded.rows.requests
    assert result.objective < 0.1 * sharded.null.value


def test_few_rows_travel_where_columns_are_many(monkeypatch):
    """Beyond the limit the space of all rows is not made: that of fewer landmarks serves."""
    local, sharded = make_pair(name="squared_error", n=60, p=2100, alpha=0.5)
    for room in (sizes, landmarks):
        monkeypatch.setattr(room, "MOST_ROW_ENTRIES", 0.1 * sharded.rows.n_stored)
    monkeypatch.setattr(sharded.rows.exchange.place, "is_elsewhere", True)
    expected, result = (solve("nearest_neighbor", one, random_state=0) for one in (local, sharded))
    assert result.status is expected.status is Status.CONVERGED
    assert result.objective == pytest.approx(expected.objective, rel=1e-3)
    rows = sharded.rows
    assert rows.requests["taken"] > 0 and not rows.requests["entries"]
    n_bytes = rows.exchange.place.n_bytes["taken"] / rows.requests["taken"]
    assert n_bytes <= 0.2 * 8 * rows.n_stored  # of X, and what tells how to make it


def test_moments_of_shards_stand_for_all_rows():
    pair = make_pair("squared_error", n=4000, n_outputs=2)
    small = [summarise(problem, 1e9) for problem in pair]
    assert [problem.n_samples for problem in small] == [6, 6]
    results = [solve("proximal", problem, tol=TOL) for problem in small]
    assert_close(*((result.coef, result.intercept) for result in results))
    assert_close(results[1].coef, solve("proximal", pair[1], tol=TOL).coef)
    assert results[1].n_passes == pytest.approx(results[0].n_passes, rel=0.01)


def counted(problem, **options):
    """A fit's round trips, and bytes without and of landmark rows."""
    result = solve("auto", summarise(problem, 8.0), random_state=0, **options)
    assert result.status is Status.CONVERGED
    n_bytes = Counter(problem.rows.exchange.place.n_bytes)
    landmarks = n_bytes.pop("candidates", 0) + n_bytes.pop("taken", 0)
    return problem.rows.requests, n_bytes.total(), landmarks


SMOOTH = "squared_error", "log_loss", "poisson", "gamma", "huber", "squared_hinge", "multinomial"


@pytest.mark.pairwise
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("penalty", [L2(), L1(), ElasticNet()], ids=str)
@pytest.mark.parametrize("condition", [1e1, 1e2, 1e4])
@pytest.mark.parametrize("seed", [0, 1])
def test_few_round_trips_and_few_bytes(name, penalty, condition, seed):
    """Counts, the same on every machine: at most 1 % of the rows' bytes, besides landmark rows.
    Four more trips tell a fit of Dask's collections what its data are."""
    problem = ill_conditioned(name, penalty, condition=condition, seed=seed)
    requests, n_bytes, landmarks = counted(problem, tol=1e-4)
    assert requests.total() <= (5 if name == "squared_error" else 21), dict(requests)
    size = 8 * problem.rows.n_stored
    # Landmarks are a tenth of so few rows, and a fifth more where progress with them is slow.
    assert landmarks <= 0.4 * size and n_bytes <= 0.01 * size
