"""The objective on data, as a function of w; every pass over X is counted."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn.losses import Loss
from nno_sklearn.penalties import Penalty
from nno_sklearn.problem.correction import Correction, NoCorrection, Tilt
from nno_sklearn.problem.exact_sums import exact_sum
from nno_sklearn.problem.intercept import NO_SEARCH, PRECISION
from nno_sklearn.problem.knowledge import Knowledge
from nno_sklearn.problem.objective import Objective
from nno_sklearn.problem.point import Point
from nno_sklearn.rows import LocalRows, Raw, Rows
from nno_sklearn.rows.replies import inner
from nno_sklearn.types import Array, Matrix, Scalar

EPS = np.finfo(float).eps
#: What a problem derives from its rows, penalty and correction.
DERIVED = (
    "loss",
    "fit_intercept",
    "scale",
    "n_samples",
    "n_features",
    "n_outputs",
    "shape",
    "has_dual",
    "is_separate",
    "is_smooth",
    "is_of_lengths",
    "is_piecewise_quadratic",
    "_known_of_null",
    "null_value",
    "null_residual",
    "of_outputs",
)


def at_strength(penalty: Penalty, alpha: float) -> tuple[Penalty, float]:
    """A bound penalty and its strength; a strength of 0 leaves the constraints, which have none."""
    return (penalty.at_strength(alpha), alpha) if alpha > 0 else (penalty.constraints(), 1.0)


class Problem:
    """``F(w) = min_b sum_i s_i loss(y_i, x_i w + b + o_i) / sum_i s_i + alpha * penalty(w)``.

    The shape conventions of the whole package: ``w`` and all gradients by it are
    (n_features, n_outputs), raw predictions ``eta`` are (n_samples, n_outputs), column by column
    in memory, the intercept is (n_outputs,), all float64. The intercept is at its optimum
    wherever the objective is looked at, so solvers move w alone. X is centred implicitly: the
    intercept inside is that of the centred columns.

    Parameters
    ----------
    rows : Rows
        All that is as long as the data, wherever it is, with the loss.
    penalty : Penalty
    alpha : float
    feature_names : sequence of str, default=None
        By which a penalty may know features.

    Attributes
    ----------
    correction : Correction or NoCorrection
        A quadratic that belongs to the data loss, in terms of the centred columns.
    null : Point
        Where fits begin, and the unit of their accuracy: the best constant model, w = 0, or where
        the penalty does not allow that, the coefficients that it names.
    dtype : dtype
        Of the user's X.
    knowledge : Knowledge
        What solvers have learnt of these rows; shared by all strengths of all penalties on them.
    """

    def __init__(
        self,
        rows: Rows,
        penalty: Penalty,
        alpha: float,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.rows, self._feature_names = rows, feature_names
        bound = penalty.bind(*self.shape, feature_names)
        self.penalty, self.alpha = at_strength(bound, alpha)
        self.correction, self.dtype = NoCorrection(), self.rows.dtype
        self._origin = np.zeros(self.n_outputs), self.rows.origin
        self.knowledge, self._passes_before, self._first = Knowledge(), 0.0, None
        self._summarised: dict[str, Any] | None = None

    @classmethod
    def of(
        cls,
        objective: Objective,
        X: Matrix,
        y: Array,
        sample_weight: Array | None = None,
        feature_names: Sequence[str] | None = None,
        offset: Array | None = None,
    ) -> "Problem":
        """The problem that an :class:`Objective` states on rows of this process.

        Parameters
        ----------
        objective : Objective
        X : ndarray or sparse CSR/CSC of shape (n_samples, n_features), float32 or float64
        y : ndarray of shape (n_samples, n_outputs)
        sample_weight : ndarray of shape (n_samples,), default=None
        feature_names : sequence of str, default=None
        offset : ndarray of shape (n_samples, n_outputs), default=None
            What raw predictions have besides X w + b.
        """
        if sample_weight is None:
            weight = np.full(len(y), 1.0 / len(y))
        else:
            weight = sample_weight / sample_weight.sum()
        rows = LocalRows(
            X, y, weight, objective.loss, fit_intercept=objective.fit_intercept, offset=offset
        )
        return cls(rows, objective.penalty, objective.alpha, feature_names)

    def _like(self, **changes):
        """A copy with some attributes changed, and without knowledge of the rows."""
        part = copy_of(self)
        for name in DERIVED:
            vars(part).pop(name, None)
        vars(part).update({"knowledge": Knowledge(), "_passes_before": 0.0, "_first": None})
        vars(part).update(changes)
        return part

    def corrected(self, correction: Correction) -> "Problem":
        """The same objective plus a :class:`Correction`, which is in terms of the user's X."""
        return self._like(correction=correction.centred(self.rows))

    def matched(self, point: Point) -> tuple["Problem", Point]:
        """This objective, on few rows, plus a linear term that gives it the gradient of a point of
        the same one on all rows; and the same coefficients there."""
        here = self.at(point.coef, point.intercept, NO_SEARCH)
        linear, shift = point.data_gradient - here.data_gradient, np.zeros(self.n_outputs)
        if self.fit_intercept:
            shift = point.sums.total - here.sums.total
        model = self._like(correction=Tilt.at(point.coef, here.intercept, linear, shift))
        return model, model.with_raw(here.coef, here.raw, here.intercept)

    # What is asked for at each choice of a method, and at each point.

    @cached_property
    def loss(self) -> Loss:
        return self.rows.loss

    @cached_property
    def fit_intercept(self) -> bool:
        return self.rows.fit_intercept

    @cached_property
    def n_samples(self) -> int:
        return self.rows.shape[0]

    @cached_property
    def n_features(self) -> int:
        return self.rows.shape[1]

    @cached_property
    def n_outputs(self) -> int:
        return self.rows.n_outputs

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Shape of w: (n_features, n_outputs)."""
        return self.n_features, self.n_outputs

    @cached_property
    def scale(self) -> Array:
        """Spread of the columns, (n_features,); 0 for constant ones, whose coefficient stays 0."""
        return self.rows.scale

    @property
    def n_passes(self) -> float:
        """How often X was read for this problem, in units of X; parts count as their share."""
        return self.rows.passes.total - self._passes_before

    @cached_property
    def is_smooth(self) -> bool:
        """Whether the penalty is differentiable, so that F has a gradient everywhere."""
        return "gradient" in self.penalty.provides

    @cached_property
    def is_piecewise_quadratic(self) -> bool:
        """Whether the objective is quadratic between the penalty's kinks: one model of second order
        then tells its minimum."""
        if not (self.loss.constant_curvature and self.penalty.is_convex):
            return False
        return self.penalty.piecewise_quadratic(np.zeros(self.shape)) is not None

    @cached_property
    def is_of_lengths(self) -> bool:
        """Whether the penalty is the squared length of w times a number, which no rotation of the
        features changes."""
        if not self.penalty.is_convex:
            return False
        terms = self.penalty.piecewise_quadratic(np.zeros(self.shape))
        if terms is None or terms.has_kinks:
            return False
        return bool(np.ptp(terms.l2) == 0 < np.max(terms.l2))

    @cached_property
    def has_dual(self) -> bool:
        """Whether dual points prove how far from the optimum a point is at most: loss and penalty
        have conjugates, the penalty is convex, and there is no correction."""
        has_conjugate = "conjugate" in self.loss.provides
        return has_conjugate and self.penalty.has_dual and self.correction.is_zero

    @cached_property
    def is_separate(self) -> bool:
        """Whether the outputs do not interact: each then has steps of its own."""
        return self.n_outputs == 1 or (self.rows.is_separate and self.penalty.is_separate)

    def inner(self, a: Array, b: Array) -> Array:
        """Inner products of the outputs' columns, (n_outputs,); of all, (1,), if they interact."""
        return inner(a, b, self.is_separate)

    def joined(self, shares: Array) -> Array:
        """Shares of the outputs, (n_outputs,) or (1,), in :meth:`inner`'s shape."""
        return shares if self.is_separate else shares.sum(keepdims=True)

    def penalties(self, coef: Array) -> Array:
        """Penalty's share of the objective, in :meth:`inner`'s shape."""
        if self.n_outputs == 1 or not self.is_separate:
            return np.array([self.alpha * self.penalty.value(coef)])
        shares = zip(self.of_outputs, coef.T, strict=True)
        return self.alpha * np.array([penalty.value(w[:, None]) for penalty, w in shares])

    @cached_property
    def of_outputs(self) -> list[Penalty]:
        """The penalty of each output by itself, where they do not interact."""
        features, outputs = np.arange(self.n_features), np.arange(self.n_outputs)
        return [self.penalty.restrict(features, outputs[[k]]) for k in outputs]

    def at(
        self, coef: Array, intercept: Array | None = None, precision: float = PRECISION
    ) -> Point:
        """The point at ``coef``; one pass. ``intercept`` is where the search for b begins, and
        where that of coupled outputs ends if the ``precision`` is ``NO_SEARCH``."""
        point = Point(self, coef, self.rows.raw(coef), intercept, precision)
        point.is_afresh = True
        return point

    def with_raw(
        self,
        coef: Array,
        raw: Raw,
        intercept: Array | None = None,
        precision: float = PRECISION,
    ) -> Point:
        """The point at ``coef`` whose ``X @ coef`` is known already; no pass."""
        return Point(self, coef, raw, intercept, precision)

    @property
    def null(self) -> Point:
        return Point.known(self, self._known_of_null)

    @cached_property
    def _known_of_null(self) -> dict[str, Any]:
        """What is known of the constant model. The point itself would keep this problem, and with
        it X and all that was made of it, until the garbage collector's next run."""
        coef = self.penalty.feasible_start(self.shape)
        if self._first is not None and np.array_equal(coef, self._first.null.coef):
            return vars(self._first.null.of(self))
        raw = self.rows.raw(coef) if coef.any() else self.rows.nothing()
        null = self.with_raw(coef, raw)
        _ = null.sums  # the losses, which are asked for first, come along
        return vars(null)

    @cached_property
    def null_value(self) -> Scalar:
        """The objective of the constant model."""
        return self.null.value

    @cached_property
    def null_residual(self) -> float:
        """Root mean square of the loss gradient of the constant model."""
        if self._first is not None:
            return self._first.null_residual
        return self.rows.gradient_sizes(self.null.raw, self.null.intercept)[0]

    @property
    def mean_intercept(self) -> Array:
        """Raw prediction whose prediction is the mean target, less the mean offset: a start for the
        intercept."""
        if not self.fit_intercept:
            return np.zeros(self.n_outputs)
        with np.errstate(divide="ignore"):  # a class, or an event, that these rows do not have
            start = self.loss.link(self.rows.targets.mean)
        if not np.isfinite(start).all():
            start = np.nan_to_num(start, neginf=-40.0, posinf=40.0)
        return start - self._mean_offset

    @property
    def _mean_offset(self):
        return 0.0 if self.rows.mean_offset is None else self.rows.mean_offset

    def over(self, rows: Rows) -> "Problem":
        """The same objective over other rows with the same columns."""
        return self._like(rows=rows)

    @property
    def given(self) -> "Problem":
        """The same objective over the rows as they were given, where these are a summary."""
        if self._summarised is None:
            return self
        return self._like(**self._summarised, _summarised=None)

    def replaced(self, X: Array, y: Array) -> "Problem":
        """The same objective over few centred rows with centred targets, which say as much where
        the intercept is at its optimum."""
        mean = (self.rows.targets.mean - self._mean_offset) * self.fit_intercept
        given = {"rows": self.rows, "_origin": self._origin}
        few = {"rows": self.rows.replaced(X, y), "_origin": (mean, self.rows.origin)}
        return self._like(**few, _summarised=given)

    def with_loss(self, loss: Loss) -> "Problem":
        """The same objective with another loss."""
        return self._like(rows=self.rows.with_loss(loss), _passes_before=self._passes_before)

    def at_scale(self, scale: Array) -> "Problem":
        """The same objective where the scale of residuals, (n_outputs,), is known."""
        return self.with_loss(self.loss.at_scale(scale))

    def at_intercepts(self, intercepts: Array) -> "Problem":
        """The same objective where the intercepts of ordered classes are known up to a shift; what
        is said of its recession is that of this one, in all intercepts."""
        part = self.with_loss(self.loss.at_intercepts(intercepts))
        part.knowledge = Knowledge(self.knowledge)
        return part

    def smoothed(self, width: float, dual: Raw | None = None) -> "Problem":
        """The same objective with its nonsmooth loss smoothed, but for a constant nowhere above it.

        Parameters
        ----------
        width : float
            As of :meth:`Loss.smoothed`.
        dual : Raw, default=None
            Handle of a dual point v: raw predictions are moved by ``width * v``, and Moreau's
            envelope is that of ``sup over u of u eta - loss*(u) - width (u - v)^2 / 2``.
        """
        smooth = self.with_loss(self.loss.smoothed(width))
        return smooth if dual is None else smooth._like(rows=smooth.rows.shifted(dual, width))

    def single(self) -> "Problem":
        """The same objective on a copy of its rows in float32, rounded in units of the spread of
        each column."""
        return self._sibling(rows=self.rows.single, _passes_before=self._passes_before)

    def exact(self) -> "Problem":
        """The same objective with products in float64, also where X is float32."""
        return self._sibling(rows=self.rows.exact(), _passes_before=self._passes_before)

    def columns(self, index: NDArray[Any]) -> "Problem":
        """The same objective with all coefficients but those of ``index``, which is sorted, held at
        0; this one where they are all."""
        if len(index) == self.n_features:
            return self
        parts = {"rows": self.rows.columns(index), "correction": self.correction.columns(index)}
        if self._feature_names is not None:
            parts["_feature_names"] = [self._feature_names[j] for j in index]
        penalty = self.penalty.restrict(index, np.arange(self.n_outputs))
        return self._like(penalty=penalty, **parts)

    def in_row_space(self) -> tuple["Problem", Array]:
        """The same objective in coordinates of the space that few dense rows span, and its
        orthonormal basis, (n_features, n_coordinates); of a penalty on lengths alone."""
        rows, basis = self.rows.in_row_space()
        coordinates, outputs = np.arange(basis.shape[1]), np.arange(self.n_outputs)
        origin = np.zeros(self.n_outputs), np.zeros(basis.shape[1])
        penalty = self.penalty.restrict(coordinates, outputs)
        return self._like(rows=rows, penalty=penalty, _feature_names=None, _origin=origin), basis

    def with_penalty(self, penalty: Penalty, alpha: float) -> "Problem":
        """The same data loss with another penalty; what is known of the rows stays known."""
        return self.with_bound(penalty.bind(*self.shape, self._feature_names), alpha)

    def with_bound(self, penalty: Penalty, alpha: float) -> "Problem":
        """As :meth:`with_penalty`, of a penalty that knows features and outputs already."""
        penalty, alpha = at_strength(penalty, alpha)
        known = {"knowledge": self.knowledge, "_passes_before": self.rows.passes.total}
        return self._sibling(penalty=penalty, alpha=alpha, **known)

    def _sibling(self, **changes):
        """A problem whose constant model is this one's."""
        return self._like(_first=self._first or self, **changes)

    def inner_intercept(self, coef: Array, intercept: Array) -> Array:
        """The intercept for centred columns that equals a user's intercept."""
        mean, centre = self._origin
        return intercept - mean + centre @ coef

    def rounds_intercepts(self, coef: Array, intercept: Array) -> bool:
        """Whether a user's intercept is so large beside the raw predictions, as columns lie far
        from 0, that its rounding may change values."""
        mean, centre = self._origin
        sizes = np.abs(coef)
        rounding = EPS**0.5 * (np.abs(intercept) + np.abs(mean) + np.abs(centre) @ sizes)
        size = self.scale @ sizes
        if (rounding <= size).all():
            return False
        return bool((rounding > size + np.abs(self.inner_intercept(coef, intercept))).any())

    def intercept_as_stored(self, coef: Array, intercept: Array) -> Array:
        """As :meth:`inner_intercept`, without rounding: a stored intercept is a float, and where it
        cancels large terms, not the one that was best."""
        mean, centre = self._origin
        outputs = np.broadcast_to(coef, (len(coef), len(intercept))).T
        means = np.broadcast_to(mean, intercept.shape)
        triples = zip(outputs, intercept, means, strict=True)
        return np.array([exact_sum(centre, w, [b, -m]) for w, b, m in triples])

    def value_as_stored(self, coef: Array, intercept: Array) -> float:
        """The objective at coefficients and a user's intercept as they are; one pass."""
        shift = self.intercept_as_stored(coef, intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            losses = self.rows.values(self.rows.raw(coef), shift).sum()
        return float(losses + self.alpha * self.penalty.value(coef))

    def outer_intercept(self, point: Point) -> Array:
        """The intercept in terms of the user's X."""
        mean, centre = self._origin
        intercept = point.intercept + mean - centre @ point.coef
        # A shift that all coupled outputs share changes no prediction: leave its mean at 0.
        return intercept if self.rows.is_separate else intercept - intercept.mean()
