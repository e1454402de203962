"""Fixtures that scikit-learn's own tests ask for, and which of their cases are run."""

import pytest
import sklearn

from nno_sklearn.linear_model.twin import THEIR_SOLVERS

#: Parameters of tests that name an algorithm of scikit-learn's, which a twin does not have: all of
#: them mean the same to it, so a test of several is run with one of them.
ALGORITHMS = {
    "solver": THEIR_SOLVERS,
    "gcv_mode": {"auto", "eigen", "svd"},
}
#: Whether exceptions are those of this version's tests: then one that passes is none, and fails.
#: Some of the tests of older versions are others.
IS_LISTED = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


@pytest.fixture
def global_random_seed():
    """As scikit-learn's configuration gives it by default."""
    return 42


@pytest.hookimpl(tryfirst=True)  # before cases of a grid are chosen
def pytest_collection_modifyitems(config, items):
    """Deselect repeated cases and those that a module leaves ``UNDECIDED``, and mark those that it
    has in its ``EXCEPTIONS``.

    Repeated ones differ from an earlier one in the name of an algorithm alone, or in having sparse
    arrays in place of matrices, both of which scikit-learn's checks of estimators have.
    """
    for item in items:
        for name, reason in getattr(item.module, "EXCEPTIONS", {}).items():
            is_case = "[" in name and item.name.startswith(name)
            if item.originalname == name or is_case:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=IS_LISTED))
    undecided = [
        item for item in items if item.name.startswith(tuple(getattr(item.module, "UNDECIDED", ())))
    ]
    seen, repeated = set(), undecided
    for item in items:
        if not item.path.name.startswith("test_sklearn_") or not hasattr(item, "callspec"):
            continue
        params = dict(item.callspec.params)
        for name, same in ALGORITHMS.items():
            if isinstance(params.get(name), str) and params[name] in same:
                params[name] = "any"
        case = repr(sorted(params.items(), key=lambda one: one[0])).replace("_matrix'", "_array'")
        key = item.path, item.originalname, case
        if key in seen:
            repeated.append(item)
        seen.add(key)
    config.hook.pytest_deselected(items=repeated)
    items[:] = [item for item in items if item not in repeated]
