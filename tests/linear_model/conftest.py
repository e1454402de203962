"""Fixtures that scikit-learn's own tests ask for, and which of their cases are run."""

import pytest

from nno_sklearn.linear_model.twin import THEIR_SOLVERS

#: Parameters of tests that name an algorithm of scikit-learn's, which a twin does not have: all of
#: them mean the same to it, so a test of several is run with one of them.
ALGORITHMS = {
    "solver": THEIR_SOLVERS,
    "gcv_mode": {"auto", "eigen", "svd"},
}


@pytest.fixture
def global_random_seed():
    """As scikit-learn's configuration gives it by default."""
    return 42


def pytest_collection_modifyitems(config, items):
    """Deselect cases that differ from an earlier one in the name of an algorithm alone."""
    seen, repeated = set(), []
    for item in items:
        if not item.path.name.startswith("test_sklearn_") or not hasattr(item, "callspec"):
            continue
        params = dict(item.callspec.params)
        for name, same in ALGORITHMS.items():
            if isinstance(params.get(name), str) and params[name] in same:
                params[name] = "any"
        key = item.path, item.originalname, repr(sorted(params.items(), key=lambda one: one[0]))
        if key in seen:
            repeated.append(item)
        seen.add(key)
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]
