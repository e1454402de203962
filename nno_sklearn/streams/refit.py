"""Refits of a model to cells and to rows that wait for theirs.

What the gradient of cells lacks of that of their rows is corrected. Where directions have too few
cells, and of sparse ones, some of the second moments are lacking: there the loss is corrected to
second order.
"""

from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy import sparse

from nno_sklearn.neighbors import CellMemory
from nno_sklearn.problem import Correction, Problem
from nno_sklearn.problem.cost import fits_matrix, is_nearly_sharp, takes_newton, too_coupled
from nno_sklearn.solvers.descent import descend
from nno_sklearn.solvers.joint_newton import LAST_SHARE, LEAST_GROWTH, newton_jointly, place_at
from nno_sklearn.solvers.landmark_preconditioner import landmark_preconditioner
from nno_sklearn.solvers.preconditioner import diagonal_preconditioner
from nno_sklearn.solvers.run import Run
from nno_sklearn.solvers.secants import LBFGS
from nno_sklearn.solvers.working_set import solve_by_working_sets
from nno_sklearn.streams.batch import Batch

#: Move of the coefficients, in their size, and objective of the rows in memory above the constant
#: model's, in shares of that, from which on a correction is not believed.
FAR, WORSE = 0.1, 1.0
#: L-BFGS corrections in a refit.
N_CORRECTIONS = 10
#: Share of the objective that a step may promise where the Hessian is that of the cells alone, and
#: share of what the step before did.
NEAR, FALLS = 1e-2, 0.1
#: Widths of losses in place of one whose curved part is too narrow for Newton's steps, in shares of
#: the objective: the first has most rows on it, and the last is above the loss by half its share
#: at most.
WIDTHS = (8.0, 1.0, 0.1, 0.01)
#: The same where rows are in cells.
LEARNT_WIDTH = 0.3
#: Share of the weight of all rows that those may have whose Hessian the cells' one stands for, and
#: how many entries they have where that saves more than a second look at all rows costs.
MOST_PENDING, FEWEST_ENTRIES = 0.5, 4e4


class Known(NamedTuple):
    """What is kept of absorbed rows: cells, the gradient that these lack, (n_features + 1,
    n_outputs), and the rows' loss."""

    cells: CellMemory
    remainder: np.ndarray
    loss: float

    @property
    def batch(self):
        """The cells as rows."""
        return Batch(self.cells.rows, self.cells.targets, self.cells.weight)

    def times(self, factor):
        """As if all rows weighed ``factor`` times as much."""
        return Known(self.cells.faded(factor), factor * self.remainder, factor * self.loss)


