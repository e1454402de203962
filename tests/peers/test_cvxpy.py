"""The optimum of a convex program that says the same, for every loss, penalty and solver that cvxpy
can state.

All products of loss, penalty and container; solvers, weights and offsets take turns, so that every
two values meet. What all solvers take, l2, each loss has from each solver.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.special import xlogy

from nno_sklearn import (
    L1,
    L2,
    SLOPE,
    ElasticNet,
    FusedLasso,
    GroupLasso,
    NNOClassifier,
    NNORegressor,
)
from nno_sklearn.losses import Huber, Quantile, SquaredHinge
from nno_sklearn.solvers import SOLVERS
from tests.peers.packages import package

N, P, K, ALPHA = 60, 6, 3, 0.05
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) * [1.0, 2.0, 0.5, 1.0, 1.0, 1.0] + [0.0, 1.0, 0.0, -1.0, 0.0, 0.0]
X[RNG.random(X.shape) < 0.2] = 0.0
SIGNAL = X @ [0.6, -0.4, 0.0, 0.3, 0.5, 0.0]
NUMBERS = SIGNAL + 0.5 * RNG.standard_t(3, size=N) + 0.7
SEVERAL = np.column_stack([NUMBERS, SIGNAL - RNG.normal(size=N), RNG.normal(size=N)])
COUNTS = RNG.poisson(np.exp(0.4 * SIGNAL)).astype(float)
SIZES = RNG.gamma(2.0, np.exp(0.4 * SIGNAL) / 2.0)
LABELS = (SIGNAL + RNG.logistic(size=N) > 0).astype(float)
KINDS = np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.6]))
WEIGHT, OFFSET = RNG.uniform(0.2, 2.0, N), 0.3 * RNG.normal(size=N)
FACTORS = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 1.5])
GROUPS = [[0, 2], [1, 5], [3, 4]]
SORTED = np.array([2.0, 1.5, 1.0, 0.5, 0.5, 0.1])
SIGN = 2 * LABELS - 1
GIVEN = ("nothing", "weights", "offset", "weights and offset")
CONTAINERS = {"dense": np.asarray, "csr": sparse.csr_array, "float32": np.float32}

#: Estimator, target, and the loss of each row as an expression of cvxpy's, given raw predictions.
LOSSES = {
    "squared_error": (NNORegressor, NUMBERS, lambda cp, eta: cp.square(eta - NUMBERS) / 2),
    "quantile": (NNORegressor, NUMBERS, lambda cp, eta: (
        cp.maximum(0.3 * (NUMBERS - eta), -0.7 * (NUMBERS - eta))
    )),
    "absolute_error": (NNORegressor, NUMBERS, lambda cp, eta: cp.abs(eta - NUMBERS)),
    "huber": (NNORegressor, NUMBERS, lambda cp, eta: cp.huber(eta - NUMBERS, 0.5) / 2),
    "epsilon_insensitive": (NNORegressor, NUMBERS, lambda cp, eta: (
        cp.pos(cp.abs(eta - NUMBERS) - 0.1)
    )),
    "squared_epsilon_insensitive": (NNORegressor, NUMBERS, lambda cp, eta: (
        cp.square(cp.pos(cp.abs(eta - NUMBERS) - 0.1))
    )),
    "poisson": (NNORegressor, COUNTS, lambda cp, eta: (
        cp.exp(eta) - cp.multiply(COUNTS, eta) + xlogy(COUNTS, COUNTS) - COUNTS
    )),
    "gamma": (NNORegressor, SIZES, lambda cp, eta: (
        cp.multiply(SIZES, cp.exp(-eta)) + eta - np.log(SIZES) - 1
    )),
    "log_loss": (NNOClassifier, LABELS, lambda cp, eta: (
        cp.logistic(cp.multiply(-SIGN, eta))
    )),
    "hinge": (NNOClassifier, LABELS, lambda cp, eta: cp.pos(1 - cp.multiply(SIGN, eta))),
    "squared_hinge": (NNOClassifier, LABELS, lambda cp, eta: (
        cp.square(cp.pos(1 - cp.multiply(SIGN, eta)))
    )),
    "ordinal": (NNOClassifier, KINDS, None),  # it has an intercept between every two classes
}  # fmt: skip
OBJECTS = {"quantile": Quantile(0.3), "huber": Huber(0.5), "squared_hinge": SquaredHinge()}


def sorted_norm(cp, w):
    """By sums of the k largest, each with what its weight is above the next."""
    drops = SORTED - np.append(SORTED[1:], 0.0)
    return sum(drop * cp.sum_largest(cp.abs(w), k + 1) for k, drop in enumerate(drops) if drop)


def groups_norm(cp, w):
    return sum(np.sqrt(len(group)) * cp.norm(w[group]) for group in GROUPS)


#: Penalties, their value and what else holds of the coefficients.
PENALTIES = {
    "l1": (L1(), lambda cp, w: cp.norm1(w), None),
    "l2": (L2(), lambda cp, w: cp.sum_squares(w) / 2, None),
    "elasticnet": (ElasticNet(0.4), lambda cp, w: (
        0.4 * cp.norm1(w) + 0.3 * cp.sum_squares(w)
    ), None),
    "weights": (L1(weights=FACTORS), lambda cp, w: FACTORS @ cp.abs(w), None),
    "bounds": (L1(lower=-0.1, upper=0.3), lambda cp, w: cp.norm1(w), (-0.1, 0.3)),
    "l2 bounds": (L2(lower=-0.1, upper=0.3), lambda cp, w: cp.sum_squares(w) / 2, (-0.1, 0.3)),
    "positive": (L1(positive=True), lambda cp, w: cp.norm1(w), (0.0, np.inf)),
    "groups": (GroupLasso(GROUPS), groups_norm, None),
    "sparse groups": (GroupLasso(GROUPS, l1_ratio=0.4), lambda cp, w: (
        0.6 * groups_norm(cp, w) + 0.4 * cp.norm1(w)
    ), None),
    "slope": (SLOPE(SORTED), sorted_norm, None),
    "fused": (FusedLasso(0.5), lambda cp, w: 0.5 * cp.norm1(cp.diff(w)) + 0.5 * cp.norm1(w), None),
}  # fmt: skip


def ordinal(cp, eta):
    """Minus the logarithms of ``sigmoid(eta + b_k) - sigmoid(eta + b_k+1)``, term by term."""
    b = cp.Variable(K - 1)
    between = [
        cp.logistic(-(eta + b[k])) + cp.logistic(eta + b[k + 1])
        - cp.log1p(-cp.exp(b[k + 1] - b[k]))
        for k in range(K - 2)
    ]  # fmt: skip
    # Of the first class, one minus the first sigmoid; of the last, the last sigmoid.
    parts = [cp.logistic(eta + b[0]), *between, cp.logistic(-(eta + b[K - 2]))]
    return sum(cp.multiply((k == KINDS).astype(float), part) for k, part in enumerate(parts))


@cache
def least_objective(loss, penalty, given):
    with package("cvxpy") as cp:
        w, b = cp.Variable(P), cp.Variable()
        formula, (_, value, bounds) = LOSSES[loss][2], PENALTIES[penalty]
        weight, eta = WEIGHT if "weights" in given else np.ones(N), X @ w
        eta = eta + OFFSET if "offset" in given else eta
        rows = ordinal(cp, eta) if loss == "ordinal" else formula(cp, eta + b)
        hold = [] if bounds is None else [w >= bounds[0]]
        if bounds is not None and np.isfinite(bounds[1]):
            hold.append(w <= bounds[1])
        objective = weight / weight.sum() @ rows + ALPHA * value(cp, w)
        problem = cp.Problem(cp.Minimize(objective), hold)
        tight = {f"tol_{name}": 1e-10 for name in ("gap_abs", "gap_rel", "feas")}
        return problem.solve(solver=cp.CLARABEL, **tight)


def cases():
    """Loss, penalty, solver, container, and what else is given, for each case."""
    of_prox = [name for name in SOLVERS if name != "gd"]  # others ask for a gradient
    numbered = product(enumerate(LOSSES), enumerate(PENALTIES), enumerate(CONTAINERS))
    for (i, loss), (j, penalty), (k, container) in numbered:
        yield loss, penalty, of_prox[(i + j + k) % 3], container, GIVEN[(i + 2 * j + k) % 4]
    for (i, loss), (j, solver) in product(enumerate(LOSSES), enumerate(SOLVERS)):
        container = [*CONTAINERS][(i + j) % 3]
        yield loss, "l2", solver, container, GIVEN[(i // 3 + j) % 4]


@pytest.mark.parametrize(
    ("loss", "penalty", "solver", "container", "given"), dict.fromkeys(cases())
)
def test_every_loss_with_every_penalty(loss, penalty, solver, container, given):
    kind, y, _ = LOSSES[loss]
    tol = 1e-5 if container == "float32" else 1e-7
    terms = {"loss": OBJECTS.get(loss, loss), "penalty": PENALTIES[penalty][0], "alpha": ALPHA}
    ours = kind(**terms, solver=solver, tol=tol)
    weight, offset = WEIGHT if "weights" in given else None, OFFSET if "offset" in given else None
    ours.fit(CONTAINERS[container](X), y, weight, offset=offset)
    best = least_objective(loss, penalty, given)
    assert ours.converged_
    assert ours.objective_ == pytest.approx(best, rel=tol + 1e-6)
    if np.isfinite(ours.dual_gap_):  # the certificate is true
        assert ours.objective_ - best <= ours.dual_gap_ + 1e-7 * best


@pytest.mark.parametrize("penalty", ["l1", "rows"])
@pytest.mark.parametrize("loss", ["multinomial", "several numbers"])
def test_several_outputs(loss, penalty):
    with package("cvxpy") as cp:
        W, b = cp.Variable((P, K)), cp.Variable((1, K))
        eta = X @ W + np.ones((N, 1)) @ b
        if loss == "multinomial":
            chosen = cp.sum(cp.multiply(np.eye(K)[KINDS], eta), axis=1)
            rows = cp.log_sum_exp(eta, axis=1) - chosen
        else:
            rows = cp.sum(cp.square(eta - SEVERAL), axis=1) / 2
        size = cp.norm1(cp.vec(W, order="F")) if penalty == "l1" else cp.sum(cp.norm(W, axis=1))
        problem = cp.Problem(cp.Minimize(cp.sum(rows) / N + ALPHA * size))
        best = problem.solve(solver=cp.CLARABEL)
    kind, y = (NNOClassifier, KINDS) if loss == "multinomial" else (NNORegressor, SEVERAL)
    given = GroupLasso("rows") if penalty == "rows" else "l1"
    ours = kind(penalty=given, alpha=ALPHA, tol=1e-8).fit(X, y)
    assert ours.converged_ and ours.objective_ == pytest.approx(best, rel=1e-6)
