"""Columns of text to numbers, truth values, dates or labels.

skrub guesses the formats of dates; its ToFloat is not used for numbers, because it gives float32
(a time stamp loses two minutes), refuses a column for one "<0.1", and reads "1,2,3" as 123.
"""

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

IDENTITY = 0.8  # share of the values which are numbers (dates), from which on a column is
SAMPLE_VALUES = 5000  # distinct values that decide what a column is
FEW_ROWS = 20  # in which codes may differ by chance
SAMPLE_DATES = 30  # distinct values that suggest formats of dates
#: Words for a gap, in small letters.
MISSING = {
    "", "?", "-", "--", "–", ".", "..", "...", "*", "na", "n/a", "n.a.", "nan", "null", "none",
    "nil", "<na>", "nat", "missing", "#n/a", "#na", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!", "#null!",
}  # fmt: skip
TRUTH = {"true": 1.0, "false": 0.0}
#: Formats that skrub does not guess.
MORE_FORMATS = (
    "ISO8601", "%d.%m.%y", "%m/%d/%y", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d %b %y",
)  # fmt: skip
PLACEHOLDER_YEAR = 9999  # "for ever"


class Kind:
    """What the values of a column are; the methods here say what is usual.

    A kind has a ``noun`` for notes, and a method ``parse`` that takes a column and returns its
    values, missing where they cannot be read.
    """

    is_measured = False  # whether values are numbers, also in a target

    def remarks(self, name, column, values):
        """Notes on what was done to the texts of a column to get the values."""
        return ()

    def useless(self, values, is_key):
        """Why a column tells nothing; None for most.

        Parameters
        ----------
        values : Series
            Parsed, and without repeated ones.
        is_key : bool
            Whether its name says that it tells rows apart.
        """
        return None

    def finish_target(self, values):
        """Known values of a target, in the type that models take."""
        return values


@dataclass(frozen=True)
class Numbers(Kind):
    """Numbers, possibly with a decimal comma, thousands marks and a unit.

    Parameters
    ----------
    decimal : {".", ","}
    unit : str
        What may stand beside the number, such as "kg", "%" or "€".
    """

    decimal: str = "."
    unit: str = ""
    noun = "numbers"
    is_measured = True

    def parse(self, column):
        """Values as float64; nan for what is no number."""
        import pandas as pd

        if column.dtype.kind in "biuf":
            return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index)
        texts = as_text(column)
        plain = pd.to_numeric(texts, errors="coerce").astype(float)
        marked = texts.str.contains(r"[^\d+-]", na=False) if self.decimal == "," else plain.isna()
        read = {text: self._read(text) for text in texts[marked].unique()}
        plain[marked] = texts[marked].map(read).astype(float)
        return plain

    def _read(self, text):
        match = _number_pattern(self.decimal).match(text)
        if match is None or _unit(match) not in ("", self.unit):
            return _not_finite(text)
        whole = re.sub(rf"[^\d{self.decimal}]", "", match["number"]).replace(",", ".")
        negative = match["open"] or match["sign"] in ("-", "−")
        return float(f"{'-' if negative else ''}{whole}{match['exponent'] or ''}")

    def remarks(self, name, column, values):
        """The unit, thousands marks, and a column that counts the rows."""
        if self.unit:
            yield f"column '{name}': the unit '{self.unit}' is left out"
        matches = map(_number_pattern(self.decimal).match, _sample(column))
        marked = next((match[0] for match in matches if match and match["mark"]), None)
        if marked:
            yield f"column '{name}' has thousands marks: '{marked}' is {self._read(marked):.15g}"
        if len(values) > 2 and (values.diff()[1:] == 1).all():
            yield f"column '{name}' counts the rows; --drop {shlex.quote(name)} leaves it out"

    def useless(self, values, is_key):
        """Whole numbers that never repeat, if they are called a key."""
        return "looks like a row number" if is_key and (values % 1 == 0).all() else None

    def finish_target(self, values):
        """Whole numbers where all are."""
        is_whole = np.all(values % 1 == 0) and np.all(np.abs(values) < 2**53)
        return values.astype(np.int64) if is_whole else values


