"""Tensors of other libraries as data, by stand-ins that behave as torch's and jax's."""

import numpy as np
import pytest

from nno_sklearn import NNOClassifier, NNORegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
CODES = np.arange(60) % 3


class TorchTensor:
    """Refuses what a torch.Tensor refuses: gradients, another device, and bfloat16."""

    def __init__(self, array, dtype=None, requires_grad=False, device="cpu"):
        self._array, self.requires_grad, self.device = array, requires_grad, device
        self.dtype, self.shape = dtype or f"torch.{array.dtype}", array.shape

    def __len__(self):
        return len(self._array)

    def detach(self):
        return TorchTensor(self._array, self.dtype, False, self.device)

    def cpu(self):
        return TorchTensor(self._array, self.dtype, self.requires_grad)

    def float(self):
        return TorchTensor(self._array.astype(np.float32))

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.device != "cpu" or self.dtype == "torch.bfloat16":
            raise TypeError(f"can't convert {self.device} {self.dtype} tensor to numpy")
        return np.asarray(self._array, dtype)


def fitted(X, y=CODES):
    return NNOClassifier(alpha=0.01).fit(X, y)


@pytest.mark.parametrize(
    "tensor",
    [
        TorchTensor(X),
        TorchTensor(X, device="cuda:0"),
        TorchTensor(X.astype(np.float16)),
        TorchTensor(X.astype(np.float16).astype(float), "torch.bfloat16"),
        X.astype(np.float16),
    ],
    ids=["float32", "device", "float16", "bfloat16", "numpy float16"],
)
def test_float32_is_kept_and_halves_become_it(tensor):
    model = fitted(tensor)
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.coef_, fitted(X).coef_, atol=1e-2)
    np.testing.assert_array_equal(model.predict(tensor), model.predict(np.asarray(X)))


def test_bfloat16_of_numpy_becomes_float32():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    model = fitted(X.astype(bfloat16))
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.coef_, fitted(X).coef_, atol=1e-2)
    shares = RNG.dirichlet(np.ones(3), 60).astype(bfloat16)
    assert fitted(X, shares).classes_.tolist() == [0, 1, 2]


def test_gradients_are_detached_with_a_word():
    with pytest.warns(UserWarning, match="requires gradients, .* it is detached"):
        model = fitted(TorchTensor(X, requires_grad=True))
    np.testing.assert_array_equal(model.coef_, fitted(X).coef_)


def test_targets_may_be_tensors():
    np.testing.assert_array_equal(fitted(X, TorchTensor(CODES)).coef_, fitted(X).coef_)
    shares = RNG.dirichlet(np.ones(3), 60)
    np.testing.assert_array_equal(fitted(X, TorchTensor(shares)).coef_, fitted(X, shares).coef_)
    numbers = NNORegressor().fit(TorchTensor(X), TorchTensor(X[:, :2]))
    assert numbers.coef_.shape == (2, 4)


def test_batches():
    stream = NNOClassifier().partial_fit(TorchTensor(X), TorchTensor(CODES), classes=[0, 1, 2])
    assert stream.coef_.dtype == np.float32
