"""Subclasses of built-in losses and penalties: whatever they rewrite, no wrong fit is certified."""

import numpy as np
import pytest
from scipy.optimize import minimize

from nno_sklearn import Loss, NNOClassifier, NNORegressor, Penalty
from nno_sklearn.losses import Huber, LogLoss, MultinomialLogLoss, SquaredError
from nno_sklearn.penalties import L1, L2, ElasticNet
from tests.problems import EVERY_PENALTY, LABEL_LOSSES, LOSSES, make_matrix, make_target
from tests.user_objects import BoundedRidge, WeightedL1, altered, twice

ALPHA, TOL = 0.1, 1e-6
LOSS_METHODS = ("value", "gradient", "curvature", "derivatives", "conjugate")
PENALTY_METHODS = (
    "value", "gradient", "prox", "curvature", "conjugate", "dual_scaling", "subdiff_distance",
)  # fmt: skip
X = make_matrix(60, 3)


def writes(thing, base, method):
    return getattr(type(thing), method) is not getattr(base, method)


LOSS_CASES = [
    pytest.param(name, method, id=f"{name}-{method}")
    for name, loss in LOSSES.items()
    for method in LOSS_METHODS
    if writes(loss, Loss, method)
]
PENALTY_CASES = [
    pytest.param(name, method, id=f"{name}-{method}")
    for name, penalty in EVERY_PENALTY.items()
    for method in PENALTY_METHODS
    if writes(penalty, Penalty, method)
]


def estimator(name, **options):
    kind = NNOClassifier if name in (*LABEL_LOSSES, "multinomial") else NNORegressor
    return kind(alpha=ALPHA, tol=TOL, **options)


def target_of(name):
    y = make_target(name, X)
    return y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]


def objective(model, y, w):
    """The objective from the two values alone, of coefficients and intercept in one array."""
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    w = w.reshape(len(coef), -1)
    targets = np.eye(len(coef))[y] if len(coef) > 1 else y[:, None].astype(float)
    eta = X @ w[:, :-1].T + w[:, -1]
    assert intercept.shape == (len(coef),)
    penalty = model.penalty.value(w[:, :-1].T)
    return model.loss_.value(targets, eta).sum(axis=1).mean() + ALPHA * penalty


def assert_never_certified_and_wrong(model, y):
    """A certified optimum must not be above what scipy finds from values alone."""
    if not model.converged_:
        return
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    found = np.hstack([coef, intercept[:, None]]).ravel()
    value = objective(model, y, found)
    assert model.objective_ == pytest.approx(value, rel=1e-9)

    def finite(w):  # Powell's method multiplies by what it is given
        return min(objective(model, y, w), 1e9)

    for start in (found, np.zeros_like(found)):
        other = minimize(finite, start, method="Powell", options={"ftol": 1e-10})
        assert other.fun >= value - 1e-5 * abs(value)


def fit_or_refuse(model, y):
    """Fit, and compare; or be told which method is wrong."""
    try:
        model.fit(X, y)
    except ValueError as error:
        assert "Altered" in str(error)
        return
    assert_never_certified_and_wrong(model, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "method"), LOSS_CASES)
def test_one_method_of_a_loss_rewritten(name, method):
    loss = altered(LOSSES[name], **{method: twice(method, type(LOSSES[name]))})
    fit_or_refuse(estimator(name, loss=loss, penalty=L2()), target_of(name))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "method"), PENALTY_CASES)
def test_one_method_of_a_penalty_rewritten(name, method):
    penalty = altered(EVERY_PENALTY[name], **{method: twice(method, type(EVERY_PENALTY[name]))})
    for solver in ("auto", "gd") if "gradient" in penalty.provides else ("auto",):
        model = NNORegressor("huber", penalty=penalty, solver=solver, alpha=ALPHA, tol=TOL)
        fit_or_refuse(model, target_of("huber"))


@pytest.mark.parametrize("name", LOSSES)
def test_another_function_made_of_a_loss(name):
    """Value and gradient doubled: a valid loss, for which no other inherited member holds."""
    cls = type(LOSSES[name])
    double = altered(LOSSES[name], value=twice("value", cls), gradient=twice("gradient", cls))
    assert double.provides == {"value", "gradient", "curvature"}
    assert not double.constant_curvature and not double.is_quadratic
    assert double.largest_curvature is None and double.of_two_classes is None
    y = target_of(name)
    model = estimator(name, loss=double, penalty=L2())
    if name == "multinomial":  # differences of the gradient take outputs one by one
        with pytest.raises(ValueError, match="says that outputs do not interact, but the grad"):
            model.fit(X, y)
        return
    model.fit(X, y)
    assert model.converged_ and model.dual_gap_ == np.inf
    assert_never_certified_and_wrong(model, y)
    known = estimator(name, loss=LOSSES[name], penalty=L2()).set_params(alpha=ALPHA / 2).fit(X, y)
    np.testing.assert_allclose(model.coef_, known.coef_, atol=0.01)


