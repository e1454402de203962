"""The columns of a table that are used, their kinds, and the rows that have a target."""

import re
import shlex
from dataclasses import dataclass

import numpy as np

from nno_sklearn.cli.columns import find_decimals, recognise
from nno_sklearn.cli.errors import quoted
from nno_sklearn.cli.offset import OffsetColumn
from nno_sklearn.cli.table import NAMELESS, Table, blank, floats_among
from nno_sklearn.cli.values import as_text, is_empty, is_missing

RARE = 0.05  # share below which a word like NA is a missing value, not a class
#: Names of columns that identify rows, if each value is different.
ROW_NAMES = re.compile(
    r"(?i:index|idx|id|.*[ _-](id|no|nr)\.?|row|row[ _.-]?(id|names?|numbers?|index)|no\.?|nr\.?"
    r"|#|key)"
    r"|.*[a-z]I[dD]"
)


@dataclass(frozen=True)
class Choice:
    """The user's options on columns and values.

    Parameters
    ----------
    decimal : {".", ","} or None
        Decimal mark; None is found from the values.
    na_values : sequence of str or None
        Values that mean a missing one; None takes the usual words.
    drop, keep : sequence of str
        Columns to leave out, and columns to use even if they look useless.
    offset : OffsetColumn or None
        The column of offsets, which is no feature.
    """

    decimal: str | None = None
    na_values: tuple | None = None
    drop: tuple = ()
    keep: tuple = ()
    offset: OffsetColumn | None = None

    @property
    def unused(self):
        """Names of the columns that are no features."""
        return self.drop if self.offset is None else (*self.drop, self.offset.name)


def choose_columns(frame, target, choice, decimals, layout):
    """Find the kinds of the columns of a table, and which are used.

    Parameters
    ----------
    frame : DataFrame
        Columns of text, or of the types of the file format.
    target : str
    choice : Choice
    decimals : dict of str to str
        Decimal mark of each column.
    layout : Layout

    Returns
    -------
    table : Table
    values : DataFrame
        The columns that are used.
    notes : list of str
    """
    cells = frame.drop(columns=[target, *choice.unused]).apply(blank, na_values=choice.na_values)
    empty = [name for name in cells if is_empty(cells[name])]
    which = "columns" if len(empty) > 1 else "the column"
    notes = [f"dropped {which} without any value: {', '.join(empty)}"] if empty else []
    kinds = {name: recognise(cells[name], decimals[name]) for name in cells.columns.drop(empty)}
    values = Table(kinds, na_values=choice.na_values).transform(frame)
    found = {name: _useless(name, values[name], kind) for name, kind in kinds.items()}
    useless = {name: why for name, why in found.items() if why and name not in choice.keep}
    notes += [f"column '{name}' needs no --keep" for name in choice.keep if not found.get(name)]
    if len(useless) < len(kinds):  # else no column would be left
        for name, reason in useless.items():
            keep = f"--keep {shlex.quote(name)}"
            notes.append(f"column '{name}' {reason}: left out, {keep} uses it")
            del kinds[name]
    for name, kind in kinds.items():
        notes += kind.remarks(name, cells[name], values[name])
    offset = choice.offset
    if offset is not None:
        offset = offset.recognised(frame[offset.name], decimals[offset.name])
    table = Table(kinds, layout, list(frame.columns), target, choice.na_values, offset)
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
    """The reason why a column is useless; None for the others."""
    if len(values) < 3 or values.nunique() < len(values):
        return None
    return kind.useless(values, bool(NAMELESS.match(name) or ROW_NAMES.fullmatch(name)))


def parse_target(column, choice, decimal):
    """Parse the values to predict.

    Returns
    -------
    y : ndarray
        Of int64, float64, bool or text, for the rows where the target is known.
    is_known : ndarray of bool
    notes : list of str
    """
    column = blank(column, choice.na_values)
    kind = recognise(column, decimal)
    if kind.is_measured:
        values = kind.parse(column)
        if choice.na_values:
            values = values.mask(values.isin(floats_among(choice.na_values)))
        known, notes = np.isfinite(values).to_numpy(), list(kind.target_remarks())
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
    """Names of classes; a word such as NA is one if it is frequent and the user does not object."""
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
    """Note the given values that occur in no cell."""
    for value in na_values or ():
        if not any((as_text(frame[name]) == value).any() for name in frame):
            yield f"no cell holds the value '{value}' of --na-values"
