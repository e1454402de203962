"""Fits in a process of their own, with its own memory, threads and first fit."""

import contextlib
import gc
import multiprocessing
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from benchmarks import competitors

#: Seconds that a process may take before its first fit counts: imports and just-in-time compilers.
STARTUP = 40.0
#: Processor seconds that warm fits take together: shorter ones are repeated, as what looking for
#: the peak of memory does to a process (its pages are looked up anew) is more than small fits take.
LEAST_WARM = 0.1

#: Environment variables that fix the threads of BLAS, OpenMP and numba, if set before loading.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


class Fit(NamedTuple):
    """One timed fit; ``memory`` is the growth of the process at its peak, in bytes, or None."""

    solution: competitors.Solution
    seconds: float
    #: Processor time, which other processes disturb less.
    cpu_seconds: float
    memory: int | None


class FitError(Exception):
    """A competitor did not give a fit."""


class Worker:
    """A process that holds an objective and fits it on demand.

    Parameters
    ----------
    path : str
        Where the objective was dumped by joblib.
    package : str, default=None
        Folder to import nno_sklearn from; None for where this process has it from.
    """

    def __init__(self, path, package=None):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, path, package), daemon=True)
        self._process.start()
        theirs.close()
        with contextlib.suppress(EOFError):  # else the first fit raises
            self._connection.recv()  # the data are loaded

    def fit(self, name, tolerance, limit):
        """Fit once.

        Parameters
        ----------
        name : str
            Of the competitor.
        tolerance : float
            In the competitor's own meaning.
        limit : float
            Seconds after which to give up; :meth:`close` it then.

        Returns
        -------
        Fit

        Raises
        ------
        FitError
            If it raised, died, or took longer; the message says which.
        """
        try:
            self._connection.send((name, tolerance))
            if not self._connection.poll(limit):
                raise FitError(f"over {limit:g} s")
            answer = self._connection.recv()
        except (EOFError, BrokenPipeError):
            raise FitError("the process died") from None
        if isinstance(answer, str):
            raise FitError(answer)
        return answer

    def close(self):
        """Terminate the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()


@contextlib.contextmanager
def threads(count):
    """Give new processes that many threads."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def in_fresh_process(function, *arguments):
    """A function's result in a new process.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If it dies, as for want of memory.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def memory(key):
    """A line of /proc/self/status in bytes, such as "VmHWM"; None where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    return None


def new_peak():
    """Begin a new peak of resident memory ("VmHWM"); its bytes now, None where unknown."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return memory("VmRSS")
    return None


def _serve(connection, path, package):
    """Answer names and tolerances with fits until the other end is gone."""
    if package is not None:  # competitors import their packages when they fit
        sys.path.insert(0, package)
    warnings.simplefilter("ignore")  # accuracy is measured
    sys.stdout = sys.stderr = open(os.devnull, "w")
    _limit_memory()
    objective = joblib.load(path)
    connection.send("ready")
    least = 0.0  # the first fit is a cold one
    with contextlib.suppress(EOFError):
        while True:
            name, tolerance = connection.recv()
            try:
                connection.send(_timed(competitors.find(name), objective, tolerance, least))
                least = LEAST_WARM
            except Exception as error:  # whatever a peer raises is its result
                connection.send(f"{type(error).__name__}: {error}".split("\n")[0][:60])


def _timed(competitor, objective, tolerance, least):
    before = new_peak()
    solution, first = _clocked(competitor, objective, tolerance)
    peak = before and memory("VmHWM") - before
    more, total = [], first[1]
    while total < least:
        more.append(_clocked(competitor, objective, tolerance)[1])
        total += more[-1][1]
    return Fit(solution, *np.median(more or [first], axis=0), peak)


def _clocked(competitor, objective, tolerance):
    """A fit's solution, and its seconds on the clock and of the processor."""
    start, cpu_start = time.perf_counter(), time.process_time()
    solution = competitor.fit(objective, tolerance)
    return solution, (time.perf_counter() - start, time.process_time() - cpu_start)


def _limit_memory():
    """Limit a fit to half of the machine's memory."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_DATA, (half, half))
