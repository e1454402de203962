"""Quadratic models with norms of groups: what ways to their minimum share."""

from dataclasses import replace

import numpy as np

from nno_sklearn.problem.cost import most_plane_steps
from nno_sklearn.solvers.models import model_gap
from nno_sklearn.solvers.plane_steps import PlaneSteps


class NormsModel:
    """``g (v - w) + (v - w)' H (v - w) / 2 + norms(v)``.

    All is in differences from w, whose gradient is as exact as the rows give it.

    Parameters
    ----------
    point : Point
        Where the model is made.
    norms : GroupNorms
        The penalty, or what lies above it, times alpha, in the shape of the model.
    models : list of GramModel or ThinModel
        Of H and the squares of the penalty: one of every column of the coefficients, or one of
        each, as outputs interact by the norms alone.
    shape : tuple
        Shape of the coefficients in the model: (n_features, n_outputs) where outputs interact by
        the norms alone, else (n_coefficients, 1).
    """

    def __init__(self, point, norms, models, shape):
        self._norms, self._l2 = replace(norms, l2=0.0), norms.l2
        self._radii, self._models, self._gap_of_point = norms.radii, models, point.dual_gap
        self._energy, self._shape = 2 * abs(point.data_loss), point.coef.shape
        self._w = point.coef.reshape(shape)
        self._gradient = point.data_gradient.reshape(shape) + self._l2 * self._w
        self._is_bound = norms.radii > 0

    def _each(self):
        """Each model, and the outputs whose it is."""
        n_outputs = self._w.shape[1] // len(self._models)
        for k, model in enumerate(self._models):
            yield model, slice(k * n_outputs, (k + 1) * n_outputs)

    def _of_outputs(self):
        """The model of each output, and its number."""
        for model, outputs in self._each():
            for k in range(outputs.start, outputs.stop):
                yield model, k

    def _product(self, d):
        """``H d``."""
        products = [model.product(d[:, outputs]) for model, outputs in self._each()]
        return products[0] if len(products) == 1 else np.column_stack(products)

    def _largest(self):
        """The largest curvature by a coefficient of each group, for each feature,
        (n_features, 1)."""
        largest = np.zeros(len(self._radii))
        for model in self._models:
            np.maximum.at(largest, self._norms.labels, model.diagonal)
        return self._norms.of_features(largest)

    def _gap(self, v, slope):
        """Duality gap of the model at coefficients and its slope there, the squares counting with
        the rows'."""
        norms = self._norms
        if not norms.grows:
            slope = slope * self._is_bound[norms.labels][:, None]
        moved = np.vdot(slope + self._gradient, v - self._w)
        energy = self._energy + self._l2 * np.vdot(self._w, self._w)
        return model_gap(norms, energy, v, slope, moved)

    def _own(self, target_gap):
        """The gap of the model that goes with one of the objective.

        Where it is made, that of the model may be far smaller: a slope that is off costs it the
        square, but a loss of bounded slopes as much. Its minimum would be reached too early.
        """
        gap = self._gap_of_point
        share = self._gap(self._w, self._gradient) / gap if 0 < gap < np.inf else 1.0
        return target_gap * min(1.0, share)

    def _most_plane_steps(self, n_groups, n_parts):
        """Steps by products that cost less than Newton's with so many groups in use, and parts of
        models; 0 where these do."""
        n_features = int(n_groups * len(self._w) / len(self._radii))
        rank = self._models[0].rank
        return most_plane_steps(n_groups, n_features, n_parts, rank, self._w.shape)

    def _by_products(self, v, slope, target_gap, most):
        """Where so many steps by products with the model lead, the slope there, and whether that
        has a gap."""
        steps = PlaneSteps(self._norms, self._product, self._largest(), v, slope)
        return steps.minimise(self._gap, target_gap, most)
