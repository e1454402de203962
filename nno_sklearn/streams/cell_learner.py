"""Online learning from a bounded number of cells, refitted by Newton's method.

The cells are a small weighted training set with the second moments of the whole stream. What its
gradient lacks of that of all rows is computed exactly for each chunk of rows, at the model of that
moment, and corrected. Directions in which cells are too few, and sparse cells, lack some of the
second moments: there the loss is corrected to second order.
"""

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from scipy import sparse

from nno_sklearn.neighbors import CellMemory, Scaling
from nno_sklearn.neighbors.memory import FAINT, drawn
from nno_sklearn.problem import Correction, Problem
from nno_sklearn.problem.cost import fits_matrix, takes_newton, too_coupled
from nno_sklearn.solvers.base import Run
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.joint_newton import LAST_SHARE, LEAST_GROWTH, newton_jointly, place_at
from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.preconditioner import diagonal_preconditioner
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.solvers.working_set import solve_by_working_sets
from nno_sklearn.streams.batch import Batch

#: Cells per coefficient by default, and the least and largest automatic number of cells.
CELLS_PER_COEFFICIENT, FEWEST_CELLS, MOST_CELLS = 10, 500, 10_000
#: Fewest rows that are absorbed together.
CHUNK = 2000
#: Rows of a chunk that are searched: as many as there may be cells, and at least so many.
FEWEST_SEARCHED = 250
#: Share of the rows so far that may come before the model is refitted.
UNSEEN_SHARE = 0.01
#: Factor of the raw prediction as a coordinate of distances, in a typical row's Newton steps.
STRETCH = 2.0
#: Distance between classes, in spreads of the columns: farther than rows of a class are.
APART = 1e3
#: Move of the coefficients, in their size, and objective of the rows in memory above the constant
#: model's, in shares of that, from which on a correction is not believed.
FAR, WORSE = 0.1, 1.0
#: L-BFGS corrections in a refit.
N_CORRECTIONS = 10


@dataclass(frozen=True)
class CellState:
    """The state of a stream.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    cells : CellMemory
    remainder : ndarray of shape (n_features + 1, n_outputs)
        Gradient of all absorbed rows, each at the model of its chunk, minus that of cells and
        scatter; the last row is the intercept's.
    loss : float
        Sum of the absorbed rows' losses, each at the model of its chunk.
    reference : tuple of ndarray
        Coefficients and intercept after the last chunk.
    pending : tuple of Batch
        Rows that wait until their chunk is full. Refits use them already.
    n_rows, n_missing : int
        Rows so far, and rows that have come since the last refit.
    """

    coef: np.ndarray
    intercept: np.ndarray
    cells: CellMemory
    remainder: np.ndarray
    loss: float
    reference: tuple
    pending: tuple = ()
    n_rows: int = 0
    n_missing: int = 0

    @classmethod
    def empty(cls, batch):
        """The state before the first row of a stream like ``batch``."""
        (_, p), n_outputs = batch.X.shape, batch.y.shape[1]
        coef, intercept = np.zeros((p, n_outputs)), np.zeros(n_outputs)
        is_sparse = sparse.issparse(batch.X) and not fits_matrix(p)
        return cls(
            coef,
            intercept,
            CellMemory.empty(p, n_outputs, is_sparse=is_sparse),
            np.zeros((p + 1, n_outputs)),
            0.0,
            (coef, intercept),
        )

    def widened(self, widening):
        """The state with outputs for classes that appear later.

        A new class of a softmax begins with the small probability of the rule of succession: so
        what is known of the absorbed rows' gradient, at the model of their chunk, still holds.
        """
        wide = widening.coefficients
        rare = -np.log(widening.n_classes * (self.cells.totals.weight + 1)) * widening.is_coupled
        cells = replace(
            self.cells,
            targets=widening.targets(self.cells.targets),
            cross=widening.gradients(self.cells.cross),
            totals=self.cells.totals.widened(widening),
        )
        return replace(
            self,
            coef=wide(self.coef),
            intercept=wide(self.intercept, rare),
            cells=cells,
            remainder=widening.gradients(self.remainder),
            reference=(wide(self.reference[0]), wide(self.reference[1], rare)),
            pending=tuple(replace(one, y=widening.targets(one.y)) for one in self.pending),
        )

    @property
    def condensed(self):
        """The cells and the pending rows, as one :class:`Batch`."""
        batch = Batch(self.cells.rows, self.cells.targets, self.cells.weight)
        return Batch.join([batch, *self.pending]) if len(batch) else Batch.join(self.pending)


