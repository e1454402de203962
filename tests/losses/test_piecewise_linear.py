"""Losses with corners: value, conjugate, and the smooth losses below them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nno_sklearn import check_loss
from nno_sklearn.losses import (
    AbsoluteError,
    EpsilonInsensitive,
    Hinge,
    Quantile,
    Smoothed,
    SquaredEpsilonInsensitive,
)

deterministic = settings(derandomize=True, deadline=None, max_examples=40)
NUMBERS = {
    "quantile": Quantile(0.3),
    "absolute_error": AbsoluteError(),
    "epsilon_insensitive": EpsilonInsensitive(0.4),
}
CORNERED = {**NUMBERS, "hinge": Hinge()}
every_loss = pytest.mark.parametrize("name", CORNERED)
LABELS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
TARGETS = np.array([[0.5, -3.0], [2.0, 7.0], [0.0, 0.1], [-1.0, 1.0]])


@st.composite
def rows(draw, name):
    """Targets and raw predictions near and far from corners, and a width."""
    y = LABELS if name == "hinge" else TARGETS
    eta = draw(arrays(float, y.shape, elements=st.floats(-6, 6, allow_subnormal=False)))
    return y, eta, draw(st.sampled_from([2.0, 0.3, 1e-3]))


def written_out(name, y, eta):
    """The losses as textbooks have them."""
    r = y - eta
    return {
        "quantile": lambda: np.where(r > 0, 0.3 * r, -0.7 * r),
        "absolute_error": lambda: np.abs(r),
        "epsilon_insensitive": lambda: np.maximum(0, np.abs(r) - 0.4),
        "hinge": lambda: np.maximum(0, 1 - (2 * y - 1) * eta),
    }[name]()


@every_loss
@deterministic
@given(st.data())
def test_the_value_is_that_of_textbooks(name, data):
    y, eta, _ = data.draw(rows(name))
    np.testing.assert_allclose(CORNERED[name].value(y, eta), written_out(name, y, eta), atol=1e-14)


@every_loss
@deterministic
@given(st.data())
def test_the_smoothed_loss_is_moreaus_envelope(name, data):
    loss, (y, eta, width) = CORNERED[name], data.draw(rows(name))
    smooth = loss.smoothed(width)
    # The proximal point of a piecewise linear loss is at a corner, or a whole step off.
    slopes = [-1.0, -0.3, 0.0, 0.7, 1.0]
    corners = [y, y - 0.4, y + 0.4, np.ones_like(y), -np.ones_like(y)]
    tried = [*corners, *(eta - width * slope for slope in slopes)]
    envelope = np.min([loss.value(y, z) + (eta - z) ** 2 / (2 * width) for z in tried], axis=0)
    np.testing.assert_allclose(smooth.value(y, eta), envelope, atol=1e-9 / width)
    assert (smooth.value(y, eta) <= loss.value(y, eta) + 1e-12).all()
    assert (loss.value(y, eta) - smooth.value(y, eta) <= 0.5 * width + 1e-12).all()


@every_loss
@deterministic
@given(st.data())
def test_gradients_of_the_smoothed_loss_are_dual_points_of_the_loss(name, data):
    loss, (y, eta, width) = CORNERED[name], data.draw(rows(name))
    smooth = loss.smoothed(width)
    u = smooth.gradient(y, eta)
    step = 1e-6 * width
    rise = smooth.value(y, eta + step) - smooth.value(y, eta - step)
    np.testing.assert_allclose(u, rise / (2 * step), atol=1e-5 + 1e-9 / step * 1e-6)
    # Fenchel-Young: equality for the smooth loss, an inequality for the loss itself.
    touching = smooth.value(y, eta) + smooth.conjugate(y, u) - u * eta
    np.testing.assert_allclose(touching, 0.0, atol=1e-9)
    np.testing.assert_allclose(smooth.conjugate(y, u), loss.conjugate(y, u) + width / 2 * u**2)
    for other in (eta, eta + 1.0, y, -y):
        gap = loss.value(y, other) + loss.conjugate(y, u) - u * other
        assert (gap >= -1e-9).all()


@every_loss
def test_the_curvature_is_that_of_the_parabola(name):
    smooth = CORNERED[name].smoothed(0.5)
    y = np.full((401, 1), 1.0)
    eta = np.linspace(-4.0, 4.0, 401)[:, None] + 1e-4
    up, down = smooth.gradient(y, eta + 1e-7), smooth.gradient(y, eta - 1e-7)
    curvature = smooth.derivatives(y, eta)[1].diagonal
    np.testing.assert_allclose(curvature, (up - down) / 2e-7, atol=1e-5)
    assert curvature.max() == smooth.largest_curvature == 2.0


@every_loss
def test_contracts_hold(name):
    y = LABELS[:, :1] if name == "hinge" else np.random.default_rng(0).normal(size=(60, 1))
    check_loss(CORNERED[name], y)
    check_loss(CORNERED[name].smoothed(0.2), y)


def test_contracts_hold_for_the_smooth_one():
    check_loss(SquaredEpsilonInsensitive(0.3), np.random.default_rng(0).normal(size=(60, 1)))


def test_a_mixed_label_is_a_mixture_of_hinges():
    y, eta = np.full((5, 1), 0.3), np.linspace(-2, 2, 5)[:, None]
    for loss in (Hinge(), Hinge().smoothed(0.5)):
        for part in (loss.value, loss.gradient):
            mixture = 0.3 * part(np.ones_like(y), eta) + 0.7 * part(np.zeros_like(y), eta)
            np.testing.assert_allclose(part(y, eta), mixture)


@pytest.mark.parametrize(
    "loss, complaint",
    [
        (Quantile(0.0), r"Quantile\(quantile=0.0\): it must lie between 0 and 1"),
        (Quantile(1.5), r"Quantile\(quantile=1.5\): it must lie between 0 and 1"),
        (EpsilonInsensitive(-1), r"EpsilonInsensitive\(epsilon=-1\): it must be a number of at"),
        (SquaredEpsilonInsensitive(-1), r"SquaredEpsilonInsensitive\(epsilon=-1\): it must be"),
        (Quantile(0.5).smoothed(0.0), "the width must be greater than 0"),
        (Hinge(), "needs labels 0 and 1"),
    ],
)
def test_check_target_says_what_is_wrong(loss, complaint):
    with pytest.raises(ValueError, match=complaint):
        loss.check_target(np.array([[2.0], [3.0]]))


class Lowered(Quantile):
    """Overrides the value, so that what is smoothed is another loss."""

    def value(self, y, eta):
        return 0.5 * super().value(y, eta)


class Steep(Quantile):
    """Smooth losses that are not below it."""

    def smoothed(self, width):
        return Smoothed(AbsoluteError(), width)


def test_what_is_smoothed_belongs_to_the_loss():
    assert "smoothed" in Quantile().provides and not Quantile().is_smooth
    assert Lowered().is_smooth and "conjugate" not in Lowered().provides
    with pytest.raises(NotImplementedError, match="Lowered has no smoothed"):
        Lowered().smoothed(1.0)
    with pytest.raises(ValueError, match="Steep.*smoothed.*a loss above this one"):
        check_loss(Steep(), TARGETS[:, :1])


@deterministic
@given(rows("quantile"))
def test_several_quantiles_are_one_for_each_output(data):
    y, eta, width = data
    several, each = Quantile([0.3, 0.8]), [Quantile(0.3), Quantile(0.8)]
    for one, others in (
        (several, each),
        (several.smoothed(width), [loss.smoothed(width) for loss in each]),
    ):
        for method in ("value", "gradient"):
            columns = [
                getattr(loss, method)(y[:, [k]], eta[:, [k]]) for k, loss in enumerate(others)
            ]
            np.testing.assert_array_equal(getattr(one, method)(y, eta), np.hstack(columns))
    check_loss(several, y)
