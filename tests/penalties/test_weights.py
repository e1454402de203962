"""Weights and bounds of l1, l2 and elastic net, in every kind of fit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.linear_model import Lasso

from nno_sklearn import L1, L2, ElasticNet, NNOClassifier, NNORegressor, NNOSearchCV, check_penalty
from nno_sklearn.penalties import NoPenalty

INF = np.inf
RNG = np.random.default_rng(0)
N, P = 150, 6
X = RNG.normal(size=(N, P)) * [1, 3, 0.5, 1, 2, 1] + [0, 1, 0, 0, 2, 0]
X[:, 5] = X[:, 1] + 0.5 * RNG.normal(size=N)
ETA = (X - X.mean(axis=0)) @ RNG.normal(size=(P, 3)) / 2
NUMBERS = ETA + 0.5 * RNG.normal(size=(N, 3))
KINDS = (ETA + RNG.normal(size=(N, 3))).argmax(axis=1)
COUNTS = RNG.poisson(np.exp(np.clip(ETA[:, 0] / 2, -2, 2))).astype(float)
ROW_WEIGHT = RNG.uniform(0.2, 3.0, N)
NAMES = ["age", "sex", "bmi", "bp", "s1", "s2"]
FRAME = pd.DataFrame(X, columns=NAMES)
ALPHA, TOL = 0.05, 1e-9
SOLVERS = ("auto", "proximal", "nearest_neighbor")
WEIGHTS = np.array([1.0, INF, 0.3, 2.0, 0.0, 1.0])
MATRIX = np.random.default_rng(5).uniform(0.3, 3.0, (P, 3))
MATRIX[0, 0] = INF
PENALTIES = {
    "weights": L1(weights=WEIGHTS),
    "net": ElasticNet(0.6, weights=[0.2, 1.0, 0.3, 2.0, 5.0, 1.0]),
    "free": ElasticNet(0.5, weights={2: 0.0, 4: 0.0}),
    "ridge": L2(weights=[0.2, 1.0, 0.3, 2.0, 5.0, 1.0]),
    "positive": L1(positive=True),
    "bounds": L1(lower=-0.3, upper=0.2),
    "far": L2(lower=0.05, upper={1: 0.3}),
    "net_bounds": ElasticNet(0.5, lower={0: -0.1, 3: 0.1}, upper=[1, 1, 0.2, INF, INF, INF]),
}


def per_output(given, shape, default):
    """A parameter as an array of shape (n_features, n_outputs)."""
    if isinstance(given, dict):
        given = [given.get(j, default) for j in range(shape[0])]
    array = np.array(default if given is None else given, dtype=float)
    return np.broadcast_to(array[:, None] if array.ndim == 1 else array, shape)


def terms(penalty, shape):
    """Factors of |w| and w^2 / 2, and bounds, as the documentation says."""
    weights = per_output(penalty.weights, shape, 1.0)
    low, high = per_output(penalty.lower, shape, -INF), per_output(penalty.upper, shape, INF)
    low = np.maximum(low, 0) if penalty.positive else low
    out = np.isinf(weights)
    weights = np.where(out, 0, weights)
    return (penalty.l1_ratio * weights, (1 - penalty.l1_ratio) * weights,
            np.where(out, 0, low), np.where(out, 0, high))  # fmt: skip


def mean_loss(kind, y, eta, weight):
    """Value and slopes of a loss, written here once more."""
    if kind == "squared_error":
        value, slope = 0.5 * ((eta - y) ** 2).sum(axis=1), eta - y
    elif kind == "poisson":
        value, slope = (np.exp(eta) - y * eta).sum(axis=1), np.exp(eta) - y
    elif kind == "log_loss":
        value, slope = np.logaddexp(0, eta).sum(axis=1) - (y * eta).sum(axis=1), None
        slope = 1 / (1 + np.exp(-eta)) - y
    else:
        shifted = eta - eta.max(axis=1, keepdims=True)
        total = np.exp(shifted).sum(axis=1, keepdims=True)
        value = np.log(total[:, 0]) + eta.max(axis=1) - (y * eta).sum(axis=1)
        slope = np.exp(shifted) / total - y
    return weight @ value, weight[:, None] * slope


def optimum(kind, rows, y, penalty, alpha, weight=None):
    """The least objective, by L-BFGS-B on positive and negative parts of the coefficients."""
    shape = rows.shape[1], y.shape[1]
    l1, l2, low, high = (part.ravel() for part in terms(penalty, shape))
    weight = np.ones(len(y)) if weight is None else weight
    weight, m = weight / weight.sum(), l1.size

    def objective(z):
        w, b = z[:m] - z[m : 2 * m], z[2 * m :]
        value, slope = mean_loss(kind, y, rows @ w.reshape(shape) + b, weight)
        gradient = (rows.T @ slope).ravel() + alpha * l2 * w
        value += alpha * (l1 @ (z[:m] + z[m : 2 * m]) + 0.5 * l2 @ w**2)
        return value, np.r_[gradient + alpha * l1, alpha * l1 - gradient, slope.sum(axis=0)]

    bounds = [(max(lo, 0), max(hi, 0)) for lo, hi in zip(low, high, strict=True)]
    bounds += [(max(-hi, 0), max(-lo, 0)) for lo, hi in zip(low, high, strict=True)]
    start = np.r_[[low for low, _ in bounds], np.zeros(shape[1])]
    options = {"maxiter": 20_000, "maxfun": 200_000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 50}
    bounds += [(None, None)] * shape[1]
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)


def objective_of(model, kind, rows, y, weight=None):
    """A model's own objective, by the formulas of this module."""
    weight = np.ones(len(y)) if weight is None else weight
    coef = np.atleast_2d(model.coef_).T.astype(float)
    l1, l2, low, high = terms(model.penalty, coef.shape)
    assert (coef >= low).all() and (coef <= high).all()
    value, _ = mean_loss(kind, y, rows @ coef + model.intercept_, weight / weight.sum())
    return value + model.alpha * (l1 * abs(coef) + 0.5 * l2 * coef**2).sum()


