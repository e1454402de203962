"""scikit-learn's array API dispatch: the same optimum for rows of any library, which all follows.

torch's tensors, and arrays of array-api-strict, which has nothing that the standard does not have,
on both kinds of its devices.
"""

import pickle
import re
from unittest import SkipTest

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn._namespaces import dtype_name, to_numpy
from nno_sklearn.linear_model import HuberRegressor, LassoCV, LogisticRegression, Ridge
from nno_sklearn.losses import Loss, Quantile
from nno_sklearn.penalties import L2
from tests.estimators import ANYWHERE

strict = pytest.importorskip("array_api_strict")
torch = pytest.importorskip("torch")

N, P = 150, 5
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, P)) * [1.0, 2.0, 0.5, 1.0, 3.0] + [0.0, 1.0, 5.0, -2.0, 0.0]
SIGNAL = (X - X.mean(axis=0)) @ [0.5, -0.3, 0.0, 0.4, 0.0] + RNG.normal(size=N)
WEIGHT = RNG.integers(0, 3, size=N).astype(float)
TARGETS = {
    "numbers": SIGNAL,
    "several": np.column_stack([SIGNAL, X[:, 0] - SIGNAL]),
    "counts": RNG.poisson(np.exp(0.5 * SIGNAL - 0.5)),
    "positive": np.exp(0.5 * SIGNAL),
    "two": (SIGNAL > 0).astype(int),
    "three": np.digitize(SIGNAL, [-0.7, 0.7]),
}
KINDS = {
    "torch64": lambda a: torch.asarray(a.copy()),
    "torch32": lambda a: torch.asarray(a.copy()),
    "strict-cpu": lambda a: strict.asarray(a.copy()),
    "strict-device": lambda a: strict.asarray(a.copy(), device=strict.Device("device1")),
}
PENALTIES = ("l2", "l1", "elasticnet", "group_lasso", None)


