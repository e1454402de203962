"""Settings that must hold before anything is imported."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # no test opens a window
