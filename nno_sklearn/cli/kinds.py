"""Kinds of columns: how their texts become numbers, truth values, dates or labels."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from nno_sklearn.cli.errors import quoted
from nno_sklearn.cli.values import (
    are_long_codes,
    as_text,
    not_finite,
    number_pattern,
    sample,
    unit_of,
    units_in,
)

FEW_ROWS = 20  # up to which all codes may differ by chance
TRUTH = {
    "true": 1.0, "yes": 1.0, "t": 1.0, "y": 1.0, "1": 1.0,
    "false": 0.0, "no": 0.0, "f": 0.0, "n": 0.0, "0": 0.0,
}  # fmt: skip
#: Years that pandas 2 does not read: before 1677 or after 2262.
FAR_YEAR = r"(?<!\d)(?:0\d{3}|1[0-6]\d\d|[3-9]\d{3}|2[2-9]\d\d)(?!\d)"
PLACEHOLDER_YEAR = 9999  # means "never"
#: A number with zeros in front, such as a postal code.
CODE = re.compile(r"0\d{2,}")
#: Numbers that often stand for missing values.
NINES = [sign * (10.0**n - 1) for n in range(2, 8) for sign in (-1, 1)]
#: A time with its distance from UTC.
ZONE = re.compile(r"\d:\d\d\S*\s?(Z|[-+]\d\d:?(\d\d)?)$")


class Kind:
    """The kind of a column's values; the methods here are the defaults.

    A kind has a ``noun``, in the singular, for notes, and a method ``parse`` that takes a column
    and returns its values, missing where they cannot be read.
    """

    is_measured = False  # whether values are numbers, also in a target

    def remarks(self, name, column, values):
        """Notes on how the texts of a column were parsed."""
        return ()

    def useless(self, values, is_key):
        """The reason why a column is useless; None for most.

        Parameters
        ----------
        values : Series
            Parsed and distinct.
        is_key : bool
            Whether its name suggests that it identifies rows.
        """
        return None

    def target_remarks(self):
        """Notes on the unit of a target."""
        return ()

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
        What may be next to the number, such as "kg", "%" or "€".
    """

    decimal: str = "."
    unit: str = ""
    noun = "number"
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
        match = number_pattern(self.decimal).match(text)
        if match is None or unit_of(match) not in ("", self.unit):
            return not_finite(text)
        whole = re.sub(rf"[^\d{self.decimal}]", "", match["number"]).replace(",", ".")
        negative = match["open"] or match["behind"] or match["sign"] in ("-", "−")
        return float(f"{'-' if negative else ''}{whole}{match['exponent'] or ''}")

    def remarks(self, name, column, values):
        """The unit, thousands marks, and a column that counts the rows."""
        if self.unit:
            yield f"column '{name}': the unit '{self.unit}' is left out"
        matches = map(number_pattern(self.decimal).match, sample(column))
        marked = next((match[0] for match in matches if match and match["mark"]), None)
        if marked:
            yield f"column '{name}' has thousands marks: '{marked}' is {self._read(marked):.15g}"
        if any("±" in text or "+/-" in text for text in sample(column)):
            yield f"column '{name}': what follows ± is left out"
        if len(values) > 2 and (values.diff()[1:] == 1).all():
            yield f"column '{name}' counts the rows; --drop {shlex.quote(name)} leaves it out"
        padded = next((text for text in sample(column) if CODE.fullmatch(text)), None)
        if padded:
            yield f"column '{name}' has numbers with zeros in front: '{padded}' is {int(padded)}"
        for number, n in _stand_ins(values):
            yield (
                f"column '{name}': {number:g}, which {n} of {len(values)} rows have, lies far from "
                f"the rest; --na-values {number:g} takes it for missing"
            )

    def useless(self, values, is_key):
        """Distinct integers, if the name is that of a key."""
        return "looks like a row number" if is_key and (values % 1 == 0).all() else None

    def finish_target(self, values):
        """Integers if all values are."""
        is_whole = np.all(values % 1 == 0) and np.all(np.abs(values) < 2**53)
        return values.astype(np.int64) if is_whole else values


def _stand_ins(values):
    """Numbers such as -999 that may stand for missing values, and how many rows have them: all
    their digits are 9, they repeat, and the others are nearer to each other than to them."""
    counts = values.value_counts()
    for number in sorted(set(counts.index) & set(NINES)):
        others = counts.index[~np.isin(counts.index, NINES)]
        if counts[number] > 1 and len(others) > 1:
            low, high = others.min(), others.max()
            if max(low - number, number - high) > high - low:
                yield number, counts[number]


