"""Time and memory of tall l2 logistic regressions: linear in n, and without a copy of X.

Every fit has a fresh process. X is made there in blocks, or mapped from a file. Memory is the peak
of the process over what it held before the fit (Linux only), as a share of X.
"""

import contextlib
import ctypes
import gc
import os
import sys
import tempfile
import time
import warnings
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import Report, Table, percent
from benchmarks.worker import in_fresh_process, memory, new_peak

TITLE, KEY = "Scale", "kind"

BLOCK = 2**16
#: Time is fitted to a power of n over so many of the largest sizes.
LARGEST = 4
SIZES = (1e4, 3e4, 1e5, 3e5, 1e6, 2e6, 4e6)
#: Columns' spreads fall by so many powers of ten before they are mixed.
DECADES = 2.0


def add_arguments(parser):
    """Say which sizes, and how large a mapped file."""
    parser.add_argument("--sizes", type=float, nargs="+", default=list(SIZES))
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--solver", default="auto")
    parser.add_argument("--tol", type=float, default=1e-6)
    parser.add_argument("--gigabytes", type=float, default=0.5, help="of the mapped float32 X")
    parser.add_argument("--mapped-columns", type=int, default=250)
    parser.add_argument("--scratch", type=Path, help="folder for the mapped file; needs its size")
    parser.add_argument("--no-mapped", action="store_true")


def run(options):
    """Fit every size, then the mapped file."""
    report = Report(sys.modules[__name__], options)
    repeats = 1 if options.quick else min(options.repeats, 3)
    sizes = [size for size in options.sizes if not options.quick or size <= 4e5]
    fits = []
    for size in sorted(int(size) for size in sizes):
        task = Task(size, options.columns, options.solver, options.tol)
        fits.append(_median([fit(task) for _ in range(repeats)]))
        report.console.print(f"n={size:,}: {fits[-1]['seconds']:.3g} s")
    report.add([{"kind": "growing", **one} for one in fits])
    if not options.no_mapped:
        gigabytes = min(options.gigabytes, 0.1) if options.quick else options.gigabytes
        n = max(1, int(gigabytes * 1e9 / 4 / options.mapped_columns))
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            path = str(Path(folder) / "X.float32")
            task = Task(n, options.mapped_columns, options.solver, options.tol, path)
            write_matrix(task)
            report.add([{"kind": "mapped", **fit(task)}])
    report.show(*tables(report.results))
    report.end()


@dataclass(frozen=True)
class Task:
    """One fit; with a ``path``, X is the mapped file there."""

    n: int
    p: int
    solver: str
    tol: float
    path: str | None = None

    @property
    def dtype(self):
        return np.float32 if self.path else np.float64


def fit(task):
    """Fit in a fresh process."""
    try:
        return in_fresh_process(fit_here, task)
    except BrokenProcessPool:
        raise RuntimeError(f"the process of {task} died; too little memory?") from None


def fit_here(task):
    """Fit in this process: a row of plain values, memory in bytes where the system tells.

    ``own_memory`` is the part of ``memory`` that is no page of a mapped file.
    """
    from nno_sklearn import NNOClassifier

    _warm_up(NNOClassifier, task)
    y = np.empty(task.n, dtype=np.int64)
    if task.path:
        X = np.memmap(task.path, dtype=task.dtype, mode="r", shape=(task.n, task.p))
        y[:] = np.load(task.path + ".y.npy")
    else:
        X = np.empty((task.n, task.p))
        for block, rows, labels in make_rows(task.n, task.p):
            X[block], y[block] = rows, labels
    model = NNOClassifier(solver=task.solver, penalty="l2", alpha=1 / task.n, tol=task.tol)
    _give_back()
    own, before = memory("RssAnon"), new_peak()
    watch = _Watch()
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(), watch:
        warnings.simplefilter("ignore")  # the record says whether it converged
        model.fit(X, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "n": task.n,
        "n_bytes": X.nbytes,
        "itemsize": X.itemsize,
        "seconds": wall,
        "cpu_seconds": cpu,
        "n_iter": int(np.max(model.n_iter_)),
        "n_passes": float(model.n_passes_),
        "converged": bool(model.converged_),
        "memory": None if before is None else memory("VmHWM") - before,
        "own_memory": None if own is None else max(watch.highest - own, 0),
    }


