"""Every penalty: prox, conjugate, gradient and subdifferential agree with its value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nno_sklearn.penalties import L1, L2, ElasticNet, Penalty
from tests.problems import EVERY_PENALTY, central_differences
from tests.user_objects import Box

deterministic = settings(derandomize=True, deadline=None, max_examples=50)
shapes = array_shapes(min_dims=2, max_dims=2, max_side=4)
#: Multiples of 1/8, so that kinks are hit exactly.
eighths = st.integers(-24, 24).map(lambda number: number / 8)
WITH_USERS = {**EVERY_PENALTY, "nonnegative": Box(), "box": Box(-1.0, 0.5)}
SMOOTH = ("l2", "none", "elasticnet_0")
DUAL = [name for name, penalty in EVERY_PENALTY.items() if "conjugate" in penalty.provides]


@st.composite
def coefficients(draw, count=2):
    shape = draw(shapes)
    return [draw(arrays(float, shape, elements=eighths)) for _ in range(count)]


def each_value(penalty, w):
    """The penalty of each coefficient by itself."""
    return np.array([penalty.value(np.array([[one]])) for one in w.ravel()]).reshape(w.shape)


@pytest.mark.parametrize("name", WITH_USERS)
@deterministic
@given(coefficients())
def test_value_is_a_convex_sum_over_the_coefficients(name, pair):
    penalty, (w, v) = WITH_USERS[name], pair
    assert np.ndim(penalty.value(w)) == 0
    assert penalty.value(w) == pytest.approx(each_value(penalty, w).sum())
    assert penalty.value(w) >= penalty.value(0.0 * w) == 0
    middle = 0.5 * (penalty.value(w) + penalty.value(v))
    assert penalty.value(0.5 * (w + v)) <= middle + 1e-12


@pytest.mark.parametrize("name", WITH_USERS)
@deterministic
@given(coefficients(1), st.integers(0, 100))
def test_prox_minimises_with_elementwise_steps(name, w, seed):
    penalty, w = WITH_USERS[name], w[0]
    rng = np.random.default_rng(seed)
    step = rng.choice([1e-3, 0.125, 1.0, 10.0], w.shape)

    def objective(v):
        return 0.5 * (v - w) ** 2 + step * each_value(penalty, v)

    before = w.copy()
    best = penalty.prox(w, step)
    np.testing.assert_array_equal(w, before)
    least = objective(best)
    assert best.shape == w.shape and np.isfinite(least).all()
    candidates = [best + size * rng.normal(size=w.shape) for size in (1e-4, 0.01, 0.1, 1.0, 3.0)]
    for candidate in [w, 0 * w, 0.999 * best, *candidates]:
        np.testing.assert_array_less(least, objective(candidate) + 1e-13)
    np.testing.assert_array_equal(best, np.vectorize(lambda a, s: penalty.prox(a, s))(w, step))


@deterministic
@given(coefficients(1), st.sampled_from([0.01, 0.5, 3.0]))
def test_moreau_identity_of_l1(w, step):
    w = w[0]
    projection = np.clip(w / step, -1.0, 1.0)  # the prox of l1's conjugate
    np.testing.assert_allclose(L1().prox(w, step) + step * projection, w, atol=1e-14)


@pytest.mark.parametrize("name", DUAL)
@deterministic
@given(coefficients(), st.floats(0.0, 1.0))
def test_conjugate_bounds_and_touches_the_penalty(name, pair, share):
    penalty, (w, z) = EVERY_PENALTY[name], pair
    subgradient = penalty.gradient(w)
    # At 0 every slope up to the l1 part is a subgradient.
    l1_part = penalty.l1_ratio * (w == 0)
    for slope in (subgradient, subgradient + share * l1_part, subgradient - l1_part):
        touching = penalty.value(w) + penalty.conjugate(slope) - np.vdot(slope, w)
        assert abs(touching) <= 1e-12
    assert penalty.value(w) + penalty.conjugate(z) >= np.vdot(z, w) - 1e-12
    scaled = penalty.dual_scaling(z) * z
    assert penalty.value(w) + penalty.conjugate(scaled) >= np.vdot(scaled, w) - 1e-12


@pytest.mark.parametrize("name", DUAL)
@deterministic
@given(coefficients(1), st.sampled_from([1e-8, 0.1, 1.0, 1e8]))
def test_dual_scaling_lands_in_the_domain(name, z, size):
    penalty, z = EVERY_PENALTY[name], size * z[0]
    scaling = penalty.dual_scaling(z)
    assert 0.0 < scaling <= 1.0
    assert np.isfinite(penalty.conjugate(scaling * z))
    if penalty.l1_ratio == 1:  # as little as the domain asks for
        assert scaling == pytest.approx(min(1.0, 1 / max(np.abs(z).max(), 1e-300)))
        assert penalty.conjugate(z) == (0.0 if scaling == 1.0 else np.inf)


@pytest.mark.parametrize("name", [*EVERY_PENALTY, "nonnegative", "box"])
@deterministic
@given(coefficients())
def test_subdiff_distance_is_zero_exactly_at_optima(name, pair):
    penalty, (v, gradient) = WITH_USERS[name], pair
    w = penalty.prox(v, 1.0)
    np.testing.assert_allclose(penalty.subdiff_distance(w, w - v), 0.0, atol=1e-14)
    fixed = np.abs(w - penalty.prox(w - gradient, 1.0)) < 1e-9
    np.testing.assert_array_equal(penalty.subdiff_distance(w, gradient) < 1e-9, fixed)


@pytest.mark.parametrize("name", EVERY_PENALTY)
@deterministic
@given(coefficients())
def test_subdiff_distance_is_the_distance_to_one_sided_slopes(name, pair):
    penalty, (w, gradient) = EVERY_PENALTY[name], pair
    step, value = 1e-7, each_value(penalty, w)
    left = (value - each_value(penalty, w - step)) / step
    right = (each_value(penalty, w + step) - value) / step
    expected = np.maximum(np.maximum(left + gradient, -gradient - right), 0.0)
    np.testing.assert_allclose(penalty.subdiff_distance(w, gradient), expected, atol=1e-6)


@pytest.mark.parametrize("name", EVERY_PENALTY)
@deterministic
@given(coefficients(1))
def test_gradient_and_curvature_are_derivatives(name, w):
    penalty, w = EVERY_PENALTY[name], w[0]
    if name not in SMOOTH:
        w = np.where(w == 0, 0.125, w)
    slopes = central_differences(penalty.value, w).reshape(w.shape)
    np.testing.assert_allclose(penalty.gradient(w), slopes, atol=1e-8)
    second = central_differences(lambda w: penalty.gradient(w).sum(), w).reshape(w.shape)
    np.testing.assert_allclose(penalty.curvature(w), second, atol=1e-8)


def test_gradient_at_a_kink_is_the_smallest_subgradient():
    np.testing.assert_array_equal(ElasticNet(0.5).gradient(np.zeros((2, 1))), 0.0)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_elastic_net_contains_l1_and_l2(ratio):
    net, pure = ElasticNet(ratio), L1() if ratio else L2()
    rng = np.random.default_rng(0)
    w, z = rng.normal(size=(2, 5, 2))
    for method in ("value", "gradient", "curvature", "conjugate"):
        np.testing.assert_array_equal(getattr(net, method)(w), getattr(pure, method)(w))
    np.testing.assert_array_equal(net.prox(w, 0.3), pure.prox(w, 0.3))
    np.testing.assert_array_equal(net.subdiff_distance(w, z), pure.subdiff_distance(w, z))
    assert net.provides == pure.provides


KINKED = {"value", "prox", "curvature", "conjugate"}


@pytest.mark.parametrize(
    ("penalty", "provides"),
    [
        (EVERY_PENALTY["l1"], KINKED),
        (EVERY_PENALTY["elasticnet"], KINKED),
        (EVERY_PENALTY["elasticnet_1"], KINKED),
        (EVERY_PENALTY["l2"], KINKED | {"gradient"}),
        (EVERY_PENALTY["elasticnet_0"], KINKED | {"gradient"}),
        (EVERY_PENALTY["none"], {"value", "gradient", "prox", "curvature"}),
        (Box(), {"value", "prox"}),
        (Penalty(), set()),
    ],
)
def test_provides_what_can_be_asked(penalty, provides):
    assert penalty.provides == provides


def test_user_penalty_gets_the_rest_from_the_base():
    box, w = Box(), np.array([[0.0], [2.0]])
    np.testing.assert_array_equal(box.curvature(w), 0.0)
    for gradient, expected in (([[3.0], [0.5]], [[0], [0.5]]), ([[-3.0], [0.0]], [[3], [0]])):
        distance = box.subdiff_distance(w, np.array(gradient))
        np.testing.assert_allclose(distance, expected, rtol=1e-9)
    assert box.dual_scaling(w) == 1.0
    for method in ("gradient", "conjugate"):
        with pytest.raises(NotImplementedError, match=f"Box has no {method}"):
            getattr(box, method)(w)
    with pytest.raises(NotImplementedError, match="Penalty has no prox"):
        Penalty().prox(w, 1.0)
