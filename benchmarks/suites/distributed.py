"""Fits to rows of a Dask cluster: round trips and bytes by loss, time against rivals, memory.

The cluster is a LocalCluster of processes on this machine. Counts are the same everywhere; seconds
tell what trips cost on this machine, where workers share its cores. Every fit that is timed has a
fresh process as its client, and a cluster of its own.
"""

import contextlib
import pickle
import sys
import time
import warnings
from collections import defaultdict
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.report import Report, Table, words
from benchmarks.worker import in_fresh_process, memory, new_peak

TITLE, KEY = "Distributed", "fit"

SIZES, COUNTED = (1e5, 1e6), 1e5
#: Requests that bring landmark rows, apart from which sums travel.
LANDMARKS = ("candidates", "taken")
#: Accuracy of fits that are timed; trips are counted at the default one.
TOL, DEFAULT_TOL = 1e-6, 1e-4
#: Losses, penalties and ratios of the columns' spreads of fits whose trips are counted.
COUNTED_LOSSES = "squared_error", "log_loss", "poisson", "gamma", "huber", "multinomial"
COUNTED_PENALTIES, CONDITIONS = ("l2", "elasticnet", "l1"), (1e1, 1e2, 1e4)
#: Rows at most that others than ours are given: with ten times as many they take an hour.
MOST_OF_RIVALS = 1e6
FITTERS = ("ours, 1 worker", "ours, 2 workers", "dask-ml, 2 workers", "ours, here")
COUNTER, LAZY = "ours, 2 workers", "ours, threads"
#: Rows that a lazy array has in a block; classes of a multinomial.
BLOCK, N_CLASSES = 25_000, 4


def add_arguments(parser):
    """Say which sizes, and how large an array that no memory holds."""
    parser.add_argument("--sizes", type=float, nargs="+", default=list(SIZES))
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--conditions", type=float, nargs="+", default=list(CONDITIONS))
    parser.add_argument("--gigabytes", type=float, default=0.0, help="of the array read by threads")
    parser.add_argument("--groups", nargs="+", default=["counts", "time", "larger than memory"])


def run(options):
    """Count trips, time fits, and fit an array larger than memory if asked for."""
    report = Report(sys.modules[__name__], options)
    sizes = [int(size) for size in options.sizes if not options.quick or size <= COUNTED]
    n_counted = int(COUNTED / 5 if options.quick else COUNTED)
    if options.quick:
        options.conditions = options.conditions[:1]
    groups = {
        "counts": lambda: [
            Task(n_counted, options.columns, COUNTER, loss, penalty, DEFAULT_TOL, condition)
            for condition in options.conditions
            for penalty in COUNTED_PENALTIES
            for loss in COUNTED_LOSSES
        ],
        "time": lambda: [
            Task(n, options.columns, name, "log_loss", "l2")
            for n in sizes
            for name in FITTERS
            if n <= MOST_OF_RIVALS or name.startswith("ours")
        ],
        "larger than memory": lambda: _lazy_tasks(options),
    }
    for group in options.groups:
        for alike in tasks_alike(groups[group](), is_timed=group != "counts"):
            named = [{"group": group, "fit": f"{group}, {task.name}"} for task in alike]
            report.add([name | row for name, row in zip(named, fit(alike), strict=True)])
    report.show(*tables(report.results))
    report.end()


def _lazy_tasks(options):
    n = int(options.gigabytes * 1e9 / 8 / options.columns)
    return [Task(n, options.columns, LAZY, "log_loss", "l2")] if n else []


@dataclass(frozen=True)
class Task:
    """One fit."""

    n: int
    p: int
    fitter: str
    loss: str
    penalty: str
    tol: float = TOL
    condition: float = CONDITIONS[0]

    @property
    def name(self):
        """What tells it from other fits of its group."""
        condition = f", condition={self.condition:g}" * (self.fitter == COUNTER)
        return f"{self.loss}, {self.penalty}, {self.fitter}, n={self.n:,}{condition}"

    @property
    def alpha(self):
        """A weak l2 penalty, and an l1 penalty that leaves some columns out."""
        return 1e-4 if self.penalty == "l2" else 1e-2

    @property
    def n_workers(self):
        """Processes of the cluster; 0 for none."""
        return int(self.fitter.split()[1]) if "worker" in self.fitter else 0


def tasks_alike(tasks, *, is_timed):
    """Tasks that may share a process and a cluster: all that are only counted."""
    return [[task] for task in tasks] if is_timed else [tasks]


