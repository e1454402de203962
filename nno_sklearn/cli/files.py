"""Files to tables and matrices; the name determines the format and the compression."""

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
from sklearn.datasets import load_svmlight_file

from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.header import name_columns
from nno_sklearn.cli.text import Layout, cut, decode, find_dialect

SVMLIGHT = (".svm", ".svmlight", ".libsvm")
DELIMITED = (".csv", ".tsv", ".txt", ".data", ".dat")
SPREADSHEETS = (".xlsx", ".xls", ".ods")
TYPED = (".parquet", ".arff")
TABLES = (*DELIMITED, *SPREADSHEETS, *TYPED)
FORMATS = (*TABLES, *SVMLIGHT, ".npz")
SVMLIGHT_LINE = re.compile(rb"[^\s:#]+(\s+qid:\d+)?(\s+\d+:[^\s:#]+)+\s*(#.*)?\Z")


def find_format(path):
    """Find the format of a file by its name, and svmlight in a .txt by its first lines.

    Returns
    -------
    str
        One of FORMATS; ".svm" for any name of svmlight.
    """
    if not path.is_file():
        why = "it is a directory" if path.is_dir() else "there is no such file"
        raise UserError(f"cannot read {path}: {why}")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty")
    name = path.with_suffix("") if path.suffix.lower() in _OPENERS else path
    kind = name.suffix.lower()
    if kind not in FORMATS:
        raise UserError(
            f"cannot tell the format of {path} from its name; it must end in one of "
            f"{', '.join(FORMATS)}, possibly followed by {', '.join(_OPENERS)}"
        )
    if kind in DELIMITED and _is_svmlight(path):
        return ".svm"
    return ".svm" if kind in SVMLIGHT else kind


def _is_svmlight(path):
    with _open(path) as file:
        lines = [line.strip() for line in file.read(100_000).splitlines()[:10]]
    lines = [line for line in lines if line and not line.startswith(b"#")]
    return bool(lines) and all(map(SVMLIGHT_LINE.match, lines[:5]))


def _open_member(path):
    """Open the only file of a zip archive."""
    archive = zipfile.ZipFile(path)
    names = archive.namelist()
    if len(names) != 1:
        raise UserError(f"{path} holds {len(names)} files; a zip archive must hold exactly one")
    return archive.open(names[0])


_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": _open_member}


def _open(path):
    return _OPENERS.get(path.suffix.lower(), lambda p: p.open("rb"))(path)


def load_table(path, kind, layout, find_names):
    """Read a table with a name for each column.

    Parameters
    ----------
    path : Path
    kind : str
        One of TABLES.
    layout : Layout
        What is known of the file's layout.
    find_names : callable
        Takes cells and the lengths of the first lines, and returns the number of titles and
        whether there is a header.

    Returns
    -------
    frame : DataFrame
        Of text, except for formats with types.
    layout : Layout
    notes : list of str
    """
    with _open(path) as file:
        data = file.read()
    if kind in TYPED:
        frame = _TYPED[kind](data)
        return frame.rename(columns=lambda name: str(name).strip()), Layout(has_header=True), []
    if kind in SPREADSHEETS:
        cells, notes = _read_spreadsheet(data), []
        lengths = [cells.shape[1]] * len(cells)
    else:
        if ".tsv" in path.suffixes and layout.delimiter is None and b"\t" in data:
            layout = layout.between_tabs(data)
        text, layout, notes = decode(data, layout)
        layout = find_dialect(text, layout)
        cells, lengths = cut(text, layout)
    n_titles, has_header = find_names(cells, lengths)
    frame, more = name_columns(cells, lengths, n_titles, has_header)
    return frame, layout.with_header(has_header), notes + more


@contextmanager
def _with_its_reader():
    """Raise a UserError where a format's package is missing or incompatible."""
    try:
        yield
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"this format needs a package that cannot be imported: {reason}") from error


def _read_spreadsheet(data):
    """Cells of the first sheet as text; dates as in ISO 8601, whole numbers without a point."""
    import pandas as pd

    with _with_its_reader():
        cells = pd.read_excel(io.BytesIO(data), header=None, dtype=object)
    cells = cells.dropna(how="all").reset_index(drop=True)
    return cells.apply(lambda column: column.map(_cell_text)).astype(object)


def _cell_text(value):
    return "" if value is None or value != value else str(value)


def _read_parquet(data):
    import pandas as pd

    with _with_its_reader():
        return pd.read_parquet(io.BytesIO(data))


def _read_arff(data):
    """Attributes of Weka's format; nominal ones become text."""
    import pandas as pd
    from scipy.io import arff

    text, _, _ = decode(data, Layout())
    try:
        rows, _ = arff.loadarff(io.StringIO(text))
    except NotImplementedError as error:
        raise ValueError(f"{error}; save it as csv") from error
    except StopIteration as error:
        raise ValueError("it has no @data") from error
    frame = pd.DataFrame(rows)
    for name in frame.select_dtypes(object):
        frame[name] = frame[name].map(lambda value: value.decode()).replace("?", "")
    return frame


_TYPED = {".parquet": _read_parquet, ".arff": _read_arff}


def load_matrix(path, kind, n_features=None):
    """Read X and y of svmlight or npz.

    Parameters
    ----------
    path : Path
    kind : {".svm", ".npz"}
    n_features : int or None
        Number of columns of svmlight; None takes the largest index.

    Returns
    -------
    X : ndarray or sparse matrix
    y : ndarray or None
    """
    return _read_svmlight(path, n_features) if kind == ".svm" else _read_npz(path)


def _read_svmlight(path, n_features):
    try:
        with _open(path) as file:
            return load_svmlight_file(file, n_features=n_features)
    except ValueError as error:
        raise UserError(f"{path} is not in svmlight format: {error}") from error


def _read_npz(path):
    try:
        with _open(path) as file, np.load(file) as arrays:
            if "X" not in arrays:
                raise UserError(
                    f"{path} must hold the arrays X and y; it holds {', '.join(arrays) or 'none'}"
                )
            X, y = arrays["X"], arrays["y"] if "y" in arrays else None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is not an npz file of plain arrays: {error}") from error
    if y is not None and y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y is not None and y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "backslashreplace")
    if X.ndim != 2 or X.dtype.kind not in "biuf" or (y is not None and y.shape != X.shape[:1]):
        told = "there is no y" if y is None else f"y has shape {y.shape}"
        raise UserError(
            f"{path} must hold a table of numbers X and one y for each of its rows, but X is "
            f"{X.dtype} of shape {X.shape} and {told}"
        )
    # The narrowest of float32 and float64 that holds the values.
    return X.astype(np.result_type(X.dtype, np.float32), copy=False), y


#: Errors of invalid files, printed in one line.
UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, IndexError, OverflowError, NotImplementedError,
    lzma.LZMAError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
