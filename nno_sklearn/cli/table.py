"""Tables: which columns are used, and what their values are; kept with a saved model."""

import re
import shlex
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from nno_sklearn.cli.columns import Numbers, as_text, find_decimals, is_empty, is_missing, recognise
from nno_sklearn.cli.errors import UserError, quoted
from nno_sklearn.cli.files import TABLES, find_format, load_matrix, load_table

MOST_NOTES = 5  # of one kind; of more columns, one note tells the names
RARE = 0.05  # share below which a word like NA is no class of its own
NAMELESS = re.compile(r"Unnamed: \d+\Z")
#: Names of columns that tell rows apart, as far as each value is different.
ROW_NAMES = re.compile(
    r"(?i:index|idx|id|.*[ _-]id|row|row[ _.-]?(id|names?|numbers?|index)|no\.?|nr\.?|#|key)"
    r"|.*[a-z]I[dD]"
)


class Table(TransformerMixin, BaseEstimator):
    """First step of a pipeline: the columns of a table, with the type that their values have.

    It learns nothing in ``fit``; :func:`describe_table` finds its parameters.

    Parameters
    ----------
    kinds : dict of str to Kind
        The columns that are used.
    layout : Layout or None
        How the file was cut; None for a format that needs no telling.
    columns : sequence of str
        All columns of the file, in its order.
    target : str
        The one to predict.
    na_values : sequence of str or None
        Values that mean a gap.
    """

    def __init__(self, kinds, layout=None, columns=(), target=None, na_values=None):
        self.kinds = kinds
        self.layout = layout
        self.columns = columns
        self.target = target
        self.na_values = na_values

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that are used."""
        return np.array(list(self.kinds), dtype=object)

    def transform(self, X):
        """Select the columns by name and parse their values.

        Parameters
        ----------
        X : DataFrame
            Of text, or as pandas.read_csv makes it of such a file.

        Returns
        -------
        DataFrame
            Of float64, datetime64 and objects.

        Raises
        ------
        ValueError
            Where a column is missing, or a value is infinite.
        """
        import pandas as pd

        frame = X.rename(columns=lambda name: str(name).strip())
        if absent := [name for name in self.kinds if name not in frame.columns]:
            headerless = self.layout is not None and not self.layout.has_header
            hint = "; its file had no header line (pandas: header=None)" if headerless else ""
            raise ValueError(
                f"no column {quoted(absent)}; the model needs {quoted(self.kinds, 20)}{hint}"
            )
        parsed = {name: self._parse(frame[name], kind) for name, kind in self.kinds.items()}
        return pd.DataFrame(parsed, index=frame.index)

    def _parse(self, column, kind):
        values = kind.parse(blank(column, self.na_values))
        if values.dtype.kind != "f":
            return values
        if self.na_values:
            values = values.mask(values.isin(_floats(self.na_values)))
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            first = infinite[0]
            raise ValueError(
                f"column '{column.name}' has an infinite value ('{column.iloc[first]}') in row "
                f"{first + 1}; --na-values {column.iloc[first]} takes it for missing, "
                f"--drop {column.name} leaves the column out"
            )
        return values

    def read(self, path, layout):
        """Read the rows of another file of this kind, the target left out or not.

        Parameters
        ----------
        path : Path
        layout : Layout
            What the user says of the file; the rest is as in the file that the model learnt from.

        Returns
        -------
        frame : DataFrame
        notes : list of str
        """
        kind = find_format(path)
        if kind not in TABLES:
            raise UserError(f"{path} has no named columns, which the model needs")
        known = self.layout.for_another_file(layout)
        frame, _, notes = load_table(path, kind, known, self._find_names)
        if self.layout.has_header and not set(self.kinds) <= set(frame) and not layout.delimiter:
            # Another program may have written it with another delimiter.
            frame, _, notes = load_table(path, kind, known.without_delimiter(), self._find_names)
        if not self.layout.has_header:
            names = list(self.columns)
            if frame.shape[1] == len(names) - 1:
                names.remove(self.target)
            if frame.shape[1] != len(names):
                raise UserError(
                    f"{path} has {frame.shape[1]} columns; the model learnt from {len(names)} "
                    "without names, the target included"
                )
            frame.columns, notes = names, []
        return frame, notes

    def _find_names(self, cells, lengths):
        if not self.layout.has_header:
            return 0, False
        head = [{" ".join(cell.split()) for cell in row} for row in cells[:20].to_numpy()]
        named = set(self.kinds) - {name for name in self.kinds if NAMELESS.match(name)}
        n_found = [len(named & row) for row in head]
        return int(np.argmax(n_found)), True

    def describe(self, name):
        """Say in Python's terms what ``transform`` takes."""
        columns = f" DataFrame with the columns {quoted(self.kinds, 20)}"
        if not self.layout.delimiter:
            return columns
        options = "".join(f", {key}={value!r}" for key, value in self.layout.in_pandas().items())
        return f"{columns}: pandas.read_csv({name!r}{options})"

    def remarks(self, frame, values):
        """Notes on what could not be read: texts of a table that became gaps of ``values``."""
        lost = {}
        for name in self.kinds:
            texts = as_text(blank(frame[name], self.na_values)[values[name].isna()])
            if len(texts := texts[texts != ""]):
                lost[name] = texts
        if len(lost) > MOST_NOTES:
            tokens = dict.fromkeys(token for texts in lost.values() for token in texts)
            yield (
                f"columns {quoted(lost, 4)}: {sum(map(len, lost.values()))} values are no "
                f"numbers or dates ({quoted(tokens, 3)}): taken as missing"
            )
            return
        for name, texts in lost.items():
            verb = "value is" if len(texts) == 1 else "values are"
            yield (
                f"column '{name}': {len(texts)} of {len(frame)} {verb} no {self.kinds[name].noun} "
                f"({quoted(texts.unique(), 3)}): taken as missing"
            )