@pytest.mark.parametrize("name", EVERY_PENALTY)
def test_another_function_made_of_a_penalty(name):
    penalty = EVERY_PENALTY[name]
    cls = type(penalty)

    def prox(self, w, step):
        return cls.prox(self, w, 2 * step)

    double = altered(penalty, value=twice("value", cls), prox=prox)
    assert double.provides == {"value", "prox"} and not double.is_elastic_net
    y = target_of("huber")
    model = NNORegressor("huber", penalty=double, alpha=ALPHA, tol=TOL).fit(X, y)
    assert model.converged_ and model.dual_gap_ == np.inf
    assert_never_certified_and_wrong(model, y)
    known = NNORegressor("huber", penalty=penalty, alpha=2 * ALPHA, tol=TOL).fit(X, y)
    np.testing.assert_allclose(model.coef_, known.coef_, atol=1e-3)


def test_other_penalties_made_of_the_lasso_and_ridge():
    y = target_of("huber")
    for penalty in (WeightedL1(np.array([2.0])), BoundedRidge()):
        model = NNORegressor("huber", penalty=penalty, alpha=ALPHA, tol=TOL).fit(X, y)
        assert model.converged_
        assert_never_certified_and_wrong(model, y)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_not_rewritten_is_inherited(name):
    loss = altered(LOSSES[name], check_target=lambda self, y: None)
    for member in (*LOSS_METHODS, "constant_curvature", "largest_curvature", "is_quadratic"):
        assert getattr(type(loss), member) == getattr(type(LOSSES[name]), member)
    y = target_of(name)
    one = estimator(name, loss=loss).fit(X, y)
    other = estimator(name, loss=LOSSES[name]).fit(X, y)
    np.testing.assert_array_equal(one.coef_, other.coef_)
    assert one.dual_gap_ == other.dual_gap_ < np.inf


@pytest.mark.parametrize("penalty", [L1(), L2(), ElasticNet(0.3)])
def test_a_penalty_inherits_everything(penalty):
    same = altered(penalty)
    assert same.provides == penalty.provides and same.is_elastic_net
    y = target_of("huber")
    one, other = (NNORegressor(penalty=p, alpha=ALPHA).fit(X, y) for p in (same, penalty))
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_who_knows_better_says_so():
    class StableSquaredError(SquaredError):
        """The same function by another formula."""

        conjugate, constant_curvature = SquaredError.conjugate, True

        def value(self, y, eta):
            return 0.5 * np.square(y - eta)

    assert StableSquaredError().provides == SquaredError().provides
    assert StableSquaredError.constant_curvature and not StableSquaredError.is_quadratic
    assert NNORegressor(StableSquaredError()).fit(X, target_of("huber")).dual_gap_ < np.inf


def test_pieces_from_several_classes():
    class Value(Loss):
        def value(self, y, eta):
            return (eta - y) ** 2

    class Gradient(Loss):
        def gradient(self, y, eta):
            return 2 * (eta - y)

    class Other:
        def value(self, y, eta):
            return Value.value(self, y, eta)

        gradient = Gradient.gradient

    class Joined(Value, Gradient):
        """A mixin and a loss, neither of which was written for another value."""

    class Mixed(Other, Huber):
        """A mixin overrides as a class itself does."""

    class Grandchild(Mixed):
        pass

    assert Joined().provides == {"value", "gradient", "curvature"}
    for mixed in (Mixed(), Grandchild()):
        assert mixed.provides == {"value", "gradient", "curvature"}
        assert mixed.largest_curvature is None


def test_two_classes_keep_the_users_loss():
    """A subclass of the multinomial loss was replaced by the logistic one for two classes."""
    y = (target_of("huber") > 2).astype(int)
    assert type(NNOClassifier(MultinomialLogLoss()).fit(X, y).loss_) is LogLoss
    cls = MultinomialLogLoss
    double = altered(cls(), value=twice("value", cls), gradient=twice("gradient", cls))
    with pytest.raises(ValueError, match="Altered.gradient is not the derivative of value"):
        NNOClassifier(double).fit(X, y)
