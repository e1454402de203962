"""Second derivatives of the data loss by the coefficients, in blocks."""

import numpy as np

from nno_sklearn.problem.cost import MAX_JOINT_SIZE, MAX_MATRIX_SIZE

#: Share of a loss's largest curvature that its flat parts get.
FLAT_CURVATURE = 1e-6
#: The same of few rows, times the squared relative gap.
FAR_CURVATURE = 0.3
#: Relative change of the rows' curvature that makes a working set's Hessian stale.
STALE = 0.1
#: Shares of a column's curvature over all rows: what few rows must have of it, and what they get.
HARDLY, UNSEEN = 0.1, 1e-3
#: How many times the curvature that a matrix has along a step the step may tell: beyond, it says
#: more of rounding, or of a place far away.
MOST_TOLD = 100.0
#: Share of its own curvature that a coefficient gets where slopes are those of float32 products.
SINGLE_ROUNDING = float(np.finfo(np.float32).eps)


def hessian_blocks(point, curvature=None, max_joint_size=MAX_JOINT_SIZE):
    """Second derivatives of the data loss by w, the intercept eliminated; one pass over X.

    Parameters
    ----------
    point : Point
    curvature : RowCurvature, default=None
        The rows' at the point, where it is known already.
    max_joint_size : int, default=600

    Returns
    -------
    list of (index, matrix)
        ``matrix`` belongs to ``coef.ravel()[index]``. One block per output; outputs that share
        a curvature share the matrix (the same object). Coupled outputs come as one joint block
        as long as it has at most ``max_joint_size`` coefficients, else without the coupling's
        off-diagonal blocks.
    """
    problem = point.problem
    curvature = point.curvature if curvature is None else curvature
    p, n_outputs = problem.shape
    position = np.arange(p * n_outputs).reshape(p, n_outputs)
    if not problem.rows.is_separate and p * n_outputs <= max_joint_size:
        return [_joint_block(problem, curvature, position.T.ravel())]
    if problem.loss.constant_curvature and n_outputs > 1:
        shared = _block(problem, curvature, 0)
        return [(position[:, k], shared) for k in range(n_outputs)]
    return [(position[:, k], _block(problem, curvature, k)) for k in range(n_outputs)]


def _block(problem, curvature, k):
    block = problem.rows.hessian(curvature, k, least_curvature(problem))
    block += problem.correction.block(k, k)
    block.flat[:: len(block) + 1] *= 1.0 + rounded_curvature(problem)
    return block


def rounded_curvature(problem):
    """Share of its own curvature that each coefficient gets besides, for directions that neither
    rows nor penalty hold: a model knows them to be flat to the last digit of float64, but slopes by
    float32 products are rounding there, and a step by both would be huge."""
    is_held = problem.alpha > 0 and problem.penalty.has_dual
    return 0.0 if is_held or problem.rows.is_exact else SINGLE_ROUNDING


def least_curvature(problem, share=FLAT_CURVATURE):
    """Least curvature of a row, as a share of the loss's largest; without it its prediction could
    move without bound, on a flat part of the loss."""
    bounded = (problem.penalty.curvature(np.zeros(problem.shape)) > 0).all()
    largest = problem.loss.largest_curvature
    return 0.0 if largest is None or bounded else share * largest


def few_rows_curvature(point):
    """The rows' curvature where columns are more than rows, so that others do not hold what a flat
    row leaves open. Far from the optimum such a row soon comes to parts that are not flat: it has
    some curvature there, as the square of the gap, and the model stays where it holds."""
    problem = point.problem
    far = min(1.0, point.dual_gap / point.unit) if problem.has_dual else 0.0
    least = least_curvature(problem, max(FLAT_CURVATURE, FAR_CURVATURE * far**2))
    return problem.rows.curvature(point.raw, point.intercept, least)


