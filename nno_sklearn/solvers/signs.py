"""The minimum of a small quadratic model with kinks at 0, by guesses of all signs at once."""

import numpy as np
from scipy.linalg.lapack import dposv

from nno_sklearn.solvers.models import DOUBTFUL

#: Guesses that are made after that of the signs of w; mostly three to six are enough.
MOST_GUESSES = 12
#: Share of the longest step by itself that a coefficient must promise to enter with others.
PROMISING = 0.1


def settled_signs(matrix, terms, w, gradient):
    """Minimise ``gradient (v - w) + (v - w)' matrix (v - w) / 2 + terms(v)`` over v.

    Among given signs one factor tells the minimum, and there each coefficient by itself tells what
    sign it would have: semismooth Newton (Hintermueller, Ito and Kunisch, 2003), until no sign
    changes. One that would change to the other side of a kink is held at 0 first, and of those that
    enter only the most promising do: where columns are correlated, guesses would go round in
    circles without this.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    terms : PiecewiseQuadratic
        Without bounds; its arrays, if any, of shape (n,).
    w, gradient : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,) or None
        None where guesses do not settle, as nothing makes the model fall, and where the matrix does
        not tell coefficients apart.
    """
    size = np.sqrt(np.maximum(matrix.diagonal() + terms.l2, 0.0))
    scale = 1.0 / np.where(size > 0, size, np.inf)
    unit = matrix * scale  # in units in which each coefficient has curvature 1
    unit *= scale[:, None]
    unit.flat[:: len(unit) + 1] = 1.0
    start, first, kinks = w * size, (gradient + terms.l2 * w) * scale, terms.l1 * scale
    sides = np.sign(w)
    for _ in range(MOST_GUESSES + 1):
        active, is_held = sides.nonzero()[0], sides == 0
        moved = np.where(is_held, -start, 0.0)
        slope = first + unit @ moved
        if len(active):
            rows = unit.take(active, axis=0)
            right = -(slope + kinks * sides).take(active)
            factor, inside, failed = dposv(rows.take(active, axis=1), right)
            if failed or factor.diagonal().min() ** 2 < DOUBTFUL:
                return None
            moved[active] = inside
            slope += inside @ rows
        alone = start + moved - slope  # where each has its minimum, were the others to stay
        excess = np.abs(alone) - kinks
        new = np.sign(alone) * (excess > 0)
        if not np.count_nonzero(new != sides):
            return np.where(is_held, 0.0, w + moved * scale)
        new[(sides * new < 0) & (kinks > 0)] = 0.0
        promise = np.where(is_held, excess, 0.0)  # above 0 of those that enter
        new[(promise > 0) & (promise < PROMISING * promise.max(initial=0.0))] = 0.0
        sides = new
    return None
