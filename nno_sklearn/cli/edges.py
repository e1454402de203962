"""What is around the cells of a table and is no data: units, totals, remarks, quotes."""

import re

import numpy as np

from nno_sklearn.cli.columns import sort_of
from nno_sklearn.cli.errors import quoted
from nno_sklearn.cli.kinds import Numbers
from nno_sklearn.cli.values import is_missing

MOST_LINES = 20  # below a table
SAMPLE_ROWS = 200  # that tell how many cells a line fills
SAME = 1e-2  # a rounded sum, as a share of it
#: Words for a sum, or a mean, of the lines above.
TOTALS = re.compile(
    r"(?:(?:grand|sub)[ -]?)?totals?|sums?|summe|gesamt|insgesamt|totale?s|suma|somme|average|mean"
    r"|mittelwert|durchschnitt|moyenne|合計|総計|平均",
    re.IGNORECASE,
)
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


def without_quotes(cells):
    """The cells of a column without quotes where these are around all values."""
    filled = cells[cells != ""]
    if len(filled) and QUOTED.fullmatch(filled.iloc[0]) and filled.str.fullmatch(QUOTED).all():
        return cells.str[1:-1].str.strip()
    return cells


def belongs_to_header(table, sorts):
    """Whether the first line below the header belongs to it, as units do: words above most columns
    of numbers and dates, and none that occurs again.

    Parameters
    ----------
    table : DataFrame of str
    sorts : list of str
        Of the values of each column, the first line aside.
    """
    if len(table) < 2:
        return False
    first = table.iloc[0]
    measured = [first[j] for j, sort in zip(table, sorts, strict=True) if sort != "word"]
    above = [cell for cell in measured if cell]
    if len(above) < 2 or 2 * len(above) < len(measured) or not all(map(_is_word, above)):
        return False
    return not any(first[j] and (table[j][1:] == first[j]).any() for j in table)


def _is_word(text):
    return not is_missing(text) and sort_of(text) == "word"


def join_names(names, second, notes):
    """Names of columns with those of a second line, where the first line has gaps, as merged cells
    leave; else the second line holds units, and names stay as they are."""
    if all(names):
        words = [word for word in second if word]
        notes.append(f"skipped the line below the header: {quoted(words)}")
        return names
    joined, above = [], ""
    for name, word in zip(names, second, strict=True):
        above = name or above
        joined.append(f"{above} {word}".strip() if word else name)
    notes.append(f"the header has two lines: {quoted(joined)}")
    return joined


def count_lines_below(table, sorts):
    """How many of the last lines are no data: sums and means, by their first word, and remarks,
    which fill few cells; both begin in a column of other values than words. In a column of words,
    one for a sum may be a value: the line has gaps, then, or its numbers are those of a sum."""
    n_typical = np.median((table[:SAMPLE_ROWS] != "").sum(axis=1)) if len(table) else 0
    n_below = 0
    for k in range(1, min(len(table) // 2, MOST_LINES) + 1):
        filled = [(j, cell) for j, cell in zip(table, table.iloc[-k], strict=True) if cell]
        if not filled:
            continue
        j, word = filled[0]
        is_strange = sorts[table.columns.get_loc(j)] != "word" and _is_word(word)
        is_total = TOTALS.fullmatch(word.rstrip(" :")) and not (table[j][:-k] == word).any()
        is_proved = (
            is_strange or len(filled) < n_typical or (is_total and _adds_up(table, k, sorts))
        )
        if not (is_proved and (is_total or (is_strange and 2 * len(filled) <= n_typical))):
            break
        n_below = k
    while n_below and not any(table.iloc[-n_below - 1]):  # between the table and a remark
        n_below += 1
    return n_below


def _adds_up(table, k, sorts):
    """Whether numbers in the ``k``-th line from below are sums or means of those above."""
    for j, sort in zip(table, sorts, strict=True):
        for decimal in ".," if sort == "number" else "":
            *above, last = Numbers(decimal).parse(table[j][: len(table) - k + 1])
            for total in (np.nansum(above), np.nanmean(above) if len(above) else np.nan):
                if total != 0 and abs(last - total) <= SAME * abs(total):
                    return True
    return False
