"""Bounds, weights of the penalty and offsets: the same optimum as glum's."""

import numpy as np
import pytest
from scipy.special import xlogy

from nno_sklearn import L1, ElasticNet, NNOClassifier, NNORegressor
from tests.peers.packages import assert_same_objective, package

ALPHA, P = 0.05, 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, P)) + [0.0, 1.0, 0.0, -1.0, 0.0, 0.0]
ETA = X @ [0.5, -0.4, 0.3, 0.0, 0.0, 0.2]
WEIGHT, OFFSET = RNG.uniform(0.2, 2.0, len(X)), 0.3 * RNG.normal(size=len(X))
FACTORS, LOWER, UPPER = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 1.5]), np.full(P, -0.2), np.full(P, 0.35)
COUNTS = RNG.poisson(np.exp(ETA + OFFSET)).astype(float)
CASES = {
    "poisson": ("poisson", COUNTS, lambda eta, y: np.exp(eta) - y * eta + xlogy(y, y) - y),
    "gamma": ("gamma", RNG.gamma(2.0, np.exp(ETA + OFFSET) / 2.0), lambda eta, y: (
        y * np.exp(-eta) + eta - np.log(y) - 1
    )),
    "log_loss": ("binomial", (ETA + OFFSET + RNG.logistic(size=len(X)) > 0).astype(float), (
        lambda eta, y: np.logaddexp(0, eta) - y * eta
    )),
    "squared_error": ("normal", ETA + OFFSET + RNG.normal(size=len(X)), (
        lambda eta, y: np.square(eta - y) / 2
    )),
}  # fmt: skip


@pytest.mark.parametrize("has_bounds", [False, True], ids=["free", "bounds"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
@pytest.mark.parametrize("loss", CASES)
def test_bounds_weights_and_offset(loss, l1_ratio, has_bounds):
    family, y, formula = CASES[loss]
    bounds = {"lower": LOWER, "upper": UPPER} if has_bounds else {}
    with package("glum") as glum:
        theirs = glum.GeneralizedLinearRegressor(
            alpha=ALPHA,
            l1_ratio=l1_ratio,
            P1=FACTORS,
            P2=FACTORS,
            family=family,
            link="log" if family in ("poisson", "gamma") else "auto",
            gradient_tol=1e-10,
            max_iter=10_000,
            **{f"{side}_bounds": bound for side, bound in bounds.items()},
        ).fit(X, y, sample_weight=WEIGHT, offset=OFFSET)
    penalty = L1(weights=FACTORS, **bounds)
    if l1_ratio < 1:
        penalty = ElasticNet(l1_ratio, weights=FACTORS, **bounds)
    kind = NNOClassifier if loss == "log_loss" else NNORegressor
    ours = kind(loss, penalty=penalty, alpha=ALPHA, tol=1e-10).fit(X, y, WEIGHT, offset=OFFSET)

    def objective(coef, b):
        coef = np.ravel(coef)
        mean = np.average(formula(X @ coef + b + OFFSET, y), weights=WEIGHT)
        size = l1_ratio * np.abs(coef) + (1 - l1_ratio) / 2 * coef**2
        return (mean + ALPHA * FACTORS @ size).item()

    assert_same_objective(objective, ours, (theirs.coef_, theirs.intercept_))
    if has_bounds:
        assert (ours.coef_ >= LOWER).all() and (ours.coef_ <= UPPER).all()
        assert ((ours.coef_ == LOWER) | (ours.coef_ == UPPER)).any()
