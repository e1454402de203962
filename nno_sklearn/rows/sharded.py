"""Rows in shards that lie wherever they are: only sums and a few rows travel."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from nno_sklearn._copies import copy_of
from nno_sklearn.rows import few
from nno_sklearn.rows.base import Rows
from nno_sklearn.rows.cells import with_cells
from nno_sklearn.rows.exchange import Exchange, Look
from nno_sklearn.rows.local import LocalRows
from nno_sklearn.rows.merging import scaled
from nno_sklearn.rows.moments import CONSTANT
from nno_sklearn.rows.recipes import ShardedCurvature, ShardedRaw, recipe_of
from nno_sklearn.rows.replies import (
    DualPoint,
    FirstOrder,
    Geometry,
    HessianSums,
    Moments,
    PassCounter,
)
from nno_sklearn.rows.row_space import without_intercept
from nno_sklearn.rows.second_derivatives import LocalCurvature


class ShardedRows(Rows):
    """Rows in shards.

    Parameters
    ----------
    exchange : Exchange
    loss : Loss
    fit_intercept : bool

    Attributes
    ----------
    recipe : Recipe
        How shards make these rows of their data.
    """

    def __init__(self, exchange: Exchange, loss: Any, *, fit_intercept: bool) -> None:
        self.exchange, self.loss, self.fit_intercept = exchange, loss, fit_intercept
        (_, mean, square), _ = exchange.ask(None, "column_moments", fit_intercept)
        scale = np.sqrt(square)
        scale[~(scale > CONSTANT * np.abs(mean))] = 0.0
        self._geometry = self._whole_geometry = Geometry(mean, scale)
        self.recipe = exchange.recipe(None, "rows", loss, fit_intercept, self._geometry)
        self._facts: dict[str, Any] = {}
        self._passes = PassCounter(self._fact("n_stored"))
        self._passes.total = 1.0  # the geometry
        self._tell()

    requests = property(lambda self: self.exchange.requests)

    def _view(self, method, *args, stale=(), **changes):
        """Other rows that shards make of these; the ``stale`` facts are not those of these."""
        part = copy_of(self)
        part._facts = {name: fact for name, fact in self._facts.items() if name not in stale}
        vars(part).pop("_gathered", None)
        recipe = self.exchange.recipe(self.recipe, method, *map(recipe_of, args))
        vars(part).update(recipe=recipe, **changes)
        return self.exchange.watch(part)

    def _tell(self):
        """Let the parts centre targets and offsets as those of all rows are."""
        self.recipe = self.exchange.recipe(self.recipe, "told", self.targets, self.mean_offset)

    # How it asks

    def _ask(self, method, *args, **options):
        answer, read = self.exchange.ask(self.recipe, method, *args, **options)
        if "_passes" in vars(self):
            self._passes.read(read)
        return answer

    def _make(self, method, *args):
        """A handle; no request."""
        recipe = self.exchange.recipe(self.recipe, method, *map(recipe_of, args))
        return self.exchange.watch(ShardedRaw(recipe))

    def _fact(self, name):
        if name not in self._facts:
            found = few.of_mean_row(self._ask(few.facts))
            self._facts = {**found._asdict(), **self._facts}
        return self._facts[name]

    # Sizes

    shape = property(lambda self: (self._fact("n_samples"), len(self._geometry.scale)))
    n_outputs = property(lambda self: self._fact("n_outputs"))
    dtype = property(lambda self: self._fact("dtype"))
    is_sparse = property(lambda self: self._fact("is_sparse"))
    n_stored = property(lambda self: self._fact("n_stored"))
    n_elsewhere = property(lambda self: self.n_stored * self.exchange.place.is_elsewhere)
    row_product_cost = property(lambda self: self._fact("row_product_cost"))
    origin = property(lambda self: self._whole_geometry.origin)
    scale = property(lambda self: self._geometry.scale)
    rounding = property(lambda self: self._fact("rounding"))
    eps = property(lambda self: self._fact("eps"))
    is_exact = property(lambda self: self._fact("is_exact"))
    underflows = property(lambda self: self._fact("underflows"))
    passes = property(lambda self: self._passes)
    is_separate = property(lambda self: self._fact("is_separate"))
    targets = property(lambda self: self._fact("targets"))
    mean_offset = property(lambda self: self._fact("mean_offset"))

    @property
    def inverse_scale(self):
        scale = self.scale
        return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)

    # Handles

    def raw(self, coef):
        return self._make("raw", coef)

    def nothing(self):
        return self._make("nothing")

    def combined(self, first, t, second):
        return self._make("combined", first, t, second)

    def chosen(self, which, first, second):
        return self._make("chosen", which, first, second)

    def dual(self, raw, b):
        return self._make("dual", raw, b)

    def release(self, raw):
        self.exchange.release(raw.recipe)

    def curvature(self, raw, b, least=None):
        exchange = self.exchange
        recipe = exchange.recipe(self.recipe, "curvature", raw.recipe, b, least)
        total = lambda: exchange.ask(recipe, "intercept")[0]  # noqa: E731
        return exchange.watch(ShardedCurvature(recipe, total))

    # Sums at raw predictions

    def sums(self, raw, b, slope=None, t=0.0):
        if slope is not None:
            return self._ask("sums", raw, b, slope, t)
        last, place = self.exchange.last_look.place, self._place(raw, b)
        if last != place:
            # A trip costs more than the gradient. Else the second look ends the search for the
            # intercept, about: what is asked for next comes with it.
            has_gradient = self.exchange.place.is_elsewhere or last[:2] == place[:2]
            self.exchange.last_look = Look(place, *self._ask(few.look, raw, b, has_gradient))
        return self.exchange.last_look.sums

    def _place(self, raw, b):
        return self.recipe.key, raw.recipe.key, b.tobytes()

    def derivatives_along(self, raw, b, slope, t, drift):
        return self._ask("derivatives_along", raw, b, slope, t, drift)

    def values(self, raw, b, slope=None, t=0.0):
        look = self.exchange.last_look
        if slope is None and look.values is not None and look.place == self._place(raw, b):
            return look.values
        return self._ask("values", raw, b, slope, t)

    def gradient(self, raw, b):
        look = self.exchange.last_look
        if look.gradient is not None and look.place == self._place(raw, b):
            return look.gradient.copy()
        return self._ask("gradient", raw, b)

    def first_order(self, coef, b):
        return FirstOrder(*self._ask("first_order", coef, b))

    def moved_gradient(self, raw, b, curvature, shift):
        return self._ask("moved_gradient", raw, b, curvature, shift)

    def square(self, raw):
        return self._ask("square", raw)

    def gradient_sizes(self, raw, b):
        square, largest = self._ask("gradient_sizes", raw, b)
        return float(np.sqrt(square)), largest

    def conjugate(self, raw, b, scaling):
        return self._ask("conjugate", raw, b, scaling)

    def shrunk_dual(self, dual, shares, scaling):
        return self._ask("shrunk_dual", dual, shares, scaling)._replace(scaling=scaling)

    def newton_dual(self, raw, b, curvature, slope, shift, scalings):
        given = raw, b, curvature, slope, shift
        agreed, largest, sums = self._ask("newton_dual", *given, scalings)
        if agreed != largest:  # one scaling must serve all rows
            return self.newton_dual(*given, scalings[list(scalings).index(agreed) :])
        return DualPoint(*sums)._replace(scaling=agreed)

    # Second derivatives

    def largest_curvature(self, curvature):
        return self._ask("largest_curvature", curvature)

    def curvature_change(self, curvature, before):
        return self._ask("curvature_change", curvature, before)

    def second_total(self, curvature, slope):
        return self._ask("second_total", curvature, slope)

    def second_gradient(self, curvature, slope, shift):
        return self._ask("second_gradient", curvature, slope, shift)

    def hessian_sums(self, curvature, k, least=0.0, index=None):
        return HessianSums(*self._ask("hessian_sums", curvature, k, least, index))

    def joint_hessian_sums(self, curvature, feature, output):
        return self._ask("joint_hessian_sums", curvature, feature, output)

    def hessian_root(self, curvature, feature, output):
        factor = self._ask(few.root_factor, curvature, feature, output)
        n_ones = factor.shape[1] - len(feature)
        ones, columns = factor[:, :n_ones], factor[:, n_ones:].copy()
        return without_intercept(ones, columns) if self.fit_intercept else columns

    @cached_property
    def _gathered(self) -> LocalRows:
        """All rows in one place, for what is asked of few rows only."""
        return few.in_one_place(self._ask(few.taken, None), self._passes)

    def row_space_inverse(self, curvature, diagonal):
        found = few.stacked_entries(self._ask(few.entries, curvature))
        rows = self._gathered
        here = LocalCurvature(found, rows.weight, self.fit_intercept)
        return rows.row_space_inverse(here, diagonal)

    def heaviest(self, curvature, count):
        return few.heaviest_of(self._ask(few.heavy, curvature, count), count, self._passes)

    # Whether there is an optimum

    def move_sizes(self, slope, shift, floor=0.0):
        return self._ask("move_sizes", slope, shift, floor)

    def recedes(self, slope, shift, floor, reach, near):
        return self._ask("recedes", slope, shift, floor, reach, near)

    def doubtful(self, raw, b, limit):
        return self._ask("doubtful", raw, b, limit)

    def recession(self, reach, near):
        return self._ask("recession", reach, near)

    # Second moments

    def moments(self, *, evenly=False):
        return Moments(*self._ask("moments", evenly=evenly))

    def factor(self, *, evenly=False, targets=False):
        return self._ask("factor", evenly=evenly, targets=targets)

    # Other rows

    def columns(self, index):
        mean, scale = self._geometry
        stale = "n_stored", "row_product_cost", "rounding", "underflows", "eps", "is_exact"
        return self._view(
            "columns", index, stale=stale, _geometry=Geometry(mean[index], scale[index])
        )

    def with_loss(self, loss):
        return self._view("with_loss", loss, stale=("is_separate",), loss=loss)

    def shifted(self, by, t):
        part = self._view("shifted", by, t, stale=("mean_offset",))
        part._tell()
        return part

    def exact(self):
        return self._view("exact", stale=("is_exact", "rounding", "eps", "n_stored"))

    def replaced(self, X, y):
        told = {"geometry": Geometry(np.zeros(self.shape[1]), self.scale), "passes": self._passes}
        weight = np.full(len(X), 1.0 / len(X))
        return LocalRows(X, y, weight, self.loss, fit_intercept=False, **told)

    def _drawn(self, count, random_state):
        """Landmark rows, with their own weights; weights that stand for all; where they lie."""
        seed = int(random_state.randint(2**31 - 1))
        found = self._ask(few.candidates, count + 1, seed)
        weight = found.weight
        if len(found.keys) > count:
            last = found.keys.max()
            found = found.at(np.flatnonzero(found.keys < last))
            weight = found.weight / -np.expm1(-found.chance * last)
        order = np.lexsort((found.index, found.part))
        found, weight = found.at(order), weight[order]
        where = {int(part): found.index[found.part == part] for part in np.unique(found.part)}
        rows = few.in_one_place(self._ask(few.taken, where), self._passes)
        return rows, weight, where

    def draw(self, count, random_state):
        rows, weight, _ = self._drawn(count, random_state)
        return rows.taken(np.arange(len(rows)), weight, rows.y, rows.offset)

    def cells(self, count, n_searched, random_state, n_neighbors, metric):
        landmarks, drawn, where = self._drawn(count, random_state)
        seed, every = int(random_state.randint(2**31 - 1)), np.arange(len(landmarks))
        near = landmarks.design.standardised_rows(every)
        sums = self._ask(few.cell_sums, near, where, n_searched, seed, n_neighbors, metric)
        share = n_searched / (len(every) + n_searched)
        own = share * landmarks.weight + (1.0 - share) * drawn
        target = np.asarray(landmarks.y.take(every, axis=0))
        weight, target, offset = with_cells(own, target, landmarks.offset, scaled(sums, share))
        return landmarks.taken(every, weight, target, offset)