TARGETS = {
    "squared_error": NUMBERS[:, :1],
    "several": NUMBERS,
    "poisson": COUNTS[:, None],
    "log_loss": (KINDS == 0).astype(float)[:, None],
    "multinomial": np.eye(3)[KINDS],
}


def make(target, **params):
    """An estimator, the y that it is given, and the loss's formula."""
    if target in ("log_loss", "multinomial"):
        y = KINDS if target == "multinomial" else (KINDS == 0).astype(int)
        return NNOClassifier(**params), y, target
    kind = "squared_error" if target == "several" else target
    y = TARGETS[target]
    return NNORegressor(kind, **params), y[:, 0] if y.shape[1] == 1 else y, kind


@pytest.mark.each_value
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", PENALTIES)
def test_fits_reach_the_optimum(name, target):
    penalty = PENALTIES[name]
    for k, (solver, container, weight) in enumerate(
        [("auto", sparse.csr_array, ROW_WEIGHT), ("proximal", np.asarray, None)]
    ):
        model, y, kind = make(target, penalty=penalty, alpha=ALPHA, tol=TOL, solver=solver)
        model.fit(container(X), y, sample_weight=weight)
        assert model.converged_
        least = optimum(kind, X, TARGETS[target], penalty, ALPHA, weight).fun
        found = objective_of(model, kind, X, TARGETS[target], weight)
        assert found <= least + 1e-8 * abs(least) + 1e-9
        is_free = "free" in name or name == "weights"
        assert model.dual_gap_ == INF if is_free else model.dual_gap_ <= 1e-8, k


@pytest.mark.parametrize("target", ["several", "multinomial"])
@pytest.mark.parametrize("penalty", [L1(weights=MATRIX), ElasticNet(0.3, weights=MATRIX),
                                     L1(weights=MATRIX, positive=True)])  # fmt: skip
def test_outputs_have_weights_of_their_own(penalty, target):
    model, y, kind = make(target, penalty=penalty, alpha=ALPHA, tol=TOL)
    model.fit(X, y)
    assert model.converged_ and model.dual_gap_ < 1e-8 and model.coef_[0, 0] == 0
    least = optimum(kind, X, TARGETS[target], penalty, ALPHA).fun
    assert objective_of(model, kind, X, TARGETS[target]) <= least * (1 + 1e-8)


@pytest.mark.parametrize("name", ["net", "positive", "bounds", "net_bounds"])
def test_float32_stays(name):
    penalty = PENALTIES[name]
    model = NNORegressor(penalty=penalty, alpha=ALPHA, tol=1e-6).fit(
        X.astype(np.float32), NUMBERS[:, 0]
    )
    assert model.converged_ and model.coef_.dtype == np.float32
    exact = NNORegressor(penalty=penalty, alpha=ALPHA, tol=TOL).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("n", "p"), [(N, P), (60, 300)])