class Refit:
    """How a call of ``partial_fit`` fits models, which are pairs of coefficients and intercept.

    Parameters
    ----------
    objective : StreamObjective
    max_iter : int
    tol : float
    """

    def __init__(self, objective, *, max_iter, tol):
        self.objective, self._max_iter, self._tol = objective, max_iter, tol

    def suited(self, batches, model):
        """Refits with a wider loss where hardly any row is on the curved part of the loss: cells
        would know nothing of the second derivatives of their rows."""
        sharp = self.objective.loss.sharp
        if sharp is None:
            return self
        problem, _ = self._problem(Batch.join(batches))
        if not is_nearly_sharp(problem):
            return self
        loss = sharp.smoothed(_width(problem, model, LEARNT_WIDTH))
        objective = replace(self.objective, loss=loss)
        return Refit(objective, max_iter=self._max_iter, tol=self._tol)

    def to_rows(self, rows, model):
        """The model fitted to these rows alone, from another."""
        return self._minimise(self._problem(rows)[0], model)

    def to_all(self, known, pending, model):
        """The model fitted to absorbed rows and to pending ones (or None), from another."""
        is_dear = pending and pending.X.shape[0] * pending.X.shape[1] >= FEWEST_ENTRIES
        found = self._by_cells(known, pending, model) if is_dear else None
        return found or self._jointly(known, pending, model)

    def look(self, known, model):
        """A :class:`Look` at the cells, and the term that their rows' scatter adds to the
        objective near a model, of which the look's gradient has its part.

        To second order, the gradient of a cell's rows is that of their mean, plus the scatter
        times the loss's second derivatives by raw prediction, and by raw prediction and target.
        """
        (coef, intercept), cells = model, known.cells
        look, n_outputs = self.objective.look(known.batch, *model), coef.shape[1]
        curvature, slope = np.zeros((2, n_outputs, n_outputs))
        if cells.price:
            total, eta = cells.weight.sum(), cells.rows @ coef + intercept
            curvature = look.curvature / total
            for k, unit in enumerate(np.eye(n_outputs)):
                moved = cells.weight @ self.objective.loss_gradient(cells.targets + unit, eta)
                slope[k] = (moved - look.gradient[-1]) / total
        lost = Correction(cells.cross @ slope, np.zeros(n_outputs), cells.scatter, curvature)
        look.gradient[:-1] += lost.gradient(coef)
        return look, lost

    def _by_cells(self, known, pending, model):
        """Newton's steps with the cells' Hessian in place of the pending rows', whose gradient is
        exact; None where they do not end soon.

        Late in a stream pending rows are few beside those before, and so is what the Hessians
        differ by; that of the cells takes a part of the time.
        """
        masses = [self._mass(rows) for rows in (known.batch, pending)]
        share = masses[1] / sum(masses)
        if share > MOST_PENDING:
            return None
        grown = known._replace(cells=known.cells.faded(1.0 / (1.0 - share)))
        problem, total = self._problem(grown.batch)
        if problem.n_samples > len(grown.cells):  # some are imagined: pending rows may have them
            return None
        if not _is_cheap(problem):
            return None
        start, promised = model, None
        for _ in range(self._max_iter):
            new, (look, lost) = self.objective.look(pending, *model), self.look(grown, model)
            grown = grown._replace(
                remainder=known.remainder + new.gradient - share * look.gradient,
                loss=known.loss + new.loss,
            )
            corrected = problem.corrected(_correction(grown, look, lost, model, total))
            place = place_at(corrected, model[0], problem.inner_intercept(*model))
            most = NEAR * place.value if promised is None else FALLS * promised
            if not place.decrease <= most:
                return None
            left = place.decrease * (place.decrease / promised if promised else 1.0)
            reached, promised = _after(place), place.decrease
            model = reached.coef, problem.outer_intercept(reached)
            if left <= LAST_SHARE * self._tol * place.value:
                return None if _is_far(problem, start, model) else model
        return None

    def _jointly(self, known, pending, model):
        """The optimum for cells and pending rows, from another model."""
        problem, total = self._problem(
            Batch.join([known.batch, pending] if pending else [known.batch])
        )
        correction = _correction(known, *self.look(known, model), model, total)
        found = self._minimise(problem.corrected(correction), model)
        return self._minimise(problem, model) if _overshoots(problem, model, found) else found

    def _mass(self, rows):
        return self.objective.reweighted(rows.y, rows.weight)[1].sum()

    def _problem(self, rows):
        """The objective on weighted rows, and their total weight."""
        weight = rows.weight
        imagined = self.objective.imagined_targets(weight @ rows.y, weight.sum())
        if len(imagined):
            mean = np.asarray(weight @ rows.X).reshape(1, -1) / weight.sum()
            mean = sparse.csr_array(mean) if sparse.issparse(rows.X) else mean
            extra = [Batch(mean, target[None], np.ones(1)) for target in imagined]
            rows = Batch.join([rows, *extra])
        y, weight = self.objective.reweighted(rows.y, rows.weight)
        return Problem.of(self.objective, rows.X, y, weight), weight.sum()

    def _minimise(self, problem, model):
        """The model that solves a problem, found from another."""
        sharp = problem.loss.sharp
        if sharp is None or not is_nearly_sharp(problem):
            return self._descended(problem, model)
        for share in WIDTHS:
            wider = problem.with_loss(sharp.smoothed(_width(problem, model, share)))
            model = self._descended(wider, model)
        return model

    def _descended(self, problem, model):
        """The model that solves a problem with a loss that is curved about where most rows are."""
        coef, intercept = model[0], problem.inner_intercept(*model)
        point = self._by_newton(problem, coef, intercept) if _is_cheap(problem) else None
        if point is None:
            point = self._by_descent(problem, problem.at(coef, intercept))
        return point.coef, problem.outer_intercept(point)

    def _by_newton(self, problem, coef, intercept):
        """The optimum by Newton's steps in coefficients and intercept; None where they fail."""
        start, steps = place_at(problem, coef, intercept), count(1)
        accuracy = LAST_SHARE * self._tol
        if start.decrease <= np.sqrt(accuracy / LEAST_GROWTH) * start.value:
            end = _after(start) if problem.loss.largest_curvature is None else start.end(problem)
            if end is not None:
                return end
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


def _correction(known, look, lost, model, total):
    """What cells lack of their rows' share of the objective, near a model."""
    linear, shift = lost.linear + known.remainder[:-1], known.remainder[-1]
    whole = Correction(linear, shift, lost.scatter, lost.curvature)
    lacking = known.loss - look.loss - whole.values(model[0]).sum() - shift @ model[1]
    level = np.full(len(shift), lacking / len(shift))
    return Correction(
        linear / total, shift / total, lost.scatter / total, lost.curvature, level / total
    )


def _is_cheap(problem):
    """Whether Newton's steps in coefficients and intercept together cost less than others."""
    return _has_hessian(problem) and (problem.rows.is_separate or takes_newton(problem))


def _has_hessian(problem):
    """Whether the objective has a Hessian that fits a matrix."""
    is_small = fits_matrix(problem.n_features) and not too_coupled(problem)
    return problem.is_smooth and is_small


def _width(problem, model, share):
    """Width of a loss that may be below that of the problem by half a share of its objective."""
    least = min(problem.null_value, _value(problem, model))
    return share * least / problem.loss.sharp.steepest**2


def _value(problem, model):
    """The objective of a model."""
    return problem.at(model[0], problem.inner_intercept(*model)).value


def _is_far(problem, before, model):
    """Whether coefficients are far from those before, in units of the columns' scales."""
    scale = problem.scale[:, None]
    moved, size = (np.linalg.norm(scale * by) for by in (model[0] - before[0], before[0]))
    return not moved <= FAR * size


def _overshoots(problem, before, model):
    """Whether a corrected model is far from the one before, and far worse than the constant one for
    the rows in memory.

    The correction is linear: where few rows hold the coefficients, such as those of a heavy tail
    under an exponential, the objective may fall along it without end.
    """
    if not _is_far(problem, before, model):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        value = _value(problem, model)
    return not value - problem.null_value <= WORSE * abs(problem.null_value)


def _after(place):
    """The place to which a step leads."""
    coef, intercept = place.after(1.0)
    return place._replace(coef=coef, intercept=intercept)
