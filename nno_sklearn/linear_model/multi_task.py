"""Twins of scikit-learn's multi-task regressors, which use a feature for all targets or none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import linear_model
from sklearn.utils import Tags

from nno_sklearn.linear_model.twin import RegressorTwin
from nno_sklearn.losses import Loss, SquaredError
from nno_sklearn.penalties import L2, GroupLasso, Penalty
from nno_sklearn.session import TrainingData
from nno_sklearn.types import Array, Matrix, Scalar


class _RowsElasticNet(Penalty):
    """``l1_ratio sum_j |w_j|_2 + (1 - l1_ratio) / 2 |w|_2^2``, w_j being a feature's coefficients.

    Parameters
    ----------
    l1_ratio : float in (0, 1)
    rows : Penalty, default=None
        Of a bound penalty: its first term.
    """

    is_separate = False

    def __init__(self, l1_ratio: float, rows: Any = None) -> None:
        self.l1_ratio = l1_ratio
        self.rows = rows

    def bind(
        self, n_features: int, n_outputs: int, feature_names: Sequence[str] | None = None
    ) -> Penalty:
        rows = GroupLasso("rows", weights=np.full(n_features, float(self.l1_ratio)))
        return _RowsElasticNet(self.l1_ratio, rows.bind(n_features, n_outputs, feature_names))

    def restrict(self, features: NDArray[np.integer], outputs: NDArray[np.integer]) -> Penalty:
        return _RowsElasticNet(self.l1_ratio, self.rows.restrict(features, outputs))

    @property
    def _l2(self) -> float:
        return 1.0 - self.l1_ratio

    def value(self, w: Array) -> Scalar:
        return self.rows.value(w) + 0.5 * self._l2 * float(np.square(w).sum())

    def prox(self, w: Array, step: float | Array) -> Array:
        return self.rows.prox(w, step) / (1.0 + np.asarray(step) * self._l2)

    def curvature(self, w: Array) -> Array:
        return self.rows.curvature(w) + self._l2

    def curvature_product(self, w: Array, d: Array) -> Array:
        return self.rows.curvature_product(w, d) + self._l2 * d

    def conjugate(self, z: Array) -> Scalar:
        beyond = np.maximum(np.linalg.norm(z, axis=1) - self.l1_ratio, 0.0)
        return float(beyond @ beyond) / (2.0 * self._l2)

    def subdiff_distance(self, w: Array, gradient: Array) -> Array:
        return self.rows.subdiff_distance(w, gradient + self._l2 * w)


class MultiTaskElasticNet(RegressorTwin, of=linear_model.MultiTaskElasticNet):
    """Least squares for several targets, that use the same features::

        sum_i s_i |y_i - x_i W - b|_2^2 / (2 sum_i s_i)
            + alpha (l1_ratio sum_j |w_j|_2 + (1 - l1_ratio) / 2 |W|_F^2)

    where w_j are the coefficients of feature j. A twin of
    :class:`sklearn.linear_model.MultiTaskElasticNet`: the same parameters and attributes, and
    sparse X and ``sample_weight`` too. ``copy_X`` and ``selection`` are without effect; ``tol``
    bounds the duality gap as a share of the objective.
    """

    tol_is_of_gradient = False
    #: scikit-learn's estimator for a single target.
    of_one_target = "ElasticNet"

    def _objective(self) -> tuple[Loss, Penalty]:
        of_one_term: dict[float, Penalty] = {0.0: L2(), 1.0: GroupLasso()}
        return SquaredError(), of_one_term.get(self.l1_ratio) or _RowsElasticNet(self.l1_ratio)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        return tags

    def prepare(
        self,
        X: Matrix,
        y: Any,
        sample_weight: ArrayLike | None,
        loss: Loss,
        offset: ArrayLike | None = None,
    ) -> TrainingData:
        """Check data; see :meth:`nno_sklearn.session.SessionModel.prepare`."""
        data = super().prepare(X, y, sample_weight, loss, offset)
        if self._is_single:
            raise ValueError(
                f"For mono-task outputs, use {self.of_one_target}: y is one-dimensional, and "
                f"{type(self).__name__} is for several targets, columns of y."
            )
        return data

    def _keep_model(self, coef, intercept, loss, dtype):
        super()._keep_model(coef, intercept, loss, dtype)
        self.coef_ = np.atleast_2d(self.coef_)


class MultiTaskLasso(MultiTaskElasticNet, of=linear_model.MultiTaskLasso):
    """Least squares for several targets, that use the same few features::

        sum_i s_i |y_i - x_i W - b|_2^2 / (2 sum_i s_i) + alpha sum_j |w_j|_2

    where w_j are the coefficients of feature j. A twin of
    :class:`sklearn.linear_model.MultiTaskLasso`, as :class:`MultiTaskElasticNet` is of its
    namesake.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from nno_sklearn.linear_model import MultiTaskLasso
    >>> model = MultiTaskLasso(alpha=100.0).fit(*load_linnerud(return_X_y=True))
    >>> (model.coef_ != 0).all(axis=0).tolist()
    [False, True, False]
    """

    l1_ratio = 1.0
    of_one_target = "Lasso"
