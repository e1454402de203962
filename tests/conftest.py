"""Settings that must hold before anything is imported, and which cases run by default.

A test of several parameters that is marked ``pairwise`` runs in as many of its cases as let every
two values meet, one that is marked ``each_value`` in as many as show each value. The other cases
are marked ``exhaustive``: ``python -m pytest -m exhaustive`` runs them, and ``-m ""`` all.
"""

import os

import pytest

from tests.grids import covering

os.environ.setdefault("MPLBACKEND", "Agg")  # no test opens a window
# Several workers share the cores: threads of BLAS would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TOGETHER = {"each_value": 1, "pairwise": 2}


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Mark as exhaustive what the grids of tests have beyond their default cases."""
    grids = {}
    for item in items:
        for name, together in TOGETHER.items():
            if item.get_closest_marker(name) and hasattr(item, "callspec"):
                key = (item.parent.nodeid, item.originalname, together)
                grids.setdefault(key, []).append(item)
    for (*_, together), cases in grids.items():
        values = [tuple(map(repr, item.callspec.params.values())) for item in cases]
        for k in set(range(len(cases))).difference(covering(values, together)):
            cases[k].add_marker(pytest.mark.exhaustive)
