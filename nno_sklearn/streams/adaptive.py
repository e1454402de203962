"""Online gradient steps with a step size for each coefficient: AdaGrad and FTRL-proximal.

Both work in units of the columns' running sizes (normalised online learning: Ross, Mineiro and
Langford, 2013) and divide by the root of the summed squares of gradients (AdaGrad: Duchi, Hazan
and Singer, 2011). A step of length 1 changes a typical row's raw prediction by its own Newton
step, so there is no learning rate to choose.
"""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nno_sklearn.rows.moments import full_columns
from nno_sklearn.streams.base import Stream
from nno_sklearn.streams.running_moments import RunningMoments

#: Rows of a step.
STEP_ROWS = 32
#: Loss of the latest rows, in the constant model's, from which on the steps do not suit the rows.
WORSE = 3.0
#: Decay of the averaging of iterates (Shamir and Zhang, 2013).
AVERAGING = 8.0
#: Arrays of a state with a row for each column, and one for the intercept.
OF_ITERATES = ("inner", "average", "steepness", "squares")


@dataclass(frozen=True)
class AdaptiveState:
    """The state of a stream; it is immutable.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    inner : ndarray of shape (n_features + 1, n_outputs)
        The iterate, in units of the columns' sizes: coefficients and a correction of the
        intercept for AdaGrad, the summed linear terms for FTRL-proximal.
    average : ndarray like ``inner``
        Mean of the later iterates, which AdaGrad returns.
    steepness : ndarray like ``inner``
        Divisor of the gradients (the inverse step size), which never shrinks.
    squares : ndarray like ``inner``
        Sums of squared gradients.
    moments : RunningMoments
    largest : ndarray of shape (n_features,)
        Largest distance of an entry from its column's mean.
    rows : ndarray of shape (4, n_outputs)
        Weighted sums over the rows of target, size of the loss gradient, curvature and offset.
    n_steps : int
    """

    coef: np.ndarray
    intercept: np.ndarray
    inner: np.ndarray
    average: np.ndarray
    steepness: np.ndarray
    squares: np.ndarray
    moments: RunningMoments
    largest: np.ndarray
    rows: np.ndarray
    n_steps: int = 0

    @classmethod
    def empty(cls, batch):
        """The state before the first row of a stream like ``batch``."""
        p, n_outputs = batch.X.shape[1], batch.y.shape[1]
        zeros = np.zeros((p + 1, n_outputs))
        return cls(
            coef=zeros[:-1],
            intercept=zeros[-1],
            inner=zeros,
            average=zeros,
            steepness=zeros,
            squares=zeros,
            moments=RunningMoments.none(p),
            largest=zeros[:-1, 0],
            rows=np.zeros((4, n_outputs)),
        )

    def widened(self, widening):
        """The state with outputs for classes that appear later.

        Sums of slopes and curvatures are those of rows that all gave a new class the rule of
        succession's share: they were certain, rightly, that it was not theirs.
        """
        wide = {
            name: widening.coefficients(getattr(self, name))
            for name in ("coef", "intercept", "inner", "average")
        }
        steepness, squares = widening.sizes(self.steepness), widening.sizes(self.squares)
        rows = widened_rows(self.rows, self.moments.weight, widening)
        return replace(self, **wide, steepness=steepness, squares=squares, rows=rows)

    def columns_with(self, X):
        """Numbers of the columns that a row so far, or one of a sparse X, has an entry in.

        All other columns have coefficients of exactly 0, and only such in any sum.
        """
        moments = self.moments
        has_entry = (moments.mean != 0) | (moments.square > 0) | (self.largest > 0)
        has_entry[X.indices] = True
        return np.flatnonzero(has_entry)

    def restricted(self, columns):
        """The state of a stream of these columns alone."""
        cut = {name: getattr(self, name)[and_last(columns)] for name in OF_ITERATES}
        moments = replace(
            self.moments,
            mean=self.moments.mean[columns],
            square=self.moments.square[columns],
        )
        return replace(
            self, coef=self.coef[columns], moments=moments, largest=self.largest[columns], **cut
        )

    def with_columns(self, columns, part):
        """This state, after a stream of these columns alone has gone on to the state ``part``."""
        moved = {
            name: put(getattr(self, name), and_last(columns), getattr(part, name))
            for name in OF_ITERATES
        }
        moments = replace(
            part.moments,
            mean=put(self.moments.mean, columns, part.moments.mean),
            square=put(self.moments.square, columns, part.moments.square),
        )
        return replace(
            part,
            coef=put(self.coef, columns, part.coef),
            moments=moments,
            largest=put(self.largest, columns, part.largest),
            **moved,
        )

    @cached_property  # each step asks three times
    def inverse_scale(self):
        """1 / size of each column, (n_features, 1); 0 for constant ones.

        The geometric mean of spread and largest entry, which is far above the spread in rare
        features; scaled so that a row has size 1.
        """
        inverse = self.moments.inverse_scale
        rarity = np.divide(
            1.0, inverse * self.largest, out=np.zeros_like(inverse), where=inverse > 0
        )
        return (inverse * np.sqrt(rarity / max(rarity.sum(), 1e-300)))[:, None]