class Matrix(TransformerMixin, BaseEstimator):
    """First step of a pipeline for columns without names, which pass as they are.

    Parameters
    ----------
    n_features : int
    """

    def __init__(self, n_features):
        self.n_features = n_features

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def transform(self, X):
        """Pass the rows on."""
        return X

    def get_feature_names_out(self, input_features=None):
        """Names x0, x1, and so on."""
        return np.array([f"x{j}" for j in range(self.n_features)], dtype=object)

    def read(self, path, layout):
        """Read the rows of another file of svmlight or npz."""
        kind = find_format(path)
        if kind in TABLES:
            raise UserError(f"{path} is a table; the model learnt from columns without names")
        X, _ = load_matrix(path, kind, self.n_features)
        if X.shape[1] != self.n_features:
            raise UserError(f"{path} has {X.shape[1]} columns; the model needs {self.n_features}")
        return X, []

    def describe(self, name):
        """Say in Python's terms what ``transform`` takes."""
        return f"n array or sparse matrix of {self.n_features} columns"

    def remarks(self, X, values):
        """Numbers need no notes."""
        return ()


@dataclass(frozen=True)
class Choice:
    """What the user says about columns and values.

    Parameters
    ----------
    decimal : {".", ","} or None
        Decimal mark; None is found from the values.
    na_values : sequence of str or None
        Values that mean a gap; None takes the words that usually do.
    drop, keep : sequence of str
        Columns to leave out, and columns to use whatever they look like.
    """

    decimal: str | None = None
    na_values: tuple | None = None
    drop: tuple = ()
    keep: tuple = ()


