"""Likelihoods without a penalty: the same optimum as statsmodels'."""

import numpy as np
import pytest
from scipy.special import expit, xlogy

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import NegativeBinomial, Quantile, Tweedie
from tests.peers.packages import assert_same_objective, package

P = 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, P)) + [0.0, 1.0, 0.0, -1.0]
ETA = X @ [0.5, -0.4, 0.3, 0.0]
WEIGHT, OFFSET = RNG.integers(1, 4, len(X)).astype(float), 0.3 * RNG.normal(size=len(X))
COUNTS = RNG.negative_binomial(2, 2 / (2 + np.exp(ETA + OFFSET))).astype(float)
AMOUNTS = COUNTS * RNG.gamma(2.0, size=len(X))
POWER, DISPERSION = 1.4, 0.5


def negative_binomial(eta, y, a=DISPERSION):
    """Half the deviance."""
    return xlogy(y, y) - y * eta - (y + 1 / a) * np.log((1 + a * y) / (1 + a * np.exp(eta)))


def tweedie(eta, y, p=POWER):
    """Half the deviance."""
    saturated = y ** (2 - p) / ((1 - p) * (2 - p))
    return saturated - y * np.exp((1 - p) * eta) / (1 - p) + np.exp((2 - p) * eta) / (2 - p)


CASES = {
    "negative_binomial": (NegativeBinomial(DISPERSION), COUNTS, negative_binomial),
    "tweedie": (Tweedie(POWER), AMOUNTS, tweedie),
    "poisson": ("poisson", COUNTS, lambda eta, y: np.exp(eta) - y * eta + xlogy(y, y) - y),
}


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


@pytest.mark.parametrize("solver", ["auto", "gd", "proximal", "nearest_neighbor"])
@pytest.mark.parametrize("name", CASES)
def test_generalised_linear_models(name, solver):
    loss, y, formula = CASES[name]
    with package("statsmodels.api") as sm:
        link = sm.families.links.Log()
        family = {
            "negative_binomial": lambda: sm.families.NegativeBinomial(link, alpha=DISPERSION),
            "tweedie": lambda: sm.families.Tweedie(link, var_power=POWER),
            "poisson": lambda: sm.families.Poisson(link),
        }[name]()
        model = sm.GLM(y, with_constant(X), family, freq_weights=WEIGHT, offset=OFFSET)
        theirs = model.fit(tol=1e-14, maxiter=1000).params
    ours = NNORegressor(loss, penalty=None, solver=solver, tol=1e-10)
    ours.fit(X, y, WEIGHT, offset=OFFSET)
    assert_same_objective(
        lambda coef, b: np.average(formula(X @ coef + b + OFFSET, y), weights=WEIGHT),
        ours,
        (theirs[1:], theirs[0]),
    )
    np.testing.assert_allclose(ours.coef_, theirs[1:], rtol=1e-4)


def test_proportional_odds():
    grade = np.digitize(ETA + RNG.logistic(size=len(X)), [-1.0, 0.0, 1.5])
    with package("statsmodels.miscmodels.ordinal_model") as module:
        model = module.OrderedModel(grade, X, distr="logit")
        found = model.fit(method="bfgs", gtol=1e-9, maxiter=1000, disp=False).params
        cuts = model.transform_threshold_params(found)[1:-1]
    ours = NNOClassifier("ordinal", penalty=None, tol=1e-10).fit(X, grade)

    def objective(coef, intercept):
        above = expit((X @ np.ravel(coef))[:, None] + intercept)
        chances = -np.diff(np.pad(above, ((0, 0), (1, 1)), constant_values=(1.0, 0.0)), axis=1)
        return -np.log(chances[np.arange(len(X)), grade]).mean()

    assert_same_objective(objective, ours, (found[:P], -cuts))
    np.testing.assert_allclose(ours.coef_[0], found[:P], rtol=1e-4)


@pytest.mark.parametrize("quantile", [0.2, 0.5])
def test_quantile_regression(quantile):
    y = ETA + RNG.standard_t(3, size=len(X))
    with package("statsmodels.regression.quantile_regression") as module:
        model = module.QuantReg(y, with_constant(X))
        theirs = model.fit(q=quantile, p_tol=1e-10, max_iter=10_000).params
    ours = NNORegressor(Quantile(quantile), penalty=None, tol=1e-8).fit(X, y)

    def objective(coef, b):
        r = y - X @ coef - b
        return np.maximum(quantile * r, (quantile - 1) * r).mean()

    assert_same_objective(objective, ours, (theirs[1:], theirs[0]))
