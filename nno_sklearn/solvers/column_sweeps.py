"""Quadratic models of many coefficients by sweeps over their columns, without a matrix.

A Gram matrix of thousands of columns costs as much as hundreds of passes over them. Where columns
are hardly correlated a few sweeps over single coefficients are enough; where they are correlated
thousands would be needed, which the first ones show.
"""

from functools import partial

import numpy as np
from scipy.linalg.blas import daxpy, ddot

from nno_sklearn.problem.cost import most_sweeps, takes_sweeps
from nno_sklearn.solvers.kinked_model import KinkedModel
from nno_sklearn.solvers.model_steps import step_to_minimum

#: Sweeps between looks at the gap, and looks by which it is told how fast it falls.
LOOKS, TELLING = 5, 3
#: Share of the sweeps that the first looks tell of which are needed, once signs have settled and
#: extrapolation gains more.
EXTRAPOLATED = 0.6
#: Share of the features from which on all of them are held: the sets that follow would be copied
#: too.
MOST = 0.25
#: Share of the largest product of two moves below which moves are nearly combinations of others.
OPEN = 1e-12


class ColumnSweeps:
    """Coordinate descent (Friedman, Hastie and Tibshirani, 2010) on objectives that are quadratics
    with kinks, until it has taken as long as a matrix, and factors of it, would have.

    Parameters
    ----------
    hessian : WorkingHessian
        Which has columns of the matrix already, or none.
    """

    def __init__(self, hessian):
        self._hessian, self._features, self._model = hessian, None, None
        self._n_new, self._n_sweeps, self._pays = 0, 0, True

    def lowered(self, point, needed, gap, wanted):
        """A lower point, or the point itself where sweeps do not serve.

        Parameters
        ----------
        point : Point
        needed : ndarray of int
            Features of a working set.
        gap, wanted : float
            Gaps that are worth reaching in some features, as others are chosen then, and in all of
            them, in units of the objective.
        """
        if not (self._pays and self._may_serve(point.problem, needed) and _has_kinks(point)):
            return point
        self._hold(point, needed)
        is_whole = len(self._features) == point.problem.n_features
        target_gap = wanted if is_whole else max(gap, wanted)
        found = step_to_minimum(point, partial(self._minimise, point), target_gap)
        if not self._pays:
            self._model = None
        return point if found is None else found

    def _hold(self, point, needed):
        """Hold the columns that are needed; all of them, once they are many."""
        if self._features is not None and np.isin(needed, self._features).all():
            return
        every = np.arange(point.problem.n_features)
        is_whole = len(needed) >= MOST * len(every) and self._may_serve(point.problem, every)
        self._features = every if is_whole else needed
        self._n_new = self._hessian.lacking(self._features)
        self._model = ColumnModel(point, self._features)

    def _may_serve(self, problem, features):
        n = len(features)  # a look at what a matrix has takes longer than all else
        return takes_sweeps(problem, n, n) and takes_sweeps(
            problem, n, self._hessian.lacking(features)
        )

    def _minimise(self, point, target_gap):
        """Minimise ``g (v - w) + (v - w)' H (v - w) / 2 + alpha * penalty(v)`` over v, about."""
        problem, v, of_set = point.problem, point.coef.copy(), self._features
        terms = problem.penalty.piecewise_quadratic(v).scaled(problem.alpha).of(problem.shape)
        for k in range(problem.n_outputs):
            own = terms.take(of_set * problem.n_outputs + k)
            given = v[of_set, k], point.data_gradient[of_set, k], 2 * abs(point.data_loss)
            place = KinkedModel(self._model, own, *given)
            v[of_set, k] = self._settled(place, target_gap / problem.n_outputs)
        return v

    def _settled(self, place, target_gap):
        """Where sweeps lead until a gap, or rounding, is reached, or a matrix would take less
        time."""
        gaps = [place.gap()]
        while gaps[-1] > max(target_gap, place.gap_rounding) and self._pays:
            visited = np.flatnonzero((place.v != 0) | (np.maximum(*place.falls()) > 0))
            if not len(visited):  # bounds hold what has no penalty, which a gap does not know
                break
            _sweep(place, visited)
            self._n_sweeps += LOOKS
            gaps.append(place.gap())
            in_all = self._n_sweeps + _left(gaps, max(target_gap, place.gap_rounding))
            n_new = min(self._n_new, len(visited))
            self._pays = in_all <= most_sweeps(self._model.n_rows, len(visited), n_new)
        return place.v


