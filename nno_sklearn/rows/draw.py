"""Which rows are landmarks: a draw whose weighted sums are unbiased."""

import numpy as np

#: Rows that are looked at for each landmark that is drawn of many dense ones.
ROWS_PER_DRAW = 2


def draw(rows, count, random_state):
    """Numbers and weights of ``count`` < n landmarks.

    The draw is bottom-k sampling (Cohen and Kaplan, 2007) among candidates: all sparse rows, or
    some of many dense ones, themselves drawn by weight.
    """
    index, weight = _candidates(rows, count, random_state)
    if len(index) <= count:  # a few rows have all the weight
        return index, weight
    chance = _chance(rows, index, weight)
    keys = random_state.exponential(size=len(index)) / chance
    last = np.partition(keys, count)[count]
    chosen = np.flatnonzero(keys < last)[:count]
    return index[chosen], weight[chosen] / -np.expm1(-chance[chosen] * last)


def keyed(rows, count, random_state):
    """Candidates for ``count`` landmarks: their numbers, weights, and chances to be drawn."""
    index, weight = _candidates(rows, min(count, len(rows)), random_state)
    return index, weight, _chance(rows, index, weight)


def _chance(rows, index, weight):
    return weight * _preference(rows.design.row_sizes(index), weight)


def drawn_by_weight(weight, count, random_state):
    """Sorted numbers of ``count`` rows, each drawn by weight and put back."""
    total = np.cumsum(weight)
    return np.searchsorted(total, np.sort(random_state.uniform(high=total[-1], size=count)))


def _candidates(rows, count, random_state):
    """Rows that may be drawn, and the weight that each of them stands for."""
    weight, n_drawn = np.asarray(rows.weight), ROWS_PER_DRAW * count
    if rows.is_sparse or 2 * n_drawn >= len(rows):
        index = np.flatnonzero(weight)
        return index, weight[index]
    index = drawn_by_weight(weight, n_drawn, random_state)
    index = index[np.diff(index, prepend=-1) > 0]
    with np.errstate(divide="ignore"):  # a row that has all the weight
        surely = -np.expm1(n_drawn * np.log1p(-weight[index]))
    return index, weight[index] / surely


def _preference(size, weight):
    """Chance by weight, and as much by the squares of a row's entries in units of the columns'
    spreads, which are large where features are rare."""
    mean = weight @ size / weight.sum()
    return 1.0 + size / mean if mean > 0 else np.ones(len(size))
