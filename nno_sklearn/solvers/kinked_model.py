"""A quadratic model with kinks and bounds of single coefficients, and where a solver is on it."""

from functools import cached_property

import numpy as np

from nno_sklearn.penalties import PiecewiseQuadratic

#: Roundings of the terms of a gap that it may be off by.
GAP_ROUNDINGS = 4096
TINY = np.finfo(float).tiny


class KinkedModel:
    """``gradient (v - w) + (v - w)' H (v - w) / 2 + terms(v)`` at a place v, first at w.

    All is in differences from w, so that the slope is as exact as the rows give it.

    Parameters
    ----------
    model : GramModel or RowsModel
        Of ``d' H d / 2``.
    terms : PiecewiseQuadratic
        The penalty of these coefficients; its arrays, if any, of shape (n,).
    w, gradient : ndarray of shape (n,)
        Where the model is made, and the gradient of the data loss there.
    energy : float
        Squared norm of the working residuals, of which a duality gap is made.

    Attributes
    ----------
    v, slope : ndarray of shape (n,)
        The place, and the gradient of the model's data loss there.
    curvature : ndarray of shape (n,)
        Of each coefficient, the penalty's squares included.
    gap_rounding : float
        What rounding may make of the last gap.
    """

    def __init__(self, model, terms, w, gradient, energy):
        self.model, self.terms, self._w, self._gradient = model, terms, w, gradient
        self._energy, self.gap_rounding = energy, np.nan
        self.v, self.slope = w.copy(), gradient

    # What gaps and moves of single coefficients take, which guesses of all signs do without.

    @cached_property
    def curvature(self):
        return self.model.diagonal + self.terms.l2

    @cached_property
    def has_l2(self):
        return bool(np.all(np.greater(self.terms.l2, 0)))

    @cached_property
    def _without_l2(self):
        terms = self.terms
        return PiecewiseQuadratic(terms.l1, 0.0, terms.lower, terms.upper)

    @cached_property
    def _free(self):
        terms = self.terms
        is_free = np.equal(terms.l1, 0) & (np.isinf(terms.lower) | np.isinf(terms.upper))
        return np.flatnonzero(np.broadcast_to(is_free, self._w.shape))

    def move_to(self, v):
        """Go to ``v``, with the slope that the model has there."""
        self.v, self.slope = v, self._gradient + self.model.product(v - self._w)

    def rise(self, v):
        """By how much the model is higher at ``v`` than here."""
        moved = v - self.v
        data = self.slope @ moved + 0.5 * moved @ self.model.product(moved)
        return data + self.terms.value(v) - self.terms.value(self.v)

    def falls(self):
        """How steeply the model falls towards larger, and towards smaller, values of each
        coefficient; negative where it rises."""
        left, right = self.terms.slopes(self.v)
        return -(self.slope + right), self.slope + left

    def gap(self):
        """Duality gap of the model (see :func:`nno_sklearn.problem.certificate.dual_gap`).

        The squares of the penalty count with the rows', or else with the penalty's conjugate.
        Coefficients without a penalty, whose dual points are exact at the optimum alone, count with
        what each could still gain.
        """
        v, terms, kinks = self.v, self.terms, self._without_l2
        squares = terms.l2 * v
        total = self.slope + squares
        left = total[self._free]
        total[self._free] = 0.0
        scaling = kinks.dual_scaling(-total)
        moved = (self.slope + self._gradient) @ (v - self._w)
        energy = max(self._energy + moved, 0.0) + squares @ v
        value, product = kinks.value(v), scaling * (total @ v)
        gap = value + kinks.conjugate(-scaling * total) + product
        gap += 0.5 * (1.0 - scaling) ** 2 * energy
        self.gap_rounding = GAP_ROUNDINGS * np.finfo(float).eps * (abs(value) + abs(product))
        if len(left):
            gap += 0.5 * np.sum(left**2 / np.maximum(self.curvature[self._free], TINY))
        if self.has_l2:
            gap = min(gap, terms.value(v) + self.slope @ v + terms.conjugate(-self.slope))
        return gap