class _Steps:
    """One pass over a batch in steps of a few rows; subclasses define the step.

    Parameters
    ----------
    objective : Objective
    """

    def __init__(self, objective):
        self._objective = objective

    def learn(self, state, batch):
        """The state after the rows of ``batch``.

        Sparse ones take steps in the columns with entries so far alone: those of hashed words are
        mostly empty.
        """
        if not (sparse.issparse(batch.X) and self._objective.penalty.is_elementwise):
            return self._steps(state, batch)
        columns = state.columns_with(batch.X)
        penalty = self._objective.penalty.restrict(columns, np.arange(batch.y.shape[1]))
        steps = type(self)(replace(self._objective, penalty=penalty))
        part = replace(batch, X=batch.X[:, columns])
        return state.with_columns(columns, steps._steps(state.restricted(columns), part))

    def _steps(self, state, batch):
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(batch), STEP_ROWS):
                state = self._step(state, batch[first : first + STEP_ROWS])
        if not (np.isfinite(state.inner).all() and np.isfinite(state.squares).all()):
            raise ValueError(
                "The loss of these rows overflows: targets or columns are too large for it. "
                "Scale them, or use stream='cells'."
            )
        coef, intercept = self._outer(state, self._answer(state))
        state = replace(state, coef=coef, intercept=intercept)
        self._warn_of_worse(state, batch)
        return state

    def _warn_of_worse(self, state, batch):
        """Say so where the latest rows are far better explained by a constant, and by nothing at
        all: rows of one class so far are by a constant alone."""
        if len(batch) < STEP_ROWS:
            return
        eta = batch.X @ state.coef + state.intercept
        offset = 0.0 if batch.offset is None else batch.offset
        _, base = self._outer(state, np.zeros_like(state.inner))
        with np.errstate(over="ignore", invalid="ignore"):
            ours, constant, none = (
                batch.weight @ self._objective.loss_value(batch.y, one + offset)
                for one in (eta, 0.0 * eta + base, 0.0 * eta)
            )
        if not ours <= WORSE * max(constant, none):
            warnings.warn(
                "The latest rows are far better explained by a constant than by the model that "
                "was learnt in steps: a few entries far from the others, under a loss such as "
                "Poisson's, make steps too long, and so do rows that are not in random order. Use "
                "stream='cells', or clip or transform such columns.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _step(self, state, part):
        objective = self._objective
        y, weight = objective.reweighted(part.y, part.weight)
        moments = state.moments.updated(part.X, weight, centred=objective.fit_intercept)
        rows = state.rows.copy()
        largest = np.maximum(state.largest, _largest(part.X, moments.mean))
        state = replace(state, moments=moments, largest=largest, rows=rows)
        rows[0] += weight @ y
        if part.offset is not None:
            rows[3] += weight @ part.offset
        inner = self._inner(state)
        coef, intercept = self._outer(state, inner)
        eta = part.X @ coef + intercept
        if part.offset is not None:
            eta += part.offset
        slope, curvature = objective.slopes(y, eta, weight)
        rows[1] += weight @ np.abs(slope)
        rows[2] += curvature
        gradient = self._gradient(state, part.X, weight[:, None] * slope)
        return self._moved(state, inner, gradient, weight.sum())

    def _gradient(self, state, X, residual):
        """Gradient by the inner coefficients, those of centred and scaled columns."""
        total = residual.sum(axis=0)
        gradient = X.T @ residual - np.outer(state.moments.mean, total)
        gradient *= state.inverse_scale
        return np.vstack([gradient, total if self._objective.fit_intercept else 0.0 * total])

    def _steeper(self, state, gradient):
        """Sums of squares and divisors after one more gradient."""
        squares = state.squares + gradient**2
        _, slope, curvature, _ = state.rows
        curvature = np.maximum(curvature, 1e-12 * state.moments.weight)
        unit = slope / curvature  # a typical row's Newton step
        steepness = np.divide(np.sqrt(squares), unit, out=np.zeros_like(squares), where=unit > 0)
        return squares, np.maximum(state.steepness, steepness)

    def _outer(self, state, inner):
        """Coefficients and intercept for the user's columns."""
        coef = inner[:-1] * state.inverse_scale
        if not self._objective.fit_intercept:
            return coef, np.zeros(inner.shape[1])
        intercept = inner[-1] + self._objective.base(state.rows, state.moments.weight)
        return coef, intercept - state.moments.mean @ coef


class _GradientSteps(_Steps):
    """AdaGrad steps on the objective, and the average of the later iterates."""

    def _inner(self, state):
        return state.inner

    def _answer(self, state):
        return state.average

    def _moved(self, state, inner, gradient, weight):
        objective, inverse = self._objective, state.inverse_scale
        squares, steepness = self._steeper(state, gradient)
        coef = inner[:-1] * inverse
        slope = objective.penalty.gradient(coef)
        pull = np.zeros_like(inner)
        pull[:-1] = objective.alpha * weight * inverse * slope
        # A penalty's own curvature bounds the step along it.
        of_penalty = np.zeros_like(inner)
        of_penalty[:-1] = objective.alpha * weight * inverse**2 * objective.penalty.curvature(coef)
        divisor = steepness + of_penalty
        used = steepness > 0
        inner = inner - np.divide(gradient + pull, divisor, out=np.zeros_like(inner), where=used)
        n_steps = state.n_steps + 1
        share = (1 + AVERAGING) / (n_steps + AVERAGING)
        average = state.average + share * (inner - state.average)
        return replace(
            state,
            inner=inner,
            average=average,
            steepness=steepness,
            squares=squares,
            n_steps=n_steps,
        )


class _LeaderSteps(_Steps):
    """FTRL-proximal steps: each minimises the sum of all gradients' linear terms, proximal terms
    around the past iterates, and the whole penalty.
    """

    def _inner(self, state):
        objective, inverse = self._objective, state.inverse_scale
        used = state.steepness > 0
        inverse_steepness = np.divide(
            1.0, state.steepness, out=np.zeros_like(state.inner), where=used
        )
        centre = -state.inner * inverse_steepness
        step = inverse**2 * inverse_steepness[:-1]
        coef = objective.penalty.prox(
            centre[:-1] * inverse, objective.alpha * state.moments.weight * step
        )
        scale = np.divide(1.0, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        centre[:-1] = np.where(used[:-1], coef * scale, 0.0)
        return centre

    def _answer(self, state):
        return self._inner(state)

    def _moved(self, state, inner, gradient, weight):
        squares, steepness = self._steeper(state, gradient)
        linear = state.inner + gradient - (steepness - state.steepness) * inner
        return replace(
            state, inner=linear, steepness=steepness, squares=squares, n_steps=state.n_steps + 1
        )


class AdaptiveGradient(Stream):
    """AdaGrad (Duchi, Hazan and Singer, 2011) in steps of 32 rows, with averaged later iterates.

    Steps are in units of the columns' running sizes and of a typical row's Newton step, so that
    there is no learning rate. For differentiable penalties and rows in random order.
    """

    requires = frozenset({"loss.gradient", "penalty.gradient"})
    takes_offset = True

    def learn(self, state, batch, objective, *, max_iter, tol):
        return _GradientSteps(objective).learn(state or AdaptiveState.empty(batch), batch)


class FollowTheLeader(Stream):
    """FTRL-proximal (McMahan et al., 2013) in steps of 32 rows: the penalty is never linearised.

    Each step minimises the penalty, weighted by all rows so far, so that l1 keeps coefficients at
    exactly 0. Step sizes are those of :class:`AdaptiveGradient`. For rows in random order, and
    penalties that are a sum over the coefficients and allow 0.
    """

    requires = frozenset({"loss.gradient", "penalty.prox"})
    takes_offset = True

    def objection(self, penalty, shape):
        return objection_to_ties(penalty, shape)

    def learn(self, state, batch, objective, *, max_iter, tol):
        return _LeaderSteps(objective).learn(state or AdaptiveState.empty(batch), batch)


def objection_to_ties(penalty, shape):
    """Why steps of each coefficient's own size cannot heed a penalty; "" where they can."""
    name = type(penalty).__name__
    if not penalty.is_elementwise:
        return f"gives each coefficient a step of its own, but {name} ties some together"
    if penalty.feasible_start(shape).any():
        return f"begins at 0, and stays there for features not seen yet, which {name} forbids"
    return ""


def widened_rows(rows, weight, widening):
    """A state's sums over the rows, of this weight, with outputs for classes that appear later."""
    mass, slope, curvature, offset = rows
    wide = [
        widening.targets(mass, weight),
        widening.sizes(slope, new=1 / widening.n_classes),
        widening.sizes(curvature, new=1 / widening.n_classes),
        widening.coefficients(offset),
    ]
    return np.stack(wide)


def and_last(columns):
    """Rows of an iterate that belong to these columns, and the intercept's, the last."""
    return np.append(columns, -1)


def put(array, index, values):
    """A copy with other values at an index."""
    array = array.copy()
    array[index] = values
    return array


def _largest(X, mean):
    """Largest distance of each column's entries from its mean."""
    if not sparse.issparse(X):
        return np.maximum(X.max(axis=0) - mean, mean - X.min(axis=0))
    largest = np.where(full_columns(X), 0.0, np.abs(mean))
    np.maximum.at(largest, X.indices, np.abs(X.data - mean[X.indices]))
    return largest
