"""Files to X and y, with a note on each decision."""

import difflib
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.utils.multiclass import type_of_target

from nno_sklearn._wording import counted
from nno_sklearn.cli.choice import (
    Choice,
    choose_columns,
    choose_decimals,
    parse_target,
    unmet,
)
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.files import (
    DELIMITED,
    TABLES,
    UNREADABLE,
    find_format,
    load_matrix,
    load_table,
)
from nno_sklearn.cli.header import find_header
from nno_sklearn.cli.table import Matrix, Table
from nno_sklearn.cli.text import Layout

MOST_CLASSES = 20
NO_CHOICE, UNKNOWN = Choice(), Layout()  # all is inferred


@dataclass
class DataSet:
    """A table of features (DataFrame, array or sparse matrix) and its target.

    ``source`` is the first step of a pipeline that predicts other files of this kind.
    """

    name: str
    X: object
    y: np.ndarray
    source: Table | Matrix
    target: str = "y"
    notes: list[str] = field(default_factory=list)
    offset: np.ndarray | None = None

    def part(self, rows=slice(None)):
        """X and y of some rows, and what else estimators take of them, by name: the offset."""
        given = {} if self.offset is None else {"offset": self.offset[rows]}
        return getattr(self.X, "iloc", self.X)[rows], self.y[rows], given


def read(path=None, target=None, choice=NO_CHOICE, layout=UNKNOWN):
    """Read a data set; without a path, scikit-learn's breast_cancer.

    Parameters
    ----------
    path : str or None
        File whose name ends in one of FORMATS, possibly followed by .gz, .bz2, .xz or .zip.
    target : str or None
        Column to predict, for tables; None is the last column.
    choice : Choice
        The user's options on columns and values, for tables.
    layout : Layout
        The user's options on how delimited text is cut.

    Returns
    -------
    DataSet

    Raises
    ------
    UserError
        Where the file cannot be read, or an option does not apply to its format.
    """
    if path is None:
        _refuse_options("breast_cancer", target, choice, layout)
        X, y = load_breast_cancer(return_X_y=True)
        return DataSet("breast_cancer", X, y, Matrix(X.shape[1]))
    path = Path(path)
    with unreadable(path):
        data = _read_file(path, target, choice, layout)
    if data.X.shape[0] == 0:
        raise UserError(f"{path} holds no rows to learn from")
    if data.X.shape[1] == 0:
        raise UserError(f"{path} has no column besides the target '{data.target}'")
    return data


@contextmanager
def unreadable(path):
    """Raise a UserError for errors inside a file."""
    try:
        yield
    except UNREADABLE as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _read_file(path, target, choice, layout):
    kind = find_format(path)
    if kind not in TABLES:
        _refuse_options(path, target, choice, layout)
        return _read_matrix(path, kind)
    check_layout(path, layout)
    return _read_table(path, kind, target, choice, layout)


def check_layout(path, layout):
    """Raise a UserError for options on text where a file is none."""
    if layout != UNKNOWN and find_format(path) not in DELIMITED:
        raise UserError(f"--encoding and --sep are for delimited text, which {path} is not")


def _refuse_options(path, target, choice, layout):
    """Raise a UserError for options that do not apply to numbers without names."""
    if target is not None:
        raise UserError(
            f"--target {target} names a column of a table, but {path} brings its own y; "
            "leave --target out"
        )
    if choice.offset is not None:
        raise UserError(f"{choice.offset.option} names a column of a table, which {path} is not")
    if (choice, layout) != (NO_CHOICE, UNKNOWN):
        raise UserError(
            "--encoding, --sep, --decimal, --na-values, --drop and --keep are for tables, which "
            f"{path} is not"
        )


def _read_table(path, kind, target, choice, layout):
    target = None if target is None else target.strip()
    find_names = partial(find_header, target=target)
    frame, layout, notes = load_table(path, kind, layout, find_names)
    if kind in DELIMITED and frame.shape[1] == 1:
        raise UserError(
            f"{path} has no column besides '{frame.columns[0]}'; if it has, --sep names what "
            "stands between them"
        )
    if target is None:
        target = frame.columns[-1]
        notes.append(f"target: the last column, '{target}'")
    for name in (target, *choice.unused, *choice.keep):
        if name not in frame.columns:
            raise UserError(_unknown_column(name, frame.columns, path))
    for option, names in (("--drop", choice.drop), ("--keep", choice.keep)):
        if target in names:
            raise UserError(f"{option} {target} is the target; name another one with --target")
    for name in choice.drop:
        if name in choice.keep:
            raise UserError(f"--drop and --keep both name column '{name}'; leave one of them out")
    if choice.offset is not None and choice.offset.name in (target, *choice.drop, *choice.keep):
        raise UserError(
            f"{choice.offset.option} is a column of its own: neither the target, nor one that "
            "--drop leaves out or --keep uses"
        )
    notes += unmet(frame, choice.na_values)
    decimals, remarks = choose_decimals(frame.drop(columns=list(choice.drop)), choice, layout)
    notes += remarks
    y, is_known, remarks = parse_target(frame[target], choice, decimals[target])
    notes += remarks
    table, values, remarks = choose_columns(frame, target, choice, decimals, layout)
    X = values[is_known].reset_index(drop=True)
    offset = table.offset_of(frame[is_known])
    return DataSet(path.name, X, y, table, target, notes + remarks, offset)


def infer_task(y):
    """The task: "classification" (text, truth values, few integers) or "regression"."""
    if y.dtype.kind not in "iuf":
        return "classification"
    distinct = np.unique(y)
    few_whole_numbers = len(distinct) <= MOST_CLASSES and np.all(distinct == np.round(distinct))
    return "classification" if few_whole_numbers else "regression"


def _others(X):
    """What a user may name in place of the target: the columns of a table."""
    return f": {', '.join(map(str, X.columns))}" if hasattr(X, "columns") else ""


def check_target(data, task):
    """Raise a UserError where the target does not suit the task."""
    y, target = data.y, data.target
    if task == "regression":
        if y.dtype.kind not in "biuf":
            raise UserError(
                f"target '{target}' is text ({y[0]!r}), which regression cannot predict; "
                "name a column of numbers with --target, or use --task classification"
            )
        return
    if y.dtype.kind == "f" and type_of_target(y) == "continuous":
        raise UserError(
            f"target '{target}' has fractions, which are no classes; use --task regression"
        )
    n_classes = len(np.unique(y))
    if n_classes < 2:
        raise UserError(
            f"target '{target}' is always {y[0]}; classification needs two classes or more"
        )
    if y.dtype.kind not in "biuf" and n_classes > max(2, len(y) / 2):
        raise UserError(
            f"target '{target}' has {n_classes} different texts in {len(y)} rows, too many for "
            f"classes; name another column with --target{_others(data.X)}"
        )


def _unknown_column(target, columns, path):
    nearest = difflib.get_close_matches(target, columns, n=1, cutoff=0.5)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else "."
    every = textwrap.shorten(", ".join(columns), 400, placeholder=" …")
    return f"no column '{target}' in {path}{hint} Its columns: {every}"


def _read_matrix(path, kind):
    X, y = load_matrix(path, kind)
    if y is None:
        raise UserError(f"{path} must hold the arrays X and y; it holds no y")
    data = DataSet(path.name, X, y, Matrix(X.shape[1]))
    if y.dtype.kind == "f" and np.isnan(y).any():
        known = ~np.isnan(y)
        data.X, data.y = data.X[known], y[known]
        data.notes.append(f"dropped {counted((~known).sum(), 'row')} without a target")
    return data
