"""Time and memory of tall l2 logistic regressions: linear in n, and without a copy of X.

Every fit has a fresh process. X is made there in blocks, or mapped from a file. Memory is the peak
of the process over what it held before the fit (Linux only), as a share of X.
"""

import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import environment
from benchmarks.report import Table, number, percent

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
    console = Console()
    if not console.is_terminal:
        console.width = 140
    machine = environment.describe(options.threads)
    repeats = 1 if options.quick else min(options.repeats, 3)
    sizes = [size for size in options.sizes if not options.quick or size <= 4e5]
    fits, mapped = [], []
    for size in sorted(int(size) for size in sizes):
        task = Task(size, options.columns, options.solver, options.tol)
        fits.append(_median([fit(task) for _ in range(repeats)]))
        console.print(f"n={size:,}: {fits[-1].seconds:.3g} s")
    if not options.no_mapped:
        gigabytes = min(options.gigabytes, 0.1) if options.quick else options.gigabytes
        n = max(1, int(gigabytes * 1e9 / 4 / options.mapped_columns))
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            path = str(Path(folder) / "X.float32")
            task = Task(n, options.mapped_columns, options.solver, options.tol, path)
            write_matrix(task)
            mapped = [fit(task)]
    tables = [_table("Growing n, float64 in memory", fits, exponent(fits))]
    if mapped:
        tables.append(_table("Mapped float32 file", mapped, None))
    for table in tables:
        console.print(table.rich())
    result = {
        "environment": machine,
        "exponent": exponent(fits),
        "fits": [asdict(one) for one in fits],
        "mapped": [asdict(one) for one in mapped],
    }
    (options.output / "scale.json").write_text(json.dumps(result, indent=1) + "\n")
    text = "\n".join(table.markdown() for table in tables)
    (options.output / "scale.md").write_text(f"# Scale\n\n{_LEGEND}\n\n{text}")
    console.print(f"written to {options.output}")


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


@dataclass(frozen=True)
class Fit:
    """What a fresh process found; memory in bytes, None where the system does not say."""

    n: int
    n_bytes: int
    seconds: float
    cpu_seconds: float
    n_iter: int
    n_passes: float
    converged: bool
    memory: int | None
    #: The part of ``memory`` that is no page of a mapped file.
    own_memory: int | None


def fit(task):
    """Fit in a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_fit_here, args=(theirs, task))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise RuntimeError(f"the process of {task} died; too little memory?") from None
    finally:
        process.join()


def _fit_here(connection, task):
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
    _forget_peak()
    own, before = _status("RssAnon"), _status("VmRSS")
    watch = _Watch()
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(), watch:
        warnings.simplefilter("ignore")  # the record says whether it converged
        model.fit(X, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = _status("VmHWM")
    connection.send(
        Fit(
            task.n,
            X.nbytes,
            wall,
            cpu,
            int(np.max(model.n_iter_)),
            float(model.n_passes_),
            bool(model.converged_),
            None if after is None else after - before,
            None if own is None else max(watch.highest - own, 0),
        )
    )


def _warm_up(estimator, task):
    """Imports and first calls are not the fit's."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 5)).astype(task.dtype)
    estimator(solver=task.solver, tol=1e-3).fit(X, rng.integers(2, size=3000))


class _Watch:
    """Looks at the memory that is the process's own every few milliseconds, in a thread."""

    def __enter__(self):
        from threading import Event, Thread

        self._stop, self.highest = Event(), _status("RssAnon") or 0
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self):
        while not self._stop.wait(0.005):
            self.highest = max(self.highest, _status("RssAnon") or 0)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def _status(key):
    """A line of /proc/self/status in bytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return None


def _forget_peak():
    """Give back what is free, and let VmHWM begin anew."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


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
    """Power of n that the time grows by, over the largest sizes; None with fewer than two."""
    largest = sorted(fits, key=lambda one: one.n)[-LARGEST:]
    if len(largest) < 2:
        return None
    size, seconds = (np.log([getattr(one, key) for one in largest]) for key in ("n", "seconds"))
    return float(np.polyfit(size, seconds, 1)[0])


def _median(fits):
    """The fit of median time, with the largest memory of all."""
    middle = sorted(fits, key=lambda one: one.seconds)[len(fits) // 2]
    memory = [one.memory for one in fits if one.memory is not None]
    own = [one.own_memory for one in fits if one.own_memory is not None]
    highest = {"memory": max(memory, default=None), "own_memory": max(own, default=None)}
    return Fit(**(asdict(middle) | highest))


def _table(title, fits, power):
    if power is not None:
        title += f": time grows like n^{power:.3f} over the {min(LARGEST, len(fits))} largest"
    columns = ("n", "GB", "s", "cpu s", "it", "passes", "ns / entry, pass")
    table = Table(title, (*columns, "peak / X", "own / X", "converged"))
    for one in fits:
        per_entry = 1e9 * one.seconds / one.n_passes / one.n_bytes * (4 if power is None else 8)
        shares = (None if m is None else m / one.n_bytes for m in (one.memory, one.own_memory))
        size = f"{one.n:,}", f"{one.n_bytes / 1e9:.3g}"
        times = (number(value) for value in (one.seconds, one.cpu_seconds))
        work = str(one.n_iter), number(one.n_passes), number(per_entry)
        ended = "yes" if one.converged else "no"
        table.rows.append([*size, *times, *work, *map(percent, shares), ended])
    return table


_LEGEND = """\
L2 logistic regression, alpha = 1/n, default accuracy 1e-6. *peak / X* is the growth of the process
at its peak (VmHWM) over the bytes of X; of a mapped file it includes pages of the file that the
system keeps and could drop, which *own / X* does not."""
