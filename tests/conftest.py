"""Settings that must hold before anything is imported."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # no test opens a window
# Several workers share the cores: threads of BLAS would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