def fit(tasks):
    """Fit in a fresh process; rows of plain values, where it died of nothing but their names."""
    try:
        return in_fresh_process(fit_here, tasks)
    except BrokenProcessPool:
        return [{**_named(task), "error": "the process died"} for task in tasks]


def fit_here(tasks):
    """Fit in this process, by a cluster of its own."""
    import dask

    n_workers = tasks[0].n_workers
    if not n_workers:
        with dask.config.set(num_workers=2):
            return [_fitted(task, None, Processes()) for task in tasks]
    from distributed import Client, LocalCluster, wait

    options = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    found = []
    with LocalCluster(**options, silence_logs=50) as cluster, Client(cluster) as client:
        for task in tasks:
            X, y = client.persist(rows_of(task))
            wait([X, y])
            found.append(_fitted(task, (X, y), Processes(client)))
    return found


class Processes:
    """This process, and those of a cluster's workers.

    Parameters
    ----------
    client : distributed.Client, default=None
    """

    def __init__(self, client=None):
        self._client = client

    def sum(self, measure):
        """A function's sum over all of them."""
        workers = self._client.run(measure).values() if self._client else ()
        return measure() + sum(workers)


def peak_memory():
    """Bytes of this process at its peak."""
    return memory("VmHWM") or np.nan


def _fitted(task, held, processes):
    is_here = task.fitter == "ours, here"
    given = held or rows_of(task)
    if is_here:
        import dask

        given = dask.compute(*given)
    try:
        model = estimator(task)
    except ImportError:
        return {**_named(task), "error": "not installed"}
    before, busy, start = new_peak(), processes.sum(time.process_time), time.perf_counter()
    with warnings.catch_warnings(), counted_trips() as n_bytes:
        warnings.simplefilter("ignore")  # the table shows how far from the optimum it ended
        model.fit(*given)
    seconds, peak = time.perf_counter() - start, peak_memory()
    landmarks = sum(sum(n_bytes[name]) for name in LANDMARKS)
    sums = sum(map(sum, n_bytes.values())) - landmarks
    return {
        **_named(task),
        "n_bytes": 8 * task.n * task.p,
        "seconds": seconds,
        "cpu_seconds": processes.sum(time.process_time) - busy,
        "trips": sum(map(len, n_bytes.values())),
        "landmark_bytes": landmarks,
        "sum_bytes": sums * max(1, task.n_workers),
        "peak": processes.sum(peak_memory),
        "growth": None if before is None else peak - before,
        "objective": objective(task, model, given),
        "error": "",
    }


def _named(task):
    names = "n", "p", "fitter", "loss", "penalty", "condition"
    return {name: getattr(task, name) for name in names}


@contextlib.contextmanager
def counted_trips():
    """Yields the bytes of each round trip, a request and its joined answer, by what is asked."""
    from nno_sklearn.rows.dask_shards import OnCluster, ReadAnew

    n_bytes = defaultdict(list)

    def counting(ask):
        def counted(place, request):
            answer, method = ask(place, request), request.method
            name = method if isinstance(method, str) else method.__name__
            n_bytes[name].append(len(pickle.dumps(request)) + len(pickle.dumps(answer)))
            return answer

        return counted

    with contextlib.ExitStack() as stack:
        for kind in (OnCluster, ReadAnew):
            stack.enter_context(patch.object(kind, "ask", counting(kind.ask)))
        yield n_bytes


def estimator(task):
    """The model of a task, unfitted."""
    if task.fitter.startswith("dask-ml"):
        from dask_ml.linear_model import LogisticRegression

        return LogisticRegression(C=1 / (task.n * task.alpha), solver="lbfgs", tol=task.tol)
    from nno_sklearn import NNOClassifier, NNORegressor

    kind = NNOClassifier if task.loss in ("log_loss", "multinomial") else NNORegressor
    loss = "log_loss" if task.loss == "multinomial" else task.loss
    return kind(loss, penalty=task.penalty, alpha=task.alpha, tol=task.tol, random_state=0)


def objective(task, model, given):
    """Mean log-loss and penalty of a model's coefficients; of others than the rival's its own."""
    if hasattr(model, "objective_"):
        return model.objective_
    X, y = given
    raw = X @ np.ravel(model.coef_) + float(np.ravel(model.intercept_)[0])
    mean = (da_logaddexp(raw) - y * raw).mean().compute()
    return float(mean + task.alpha / 2 * np.sum(model.coef_**2))


