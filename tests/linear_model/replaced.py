"""scikit-learn's own test modules, loaded while its estimators are replaced by twins."""

import importlib.util
import inspect
import re
import sys
import types
import warnings
from collections.abc import Collection
from contextlib import ExitStack
from unittest import mock

import pytest

from nno_sklearn import linear_model

TWINS = {name: getattr(linear_model, name) for name in linear_model.__all__}
#: Where scikit-learn's test modules import estimators from.
HOMES = ("sklearn.linear_model", "sklearn.linear_model._glm", "sklearn.svm")


def load(name):
    """A test module of the installed scikit-learn, under another name, on twins."""
    if importlib.util.find_spec(name.rpartition(".")[0]) is None:
        pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
    origin = importlib.util.find_spec(name).origin
    spec = importlib.util.spec_from_file_location(f"replaced_{name.rpartition('.')[2]}", origin)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that what it defines can be pickled
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of marks that scikit-learn's own configuration knows
        for home in map(importlib.import_module, HOMES):
            found = {name: twin for name, twin in TWINS.items() if hasattr(home, name)}
            stack.enter_context(mock.patch.multiple(home, **found))
        spec.loader.exec_module(module)
        _keep_replaced(module)
    return module


def _keep_replaced(module):
    """Let a test module see twins also where it looks into scikit-learn's when a test runs."""
    homes = {home: importlib.import_module(home) for home in HOMES}
    for key, value in list(vars(module).items()):
        if any(value is home for home in homes.values()):
            copy = types.ModuleType(value.__name__)
            vars(copy).update(vars(value))
            setattr(module, key, copy)


def _of_lists(mark):
    """A mark with a list in place of a generator of cases, which pytest will refuse."""
    if mark.name != "parametrize" or isinstance(mark.args[1], Collection):
        return mark
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs).mark


def replaced_tests(name, left_out):
    """Tests and fixtures of a module of scikit-learn's that use twins.

    Parameters
    ----------
    name : str
        The module.
    left_out : str
        A pattern in the names of tests that would prove nothing here, or take minutes.
    """
    module = load(name)
    uses = re.compile(rf"\b({'|'.join(TWINS)})\b")
    without = re.compile(left_out)
    found = {}
    for key, value in vars(module).items():
        if key.startswith("test_") and inspect.isfunction(value):
            text = inspect.getsource(value)
            if not uses.search(text) or without.search(key):
                continue
            value.pytestmark = [_of_lists(mark) for mark in getattr(value, "pytestmark", [])]
            found[key] = value
        elif type(value).__name__ == "FixtureFunctionDefinition":
            found[key] = value
    return found
