"""Every loss: its derivatives, conjugate, link and checks agree with its value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nno_sklearn.losses import (
    Curvature,
    Gamma,
    Huber,
    InverseGaussian,
    Loss,
    NegativeBinomial,
    Poisson,
    Tweedie,
)
from nno_sklearn.rows import invert
from tests.problems import LABEL_LOSSES, LOSSES, central_differences

EVERY = ("value", "gradient", "curvature", "conjugate")
UNCOUPLED = [name for name in LOSSES if name != "multinomial"]
COUNTS = ("poisson", "tweedie", "tweedie_1.8", "negative_binomial")
TARGETS = {
    **dict.fromkeys(COUNTS, (0.0, 30.0)),
    "gamma": (0.05, 30.0),
    **dict.fromkeys(LABEL_LOSSES, (0.0, 1.0)),
}

deterministic = settings(derandomize=True, deadline=None, max_examples=40)
every_loss = pytest.mark.parametrize("name", LOSSES)


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)


@st.composite
def rows(draw, name, labels=False):
    """Targets and two arrays of raw predictions; ``labels`` excludes mixed ones."""
    n = draw(st.integers(1, 4))
    n_outputs = draw(st.integers(2, 4)) if name == "multinomial" else draw(st.integers(1, 3))
    shape = (n, n_outputs)
    if name == "multinomial" and labels:
        y = np.eye(n_outputs)[draw(arrays(int, n, elements=st.integers(0, n_outputs - 1)))]
    elif name == "multinomial":
        y = draw(arrays(float, shape, elements=numbers(0.0, 1.0))) + 1e-3
        y /= y.sum(axis=1, keepdims=True)
    elif labels and name in LABEL_LOSSES:
        y = draw(arrays(float, shape, elements=st.sampled_from([0.0, 1.0])))
    else:
        y = draw(arrays(float, shape, elements=numbers(*TARGETS.get(name, (-20.0, 20.0)))))
    eta = arrays(float, shape, elements=numbers(-8.0, 8.0))
    return y, draw(eta), draw(eta)


def off_jumps(name, y, eta):
    """Raw predictions moved to where the gradient is differentiable."""
    jumps = {"squared_hinge": [1.0, -1.0], "modified_huber": [1.0, -1.0]}.get(name, [])
    if name.startswith("huber"):
        jumps = [y - LOSSES[name].delta, y + LOSSES[name].delta]
    for jump in jumps:
        eta = np.where(np.abs(eta - jump) < 1e-3, eta + 0.01, eta)
    return eta


@every_loss
@deterministic
@given(st.data())
def test_gradient_is_the_derivative_of_the_value(name, data):
    loss, (y, eta, _) = LOSSES[name], data.draw(rows(name))
    value = loss.value(y, eta)
    assert value.shape == eta.shape
    expected = central_differences(lambda eta: loss.value(y, eta).sum(), eta).reshape(eta.shape)
    np.testing.assert_allclose(loss.gradient(y, eta), expected, atol=1e-5 * (1 + value.sum()))


@every_loss
@deterministic
@given(st.data())
def test_curvature_is_the_derivative_of_the_gradient(name, data):
    loss, (y, eta, direction) = LOSSES[name], data.draw(rows(name))
    eta = off_jumps(name, y, eta)
    n, n_outputs = eta.shape
    matrices = central_differences(lambda eta: loss.gradient(y, eta), eta)
    matrices = matrices.reshape(n, n_outputs, n, n_outputs)
    matrices = np.stack([matrices[i, :, i, :] for i in range(n)])
    curvature = Curvature.of(loss.curvature(y, eta))
    near = {"atol": 1e-5 * (1 + np.abs(matrices).max()), "rtol": 0}
    product = np.einsum("ikm,im->ik", matrices, direction)
    np.testing.assert_allclose(
        curvature.product(direction), product, atol=n_outputs * 8 * near["atol"]
    )
    for k in range(n_outputs):
        for m in range(n_outputs):
            np.testing.assert_allclose(curvature.entry(k, m), matrices[:, k, m], **near)
    weight = np.linspace(0.5, 1.5, n) / n
    total = curvature.total(weight)
    np.testing.assert_allclose(total, np.einsum("i,ikm->km", weight, matrices), **near)
    inverse = invert(total)
    near = 1e-8 * np.abs(total).max() + 1e-300  # the least of curvatures count as none
    np.testing.assert_allclose(total @ inverse @ total, total, atol=near)
    if name == "multinomial":
        np.testing.assert_allclose(
            inverse @ np.ones(n_outputs), 0, atol=1e-8 * np.abs(inverse).max()
        )


@pytest.mark.parametrize("coupling", [None, "diagonal", "other"])
def test_products_in_parts_and_sums_are_those_of_rows(coupling):
    rng = np.random.default_rng(4)
    diagonal, other, direction = rng.uniform(size=(3, 7, 3))
    couplings = {None: None, "diagonal": diagonal, "other": other}
    curvature, weight = Curvature(diagonal, couplings[coupling]), rng.uniform(size=7)
    product = curvature.product(direction)
    total = curvature.total_product(weight, direction)
    np.testing.assert_allclose(total, weight @ product, rtol=1e-12)
    same = np.tile(direction[0], (7, 1))
    one = curvature.product_of_one(direction[0])
    np.testing.assert_allclose(one, curvature.product(same), rtol=1e-12, atol=1e-14)
    part = curvature.part(slice(2, 5))
    assert (part.coupling is part.diagonal) == (coupling == "diagonal")
    np.testing.assert_array_equal(part.product(direction[2:5]), product[2:5])


def test_inverse_of_no_curvature_is_zero():
    flat = Curvature(np.array([[0.0, 2.0], [0.0, 2.0]]))
    expected = [[0.0, 0.0], [0.0, 0.5]]
    np.testing.assert_array_equal(invert(flat.total(np.array([0.5, 0.5]))), expected)


@every_loss
@deterministic
@given(st.data())
def test_derivatives_are_gradient_and_curvature(name, data):
    loss, (y, eta, _) = LOSSES[name], data.draw(rows(name))
    gradient, curvature = loss.derivatives(y, eta)
    assert isinstance(curvature, Curvature)
    np.testing.assert_allclose(gradient, loss.gradient(y, eta), rtol=1e-14)
    other = Curvature.of(loss.curvature(y, eta))
    np.testing.assert_allclose(curvature.diagonal, other.diagonal, rtol=1e-14)
    assert (curvature.coupling is None) == (other.coupling is None) == (name in UNCOUPLED)


@every_loss
@deterministic
@given(st.data())
def test_conjugate_bounds_and_touches_the_loss(name, data):
    loss, (y, eta, other) = LOSSES[name], data.draw(rows(name, labels=True))
    value, u = loss.value(y, eta).sum(axis=1), loss.gradient(y, eta)
    size = 1 + np.abs(value) + np.abs(u * eta).sum(axis=1) + np.abs(y).sum(axis=1)
    touching = value + loss.conjugate(y, u).sum(axis=1) - (u * eta).sum(axis=1)
    np.testing.assert_array_less(np.abs(touching), 1e-9 * size)
    # Every u that some prediction has as its gradient lies in the domain; so do shrunken ones.
    for u in (loss.gradient(y, other), 0.3 * loss.gradient(y, other)):
        conjugate = loss.conjugate(y, u)
        assert np.isfinite(conjugate).all()
        gap = value + conjugate.sum(axis=1) - (u * eta).sum(axis=1)
        size = 1 + np.abs(value) + np.abs(conjugate).sum(axis=1) + np.abs(u * eta).sum(axis=1)
        np.testing.assert_array_less(-gap, 1e-9 * size)


OUTSIDE = [
    ("huber", 3.0, [1.36, -1.36]),
    ("huber_small", 3.0, [0.31, -0.31]),
    ("poisson", 3.0, [-3.01, -8.0]),
    ("gamma", 3.0, [1.01, 5.0]),
    ("tweedie", 0.0, [-0.01, -8.0]),
    ("negative_binomial", 3.0, [-3.01, 1.01]),
    ("log_loss", 1.0, [0.01, -1.01]),
    ("log_loss", 0.0, [-0.01, 1.01]),
    ("log_loss", 0.25, [-0.26, 0.76]),
    ("squared_hinge", 1.0, [0.01, 3.0]),
    ("squared_hinge", 0.0, [-0.01, -3.0]),
    ("modified_huber", 1.0, [0.01, -4.01]),
    ("modified_huber", 0.0, [-0.01, 4.01]),
]


@pytest.mark.parametrize(("name", "y", "outside"), OUTSIDE)
def test_conjugate_is_infinite_outside_of_its_domain(name, y, outside):
    u = np.array(outside)[:, None]
    assert np.isposinf(LOSSES[name].conjugate(np.full_like(u, y), u)).all()


@pytest.mark.parametrize("u", [[-0.1, 0.2, -0.1], [0.1, 0.1, -1.1], [0.2, 0.2, -0.2]])
def test_multinomial_conjugate_is_infinite_off_the_simplex(u):
    y = np.array([[0.0, 0.0, 1.0]])
    assert LOSSES["multinomial"].conjugate(y, np.array([u])).sum() == np.inf


@every_loss
@deterministic
@given(st.data())
def test_value_is_not_negative(name, data):
    y, eta, _ = data.draw(rows(name))
    rounding = 1e-13 * (1 + np.abs(y * eta) + np.exp(np.abs(eta)) * (1 + np.abs(y)))
    np.testing.assert_array_less(-LOSSES[name].value(y, eta), rounding)


MEANS = {
    **{name: [-3.0, 0.0, 2.5] for name in ("squared_error", "huber", "huber_small")},
    **{name: [1e-6, 1.0, 250.0] for name in ("gamma", *COUNTS)},
    "log_loss": [1e-9, 0.5, 0.9],
    "multinomial": [1e-9, 0.25, 0.75 - 1e-9],
}


@pytest.mark.parametrize("name", MEANS)
def test_link_inverts_predict(name):
    loss, mean = LOSSES[name], np.array(MEANS[name])
    eta = loss.link(mean)
    np.testing.assert_allclose(loss.predict(eta[None])[0], mean, rtol=1e-12, atol=1e-15)
    # The constant model of that mean is the best one: its gradient vanishes at y = mean.
    np.testing.assert_allclose(loss.gradient(mean[None], eta[None]), 0.0, atol=1e-12)


def test_modified_huber_predicts_probabilities():
    predicted = LOSSES["modified_huber"].predict(np.array([[-7.0, -0.5, 0.0, 0.5, 7.0]]))
    np.testing.assert_allclose(predicted, [[0.0, 0.25, 0.5, 0.75, 1.0]])


@pytest.mark.parametrize("size", [40.0, 800.0, 1e8, 1e150])
@every_loss
def test_huge_predictions_stay_finite(name, size):
    loss = LOSSES[name]
    eta = np.array([[size, -size], [-size, size]])
    if name in COUNTS:
        eta = np.minimum(eta, 700.0)
    if name in ("gamma", "tweedie", "tweedie_1.8"):
        eta = np.maximum(eta, -700.0)
    y = np.array([[1.0, 0.0], [1.0, 0.0]]) if name != "gamma" else np.ones((2, 2))
    gradient, curvature = loss.derivatives(y, eta)
    for result in (loss.value(y, eta), gradient, curvature.diagonal):
        assert np.isfinite(result).all()
    if name != "gamma":
        assert np.isfinite(loss.predict(eta)).all()
    # Far away on the right side nothing is lost, on the wrong side the gradient points back.
    if name in LABEL_LOSSES or name == "multinomial":
        np.testing.assert_allclose(loss.value(y, eta)[0], 0.0, atol=1e-15)
    assert (gradient[1, 0] < 0) and (gradient[1, 1] > 0 or name == "gamma")


@pytest.mark.parametrize("name", LABEL_LOSSES)
@deterministic
@given(st.data())
def test_mixed_labels_are_mixtures_of_losses(name, data):
    loss, (y, eta, _) = LOSSES[name], data.draw(rows(name))
    for part in (loss.value, loss.gradient):
        mixture = y * part(np.ones_like(y), eta) + (1 - y) * part(np.zeros_like(y), eta)
        np.testing.assert_allclose(part(y, eta), mixture, atol=1e-12 * (1 + np.abs(eta).max()))


@deterministic
@given(rows("multinomial"))
def test_mixed_classes_are_mixtures_of_losses(data):
    loss, (y, eta, _) = LOSSES["multinomial"], data
    classes = [np.broadcast_to(one, y.shape) for one in np.eye(y.shape[1])]
    values = np.stack([loss.value(one, eta).sum(axis=1) for one in classes], axis=1)
    np.testing.assert_allclose(loss.value(y, eta).sum(axis=1), (y * values).sum(axis=1), atol=1e-12)
    gradient = sum(y[:, [k]] * loss.gradient(one, eta) for k, one in enumerate(classes))
    np.testing.assert_allclose(loss.gradient(y, eta), gradient, atol=1e-12)


BAD_TARGETS = [
    (Poisson(), [1.0, -2.5], r"loss='poisson' needs targets y >= 0, but the smallest is -2.5"),
    (Tweedie(), [1.0, -2.5], r"loss=Tweedie\(\) needs targets y >= 0, but .* no Tweedie deviance"),
    (Tweedie(1.0), [1.0], r"Tweedie\(power=1.0\): power must be .* loss='poisson' for power 1"),
    (Tweedie(2), [1.0], r"Tweedie\(power=2\): power must be .* loss='gamma' for power 2"),
    (InverseGaussian(), [0.0], r"InverseGaussian\(\) needs targets y > 0, but the smallest is 0"),
    (NegativeBinomial(), [-1.0], r"negative counts have no negative binomial deviance"),
    (NegativeBinomial(0.0), [1.0], r"dispersion=0.0\): dispersion must be greater than 0"),
    (Gamma(), [1.0, 0.0], r"loss='gamma' needs targets y > 0, but the smallest is 0"),
    (Huber(delta=0.0), [1.0], r"Huber\(delta=0.0\): delta must be greater than 0"),
    (Huber(delta=-1), [1.0], r"Huber\(delta=-1\): delta must be greater than 0"),
    (Huber(delta=np.nan), [1.0], r"Huber\(delta=nan\): delta must be greater than 0"),
]


@pytest.mark.parametrize(("loss", "y", "message"), BAD_TARGETS)
def test_check_target_says_what_is_wrong(loss, y, message):
    with pytest.raises(ValueError, match=message):
        loss.check_target(np.array(y)[:, None])


@every_loss
def test_check_target_accepts_what_is_defined(name):
    LOSSES[name].check_target(np.array([[1.0], [0.5]]))


class LogCosh(Loss):
    """A user's loss: value and gradient, nothing else."""

    def value(self, y, eta):
        return np.logaddexp(eta - y, y - eta) - np.log(2.0)

    def gradient(self, y, eta):
        return np.tanh(eta - y)


