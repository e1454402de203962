"""Settings that must hold before the benchmarks are imported."""

import os

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # tiny problems: compiling would take the time