@dataclass(frozen=True)
class TruthValues(Kind):
    """The words true and false, as 1 and 0."""

    noun = "truth values"
    is_measured = True

    def parse(self, column):
        """Values as float64; nan for other words."""
        if column.dtype.kind in "biuf":
            return Numbers().parse(column)
        return as_text(column).str.lower().map(TRUTH).astype(float)

    def finish_target(self, values):
        """Truth values."""
        return values.astype(bool)


@dataclass(frozen=True)
class Dates(Kind):
    """Dates, with or without a time, in one format.

    Parameters
    ----------
    format : str
        As in pandas.to_datetime.
    is_ambiguous : bool
        Whether day and month could change places in all values.
    """

    format: str
    is_ambiguous: bool = False
    noun = "dates"

    def parse(self, column):
        """Values as datetime64 in UTC, without a zone; missing for what is no date, or never."""
        dates = self.read(column)
        return dates.where(dates.dt.year < PLACEHOLDER_YEAR)

    def read(self, column):
        """Values as ``parse`` gives them, also those that stand for "never"."""
        import pandas as pd

        dates = pd.to_datetime(column, format=self.format, errors="coerce", utc=True)
        return dates.dt.tz_localize(None)

    def remarks(self, name, column, values):
        """How an ambiguous date is read."""
        if self.is_ambiguous:
            order = "day" if self.format.index("%d") < self.format.index("%m") else "month"
            example = column[values.notna()].iloc[0]
            yield f"column '{name}': dates such as '{example}' are read {order} first"


@dataclass(frozen=True)
class Labels(Kind):
    """Words; only an empty cell is missing."""

    noun = "labels"

    def parse(self, column):
        """Texts as objects; None for an empty cell."""
        texts = as_text(column).astype(object)
        return texts.where(texts != "", None)

    def remarks(self, name, column, values):
        """Why labels that look like numbers are none."""
        counts = Counter(_sample(column))
        units = _units_in(counts, ".")
        n_numbers, told = units.total(), f"column '{name}' is taken for labels: "
        if n_numbers <= counts.total() / 2:
            return
        if _are_long_codes(counts):
            yield f"{told}as floats, its long whole numbers would be rounded"
        elif len(units.keys() - {""}) > 1:
            yield f"{told}its numbers have several units ({', '.join(sorted(units))})"
        else:
            yield f"{told}only {n_numbers} of {counts.total()} values are numbers"

    def useless(self, values, is_key):
        """Codes that never repeat."""
        are_codes = len(values) > FEW_ROWS and values.str.fullmatch(r"[!-~]+").all()
        return "differs in every row" if are_codes or is_key else None


def as_text(column):
    """Values as text without surrounding blanks, "" for missing ones."""
    import pandas as pd

    values = column.astype(object).where(column.notna(), "")
    texts = [str(value).strip() for value in values]
    return pd.Series(texts, column.index, dtype=object, name=column.name)


def recognise(column, decimal):
    """Find what the values of a column are.

    Parameters
    ----------
    column : Series
        Of text, or of a type that a file format knows.
    decimal : {".", ","}
        Decimal mark of the file, for columns that fit both.

    Returns
    -------
    Kind
    """
    if column.dtype.kind in "iuf":
        return Numbers()
    if column.dtype.kind == "b":
        return TruthValues()
    if column.dtype.kind == "M":
        return Dates("ISO8601")
    counts = Counter(_sample(column))
    if not counts:
        return Labels()
    if all(text.lower() in TRUTH for text in counts):
        return TruthValues()
    least = IDENTITY * counts.total()
    unit, n_numbers = _numbers_in(counts, decimal)
    if n_numbers >= least:
        return Labels() if _are_long_codes(counts) else Numbers(decimal, unit)
    return _recognise_dates(counts, least) or Labels()


