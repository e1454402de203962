"""Sorted l1: by the conditions of optimality, and where it is another penalty."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.base import clone
from sklearn.linear_model import Lasso

from nno_sklearn import SLOPE, NNORegressor, NNOSearchCV, check_penalty
from tests.penalties.fits import fits_of_every_kind, pull_of
from tests.penalties.test_shape import KINDS, NUMBERS, N, P, X

ALPHA, TOL = 0.05, 1e-9
SOLVERS = ("auto", "proximal", "nearest_neighbor")
PENALTIES = {
    "q": SLOPE(),
    "oscar": SLOPE(np.arange(P, 0, -1.0) / P),
    "largest": SLOPE([1.0, 0, 0, 0, 0, 0]),
}
COUNTS = np.random.default_rng(4).poisson(np.exp(np.clip(NUMBERS[:, 0] / 4, -3, 2))).astype(float)


def textbook_weights(penalty, p):
    if penalty.weights is not None:
        return np.sort(penalty.weights)[::-1]
    return norm.ppf(1 - np.arange(1, p + 1) * penalty.q / (2 * p))


def off_optimal(penalty, coef, pull):
    """How far ``pull = -gradient / alpha`` is from a subgradient: the dual norm is at most 1, and
    ``pull . w`` is the norm of w."""
    weights, worst = textbook_weights(penalty, len(coef)), 0.0
    for w, z in zip(coef.T, pull.T, strict=True):
        partial = [
            np.sort(np.abs(z))[::-1][:k].sum() / weights[:k].sum() for k in range(1, len(w) + 1)
        ]
        size = weights @ np.sort(np.abs(w))[::-1]
        worst = max(worst, max(partial) - 1, abs(size - z @ w))
    return worst


@pytest.mark.parametrize("name", PENALTIES)
def test_contract(name):
    penalty = PENALTIES[name]
    check_penalty(penalty, n_features=P)
    bound = penalty.bind(P, 3)
    assert bound.bind(P, 3) is bound
    w = np.random.default_rng(0).normal(size=(P, 3))
    expected = sum(textbook_weights(penalty, P) @ np.sort(np.abs(column))[::-1] for column in w.T)
    assert bound.value(w) == pytest.approx(expected, rel=1e-12)
    assert pickle.loads(pickle.dumps(bound)).value(w) == bound.value(w)
    assert clone(penalty).get_params().keys() == {"weights", "q"}


numbers = st.integers(-24, 24).map(lambda number: number / 8)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    arrays(float, (5, 2), elements=numbers),
    arrays(float, (5, 2), elements=numbers),
    arrays(float, 5, elements=st.sampled_from([0.0, 0.5, 1.0, 3.0])).filter(np.any),
    st.sampled_from([0.125, 1.0, 8.0]),
)
def test_prox_conjugate_and_subgradients_agree(w, z, weights, step):
    """Moreau (1965); the prox against every ordering of what it moves, by its own conditions."""
    penalty = SLOPE(weights).bind(5, 2)
    best = penalty.prox(w, step)
    pull = (w - best) / step
    assert off_optimal(SLOPE(weights), best, pull) <= 1e-9
    assert penalty.value(best) + penalty.conjugate(pull) - np.vdot(pull, best) <= 1e-9
    np.testing.assert_allclose(penalty.subdiff_distance(best, -pull), 0.0, atol=1e-9)
    assert penalty.value(best) + penalty.conjugate(z) >= np.vdot(z, best) - 1e-9
    scaling = penalty.dual_scaling(z)
    assert penalty.conjugate(scaling * z) == 0.0
    if scaling < 1:
        assert penalty.conjugate((1 + 1e-6) * scaling * z) == np.inf
    for k in range(2):
        part = penalty.restrict(np.arange(5), np.array([k]))
        np.testing.assert_array_equal(part.prox(w[:, [k]], step), best[:, [k]])
    kept = np.zeros_like(w)
    kept[1:4] = w[1:4]
    assert penalty.restrict(np.arange(1, 4), np.arange(2)).value(w[1:4]) == pytest.approx(
        penalty.value(kept)
    )


@settings(derandomize=True, deadline=None, max_examples=60)
@given(arrays(float, (5, 2), elements=numbers), arrays(float, (5, 2), elements=numbers))
def test_the_least_subgradient_is_where_a_short_step_leads(w, gradient):
    penalty = SLOPE(np.arange(5, 0, -1.0)).bind(5, 2)
    short = (w - penalty.prox(w - 1e-7 * gradient, 1e-7)) / 1e-7
    np.testing.assert_allclose(penalty.subdiff_distance(w, gradient), np.abs(short), atol=1e-5)
    face = penalty.face(w)
    for direction in np.random.default_rng(0).normal(size=(3, 5, 2)):
        moved = 1e-4 * face.project(direction)
        sizes = face.sums(moved.ravel()) / face.counts
        rise = penalty.value(w + moved) - penalty.value(w)
        assert rise == pytest.approx(face.slopes @ sizes, abs=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PENALTIES)
def test_every_loss_and_solver_is_certified(name, solver):
    options = {"penalty": PENALTIES[name], "alpha": ALPHA, "tol": TOL, "solver": solver}
    fits = fits_of_every_kind(X, NUMBERS, COUNTS, KINDS, **options)
    for model, y, weight in fits:
        assert model.converged_ and model.dual_gap_ <= 1e-8
        assert off_optimal(PENALTIES[name], *pull_of(model, X, y, weight)) < 1e-5


def test_more_features_than_a_working_set():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 400)) + 0.7 * rng.normal(size=(80, 1))
    y = rows[:, :4].sum(axis=1) + 0.3 * rng.normal(size=80)
    alpha = 0.3 * np.abs(rows.T @ (y - y.mean())).max() / 80 / 3.0
    model = NNORegressor(penalty="slope", alpha=alpha, tol=1e-10).fit(rows, y)
    assert model.converged_ and 0 < np.count_nonzero(model.coef_) < 200
    assert off_optimal(SLOPE(), *pull_of(model, rows, y)) < 1e-7


def columns_alike(n, p, seed=0):
    """Columns that all share nine tenths of their variance, and numbers, counts and classes."""
    rng, coef = np.random.default_rng(seed), np.zeros(p)
    rows = 0.1**0.5 * rng.normal(size=(n, p)) + 0.9**0.5 * rng.normal(size=(n, 1))
    coef[rng.choice(p, 10, replace=False)] = 2 * rng.normal(size=10)
    numbers = rows @ coef + rng.normal(size=n)
    numbers /= numbers.std()
    counts = rng.poisson(np.exp(np.clip(numbers, -3, 2))).astype(float)
    return rows, numbers, counts, np.digitize(numbers, [-0.5, 0.5])


@pytest.mark.parametrize(
    ("n", "p", "alpha"), [(150, 400, 0.1), (150, 400, 0.3), (300, 600, 0.3), (500, 300, 0.15)]
)
def test_columns_enter_together_of_which_a_part_cannot(n, p, alpha):
    """At 0 the sum of all pulls is beyond what the weights allow, that of any hundred is not: a
    working set of so many gains nothing, far from the optimum."""
    rows, numbers, counts, kinds = columns_alike(n, p)
    fits = fits_of_every_kind(rows, numbers, counts, kinds, penalty=SLOPE(), alpha=alpha, tol=1e-9)
    for model, y, weight in fits:
        assert model.converged_ and model.dual_gap_ <= 1e-8
        assert off_optimal(SLOPE(), *pull_of(model, rows, y, weight)) < 1e-4


class WithoutFaces(SLOPE):
    """SLOPE of which solvers do not know that columns may enter only together."""

    def face(self, w):
        return None


@pytest.mark.parametrize(("n", "p", "alpha"), [(150, 400, 0.3), (300, 600, 0.3)])
def test_steps_in_all_columns_where_a_set_gains_nothing(n, p, alpha):
    rows, y, _, _ = columns_alike(n, p)
    model = NNORegressor(penalty=WithoutFaces(), alpha=alpha, tol=1e-9).fit(rows, y)
    assert model.converged_ and off_optimal(SLOPE(), *pull_of(model, rows, y)) < 1e-4


def test_columns_enter_together_in_each_output():
    rows, numbers, _, _ = columns_alike(150, 400)
    y = np.column_stack([numbers, rows[:, 0] - 0.5 * numbers, rows[:, 7]])
    model = NNORegressor(penalty=SLOPE(), alpha=0.33, tol=1e-10).fit(rows, y)
    assert model.converged_ and off_optimal(SLOPE(), *pull_of(model, rows, y)) < 1e-6
    single = clone(model).set_params(tol=1e-6).fit(rows.astype(np.float32), y)
    assert single.converged_ and single.coef_.dtype == np.float32
    assert single.objective_ == pytest.approx(model.objective_, rel=1e-5)


def test_equal_weights_are_the_lasso():
    model = NNORegressor(penalty=SLOPE(np.ones(P)), alpha=ALPHA, tol=TOL)
    plain = Lasso(ALPHA, tol=1e-14, max_iter=100_000).fit(X, NUMBERS[:, 0])
    np.testing.assert_allclose(model.fit(X, NUMBERS[:, 0]).coef_, plain.coef_, atol=1e-7)


def test_copies_of_a_column_share():
    rows = np.hstack([X, X[:, :1], -X[:, :1]])
    model = NNORegressor(penalty=SLOPE(np.arange(8, 0, -1.0)), alpha=0.005, tol=TOL)
    coef = model.fit(rows, NUMBERS[:, 0] + X[:, 0]).coef_
    assert coef[0] == coef[6] == -coef[7] != 0


def test_false_discoveries_are_few():
    """Orthogonal columns, as in the theorem of Bogdan et al.: the rate is q times the share of
    columns that do not matter, at most. A fit there is a proximal step from the columns' means."""
    rng, n, p, k = np.random.default_rng(0), 200, 150, 20
    rows, coef = np.linalg.qr(rng.normal(size=(n, n)))[0][:, :p] * np.sqrt(n), np.zeros(p)
    coef[:k] = 0.6
    alpha = 1.0 / np.sqrt(n)
    model = NNORegressor(penalty=SLOPE(q=0.1), alpha=alpha, fit_intercept=False, tol=1e-10)
    shares, bound = [], SLOPE(q=0.1).bind(p, 1)
    for draw in range(500):
        y = rows @ coef + rng.normal(size=n)
        found = bound.prox(rows.T @ y[:, None] / n, alpha)[:, 0]
        if draw == 0:
            np.testing.assert_allclose(model.fit(rows, y).coef_, found, atol=1e-7)
        shares.append(np.mean(np.flatnonzero(found) >= k))
    assert 0.07 < np.mean(shares) < 0.1


