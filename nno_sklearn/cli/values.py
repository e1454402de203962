"""Texts of a column: missing values, and numbers with their units.

skrub's ToFloat is not used for numbers, because it gives float32 (two minutes' error in a time
stamp), refuses a column for one "<0.1", and reads "1,2,3" as 123.
"""

import re
from collections import Counter
from functools import cache

import numpy as np

SAMPLE_VALUES = 5000  # distinct values that decide the kind of a column
#: Words for a missing value, in lower case.
MISSING = {
    "", "?", "-", "--", "–", ".", "..", "...", "*", "na", "n/a", "n.a.", "nan", "null", "none",
    "nil", "<na>", "nat", "missing", "#n/a", "#na", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!", "#null!",
}  # fmt: skip
#: Signs of currencies, possibly behind letters, as in "R$".
CURRENCY = r"[A-Z]{0,2}[$£¥₠-⃏]"
#: Digits and signs of East Asian width, and Arabic and Persian ones.
WIDE = str.maketrans(
    "０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹．，－＋％٫٬", 3 * "0123456789" + ".,-+%.,"
)


def as_text(column):
    """Values as text without surrounding blanks, "" for missing ones, digits of any width as
    ASCII ones."""
    import pandas as pd

    values = column.astype(object).where(column.notna(), "")
    texts = [str(value).strip() for value in values]
    texts = [text if text.isascii() else text.translate(WIDE) for text in texts]
    return pd.Series(texts, column.index, dtype=object, name=column.name)


def is_missing(text):
    """Whether a text means a missing value."""
    return text.lower() in MISSING


def is_empty(column):
    """Whether all values of a column are missing."""
    parts = (column[:SAMPLE_VALUES], column[SAMPLE_VALUES:])  # the first mostly decides
    return all(all(map(is_missing, as_text(part))) for part in parts)


def sample(column):
    """Texts of a column that are not missing; evenly spaced ones of a long column."""
    texts = as_text(column[:: max(1, len(column) // SAMPLE_VALUES)])
    return [text for text in texts if not is_missing(text)]


@cache
def number_pattern(decimal):
    """Regular expression of a number in a notation, with a unit on either side.

    A thousands mark comes before each three digits, in India two before the last three; "0,123" has
    none. A minus may end a number with a fraction, as SAP writes it; "2-" may be a grade. What
    follows ± is left out.
    """
    point, mark = re.escape(decimal), "." if decimal == "," else ","
    groups = rf"[1-9]\d{{0,2}}(?P<mark>[{mark}'’ \xa0\u2009\u202f])(?:(?<=,)\d\d,)*\d{{3}}"
    whole = rf"(?:{groups}(?:(?P=mark)\d{{3}})*|\d+)"
    number = rf"(?P<number>{whole}(?:{point}\d*)?|{point}\d+)(?P<exponent>[eE][-+]?\d+)?"
    currency = rf"(?P<before>{CURRENCY}|[A-Z]{{3}}(?=\s))?\s*"
    before = rf"(?P<open>\()?{currency}(?P<sign>[-−+])?(?:(?<=[-−+]){CURRENCY})?\s*"
    word = r"[^\W\d_]{1,12}[23²³]?(?:/[^\W\d_]{1,6}[23²³]?)?"
    after = rf"\s*(?P<after>[%‰]|{CURRENCY}|°?{word}|°)?\)?"
    fraction = "|".join(rf"(?<={point}\d{{{n}}})" for n in (1, 2, 3))
    behind = rf"(?P<behind>(?:{fraction})[-−])?"
    spread = rf"(?P<spread>\s*(?:±|\+/-)\s*\d*{point}?\d+)?"
    return re.compile(rf"{before}{number}{behind}{spread}{after}\Z")


def unit_of(match):
    return match["before"] or match["after"] or ""


def not_finite(text):
    """Infinity where the text means it, else nan."""
    try:
        return float(text) if re.fullmatch(r"[-+]?inf(inity)?", text.lower()) else np.nan
    except ValueError:
        return np.nan


def units_in(counts, decimal):
    """How many texts are numbers in each unit; "" is no unit."""
    units = Counter()
    for text, n in counts.items():
        if match := number_pattern(decimal).match(text):
            units[unit_of(match)] += n
        elif not np.isnan(not_finite(text)):
            units[""] += n
    return units


def are_long_codes(counts):
    """Whether integers have too many digits to be distinct as floats."""
    long = {text for text in counts if text.isdigit() and int(text) > 2**53}
    return len({float(text) for text in long}) < len(long)