def test_positive_is_scikit_learns(n, p, solver):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n, p))
    y = rows[:, :4] @ [1.0, -1.0, 2.0, 0.5] + 0.3 * rng.normal(size=n)
    model = NNORegressor(penalty=L1(positive=True), alpha=0.05, tol=TOL, solver=solver)
    theirs = Lasso(0.05, positive=True, tol=1e-12, max_iter=100_000).fit(rows, y)
    np.testing.assert_allclose(model.fit(rows, y).coef_, theirs.coef_, atol=1e-6)
    assert model.dual_gap_ < 1e-8


def test_weights_are_a_scaling_of_the_columns():
    weights = np.linspace(0.5, 2.0, 300)
    rows = np.random.default_rng(1).normal(size=(60, 300))
    y = rows[:, 0] - rows[:, 299]
    model = NNORegressor(penalty=L1(weights=weights), alpha=0.05, tol=TOL).fit(rows, y)
    plain = Lasso(0.05, tol=1e-12, max_iter=100_000).fit(rows / weights, y)
    np.testing.assert_allclose(model.coef_, plain.coef_ / weights, atol=1e-7)


def test_a_zero_diagonal():
    """Sparse linear methods (Ning and Karypis, 2011): each column from all others."""
    penalty = L1(weights=np.where(np.eye(P), INF, 1.0), positive=True)
    model = NNORegressor(penalty=penalty, alpha=ALPHA, tol=TOL).fit(X, X)
    assert (model.coef_.diagonal() == 0).all()
    for k in range(P):
        others = np.arange(P) != k
        theirs = Lasso(ALPHA, positive=True, tol=1e-14, max_iter=100_000)
        theirs.fit(X[:, others], X[:, k])
        np.testing.assert_allclose(model.coef_[k, others], theirs.coef_, atol=1e-6)


def test_ways_to_say_the_same():
    fits = [
        NNORegressor(penalty=L1(weights=weights), alpha=ALPHA, tol=TOL).fit(rows, NUMBERS[:, 0])
        for rows, weights in [
            (FRAME, {"age": 0.0, "bmi": INF}),
            (FRAME, {0: 0.0, -4: INF}),
            (X, {0: 0.0, 2: INF}),
            (FRAME, pd.Series({"bmi": INF, "age": 0.0})),
            (
                FRAME,
                pd.Series(
                    [1.0, 1.0, INF, 1.0, 0.0, 1.0], index=["s1", "s2", "bmi", "bp", "age", "sex"]
                ),
            ),
            (FRAME, pd.DataFrame({"weight": [INF, 0.0]}, index=["bmi", "age"])),
            (X, pd.Series([0.0, 1.0, INF, 1.0, 1.0, 1.0])),
            (X, pd.Series([INF, 0.0], index=[2, 0])),
            (FRAME, lambda name: {"age": 0.0, "bmi": INF}.get(name, 1.0)),
            (X, lambda j: {0: 0.0, 2: INF}.get(j, 1.0)),
            (X, [0.0, 1.0, INF, 1.0, 1.0, 1.0]),
            (X, np.array([[0.0], [1.0], [INF], [1.0], [1.0], [1.0]])),
        ]
    ]
    for model in fits:
        np.testing.assert_allclose(model.coef_, fits[0].coef_, rtol=1e-9)
        assert model.coef_[2] == 0


@pytest.mark.parametrize("alpha", [0.0, ALPHA, 1e3])
def test_bounds_hold_at_every_strength(alpha):
    for penalty in (PENALTIES["bounds"], PENALTIES["far"], L1(weights={1: INF}, positive=True)):
        model = NNORegressor(penalty=penalty, alpha=alpha, tol=TOL).fit(X, NUMBERS[:, 0])
        least = optimum("squared_error", X, NUMBERS[:, :1], penalty, alpha).fun
        assert model.converged_
        found = objective_of(model, "squared_error", X, NUMBERS[:, :1])
        assert found <= least + 1e-8 * abs(least)


