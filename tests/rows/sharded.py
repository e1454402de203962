"""Rows in shards of this process, as on several machines: each knows nothing of the others."""

import pickle
from collections import Counter

import numpy as np

from nno_sklearn.problem import Problem
from nno_sklearn.rows import Exchange, Here, Part, Shard, ShardedRows
from tests.problems import LOSSES, make_target


class Carried(Here):
    """Shards in this process whose requests and answers are pickled, as if they travelled."""

    def __init__(self, shards):
        super().__init__(shards)
        self.n_bytes = Counter()

    def ask(self, request):
        sent = pickle.dumps(request)
        back = pickle.dumps(super().ask(pickle.loads(sent)))
        method = request.method
        name = method if isinstance(method, str) else method.__name__
        self.n_bytes[name] += len(sent) + len(back)
        return pickle.loads(back)


def in_shards(X, y, weight, loss, *, fit_intercept, n_shards=2, offset=None, parts_each=1):
    """The same rows in ``n_shards``, of some parts each."""
    split = np.array_split(np.arange(len(y)), n_shards * parts_each)
    offsets = [None if offset is None else offset[rows] for rows in split]
    parts = [
        Part(number, X[rows], y[rows], weight[rows], own, mass=weight[rows].sum())
        for number, (rows, own) in enumerate(zip(split, offsets, strict=True))
    ]
    shards = [Shard(parts[i : i + parts_each], 2) for i in range(0, len(parts), parts_each)]
    whole = sum(part.mass for part in parts), sum(part.n_counting for part in parts)
    return ShardedRows(Exchange(Carried(shards), whole), loss, fit_intercept=fit_intercept)


def ill_conditioned(name, penalty, *, n=20_000, p=30, condition=1e3, alpha=1e-3, seed=0):
    """A problem over shards elsewhere, of rotated columns whose spreads differ by ``condition``."""
    rng = np.random.default_rng(seed)
    spreads = np.logspace(0.0, -np.log10(condition), p)
    rotation = np.linalg.qr(rng.normal(size=(p, p)))[0]
    X, weight = (rng.normal(size=(n, p)) * spreads) @ rotation, np.full(n, 1.0 / n)
    y = make_target(name, X, None)
    rows = in_shards(X, y, weight, LOSSES[name], fit_intercept=True, n_shards=2)
    rows.exchange.place.is_elsewhere = True
    return Problem(rows, penalty, alpha)