def test_float32_stays():
    model = NNORegressor(penalty="slope", alpha=ALPHA, tol=1e-5)
    single = model.fit(X.astype(np.float32), NUMBERS[:, 0]).coef_
    assert model.converged_ and single.dtype == np.float32
    exact = clone(model).set_params(tol=TOL).fit(X, NUMBERS[:, 0]).coef_
    np.testing.assert_allclose(single, exact, atol=1e-3)


def test_a_search_tunes_q():
    grid = {"alpha": [0.1, 0.02], "penalty__q": [0.05, 0.5]}
    search = NNOSearchCV(NNORegressor(penalty=SLOPE(), tol=TOL), grid, cv=3).fit(X, NUMBERS[:, 0])
    best = search.best_estimator_
    np.testing.assert_allclose(best.coef_, clone(best).fit(X, NUMBERS[:, 0]).coef_, atol=1e-8)
    auto = NNOSearchCV(NNORegressor(penalty="slope"), alphas=4, cv=3).fit(X, NUMBERS[:, 0])
    pull = np.sort(np.abs(X.T @ (NUMBERS[:, 0] - NUMBERS[:, 0].mean())))[::-1] / N
    weights = textbook_weights(SLOPE(), P)
    strongest = (np.cumsum(pull) / np.cumsum(weights)).max()
    assert auto.cv_results_["strength"].max() == pytest.approx(strongest, rel=1e-6)