def find_decimals(frame, is_fraction):
    """Find the decimal mark of each column of a table, by what can be read with it.

    Parameters
    ----------
    frame : DataFrame
    is_fraction : bool
        Whether "1,234" is a fraction, where no value of the table tells.

    Returns
    -------
    dict of str to str
        "," or "."; that of the other columns where both fit.
    """
    samples = {
        name: Counter(_sample(frame[name])) for name in frame if frame[name].dtype.kind == "O"
    }
    found = {}
    for name, counts in samples.items():
        point, comma = (_numbers_in(counts, mark)[1] for mark in ".,")
        if point != comma:
            found[name] = "." if point > comma else ","
    votes = Counter(found.values()).most_common(1)
    for name in frame.columns.difference(list(found)):
        marks = {mark for text in samples.get(name, ()) for mark in ".," if mark in text}
        common = votes[0][0] if votes else "," if is_fraction and "," in marks else "."
        found[name] = common if marks else "."
    return found


def is_missing(text):
    """Whether a text stands for a gap."""
    return text.lower() in MISSING


def is_empty(column):
    """Whether a column holds gaps only."""
    parts = (column[:SAMPLE_VALUES], column[SAMPLE_VALUES:])  # most columns need no second look
    return all(all(map(is_missing, as_text(part))) for part in parts)


@lru_cache(10_000)
def sort_of(text):
    """Tell a "number" in either notation, a "date" and a "word" apart."""
    if any(_number_pattern(mark).match(text) for mark in ".,"):
        return "number"
    return "date" if _guess_format(text) else "word"


def _sample(column):
    """Texts of a column that are no gaps; of a long one, evenly spaced ones."""
    texts = as_text(column[:: max(1, len(column) // SAMPLE_VALUES)])
    return [text for text in texts if not is_missing(text)]


@cache
def _number_pattern(decimal):
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


def _unit(match):
    return match["before"] or match["after"] or ""


def _not_finite(text):
    """Infinity where the text says so, else nan."""
    try:
        return float(text) if re.fullmatch(r"[-+]?inf(inity)?", text.lower()) else np.nan
    except ValueError:
        return np.nan


def _units_in(counts, decimal):
    """How many texts are numbers in each unit; "" for none."""
    units = Counter()
    for text, n in counts.items():
        if match := _number_pattern(decimal).match(text):
            units[_unit(match)] += n
        elif not np.isnan(_not_finite(text)):
            units[""] += n
    return units


def _numbers_in(counts, decimal):
    """The unit of most numbers among texts, and how many are numbers in it or in none."""
    units = _units_in(counts, decimal)
    n_plain = units.pop("", 0)
    unit, n_with_unit = units.most_common(1)[0] if units else ("", 0)
    return unit, n_plain + n_with_unit


def _are_long_codes(counts):
    """Whether whole numbers are too long for a float to tell them apart."""
    long = {text for text in counts if text.isdigit() and int(text) > 2**53}
    return len({float(text) for text in long}) < len(long)


def _recognise_dates(counts, least):
    """The format that reads most texts, month before day where both orders fit."""
    import pandas as pd

    texts = pd.Series(list(counts.elements()), dtype=object)
    with_digits = [text for text in counts if any(map(str.isdigit, text))]
    if sum(counts[text] for text in with_digits) < least:
        return None
    with_digits = with_digits[:SAMPLE_DATES]
    guessed = {form for text in with_digits if (form := _guess_format(text))}
    if not guessed and not any(re.match(r"\d+\D\d+\D\d\d", text) for text in with_digits):
        return None
    formats = []
    for form in [*sorted(guessed), *MORE_FORMATS]:
        orders = [form, _swapped(form)]
        formats += reversed(orders) if "." in form[:5] else orders
    n_read = {form: Dates(form).read(texts).notna().sum() for form in dict.fromkeys(formats)}
    best = max(n_read, key=n_read.get)
    if n_read[best] < least:
        return None
    other = _swapped(best)
    return Dates(best, other != best and n_read[other] == n_read[best])


def _swapped(form):
    """The format with day and month in each other's place."""
    return form.translate(str.maketrans("dm", "md")) if re.match(r"%[dm]\W%[dm]", form) else form


@lru_cache(10_000)
def _guess_format(text):
    """Format of a date that skrub finds in a text; None for other texts."""
    if not re.search(r"\d.*\d", text) or len(text) > 40:
        return None
    import pandas as pd
    from skrub import ToDatetime
    from skrub.core import RejectColumn

    try:
        return ToDatetime().fit(pd.Series([text], name="text")).format_
    except RejectColumn:
        return None
