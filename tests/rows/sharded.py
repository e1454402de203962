"""Rows in several shards, as on several machines: a second implementation of the interface.

Each shard is a :class:`LocalRows` over its part of the rows, in weights of its own that sum to 1;
it is told the geometry and the targets of the whole, and whatever is as long as the data stays in
it. The sums of the whole are the shards' sums, by their shares of the weight.
"""

from collections import Counter
from functools import cached_property, reduce
from operator import add

import numpy as np
from scipy import sparse

from nno_sklearn.losses import Curvature
from nno_sklearn.rows import (
    Geometry,
    LocalRows,
    PassCounter,
    Raw,
    RowCurvature,
    Rows,
    RowSums,
)
from nno_sklearn.rows.local import LocalCurvature
from nno_sklearn.rows.moments import CONSTANT, moments
from nno_sklearn.rows.raw import StoredRaw
from nno_sklearn.rows.replies import (
    DualPoint,
    HessianSums,
    Moments,
    Targets,
)
from nno_sklearn.rows.triangular import triangular_factor


class ShardedRaw(Raw):
    """The shards' handles; no array."""

    def __init__(self, parts):
        self.parts = parts


class ShardedCurvature(RowCurvature):
    """The shards' handles, and the sum of their curvatures by the intercept."""

    def __init__(self, parts, intercept):
        self.parts, self.intercept = parts, intercept


