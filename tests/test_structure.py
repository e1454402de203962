"""The house: imports point downwards, and no solver sees anything as long as the data."""

import ast
from pathlib import Path

import pytest

import nno_sklearn

ROOT = Path(nno_sklearn.__file__).parent
#: Folders and modules of the package, from the ground up; each imports from those before it only.
FLOORS = (
    "_version types _documentation _wording _copies _inheritance _data_checks _distances "
    "_namespaces _foreign _tensors _dispatch _offset losses penalties counterparts rows "
    "_containers problem neighbors solvers score_training streams contracts _validation _split "
    "callbacks session _labels _kept _online _linear_model _class_targets _classifier _regressor "
    "layers model_selection linear_model interchange inspection __init__ cli __main__"
).split()
#: Attributes of LocalRows, and of what it returns, that are as long as the data.
LONG = {"X", "array", "design", "entries", "residual", "weight", "y"}


def floor_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_floors(tree):
    """Folders and modules of the package that a module imports, at any level."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "nno_sklearn":
            names += [f"nno_sklearn.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    parts = [name.split(".") for name in names if name.split(".")[0] == "nno_sklearn"]
    return {part[1] if len(part) > 1 and part[1] in FLOORS else "__init__" for part in parts}


def test_every_part_has_its_floor():
    assert {floor_of(path) for path in ROOT.rglob("*.py")} == set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_downwards(floor):
    allowed = {floor, *FLOORS[: FLOORS.index(floor)]}
    for path in ROOT.rglob("*.py"):
        if floor_of(path) == floor:
            assert imported_floors(ast.parse(path.read_text())) <= allowed, path


def test_solvers_do_not_see_what_is_as_long_as_the_data():
    seen = {
        f"{path.name}:{node.lineno} .{node.attr}"
        for path in (ROOT / "solvers").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in LONG
    }
    assert not seen