@pytest.fixture(autouse=True)
def dispatch(monkeypatch):
    """scikit-learn asks for scipy's switch where its own is on."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with config_context(array_api_dispatch=True):
        yield


def same_place(one, other):
    return type(one) is type(other) and one.device == other.device


@pytest.mark.pairwise
@pytest.mark.parametrize("loss", ANYWHERE)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_optimum_is_that_of_numpy(loss, penalty, kind):
    estimator, target = ANYWHERE[loss]
    rows, y = X.astype(np.float32) if kind == "torch32" else X, TARGETS[target]
    near, there = 1e-6 if kind == "torch32" else 1e-10, KINDS[kind]
    model = estimator(loss.split("-")[0], penalty=penalty, alpha=0.03, tol=near / 2)
    local = clone(model).fit(rows, y, WEIGHT)
    model.fit(there(rows), there(y), there(WEIGHT))
    assert model.converged_ and local.converged_ and model.optimality_ <= model.tol
    assert model.objective_ == pytest.approx(local.objective_, rel=near)
    assert (model.dual_gap_ <= near * model.objective_) == np.isfinite(local.dual_gap_)
    assert model.coef_.shape == local.coef_.shape
    assert dtype_name(model.coef_) == str(local.coef_.dtype)
    predicted = model.predict(there(rows))
    assert same_place(predicted, there(rows)) and same_place(model.coef_, there(rows))
    # The same coefficients as numpy's predict the same.
    home = pickle.loads(pickle.dumps(model))
    assert type(home.coef_) is np.ndarray
    with config_context(array_api_dispatch=False):
        expected, score = home.predict(rows), home.score(rows, y, WEIGHT)
    np.testing.assert_allclose(to_numpy(predicted), expected, rtol=1e-6, atol=1e-6)
    assert model.score(there(rows), there(y), there(WEIGHT)) == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("shape", [(30, 70), (120, 20)])
@pytest.mark.parametrize("penalty", ["l2", "l1", L2(lower=-0.1, upper=0.1)])
@pytest.mark.parametrize("kind", ["torch64", "strict-device"])
def test_classes_on_flat_parts_of_a_loss(kind, penalty, shape):
    """Rows without curvature are told apart in this process."""
    rng, there = np.random.default_rng(0), KINDS[kind]
    rows = rng.normal(size=shape)
    y = np.digitize(2 * rows[:, 0] + rng.normal(size=len(rows)), [-1.0, 1.0])
    model = NNOClassifier("squared_hinge", penalty=penalty, alpha=0.03, tol=1e-8)
    local = clone(model).fit(rows, y)
    model.fit(there(rows), there(y))
    assert model.converged_ and local.converged_
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-7)


@pytest.mark.parametrize("kind", ["torch64", "strict-device"])
def test_offsets_and_several_kinds_of_targets(kind):
    there, offset = KINDS[kind], np.linspace(0.0, 1.0, N)
    model = NNORegressor("poisson", alpha=0.01, tol=1e-9)
    local = clone(model).fit(X, TARGETS["counts"], offset=offset)
    model.fit(there(X), there(TARGETS["counts"].astype(np.int64)), offset=there(offset))
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-9)
    predicted = to_numpy(model.predict(there(X), offset=there(offset)))
    np.testing.assert_allclose(predicted, local.predict(X, offset=offset), rtol=1e-3)
    # Targets may be numpy's: everything follows X.
    model.fit(there(X), TARGETS["counts"], offset=offset)
    assert same_place(model.predict(there(X)), there(X))


def test_labels_that_are_strings_stay_in_numpy():
    names = np.array(["low", "middle", "high"])[TARGETS["three"]]
    rows = torch.asarray(X)
    model = NNOClassifier(tol=1e-8).fit(rows, names)
    assert list(model.classes_) == ["high", "low", "middle"]
    predicted, probability = model.predict(rows), model.predict_proba(rows)
    assert isinstance(predicted, np.ndarray) and predicted.dtype.kind == "U"
    assert isinstance(probability, torch.Tensor) and probability.shape == (N, 3)
    local = NNOClassifier(tol=1e-8).fit(X, names)
    np.testing.assert_allclose(probability.numpy(), local.predict_proba(X), atol=1e-4)
    assert model.score(rows, names) == (predicted == names).mean()


@pytest.mark.parametrize("kind", ["torch64", "strict-device"])
def test_shares_and_several_labels(kind):
    there = KINDS[kind]
    shares = RNG.dirichlet([1.0, 2.0, 3.0], size=N)
    labels = (RNG.random((N, 3)) < 0.4).astype(np.int64)
    for y in (shares, labels):
        model = NNOClassifier(tol=1e-9).fit(there(X), there(y))
        local = NNOClassifier(tol=1e-9).fit(X, y)
        assert model.objective_ == pytest.approx(local.objective_, rel=1e-9)
        assert same_place(model.predict_proba(there(X)), there(X))


class Tilted(Loss):
    """Another library's arrays would not survive this function: it is given numpy's."""

    def gradient(self, y, eta):
        assert type(y) is type(eta) is np.ndarray
        return np.piecewise(eta - y, [eta >= y], [lambda r: r, lambda r: 0.5 * r])

    def value(self, y, eta):
        return 0.5 * self.gradient(y, eta) * (eta - y)


@pytest.mark.parametrize("kind", ["torch64", "strict-device"])
def test_a_loss_of_numpy_is_computed_in_this_process(kind):
    assert not Tilted.takes_any_array
    there, model = KINDS[kind], NNORegressor(Tilted(), alpha=0.01, tol=1e-8)
    local = clone(model).fit(X, SIGNAL)
    model.fit(there(X), there(SIGNAL))
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-8)
    assert same_place(model.predict(there(X)), there(X))


class Careless(Loss):
    """Says that it takes any array, but numpy alone has its functions."""

    takes_any_array = True

    def __init__(self, function=np.spacing):
        self.function = function

    def gradient(self, y, eta):
        return eta - y + 0.0 * self.function(eta - y)

    def value(self, y, eta):
        return 0.5 * (eta - y) ** 2


@pytest.mark.parametrize("function", [np.spacing, np.sort])
def test_a_loss_that_takes_less_than_it_says_is_told(function):
    with pytest.raises(TypeError, match="no function of the array API standard|no implementation"):
        NNORegressor(Careless(function)).fit(torch.asarray(X), SIGNAL)


def test_all_losses_of_the_package_say_what_they_take():
    assert Quantile(0.3).smoothed(0.1).takes_any_array
    for loss in {**NNORegressor.named_losses, **NNOClassifier.named_losses}.values():
        assert loss.takes_any_array == (loss.__name__ != "Ordinal"), loss


def test_models_of_tensors_predict_beside_them_and_come_home():
    rows = torch.asarray(X)
    model = NNORegressor().fit(rows, SIGNAL)
    with pytest.raises(ValueError, match=r"same namespace.*of torch on cpu, and X is of numpy"):
        model.predict(X)
    with pytest.raises(ValueError, match="predict outside of array_api_dispatch"):
        model.predict(strict.asarray(X))
    with config_context(array_api_dispatch=False):
        here = model.predict(X)
    np.testing.assert_allclose(here, model.predict(rows).numpy())
    home = pickle.loads(pickle.dumps(model))  # of numpy: it predicts for all
    for kind in KINDS.values():
        assert same_place(home.predict(kind(X)), kind(X))
    warm = NNORegressor(warm_start=True).fit(rows, SIGNAL).fit(rows, SIGNAL)
    assert warm.coef_.shape == (P,)
    stream = NNOClassifier().fit(rows, TARGETS["two"])
    with pytest.warns(UserWarning, match="begins a new stream"):
        stream.partial_fit(rows, torch.asarray(TARGETS["two"]))
    assert isinstance(stream.coef_, np.ndarray)


def test_what_cannot_be_dispatched_says_so():
    y = TARGETS["two"]
    with pytest.raises(ValueError, match=r"sparse tensor .*X\.to_dense\(\)"):
        NNOClassifier().fit(torch.asarray(X).to_sparse(), y)
    nowhere = strict.asarray(X.astype(np.float32), device=strict.Device("no_float64"))
    with pytest.raises(ValueError, match="does not compute in float64.*another device"):
        NNOClassifier().fit(nowhere, y)
    with pytest.raises(ValueError, match="loss is a score.*Pass numpy's"):
        NNOClassifier("f1").fit(torch.asarray(X), y)
    with pytest.raises(ValueError, match="NaN"):
        NNOClassifier().fit(torch.asarray(np.where(X > 2, np.nan, X)), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        NNOClassifier().fit(torch.asarray(X), y[:-1])


def test_whole_numbers_and_halves():
    whole = torch.asarray(np.rint(3 * X)).to(torch.int32)
    model = NNORegressor(tol=1e-9).fit(whole, SIGNAL)
    local = NNORegressor(tol=1e-9).fit(np.rint(3 * X), SIGNAL)
    assert model.coef_.dtype == torch.float64
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-9)
    assert NNORegressor().fit(torch.asarray(X).bfloat16(), SIGNAL).coef_.dtype == torch.float32


def test_gradients_are_not_followed():
    rows = torch.asarray(X).requires_grad_()
    with pytest.warns(UserWarning, match="detached"):
        model = NNORegressor().fit(rows, SIGNAL)
    assert not model.coef_.requires_grad


def test_searches_bring_rows_home():
    rows, y = torch.asarray(X), torch.asarray(TARGETS["two"])
    search = NNOSearchCV(NNOClassifier(), {"alpha": [1e-2, 1e-1]}, cv=3).fit(rows, y)
    assert isinstance(search.best_estimator_.coef_, np.ndarray)
    assert isinstance(search.predict(rows), torch.Tensor)
    assert LassoCV(cv=3).fit(rows, SIGNAL).alpha_ > 0


CHECKED = [
    NNOClassifier(),
    LogisticRegression(),
    Ridge(),
    pytest.param(NNOClassifier("hinge"), marks=pytest.mark.exhaustive),
    pytest.param(NNORegressor("quantile"), marks=pytest.mark.exhaustive),
    pytest.param(HuberRegressor(), marks=pytest.mark.exhaustive),
]


@pytest.mark.parametrize("model", CHECKED, ids=repr)
def test_checks_of_scikit_learn(model):
    """Those that it makes of estimators with the tag, where scipy's switch is on."""
    assert get_tags(model).array_api_support
    n_made = 0
    for one, check in estimator_checks_generator(model):
        if "array_api" not in str(check):
            continue
        try:
            check(one)
            n_made += 1
        except SkipTest as reason:
            assert re.search("cupy|dpnp|cuda|xpu|mps|float64|XPU|MPS", str(reason)), reason
    assert n_made >= 3
