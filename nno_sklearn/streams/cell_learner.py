"""Online learning from a bounded number of cells.

The cells are a small weighted training set with the second moments of the whole stream. What its
gradient lacks of that of all rows is computed exactly for each chunk of rows, at the model of that
moment, and corrected in refits.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nno_sklearn.neighbors import CellMemory, Scaling
from nno_sklearn.neighbors.memory import FAINT, drawn
from nno_sklearn.problem.cost import fits_matrix
from nno_sklearn.streams.batch import Batch
from nno_sklearn.streams.refit import Known, Refit

#: Cells per coefficient by default, and the least and largest automatic number of cells.
CELLS_PER_COEFFICIENT, FEWEST_CELLS, MOST_CELLS = 10, 500, 10_000
#: Fewest rows that are absorbed together.
CHUNK = 2000
#: Rows of a chunk that are drawn to be searched, in numbers of cells, and how many at least.
DRAWN, FEWEST_DRAWN = 0.5, 250
#: Share of the rows so far that may come before the model is refitted.
UNSEEN_SHARE = 0.01
#: Factor of the raw prediction as a coordinate of distances, in a typical row's Newton steps.
STRETCH = 2.0
#: Distance between classes, in spreads of the columns: farther than rows of a class are.
APART = 1e3


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
        self._refit = Refit(objective, max_iter=max_iter, tol=tol)

    def learn(self, state, batch):
        """The state after the rows of ``batch``.

        Chunks have a fixed size, and each begins at the model of the chunk before: so the cells do
        not depend on how rows are batched.
        """
        size, begin = max(CHUNK, self._budget(batch)), 0
        end = size - sum(map(len, state.pending))
        while end <= len(batch):
            state = self._absorb(_with_waiting(state, batch.part(slice(begin, end))))
            begin, end = end, end + size
        n_missing = len(batch) - begin + (0 if begin else state.n_missing)
        if begin < len(batch):
            state = _with_waiting(state, batch[begin:])
        state = replace(state, n_missing=n_missing)
        horizon = min(state.n_rows, 1.5 * self._half_life)
        if state.n_missing < min(size, max(1.0, UNSEEN_SHARE * horizon)):
            return state
        coef, intercept = self._fit(state, *self._now(state), (state.coef, state.intercept))
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

    def _now(self, state):
        """What is known of the absorbed rows, and pending ones, weighted as of the last row."""
        known = Known(state.cells, state.remainder, state.loss)
        if not state.pending:
            return known, None
        pending = Batch.join(state.pending)
        return known.times(self._fade(len(pending))), self._aged(pending)

    def _fit(self, state, known, pending, model):
        if pending and len(known.cells) + len(pending) == state.n_rows:  # each cell is one row
            rows = Batch.join([known.batch, pending]) if len(known.cells) else pending
            return self._refit.to_rows(rows, model)
        rows = [known.batch, pending] if pending else [known.batch]
        return self._refit.suited(rows, model).to_all(known, pending, model)

    def _absorb(self, state):
        """Turn the pending rows into cells.

        The model is fitted with them first. The remainder keeps the gradient exact there, so it
        stays the optimum.
        """
        known, chunk = self._now(state)
        model = self._fit(state, known, chunk, state.reference)
        totals = known.cells.totals.updated(chunk.X, chunk.y, chunk.weight)
        rows, budget = (chunk.X, chunk.y, chunk.weight), self._budget(chunk)
        n_drawn = max(FEWEST_DRAWN, int(DRAWN * budget))
        if known.cells.price and n_drawn < len(chunk) and not sparse.issparse(chunk.X):
            random = np.random.default_rng(state.n_rows)
            rows = drawn(*rows, totals=totals, n_drawn=n_drawn, random=random)
        refit = self._refit.suited([chunk], model)
        look = refit.objective.look(chunk, *model)
        coordinates = self._coordinates(chunk, look, totals.inverse_scale, model[0])
        cells = known.cells.absorb(*rows, coordinates, n_cells=budget, metric=self._metric)
        new = known._replace(cells=cells.within(totals))
        before, after = (refit.look(one, model)[0] for one in (known, new))
        return replace(
            state,
            coef=model[0],
            intercept=model[1],
            reference=model,
            cells=new.cells,
            remainder=known.remainder + look.gradient - (after.gradient - before.gradient),
            loss=known.loss + look.loss,
            pending=(),
        )

    def _coordinates(self, rows, look, inverse, coef):
        """Columns in units of their scales, and raw predictions unless the model is constant."""
        apart = APART if self._objective.class_factors is not None else 0.0
        if not coef.any():
            return Scaling(inverse, apart=apart)
        size = np.sqrt((look.residual**2 / rows.weight[:, None]).sum(axis=0) * rows.weight.sum())
        curvature = look.curvature.diagonal()
        step = np.divide(curvature, size, out=np.zeros_like(size), where=size > 0)
        return Scaling(inverse, coef, STRETCH * step, apart)


def _with_waiting(state, batch):
    """The state with more pending rows, converted to the cells' format (dense or sparse)."""
    is_sparse = sparse.issparse(batch.X)
    if is_sparse != sparse.issparse(state.cells.rows):
        batch = replace(batch, X=batch.X.toarray() if is_sparse else sparse.csr_array(batch.X))
    return replace(state, pending=(*state.pending, batch), n_rows=state.n_rows + len(batch))