def da_logaddexp(raw):
    """``log(1 + exp(raw))`` of a lazy array."""
    return raw.map_blocks(lambda block: np.logaddexp(0.0, block), dtype=float)


def rows_of(task):
    """A lazy X and y, made block by block."""
    import dask.array as da

    lengths = [min(BLOCK, task.n - low) for low in range(0, task.n, BLOCK)]
    both = da.map_blocks(
        copied_block if task.fitter == LAZY else make_block,
        chunks=(tuple(lengths), (task.p + 1,)),
        dtype=float,
        task=task,
        lengths=lengths,
    )
    return both[:, : task.p], both[:, task.p]


def make_block(task, lengths, block_id):
    """Ill-conditioned rows, with their targets in the last column."""
    fixed, rng = np.random.default_rng(0), np.random.default_rng([1, block_id[0]])
    p, n = task.p, lengths[block_id[0]]
    spreads = np.logspace(0, -np.log10(task.condition), p)
    mix = spreads[:, None] * np.linalg.qr(fixed.standard_normal((p, p)))[0]
    coef = fixed.standard_normal((p, N_CLASSES))
    coef *= 2 / np.linalg.norm(mix @ coef, axis=0)
    X = rng.standard_normal((n, p)) @ mix
    eta = X @ coef
    targets = {
        "log_loss": lambda: rng.logistic(size=n) < eta[:, 0],
        "poisson": lambda: rng.poisson(np.exp(0.5 * eta[:, 0])),
        "gamma": lambda: 1e-6 + rng.gamma(2.0, np.exp(0.5 * eta[:, 0]) / 2.0),
        "multinomial": lambda: (eta + rng.gumbel(size=eta.shape)).argmax(axis=1),
    }
    target = targets.get(task.loss, lambda: eta[:, 0] + rng.standard_normal(n))()
    return np.column_stack([X, target])


@cache
def _first_block(task):
    return make_block(task, [BLOCK], (0,))[:, : task.p]


def copied_block(task, lengths, block_id):
    """The first block's rows with other signs of the columns, and targets of their own: they cost
    little more than to read, as the fit makes each block at each look."""
    rng = np.random.default_rng([2, block_id[0]])
    X = _first_block(task)[: lengths[block_id[0]]] * rng.choice([-1.0, 1.0], task.p)
    coef = np.linspace(-2.0, 2.0, task.p) / np.sqrt(task.p)
    target = rng.logistic(size=len(X)) < X @ coef
    return np.column_stack([X, target])


def tables(results):
    """One for each group."""
    return [group_table(name, rows) for name, rows in results.groupby("group", sort=False)]


def group_table(group, rows):
    """What a group measured."""
    of_n = rows.groupby("n")["objective"] if "objective" in rows else None
    trips = rows["trips"].where(rows["trips"] > 0)  # those of others are not counted
    columns = {
        "fit": rows["loss"] + ", " + rows["penalty"] + ", " + rows["fitter"],
        "n": rows["n"].map("{:,}".format),
        "condition": rows["condition"],
        "GB": rows["n_bytes"] / 1e9,
        "s": rows["seconds"],
        "cpu s": rows["cpu_seconds"],
        "trips": trips,
        "sums / X": rows["sum_bytes"].where(trips > 0) / rows["n_bytes"],
        "landmarks / X": rows["landmark_bytes"].where(trips > 0) / rows["n_bytes"],
        "client MB": rows["growth"].astype(float) / 1e6,
        "peak GB": rows["peak"].astype(float) / 1e9,
    }
    if group == "time":
        columns["excess"] = rows["objective"] - of_n.transform("min")
    columns["error"] = words(rows["error"])
    return Table(group.capitalize(), pd.DataFrame(columns))


LEGEND = """\
*trips*: round trips of a fit, one task for each worker. *sums / X*: bytes of requests and answers,
of all workers, over those of the rows; landmark rows come apart. *condition*: largest spread of a
column over the least, before a rotation. *cpu s*: processor time of all processes, in which other
work on the machine counts little. *client MB*: growth of the client's process at its peak; *peak
GB*: the peaks of all processes, with what they import and the rows. *excess*: objective over the
best of the same rows; dask-ml penalises the intercept, too. Rows larger than memory are a block's
with other signs of the columns in each part, made anew at each look. Counts are of default accuracy
(tol=1e-4), times of 1e-6, in each one's own meaning."""
