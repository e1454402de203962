"""The objective as a function of w over data, with every pass over X counted."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn.losses import Loss
from nno_sklearn.penalties import NoPenalty, Penalty
from nno_sklearn.problem.correction import Correction
from nno_sklearn.problem.design_matrix import DesignMatrix
from nno_sklearn.problem.objective import Objective
from nno_sklearn.problem.point import Point
from nno_sklearn.types import Array, Matrix


class Problem:
    """``F(w) = min_b sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha * penalty(w)``.

    The shape conventions of the whole package: ``w`` and all gradients by it are
    (n_features, n_outputs), raw predictions ``eta`` are (n_samples, n_outputs), column by column
    in memory, the intercept is (n_outputs,), all float64. The intercept is at its optimum
    wherever the objective is looked at, so solvers move w alone. X is centred implicitly: the
    intercept inside is that of the centred columns.

    Parameters
    ----------
    X : ndarray or sparse CSR/CSC of shape (n_samples, n_features), float32 or float64
    y : ndarray of shape (n_samples, n_outputs)
    loss : Loss
    penalty : Penalty
    alpha : float
    sample_weight : ndarray of shape (n_samples,), default=None
    fit_intercept : bool, default=True

    Attributes
    ----------
    objective : Objective
    scale : ndarray of shape (n_features,)
        Spread of the columns, 0 for constant ones (whose coefficient stays 0).
    correction : Correction or None
        A quadratic that belongs to the data loss, in terms of the centred columns.
    null : Point
        The best constant model, w = 0.
    dtype : dtype
        Of the user's X.
    memory : dict
        What solvers have learnt of these rows; shared by all strengths of all penalties on them.
    """

    def __init__(
        self,
        X: Matrix,
        y: Array,
        loss: Loss,
        penalty: Penalty,
        alpha: float,
        *,
        sample_weight: Array | None = None,
        fit_intercept: bool = True,
    ) -> None:
        if sample_weight is None:
            weight = np.full(len(y), 1.0 / len(y))
        else:
            weight = sample_weight / sample_weight.sum()
        self._setup(
            DesignMatrix(X, weight, centred=fit_intercept),
            y,
            weight,
            Objective(loss, *_effective(penalty, alpha), fit_intercept),
        )

    @classmethod
    def of(
        cls, objective: Objective, X: Matrix, y: Array, sample_weight: Array | None = None
    ) -> "Problem":
        """The problem that an :class:`Objective` states on rows."""
        terms = objective.loss, objective.penalty, objective.alpha
        fit_intercept = objective.fit_intercept
        return cls(X, y, *terms, sample_weight=sample_weight, fit_intercept=fit_intercept)

    def _setup(self, design, y, weight, objective):
        self.design, self.y, self.weight = design, np.asfortranarray(y), weight
        self.objective, self.correction = objective, None
        self.dtype, self._origin = design.X.dtype, (np.zeros(self.n_outputs), design.origin)
        self.memory, self._passes_before = {}, 0.0

    def _like(self, design, y, weight):
        part = object.__new__(Problem)
        part._setup(design, y, weight, self.objective)
        part.dtype, part._origin = self.dtype, self._origin
        return part

    def corrected(self, correction: Correction) -> "Problem":
        """The same objective plus a :class:`Correction`, which is in terms of the user's X."""
        whole = self._like(self.design, self.y, self.weight)
        whole.correction = correction.centred(self.design)
        return whole

    @property
    def loss(self) -> Loss:
        return self.objective.loss

    @property
    def penalty(self) -> Penalty:
        return self.objective.penalty

    @property
    def alpha(self) -> float:
        return self.objective.alpha

    @property
    def fit_intercept(self) -> bool:
        return self.objective.fit_intercept

    @property
    def n_samples(self) -> int:
        return len(self.design)

    @property
    def n_features(self) -> int:
        return self.design.shape[1]

    @property
    def n_outputs(self) -> int:
        return self.y.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of w: (n_features, n_outputs)."""
        return self.n_features, self.n_outputs

    @property
    def scale(self) -> Array:
        return self.design.scale

    @property
    def n_passes(self) -> float:
        """How often X was read for this problem, in units of X; parts count as their share."""
        return self.design.passes.total - self._passes_before

    @property
    def is_smooth(self) -> bool:
        """Whether the penalty is differentiable, so that F has a gradient everywhere."""
        return "gradient" in self.penalty.provides

    @property
    def provides(self) -> frozenset[str]:
        """Capabilities that loss and penalty have in common."""
        common = self.loss.provides & self.penalty.provides
        return common if self.correction is None else common - {"conjugate"}

    @cached_property
    def is_separate(self) -> bool:
        """Whether the outputs do not interact: each then has steps of its own."""
        if self.n_outputs == 1:
            return True
        _, curvature = self.loss.derivatives(self.y[:1], np.zeros((1, self.n_outputs)))
        return curvature.coupling is None

    def inner(self, a: Array, b: Array) -> Array:
        """Inner products of the outputs' columns, (n_outputs,); of all, (1,), if they interact."""
        if a.shape[1] == 1:
            return np.array([np.vdot(a, b)])
        products = np.einsum("jk,jk->k", a, b)
        return products if self.is_separate else products.sum(keepdims=True)

    def penalties(self, coef: Array) -> Array:
        """Penalty's share of the objective, in :meth:`inner`'s shape."""
        if self.n_outputs == 1 or not self.is_separate:
            return np.array([self.alpha * self.penalty.value(coef)])
        return self.alpha * np.array([self.penalty.value(w[:, None]) for w in coef.T])

    def at(self, coef: Array, intercept: Array | None = None) -> Point:
        """The point at ``coef``; one pass. ``intercept`` is where the search for b begins."""
        return Point(self, coef, self.design.matvec(coef), intercept)

    def with_raw_prediction(
        self, coef: Array, linear: Array, intercept: Array | None = None
    ) -> Point:
        """The point at ``coef`` whose ``X @ coef`` is known already; no pass."""
        return Point(self, coef, linear, intercept)

    @cached_property
    def null(self) -> Point:
        null = self.with_raw_prediction(np.zeros(self.shape), np.broadcast_to(0.0, self.y.shape))
        null.release()  # it lives as long as the problem
        return null

    @cached_property
    def null_residual(self) -> float:
        """Root mean square of the loss gradient of the constant model."""
        return np.sqrt(self.weight @ (self.null.loss_gradient**2).sum(axis=1))

    @cached_property
    def mean_intercept(self) -> Array:
        """Raw prediction whose prediction is the mean target: a start for the intercept."""
        if not self.fit_intercept:
            return np.zeros(self.n_outputs)
        mean = np.clip(self.weight @ self.y, self.y.min(axis=0), self.y.max(axis=0))  # rounding
        with np.errstate(divide="ignore"):  # a class, or an event, that these rows do not have
            start = self.loss.link(mean)
        return np.nan_to_num(start, neginf=-40.0, posinf=40.0)

    def rows(self, index: NDArray[Any], weight: Array, target: Array) -> "Problem":
        """The same objective over some rows, with weights and targets of their own."""
        part = self._like(self.design.rows(index), target, weight / weight.sum())
        part.correction = self.correction
        return part

    def replaced(self, rows: Array, targets: Array, mean: Array) -> "Problem":
        """The same objective over other rows, which say as much where the intercept is at its
        optimum: that of targets, which are centred by their ``mean`` as the rows are.
        """
        weight = np.full(len(rows), 1.0 / len(rows))
        part = self._like(self.design.replaced(rows), targets, weight)
        part._origin = mean, self.design.origin
        part.objective = replace(self.objective, fit_intercept=False)
        return part

    def exact(self) -> "Problem":
        """The same objective with products in float64, also where X is float32."""
        twin = self._like(self.design.exact(), self.y, self.weight)
        twin.correction, twin._passes_before = self.correction, self._passes_before
        twin.null, twin.null_residual = self.null.of(twin), self.null_residual
        return twin

    def columns(self, index: NDArray[Any]) -> "Problem":
        """The same objective with all coefficients but those of ``index`` held at 0."""
        part = self._like(self.design.columns(index), self.y, self.weight)
        if self.correction is not None:
            part.correction = self.correction.columns(index)
        return part

    def with_penalty(self, penalty: Penalty, alpha: float) -> "Problem":
        """The same data loss with another penalty; what is known of the rows stays known."""
        sibling = self._like(self.design, self.y, self.weight)
        penalty, alpha = _effective(penalty, alpha)
        sibling.objective = replace(self.objective, penalty=penalty, alpha=alpha)
        sibling.memory, sibling._passes_before = self.memory, self.design.passes.total
        sibling.correction = self.correction
        sibling.null, sibling.null_residual = self.null.of(sibling), self.null_residual
        return sibling

    def recall(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` gave for ``key`` on these rows, whatever the penalty was then."""
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    def inner_intercept(self, coef: Array, intercept: Array) -> Array:
        """The intercept of the centred columns that a user's intercept stands for."""
        mean, centre = self._origin
        return intercept - mean + centre @ coef

    def outer_intercept(self, point: Point) -> Array:
        """The intercept in terms of the user's X."""
        mean, centre = self._origin
        intercept = point.intercept + mean - centre @ point.coef
        # A shift that all coupled outputs share changes no prediction: leave its mean at 0.
        return intercept if self.is_separate else intercept - intercept.mean()


def _effective(penalty: Penalty, alpha: float) -> tuple[Penalty, float]:
    """Penalty and strength; a strength of 0 is no penalty."""
    return (penalty, alpha) if alpha > 0 else (NoPenalty(), 1.0)
