"""A bounded summary of a stream: cells of rows with a row, a mean target and a weight."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nno_sklearn._distances import nearest_neighbors
from nno_sklearn.rows.cholesky import invert
from nno_sklearn.rows.moments import pooled_means, stored_squares

#: Share of ``n_cells`` left after a merge, as each merge costs a neighbour search.
ROOM = 0.8
#: Cells whose neighbours are searched for a merge, per cell that is to go: the lightest.
CANDIDATES = 3
#: Standard deviation below which a column is constant, in means; squares of sparse columns are not
#: centred before they are summed.
FLAT, FLAT_SPARSE = 1e-12, 1e-7
#: Share of the largest squares below which a direction has none.
NONE = 1e-10
#: Share of all rows' squares in a direction from which on cells are widened along it.
LEAST_SHARE = 0.1
#: Share of the heaviest cell's weight below which a cell is dropped.
FAINT = 1e-30


@dataclass(frozen=True)
class CellMemory:
    """Cells, and what they lack of the second moments of all rows. Immutable.

    Attributes
    ----------
    rows : ndarray or CSR of shape (n_cells, n_features)
        Mean rows; moved apart by :meth:`within`.
    targets : ndarray of shape (n_cells, n_outputs)
        Mean targets.
    weight : ndarray of shape (n_cells,)
    scatter : ndarray of shape (n_features, n_features), or (n_features,) for sparse cells
        What the cells lack of the squares of all rows; its diagonal for sparse cells.
    cross : ndarray of shape (n_features, n_outputs)
        Likewise, of the products of rows and targets.
    totals : Totals
        Of all rows.
    price : float
        Largest cost of a merge so far: rows whose joining would cost more open a cell.
    """

    rows: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    scatter: np.ndarray
    cross: np.ndarray
    totals: "Totals"
    price: float = 0.0

    @classmethod
    def empty(cls, n_features, n_outputs, *, is_sparse=False):
        """No cells; sparse ones keep only the diagonal of their scatter."""
        none = sparse.csr_array((0, n_features)) if is_sparse else np.zeros((0, n_features))
        totals = Totals.none(n_features, n_outputs, is_sparse=is_sparse)
        return cls(none, np.zeros((0, n_outputs)), np.zeros(0), totals.square, totals.cross, totals)

    def __len__(self):
        return len(self.weight)

    def faded(self, factor):
        """All weights and weighted sums times ``factor``; drops cells of negligible weight."""
        if factor == 1.0:
            return self
        names = ("weight", "scatter", "cross", "price")
        faded = {name: factor * getattr(self, name) for name in names}
        faded = replace(self, totals=self.totals.faded(factor), **faded)
        kept = faded.weight > FAINT * faded.weight.max(initial=0.0)
        return faded if kept.all() else faded._part(kept)

    def _part(self, kept):
        names = ("rows", "targets", "weight")
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
            places = scaling(self.rows, self.targets)
            search = nearest_neighbors(n_neighbors=1, metric=metric).fit(places)
            distance, cell = (found[:, 0] for found in search.kneighbors(scaling(rows, targets)))
            near = self.weight[cell]
            far = distance**2 * weight * near / (weight + near) > self.price
            join = ~far
            cells = self._join(cell[join], rows[join], targets[join], weight[join])
        cells = cells._open(rows[far], targets[far], weight[far])
        while len(cells) > n_cells:
            cells = cells._merge_near(scaling, max(1, int(ROOM * n_cells)), metric)
        return cells

    def within(self, totals):
        """The cells of rows with these totals, given their second moments, and what is left.

        Means are nearer to each other than rows are, and what they lack of the squares cannot be
        made up by a quadratic: where classes are told apart for sure the loss is far from one.
        Dense cells are widened instead, or narrowed where drawn rows are wider by chance.
        """
        if not self.price:  # each cell is a row, or equal ones
            return replace(self, totals=totals)
        rows = self.rows
        if not sparse.issparse(rows):
            rows = self._fitted_rows(totals)
        own = Totals.of(rows, self.targets, self.weight)
        scatter, cross = totals.square - own.square, totals.cross - own.cross
        scatter = np.maximum(scatter, 0.0) if scatter.ndim == 1 else scatter
        return replace(self, rows=rows, totals=totals, scatter=scatter, cross=cross)

    def _fitted_rows(self, totals):
        """Rows with these totals, those of the part that follows the targets and of the rest.

        Where rows come class by class, the classes' means are what differs most: rows that are made
        wider for it would be so within their class.
        """
        own = Totals.of(self.rows, self.targets, self.weight)
        (own_slope, own_rest), (slope, rest) = own.by_targets, totals.by_targets
        turned = self.targets - own.target
        left = self.rows - own.mean - turned @ own_slope
        left = _fitted(left, own_rest, rest, np.sqrt(totals.square.diagonal()))
        return totals.mean + turned @ slope + left

    def _open(self, rows, targets, weight):
        stack = sparse.vstack if sparse.issparse(self.rows) else np.vstack
        return replace(
            self,
            rows=stack([self.rows, rows]) if len(self) else rows,
            targets=np.vstack([self.targets, targets]),
            weight=np.concatenate([self.weight, weight]),
        )

    def _merge_near(self, scaling, n_left, metric):
        """Merge the cheapest cells into their nearest neighbours, which do not merge themselves.

        Many may join the same one: that saves a search for each merge. Light cells are the cheap
        ones, so only they are searched.
        """
        to_go = len(self) - n_left
        light = np.argsort(self.weight, kind="stable")[: CANDIDATES * to_go]
        distance, other = self._neighbors(light, scaling, metric)
        weights = self.weight[light], self.weight[other]
        price = distance**2 * weights[0] * weights[1] / (weights[0] + weights[1])
        kept, stays = np.ones(len(self), dtype=bool), np.zeros(len(self), dtype=bool)
        highest, to = self.price, np.arange(len(self))
        for one in np.argsort(price, kind="stable"):
            if not to_go:
                break
            if kept[other[one]] and not stays[light[one]]:
                kept[light[one]], stays[other[one]], to_go = False, True, to_go - 1
                to[light[one]], highest = other[one], max(highest, price[one])
        left, gone = self._part(kept), self._part(~kept)
        cell = (np.cumsum(kept) - 1)[to[~kept]]
        merged = left._join(cell, gone.rows, gone.targets, gone.weight)
        return replace(merged, price=highest)

    def _neighbors(self, some, scaling, metric):
        """Distance of some cells to their nearest other one, and its number."""
        places = scaling(self.rows, self.targets)
        search = nearest_neighbors(n_neighbors=2, metric=metric).fit(places)
        distance, other = search.kneighbors(places[some])
        column = (other[:, 0] == some).astype(int)
        rows = np.arange(len(some))
        return distance[rows, column], other[rows, column]

    def _join(self, cell, rows, targets, weight):
        """Add rows, or other cells, to the cells numbered ``cell``."""
        k, n = len(self), len(weight)
        if not n:
            return self
        sums = sparse.csc_array((weight, cell, np.arange(n + 1)), shape=(k, n))
        total = self.weight + np.bincount(cell, weight, k)
        mean = _scaled_rows(self.rows, self.weight / total) + _scaled_rows(sums @ rows, 1 / total)
        target = (self.weight[:, None] * self.targets + sums @ targets) / total[:, None]
        return replace(self, rows=mean, targets=target, weight=total)


@dataclass(frozen=True)
class Totals:
    """Weighted means and second moments about them of all rows so far.

    Attributes
    ----------
    weight : float
    mean : ndarray of shape (n_features,)
    target : ndarray of shape (n_outputs,)
        Mean target.
    square : ndarray of shape (n_features, n_features), or (n_features,) for sparse rows
    cross : ndarray of shape (n_features, n_outputs)
    of_targets : ndarray of shape (n_outputs, n_outputs)
    """

    weight: float
    mean: np.ndarray
    target: np.ndarray
    square: np.ndarray
    cross: np.ndarray
    of_targets: np.ndarray

    @classmethod
    def none(cls, n_features, n_outputs, *, is_sparse):
        """Those of no rows; only the diagonal of the squares for sparse ones."""
        square = np.zeros(n_features if is_sparse else (n_features, n_features))
        mean, target = np.zeros(n_features), np.zeros(n_outputs)
        cross, of_targets = np.zeros((n_features, n_outputs)), np.zeros((n_outputs, n_outputs))
        return cls(0.0, mean, target, square, cross, of_targets)

    @classmethod
    def of(cls, rows, targets, weight):
        """Those of weighted rows."""
        total, root = weight.sum(), np.sqrt(weight)[:, None]
        mean, target = weight @ rows / total, weight @ targets / total
        turned = root * (targets - target)
        if sparse.issparse(rows):
            square = stored_squares(rows, weight) - total * mean**2
            return cls(total, mean, target, square, rows.T @ (root * turned), turned.T @ turned)
        centred = rows - mean
        centred *= root  # a matrix times itself is half the work
        return cls(total, mean, target, centred.T @ centred, centred.T @ turned, turned.T @ turned)

    def faded(self, factor):
        """Where all rows weigh ``factor`` as much."""
        names = ("weight", "square", "cross", "of_targets")
        return replace(self, **{name: factor * getattr(self, name) for name in names})

    @property
    def inverse_scale(self):
        """1 / standard deviation of each column, 0 for constant ones."""
        is_full = self.square.ndim == 2
        variance = self.square.diagonal() if is_full else self.square
        scale = np.sqrt(np.maximum(variance, 0.0) / self.weight)
        used = scale > (FLAT if is_full else FLAT_SPARSE) * np.abs(self.mean)
        return np.divide(1.0, scale, out=np.zeros_like(scale), where=used)

    def widened(self, widening):
        """With outputs for classes that appear later."""
        target, cross = widening.targets(self.target[None])[0], widening.gradients(self.cross)
        of_targets = widening.gradients(widening.gradients(self.of_targets).T)
        return replace(self, target=target, cross=cross, of_targets=of_targets)

    @property
    def by_targets(self):
        """What a row is by its target, (n_outputs, n_features), and the squares that are left."""
        slope = invert(self.of_targets) @ self.cross.T
        return slope, self.square - self.cross @ slope

    def updated(self, rows, targets, weight):
        """With more rows."""
        more = Totals.of(rows, targets, weight)
        total, mean, step, between = pooled_means(self.weight, self.mean, more.weight, more.mean)
        _, target, turn, _ = pooled_means(self.weight, self.target, more.weight, more.target)
        square = step**2 if self.square.ndim == 1 else np.outer(step, step)
        return Totals(
            total,
            mean,
            target,
            self.square + more.square + between * square,
            self.cross + more.cross + between * np.outer(step, turn),
            self.of_targets + more.of_targets + between * np.outer(turn, turn),
        )


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
    apart : float, default=0.0
        Factor of the targets as coordinates: large for classes, which then share no cell unless
        there are more of them than cells.
    """

    inverse: np.ndarray
    coef: np.ndarray | None = None
    stretch: np.ndarray | None = None
    apart: float = 0.0

    def __call__(self, rows, targets):
        more = [] if self.coef is None else [(rows @ self.coef) * self.stretch]
        more += [self.apart * targets] if self.apart else []
        if sparse.issparse(rows):
            scaled = sparse.csr_array(rows @ sparse.diags_array(self.inverse))
            scaled = sparse.hstack([scaled, *more], format="csr") if more else scaled
            scaled.sort_indices()  # scikit-learn's sparse distances need this and int32 indices
            scaled.indices = scaled.indices.astype(np.int32, copy=False)
            scaled.indptr = scaled.indptr.astype(np.int32, copy=False)
            return scaled
        return np.hstack([rows * self.inverse, *more])


