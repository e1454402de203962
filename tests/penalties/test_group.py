"""Group lasso: by the conditions of optimality, and beside other packages."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Lasso, MultiTaskLasso
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from nno_sklearn import MCP, SLOPE, GroupLasso, NNORegressor, NNOSearchCV, check_penalty
from tests.penalties.fits import fits_of_every_kind, pull_of
from tests.penalties.test_shape import KINDS, NUMBERS, N, P, X

ALPHA, TOL = 0.05, 1e-9
SOLVERS = ("auto", "proximal", "nearest_neighbor")
MEMBERS = [[0, 2], [1, 5]]
NAMES = [f"x{j}" for j in range(P)]
PENALTIES = {
    "rows": GroupLasso(),
    "weighted rows": GroupLasso(weights=np.linspace(0.3, 2.0, P)),
    "groups": GroupLasso(MEMBERS),
    "weights": GroupLasso({"a": [0, 2], "b": [1, 5]}, weights={"b": 0.3}),
    "sparse": GroupLasso(MEMBERS, l1_ratio=0.4),
    "sparse rows": GroupLasso(l1_ratio=0.5),
    "squares": GroupLasso(MEMBERS, l2_ratio=0.3),
    "sparse squares": GroupLasso(MEMBERS, l1_ratio=0.4, l2_ratio=0.3),
}
COUNTS = np.random.default_rng(4).poisson(np.exp(np.clip(NUMBERS[:, 0] / 4, -3, 2))).astype(float)


def parts_of(name):
    """Groups of features and their factors, as the documentation says."""
    if "rows" in name:
        factors = np.linspace(0.3, 2.0, P) if "weighted" in name else np.ones(P)
        return [[j] for j in range(P)], factors
    factors = [np.sqrt(2), 0.3 if name == "weights" else np.sqrt(2), 1.0, 1.0]
    return [*MEMBERS, [3], [4]], factors


def off_optimal(name, coef, gradient):
    """Largest distance of ``-gradient / alpha`` to the subdifferential, group by group."""
    squares, worst = PENALTIES[name].l2_ratio, 0.0
    share = (1 - squares) * PENALTIES[name].l1_ratio
    for members, factor in zip(*parts_of(name), strict=True):
        w = coef[members].ravel()
        g = gradient[members].ravel() + squares * w
        soft = np.sign(g) * np.maximum(np.abs(g) - share, 0.0)
        radius, size = (1 - squares - share) * factor, np.linalg.norm(w)
        if size == 0:
            worst = max(worst, np.linalg.norm(soft) - radius)
            continue
        slope = g + radius * w / size
        at_zero = np.maximum(np.abs(slope) - share, 0.0)
        worst = max(worst, np.where(w == 0, at_zero, np.abs(slope + share * np.sign(w))).max())
    return worst


def value_of(name, coef):
    share, squares = PENALTIES[name].l1_ratio, PENALTIES[name].l2_ratio
    norms = sum(f * np.linalg.norm(coef[m]) for m, f in zip(*parts_of(name), strict=True))
    kinked = (1 - share) * norms + share * np.abs(coef).sum()
    return (1 - squares) * kinked + squares * np.square(coef).sum() / 2


@pytest.mark.parametrize("name", PENALTIES)
def test_contract(name):
    check_penalty(PENALTIES[name], n_features=P)
    bound = PENALTIES[name].bind(P, 3)
    w = np.random.default_rng(0).normal(size=(P, 3))
    assert bound.value(w) == pytest.approx(value_of(name, w))
    assert bound.bind(P, 3) is bound
    again = pickle.loads(pickle.dumps(bound))
    assert again.value(w) == bound.value(w)
    assert clone(PENALTIES[name]).get_params().keys() == PENALTIES[name].get_params().keys()


@pytest.mark.parametrize("name", PENALTIES)
def test_dual_scaling_is_exact(name):
    """The domain's boundary: a little farther, the conjugate is inf."""
    bound = PENALTIES[name].bind(P, 3)
    for size in (1.0, 30.0, 1e5):
        z = size * np.random.default_rng(1).normal(size=(P, 3))
        scaling = bound.dual_scaling(z)
        assert 0 < scaling < 1 and bound.conjugate(scaling * z) <= 1e-30 * size**2
        beyond = bound.conjugate(scaling * (1 + 1e-9) * z)
        assert 0 < beyond < np.inf if PENALTIES[name].l2_ratio else beyond == np.inf


