"""The kind of a column of text; skrub guesses the formats of dates."""

import math
import re
from collections import Counter
from functools import lru_cache

from nno_sklearn.cli.kinds import TRUTH, Dates, Labels, MixedDates, Numbers, TruthValues
from nno_sklearn.cli.serials import recognise_serials
from nno_sklearn.cli.times import Durations, recognise_times, seconds_in
from nno_sklearn.cli.values import are_long_codes, number_pattern, sample, units_in

IDENTITY = 0.8  # share of numbers (dates) from which on a column is numeric (of dates)
SAMPLE_DATES = 30  # distinct values that suggest formats of dates
#: Formats that skrub does not guess.
MORE_FORMATS = (
    "ISO8601", "%d.%m.%y", "%m/%d/%y", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d %b %y",
    "%Y年%m月%d日",
)  # fmt: skip
MOST_FORMATS = 4  # of a column of dates


def recognise(column, decimal):
    """Find the kind of a column.

    Parameters
    ----------
    column : Series
        Of text, or of a type of the file format.
    decimal : {".", ","}
        Decimal mark of the file, for columns that can be read with either.

    Returns
    -------
    Kind
    """
    if column.dtype.kind in "iuf":
        return recognise_serials(column, Numbers()) or Numbers()
    if column.dtype.kind == "b":
        return TruthValues()
    if column.dtype.kind == "M":
        return Dates("ISO8601")
    if column.dtype.kind == "m":
        return Durations()
    counts = Counter(sample(column))
    if not counts:
        return Labels()
    if _are_truth_values(counts):
        return TruthValues()
    least = IDENTITY * counts.total()
    unit, n_numbers = _numbers_in(counts, decimal)
    times = recognise_times(counts, max(least, n_numbers + 1))  # "90 min" beside "2 h"
    if times is None and n_numbers >= least:
        if are_long_codes(counts):
            return Labels()
        numbers = Numbers(decimal, unit)
        return recognise_serials(column, numbers) or numbers
    return times or _recognise_dates(counts, least) or Labels()


def _are_truth_values(counts):
    """Whether texts are true and false; yes and no too where there are more than two texts, as else
    they are labels."""
    words = {text.lower() for text in counts}
    are_plain, are_several = words <= {"true", "false"}, len(counts) > 2 and words <= TRUTH.keys()
    return are_plain or (are_several and any(len(word) > 1 for word in words))


def find_decimals(frame, is_fraction):
    """Find the decimal mark of each column of a table, by the values that it reads.

    Parameters
    ----------
    frame : DataFrame
    is_fraction : bool
        Whether "1,234" is a fraction, where the table leaves it open.

    Returns
    -------
    dict of str to str
        "," or "."; where both fit, that of the other columns.
    """
    samples = {
        name: Counter(sample(frame[name])) for name in frame if frame[name].dtype.kind == "O"
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


@lru_cache(10_000)
def sort_of(text):
    """Whether a text is a "number" in either notation, a "time", a "date" or a "word"."""
    if any(number_pattern(mark).match(text) for mark in ".,"):
        return "number"
    if not math.isnan(seconds_in(text)):
        return "time"
    return "date" if _guess_format(text) else "word"


def _numbers_in(counts, decimal):
    """The most frequent unit of numbers, and how many texts are numbers in it or without unit."""
    units = units_in(counts, decimal)
    n_plain = units.pop("", 0)
    unit, n_with_unit = units.most_common(1)[0] if units else ("", 0)
    return unit, n_plain + n_with_unit


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
    reads = {form: Dates(form).read(texts).notna() for form in dict.fromkeys(formats)}
    styles, left = [], ~texts.isna()
    while left.sum() > len(texts) - least and len(styles) < MOST_FORMATS:
        best = max(reads, key=lambda form: (reads[form] & left).sum())
        if not (reads[best] & left).any():
            return None
        other = _swapped(best)
        is_ambiguous = other != best and (reads[other] | ~left).equals(reads[best] | ~left)
        styles.append(Dates(best, is_ambiguous))
        left &= ~reads[best]
        del reads[best]
        reads.pop(other, None)
    if left.sum() > len(texts) - least:
        return None
    return styles[0] if len(styles) == 1 else MixedDates(tuple(styles))


def _swapped(form):
    """The format with day and month swapped."""
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
