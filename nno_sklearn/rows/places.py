"""Where shards are: they take a request each, and bring back its answer."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nno_sklearn.rows.recipes import Request
from nno_sklearn.rows.shard import Shard, joined


class Place(ABC):
    """Where shards are.

    Attributes
    ----------
    keeps_steps : bool
        Whether shards keep all that they make; where not, each request tells them again how to.
    is_elsewhere : bool
        Whether looks cost more than their arithmetic: trips to workers, or reading rows anew.
    """

    keeps_steps = True
    is_elsewhere = True

    @abstractmethod
    def ask(self, request: Request) -> Any:
        """The joined answer of all shards to the same request, and the entries of X they read;
        :class:`~nno_sklearn.rows.recipes.Missing` where one lacks something."""


class Here(Place):
    """Shards in this process, which answer in threads.

    Parameters
    ----------
    shards : sequence of Shard
    """

    is_elsewhere = False

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = list(shards)

    def ask(self, request: Request) -> Any:
        n_threads = min(len(self.shards), os.cpu_count() or 1)
        if n_threads <= 1:
            return joined(request.method, [shard.answer(request) for shard in self.shards])
        with ThreadPoolExecutor(n_threads) as pool:
            return joined(request.method, list(pool.map(lambda s: s.answer(request), self.shards)))
