"""Small problems for the contract tests: one per loss, dense or sparse, with or without weights."""

import numpy as np
import pytest
from scipy import sparse

from nno_sklearn.losses import (
    Gamma,
    Huber,
    LogLoss,
    ModifiedHuber,
    MultinomialLogLoss,
    NegativeBinomial,
    Poisson,
    SquaredError,
    SquaredHinge,
    Tweedie,
)
from nno_sklearn.penalties import L1, L2, ElasticNet, NoPenalty
from nno_sklearn.problem import Objective, Problem
from nno_sklearn.solvers import SOLVERS

LOSSES = {
    "squared_error": SquaredError(),
    "huber": Huber(),
    "huber_small": Huber(delta=0.3),
    "poisson": Poisson(),
    "gamma": Gamma(),
    "tweedie": Tweedie(),
    "tweedie_1.8": Tweedie(power=1.8),
    "negative_binomial": NegativeBinomial(),
    "log_loss": LogLoss(),
    "multinomial": MultinomialLogLoss(),
    "squared_hinge": SquaredHinge(),
    "modified_huber": ModifiedHuber(),
}
LABEL_LOSSES = ("log_loss", "squared_hinge", "modified_huber")
PENALTIES = {"l1": L1(), "l2": L2(), "elasticnet": ElasticNet(0.4)}
EVERY_PENALTY = {
    **PENALTIES,
    "none": NoPenalty(),
    "elasticnet_0": ElasticNet(0.0),
    "elasticnet_1": ElasticNet(1.0),
}

_RNG = np.random.default_rng(0)
#: Columns of different means and units, and numbers with a few far out that they explain in part.
X = _RNG.normal(size=(120, 4)) * [1, 2, 0.5, 1] + [0, 1, 0, -1]
Y = X @ [0.6, -0.4, 0.0, 0.3] + 0.5 * _RNG.standard_t(2, size=120) + 0.7


def make_matrix(n=40, p=5, seed=0):
    """Correlated columns of different means and sizes, with a third of the entries 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1)) + 0.3
    X[rng.random((n, p)) < 1 / 3] = 0.0
    return X * rng.uniform(0.5, 2.0, p)


def make_target(name, X, n_outputs=None, seed=0):
    """Targets that a linear model explains in part; the multinomial loss has three outputs."""
    rng = np.random.default_rng(seed + 1)
    n_outputs = n_outputs or (3 if name == "multinomial" else 1)
    coef = rng.normal(size=(X.shape[1], n_outputs)) / np.sqrt(X.shape[1])
    eta = (X - X.mean(axis=0)) @ coef + rng.normal(size=(len(X), n_outputs))
    if name == "multinomial":
        return np.eye(n_outputs)[eta.argmax(axis=1)]
    if name in LABEL_LOSSES:
        return (eta > 0).astype(float)
    if name in ("poisson", "tweedie", "tweedie_1.8", "negative_binomial"):
        return rng.poisson(np.exp(0.5 * eta)).astype(float)
    return np.exp(0.5 * eta) if name == "gamma" else eta + 2.0


def make_weight(n, seed=0):
    return np.random.default_rng(seed + 2).uniform(0.1, 3.0, n)


def pose(X, y, loss, penalty, alpha, *, sample_weight=None, fit_intercept=True):
    """The problem of these terms on rows."""
    return Problem.of(Objective(loss, penalty, alpha, fit_intercept), X, y, sample_weight)


def make_problem(
    name, penalty=None, alpha=0.1, *, n=40, p=5, n_outputs=None, seed=0, weighted=True, **params
):
    """A problem of the named loss; ``container`` turns X into what the problem is given."""
    container = params.pop("container", np.asarray)
    X = make_matrix(n, p, seed)
    return pose(
        container(X),
        make_target(name, X, n_outputs, seed),
        LOSSES[name],
        L2() if penalty is None else penalty,
        alpha,
        sample_weight=make_weight(n, seed) if weighted else None,
        **params,
    )


def make_coef(problem, seed=0, size=0.5):
    return size * np.random.default_rng(seed + 3).normal(size=problem.shape)


def csr_long(X):
    """CSR with 64-bit indices, as large data have them."""
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


CONTAINERS = {
    "fortran": np.asfortranarray,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "csr_int64": csr_long,
}


def central_differences(function, x, step=1e-6):
    """Derivative of an array-valued function by each entry of the array x, stacked in front."""
    result = []
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        result.append((np.asarray(function(up)) - function(down)) / (up[index] - down[index]))
    return np.array(result)


def assert_same(one, other, rtol=1e-9):
    """Points of equal value and gradient; ``other`` may be a plain (value, gradient)."""
    value, gradient = other if isinstance(other, tuple) else (other.value, other.data_gradient)
    assert one.value == pytest.approx(value, rel=rtol)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(one.data_gradient, gradient, rtol=rtol, atol=rtol * size)


def solve(solver, problem, *, max_iter=1000, tol=1e-7, **options):
    """Run a solver, or the one of that name, from the null model."""
    solver = SOLVERS[solver]() if isinstance(solver, str) else solver
    return solver.solve(problem, problem.null, max_iter=max_iter, tol=tol, **options)


def well_conditioned(size, seed=0):
    """A positive definite matrix."""
    A = np.random.default_rng(seed).normal(size=(3 * size, size))
    return A.T @ A / (3 * size)