def test_streams():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(4000, 6))
    y = rows @ [1.0, -1.0, 0.0, 0.5, 0.0, 0.0] + 0.1 * rng.normal(size=4000)
    model = NNORegressor(penalty="slope", alpha=0.01, stream="cells")
    for part in np.array_split(np.arange(4000), 4):
        model.partial_fit(rows[part], y[part])
    np.testing.assert_allclose(model.coef_, [1.0, -1.0, 0.0, 0.5, 0.0, 0.0], atol=0.05)
    with pytest.raises(ValueError, match="SLOPE"):
        clone(model).set_params(stream="ftrl").partial_fit(rows, y)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (SLOPE(q=1.0), r"SLOPE\(q=1.0\): q must be between 0 and 1"),
        (SLOPE([1.0, 2.0]), r"an array of shape \(2,\) does not fit 6 features.*None for weights"),
        (SLOPE(-np.ones(P)), "finite numbers of at least 0"),
        (SLOPE(np.zeros(P)), "not all of them 0"),
    ],
)
def test_errors(penalty, message):
    with pytest.raises(ValueError, match=message):
        NNORegressor(penalty=penalty).fit(X, NUMBERS[:, 0])


def test_unbound():
    with pytest.raises(ValueError, match="does not know its features yet: call bind"):
        SLOPE().value(np.ones((2, 1)))