def _left(gaps, target_gap):
    """Sweeps that are left, about, by how fast the gap falls."""
    if gaps[-1] <= target_gap or len(gaps) <= TELLING:
        return 0.0
    rate = (gaps[-1] / gaps[-TELLING]) ** (1 / (TELLING - 1))
    if not (0 < rate < 1 and target_gap > 0):
        return np.inf
    return EXTRAPOLATED * LOOKS * np.log(target_gap / gaps[-1]) / np.log(rate)


def _has_kinks(point):
    """Whether the penalty is convex, with kinks of single coefficients."""
    penalty = point.problem.penalty
    return penalty.is_convex and penalty.piecewise_quadratic(point.coef) is not None


class ColumnModel:
    """``|R d|^2 / 2`` by the columns of R, each of them contiguous."""

    def __init__(self, point, features):
        rows = point.problem.rows.hessian_root(point.curvature, features, np.zeros_like(features))
        self.columns, self.n_rows = np.ascontiguousarray(rows.T), len(rows)
        self.diagonal = np.einsum("ij,ij->i", self.columns, self.columns)

    def product(self, d):
        """``H d``."""
        return self.columns @ (d @ self.columns)


def _sweep(place, visited):
    """Minimise over one coefficient after another, a few times, then extrapolate."""
    columns, terms = place.model.columns, place.terms
    own, curvature = place.model.diagonal.tolist(), place.curvature.tolist()
    l1, lower, upper = (
        np.broadcast_to(of_terms, place.v.shape).tolist()
        for of_terms in (terms.l1, terms.lower, terms.upper)
    )
    visited = [(j, columns[j]) for j in visited.tolist() if curvature[j] > 0]
    v, start, moved = place.v.tolist(), place.slope.tolist(), np.zeros(columns.shape[1])
    steps = [(place.v, moved.copy())]
    for _ in range(LOOKS):
        for j, column in visited:  # plain numbers: arrays of one would take ten times as long
            last = v[j]
            pull = own[j] * last - start[j] - ddot(column, moved)
            excess = abs(pull) - l1[j]
            after = 0.0
            if excess > 0:
                after = (excess if pull > 0 else -excess) / curvature[j]
            after = min(max(after, lower[j]), upper[j])
            if after != last:
                daxpy(column, moved, a=after - last)
                v[j] = after
        steps.append((np.asarray(v), moved.copy()))
    place.move_to(min(steps[-1], _extrapolated(steps), key=lambda end: _rise(place, *end))[0])


def _extrapolated(steps):
    """Where sweeps seem to lead, and its image (Anderson acceleration; Bertrand and Massias, 2021):
    the combination of steps, with shares that sum to 1, whose sweep would move it least."""
    coefs, images = (np.stack(part) for part in zip(*steps, strict=True))
    moves = np.diff(coefs, axis=0)
    products = moves @ moves.T
    if not (np.isfinite(products).all() and products.any()):
        return steps[-1]
    shares = np.linalg.lstsq(products, np.ones(len(moves)), rcond=OPEN)[0]
    shares = shares / shares.sum()  # positive, as products are
    return shares @ coefs[1:], shares @ images[1:]


def _rise(place, v, image):
    """By how much the model is higher at ``v``, whose image R (v - w) lies so far from the
    place's."""
    data = place.slope @ (v - place.v) + 0.5 * image @ image
    return data + place.terms.value(v) - place.terms.value(place.v)