@pytest.mark.parametrize("name", PENALTIES)
def test_curvature_is_the_derivative(name):
    bound, rng = PENALTIES[name].bind(P, 3), np.random.default_rng(2)
    w, d = rng.normal(size=(2, P, 3))

    def slope(v):
        return -bound.subdiff_distance(v, np.full_like(v, -1e6)) + 1e6

    expected = (slope(w + 1e-4 * d) - slope(w - 1e-4 * d)) / 2e-4
    np.testing.assert_allclose(bound.curvature_product(w, d), expected, atol=1e-4)
    each = [bound.curvature_product(w, e.reshape(w.shape)).ravel() @ e for e in np.eye(w.size)]
    np.testing.assert_allclose(bound.curvature(w).ravel(), each)


@pytest.mark.each_value
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PENALTIES)
def test_every_loss_and_solver_is_certified(name, solver):
    options = {"penalty": PENALTIES[name], "alpha": ALPHA, "tol": TOL, "solver": solver}
    fits = fits_of_every_kind(X, NUMBERS, COUNTS, KINDS, **options)
    for model, y, weight in fits:
        assert model.converged_ and model.dual_gap_ <= 1e-8
        coef, pull = pull_of(model, X, y, weight)
        assert off_optimal(name, coef, -pull) < 1e-4


@pytest.mark.parametrize(("n", "p"), [(N, P), (60, 300)])
def test_rows_are_scikit_learns(n, p):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    y = rows[:, :5] @ rng.normal(size=(5, 4)) + 0.3 * rng.normal(size=(n, 4))
    model = NNORegressor(penalty="group_lasso", alpha=0.1, tol=1e-9).fit(rows, y)
    theirs = MultiTaskLasso(0.1, tol=1e-12, max_iter=100_000).fit(rows, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    used = model.coef_ != 0
    assert (used.all(axis=0) | ~used.any(axis=0)).all() and 0 < used.any(axis=0).sum() < 60


@pytest.mark.parametrize("options", [{}, {"l2_ratio": 0.2}, {"l1_ratio": 0.3, "l2_ratio": 0.1}])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_more_coefficients_in_use_than_rows(options, n_outputs):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 300)) + 0.5 * rng.normal(size=(40, 1))
    y = rows[:, :30] @ rng.normal(size=(30, n_outputs)) + rng.normal(size=(40, n_outputs))
    penalty = GroupLasso(np.arange(300).reshape(-1, 10).tolist(), **options)
    model = NNORegressor(penalty=penalty, alpha=0.02, tol=1e-10).fit(rows, y)
    coef = model.coef_.reshape(n_outputs, -1).T
    assert model.converged_ and (coef != 0).any(axis=1).sum() > 40
    residual = rows @ coef + model.intercept_ - y
    gradient = rows.T @ residual / 40
    assert penalty.bind(300, n_outputs).subdiff_distance(coef, gradient / 0.02).max() < 1e-4


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_rows_take_one_model_of_all_groups(fit_intercept, dtype):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60, 600)) + 1.0).astype(dtype)
    y = X[:, :300] @ rng.normal(size=300) + rng.normal(size=60)
    groups, tol = np.arange(600).reshape(-1, 5), 1e-6
    options = {"alpha": 0.5, "fit_intercept": fit_intercept, "tol": tol}
    model = NNORegressor(penalty=GroupLasso(groups.tolist()), **options).fit(X, y)
    in_use = (model.coef_.reshape(-1, 5) != 0).any(axis=1)
    assert in_use.sum() > 20  # more features than a first set of some would have
    assert model.converged_
    assert model.dual_gap_ <= tol * model.objective_
    if dtype == "float64":  # rounding to float32 may take another iteration
        assert model.n_iter_ == 1


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_groups_are_those_of_other_packages(l1_ratio):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 240)) + 0.3 * rng.normal(size=(80, 1))
    y = rows[:, :6].sum(axis=1) + 0.3 * rng.normal(size=80)
    y, rows = y - y.mean(), rows - rows.mean(axis=0)
    members = [list(range(j, j + 6)) for j in range(0, 240, 6)]
    model = NNORegressor(penalty=GroupLasso(members, l1_ratio=l1_ratio), alpha=0.1, tol=1e-10)
    model.fit(rows, y)
    assert model.converged_ and len(np.flatnonzero(model.coef_)) < 120
    if l1_ratio:  # proximal gradient steps
        bound, w = model.penalty.bind(240, 1), np.zeros((240, 1))
        step = 80 / np.linalg.norm(rows, 2) ** 2
        for _ in range(10_000):
            before = w
            w = bound.prox(w - step * rows.T @ (rows @ w - y[:, None]) / 80, 0.1 * step)
            if np.abs(w - before).max() < 1e-12:
                break
        np.testing.assert_allclose(model.coef_, w[:, 0], atol=1e-6)
    else:
        celer = pytest.importorskip("celer")
        theirs = celer.GroupLasso(
            groups=6, weights=np.full(40, np.sqrt(6)), alpha=0.1, tol=1e-10, fit_intercept=False
        )
        np.testing.assert_allclose(model.coef_, theirs.fit(rows, y).coef_, atol=1e-5)


