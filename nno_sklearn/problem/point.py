"""Point and Line: the objective at coefficients and along a direction, one pass over X each."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nno_sklearn._copies import copy_of
from nno_sklearn.problem.certificate import dual_gap, promised_decrease
from nno_sklearn.problem.intercept import PRECISION, Look, best_intercept
from nno_sklearn.rows import Raw, RowCurvature, RowSums
from nno_sklearn.types import Array, Scalar

if TYPE_CHECKING:
    from nno_sklearn.problem.problem import Problem

#: Precision of the intercept along a line, where a correction of second order makes up for it.
ALONG_A_LINE = 1e-4
#: Share of the constant model's objective that any objective counts as, where accuracy is relative.
LEAST_UNIT = 1e-6
#: What a point derives from its coefficients, beside the gradient of the data loss.
DERIVED = (
    "of_penalty",
    "value",
    "values",
    "gradient",
    "data_diagonal",
    "dual_gap",
    "promised_decrease",
)


class Point:
    """A coefficient array with its raw predictions: values here cost no pass, the gradient one.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
        At its optimum for ``coef``, to the precision that was asked for.
    raw : Raw
        Handle of ``X @ coef`` without the intercept.
    sums : RowSums
        Of the loss's derivatives over the rows.
    is_afresh : bool
        Whether the raw predictions are a product with the coefficients, not a sum of steps.
    """

    #: The problem is no part of what is known of a point, which the problem may keep.
    __slots__ = ("__dict__", "problem")
    is_afresh = False

    def __init__(
        self,
        problem: "Problem",
        coef: Array,
        raw: Raw,
        intercept: Array | None = None,
        precision: float = PRECISION,
    ) -> None:
        self.problem, self.coef, self.raw = problem, coef, raw
        if problem.fit_intercept:
            start = problem.mean_intercept if intercept is None else intercept
            look = Look(problem, coef, raw)
            self.intercept, self.sums = best_intercept(look, start, precision)
            self.sums.curvature.release()
        else:
            self.intercept = np.zeros(problem.n_outputs)

    @classmethod
    def known(cls, problem: "Problem", known: dict[str, Any]) -> "Point":
        """The point of a problem of which this is known, as ``vars`` of one tells; what the new
        one learns is added."""
        point = cls.__new__(cls)
        point.problem, point.__dict__ = problem, known
        return point

    @cached_property
    def sums(self) -> RowSums:
        return Look(self.problem, self.coef, self.raw).sums(self.intercept)

    @property
    def curvature(self) -> RowCurvature:
        """Handle of the rows' second derivatives; made anew each time, being as long as they."""
        return self.problem.rows.curvature(self.raw, self.intercept)

    @cached_property
    def _losses(self):
        problem, b = self.problem, self.intercept
        values = problem.rows.values(self.raw, b) + problem.correction.shift * b
        return values + problem.correction.values(self.coef)

    @property
    def data_loss(self) -> float:
        """Weighted mean of the loss."""
        return float(self._losses.sum())

    @cached_property
    def of_penalty(self) -> Scalar:
        """The penalty's share of the objective."""
        return self.problem.alpha * self.problem.penalty.value(self.coef)

    @cached_property
    def value(self) -> Scalar:
        """The objective F."""
        return self.data_loss + self.of_penalty

    @property
    def unit(self) -> Scalar:
        """What ``tol`` is a share of: the objective, but no less than a small share of the constant
        model's, as an optimum may be 0."""
        return max(self.value, LEAST_UNIT * self.problem.null_value)

    @cached_property
    def values(self) -> Array:
        """The objective's share of each output, (n_outputs,); the sum, (1,), if they interact."""
        return self.problem.joined(self._losses) + self.problem.penalties(self.coef)

    @cached_property
    def data_gradient(self) -> Array:
        """Gradient of the data loss; one pass."""
        _ = self.sums  # the rows keep the residual that these sums make, and it serves here
        gradient = self.problem.rows.gradient(self.raw, self.intercept)
        return gradient + self.problem.correction.gradient(self.coef)

    def learn_gradient(self, gradient: Array) -> None:
        """Take the gradient of the data loss from a look of second order, for which it is none."""
        self.data_gradient = gradient
        self.release()

    def release(self) -> None:
        """Free the residual, which only the gradient needs; it can be computed again."""
        self.problem.rows.release(self.raw)

    @cached_property
    def gradient(self) -> Array:
        """Gradient of F, for differentiable penalties."""
        return self.data_gradient + self.problem.alpha * self.problem.penalty.gradient(self.coef)

    @cached_property
    def data_diagonal(self) -> Array:
        """Estimate of the diagonal of the data loss's Hessian, of w's shape; no pass.

        Mean curvature of the rows times the columns' variances; always positive where the
        column is not constant.
        """
        problem, mean = self.problem, self.sums.curvature.diagonal
        if problem.loss.largest_curvature is not None:
            mean = np.full_like(mean, problem.loss.largest_curvature)
        return problem.scale[:, None] ** 2 * mean

    @property
    def diagonal_curvature(self) -> Array:
        """Estimate of the diagonal of the Hessian of F, of w's shape; no pass."""
        penalty = self.problem.penalty.curvature(self.coef)
        return self.data_diagonal + self.problem.alpha * penalty

    @cached_property
    def dual_gap(self) -> float:
        """Bound on ``value`` minus the optimum; inf where none is known."""
        return dual_gap(self)

    @cached_property
    def promised_decrease(self) -> Array:
        """Predicted decrease of the objective by each coefficient alone, of w's shape."""
        return promised_decrease(self)

    def of(self, problem: "Problem") -> "Point":
        """The same coefficients in a problem that has another penalty; no pass."""
        return self._moved(problem, self.coef, DERIVED)

    def on_columns(self, problem: "Problem", index: NDArray[Any]) -> "Point":
        """The same coefficients in a problem that has only the columns ``index``; no pass."""
        part = self._moved(problem, self.coef[index], DERIVED)
        part.data_gradient = self.data_gradient[index]
        return part

    def widened(self, problem: "Problem", index: NDArray[Any]) -> "Point":
        """The same coefficients in a problem with all columns, of which these are ``index``."""
        coef = np.zeros(problem.shape)
        coef[index] = self.coef
        return self._moved(problem, coef, (*DERIVED, "data_gradient"))

    def _moved(self, problem, coef, derived):
        """The same raw predictions as coefficients of another problem."""
        twin = copy_of(self)
        twin.problem, twin.coef = problem, coef
        for name in derived:
            vars(twin).pop(name, None)
        return twin

    def towards(self, direction: Array) -> "Line":
        """The line from here along ``direction``; one pass."""
        return Line(self, direction, self.problem.rows.raw(direction))