class OnlyValue(Loss):
    def value(self, y, eta):
        return np.abs(eta - y)


class Half(Huber):
    """A loss made from another one keeps what that one provides."""

    def predict(self, eta):
        return eta / 2


def test_user_loss_gets_curvature_from_differences():
    eta = np.linspace(-5.0, 5.0, 41)[:, None] * [1.0, 100.0]
    y = np.array([[0.3, 0.3]])
    gradient, curvature = LogCosh().derivatives(y, eta)
    np.testing.assert_allclose(curvature.diagonal, 1 - gradient**2, atol=1e-6)
    assert curvature.coupling is None
    with pytest.raises(NotImplementedError, match="LogCosh has no conjugate"):
        LogCosh().conjugate(y, eta)
    with pytest.raises(NotImplementedError, match="OnlyValue has no gradient"):
        OnlyValue().gradient(y, eta)


@pytest.mark.parametrize(
    ("loss", "provides"),
    [(LogCosh(), EVERY[:3]), (OnlyValue(), EVERY[:1]), (Half(), EVERY), (Loss(), ())]
    + [(loss, EVERY) for loss in LOSSES.values()],
)
def test_provides_what_is_written(loss, provides):
    assert loss.provides == frozenset(provides)


@every_loss
@deterministic
@given(st.data())
def test_all_together_are_what_each_is(name, data):
    loss, (y, eta, _) = LOSSES[name], data.draw(rows(name))
    gradient, curvature = loss.derivatives(y, eta)
    value, slope, second = loss.with_derivatives(y, eta.copy())
    np.testing.assert_allclose(value.sum(axis=1), loss.value(y, eta).sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(slope, gradient, atol=1e-12)
    np.testing.assert_allclose(second.product(eta), curvature.product(eta), atol=1e-12)


@pytest.mark.parametrize("far", [50.0, 700.0])
def test_curvature_of_saturated_labels_keeps_its_digits(far):
    eta, y = np.array([[-far], [far]]), np.array([[0.0], [1.0]])
    curvature = LOSSES["log_loss"].with_derivatives(y, eta)[2]
    np.testing.assert_allclose(curvature.diagonal, np.exp(-far), rtol=1e-12)
