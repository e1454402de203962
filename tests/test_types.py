"""Types: everything public tells them. That mypy accepts a user's program is a step of .ci/run."""

import inspect
from importlib.resources import files
from pathlib import Path

import pytest

import nno_sklearn
from nno_sklearn import inspection, problem, session, solvers
from tests.typed_program import main

INTERFACES = [
    *(getattr(nno_sklearn, name) for name in nno_sklearn.__all__ if name != "__version__"),
    problem.Problem, problem.Point, problem.Line,
    solvers.Run, solvers.AutoSolver,
    inspection.ConvergenceDisplay, inspection.PathDisplay,
    session.FitSession, session.SessionModel, session.Coefficients,
    nno_sklearn.model_selection.one_standard_error,
]  # fmt: skip
ROOT = str(Path(nno_sklearn.__file__).parent)


def functions(thing):
    """A function; or constructor, public methods and properties that a class defines."""
    if not isinstance(thing, type):
        yield thing
        return
    for kind in thing.__mro__:
        for name, member in vars(kind).items() if kind.__module__.startswith("nno_sklearn") else ():
            function = getattr(member, "fget", getattr(member, "func", member))
            function = inspect.unwrap(getattr(function, "__func__", function))
            is_public = inspect.isfunction(function) and (name == "__init__" or name[0] != "_")
            if is_public and function.__code__.co_filename.startswith(ROOT):
                yield function


def untyped(function):
    signature = inspect.signature(function)
    names = [name for name in signature.parameters if name not in ("self", "cls")]
    missing = [n for n in names if signature.parameters[n].annotation is inspect.Parameter.empty]
    return missing + ["return"] * (signature.return_annotation is inspect.Signature.empty)


@pytest.mark.parametrize("thing", INTERFACES, ids=lambda thing: thing.__name__)
def test_interfaces_tell_types(thing):
    found = list(functions(thing))
    assert found
    assert {f.__qualname__: names for f in found if (names := untyped(f))} == {}


def test_type_checkers_are_told():
    assert files(nno_sklearn).joinpath("py.typed").is_file()


def test_the_program_runs(capsys):
    main()
    assert capsys.readouterr().out
