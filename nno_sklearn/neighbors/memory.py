"""A bounded summary of a stream: cells of rows with a mean row, a mean target and a weight."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nno_sklearn._distances import nearest_neighbors

#: Share of ``n_cells`` left after a merge, as each merge costs a neighbour search.
ROOM = 0.9
#: Share of the heaviest cell's weight below which a cell is dropped.
FAINT = 1e-30


@dataclass(frozen=True)
class CellMemory:
    """Cells, and the second moments of the rows inside them. Immutable.

    Attributes
    ----------
    rows : ndarray or CSR of shape (n_cells, n_features)
        Mean rows.
    targets : ndarray of shape (n_cells, n_outputs)
        Mean targets.
    weight : ndarray of shape (n_cells,)
    spread : ndarray of shape (n_cells,)
        Weighted sums of the squared distances to the mean row, in units of the columns' scales.
    scatter : ndarray of shape (n_features, n_features), or (n_features,) for sparse cells
        Sum over all rows of ``(x - mean row) (x - mean row)'``; its diagonal for sparse cells.
    cross : ndarray of shape (n_features, n_outputs)
        Sum over all rows of ``(x - mean row) (y - mean target)'``.
    price : float
        Largest cost of a merge so far: rows whose joining would cost more open a cell.
    """

    rows: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    scatter: np.ndarray
    cross: np.ndarray
    price: float = 0.0

    @classmethod
    def empty(cls, n_features, n_outputs, *, is_sparse=False):
        """No cells; sparse ones keep only the diagonal of their scatter."""
        none = sparse.csr_array((0, n_features)) if is_sparse else np.zeros((0, n_features))
        scatter = np.zeros(n_features if is_sparse else (n_features, n_features))
        cross = np.zeros((n_features, n_outputs))
        return cls(none, np.zeros((0, n_outputs)), np.zeros(0), np.zeros(0), scatter, cross)

    def __len__(self):
        return len(self.weight)

    def faded(self, factor):
        """All weights and weighted sums times ``factor``; drops cells of negligible weight."""
        if factor == 1.0:
            return self
        names = ("weight", "spread", "scatter", "cross", "price")
        faded = replace(self, **{name: factor * getattr(self, name) for name in names})
        kept = faded.weight > FAINT * faded.weight.max(initial=0.0)
        return faded if kept.all() else faded._part(kept)

    def _part(self, kept):
        names = ("rows", "targets", "weight", "spread")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})

    def absorb(self, rows, targets, weight, scaling, *, n_cells, metric):
        """Add rows: near ones join their nearest cell, far ones open cells, near cells merge.

        A row of weight s at distance d that joins a cell of weight W costs ``d^2 s W / (s + W)``,
        the increase of the scatter (Ward, 1963). It opens a cell if that is more than the largest
        cost of a merge so far. While there are more than ``n_cells``, the cheapest pairs of
        neighbours merge.

        Parameters
        ----------
        rows : ndarray or CSR of shape (n_samples, n_features)
        targets : ndarray of shape (n_samples, n_outputs)
        weight : ndarray of shape (n_samples,)
        scaling : Scaling
            The coordinates that distances are measured in.
        n_cells : int
        metric : str or callable

        Returns
        -------
        CellMemory
        """
        cells, far = self, np.ones(len(weight), dtype=bool)
        if len(self) and len(self) + len(weight) > n_cells:
            search = nearest_neighbors(n_neighbors=1, metric=metric).fit(scaling(self.rows))
            distance, cell = (found[:, 0] for found in search.kneighbors(scaling(rows)))
            near = self.weight[cell]
            far = distance**2 * weight * near / (weight + near) > self.price
            join = ~far
            cells = self._join(cell[join], rows[join], targets[join], weight[join], scaling)
        cells = cells._open(rows[far], targets[far], weight[far])
        while len(cells) > n_cells:
            cells = cells._merge_near(scaling, max(1, int(ROOM * n_cells)), metric)
        return cells

    def _open(self, rows, targets, weight):
        stack = sparse.vstack if sparse.issparse(self.rows) else np.vstack
        return replace(
            self,
            rows=stack([self.rows, rows]) if len(self) else rows,
            targets=np.vstack([self.targets, targets]),
            weight=np.concatenate([self.weight, weight]),
            spread=np.concatenate([self.spread, np.zeros(len(weight))]),
        )

    def _merge_near(self, scaling, n_left, metric):
        """Merge the cheapest cells into their nearest neighbours, which do not merge themselves.

        Many may join the same one: that saves a search for each merge.
        """
        search = nearest_neighbors(n_neighbors=1, metric=metric).fit(scaling(self.rows))
        distance, other = (found[:, 0] for found in search.kneighbors())
        weights = self.weight, self.weight[other]
        price = distance**2 * weights[0] * weights[1] / (weights[0] + weights[1])
        kept, stays = np.ones(len(self), dtype=bool), np.zeros(len(self), dtype=bool)
        to_go = len(self) - n_left
        for one in np.argsort(price, kind="stable"):
            if not to_go:
                break
            if kept[other[one]] and not stays[one]:
                kept[one], stays[other[one]], to_go = False, True, to_go - 1
        left, gone = self._part(kept), self._part(~kept)
        cell = (np.cumsum(kept) - 1)[other[~kept]]
        merged = left._join(cell, gone.rows, gone.targets, gone.weight, scaling, spread=gone.spread)
        return replace(merged, price=max(self.price, price[~kept].max()))

    def _join(self, cell, rows, targets, weight, scaling, spread=0.0):
        """Add rows, or cells with a spread of their own, to the cells numbered ``cell``."""
        k, n = len(self), len(weight)
        if not n:
            return self
        sums = sparse.csr_array((weight, (cell, np.arange(n))), shape=(k, n))
        total = self.weight + sums.sum(axis=1)
        share = self.weight / total
        sums = sparse.diags_array(1 / total) @ sums
        mean = _scaled_rows(self.rows, share) + sums @ rows
        target = share[:, None] * self.targets + sums @ targets
        lose = _lose_sparse if sparse.issparse(rows) else _lose_dense
        before = _Group(self.rows, self.targets, self.weight, np.arange(k))
        joined = _Group(rows, targets, weight, cell)
        scatter, cross, spreads = lose(before, joined, mean, target, total, scaling.inverse)
        return replace(
            self,
            rows=mean,
            targets=target,
            weight=total,
            spread=self.spread + np.bincount(cell, np.broadcast_to(spread, n), k) + spreads,
            scatter=self.scatter + scatter,
            cross=self.cross + cross,
        )


@dataclass(frozen=True)
class _Group:
    """Weighted rows, and the number of the cell of each."""

    rows: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    cell: np.ndarray


@dataclass(frozen=True)
class Scaling:
    """Coordinates for distances: columns in units of their scales, and a model's predictions.

    Rows with different predictions should not share a cell, so raw predictions times ``stretch``
    are coordinates as well.

    Parameters
    ----------
    inverse : ndarray of shape (n_features,)
        1 / scale of each column; 0 for constant ones.
    coef : ndarray of shape (n_features, n_outputs), default=None
    stretch : ndarray of shape (n_outputs,), default=None
    """

    inverse: np.ndarray
    coef: np.ndarray | None = None
    stretch: np.ndarray | None = None

    def __call__(self, rows):
        if sparse.issparse(rows):
            scaled = sparse.csr_array(rows @ sparse.diags_array(self.inverse))
            if self.coef is not None:
                scaled = sparse.hstack([scaled, (rows @ self.coef) * self.stretch], format="csr")
            scaled.sort_indices()  # scikit-learn's sparse distances need this and int32 indices
            scaled.indices = scaled.indices.astype(np.int32, copy=False)
            scaled.indptr = scaled.indptr.astype(np.int32, copy=False)
            return scaled
        scaled = rows * self.inverse
        if self.coef is None:
            return scaled
        return np.hstack([scaled, (rows @ self.coef) * self.stretch])


def _scaled_rows(rows, factor):
    if sparse.issparse(rows):
        return sparse.csr_array(sparse.diags_array(factor) @ rows)
    return factor[:, None] * rows


def _lose_dense(before, joined, mean, target, total, inverse):
    """Scatter, cross and spreads added where rows of ``before`` and ``joined`` become ``mean``."""
    scatter, cross, spreads = 0.0, 0.0, 0.0
    for group in (before, joined):
        deviation = group.rows - mean[group.cell]
        weighted = group.weight[:, None] * deviation
        scatter = scatter + weighted.T @ deviation
        cross = cross + weighted.T @ (group.targets - target[group.cell])
        distance = (weighted * deviation) @ inverse**2
        spreads = spreads + np.bincount(group.cell, distance, len(total))
    return scatter, cross, spreads


def _lose_sparse(before, joined, mean, target, total, inverse):
    """The same by differences of sums of squares, which keep sparse rows sparse."""
    after = _Group(mean, target, total, before.cell)
    scatter, cross, spreads = 0.0, 0.0, 0.0
    for sign, group in ((1, before), (1, joined), (-1, after)):
        squares = group.rows.multiply(group.rows).tocsr()
        scatter = scatter + sign * (squares.T @ group.weight)
        cross = cross + sign * (group.rows.T @ (group.weight[:, None] * group.targets))
        distance = sign * group.weight * (squares @ inverse**2)
        spreads = spreads + np.bincount(group.cell, distance, len(total))
    return np.maximum(scatter, 0.0), cross, np.maximum(spreads, 0.0)
