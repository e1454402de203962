"""From a point inside to the optimum itself: which slopes are at an end, and then exact numbers.

At the optimum of a loss with corners, a slope is at an end of its interval, or its raw prediction
at the corner; and a coefficient with a kink is 0, or its slope at an end. Near the optimum an
interior point method tells which (crossover; Megiddo, 1991). Then coefficients and slopes solve
linear equations.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetrs

from nno_sklearn.types import Array

#: Guesses at most, each corrected by what the one before got wrong; and how much of one may be
#: wrong for the next to be worth it: a share of the rows at corners and of the coefficients.
MOST_GUESSES, MOST_WRONG = 4, 0.5
#: Equations at most.
MOST_EQUATIONS = 300
#: Terms that keep the equations regular, as shares of what they are of; and how often a solution is
#: the centre of those of the next, which takes their effect out again.
REGULAR, ROUNDS = 1e-8, 3
#: What contradicts no side: roundings of raw predictions, and of slopes in shares of intervals.
ROUNDING, SLACK = 1e-11, 1e-12


class Sides(NamedTuple):
    """Of each row and corner, (n, n_corners), and of each coefficient, (n_features,): 1 above the
    corner or kink, -1 below it, 0 at it. 1 for coefficients without a kink."""

    rows: Array
    coefs: Array

    @property
    def n_equations(self):
        """Rows at corners, and coefficients that are not at their kinks."""
        return sum(int(np.count_nonzero(one)) for one in (self.rows == 0, self.coefs))

    def n_unlike(self, others):
        """How many are not the same."""
        pairs = zip(self, others, strict=True)
        return sum(int(np.count_nonzero(one != other)) for one, other in pairs)

    def are(self, others):
        """Whether all are the same."""
        return self.n_unlike(others) == 0


class Crossing:
    """Guesses at the sides, and what they imply.

    Parameters
    ----------
    steep, l2 : ndarray of shape (n_features,)
        Of the penalty of an output.
    scale : ndarray of shape (n_features,)
        Spreads of the columns.
    fit_intercept : bool
    rows : Interior
        Of the output, whose rows are kept.
    """

    def __init__(self, steep, l2, scale, fit_intercept, rows):
        self._steep, self._l2, self._fit_intercept = steep, l2, fit_intercept
        self._beside, self._corners, self._weight = rows.arrays()
        self._unit = np.append(np.where(scale > 0, scale, 1.0), 1.0)
        self._failed = None

    def crossed(self, sides, joint, slopes):
        """Coefficients and intercept, (n_features + 1,), and slopes, (n, n_corners), of the
        optimum; None where the sides are not those of it, nor lead there.

        Parameters
        ----------
        sides : Sides
            The first guess.
        joint : ndarray of shape (n_features + 1,)
            Near the optimum.
        slopes : ndarray of shape (n, n_corners)
            Likewise.
        """
        if self._failed is not None and sides.are(self._failed):
            return None
        self._failed, least = sides, MOST_WRONG * sides.n_equations
        for _ in range(MOST_GUESSES):
            if sides.n_equations > MOST_EQUATIONS:
                return None
            joint, slopes = found = self._solved(sides, joint, slopes)
            if not np.isfinite(joint).all():
                return None
            corrected = self._corrected(sides, *found)
            n_wrong = sides.n_unlike(corrected)
            if not n_wrong:
                return found
            if n_wrong > least:
                return None
            sides, least = corrected, n_wrong
        return None

    def _solved(self, sides, joint, slopes):
        """The stationary point on given sides, with all rows that are on no side at their corners,
        and coefficients at their kinks; nearest to the last one, where there are many."""
        is_at = sides.rows == 0
        at, corner = np.nonzero(is_at)
        used = np.append(sides.coefs != 0, self._fit_intercept)
        unit, root = self._unit[used], np.sqrt(self._weight[at])
        ends = np.where(sides.rows > 0, self._corners.high, self._corners.low)
        ends[is_at] = 0.0
        slope = np.append(self._steep * sides.coefs, 0.0)
        slope += (self._weight * ends.sum(axis=1)) @ self._beside
        curved = np.append(self._l2, 0.0)[used] / unit**2
        across = root[:, None] * self._beside[at][:, used] / unit
        centre, u = root * self._corners.centre[is_at], root * slopes[is_at]
        coef, u = _saddle(curved, across, -slope[used] / unit, centre, joint[used] * unit, u)
        joint = np.zeros_like(joint)
        joint[used], ends[is_at] = coef / unit, u / root
        return joint, ends

    def _corrected(self, sides, joint, slopes):
        """The sides, but for those that a stationary point on them contradicts."""
        corners, is_at, size = self._corners, sides.rows == 0, np.abs(joint * self._unit)
        away = (self._beside @ joint)[:, None] - corners.centre
        slack = ROUNDING * (size.sum() + np.abs(corners.centre).max())
        length = SLACK * (corners.high - corners.low)
        beyond = (slopes > corners.high + length) * 1 - (slopes < corners.low - length)
        rows = np.where(is_at, beyond, np.where(sides.rows * away < -slack, 0, sides.rows))
        slope = (self._weight * slopes.sum(axis=1)) @ self._beside[:, :-1]
        enters = np.where(np.abs(slope) > (1.0 + SLACK) * self._steep, -np.sign(slope), 0.0)
        crosses = sides.coefs * joint[:-1] * self._unit[:-1] < -ROUNDING * size.max()
        coefs = np.where(sides.coefs == 0, enters, np.where(crosses, 0.0, sides.coefs))
        return Sides(rows, np.where(self._steep > 0, coefs, sides.coefs))


def _saddle(curved, across, right, centre, coef, u):
    """Coefficients w, (m,), and u, (n,), with ``curved w + across' u = right`` and
    ``across w = centre``, near those that are given: proximal points of both."""
    n, m = across.shape
    if not m + n:
        return coef, u
    size = np.sqrt(np.vdot(across, across) / max(1, min(n, m)))
    near = REGULAR * np.where(curved > 0, curved, size), np.full(n, -REGULAR * size)
    matrix = np.zeros((m + n, m + n))
    matrix[:m, m:], matrix[m:, :m] = across.T, across
    matrix.flat[:: m + n + 1] = np.append(curved + near[0], near[1])
    factor, pivots, failed = dgetrf(matrix, overwrite_a=True)
    if failed:
        return np.full(m, np.nan), np.full(n, np.nan)
    for _ in range(ROUNDS):
        solved, _ = dgetrs(
            factor, pivots, np.concatenate([right + near[0] * coef, centre + near[1] * u])
        )
        coef, u = solved[:m], solved[m:]
    return coef, u
