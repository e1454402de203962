"""Shards on the workers of a Dask cluster, or read anew at each look by Dask's threads.

Dask is imported by the functions that need it: whoever has rows of Dask has Dask.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from nno_sklearn.rows.merging import LARGE
from nno_sklearn.rows.places import Here, Place
from nno_sklearn.rows.recipes import Missing, Request
from nno_sklearn.rows.shard import Part, Shard, answer, joined

#: Bytes of rows up to which they are kept in this process; larger ones are read at each look.
MOST_KEPT = 2**30
#: Shards from which on large answers are added up two by two, where they are.
MANY_SHARDS = 3


def default_client() -> Any | None:
    """The client of Dask that is open; None where there is none."""
    try:
        from distributed import get_client
    except ImportError:  # dask alone
        return None
    try:
        return get_client()
    except ValueError:
        return None


def place_of(parts: Sequence[Any], data: Any) -> Place:
    """Shards of parts that Dask is yet to make, where they will stay.

    Parameters
    ----------
    parts : sequence of Delayed
        Each makes a :class:`~nno_sklearn.rows.shard.Part`, or None where it has no rows.
    data : collection of Dask
        The X that they are made of.
    """
    import dask

    client = default_client()
    if client is not None:
        return OnCluster(client, parts, holders_of(client, data))
    if _can_keep(data):
        made = dask.compute(*parts, scheduler=scheduler())
        return Here([Shard([part]) for part in made if part is not None])
    return ReadAnew(parts)


def keep(data: Sequence[Any]) -> Sequence[Any]:
    """The same collections, made once: on the workers, or in this process where they are small;
    as they are where it cannot keep them.

    Parameters
    ----------
    data : sequence of collections of Dask
        The first one, X, tells how large all are.
    """
    import dask

    client = default_client()
    if client is not None:
        from distributed import wait

        made = client.persist(list(data))
        wait(made)  # only then is it known where they are
        return made
    return dask.persist(*data, scheduler=scheduler()) if _can_keep(data[0]) else data


def _can_keep(data):
    """Whether rows are known to be few enough to keep them in this process."""
    n_bytes = data.nbytes if hasattr(data, "chunks") else np.nan  # no one knows those of a table
    return n_bytes <= MOST_KEPT


def scheduler() -> Any:
    """Dask's scheduler in this process: the user's choice, but for processes."""
    import dask

    chosen = dask.config.get("scheduler", None)
    is_one_thread = chosen in ("synchronous", "sync", "single-threaded")
    return "synchronous" if is_one_thread else "threads"


class ReadAnew(Place):
    """Parts that are too large to keep: each look makes them, and lets them go."""

    keeps_steps = False

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts, self._made = list(parts), [dict[int, Any]() for _ in parts]

    def ask(self, request: Request) -> Any:
        import dask

        ask = dask.delayed(partial(_answer, request), pure=False, traverse=False)
        answers = [
            ask(part, dask.delayed(_Held(made), traverse=False))
            for part, made in zip(self._parts, self._made, strict=True)
        ]
        return joined(request.method, dask.compute(*answers, scheduler=scheduler()))


class _Held:
    """What was made of a part, for Dask to hand on as it is."""

    def __init__(self, made: dict[int, Any]) -> None:
        self.made = made


def _answer(request, part, held):
    return None if part is None else answer(part, held.made, request, keeps_rows=False)


class OnCluster(Place):
    """A shard for each worker of a cluster, of the parts that lie there.

    Parameters
    ----------
    client : distributed.Client
    parts : sequence of Delayed
    holders : sequence of str or None
        The worker in whose memory a part's rows are already.
    """

    def __init__(self, client: Any, parts: Sequence[Any], holders: Sequence[str | None]) -> None:
        import dask

        self._client, self._shards, self.addresses = client, [], []
        n_threads = client.nthreads()
        if not n_threads:
            raise RuntimeError(
                "The Dask cluster has no worker that could hold rows. Start some "
                "(cluster.scale(2), client.wait_for_workers(1)), or close the client: Dask's "
                "threads in this process then read the rows."
            )
        for address, mine in _by_worker(parts, holders, sorted(n_threads)):
            shard = dask.delayed(_shard_of, pure=False)(mine, n_threads[address])
            made = client.compute(shard, workers=[address], allow_other_workers=True)
            self._shards.append(made)
            self.addresses.append(address)

    def ask(self, request: Request) -> Any:
        submit, method = self._client.submit, request.method
        answers = [
            submit(
                Shard.answer,
                shard,
                request,
                workers=[address],  # Dask would move small shards to workers that are idle
                allow_other_workers=True,
                pure=False,
            )
            for shard, address in zip(self._shards, self.addresses, strict=True)
        ]
        while method in LARGE and len(answers) >= MANY_SHARDS:
            pairs = [answers[i : i + 2] for i in range(0, len(answers), 2)]
            answers = [submit(joined, method, pair, pure=False) for pair in pairs]
        answer = joined(method, self._gathered(answers))
        if isinstance(answer, Missing):
            self._find()
        return answer

    def _find(self):
        """Ask where shards are, once one of them is not where it was."""
        where = self._client.who_has(self._shards)
        pairs = zip(self._shards, self.addresses, strict=True)
        self.addresses = [next(iter(where.get(one.key) or [old])) for one, old in pairs]

    def _gathered(self, answers):
        from distributed.client import FutureCancelledError

        try:
            return self._client.gather(answers)
        except FutureCancelledError as error:
            raise RuntimeError(
                "Rows were lost with a worker, and Dask cannot make them again, as they were "
                "scattered to it (client.scatter), not computed. Fit to rows that Dask computes: "
                "dask.array.from_array, from_delayed or read_parquet, and X.persist() to keep them "
                "in the workers' memory."
            ) from error


def _shard_of(parts: Sequence[Part | None], n_threads: int) -> Shard:
    return Shard([part for part in parts if part is not None], n_threads)


def _by_worker(parts, holders, addresses):
    """Addresses of workers, each with its parts: those in its memory, and an even share of those
    that are yet to be made, in their order."""
    mine: dict[str, list[Any]] = {address: [] for address in addresses}
    lazy = []
    for part, holder in zip(parts, holders, strict=True):
        (mine[holder] if holder in mine else lazy).append(part)
    size = -(-len(lazy) // len(addresses))
    for i, part in enumerate(lazy):
        mine[addresses[i // size]].append(part)
    return [(address, own) for address, own in mine.items() if own]


def holders_of(client: Any, data: Any) -> list[str | None]:
    """For each part along the rows the worker that has it in memory; None where no one has."""
    from dask.core import flatten
    from distributed.client import futures_of

    keys, futures = list(flatten(data.__dask_keys__())), futures_of(data)
    where = client.who_has(futures) if futures else {}
    addresses = [where.get(key) or where.get(str(key)) or () for key in keys]
    n_columns = data.numblocks[1] if hasattr(data, "numblocks") else 1
    return [one[0] if one else None for one in addresses[::n_columns]]