def _scaled_rows(rows, factor):
    if sparse.issparse(rows):
        return sparse.csr_array(sparse.diags_array(factor) @ rows)
    return factor[:, None] * rows


def drawn(rows, targets, weight, *, totals, n_drawn, random):
    """Rows drawn at random to be searched for all, each from a group of like targets.

    No group has rows of two targets: so classes keep their weights, and rare ones a row. Groups are
    of rows of like distance from the mean, and the larger that is the fewer: few rows tell of rare
    features. In its group a row is drawn as often as it weighs; one with the share of a whole group
    begins one. Means of drawn rows are as far apart as rows are: so they tell more of the loss far
    from the present model than means of all rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    targets : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    totals : Totals
        Of all rows, with these: distances are from their mean, in units of their spreads.
    n_drawn : int
    random : numpy.random.Generator

    Returns
    -------
    rows, targets, weight
        Of those drawn, with the weights of their groups.
    """
    apart = rows - totals.mean
    size = np.square(apart, out=apart) @ totals.inverse_scale**2
    order = np.lexsort((size, *targets.T))
    mass, own = np.cumsum(weight[order]), weight[order] * (size[order] + size.mean())
    share = np.cumsum(own)
    begins = np.zeros(len(order) + 1, dtype=bool)
    begins[np.searchsorted(share, share[-1] * np.arange(1, n_drawn) / n_drawn) + 1] = True
    begins[:-1] |= own * n_drawn > share[-1]
    turns = (targets[order[1:]] != targets[order[:-1]]).any(axis=1)
    if np.count_nonzero(turns) < n_drawn:  # classes or counts
        begins[1:-1] |= turns
    begins[0] = True
    begins = np.flatnonzero(begins[:-1])
    last = np.append(begins[1:], len(order)) - 1
    before = mass[begins] - weight[order[begins]]
    place = before + random.random(len(begins)) * (mass[last] - before)
    which = order[np.clip(np.searchsorted(mass, place, side="right"), begins, last)]
    return rows[which], targets[which], np.add.reduceat(weight[order], begins)


def _fitted(centred, own, whole, scale):
    """Centred rows, wider or narrower in each direction until their squares ``own`` are ``whole``.

    Where they have next to none they stay: few rows, moved far, would stand for what they are not.
    The map is the one that is symmetric in units of the squares of ``whole``. ``scale`` has the
    sizes of the columns.
    """
    unit = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    own, whole = (square * np.outer(unit, unit) for square in (own, whole))
    size, axes = np.linalg.eigh(whole)
    used = size > NONE * size[-1]
    axes, root = axes[:, used], np.sqrt(size[used])
    white = axes / root
    shares, turned = np.linalg.eigh(white.T @ own @ white)
    seen = shares > LEAST_SHARE
    turned = turned[:, seen]
    along = centred @ (unit[:, None] * (white @ turned))
    along *= 1.0 / np.sqrt(shares[seen]) - 1.0
    return centred + along @ ((turned.T * root) @ (axes.T * scale))
