"""Files to X and y: delimited text, svmlight, npz, each of them compressed or not."""

import bz2
import csv
import difflib
import gzip
import lzma
import textwrap
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_svmlight_file
from sklearn.utils.multiclass import type_of_target

from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.preprocessing import tidy

SVMLIGHT = (".svm", ".svmlight", ".libsvm")
DELIMITED = (".csv", ".tsv", ".txt")
MOST_CLASSES = 20


@dataclass
class DataSet:
    """A table of features (DataFrame, array or sparse matrix) and its target.

    ``day_first`` names the columns of dates that write the day before the month.
    """

    name: str
    X: object
    y: np.ndarray
    target: str = "y"
    notes: list[str] = field(default_factory=list)
    day_first: list[str] = field(default_factory=list)


def read(path=None, target=None):
    """Read a data set; without a path, scikit-learn's breast_cancer.

    Parameters
    ----------
    path : str or None
        File whose name ends in .csv, .tsv, .txt, .svm, .svmlight, .libsvm or .npz, possibly
        followed by .gz, .bz2, .xz or .zip.
    target : str or None
        Column to predict, for delimited text; None is the last column.

    Returns
    -------
    DataSet
    """
    kind = None if path is None else _kind(Path(path))
    if target is not None and kind not in DELIMITED:
        raise UserError(
            f"--target {target} names a column of a csv file, but {path or 'breast_cancer'} "
            "brings its own y; leave --target out"
        )
    if path is None:
        X, y = load_breast_cancer(return_X_y=True)
        return DataSet("breast_cancer", X, y)
    try:
        data = _READERS[kind](Path(path), target)
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, UnicodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    if data.X.shape[0] == 0:
        raise UserError(f"{path} holds no rows to learn from")
    if data.X.shape[1] == 0:
        raise UserError(f"{path} has no column besides the target '{data.target}'")
    return data


def infer_task(y):
    """Tell "classification" (text, truth values, few whole numbers) from "regression"."""
    if y.dtype.kind not in "iuf":
        return "classification"
    distinct = np.unique(y)
    few_whole_numbers = len(distinct) <= MOST_CLASSES and np.all(distinct == np.round(distinct))
    return "classification" if few_whole_numbers else "regression"


def check_target(data, task):
    """Raise a UserError where the target cannot serve the task."""
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
    if y.dtype.kind not in "biuf" and n_classes > len(y) / 2:
        raise UserError(
            f"target '{target}' has {n_classes} different texts in {len(y)} rows, too many for "
            "classes; name another column with --target"
        )


def _kind(path):
    """Extension that tells the format, with that of the compression stripped."""
    if not path.is_file():
        why = "it is a directory" if path.is_dir() else "there is no such file"
        raise UserError(f"cannot read {path}: {why}")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty")
    name = path.with_suffix("") if path.suffix.lower() in _OPENERS else path
    kind = name.suffix.lower()
    if kind not in _READERS:
        raise UserError(
            f"cannot tell the format of {path} from its name; it must end in one of "
            f"{', '.join(_READERS)}, possibly followed by {', '.join(_OPENERS)}"
        )
    return kind


def _open_member(path):
    """Open the one file of a zip archive."""
    archive = zipfile.ZipFile(path)
    names = archive.namelist()
    if len(names) != 1:
        raise UserError(f"{path} holds {len(names)} files; a zip archive must hold exactly one")
    return archive.open(names[0])


_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": _open_member}


def _open(path):
    return _OPENERS.get(path.suffix.lower(), lambda p: p.open("rb"))(path)