def test_only_an_l1_part_is_the_lasso():
    model = NNORegressor(penalty=GroupLasso(MEMBERS, l1_ratio=1.0), alpha=ALPHA, tol=TOL)
    plain = Lasso(ALPHA, tol=1e-14, max_iter=100_000).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.fit(X, NUMBERS[:, 0]).coef_, plain.coef_, atol=1e-6)


def test_a_group_of_weight_0_is_free():
    penalty = GroupLasso(MEMBERS, weights=[0.0, 1e3])
    model = NNORegressor(penalty=penalty, alpha=1.0, tol=1e-8).fit(X, NUMBERS[:, 0])
    assert model.converged_ and model.dual_gap_ == np.inf
    assert (model.coef_[MEMBERS[0]] != 0).all() and (model.coef_[MEMBERS[1]] == 0).all()
    alone = NNORegressor(penalty=None, tol=1e-10).fit(X[:, MEMBERS[0]], NUMBERS[:, 0])
    if (model.coef_[[3, 4]] == 0).all():
        np.testing.assert_allclose(model.coef_[MEMBERS[0]], alone.coef_, atol=1e-6)


def test_ways_to_say_the_same():
    frame = pd.DataFrame(X, columns=NAMES)
    fits = [
        NNORegressor(penalty=GroupLasso(groups), alpha=ALPHA, tol=TOL).fit(rows, NUMBERS[:, 0])
        for rows, groups in [
            (X, MEMBERS), (X, {"a": [0, 2], "b": (1, 5)}), (X, [[0, 2], [1, 5], [3], [-2]]),
            (frame, [["x0", "x2"], ["x1", "x5"]]), (frame, [["x0", 2], "x[15]"]),
            (frame, {"x0": "a", "x2": "a", "x1": "b", "x5": "b"}.get),
            (X, {0: "a", 2: "a", 1: "b", 5: "b"}.get), (X, pd.Series({"a": [0, 2], "b": [1, 5]})),
        ]
    ]  # fmt: skip
    for model in fits:
        np.testing.assert_allclose(model.coef_, fits[0].coef_, rtol=1e-7)


def test_columns_of_a_category_are_a_group():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "city": rng.choice(["rome", "oslo", "kyiv"], 300), "day": rng.choice(list("abcdefg"), 300),
        "size": rng.normal(size=300),
    })  # fmt: skip
    y = frame["city"].map({"rome": 1.0, "oslo": -1.0, "kyiv": 0.0}) + 0.1 * rng.normal(size=300)
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["city", "day"]), remainder="passthrough"
    ).set_output(transform="pandas")
    penalty = GroupLasso(["*__city_*", "*__day_*"])
    model = make_pipeline(encode, NNORegressor(penalty=penalty, alpha=0.05)).fit(frame, y)
    coef = dict(zip(model[:-1].get_feature_names_out(), model[-1].coef_, strict=True))
    assert all((value != 0) == ("city" in name) for name, value in coef.items())