class Line:
    """The objective on ``w + t * direction``, with the intercept optimal at every t: no pass.

    Where outputs interact, and where the loss is nearly linear, derivatives are those on a line in
    w and b together, on which b moves as its optimum does at t = 0: the optimal intercept takes
    many looks there, and only the point at which a search ends needs it.

    ``t`` is an array of shape (n_outputs,) where the outputs do not interact, so that each has
    a step of its own, else of shape (1,); numbers are fine too.

    Parameters
    ----------
    start : Point
    direction : ndarray of shape (n_features, n_outputs)
    slope : Raw, default=None
        Handle of ``X @ direction``; None for one that is made when it is needed.
    """

    def __init__(self, start: Point, direction: Array, slope: Raw | None = None) -> None:
        self.start, self.direction = start, direction
        if slope is not None:
            self.slope = slope
        self._t, self._intercept = np.zeros(1), start.intercept
        self._point, self._point_t = start, np.zeros(1)

    @cached_property
    def slope(self) -> Raw:
        return self.start.problem.rows.raw(self.direction)

    @cached_property
    def _secant(self):
        """Slope of a nonsmooth penalty's secant from t = 0 to 1, an upper bound by convexity."""
        problem, start = self.start.problem, self.start.coef
        return problem.penalties(start + self.direction) - problem.penalties(start)

    @property
    def moves(self) -> NDArray[np.bool_]:
        """Whether the direction is not 0, of t's shape."""
        return self.start.problem.joined(np.abs(self.direction).max(axis=0, initial=0.0)) > 0

    @property
    def longest(self) -> float:
        """Largest useful t: beyond 1, a nonsmooth penalty lies above its secant."""
        return np.inf if self.start.problem.is_smooth else 1.0

    @property
    def initial_slope(self) -> Array:
        """Derivative by t at 0, from the gradient there."""
        problem = self.start.problem
        if problem.is_smooth:
            return problem.inner(self.start.gradient, self.direction)
        return problem.inner(self.start.data_gradient, self.direction) + self._secant

    @property
    def slope_rounding(self) -> float | Array:
        """Rounding of the initial slope, which for a nonsmooth penalty is a difference."""
        if self.start.problem.is_smooth:
            return 0.0
        return 1e-14 * np.abs(self.start.values)

    def point(self, t: Any) -> Point:
        """The point at t; no pass."""
        if not np.array_equal(t, self._point_t):
            problem, coef = self.start.problem, self.start.coef + t * self.direction
            raw = problem.rows.combined(self.start.raw, t, self.slope)
            self._point = problem.with_raw(coef, raw, self._near(t))
            self._point_t = t
        return self._point

    @property
    def _is_joint(self) -> bool:
        """Whether derivatives are those on a line in coefficients and intercept together."""
        problem = self.start.problem
        return not problem.rows.is_separate or problem.loss.is_nearly_linear

    @cached_property
    def _drift(self) -> Any:
        """Derivative of the optimal intercept by t, at 0, or where it was looked at last."""
        problem, start = self.start.problem, self.start
        if not (problem.fit_intercept and self._is_joint):
            return 0.0
        sums = Look(problem, start.coef, start.raw, self.slope).sums(start.intercept)
        return -sums.curvature.solve(sums.mixed)

    def _near(self, t):
        """Where the intercept should be at t, to first order."""
        return self._intercept + (t - self._t) * self._drift

    def value(self, t: Any) -> Any:
        """The objective at t."""
        return self.point(t).value

    def derivatives(self, t: Any) -> tuple[Array, Array]:
        """First and second derivatives by t, with the intercept as the class describes it.

        A nonsmooth penalty counts with its secant from t = 0 to 1, an upper bound.
        Where the intercept is optimal, the second one is exact to a part of about
        ``ALONG_A_LINE``, the first to its square.
        """
        problem = self.start.problem
        penalty, alpha = problem.penalty, problem.alpha
        coef = self.start.coef + t * self.direction
        look = Look(problem, coef, self.start.raw, self.slope, t)
        if not problem.fit_intercept:
            sums = look.sums(self.start.intercept)
            first, second = problem.joined(sums.first), problem.joined(sums.second)
        elif self._is_joint:
            along = look.derivatives_along(self.start.intercept, self._drift)
            first, second = (problem.joined(part) for part in along)
        else:
            first, second = self._at_the_optimum(look, t)
        if not problem.correction.is_zero:
            product = problem.correction.product(self.direction)
            first = first + problem.inner(problem.correction.gradient(coef), self.direction)
            second = second + problem.inner(product, self.direction)
        if not problem.is_smooth:
            return first + self._secant, second
        first = first + alpha * problem.inner(penalty.gradient(coef), self.direction)
        product = penalty.curvature(coef) * self.direction
        return first, second + alpha * problem.inner(product, self.direction)

    def _at_the_optimum(self, look, t):
        """The data loss's derivatives, each output's intercept at its optimum."""
        problem = self.start.problem
        intercept, sums = best_intercept(look, self._near(t), ALONG_A_LINE)
        first, second, self._t = problem.joined(sums.first), problem.joined(sums.second), t
        if np.isfinite(second).all():
            left = -sums.curvature.solve(sums.total)
            self._intercept, self._drift = intercept + left, -sums.curvature.solve(sums.mixed)
            first = first + problem.inner(sums.mixed[None], left[None])
            second = second + problem.inner(sums.mixed[None], self._drift[None])
        return first, second
