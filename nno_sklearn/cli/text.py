"""Delimited text to cells: encoding, delimiter, quotes."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

#: Byte order marks; UTF-32 first, as its mark begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Encodings that charset-normalizer may guess.
CODE_PAGES = [
    "cp1250", "cp1251", "koi8_r", "cp1253", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
    "utf_16_le", "utf_16_be",
]  # fmt: skip
DELIMITERS = [",", ";", "\t", "|", " "]
BLANKS = r"\s+"
SAMPLE_BYTES = 200_000  # for the encoding
SAMPLE_LINES = 60  # for the dialect, whose search is slow on long texts
SAMPLE_CHARACTERS = 20_000
SAMPLE_ROWS = 200  # for the titles and the header


@dataclass(frozen=True)
class Layout:
    """How a file is cut into cells.

    Parameters
    ----------
    encoding : str or None
        None is found from the bytes.
    code_page : str or None
        Encoding of bytes that are not UTF-8; None is guessed.
    delimiter : str or None
        None is found from the lines; a regular expression for blanks of any length.
    quotechar : str
        "" where quotes are ordinary characters.
    has_header : bool or None
        Whether there is a line of names; None is found from the cells.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quotechar: str = '"'
    has_header: bool | None = None
    code_page: str | None = None

    def between_tabs(self, data):
        """The layout of tab-separated text, where a single quote is an ordinary character.

        Unless every field is quoted, the header included, as some programs do.
        """
        first = data.lstrip(b"\xef\xbb\xbf\xff\xfe")[:1]
        return replace(self, delimiter="\t", quotechar='"' if first == b'"' else "")

    def without_delimiter(self):
        """The layout of a file whose delimiter is to be found."""
        return replace(self, delimiter=None)

    def with_header(self, has_header):
        """This layout with ``has_header`` set."""
        return replace(self, has_header=has_header)

    def for_another_file(self, other):
        """The values of ``other``, and those of this layout where it has none.

        UTF-8 is detected anew, as another program may have written the file.
        """
        return replace(
            self,
            encoding=other.encoding,
            code_page=self.encoding if self.encoding not in ("utf-8", "utf-8-sig") else None,
            delimiter=other.delimiter or self.delimiter,
        )

    def in_pandas(self):
        """Options with which pandas.read_csv cuts such a file."""
        options = {"sep": self.delimiter} if self.delimiter != "," else {}
        if self.encoding not in ("utf-8", "utf-8-sig"):
            options["encoding"] = self.encoding
        if not self.has_header:
            options["header"] = None
        return options


def decode(data, layout):
    """Decode the bytes of a file.

    Returns
    -------
    text : str
    layout : Layout
        With the encoding.
    notes : list of str
    """
    encoding, notes = layout.encoding or _encoding_of(data) or layout.code_page, []
    if encoding is None:
        encoding = _guess_encoding(data)
        notes.append(f"encoding: {encoding}, guessed (--encoding overrides)")
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise ValueError(f"Python knows no --encoding {encoding}") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"byte {error.start} is not {encoding}; name its --encoding, such as cp1252 or "
            "utf-16, or save it as UTF-8"
        ) from error
    if "\0" in text:
        raise ValueError("it is no text; if it is, name its --encoding")
    return text.removeprefix("\ufeff"), replace(layout, encoding=encoding), notes


def _encoding_of(data):
    """The encoding by the byte order mark, or UTF-8 if the bytes are valid; else None."""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return None if "\0" in data.decode(encoding) else encoding
    except UnicodeDecodeError:
        return None


def _guess_encoding(data):
    """Guess the code page of bytes that are not UTF-8.

    charset-normalizer errs on short texts whose letters are mostly Latin (it takes "größe" for
    Cyrillic, "5 €" for Arabic): single bytes beyond ASCII, or behind an ASCII letter, are cp1252.
    """
    from charset_normalizer import from_bytes

    sample = data[:SAMPLE_BYTES]
    runs = re.findall(rb"([A-Za-z]?)([\x80-\xff]+)", sample)
    n_latin = sum(bool(before) or len(run) == 1 for before, run in runs)
    if 2 * n_latin > len(runs) and b"\0" not in sample:
        return "cp1252"
    best = from_bytes(sample, cp_isolation=CODE_PAGES).best()
    return "cp1252" if best is None else best.encoding


def find_dialect(text, layout):
    """Find the delimiter and the quotes that cut all lines into equally many fields.

    Returns
    -------
    Layout
    """
    from clevercsv.detect import Detector

    if layout.delimiter is not None:
        return layout
    lines = [line for line in text[:SAMPLE_CHARACTERS].splitlines() if line.strip()]
    lines = lines[:SAMPLE_LINES]
    found = Detector().detect("\n".join(lines), delimiters=DELIMITERS)
    delimiter = (found and found.delimiter) or ","
    # A single quote between tabs is an ordinary character.
    quotechar = (found and found.quotechar) or "" if delimiter == "\t" else '"'
    if delimiter in " \t" and _are_aligned_by_blanks(lines, delimiter):
        delimiter, quotechar = BLANKS, '"'
    return replace(layout, delimiter=delimiter, quotechar=quotechar)


def _are_aligned_by_blanks(lines, delimiter):
    """Whether blanks of any length cut all lines into more fields than the delimiter."""
    counts = {len(_fields_between_blanks(line)) for line in lines}
    regular = len({line.count(delimiter) for line in lines}) == 1
    return len(counts) == 1 and (not regular or counts.pop() > lines[0].count(delimiter) + 1)


def _fields_between_blanks(line):
    return re.findall(r'"[^"]*"|\S+', line)


def cut(text, layout):
    """Cut text into cells.

    Returns
    -------
    cells : DataFrame of str
        One row for each line up to the last one with a value, titles and header included, except
        for lines without a delimiter or a letter.
    lengths : list of int
        Numbers of fields of the first lines.
    """
    import pandas as pd

    lengths = _field_counts(text, layout)
    if not lengths:
        raise ValueError("it holds no line of text")
    common = Counter(lengths).most_common(1)[0][0]
    width = max(common, lengths[0])
    try:
        cells = pd.read_csv(
            io.StringIO(text),
            sep=layout.delimiter,
            quoting=csv.QUOTE_MINIMAL if layout.quotechar else csv.QUOTE_NONE,
            quotechar=layout.quotechar or '"',
            header=None,
            names=range(width),
            dtype=object,
            keep_default_na=False,
            skipinitialspace=True,
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error:").strip()
        raise ValueError(f"{reason}; quote what holds a delimiter, or name --sep") from error
    filled = np.flatnonzero((cells != "").any(axis=1))
    return cells[: filled[-1] + 1], lengths


def _field_counts(text, layout):
    """Numbers of fields of the first lines that are not empty."""
    lines = io.StringIO(text, newline="")
    if layout.delimiter == BLANKS:
        rows = (_fields_between_blanks(line) for line in lines)
    else:
        quoting = csv.QUOTE_MINIMAL if layout.quotechar else csv.QUOTE_NONE
        options = {"quoting": quoting, "skipinitialspace": True}
        rows = csv.reader(lines, delimiter=layout.delimiter, **options)
    try:
        filled = (row for row in rows if len(row) > 1 or any(map(str.strip, row)))
        return [len(row) for row in islice(filled, SAMPLE_ROWS)]
    except csv.Error as error:
        raise ValueError(str(error)) from error
