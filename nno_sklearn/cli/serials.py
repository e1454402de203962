"""Dates that are written as numbers: 20240131, days of spreadsheets, seconds since 1970."""

import re
from dataclasses import dataclass

import numpy as np

from nno_sklearn.cli.kinds import Dates, Kind, Numbers

#: Words in the name of a column that holds dates, and of one whose numbers are something else.
DAYS = {"date", "datetime", "datum", "fecha"}
STAMPS = DAYS | {"time", "timestamp", "ts", "epoch", "created", "updated"}
OTHERS = {
    "price", "cost", "amount", "duration", "elapsed", "delay", "spent", "taken", "lag", "age",
    "hours", "minutes", "seconds", "count",
}  # fmt: skip
#: A date without marks, and the numbers from 1900 to 2100 that may be some.
WITHOUT_MARKS, YEARS = "%Y%m%d", (19000101, 21001231)
#: Day 0 of a count in each unit, its name, the words for it, and the numbers from 1970 to 2050, or
#: for stamps from 2000 on: what is far from that is rather a duration.
COUNTS = {
    "D": ("1899-12-30", "days of a spreadsheet", DAYS, 25569, 54789),
    "s": ("1970-01-01", "seconds since 1970", STAMPS, 946.7e6, 2524.6e6),
    "ms": ("1970-01-01", "milliseconds since 1970", STAMPS, 946.7e9, 2524.6e9),
}


def recognise_serials(column, numbers):
    """The kind of a column of numbers that are dates, by its name and values; None for others.

    Parameters
    ----------
    column : Series
    numbers : Numbers
        How its texts are read.
    """
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", str(column.name))}
    if numbers.unit or words & OTHERS or not words & STAMPS:
        return None
    values = numbers.parse(column).dropna()
    if not len(values):
        return None
    for unit, (_, _, known, low, high) in COUNTS.items():
        if words & known and values.between(low, high).all():
            return SerialDates(unit, numbers)
    without_marks, is_whole = Dates(WITHOUT_MARKS), (values % 1 == 0).all()
    if is_whole and values.between(*YEARS).all():
        is_read = without_marks.read(values.astype(np.int64)).notna().all()
        return without_marks if is_read and column.dtype.kind in "Oiu" else None
    return None


@dataclass(frozen=True)
class SerialDates(Kind):
    """Dates as numbers; a target stays a number.

    Parameters
    ----------
    unit : {"D", "s", "ms"}
        What is counted.
    numbers : Numbers
        How texts are read.
    """

    unit: str
    numbers: Numbers
    noun = "date"
    is_measured = True

    def parse(self, column):
        """Values as datetime64, to the second; missing for what is no number."""
        import pandas as pd

        origin, *_ = COUNTS[self.unit]
        dates = pd.to_datetime(
            self.numbers.parse(column), unit=self.unit, origin=origin, errors="coerce"
        )
        return dates.dt.round("s").astype("datetime64[us]")

    def remarks(self, name, column, values):
        """What is counted."""
        _, what, *_ = COUNTS[self.unit]
        first = values.first_valid_index()
        yield f"column '{name}' counts {what}: '{column[first]}' is {values[first]}"

    def finish_target(self, values):
        """Numbers of days or seconds."""
        origin, *_ = COUNTS[self.unit]
        return (values - np.datetime64(origin)) / np.timedelta64(1, self.unit)