def test_a_category_whose_name_begins_another():
    """A sign of their own tells the names that OneHotEncoder makes apart."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "city": rng.choice(["rome", "oslo", "kyiv"], 300), "city_size": rng.choice(["s", "m"], 300),
    })  # fmt: skip
    y = (frame["city"] == "rome") + 0.1 * rng.normal(size=300)
    encoder = OneHotEncoder(
        sparse_output=False, feature_name_combiner=lambda name, value: f"{name}={value}"
    )
    encode = make_column_transformer((encoder, ["city", "city_size"]))
    rows = encode.set_output(transform="pandas").fit_transform(frame)
    members = [[0, 1, 2], [3, 4]]
    expected = NNORegressor(penalty=GroupLasso(members), alpha=0.05).fit(rows, y).coef_
    assert (expected[:3] != 0).all() and (expected[3:] == 0).all()
    for groups in (["*__city=*", "*__city_size=*"], lambda name: name.partition("=")[0]):
        model = NNORegressor(penalty=GroupLasso(groups), alpha=0.05).fit(rows, y)
        np.testing.assert_array_equal(model.coef_, expected)
    with pytest.raises(ValueError, match=r"no feature is called 'town=\*'; a string is a pattern"):
        NNORegressor(penalty=GroupLasso(["town=*"])).fit(rows, y)


def test_weights_of_groups_by_label():
    groups = {"a": [0, 1], "b": [2, 3]}
    fits = [
        NNORegressor(penalty=GroupLasso(groups, weights=weights), alpha=ALPHA)
        for weights in ({"b": 0.5}, pd.Series({"b": 0.5}))
    ]
    first, second = [model.fit(X, NUMBERS[:, 0]).coef_ for model in fits]
    np.testing.assert_array_equal(first, second)


def test_a_search_tunes_the_share():
    grid = {"alpha": [0.2, 0.05], "penalty__l1_ratio": [0.0, 0.5]}
    search = NNOSearchCV(NNORegressor(penalty=GroupLasso(MEMBERS), tol=1e-8), grid, cv=3)
    best = search.fit(X, NUMBERS[:, 0]).best_estimator_
    apart = clone(best).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(best.coef_, apart.coef_, atol=1e-5)
    auto = NNOSearchCV(NNORegressor(penalty="group_lasso"), alphas=4, cv=3).fit(X, NUMBERS)
    rows = (X - X.mean(axis=0)).T @ (NUMBERS - NUMBERS.mean(axis=0)) / N
    strongest = np.linalg.norm(rows, axis=1).max()
    assert auto.cv_results_["strength"].max() == pytest.approx(strongest, rel=1e-6)


def test_float32_stays():
    model = NNORegressor(penalty=GroupLasso(MEMBERS), alpha=ALPHA, tol=1e-5)
    model.fit(X.astype(np.float32), NUMBERS[:, 0])
    assert model.converged_ and model.coef_.dtype == np.float32
    exact = NNORegressor(penalty=GroupLasso(MEMBERS), alpha=ALPHA, tol=TOL)
    np.testing.assert_allclose(model.coef_, exact.fit(X, NUMBERS[:, 0]).coef_, atol=1e-3)


ERRORS = [
    (GroupLasso("row"), r"groups='row'\): pass 'rows', a list of lists"),
    (GroupLasso(l1_ratio=1.5), "l1_ratio must be between 0 and 1"),
    (GroupLasso(l2_ratio=1.0), r"l2_ratio=1.0\): l2_ratio must be at least 0 and below 1"),
    (GroupLasso(None), r"groups=None\): pass 'rows', a list of lists"),
    (GroupLasso(3), r"groups=3\): pass 'rows', a list of lists"),
    (GroupLasso([0, 0, 1]), r"0 is no group. Each.*labels of the features, such as \[0, 0, 1\]"),
    (MCP(groups=[0, 0, 1]), r"MCP\(groups=\[0, 0, 1\]\): 0 is no group"),
    (MCP(gamma="x"), r"MCP\(gamma='x'\): gamma must be a number above 0"),
    (SLOPE(weights={}), r"SLOPE\(weights=...\): weights belong to ranks of sizes"),
    (GroupLasso([[0]], weights=len), "a function says nothing of groups; pass one number for each"),
    (GroupLasso([[0, 1], [1]]), "column 1 is in two groups"),
    (GroupLasso([[0], []]), "group 1 is empty"),
    (GroupLasso([[9]]), "there is no column 9; the data have 6 columns"),
    (
        GroupLasso(lambda name: name.partition("_")[0]),
        "no names.*no attribute 'partition'; pass a Data",
    ),
    (GroupLasso(["x9*"]), r"'x9\*' is a pattern of names, but the data have none.*sparse_output"),
    (GroupLasso({"a": [0]}, weights={"b": 1.0}), "there is no group 'b'; there is 'a'"),
    (GroupLasso([[0]], weights=[1.0, 2.0]), r"shape \(2,\) does not fit 1 groups"),
    (GroupLasso([[0]], weights=[-1.0]), "a group has the factor -1.0"),
]


@pytest.mark.parametrize(("penalty", "message"), ERRORS)
def test_errors(penalty, message):
    with pytest.raises(ValueError, match=message):
        NNORegressor(penalty=penalty).fit(X, NUMBERS[:, 0])
