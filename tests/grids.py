"""Which cases of a test's grid of parameters run by default."""

from collections import Counter
from itertools import combinations


def covering(cases, together):
    """Few cases in which any ``together`` axes meet in every combination that the cases have.

    The greedy cover: each time the case with the most combinations that none has shown yet; among
    equals the one whose values have been taken least, so that a short axis is spread over a long
    one.

    Parameters
    ----------
    cases : list of tuple
        A value for each axis.
    together : int
        How many axes to combine: 1 shows each value once, 2 each pair.

    Returns
    -------
    list of int
        Positions in ``cases``, in ascending order.
    """
    shown = [frozenset(combinations(enumerate(case), together)) for case in cases]
    missing = set().union(*shown)
    taken, chosen = Counter(), []
    while missing:
        best = max(
            range(len(cases)),
            key=lambda k: (len(shown[k] & missing), -sum(taken[v] for v in enumerate(cases[k]))),
        )
        chosen.append(best)
        missing -= shown[best]
        taken.update(enumerate(cases[best]))
    return sorted(chosen)
