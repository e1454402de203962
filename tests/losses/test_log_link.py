"""Half deviances with a log link: against their definitions, their limits and scikit-learn."""

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance

from nno_sklearn import NNORegressor, check_loss
from nno_sklearn.losses import Gamma, InverseGaussian, NegativeBinomial, Poisson, Tweedie
from tests.problems import central_differences

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
MEAN = np.exp(X @ [0.5, -0.3, 0.2, 0.0] + 1.0)
#: Amounts of which some are 0, and amounts that are all positive.
AMOUNTS = RNG.poisson(MEAN) * RNG.gamma(2.0, size=200)
POSITIVE = RNG.wald(MEAN, 3.0)
COUNTS = RNG.poisson(MEAN * RNG.gamma(1.0, size=200)).astype(float)
ETA = RNG.normal(size=(200, 1)) + 1.0


@pytest.mark.parametrize("power", [1.05, 1.5, 1.95, 2.5, 3.0])
def test_tweedie_is_half_the_deviance(power):
    y = AMOUNTS if power < 2 else POSITIVE
    loss = Tweedie(power)
    value = loss.value(y[:, None], ETA).mean()
    assert value == pytest.approx(mean_tweedie_deviance(y, np.exp(ETA[:, 0]), power=power) / 2)


def test_inverse_gaussian_is_tweedie_of_power_3():
    y = POSITIVE[:, None]
    mean = np.exp(ETA)
    np.testing.assert_allclose(InverseGaussian().value(y, ETA), (y - mean) ** 2 / (2 * y * mean**2))
    np.testing.assert_array_equal(InverseGaussian().gradient(y, ETA), Tweedie(3.0).gradient(y, ETA))


def test_negative_binomial_is_minus_the_log_likelihood():
    """Up to what depends on y alone."""
    y, dispersion = COUNTS[:, None], 0.4
    r = 1 / dispersion

    def minus_log(mean):
        return -stats.nbinom.logpmf(y, r, 1 / (1 + dispersion * mean))

    value = NegativeBinomial(dispersion).value(y, ETA)
    np.testing.assert_allclose(value, minus_log(np.exp(ETA)) - minus_log(y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "limit", "y"),
    [
        (Tweedie(1 + 1e-7), Poisson(), AMOUNTS),
        (Tweedie(2 - 1e-7), Gamma(), POSITIVE),
        (NegativeBinomial(1e-9), Poisson(), COUNTS),
    ],
)
@pytest.mark.parametrize("method", ["value", "gradient", "curvature"])
def test_limits(loss, limit, y, method):
    found, expected = (getattr(one, method)(y[:, None], ETA) for one in (loss, limit))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("power", [1.001, 1.1, 1.5, 1.9, 1.999])
def test_conjugate_of_every_power_touches(power):
    """The root of the conjugate is found from both sides, over many orders of magnitude."""
    loss = Tweedie(power)
    eta = np.concatenate([np.linspace(-200.0, 200.0, 401), [-1e-9, 0.0, 1e-9]])[:, None]
    for y in (0.0, 1e-20, 1.0, 1e20):
        target = np.full_like(eta, y)
        u, value = loss.gradient(target, eta), loss.value(target, eta)
        touching = value + loss.conjugate(target, u) - u * eta
        size = value + np.abs(u * eta) + y
        assert (np.abs(touching) <= 1e-9 * size).all()


@pytest.mark.parametrize("power", [2.5, 3.0])
def test_beyond_power_2_there_is_no_conjugate(power):
    loss, y = Tweedie(power), POSITIVE[:, None]
    assert loss.provides == {"value", "gradient", "curvature"}
    check_loss(loss)
    rise = central_differences(lambda eta: loss.gradient(y[:5], eta), ETA[:5])
    rise = np.diagonal(rise[:, :, 0])[:, None]
    expected = np.exp((2 - power) * ETA[:5])  # of y = mu
    curvature = np.where(rise > 0, rise, expected)
    np.testing.assert_allclose(loss.curvature(y[:5], ETA[:5]), curvature, atol=1e-6)
    far = np.array([[-800.0, 800.0]])
    for method in ("value", "gradient", "curvature"):
        with np.errstate(over="ignore"):
            assert not np.isnan(getattr(loss, method)(np.ones((1, 2)), far)).any()


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("solver", ["auto", "gd", "proximal"])
@pytest.mark.parametrize(("power", "y"), [(1.2, AMOUNTS), (1.8, AMOUNTS), (3.0, POSITIVE)])
def test_same_optimum_as_tweedie_regressor(power, y, solver, weighted):
    weight = RNG.integers(1, 4, len(y)) if weighted else None
    theirs = TweedieRegressor(power=power, alpha=0.05, tol=1e-10, max_iter=10_000)
    theirs.fit(X, y, weight)
    ours = NNORegressor(Tweedie(power), alpha=0.05, tol=1e-10, solver=solver).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    assert ours.converged_
    assert (ours.dual_gap_ < 1e-9) if power < 2 else (ours.dual_gap_ == np.inf)


def test_name_is_that_of_the_loss():
    by_name = NNORegressor("inverse_gaussian", alpha=0.05, tol=1e-10).fit(X, POSITIVE)
    by_object = NNORegressor(Tweedie(3.0), alpha=0.05, tol=1e-10).fit(X, POSITIVE)
    np.testing.assert_allclose(by_name.coef_, by_object.coef_, rtol=1e-9)
    assert type(by_name.loss_) is InverseGaussian


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", [Poisson(), Tweedie(), NegativeBinomial()], ids=repr)
def test_without_events_there_is_an_optimum_without_an_intercept(loss, penalty):
    """Where every target is 0 the best intercept is infinite, but not what a penalty holds."""
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.zeros(30)
    model = NNORegressor(loss, penalty=penalty, alpha=0.1, fit_intercept=False, tol=1e-10).fit(X, y)

    def objective(w):
        penalties = {"l2": w @ w / 2, "l1": np.abs(w).sum()}
        return loss.value(y, X @ w).mean() + 0.1 * penalties[penalty]

    best = optimize.minimize(objective, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6})
    assert objective(model.coef_) == pytest.approx(best.fun, rel=1e-8)
    with pytest.raises(ValueError, match="all are 0: .* has no finite intercept"):
        clone(model).set_params(fit_intercept=True).fit(X, y)


def test_without_events_and_penalty_the_rows_tell_whether_there_is_an_optimum():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.zeros(30)
    model = NNORegressor("poisson", alpha=0.0, fit_intercept=False)
    assert model.fit(X, y).converged_
    with pytest.warns(ConvergenceWarning, match="the objective has no minimum"):
        model.fit(np.abs(X), y)
