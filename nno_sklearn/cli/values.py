"""Texts of a column: gaps, and what is a number in which unit.

skrub's ToFloat is not used for numbers, because it gives float32 (a time stamp loses two minutes),
refuses a column for one "<0.1", and reads "1,2,3" as 123.
"""

import re
from collections import Counter
from functools import cache

import numpy as np

SAMPLE_VALUES = 5000  # distinct values that decide what a column is
#: Words for a gap, in small letters.
MISSING = {
    "", "?", "-", "--", "–", ".", "..", "...", "*", "na", "n/a", "n.a.", "nan", "null", "none",
    "nil", "<na>", "nat", "missing", "#n/a", "#na", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!", "#null!",
}  # fmt: skip


def as_text(column):
    """Values as text without surrounding blanks, "" for missing ones."""
    import pandas as pd

    values = column.astype(object).where(column.notna(), "")
    texts = [str(value).strip() for value in values]
    return pd.Series(texts, column.index, dtype=object, name=column.name)


def is_missing(text):
    """Whether a text stands for a gap."""
    return text.lower() in MISSING


def is_empty(column):
    """Whether a column holds gaps only."""
    parts = (column[:SAMPLE_VALUES], column[SAMPLE_VALUES:])  # most columns need no second look
    return all(all(map(is_missing, as_text(part))) for part in parts)


def sample(column):
    """Texts of a column that are no gaps; of a long one, evenly spaced ones."""
    texts = as_text(column[:: max(1, len(column) // SAMPLE_VALUES)])
    return [text for text in texts if not is_missing(text)]


@cache
def number_pattern(decimal):
    """Regular expression of a number in a notation, with a unit on either side.

    A thousands mark comes before each three digits; "0,123" has none.
    """
    point, mark = re.escape(decimal), "." if decimal == "," else ","
    groups = rf"[1-9]\d{{0,2}}(?P<mark>[{mark}'’ \xa0\u202f])\d{{3}}(?:(?P=mark)\d{{3}})*"
    number = rf"(?P<number>(?:{groups}|\d+)(?:{point}\d*)?|{point}\d+)(?P<exponent>[eE][-+]?\d+)?"
    currency = r"(?P<before>[€$£¥]|[A-Z]{3}(?=\s))?\s*"
    before = rf"(?P<open>\()?{currency}(?P<sign>[-−+])?(?:(?<=[-−+])[€$£¥])?\s*"
    word = r"[^\W\d_]{1,12}[23²³]?(?:/[^\W\d_]{1,6}[23²³]?)?"
    after = rf"\s*(?P<after>[%‰€$£¥]|°?{word}|°)?\)?"
    return re.compile(rf"{before}{number}{after}\Z")


def unit_of(match):
    return match["before"] or match["after"] or ""


def not_finite(text):
    """Infinity where the text says so, else nan."""
    try:
        return float(text) if re.fullmatch(r"[-+]?inf(inity)?", text.lower()) else np.nan
    except ValueError:
        return np.nan


def units_in(counts, decimal):
    """How many texts are numbers in each unit; "" for none."""
    units = Counter()
    for text, n in counts.items():
        if match := number_pattern(decimal).match(text):
            units[unit_of(match)] += n
        elif not np.isnan(not_finite(text)):
            units[""] += n
    return units


def are_long_codes(counts):
    """Whether whole numbers are too long for a float to tell them apart."""
    long = {text for text in counts if text.isdigit() and int(text) > 2**53}
    return len({float(text) for text in long}) < len(long)
