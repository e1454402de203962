"""Rows of another library as a part of the rows: arrays stay there, answers come home."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from nno_sklearn._foreign import ForeignArray
from nno_sklearn.losses import Loss
from nno_sklearn.rows.local import LocalRows
from nno_sklearn.rows.replies import Geometry
from nno_sklearn.rows.shard import Part
from nno_sklearn.rows.targets import Labels


class ForeignPart(Part):
    """Rows whose X is an array of another library, with targets and weights beside it.

    The losses of the rows are computed there, too, unless the loss takes numpy's arrays only.

    Parameters are those of :class:`~nno_sklearn.rows.shard.Part`; X is a ForeignArray, all else in
    this process.
    """

    @cached_property
    def _beside(self) -> list[Any]:
        return [self._there(one) for one in (self.targets, self.weight, self.offset)]

    def _there(self, values: Any) -> Any:
        if values is None:
            return None
        if isinstance(values, Labels):
            return Labels(self._there(values.codes), values.n_classes)
        return np.asarray(values, like=self.X)

    def home(self, said: Any) -> Any:
        """An answer as arrays of numpy, field by field where it has several."""
        if isinstance(said, ForeignArray):
            return np.asarray(said)
        if isinstance(said, list | tuple):
            fields = [self.home(one) for one in said]
            return type(said)(*fields) if hasattr(said, "_fields") else type(said)(fields)
        return said

    def rows(self, loss: Loss, fit_intercept: bool, geometry: Geometry) -> LocalRows:
        here = self.targets, self.weight, self.offset
        targets, weight, offset = self._beside if loss.takes_any_array else here
        told = {"geometry": geometry, "passes": self.passes}
        given = {"offset": offset, "fit_intercept": fit_intercept, **told}
        return LocalRows(self.X, targets, weight, loss, **given)
