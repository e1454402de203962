"""Linear layers as models and back, with stand-ins for torch, which the package does not need."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.svm import SVC

from nno_sklearn import NNOClassifier, NNORegressor, from_linear, to_linear

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
CODES = np.arange(60) % 3


def layer(n_outputs, bias=True):
    return SimpleNamespace(
        weight=RNG.normal(size=(n_outputs, 4)).astype(np.float32),
        bias=RNG.normal(size=n_outputs).astype(np.float32) if bias else None,
    )


class FakeTorch:
    """As much of torch as a linear layer needs."""

    class nn:  # noqa: N801
        class Linear:
            def __init__(self, n_inputs, n_outputs, dtype):
                self.shape, self.dtype = (n_outputs, n_inputs), dtype

            def load_state_dict(self, state):
                assert state["weight"].shape == self.shape
                assert state["bias"].shape == self.shape[:1]
                assert state["weight"].dtype == state["bias"].dtype == self.dtype
                vars(self).update(state)

    @staticmethod
    def tensor(array):
        return np.array(array)


@pytest.fixture
def torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", FakeTorch)


class TestFromLinear:
    @pytest.mark.parametrize("bias", [True, False])
    def test_it_predicts_as_the_layer(self, bias):
        given = layer(3, bias)
        model = from_linear(given, classes=["b", "c", "a"])
        eta = X @ given.weight.T + (given.bias if bias else 0)
        assert list(model.classes_) == ["a", "b", "c"]
        np.testing.assert_allclose(model.decision_function(X), eta[:, [2, 0, 1]], rtol=1e-6)
        assert list(model.predict(X)) == list(np.array(["b", "c", "a"])[eta.argmax(axis=1)])
        softmax = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), softmax[:, [2, 0, 1]], rtol=1e-5)
        assert model.coef_.dtype == np.float32 and model.n_features_in_ == 4

    @pytest.mark.parametrize("classes", [["no", "yes"], ["yes", "no"]])
    def test_two_classes_by_one_output_or_two(self, classes):
        one, both = layer(1), layer(2)
        logit = X @ one.weight[0] + one.bias[0]
        expected = np.array(classes)[(logit > 0).astype(int)]
        assert list(from_linear(one, classes).predict(X)) == list(expected)
        eta = X @ both.weight.T + both.bias
        model = from_linear(both, classes)
        assert list(model.predict(X)) == list(np.array(classes)[eta.argmax(axis=1)])
        assert model.coef_.shape == (1, 4)

    @pytest.mark.parametrize("n_outputs", [1, 3])
    def test_regressors(self, n_outputs):
        given = layer(n_outputs)
        model = from_linear(given, estimator=NNORegressor("poisson"))
        expected = np.exp(X @ given.weight.T + given.bias)
        expected = expected[:, 0] if n_outputs == 1 else expected
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5)

    def test_a_fit_goes_on_from_it(self):
        optimum = NNOClassifier(alpha=0.01, tol=1e-10).fit(X, CODES)
        given = SimpleNamespace(weight=optimum.coef_, bias=optimum.intercept_)
        model = from_linear(given, estimator=NNOClassifier(alpha=0.01, warm_start=True))
        assert model.fit(X, CODES).n_iter_ == 1

    def test_weights_are_copied(self):
        given = layer(3)
        model = from_linear(given)
        given.weight[:] = 0.0
        assert model.coef_.all()

    @pytest.mark.parametrize(
        ("given", "options", "message"),
        [
            (SimpleNamespace(), {}, r"has no weight: pass a linear layer, .*model\[-1\]"),
            (SimpleNamespace(weight=np.ones(3)), {}, r"weight has shape \(3,\) and its bias"),
            (SimpleNamespace(weight=np.full((3, 4), np.nan)), {}, "not all finite: its training"),
            (layer(3), {"classes": ["a", "b"]}, "for the layer's 3 outputs: there must be a class"),
            (layer(3), {"classes": ["a", "b", "a"]}, "a class of its own for each"),
            (layer(3), {"classes": [0, 1, 2], "estimator": NNORegressor()}, "those of a classif"),
            (layer(3), {"estimator": SVC()}, r"SVC\(\) takes no weights of a layer"),
        ],
    )
    def test_errors(self, given, options, message):
        with pytest.raises(ValueError, match=message):
            from_linear(given, **options)


class TestToLinear:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_there_and_back(self, torch, dtype):
        model = NNOClassifier(alpha=0.01).fit(X.astype(dtype), CODES)
        made = to_linear(model)
        assert isinstance(made, FakeTorch.nn.Linear) and made.dtype == dtype
        again = from_linear(made)
        np.testing.assert_allclose(again.decision_function(X), model.decision_function(X), 1e-5)

    def test_one_output(self, torch):
        model = NNORegressor(fit_intercept=False).fit(X, X[:, 0])
        made = to_linear(model)
        assert made.weight.shape == (1, 4) and list(made.bias) == [0.0]

    def test_without_torch(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ImportError, match="torch is not installed: see .* intercept_ its bias"):
            to_linear(NNOClassifier().fit(X, CODES))
