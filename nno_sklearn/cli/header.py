"""Cells to tables: the titles above a table, its header, the names of its columns."""

from collections import Counter

import numpy as np

from nno_sklearn._wording import counted
from nno_sklearn.cli.columns import IDENTITY, sort_of
from nno_sklearn.cli.edges import (
    belongs_to_header,
    count_lines_below,
    join_names,
    without_quotes,
)
from nno_sklearn.cli.errors import quoted
from nno_sklearn.cli.text import SAMPLE_ROWS
from nno_sklearn.cli.values import is_missing

MOST_TITLES = 20


def find_header(cells, lengths, target=None):
    """Find the titles above the table and the line with the names of columns.

    Parameters
    ----------
    cells, lengths
        From :func:`cut`.
    target : str or None
        A name that the header must have, if any line has it.

    Returns
    -------
    n_titles : int
    has_header : bool
    """
    head = [[cell.strip() for cell in row] for row in cells[: len(lengths)].to_numpy()]
    lines = list(zip(head, lengths, strict=False))
    candidates = range(min(len(lines), MOST_TITLES))
    named = [k for k in candidates if target is not None and target in head[k]]
    if named and _is_header(head[named[0]], head[named[0] + 1 :], lenient=True):
        return named[0], True
    width = Counter(lengths).most_common(1)[0][0]
    n_titles = next((k for k in candidates if not _is_title(lines[k:], width)), 0)
    return n_titles, _is_header(head[n_titles], head[n_titles + 1 :])


def _is_title(lines, width):
    """Whether the first of these lines is a title above a table of so many columns."""
    (row, length), *below = lines
    below = [line for line in below if any(line[0])]
    if not below or width < 2:
        return False
    if not any(row):
        return True
    (_, next_length), head = below[0], [cells for cells, _ in below]
    if length > width:
        return next_length == width and any(row[width:])
    is_single = not any(row[1:]) and sort_of(row[0]) == "word"
    if length < width - 1 or next_length < width or (is_single and width > 2):
        return length < width or is_single
    # A header may lack a name for the last column, or for the first.
    return (length < width or is_single) and _is_header(head[0], head[1:])


def _is_header(row, below, lenient=False):
    """Whether a line holds names, not values of the columns below it.

    A word above numbers or dates is a name; a word that occurs again in its column is a value.
    Numbers are names if they count (0, 1, 2 or years) and are unlike the values below.
    """
    columns = [[line[j] for line in below] for j in range(len(row))]
    cells = [pair for pair in zip(row, columns, strict=True) if not is_missing(pair[0])]
    cells = [pair for pair in cells if not all(map(is_missing, pair[1]))]
    if not cells:
        return not below
    sorts = [(sort_of(cell), _common_sort(column)) for cell, column in cells]
    names = {cell for (cell, _), (own, common) in zip(cells, sorts, strict=True)
             if own != common != "word" and cell[0] not in "<>≤≥"}  # fmt: skip
    values = [cell for (cell, _), (own, common) in zip(cells, sorts, strict=True)
              if own == common != "word"]  # fmt: skip
    if not names and not values:
        return lenient or not any(cell in column for cell, column in cells)
    if names:
        return len(names) > 1 or all(value.isdigit() for value in values)
    return _count_on(values) and (lenient or _are_names(values, cells))


def _common_sort(column):
    """The most frequent sort of the values of a column."""
    known = [text for text in column if not is_missing(text)]
    sort, n = Counter(map(sort_of, known)).most_common(1)[0] if known else ("word", 0)
    return sort if n >= IDENTITY * len(known) else "word"


def _count_on(values):
    """Whether numbers are integers at equal distances."""
    if not all(value.isdigit() for value in values):
        return False
    steps = set(np.diff([int(value) for value in values]))
    return len(steps) <= 1 and 0 not in steps


def _are_names(values, cells):
    """Whether integers that count up are unlike the values below them."""
    if values == [str(position) for position in range(len(values))]:
        return True
    below = [text for cell, column in cells if cell in values for text in column]
    share_whole = sum(text.lstrip("-").isdigit() for text in below) / len(below)
    are_years = all(1900 <= int(value) <= 2100 for value in values)
    alike = sum(text.isdigit() and 1900 <= int(text) <= 2100 for text in below) / len(below)
    return len(values) > 1 and (share_whole < 0.05 or (are_years and alike < 0.2))


def name_columns(cells, lengths, n_titles, has_header):
    """Make the table below the header, with a name for each column.

    Returns
    -------
    table : DataFrame of str
    notes : list of str
    """
    notes = []
    table = cells.iloc[n_titles + has_header :].reset_index(drop=True)
    if n_titles:
        notes.append(f"skipped {counted(n_titles, 'line')} above the table")
    names = [" ".join(name.split()) for name in cells.iloc[n_titles]] if len(cells) else []
    # A delimiter may end each line, but not the header.
    while names and not (has_header and names[-1]) and (table[len(names) - 1] == "").all():
        table, names = table.drop(columns=len(names) - 1), names[:-1]
    table = table.apply(without_quotes)
    if not has_header:
        notes.append(f"no header line: the columns are called 0 to {table.shape[1] - 1}")
        return table.rename(columns=str), notes
    sorts = [_common_sort(list(table[j][1:SAMPLE_ROWS])) for j in table]
    if all(sort == "word" for sort in sorts):
        notes.append(f"the first line is taken for names: {quoted(names)}")
    if names[-1] == "" and n_titles < len(lengths) and lengths[n_titles] < len(names):
        names = ["", *names[:-1]]
        notes.append("the header has no name for the first column, as in files of R")
    if belongs_to_header(table, sorts):
        names = join_names(names, table.iloc[0], notes)
        table = table[1:].reset_index(drop=True)
    if n_below := count_lines_below(table, sorts):
        first = next(cell for cell in table[-n_below:].to_numpy().flat if cell)
        notes.append(f"skipped {counted(n_below, 'line')} below the table: '{first}'")
        table = table[:-n_below]
    table.columns = _distinct(names, notes)
    return table, notes


def _distinct(names, notes):
    """Name columns without a name and make equal names distinct, as pandas does."""
    found = []
    for position, name in enumerate(names):
        new = name = name or f"Unnamed: {position}"
        repeats = 0
        while new in found:
            repeats += 1
            new = f"{name}.{repeats}"
        if repeats:
            notes.append(f"two columns are called '{name}': one of them is now '{new}'")
        found.append(new)
    return found
