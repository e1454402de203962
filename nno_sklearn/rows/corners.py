"""The corners of rows' losses, in terms of raw predictions, and the methods that they are for."""

from functools import cached_property

import numpy as np

from nno_sklearn.rows.constants import best_constant
from nno_sklearn.rows.envelopes import envelopes_of
from nno_sklearn.rows.interior import interior_near, interior_of
from nno_sklearn.rows.raw import StoredRaw


class CornersOfRows:
    """What :class:`~nno_sklearn.rows.local.LocalRows` answer about corners of their loss."""

    @cached_property
    def _corners(self):
        """Those of the loss, in terms of raw predictions; None where these targets have none."""
        if "corners" not in self.loss.provides:
            return None
        return self.loss.corners(self._targets_beside(np.zeros(self._targets.shape)))

    @property
    def has_corners(self):
        return self._corners is not None

    def _corners_of(self, k):
        """Those of output k, in terms of raw predictions without offsets."""
        offset = 0.0 if self.offset is None else self.offset[:, [k]]
        columns = [corner.of_output(k) for corner in self._corners]
        return [corner._replace(centre=corner.centre - offset) for corner in columns]

    def best_constants(self, raw, start):
        given = enumerate(zip(raw.array.T, start, strict=True))
        each = (
            best_constant(self._corners_of(k), eta[:, None], self.weight, b)
            for k, (eta, b) in given
        )
        return np.fromiter(each, float)

    def interior(self, k):
        return interior_of(self, self._corners_of(k))

    def interior_near(self, k, raw, b, count):
        return interior_near(self, self._corners_of(k), raw, b, count)

    def envelopes(self, k):
        return envelopes_of(self, self._corners_of(k))

    def side_by_side(self, handles):
        return StoredRaw(np.concatenate([one.array for one in handles], axis=1))
