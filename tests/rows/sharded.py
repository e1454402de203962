"""Rows in shards of this process, as on several machines: each knows nothing of the others."""

import pickle
from collections import Counter

import numpy as np

from nno_sklearn.rows import Exchange, Here, Part, Shard, ShardedRows


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