class CellLearner:
    """Options and objective of one call of ``partial_fit``.

    Parameters
    ----------
    objective : Objective
    n_cells : int or None
    metric : str or callable
    forgetting : float or None
        Half-life in rows.
    max_iter : int
    tol : float
    """

    def __init__(self, objective, *, n_cells, metric, forgetting, max_iter, tol):
        self._objective, self._n_cells, self._metric = objective, n_cells, metric
        self._half_life = forgetting or np.inf
        self._max_iter, self._tol = max_iter, tol

    def learn(self, state, batch):
        """The state after the rows of ``batch``.

        Chunks have a fixed size, and each begins at the model of the chunk before: so the cells do
        not depend on how rows are batched.
        """
        size, begin = max(CHUNK, self._budget(batch)), 0
        end = size - sum(map(len, state.pending))
        while end <= len(batch):
            state = self._absorb(_with_waiting(state, batch[begin:end]))
            begin, end = end, end + size
        n_missing = len(batch) - begin + (0 if begin else state.n_missing)
        if begin < len(batch):
            state = _with_waiting(state, batch[begin:])
        state = replace(state, n_missing=n_missing)
        horizon = min(state.n_rows, 1.5 * self._half_life)
        if state.n_missing < min(size, max(1.0, UNSEEN_SHARE * horizon)):
            return state
        coef, intercept = self._refit(state, (state.coef, state.intercept))
        return replace(state, coef=coef, intercept=intercept, n_missing=0)

    def _budget(self, batch):
        n_automatic = CELLS_PER_COEFFICIENT * batch.X.shape[1] * batch.y.shape[1]
        return self._n_cells or min(max(n_automatic, FEWEST_CELLS), MOST_CELLS)

    def _fade(self, n_rows):
        """Factor of a weight after ``n_rows`` more rows; never 0, so that no sum of weights is."""
        return np.maximum(0.5 ** (n_rows / self._half_life), FAINT)

    def _aged(self, batch):
        """The rows with their weights faded to the time of the last one."""
        if np.isinf(self._half_life):
            return batch
        age = np.arange(len(batch))[::-1]
        return replace(batch, weight=batch.weight * self._fade(age))

    def _absorb(self, state):
        """Turn the pending rows into cells.

        The model is fitted with them first. The remainder keeps the gradient exact there, so it
        stays the optimum.
        """
        model = self._refit(state, state.reference)
        chunk = self._aged(Batch.join(state.pending))
        fade = self._fade(len(chunk))
        old, remainder = state.cells.faded(fade), fade * state.remainder
        totals = old.totals.updated(chunk.X, chunk.y, chunk.weight)
        rows, budget = (chunk.X, chunk.y, chunk.weight), self._budget(chunk)
        n_searched = max(FEWEST_SEARCHED, budget)
        if old.price and n_searched < len(chunk) and not sparse.issparse(chunk.X):
            random = np.random.default_rng(state.n_rows)
            rows = drawn(*rows, totals=totals, n_drawn=n_searched, random=random)
        coordinates = self._coordinates(chunk, totals.inverse_scale, model)
        new = old.absorb(*rows, coordinates, n_cells=budget, metric=self._metric).within(totals)
        exact = self._gradient(chunk.X, chunk.y, chunk.weight, model)
        known = self._modelled(new, model) - self._modelled(old, model)
        return replace(
            state,
            coef=model[0],
            intercept=model[1],
            reference=model,
            cells=new,
            remainder=remainder + exact - known,
            loss=fade * state.loss + self._loss(chunk.X, chunk.y, chunk.weight, model),
            pending=(),
        )

    def _coordinates(self, rows, inverse, model):
        """Columns in units of their scales, and raw predictions unless the model is constant."""
        coef, intercept = model
        apart = APART if self._objective.class_factors is not None else 0.0
        if not coef.any():
            return Scaling(inverse, apart=apart)
        eta = rows.X @ coef + intercept
        weight = rows.weight / rows.weight.sum()
        curvature = self._objective.loss_curvature(rows.y, eta, weight).diagonal()
        size = np.sqrt(weight @ self._objective.loss_gradient(rows.y, eta) ** 2)
        step = np.divide(curvature, size, out=np.zeros_like(size), where=size > 0)
        return Scaling(inverse, coef, STRETCH * step, apart)

    def _loss(self, X, y, weight, model):
        coef, intercept = model
        return float(weight @ self._objective.loss_value(y, X @ coef + intercept))

    def _gradient(self, X, y, weight, model):
        coef, intercept = model
        residual = weight[:, None] * self._objective.loss_gradient(y, X @ coef + intercept)
        return np.vstack([X.T @ residual, residual.sum(axis=0)])

    def _modelled(self, cells, model):
        """Gradient of the cells and of their scatter."""
        gradient = self._gradient(cells.rows, cells.targets, cells.weight, model)
        lost = self._lost(cells, model)
        gradient[:-1] += lost.gradient(model[0])
        return gradient

    def _lost(self, cells, model):
        """The term that the rows' scatter inside the cells adds to the objective, near a model.

        To second order, the gradient of a cell's rows is that of their mean, plus the scatter
        times the loss's second derivatives by raw prediction, and by raw prediction and target.
        """
        coef, intercept = model
        n_outputs = coef.shape[1]
        curvature, slope = np.zeros((2, n_outputs, n_outputs))
        if cells.price:
            share = cells.weight / cells.weight.sum()
            eta, y = cells.rows @ coef + intercept, cells.targets
            curvature = self._objective.loss_curvature(y, eta, share)
            here = share @ self._objective.loss_gradient(y, eta)
            for k, unit in enumerate(np.eye(n_outputs)):
                slope[k] = share @ self._objective.loss_gradient(y + unit, eta) - here
        return Correction(cells.cross @ slope, np.zeros(n_outputs), cells.scatter, curvature)

    def _refit(self, state, model):
        """Coefficients and intercept fitted to the cells and the pending rows."""
        pending = Batch.join(state.pending) if state.pending else None
        fade = self._fade(len(pending)) if pending else 1.0
        cells, remainder = state.cells.faded(fade), fade * state.remainder
        parts = [Batch(cells.rows, cells.targets, cells.weight)] if len(cells) else []
        parts += [self._aged(pending)] if pending else []
        problem, total = self._problem(Batch.join(parts))
        n_waiting = sum(map(len, state.pending))
        if len(cells) + n_waiting == state.n_rows:  # each cell is one row: nothing to correct
            return self._minimise(problem, model)
        correction = self._correction(cells, remainder, fade * state.loss, model, total)
        found = self._minimise(problem.corrected(correction), model)
        return self._minimise(problem, model) if _overshoots(problem, model, found) else found

    def _correction(self, cells, remainder, loss, model, total):
        """What cells lack of their rows' share of the objective, near a model."""
        lost = self._lost(cells, model)
        linear, shift = lost.linear + remainder[:-1], remainder[-1]
        whole = Correction(linear, shift, lost.scatter, lost.curvature)
        known = self._loss(cells.rows, cells.targets, cells.weight, model)
        known += whole.values(model[0]).sum() + shift @ model[1]
        level = np.full(len(shift), (loss - known) / len(shift))
        return Correction(
            linear / total, shift / total, lost.scatter / total, lost.curvature, level / total
        )

    def _problem(self, rows):
        """The objective on weighted rows, and their total weight."""
        objective, weight = self._objective, rows.weight
        imagined = objective.imagined_targets(weight @ rows.y, weight.sum())
        if len(imagined):
            mean = np.asarray(weight @ rows.X).reshape(1, -1) / weight.sum()
            mean = sparse.csr_array(mean) if sparse.issparse(rows.X) else mean
            extra = [Batch(mean, target[None], np.ones(1)) for target in imagined]
            rows = Batch.join([rows, *extra])
        y, weight = objective.reweighted(rows.y, rows.weight)
        return Problem.of(objective, rows.X, y, weight), weight.sum()

    def _minimise(self, problem, model):
        """The model that solves a problem, found from another."""
        coef, intercept = model[0], problem.inner_intercept(*model)
        is_cheap = _has_hessian(problem) and (problem.rows.is_separate or takes_newton(problem))
        point = self._by_newton(problem, coef, intercept) if is_cheap else None
        if point is None:
            point = self._by_descent(problem, problem.at(coef, intercept))
        return point.coef, problem.outer_intercept(point)

    def _by_newton(self, problem, coef, intercept):
        """The optimum by Newton's steps in coefficients and intercept; None where they fail."""
        start, steps = place_at(problem, coef, intercept), count(1)
        accuracy = LAST_SHARE * self._tol
        if start.decrease <= np.sqrt(accuracy / LEAST_GROWTH) * start.value:
            coef, intercept = start.after(1.0)
            return start._replace(coef=coef, intercept=intercept)
        goes_on = lambda place: next(steps) < self._max_iter  # noqa: E731
        found, has_ended = newton_jointly(problem, start, accuracy, goes_on)
        return found if has_ended else None

    def _by_descent(self, problem, point):
        """The optimum by descent, from the better of a point and the constant model."""
        if not point.value < problem.null_value:
            point = problem.null
        run = Run(problem, max_iter=self._max_iter, tol=self._tol)
        if not problem.is_smooth:
            return solve_by_working_sets(run, point)
        past = LBFGS(problem, N_CORRECTIONS)
        return descend(run, point, self._preconditioner_of(problem), past)

    @staticmethod
    def _preconditioner_of(problem):
        if not _has_hessian(problem):
            return diagonal_preconditioner
        return lambda point: landmark_preconditioner(point, point, point.curvature)


def _has_hessian(problem):
    """Whether the objective has a Hessian that fits a matrix."""
    is_small = fits_matrix(problem.n_features) and not too_coupled(problem)
    return problem.is_smooth and is_small


def _overshoots(problem, before, model):
    """Whether a corrected model is far from the one before, and far worse than the constant one for
    the rows in memory.

    The correction is linear: where few rows hold the coefficients, such as those of a heavy tail
    under an exponential, the objective may fall along it without end.
    """
    (coef, intercept), scale = model, problem.scale[:, None]
    moved, size = (np.linalg.norm(scale * by) for by in (coef - before[0], before[0]))
    if moved <= FAR * size:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        value = problem.at(coef, problem.inner_intercept(coef, intercept)).value
    return not value - problem.null_value <= WORSE * abs(problem.null_value)


def _with_waiting(state, batch):
    """The state with more pending rows, converted to the cells' format (dense or sparse)."""
    is_sparse = sparse.issparse(batch.X)
    if is_sparse != sparse.issparse(state.cells.rows):
        batch = replace(batch, X=batch.X.toarray() if is_sparse else sparse.csr_array(batch.X))
    return replace(state, pending=(*state.pending, batch), n_rows=state.n_rows + len(batch))