class ShardedRows(Rows):
    """Rows, targets and weights in ``n_shards`` parts that know nothing of each other.

    Attributes
    ----------
    requests : Counter
        By method, requests that had to wait for the shards' replies.
    notes : Counter
        By method, requests without a reply, which could travel with the next one that has one.
    """

    def __init__(self, X, y, weight, loss, *, fit_intercept, n_shards=2, offset=None):
        parts = np.array_split(np.arange(len(y)), n_shards)
        mass = np.array([weight[rows].sum() for rows in parts])
        self.loss, self.fit_intercept, self._shares = loss, fit_intercept, mass / mass.sum()
        self.requests, self.notes = Counter(), Counter()
        own = [(X[rows], y[rows], weight[rows] / weight[rows].sum()) for rows in parts]
        self._passes = PassCounter(X.nnz if sparse.issparse(X) else X.size)
        self._passes.total = 1.0  # the geometry
        told = {"geometry": self._pooled(own), "passes": self._passes}
        told["fit_intercept"] = fit_intercept
        offsets = [None if offset is None else offset[rows] for rows in parts]
        self._shards = [
            LocalRows(*part, loss, offset=one, **told)
            for part, one in zip(own, offsets, strict=True)
        ]
        numbers = np.array([np.count_nonzero(shard.weight) for shard in self._shards])
        self._even_shares = numbers / numbers.sum()
        for shard in self._shards:
            shard.targets, shard.mean_offset = self.targets, self.mean_offset
        told["offset"] = offset
        self._gather = lambda: self._in_one_place(own, told)

    def _pooled(self, parts):
        """Geometry of the whole from each part's (Chan, Golub and LeVeque, 1983)."""
        means, scales = zip(*(moments(X, w, self.fit_intercept) for X, _, w in parts), strict=True)
        mean = self._shares @ np.array(means)
        scale = np.sqrt(self._shares @ (np.array(scales) ** 2 + (np.array(means) - mean) ** 2))
        return Geometry(mean, np.where(scale <= CONSTANT * np.abs(mean), 0.0, scale))

    def _in_one_place(self, parts, told):
        X, y, _ = zip(*parts, strict=True)
        X = sparse.vstack(X, format="csr") if self.is_sparse else np.vstack(X)
        return LocalRows(X, np.vstack(y), self._weight, self.loss, **told)

    @property
    def _weight(self):
        pairs = zip(self._shares, self._shards, strict=True)
        return np.concatenate([share * shard.weight for share, shard in pairs])

    @cached_property
    def _gathered(self):
        """All rows in one place, for what the interface asks of few rows only."""
        self.requests["(gathered)"] += 1
        return self._gather()

    def _part(self, shards, gather):
        part = object.__new__(ShardedRows)
        vars(part).update(vars(self), _shards=shards, _gather=gather, loss=shards[0].loss)
        vars(part).pop("_gathered", None)
        return part

    # How it asks

    def _each(self, method, *args, **options):
        """Every shard's answer; of handles it gets its own part."""
        return [
            getattr(shard, method)(*(_own(value, i) for value in args), **options)
            for i, shard in enumerate(self._shards)
        ]

    def _tell(self, method, *args, **options):
        self.notes[method] += 1
        return self._each(method, *args, **options)

    def _ask(self, method, *args, **options):
        self.requests[method] += 1
        return self._each(method, *args, **options)

    def _sum(self, method, *args, **options):
        return self._added(self._ask(method, *args, **options))

    def _added(self, answers, shares=None):
        """Sum of answers by the shards' shares; field by field where they have several."""
        shares = self._shares if shares is None else shares
        if isinstance(answers[0], tuple):
            return [self._added(field, shares) for field in zip(*answers, strict=True)]
        if answers[0] is None:
            return None
        return reduce(add, (share * answer for share, answer in zip(shares, answers, strict=True)))

    def _of_all(self, name):
        return [getattr(shard, name) for shard in self._shards]

    # Sizes: known since the shards were made

    shape = property(lambda self: (sum(map(len, self._shards)), self._shards[0].shape[1]))
    n_outputs = property(lambda self: self._shards[0].n_outputs)
    dtype = property(lambda self: self._shards[0].dtype)
    is_sparse = property(lambda self: self._shards[0].is_sparse)
    n_stored = property(lambda self: sum(self._of_all("n_stored")))
    origin = property(lambda self: self._shards[0].origin)
    scale = property(lambda self: self._shards[0].scale)
    inverse_scale = property(lambda self: self._shards[0].inverse_scale)
    rounding = property(lambda self: max(self._of_all("rounding")))
    eps = property(lambda self: max(self._of_all("eps")))
    is_exact = property(lambda self: all(self._of_all("is_exact")))
    underflows = property(lambda self: any(self._of_all("underflows")))
    passes = property(lambda self: self._passes)
    is_separate = property(lambda self: self._shards[0].is_separate)

    @property
    def row_product_cost(self):
        n_rows = [len(shard) for shard in self._shards]
        return float(np.average(self._of_all("row_product_cost"), weights=n_rows))

    @cached_property
    def targets(self):
        mean, low, high, size = zip(*self._of_all("targets"), strict=True)
        extremes = np.min(low, axis=0), np.max(high, axis=0), np.max(size, axis=0)
        return Targets(self._added(mean), *extremes)

    @cached_property
    def mean_offset(self):
        return self._added(self._of_all("mean_offset"))

    # Handles

    def raw(self, coef):
        return ShardedRaw(self._tell("raw", coef))

    def nothing(self):
        return ShardedRaw(self._tell("nothing"))

    def combined(self, first, t, second):
        return ShardedRaw(self._tell("combined", first, t, second))

    def chosen(self, which, first, second):
        return ShardedRaw(self._tell("chosen", which, first, second))

    def release(self, raw):
        self._tell("release", raw)

    def curvature(self, raw, b, least=None):
        parts = self._ask("curvature", raw, b, least)
        return ShardedCurvature(parts, self._added([part.intercept for part in parts]))

    # Sums at raw predictions

    def sums(self, raw, b, slope=None, t=0.0):
        return RowSums(*self._sum("sums", raw, b, slope, t))

    def derivatives_along(self, raw, b, slope, t, drift):
        return tuple(self._sum("derivatives_along", raw, b, slope, t, drift))

    def values(self, raw, b, slope=None, t=0.0):
        return self._sum("values", raw, b, slope, t)

    def gradient(self, raw, b):
        return self._sum("gradient", raw, b)

    def moved_gradient(self, raw, b, curvature, shift):
        return self._sum("moved_gradient", raw, b, curvature, shift)

    def square(self, raw):
        return self._sum("square", raw)

    def gradient_sizes(self, raw, b):
        roots, largest = zip(*self._ask("gradient_sizes", raw, b), strict=True)
        return float(np.sqrt(self._shares @ np.square(roots))), max(largest)

    def conjugate(self, raw, b, scaling):
        return tuple(self._sum("conjugate", raw, b, scaling))

    def dual(self, raw, b):
        return ShardedRaw(self._tell("dual", raw, b))

    def shrunk_dual(self, dual, shares, scaling):
        answers = self._ask("shrunk_dual", dual, shares, scaling)
        return DualPoint(*self._added(answers))._replace(scaling=scaling)

    def newton_dual(self, raw, b, curvature, slope, shift, scalings):
        given = raw, b, curvature, slope, shift
        answers = self._ask("newton_dual", *given, scalings)
        agreed = min(answer.scaling for answer in answers)
        if any(answer.scaling != agreed for answer in answers):  # one c must serve all rows
            return self.newton_dual(*given, scalings[list(scalings).index(agreed) :])
        return DualPoint(*self._added(answers))._replace(scaling=agreed)

    # Second derivatives

    def largest_curvature(self, curvature):
        return max(self._ask("largest_curvature", curvature))

    def curvature_change(self, curvature, before):
        return tuple(self._sum("curvature_change", curvature, before))

    def second_total(self, curvature, slope):
        return self._sum("second_total", curvature, slope)

    def second_gradient(self, curvature, slope, shift):
        return self._sum("second_gradient", curvature, slope, shift)

    def hessian_sums(self, curvature, k, least=0.0, index=None):
        return HessianSums(*self._sum("hessian_sums", curvature, k, least, index))

    def joint_hessian_sums(self, curvature):
        return tuple(self._sum("joint_hessian_sums", curvature))

    def _gathered_curvature(self, curvature):
        diagonal, coupling = zip(*(part.entries for part in curvature.parts), strict=True)
        coupling = None if coupling[0] is None else np.vstack(coupling)
        entries = Curvature(np.vstack(diagonal), coupling)
        return LocalCurvature(entries, self._weight, self.fit_intercept)

    def _of_few(self, method, *args):
        """What the interface asks for few rows: of those in one place."""
        self.requests[method] += 1
        curved = [
            self._gathered_curvature(value) if isinstance(value, ShardedCurvature) else value
            for value in args
        ]
        return getattr(self._gathered, method)(*curved)

    def hessian_root(self, curvature, feature, output):
        return self._of_few("hessian_root", curvature, feature, output)

    def row_space_inverse(self, curvature, diagonal):
        return self._of_few("row_space_inverse", curvature, diagonal)

    def heaviest(self, curvature, count):
        return self._of_few("heaviest", curvature, count)

    # Whether there is an optimum

    def move_sizes(self, slope, shift, floor=0.0):
        least, largest = zip(*self._ask("move_sizes", slope, shift, floor), strict=True)
        return min(least), max(largest)

    def recedes(self, slope, shift, floor, reach, near):
        answers = self._ask("recedes", slope, shift, floor, reach, near)
        rises, falls = zip(*answers, strict=True)
        return any(rises), any(falls)

    def doubtful(self, raw, b, limit):
        return np.vstack(self._ask("doubtful", raw, b, limit))

    def recession(self, reach, near):
        answers = zip(*self._ask("recession", reach, near), strict=True)
        joined = [zip(*parts, strict=True) for parts in answers]
        return [(np.vstack(held), np.concatenate(falls)) for held, falls in joined]

    # Second moments

    def moments(self, *, evenly=False):
        answers = self._ask("moments", evenly=evenly)
        return Moments(*self._added(answers, self._even_shares if evenly else self._shares))

    def factor(self, *, evenly=False, targets=False):
        factors = self._ask("factor", evenly=evenly, targets=targets)
        shares = self._even_shares if evenly else self._shares
        rows = [np.sqrt(share) * R for share, R in zip(shares, factors, strict=True)]
        n_columns = rows[0].shape[1]
        return np.vstack(rows) if self.shape[0] <= n_columns else triangular_factor(rows, n_columns)

    # Other rows

    def columns(self, index):
        shards = self._tell("columns", index)
        return self._part(shards, lambda: self._gathered.columns(index))

    def with_loss(self, loss):
        return self._part(self._tell("with_loss", loss), lambda: self._gathered.with_loss(loss))

    def shifted(self, by, t):
        def gather():
            return self._gathered.shifted(StoredRaw(np.vstack([raw.array for raw in by.parts])), t)

        part = self._part(self._tell("shifted", by, t), gather)
        vars(part).pop("mean_offset", None)
        for shard in part._shards:
            shard.mean_offset = part.mean_offset
        return part

    def exact(self):
        return self._part(self._tell("exact"), lambda: self._gathered.exact())

    def replaced(self, X, y):
        told = {"geometry": Geometry(np.zeros(self.shape[1]), self.scale), "passes": self._passes}
        weight = np.full(len(X), 1.0 / len(X))
        return LocalRows(X, y, weight, self.loss, fit_intercept=False, **told)

    def draw(self, count, random_state):
        return self._of_few("draw", count, random_state)

    def cells(self, count, n_searched, random_state, n_neighbors, metric):
        return self._of_few("cells", count, n_searched, random_state, n_neighbors, metric)


def _own(value, i):
    return value.parts[i] if isinstance(value, ShardedRaw | ShardedCurvature) else value
