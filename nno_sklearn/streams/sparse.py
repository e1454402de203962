"""FTRL-proximal in the columns that rows have entries in, for hundreds of thousands of mostly empty
ones.

Nothing is centred, and a column that no row touches costs nothing: the leader of all linear terms
so far (McMahan et al., 2013) has the whole penalty in it, in closed form, so that a column's
shrinking is made up for when a row touches it next, or somebody asks for its coefficient.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nno_sklearn.streams.adaptive import and_last, objection_to_ties, put, widened_rows
from nno_sklearn.streams.base import Stream

#: Rows of a step: as good as fewer, and a quarter faster than half of them.
STEP_ROWS = 64
#: Power of the entries of a row, by which its coefficients' steps are shorter than those of one
#: alone: 1 if all moved a raw prediction alike, 1/2 if at random.
CROWD = 0.6
#: Arrays of a state with a row for each column, and one for the intercept.
OF_COLUMNS = ("linear", "steepness", "squares")


@dataclass(frozen=True)
class SparseState:
    """The state of a stream; it is immutable.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    linear : ndarray of shape (n_features + 1, n_outputs)
        Summed linear terms: gradients, less what proximal terms around past iterates add. The last
        row is that of a correction of the intercept.
    steepness : ndarray like ``linear``
        Summed proximal terms, the inverse step size, which never shrinks.
    squares : ndarray like ``linear``
        Sums of squared gradients.
    largest : ndarray of shape (n_features,)
        Largest absolute entry of each column.
    sizes : ndarray of shape (2,)
        Sums over the rows of weights, and of weights times the rows' absolute entries in units of
        their columns' largest ones.
    rows : ndarray of shape (4, n_outputs)
        Weighted sums over the rows of target, size of the loss gradient, curvature and offset.
    """

    coef: np.ndarray
    intercept: np.ndarray
    linear: np.ndarray
    steepness: np.ndarray
    squares: np.ndarray
    largest: np.ndarray
    sizes: np.ndarray
    rows: np.ndarray

    @classmethod
    def empty(cls, batch):
        """The state before the first row of a stream like ``batch``."""
        p, n_outputs = batch.X.shape[1], batch.y.shape[1]
        zeros = np.zeros((p + 1, n_outputs))
        return cls(
            coef=zeros[:-1],
            intercept=zeros[-1],
            linear=zeros,
            steepness=zeros,
            squares=zeros,
            largest=np.zeros(p),
            sizes=np.zeros(2),
            rows=np.zeros((4, n_outputs)),
        )

    def widened(self, widening):
        """The state with outputs for classes that appear later; as that of adaptive steps."""
        wide = {
            name: widening.coefficients(getattr(self, name))
            for name in ("coef", "intercept", "linear")
        }
        sizes = {name: widening.sizes(getattr(self, name)) for name in ("steepness", "squares")}
        rows = widened_rows(self.rows, self.sizes[0], widening)
        return replace(self, **wide, **sizes, rows=rows)

    def restricted(self, columns):
        """The state of a stream of these columns alone; a copy, which may be changed in place."""
        cut = {name: getattr(self, name)[and_last(columns)] for name in OF_COLUMNS}
        sums = {"sizes": self.sizes.copy(), "rows": self.rows.copy()}
        return replace(self, coef=None, largest=self.largest[columns], **cut, **sums)

    def with_columns(self, columns, part):
        """This state, after a stream of these columns alone has gone on to the state ``part``."""
        moved = {
            name: put(getattr(self, name), and_last(columns), getattr(part, name))
            for name in OF_COLUMNS
        }
        largest = put(self.largest, columns, part.largest)
        return replace(part, largest=largest, **moved)


class _Entries:
    """Entries of some rows: their values, columns and rows, each an array."""

    def __init__(self, values, columns, ends):
        self.values, self.columns, self._ends = values, columns, ends
        self.rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))

    def of(self, rows):
        """Those of a slice of the rows."""
        ends = self._ends[rows.start : rows.stop + 1]
        some = slice(ends[0], ends[-1])
        return _Entries(self.values[some], self.columns[some], ends - ends[0])

    def in_use(self, n_columns):
        """The columns that have some, and these entries with those columns alone."""
        seen, place = np.zeros(n_columns, dtype=bool), np.empty(n_columns, dtype=np.intp)
        seen[self.columns] = True
        columns = np.flatnonzero(seen)
        place[columns] = np.arange(len(columns))
        return columns, _Entries(self.values, place[self.columns], self._ends)

    def product(self, coef, n_rows):
        """Rows times coefficients, (n_rows, n_outputs)."""
        terms = self.values[:, None] * coef[self.columns]
        return np.column_stack([np.bincount(self.rows, one, n_rows) for one in terms.T])

    def sums(self, factors, n_columns):
        """Sums of the rows times factors, (n_columns, n_outputs)."""
        terms = self.values[:, None] * factors[self.rows]
        return np.column_stack([np.bincount(self.columns, one, n_columns) for one in terms.T])


class _SparseSteps:
    """One pass over a batch in steps of a few rows.

    Parameters
    ----------
    objective : StreamObjective
        Whose penalty is restricted to the columns of the state.
    state : SparseState
        It is changed in place, but for its coefficients.
    """

    def __init__(self, objective, state):
        self._objective, self._state = objective, state
        self._outputs = np.arange(len(state.intercept))

    def learn(self, entries, batch):
        """Learn from the rows of a batch, which has these entries."""
        n_columns = len(self._state.largest)
        for first in range(0, len(batch), STEP_ROWS):
            rows = slice(first, first + STEP_ROWS)
            columns, part = entries.of(rows).in_use(n_columns)
            y, weight = self._objective.reweighted(batch.y[rows], batch.weight[rows])
            offset = None if batch.offset is None else batch.offset[rows]
            self._step(part, columns, y, weight, offset)

    def _step(self, entries, columns, y, weight, offset):
        """A step with some rows, which have entries in these columns alone."""
        objective, state = self._objective, self._state
        largest, with_last = self._measured(entries, columns, weight), and_last(columns)
        state.rows[0] += weight @ y
        if offset is not None:
            state.rows[3] += weight @ offset
        steepness, linear = state.steepness[with_last], state.linear[with_last]
        leader = self._leader(columns, linear, steepness)
        eta = entries.product(leader, len(y)) + (leader[-1] + self._base())
        if offset is not None:
            eta += offset
        slope, curvature = objective.slopes(y, eta, weight)
        state.rows[1] += weight @ np.abs(slope)
        state.rows[2] += curvature
        slope = weight[:, None] * slope
        gradient = entries.sums(slope, len(with_last))
        gradient[-1] = objective.fit_intercept * slope.sum(axis=0)
        squares = state.squares[with_last] + gradient**2
        steeper = np.maximum(self._steepness(squares, largest), steepness)
        state.squares[with_last], state.steepness[with_last] = squares, steeper
        state.linear[with_last] = linear + gradient - (steeper - steepness) * leader

    def _measured(self, entries, columns, weight):
        """Largest entries of the columns, with those of some rows, whose sizes are noted."""
        state, size = self._state, np.abs(entries.values)
        largest = state.largest[columns]
        np.maximum.at(largest, entries.columns, size)
        state.largest[columns] = largest
        unit = largest[entries.columns]
        share = np.divide(size, unit, out=np.zeros_like(size), where=unit > 0)
        state.sizes[:] += weight.sum(), weight[entries.rows] @ share
        return largest

    def _leader(self, columns, linear, steepness):
        """What minimises all terms so far and the penalty; the last row, the intercept's, has
        none."""
        objective = self._objective
        inverse = np.divide(1.0, steepness, out=np.zeros_like(steepness), where=steepness > 0)
        leader = -linear * inverse
        penalty = objective.penalty.restrict(columns, self._outputs)
        step = objective.alpha * self._state.sizes[0] * inverse[:-1]
        leader[:-1] = np.where(inverse[:-1] > 0, penalty.prox(leader[:-1], step), 0.0)
        return leader

    def _steepness(self, squares, largest):
        """Roots of the summed squares of gradients, over the longest useful step: what moves a
        typical row by its own Newton step, if its coefficients do so together."""
        state = self._state
        total, entries = state.sizes
        _, slope, curvature, _ = state.rows
        newton = slope / np.maximum(curvature, 1e-12 * total)
        unit = np.append(largest * (entries / total) ** CROWD, 1.0)[:, None]
        root = np.sqrt(squares) * unit
        return np.divide(root, newton, out=np.zeros_like(root), where=newton > 0)

    def _base(self):
        """The intercept before any step."""
        objective, state = self._objective, self._state
        return objective.base(state.rows, state.sizes[0]) if objective.fit_intercept else 0.0

    def coefficients(self):
        """Coefficients and intercept, of all columns."""
        state, used = self._state, np.flatnonzero(self._state.largest > 0)
        with_last = and_last(used)
        leader = self._leader(used, state.linear[with_last], state.steepness[with_last])
        coef = np.zeros((len(state.largest), len(self._outputs)))
        coef[used] = leader[:-1]
        return coef, leader[-1] + self._base()


class SparseLeader(Stream):
    """FTRL-proximal (McMahan et al., 2013) for sparse rows, in steps of 64 of them.

    A step touches only the columns in which its rows have entries. A batch copies the state once, a
    few numbers for each column, so that it is whole after an error: with 2^18 columns that is
    little beside a thousand rows, and most of the time of a few. Columns are not centred; a step is
    in units of a column's largest entry so far, of a typical row's Newton step, and of how many
    entries a row has, so that there is no learning rate. The penalty is never linearised: it is
    weighted by all rows so far, and l1 keeps coefficients at exactly 0. For rows in random order,
    and penalties that are a sum over the coefficients and allow 0. Dense rows are taken as sparse
    ones.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from nno_sklearn import NNOClassifier
    >>> words = HashingVectorizer(n_features=2**18)
    >>> model = NNOClassifier(stream="sparse")
    >>> for texts, labels in [(["win cash now", "see you soon"], ["spam", "ham"])] * 3:
    ...     model = model.partial_fit(words.transform(texts), labels, classes=["ham", "spam"])
    >>> str(model.predict(words.transform(["cash"]))[0])
    'spam'
    """

    requires = frozenset({"loss.gradient", "penalty.prox"})
    takes_offset = True

    def objection(self, penalty, shape):
        return objection_to_ties(penalty, shape)

    def learn(self, state, batch, objective, *, max_iter, tol):
        shape = batch.X.shape[1], batch.y.shape[1]
        X = sparse.csr_matrix(batch.X)
        whole = _Entries(X.data.astype(float), X.indices, X.indptr)
        columns, entries = whole.in_use(shape[0])
        state = state or SparseState.empty(batch)
        part, penalty = state.restricted(columns), objective.penalty
        own = replace(objective, penalty=penalty.restrict(columns, np.arange(shape[1])))
        with np.errstate(over="ignore", invalid="ignore"):
            _SparseSteps(own, part).learn(entries, batch)
        if not (np.isfinite(part.linear).all() and np.isfinite(part.squares).all()):
            raise ValueError(
                "The loss of these rows overflows: targets or columns are too large for it. "
                "Scale them, or use stream='cells'."
            )
        state = state.with_columns(columns, part)
        coef, intercept = _SparseSteps(objective, state).coefficients()
        return replace(state, coef=coef, intercept=intercept)