def test_a_search_tunes_weights_and_bounds():
    """Starts may lie beyond the bounds of the next setting."""
    grid = {
        "alpha": [0.1, 0.01],
        "penalty__l1_ratio": [0.2, 0.9],
        "penalty__upper": [{"age": 0.05}, None, {"age": -0.2, "bp": 0.01}],
    }
    search = NNOSearchCV(NNORegressor(penalty=ElasticNet(), tol=1e-8), grid, cv=3)
    search.fit(FRAME, NUMBERS[:, 0])
    best = search.best_estimator_
    apart = clone(best).set_params(**search.best_params_).fit(FRAME, NUMBERS[:, 0])
    np.testing.assert_allclose(best.coef_, apart.coef_, atol=1e-4)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    session = NNORegressor().open_session(FRAME, NUMBERS[:, 0], n_models=2)
    _, free = session.solve(NNORegressor(penalty=L2(), alpha=ALPHA))
    bounded, _ = session.solve(NNORegressor(penalty=L2(upper=0.01), alpha=ALPHA, tol=TOL), [free])
    assert bounded.converged_ and bounded.coef_.max() <= 0.01


@pytest.mark.parametrize("solver", ["gd", "proximal", "nearest_neighbor"])
def test_streams_weigh_features(solver):
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(4000, 6)), columns=NAMES)
    y = rows.to_numpy() @ [1.0, 1.0, 0.0, 1.0, 0.0, 0.0] + 0.1 * rng.normal(size=4000)
    penalty = L2(weights={"sex": 1e4, "bp": 0.0})
    model = NNORegressor(penalty=penalty, alpha=0.1, solver=solver)
    for part in np.array_split(np.arange(4000), 8):
        model.partial_fit(rows.iloc[part], y[part])
    np.testing.assert_allclose(model.coef_, [1 / 1.1, 0.0, 0.0, 1.0, 0.0, 0.0], atol=0.1)


ERRORS = [
    (L1(weights={"agee": 1.0}), r"L1\(weights=...\): the data have no feature 'agee'; there is '"),
    (L1(weights={"age": -1.0}), "that of 'age' is below 0.*0 leaves"),
    (L1(weights={"age": np.nan}), "that of 'age' is NaN"),
    (ElasticNet(lower={"bp": 2.0}, upper=1.0), "lower bound of 'bp' is above its upper one"),
    (L2(lower={"bp": INF}, upper=INF), "bounds of 'bp' allow no finite"),
    (L1(weights={"sex": INF}, lower={"sex": 0.1}), "excludes 'sex', but its bounds forbid 0"),
    (L1(weights=[1.0, 2.0]), r"shape \(2,\) does not fit 6 features and 1 outputs"),
    (L1(weights=np.ones((6, 3))), r"shape \(6, 3\) does not fit 6 features and 1 outputs"),
    (L1(weights=pd.Series({"agee": 1.0})), "the data have no feature 'agee'; there is 'age'"),
    (L1(weights=pd.Series([1.0, 2.0], index=["age", "age"])), "'age' twice in its index"),
    (L1(lower={"age": [0.0, 1.0]}), r"that of 'age' is \[0.0, 1.0\]; pass a number"),
    (L1(lower={"age": "low"}), "that of 'age' is 'low'; pass a number"),
    (L1(weights={7: 1.0}), "there is no column 7; the data have 6 columns"),
]  # fmt: skip


@pytest.mark.parametrize(("penalty", "message"), ERRORS)
def test_errors_name_the_feature(penalty, message):
    with pytest.raises(ValueError, match=message):
        NNORegressor(penalty=penalty).fit(FRAME, NUMBERS[:, 0])


def test_bounds_by_label():
    fits = [
        NNORegressor(penalty=L2(lower=lower, upper=upper), alpha=ALPHA, tol=TOL)
        for lower, upper in [
            ({"bmi": 0.1}, {"s2": 0.2}),
            (pd.Series({"bmi": 0.1}), pd.Series({"s2": 0.2})),
        ]
    ]
    first, second = [model.fit(FRAME, NUMBERS[:, 0]).coef_ for model in fits]
    np.testing.assert_array_equal(first, second)


def test_names_need_names():
    with pytest.raises(ValueError, match="'age' is a name, but the data have none; pass a Data"):
        NNORegressor(penalty=L1(weights={"age": 1.0})).fit(X, NUMBERS[:, 0])
    told = L1(weights=lambda name: float(name.startswith("a")))
    with pytest.raises(ValueError, match="L1.weights=.*no names.*'startswith'; pass a DataFrame"):
        NNORegressor(penalty=told).fit(X, NUMBERS[:, 0])
    with pytest.raises(ValueError, match="does not know its features yet: call bind"):
        L1(weights={"age": 1.0}).value(np.ones((1, 1)))