@dataclass(frozen=True)
class TruthValues(Kind):
    """The words true and false, or these and others such as yes and no, as 1 and 0."""

    noun = "truth value"
    is_measured = True

    def parse(self, column):
        """Values as float64; nan for other words."""
        if column.dtype.kind in "biuf":
            return Numbers().parse(column)
        return as_text(column).str.lower().map(TRUTH).astype(float)

    def remarks(self, name, column, values):
        """That there are several words for the same."""
        if len(words := {text.lower() for text in sample(column)}) > len(set(TRUTH.values())):
            listed = quoted(sorted(words), 4)
            yield f"column '{name}' has several words for true and false: {listed}"

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
        Whether day and month could be swapped in all values.
    """

    format: str
    is_ambiguous: bool = False
    noun = "date"

    def parse(self, column):
        """Values as datetime64 in UTC, without a zone; missing for "never" and invalid dates."""
        dates = self.read(column)
        return dates.where(dates.dt.year < PLACEHOLDER_YEAR)

    def read(self, column):
        """Values as ``parse`` gives them, also those that stand for "never"."""
        import pandas as pd

        texts = as_text(column)
        given = column if column.dtype.kind == "M" else texts
        dates = pd.to_datetime(given, format=self.format, errors="coerce", utc=True)
        dates = dates.dt.tz_localize(None).astype("datetime64[us]")
        values = dates.to_numpy().copy()
        far = (dates.isna() & texts.str.contains(FAR_YEAR)).to_numpy()
        values[far] = [self._read_far(text) for text in texts[far]]
        return pd.Series(values, column.index, name=column.name)

    def _read_far(self, text):
        try:
            if self.format == "ISO8601":
                date = datetime.fromisoformat(text)
            else:
                date = datetime.strptime(text, self.format)
            in_utc = date.astimezone(UTC) if date.tzinfo else date
            return np.datetime64(in_utc.replace(tzinfo=None), "us")
        except (ValueError, OverflowError):  # no date, or one outside the years 1 to 9999
            return np.datetime64("NaT")

    def remarks(self, name, column, values):
        """How an ambiguous date is read."""
        if self.is_ambiguous:
            order = "day" if self.format.index("%d") < self.format.index("%m") else "month"
            example = column[values.notna()].iloc[0]
            yield f"column '{name}': dates such as '{example}' are read {order} first"
        zones = {match[1] for text in sample(column) if (match := ZONE.search(text))}
        if len(zones) > 1:
            listed = quoted(sorted(zones), 4)
            yield f"column '{name}' has times of several zones ({listed}): all are read as UTC"


@dataclass(frozen=True)
class MixedDates(Kind):
    """Dates in several formats.

    Parameters
    ----------
    styles : tuple of Dates
        The first that reads a text is right.
    """

    styles: tuple
    noun = "date"

    def parse(self, column):
        """Values as datetime64, as those of :class:`Dates`."""
        first, *others = (style.parse(column) for style in self.styles)
        for values in others:
            first = first.fillna(values)
        return first

    def remarks(self, name, column, values):
        """How many formats there are, and how ambiguous ones are read."""
        yield f"column '{name}' has dates in {len(self.styles)} formats"
        for style in self.styles:
            yield from style.remarks(name, column, style.parse(column))


@dataclass(frozen=True)
class Labels(Kind):
    """Words; only an empty cell is missing."""

    noun = "label"

    def parse(self, column):
        """Texts as objects; None for an empty cell."""
        texts = as_text(column).astype(object)
        return texts.where(texts != "", None)

    def remarks(self, name, column, values):
        """Why labels that look like numbers are not parsed as such."""
        counts = Counter(sample(column))
        units = units_in(counts, ".")
        n_numbers, told = units.total(), f"column '{name}' is taken for labels: "
        if n_numbers <= counts.total() / 2:
            return
        if are_long_codes(counts):
            yield f"{told}as floats, its long whole numbers would be rounded"
        elif len(units.keys() - {""}) > 1:
            yield f"{told}its numbers have several units ({', '.join(sorted(units))})"
        else:
            yield f"{told}only {n_numbers} of {counts.total()} values are numbers"

    def useless(self, values, is_key):
        """Distinct codes."""
        are_codes = len(values) > FEW_ROWS and values.str.fullmatch(r"[!-~]+").all()
        return "differs in every row" if are_codes or is_key else None
