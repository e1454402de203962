"""Sums of products without rounding, against fractions."""

from fractions import Fraction

import numpy as np

from nno_sklearn.problem.exact_sums import exact_sum


def test_terms_that_cancel_are_added_exactly():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(2, 7)) * 10.0 ** rng.integers(-8, 9, (2, 7))
        terms = [-float(a @ b), 1e-30]  # what is left is rounding
        exact = sum(Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True))
        assert exact_sum(a, b, terms) == float(exact + sum(map(Fraction, terms)))


def test_overflow_is_no_number():
    assert np.isnan(exact_sum(np.array([1e308, -1e308]), np.array([1e308, 1e308]), []))