def test_a_gradient_is_needed_everywhere():
    model = NNORegressor(penalty=L2(weights=np.arange(6.0)), alpha=ALPHA, tol=TOL, solver="gd")
    model.fit(X, NUMBERS[:, 0])
    theirs = NNORegressor(penalty=L2(weights=np.arange(6.0)), alpha=ALPHA, tol=TOL)
    np.testing.assert_allclose(model.coef_, theirs.fit(X, NUMBERS[:, 0]).coef_, atol=1e-5)
    for penalty in (L2(positive=True), L2(weights={0: INF})):
        with pytest.raises(ValueError, match=r"needs a penalty with a gradient.*Solvers that acc"):
            clone(model).set_params(penalty=penalty).fit(X, NUMBERS[:, 0])
    with pytest.raises(ValueError, match="stream='adagrad' needs a penalty with a gradient"):
        NNORegressor(penalty=L2(weights={0: INF}), stream="adagrad").partial_fit(X, NUMBERS[:, 0])


@pytest.mark.parametrize("penalty", [*PENALTIES.values(), L1(weights=MATRIX)], ids=repr)
def test_contract(penalty):
    check_penalty(penalty, n_features=P, n_outputs=[3])
    assert clone(penalty).get_params().keys() == penalty.get_params().keys()


def test_weak_squares_do_not_spoil_the_dual():
    """Where squares are weak, slopes are scaled to where their conjugate, which is huge, is 0."""
    z = np.array([[3.0], [0.1]])
    for penalty in (ElasticNet(1 - 1e-9), ElasticNet(1 - 1e-9, weights=[1.0, 2.0]).bind(2, 1)):
        assert penalty.dual_scaling(z) == pytest.approx(1 / 3)
        assert penalty.conjugate(penalty.dual_scaling(z) * z) == pytest.approx(0.0, abs=1e-6)


def test_bound_is_bound():
    bound = L1(weights={"age": 2.0}).bind(P, 1, NAMES)
    assert bound.bind(P, 1) is bound
    assert isinstance(bound.constraints(), NoPenalty)
    np.testing.assert_array_equal(L2(lower=0.1).bind(2, 3).feasible_start((2, 3)), 0.1)


numbers = st.integers(-24, 24).map(lambda number: number / 8)
sizes = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    arrays(float, (4, 2), elements=numbers),
    arrays(float, (4, 2), elements=numbers),
    arrays(float, (4, 2), elements=sizes),
    st.sampled_from([0.0, 0.4, 1.0]),
    arrays(float, (4, 2), elements=st.sampled_from([-INF, -1.0, 0.0, 0.25])),
    arrays(float, (4, 2), elements=st.sampled_from([0.5, 1.0, INF])),
    st.sampled_from([0.125, 1.0, 8.0]),
)
def test_prox_conjugate_and_parts_agree(w, z, weights, ratio, lower, upper, step):
    penalty = ElasticNet(ratio, weights=weights, lower=lower, upper=upper).bind(4, 2)
    best = penalty.prox(w, step)
    pull = (w - best) / step  # a subgradient at the prox (Moreau, 1965)
    touching = penalty.value(best) + penalty.conjugate(pull) - np.vdot(pull, best)
    assert abs(touching) <= 1e-9
    assert penalty.value(best) + penalty.conjugate(z) >= np.vdot(z, best) - 1e-9
    np.testing.assert_allclose(penalty.subdiff_distance(best, -pull), 0.0, atol=1e-12)
    grid = np.linspace(-4.0, 4.0, 129)[:, None, None]
    values = np.abs(grid) * ratio * weights + 0.5 * (1 - ratio) * weights * grid**2
    values = np.where((grid >= lower) & (grid <= upper), values, INF)
    objective = 0.5 * (best - w) ** 2 + step * (
        ratio * weights * abs(best) + 0.5 * (1 - ratio) * weights * best**2
    )
    assert (objective <= (0.5 * (grid - w) ** 2 + step * values).min(axis=0) + 1e-12).all()
    part = penalty.restrict(np.array([0, 2]), np.array([1]))
    at = np.ix_([0, 2], [1])
    np.testing.assert_array_equal(part.prox(w[at], step), best[at])
    rest = penalty.restrict(np.array([1, 3]), np.array([1])).value(best[np.ix_([1, 3], [1])])
    other = penalty.restrict(np.arange(4), np.array([0])).value(best[:, :1])
    assert part.value(best[at]) + rest + other == pytest.approx(penalty.value(best))
    scaling = penalty.dual_scaling(z)
    assert 0 <= scaling <= 1 and np.isfinite(penalty.conjugate(scaling * z))
