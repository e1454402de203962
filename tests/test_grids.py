"""The default cases of a grid lose no value, and no pair of values."""

from itertools import combinations, product

import pytest

from tests.grids import covering

CASES = list(product("abcdef", range(4), "xy", [True, False]))


@pytest.mark.parametrize("together", [1, 2, 3])
def test_every_combination_is_shown(together):
    chosen = [CASES[k] for k in covering(CASES, together)]
    for axes in combinations(range(4), together):
        assert len({tuple(case[k] for k in axes) for case in chosen}) == len(
            {tuple(case[k] for k in axes) for case in CASES}
        )


def test_few_cases_are_enough():
    assert len(covering(CASES, 1)) == 6
    assert 24 <= len(covering(CASES, 2)) <= 27
    assert covering(CASES, 4) == list(range(len(CASES)))


def test_a_short_axis_is_spread_over_a_long_one():
    pairs = [CASES[k][:2] for k in covering(CASES, 1)]
    assert {number for _, number in pairs} == {0, 1, 2, 3}


def test_what_the_cases_leave_out_is_not_asked_for():
    """As where a solver does not take a penalty."""
    cases = [(a, b) for a, b in product(range(3), range(3)) if a >= b]
    assert covering(cases, 2) == list(range(len(cases)))
    assert {a for a, _ in (cases[k] for k in covering(cases, 1))} == {0, 1, 2}