class WorkingHessian:
    """Second derivatives on a working set that changes, computed anew only where needed.

    They stay as long as the rows' curvature has hardly changed; columns that join the set are
    then added to what is known. Meanwhile the run's own steps correct them.

    Parameters
    ----------
    rows : Problem, default=None
        The objective on fewer rows (landmarks), whose curvature then serves; by default all rows'.
    """

    #: False where the rows themselves serve in place of matrices.
    has_matrices = True

    def __init__(self, rows=None):
        self._rows, self._few, self._few_columns = rows, None, None
        self._columns = self._index = None
        self._blocks = self._curvature = None
        #: The blocks as steps corrected them; None before a step.
        self._learned = None
        self._is_new, self._expired = True, False

    @property
    def is_of_all_rows(self):
        """Whether no fewer rows stand for them."""
        return self._rows is None

    def n_rows(self, problem):
        """Rows that the second derivatives of a problem are taken from."""
        return (self._rows or problem).n_samples

    def lacking(self, columns):
        """How many of the ``columns`` it does not have."""
        known = [] if self._columns is None else self._columns
        return len(np.setdiff1d(columns, known, assume_unique=True))

    def blocks(self, point, columns, index=None):
        """As :func:`hessian_blocks`, at a point of the problem that has the sorted ``columns``.

        It may be of the coefficients ``coef.ravel()[index]`` alone, in any order, and of others
        that were asked for before: one block if outputs are coupled, else one for each.
        """
        same, whole = columns is self._columns, point
        point = self._on_few_rows(point, columns)
        if index is None:
            same = same and self._index is None
        else:
            same = same and self._index is not None and np.isin(index, self._index).all()
        curvature = point.curvature
        known = self._columns is not None and self._still_holds(point, curvature)
        self._is_new = not known or point.problem.loss.constant_curvature
        if known and same:
            return self._learned or self._blocks
        self._learned = None
        if known and self._is_one_matrix(point.problem):
            self._extend(point.problem, columns)
        else:
            self._blocks, self._curvature = self._made(point, curvature, index), curvature
            self._expired = False
        if point is not whole:
            _curve_unseen(self._blocks, whole)
        self._columns, self._index = columns, index
        return self._blocks

    def product(self, point, columns):
        """A function that multiplies with the Hessian by all coefficients; there is no matrix."""
        whole, point = point, self._on_few_rows(point, columns)
        problem, curvature = point.problem, point.curvature
        unseen = 0.0 if point is whole else UNSEEN * whole.data_diagonal
        self._is_new = True

        def product(d):
            _, image = problem.rows.hessian_product(curvature, d)
            return image + problem.correction.product(d) + unseen * d

        return product

    def learn(self, before, after):
        """Correct the blocks by how a step between two points of the last problem changed the
        gradient (BFGS; Nocedal and Wright, 2006, 6.1); not those that are exact."""
        if before.problem.loss.constant_curvature and self.is_of_all_rows:
            return
        step = (after.coef - before.coef).ravel()
        change = (after.data_gradient - before.data_gradient).ravel()
        blocks = self._learned or self._blocks
        self._learned = [(at, _corrected(matrix, step[at], change[at])) for at, matrix in blocks]

    def _on_few_rows(self, point, columns):
        """The point of the problem that has the ``columns``, on the rows whose curvature serves."""
        if self._rows is None:
            return point
        if columns is not self._few_columns:
            self._few, self._few_columns = self._rows.columns(columns), columns
        return self._few.at(point.coef, point.intercept)

    @staticmethod
    def _made(point, curvature, index):
        if index is None:
            return hessian_blocks(point, curvature, MAX_MATRIX_SIZE)
        if point.problem.rows.is_separate:
            return list(_blocks_of_outputs(point.problem, curvature, index))
        return [_joint_block(point.problem, curvature, index)]

    def expire(self):
        """Discard the cached Hessian, which did not help; returns whether a better one exists.

        If it was new already, the few rows are no good model, and all rows serve from now on.
        """
        can_improve = self._rows is not None or not self._is_new
        if self._is_new and self._rows is not None:
            self._rows = self._columns = None
        self._expired = True
        return can_improve

    def _still_holds(self, point, curvature):
        if point.problem.loss.constant_curvature:
            return True
        if self._expired:
            return False
        change, size = point.problem.rows.curvature_change(curvature, self._curvature)
        return (change <= STALE * size).all()

    @staticmethod
    def _is_one_matrix(problem):
        return problem.n_outputs == 1 or problem.loss.constant_curvature

    def _extend(self, problem, columns):
        place = np.minimum(np.searchsorted(self._columns, columns), len(self._columns) - 1)
        new = np.flatnonzero(self._columns[place] != columns)
        # Whatever stands at the new columns' places is overwritten.
        matrix = self._blocks[0][1].take(place, axis=0).take(place, axis=1)
        if len(new):
            matrix[:, new] = self._new_columns(problem, new)
            matrix[new] = matrix[:, new].T
        position = np.arange(len(columns) * problem.n_outputs).reshape(-1, problem.n_outputs)
        self._blocks = [(position[:, k], matrix) for k in range(problem.n_outputs)]

    def _new_columns(self, problem, new):
        least = least_curvature(problem)
        columns = problem.rows.hessian_columns(self._curvature, new, least)
        if not problem.correction.is_zero:
            columns += problem.correction.block(0, 0)[:, new]
        columns[new, np.arange(len(new))] *= 1.0 + rounded_curvature(problem)
        return columns


def _corrected(matrix, step, change):
    """A matrix that takes ``step`` to ``change``, and is else as it was."""
    seen = matrix @ step
    known, told = seen @ step, change @ step
    if not 0 < known <= MOST_TOLD * told <= MOST_TOLD**2 * known:
        return matrix
    pair, turned = np.stack([change, -seen], 1), np.stack([change / told, seen / known])
    return matrix + pair @ turned


def _curve_unseen(blocks, point):
    """Add curvature in directions that a few rows do not span, as a model needs a minimum.

    Columns that are nearly 0 in these rows get the estimate from all rows; all get a little of it.
    """
    expected = point.data_diagonal.ravel()
    for matrix, index in {id(matrix): (matrix, index) for index, matrix in blocks}.values():
        diagonal, whole = matrix.diagonal(), expected[index]
        seen = diagonal >= HARDLY * whole
        matrix[np.diag_indices_from(matrix)] = np.where(seen, diagonal, whole) + UNSEEN * whole


def _blocks_of_outputs(problem, curvature, index):
    """Second derivatives by some coefficients of outputs that do not interact, a block for each."""
    feature, output = np.divmod(index, problem.n_outputs)
    for k in np.unique(output):
        features = np.sort(feature[output == k])
        matrix = _block(problem.columns(features), curvature, k)
        yield features * problem.n_outputs + k, matrix


def _joint_block(problem, curvature, index):
    """Second derivatives by the coefficients ``index`` of outputs that interact, together."""
    feature, output = np.divmod(index, problem.n_outputs)
    hessian = problem.rows.joint_hessian(curvature, feature, output)
    if not problem.correction.is_zero:
        for k, m in np.ndindex((problem.n_outputs,) * 2):
            at = np.ix_(output == k, output == m)
            added = problem.correction.block(k, m)
            hessian[at] += added[np.ix_(feature[output == k], feature[output == m])]
    hessian.flat[:: len(hessian) + 1] *= 1.0 + rounded_curvature(problem)
    return index, hessian
