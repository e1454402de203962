"""Kinds of columns that hold durations or times of day, and how their texts become seconds."""

import re
from dataclasses import dataclass

import numpy as np

from nno_sklearn.cli.kinds import Kind
from nno_sklearn.cli.values import as_text

#: "7:30", "07:30:15.2", "7:30 PM", "2 days 07:30:15", and "1:05.250": minutes and seconds.
#: Only the days of "-1 day, 22:30:00" (Python) and "-1 days +22:30:00" (pandas) are negative.
COLONS = re.compile(
    r"(?P<sign>-)?(?:(?P<d>\d+) ?d(?:ays?)?,? \+?)?(?P<first>\d{1,4}):(?P<second>[0-5]\d)"
    r"(?::(?P<third>[0-5]\d))?(?P<fraction>[.,]\d+)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?\Z"
)
#: "14h30" and "14h", which are "14:30" and "14:00".
HOURS = re.compile(r"(?<=\d) ?h ?(\d\d)?\Z", re.IGNORECASE)
#: "2h 05m", "1 hour 3 min.", "1.5 h", "45s", "2 weeks", and "PT12M30S", as in ISO 8601.
LETTERS = re.compile(
    r"(?=[PT\d])P?(?:(?P<w>N) ?w(?:(?:ee)?ks?)?)?,? ?(?:(?P<d>N) ?d(?:ays?)?)?,? ?"
    r"T?(?:(?P<h>N) ?h(?:rs?\.?|ours?)?)?,? ?(?:(?P<m>N) ?m(?:in(?:s?\.?|utes?))?)?,? ?"
    r"(?:(?P<s>N) ?s(?:ec(?:s?\.?|onds?))?)?\Z".replace("N", r"\d+(?:[.,]\d+)?"),
    re.IGNORECASE,
)
#: What is no code of one number and one letter.
CERTAIN = re.compile(r"\d\D+\d|[A-Za-z]{2}")
#: Seconds of a day, of an hour and of a minute.
DAY, HOUR, MINUTE = 86400, 3600, 60
SECONDS = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
#: Hour from which on a column without AM and PM is known to hold times of day.
AFTERNOON = 13


def seconds_in(text):
    """Seconds that a duration or a time of day means; nan for other texts."""
    if match := _colons(text):
        return _by_colons(match)
    match = LETTERS.match(text)
    if match is None or not any(match.groups()):
        return np.nan
    parts = match.groupdict(default="0")
    return sum(SECONDS[unit] * float(part.replace(",", ".")) for unit, part in parts.items())


def _colons(text):
    return COLONS.match(HOURS.sub(lambda match: f":{match[1] or '00'}", text))


def _by_colons(match):
    first, second, third = (int(part or 0) for part in match.group("first", "second", "third"))
    fraction = float((match["fraction"] or "0").replace(",", "."))
    if match["fraction"] and match["third"] is None:
        seconds = MINUTE * first + second + fraction
    elif match["half"]:
        if not 1 <= first <= 12:
            return np.nan
        seconds = HOUR * (first % 12 + 12 * (match["half"] in "Pp")) + MINUTE * second + third
    else:
        seconds = HOUR * first + MINUTE * second + third + fraction
    sign = -1 if match["sign"] else 1
    return sign * seconds if match["d"] is None else seconds + sign * DAY * int(match["d"])


def recognise_times(counts, least):
    """The kind of a column of durations or of times of day; None for others.

    Times of day have AM or PM, or hours of the afternoon and none beyond midnight. Texts of one
    number and one letter alone ("3d") may be codes.

    Parameters
    ----------
    counts : Counter
        Of the column's texts.
    least : float
        How many must be one.
    """
    if least > counts.total():
        return None
    read = {text: seconds for text in counts if not np.isnan(seconds := seconds_in(text))}
    if sum(counts[text] for text in read) < least or not any(map(CERTAIN.search, read)):
        return None
    matches = [match for text in read if (match := _colons(text))]
    if len(matches) < len(read) or any(match["d"] or match["sign"] for match in matches):
        return Durations()
    if any(match["fraction"] and match["third"] is None for match in matches):
        return Durations()
    has_halves = any(match["half"] for match in matches)
    is_of_days = AFTERNOON * HOUR <= max(read.values()) <= DAY
    return TimesOfDay() if has_halves or is_of_days else Durations()


def _seconds(column):
    texts = as_text(column)
    read = {text: seconds_in(text) for text in texts.unique()}
    return texts.map(read).astype(float)


@dataclass(frozen=True)
class Durations(Kind):
    """Lengths of time, as seconds."""

    noun = "duration"
    is_measured = True

    def parse(self, column):
        """Seconds as float64; nan for what is no duration."""
        return _seconds(column)

    def remarks(self, name, column, values):
        """That they are seconds."""
        first = values.first_valid_index()
        yield f"column '{name}': durations are in seconds, '{column[first]}' is {values[first]:g}"

    def target_remarks(self):
        """That it is in seconds."""
        yield "the target is in seconds"


@dataclass(frozen=True)
class TimesOfDay(Kind):
    """Times of day; a target is in seconds since midnight."""

    noun = "time"
    is_measured = True

    def parse(self, column):
        """Values as timedelta64 since midnight; missing for what is no time."""
        import pandas as pd

        return pd.to_timedelta(_seconds(column), unit="s")

    def remarks(self, name, column, values):
        """That they are times of day."""
        first = values.first_valid_index()
        yield (
            f"column '{name}' has times of day: '{column[first]}' is "
            f"{values[first].total_seconds():g} s after midnight"
        )

    def target_remarks(self):
        """That it is in seconds."""
        yield "the target is in seconds since midnight"

    def finish_target(self, values):
        """Seconds since midnight."""
        return values.astype("timedelta64[us]").astype(float) / 1e6
