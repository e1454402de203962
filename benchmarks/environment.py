"""The environment of a run: versions, processor, threads, memory bandwidth."""

import contextlib
import datetime
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from benchmarks.worker import in_fresh_process

PACKAGES = (
    *("nno_sklearn", "numpy", "scipy", "scikit-learn"),
    *("skglm", "celer", "glum", "adelie", "python-glmnet", "numba", "cma"),
    *("dask", "distributed", "dask-ml"),
)


def describe(threads):
    """All of it as a dict of plain values."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": _load(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": _packages(),
        "bandwidth": measured_bandwidth(),
    }


def measured_bandwidth():
    """Bytes a second that a process reads, with the threads that new processes get."""
    return in_fresh_process(_measure)


def _measure(n_bytes=2**28, repeats=5):
    """The best of a sum, a dot product and a matrix-vector product over a large array."""
    X = np.ones((n_bytes // 8 // 256, 256))
    flat, vector = X.ravel(), np.ones(256)
    fastest = np.inf
    for read in (flat.sum, lambda: flat @ flat, lambda: X @ vector):
        for _ in range(repeats):
            start = time.perf_counter()
            read()
            fastest = min(fastest, time.perf_counter() - start)
    return X.nbytes / fastest


def _load():
    """Processes that wanted a core in the last minute; None where unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _cpu():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _packages():
    found = []
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return "; ".join(found)
