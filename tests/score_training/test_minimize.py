"""nno_minimize: it finds minima, keeps bounds, counts its evaluations, and says how it ended."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, OptimizeResult

from benchmarks.functions import FUNCTIONS
from nno_sklearn import nno_minimize
from nno_sklearn.score_training.archive import Archive


@pytest.mark.each_value
@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("step",)])
def test_minima(name, d):
    function = FUNCTIONS[name]
    result = nno_minimize(function.value, function.start(d), random_state=0)
    assert result.fun == function.value(result.x)
    # Where absolute values are not differentiable the search ends early; the docs say so.
    assert result.fun < (0.1 if name == "absolute value" else 1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_quadratics(d, seed):
    rng = np.random.default_rng(seed)
    root, bottom = rng.normal(size=(d, d)) + 2 * np.eye(d), rng.normal(size=d)

    def bowl(x):
        return float(((root @ (x - bottom)) ** 2).sum()) + 3.0

    assert nno_minimize(bowl, np.zeros(d), random_state=0).fun < 3.0 + 1e-5


@pytest.mark.parametrize("bounds", [[(0.5, None), (None, 1.0)], Bounds([0.5, -9], [9, 1.0])])
def test_bounds(bounds):
    tried = []

    def bowl(x):
        tried.append(x)
        return float((x[0] + 1) ** 2 + (x[1] - 3) ** 2)

    result = nno_minimize(bowl, [2.0, 0.0], bounds=bounds, random_state=0)
    np.testing.assert_allclose(result.x, [0.5, 1.0], atol=1e-6)
    assert (np.array(tried) >= [0.5, -9]).all() and (np.array(tried) <= [9, 1.0]).all()


def test_arguments_and_counts():
    calls = []

    def shifted(x, shift):
        calls.append(x)
        return float(((x - shift) ** 2).sum())

    result = nno_minimize(shifted, [0.0, 0.0], args=(2.0,), random_state=0)
    assert isinstance(result, OptimizeResult)
    assert result.nfev == len(calls)
    assert result.success and result.status == 0 and "radius" in result.message
    np.testing.assert_allclose(result.x, [2.0, 2.0], atol=1e-6)


def test_the_limit_of_evaluations():
    result = nno_minimize(FUNCTIONS["Rosenbrock"].value, [-1.2, 1.0], max_evaluations=20)
    assert (result.nfev, result.status, result.success) == (20, 1, False)


def test_the_callback_can_end_it():
    seen = []

    def stop(intermediate_result):
        seen.append(intermediate_result.fun)
        if len(seen) == 3:
            raise StopIteration

    result = nno_minimize(FUNCTIONS["Rosenbrock"].value, [-1.2, 1.0], callback=stop)
    assert result.status == 2 and len(seen) == 3
    assert sorted(seen, reverse=True) == seen


def test_holes_are_avoided():
    result = nno_minimize(lambda x: np.log(x[0]) ** 2 if x[0] > 0 else np.nan, [2.0])
    assert result.x[0] == pytest.approx(1.0, abs=1e-5)


def test_random_state_reproduces():
    one, other = (
        nno_minimize(FUNCTIONS["noisy sphere"].value, np.ones(4), random_state=3) for _ in range(2)
    )
    np.testing.assert_array_equal(one.x, other.x)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"x0": [[1.0]]}, "x0=.*must be a vector of at least one finite number"),
        ({"x0": [np.nan]}, "x0="),
        ({"bounds": [(1.0, 0.0)]}, "one pair .low, high. with low < high is needed"),
        ({"bounds": [(0, 1), (0, 1)]}, "each of the 1 parameters"),
        ({"tol": -1.0}, "tol=-1.0: it must be at least 0"),
        ({"max_evaluations": 0}, "max_evaluations=0: it is a count"),
        ({"n_neighbors": 2.5}, "n_neighbors=2.5: it is a count"),
        ({"initial_radius": 0.0}, "initial_radius=0.0: it must be a positive number"),
    ],
)
def test_errors(options, said):
    with pytest.raises(ValueError, match=said):
        nno_minimize(lambda x: 0.0, **{"x0": [0.0], **options})


def test_archive():
    archive = Archive(capacity=3)
    for x in (0.0, 1.0, 2.0, 3.0):
        archive.add([x, 0.0], 2 * x)
    assert len(archive) == 3  # the oldest is gone
    points, values = archive.nearest(np.array([0.9, 0.0]), 2)
    np.testing.assert_array_equal(points[:, 0], [1.0, 2.0])
    np.testing.assert_array_equal(values, [2.0, 4.0])
    slope = archive.slope(np.array([1.0, 0.0]), 2.0, 3)
    np.testing.assert_allclose(slope, [2.0, 0.0], atol=1e-12)


def bowl(x):
    return float(((x - 1) ** 2).sum())


class TestValues:
    @pytest.mark.parametrize("factor", [1e300, 1e-300, 1e150, -1e-200])
    def test_of_any_size(self, factor):
        sign = np.sign(factor)
        result = nno_minimize(lambda x: factor * sign * (1 + bowl(x)), [5.0, 5.0], random_state=0)
        plain = nno_minimize(lambda x: 1 + bowl(x), [5.0, 5.0], random_state=0)
        np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-4)
        assert result.success and abs(result.nfev - plain.nfev) <= 5

    @pytest.mark.parametrize("kind", [np.array, np.float32, int, bool])
    def test_numbers_of_other_types(self, kind):
        result = nno_minimize(lambda x: kind(float(bowl(x) > 0.5)), [5.0, 5.0], random_state=0)
        assert isinstance(result.fun, float)

    def test_an_array_of_one_number(self):
        result = nno_minimize(lambda x: np.array([bowl(x)]), [5.0, 5.0], random_state=0)
        np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-5)

    @pytest.mark.parametrize("value", [None, "low", np.ones(2), 1j, []])
    def test_what_is_no_number_is_said(self, value):
        with pytest.raises(ValueError, match="fun returned .*, but it must return one number"):
            nno_minimize(lambda x: value, [0.0])

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_no_finite_one(self, value):
        result = nno_minimize(lambda x: value, [5.0, 5.0])
        assert (result.status, result.success, result.fun) == (3, False, np.inf)
        np.testing.assert_array_equal(result.x, [5.0, 5.0])
        assert "begin elsewhere" in result.message and result.nfev == 5

    def test_minus_infinity_ends_the_search(self):
        result = nno_minimize(lambda x: -np.inf, [5.0, 5.0])
        assert (result.status, result.success, result.nfev) == (4, False, 1)
        assert "nothing is lower" in result.message
        deep = nno_minimize(lambda x: np.log(bowl(x)) if bowl(x) > 1e-4 else -np.inf, [5.0, 5.0])
        assert deep.status == 4 and bowl(deep.x) <= 1e-4

    def test_an_infinite_start(self):
        result = nno_minimize(lambda x: bowl(x) if x[0] > 5.0 else np.inf, [5.0, 5.0])
        assert result.fun < 32


def test_a_number_to_begin_with():
    assert nno_minimize(bowl, 5.0).x == pytest.approx([1.0], abs=1e-5)
    assert nno_minimize(lambda x, shift: bowl(x - shift), 5, args=2.0).x == pytest.approx([3.0])


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="metric='near': scikit-learn's NearestNeighbors does"):
        nno_minimize(bowl, [0.0], metric="near")