def _read_delimited(path, target):
    import pandas as pd

    try:
        frame, notes = _read_frame(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"cannot read {path}: {str(error).strip()}") from error
    if target is None:
        target = frame.columns[-1]
        notes.append(f"target: the last column, '{target}'")
    elif target not in frame.columns:
        raise UserError(_unknown_column(target, frame.columns, path))
    known = frame[target].notna()
    if not known.all():
        notes.append(f"dropped {(~known).sum()} rows without a target")
        frame = frame[known]
    # The truth values of a column with gaps come as objects.
    y = frame[target].infer_objects()
    y = y.to_numpy() if y.dtype.kind in "biuf" else y.to_numpy(dtype=object)
    X, day_first, dropped = tidy(frame.drop(columns=target).reset_index(drop=True))
    return DataSet(path.name, X, y, target, notes + dropped, day_first)


def _read_frame(path):
    """Read a table whose delimiter, quotes and header are found from its first line."""
    import pandas as pd

    with _open(path) as file:
        first = file.readline().decode("utf-8-sig")
    delimiter = "\t" if ".tsv" in path.suffixes else max(",;\t|", key=first.count)
    # Tab-separated text has no quotes, and a lone " in it is a character like any other;
    # some programs quote everything nevertheless, the header included.
    unquoted = delimiter == "\t" and not first.startswith('"')
    quoting = csv.QUOTE_NONE if unquoted else csv.QUOTE_MINIMAL
    options = {"sep": delimiter, "quoting": quoting, "low_memory": False}
    frame = pd.read_csv(path, **options)
    if not _first_line_is_data(frame):
        return frame.rename(columns=str), []
    frame = pd.read_csv(path, header=None, **options).rename(columns=str)
    return frame, [f"no header line: the columns are called 0 to {frame.shape[1] - 1}"]


def _first_line_is_data(frame):
    """Whether what was taken for the names of columns are values of theirs."""
    names = list(frame.columns)
    numbers = [_is_number(name) for name in names]
    numeric = [dtype.kind in "biuf" for dtype in frame.dtypes]
    if any(over and not number for over, number in zip(numeric, numbers, strict=True)):
        return False  # a word over numbers is a name
    if names == [str(position) for position in range(len(names))]:
        return False
    return all(numbers) or any((frame[name].astype(str) == name).any() for name in names)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unknown_column(target, columns, path):
    nearest = difflib.get_close_matches(target, columns, n=1, cutoff=0.5)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else "."
    every = textwrap.shorten(", ".join(columns), 400, placeholder=" …")
    return f"no column '{target}' in {path}{hint} Its columns: {every}"


def _read_svmlight(path, _):
    try:
        with _open(path) as file:
            X, y = load_svmlight_file(file)
    except ValueError as error:
        raise UserError(f"{path} is not in svmlight format: {error}") from error
    return DataSet(path.name, X, y)


def _read_npz(path, _):
    try:
        with _open(path) as file, np.load(file) as arrays:
            missing = {"X", "y"} - set(arrays)
            if missing:
                raise UserError(
                    f"{path} must hold the arrays X and y; it holds {', '.join(arrays) or 'none'}"
                )
            X, y = arrays["X"], arrays["y"]
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is not an npz file of plain arrays: {error}") from error
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "backslashreplace")
    if X.ndim != 2 or y.shape != X.shape[:1] or X.dtype.kind not in "biuf":
        raise UserError(
            f"{path} must hold a table of numbers X and one y for each of its rows, but X is "
            f"{X.dtype} of shape {X.shape} and y has shape {y.shape}"
        )
    data = DataSet(path.name, _as_floats(X), y)
    if y.dtype.kind == "f" and np.isnan(y).any():
        known = ~np.isnan(y)
        data.X, data.y = data.X[known], y[known]
        data.notes.append(f"dropped {(~known).sum()} rows without a target")
    return data


def _as_floats(X):
    """The narrowest of float32 and float64 that holds the values of X."""
    return X.astype(np.result_type(X.dtype, np.float32), copy=False)


_READERS = {
    **dict.fromkeys(DELIMITED, _read_delimited),
    **dict.fromkeys(SVMLIGHT, _read_svmlight),
    ".npz": _read_npz,
}