def choose_columns(frame, target, choice, decimals, layout):
    """Find what the columns of a table are, and which are used.

    Parameters
    ----------
    frame : DataFrame
        Of text, or of types that a file format knows.
    target : str
    choice : Choice
    decimals : dict of str to str
        Decimal mark of each column.
    layout : Layout

    Returns
    -------
    table : Table
    values : DataFrame
        Of the columns that are used.
    notes : list of str
    """
    cells = frame.drop(columns=[target, *choice.drop]).apply(blank, na_values=choice.na_values)
    empty = [name for name in cells if is_empty(cells[name])]
    notes = [f"dropped columns without any value: {', '.join(empty)}"] if empty else []
    kinds = {name: recognise(cells[name], decimals[name]) for name in cells.columns.drop(empty)}
    values = Table(kinds, na_values=choice.na_values).transform(frame)
    found = {name: _useless(name, values[name], kind) for name, kind in kinds.items()}
    useless = {name: why for name, why in found.items() if why and name not in choice.keep}
    notes += [f"column '{name}' needs no --keep" for name in choice.keep if not found.get(name)]
    if len(useless) < len(kinds):  # something is left to learn from
        for name, reason in useless.items():
            keep = f"--keep {shlex.quote(name)}"
            notes.append(f"column '{name}' {reason}: left out, {keep} uses it")
            del kinds[name]
    for name, kind in kinds.items():
        notes += kind.remarks(name, cells[name], values[name])
    table = Table(kinds, layout, list(frame.columns), target, choice.na_values)
    values = values[list(kinds)]
    return table, values, [*notes, *table.remarks(frame, values)]


def choose_decimals(frame, choice, layout):
    """Find the decimal mark of each column.

    Returns
    -------
    decimals : dict of str to str
    notes : list of str
    """
    if choice.decimal:
        return dict.fromkeys(frame.columns, choice.decimal), []
    decimals = find_decimals(frame, is_fraction=layout.delimiter == ";")
    commas = [name for name, mark in decimals.items() if mark == ","]
    return decimals, [f"decimal comma in {quoted(commas)}"] if commas else []


def _useless(name, values, kind):
    """Say why a column tells nothing; None for the others."""
    if len(values) < 3 or values.nunique() < len(values):
        return None
    return kind.useless(values, bool(NAMELESS.match(name) or ROW_NAMES.fullmatch(name)))


def parse_target(column, choice, decimal):
    """Parse the values to predict.

    Returns
    -------
    y : ndarray
        Of int64, float64, bool or texts, for the rows where it is known.
    is_known : ndarray of bool
    notes : list of str
    """
    column = blank(column, choice.na_values)
    kind = recognise(column, decimal)
    if kind.is_measured:
        values = kind.parse(column)
        if choice.na_values:
            values = values.mask(values.isin(_floats(choice.na_values)))
        known, notes = np.isfinite(values).to_numpy(), []
    else:
        values, notes = _class_names(as_text(column), choice)
        known = values.notna().to_numpy()
    if not known.all():
        words = [word for word in as_text(column)[~known].unique() if word]
        told = f" ({quoted(words, 3)})" if words else ""
        rows = np.flatnonzero(~known) + 1
        which = f"row {rows[0]}, which is" if len(rows) == 1 else f"{len(rows)} rows"
        notes.append(f"dropped {which} without a target{told}")
    return kind.finish_target(values[known].to_numpy()), known, notes


def _class_names(texts, choice):
    """Names of classes; a word such as NA is one if it is frequent, and nobody says otherwise."""
    values, notes = texts.astype(object).where(texts != "", None), []
    counts = values.value_counts()
    for word in [word for word in counts.index if is_missing(word)]:
        if choice.na_values is None and (word == "?" or counts[word] < RARE * len(texts)):
            values = values.where(values != word, None)
        else:
            notes.append(
                f"target '{texts.name}': '{word}' ({counts[word]} of {len(texts)}) is taken for a "
                f"class; --na-values {word} takes it for missing"
            )
    return values, notes


def unmet(frame, na_values):
    """Note the values that no cell has."""
    for value in na_values or ():
        if not any((as_text(frame[name]) == value).any() for name in frame):
            yield f"no cell holds the value '{value}' of --na-values"


def blank(column, na_values):
    """Replace by a gap what the user calls missing."""
    return column.mask(as_text(column).isin(na_values)) if na_values else column


def _floats(texts):
    """Numbers among texts."""
    import pandas as pd

    return list(Numbers().parse(pd.Series(list(texts), dtype=object)).dropna())