def _warm_up(estimator, task):
    """Imports and first calls are not the fit's."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 5)).astype(task.dtype)
    estimator(solver=task.solver, tol=1e-3).fit(X, rng.integers(2, size=3000))


class _Watch:
    """Looks at the memory that is the process's own every few milliseconds, in a thread."""

    def __enter__(self):
        from threading import Event, Thread

        self._stop, self.highest = Event(), memory("RssAnon") or 0
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self):
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, memory("RssAnon") or 0)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def _give_back():
    """Give what is free back to the system."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def make_rows(n, p, seed=0):
    """Slices of rows with the rows and their labels: ill-conditioned, logistic."""
    rng = np.random.default_rng(seed)
    mix = np.logspace(0, -DECADES, p)[:, None] * np.linalg.qr(rng.standard_normal((p, p)))[0]
    w = rng.standard_normal(p)
    w *= 2 / np.linalg.norm(mix @ w)
    for first in range(0, n, BLOCK):
        rows = rng.standard_normal((min(BLOCK, n - first), p)) @ mix
        labels = rng.logistic(size=len(rows)) < rows @ w
        yield slice(first, first + len(rows)), rows, labels


def write_matrix(task):
    """Write the mapped file block by block, and the labels beside it."""
    X = np.memmap(task.path, dtype=task.dtype, mode="w+", shape=(task.n, task.p))
    y = np.empty(task.n, dtype=np.int64)
    for block, rows, labels in make_rows(task.n, task.p):
        X[block], y[block] = rows, labels
    X.flush()
    np.save(task.path + ".y.npy", y)
    if hasattr(os, "posix_fadvise"):  # not in the system's cache: the fit reads the disk
        with open(task.path, "rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def exponent(fits):
    """Power of n that the time grows by, over the largest sizes; None with fewer than two.

    Parameters
    ----------
    fits : DataFrame
        With columns "n" and "seconds".
    """
    largest = fits.nlargest(LARGEST, "n")
    if len(largest) < 2:
        return None
    return float(np.polyfit(np.log(largest["n"]), np.log(largest["seconds"]), 1)[0])


def _median(fits):
    """The fit of median time, with the largest memory of all."""
    fits = pd.DataFrame(fits).sort_values("seconds")
    highest = fits[["memory", "own_memory"]].max()
    return fits.iloc[len(fits) // 2].to_dict() | highest.to_dict()


TITLES = {"growing": "Growing n, float64 in memory", "mapped": "Mapped float32 file"}


def tables(results):
    """One for each kind."""
    return [_table(kind, fits) for kind, fits in results.groupby("kind", sort=False)]


def _table(kind, fits):
    title, power = TITLES[kind], exponent(fits)
    if power is not None:
        title += f": time grows like n^{power:.3f} over the {min(LARGEST, len(fits))} largest"
    n_entries = fits["n_bytes"] / fits["itemsize"]
    columns = {
        "n": fits["n"].map("{:,}".format),
        "GB": fits["n_bytes"] / 1e9,
        "s": fits["seconds"],
        "cpu s": fits["cpu_seconds"],
        "it": fits["n_iter"],
        "passes": fits["n_passes"],
        "ns / entry, pass": 1e9 * fits["seconds"] / fits["n_passes"] / n_entries,
        "peak / X": (fits["memory"] / fits["n_bytes"]).map(percent),
        "own / X": (fits["own_memory"] / fits["n_bytes"]).map(percent),
        "converged": fits["converged"].map({True: "yes", False: "no"}),
    }
    return Table(title, pd.DataFrame(columns))


LEGEND = """\
L2 logistic regression, alpha = 1/n, default accuracy 1e-6. *peak / X* is the growth of the process
at its peak (VmHWM) over the bytes of X; of a mapped file it includes pages of the file that the
system keeps and could drop, which *own / X* does not."""
