"""Tables of numbers, labels, texts and dates to a matrix that linear models can use."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, OneHotEncoder, StandardScaler

MOST_CATEGORIES = 100
LONG_TEXT = 20  # mean number of characters
WORD_LENGTH = 15  # mean number of characters between spaces; text without spaces has more


def tidy(frame):
    """Give each column of a table read from text the type that its values have.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    frame : DataFrame
        With truth values as 0/1, dates as datetime64, and no column without values.
    day_first : list of str
        Columns of dates that write the day before the month.
    notes : list of str
        What was dropped.
    """
    empty = [name for name in frame.columns if frame[name].isna().all()]
    notes = [f"dropped columns without any value: {', '.join(empty)}"] if empty else []
    frame, day_first = frame.drop(columns=empty), []
    for name in [name for name in frame.columns if _is_text(frame[name])]:
        if frame[name].dropna().map(lambda value: isinstance(value, bool)).all():
            frame[name] = frame[name].astype("boolean")
        elif (dates := _dates(frame[name])) is not None:
            frame[name], is_day_first = dates
            day_first += [name] * is_day_first
    return frame, day_first, notes


def make_preprocessor(X, day_first=()):
    """Make the transformer for a data set: scaled numbers, one-hot labels, tf-idf, dates.

    Parameters
    ----------
    X : DataFrame (see :func:`tidy`), ndarray or sparse matrix
    day_first : sequence of str
        Columns of dates that write the day before the month, for tables to come whose dates
        are still text.

    Returns
    -------
    Transformer
        Not fitted; only its layout depends on X.
    """
    if sparse.issparse(X):
        return MaxAbsScaler()
    if isinstance(X, np.ndarray):
        return _numbers() if np.isnan(X).any() else StandardScaler()
    kinds = {name: _kind(X[name]) for name in X.columns}
    transformers = {
        "numbers": _numbers(),
        "truth values": _truth_values(),
        "labels": _labels(),
        "dates": _date_parts(day_first),
    }
    parts = [
        (kind, transformer, [name for name in X.columns if kinds[name] == kind])
        for kind, transformer in transformers.items()
    ]
    texts = [(f"text {name}", _text(X[name]), name) for name in X.columns if kinds[name] == "text"]
    return ColumnTransformer([part for part in parts if part[2]] + texts)


def _dates(column):
    """Parse text to dates, month first if possible, and say whether it is day first.

    None if it holds anything else.
    """
    import pandas as pd

    for day_first in (False, True):
        with warnings.catch_warnings():
            # pandas warns where no one format fits, and guesses value by value.
            warnings.simplefilter("error", UserWarning)
            try:
                return pd.to_datetime(column, utc=True, dayfirst=day_first), day_first
            except (ValueError, UserWarning):
                continue
    return None


def _is_text(column):
    return column.dtype.kind == "O"


def _kind(column):
    if column.dtype.kind == "b":
        return "truth values"
    if column.dtype.kind == "M":
        return "dates"
    if not _is_text(column):
        return "numbers"
    long = column.str.len().mean() > LONG_TEXT and column.nunique() > MOST_CATEGORIES
    return "text" if long else "labels"


def _numbers():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def _truth_values():
    return make_pipeline(
        FunctionTransformer(_as_floats, feature_names_out="one-to-one"),
        SimpleImputer(strategy="most_frequent"),
    )


def _labels():
    # A missing label is a label of its own; those beyond the commonest share one column.
    return OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES)


def _date_parts(day_first):
    calendar = FunctionTransformer(
        _calendar, feature_names_out=_calendar_names, kw_args={"day_first": day_first}
    )
    return make_pipeline(calendar, _numbers())


def _text(column):
    """tf-idf of words, or of characters in languages that put no spaces between words."""
    words_per_text = (column.str.count(r"\s") + 1).mean()
    if column.str.len().mean() / words_per_text < WORD_LENGTH:
        vectorizer = TfidfVectorizer(sublinear_tf=True)
    else:
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(FunctionTransformer(_without_gaps), vectorizer)


def _as_floats(frame):
    return frame.astype(float)


def _without_gaps(column):
    return column.fillna("")


def _calendar(frame, day_first):
    """Year, month, day, weekday, hour and elapsed days of each date column."""
    import pandas as pd

    columns = {}
    for name in frame.columns:
        dates = pd.to_datetime(frame[name], utc=True, dayfirst=name in day_first)
        for part in ("year", "month", "day", "day_of_week", "hour"):
            columns[f"{name} {part}"] = getattr(dates.dt, part)
        elapsed = dates - pd.Timestamp(0, tz="UTC")
        columns[f"{name} elapsed days"] = elapsed / pd.Timedelta(days=1)
    return pd.DataFrame(columns, dtype=float)


def _calendar_names(_, names):
    parts = ("year", "month", "day", "day_of_week", "hour", "elapsed days")
    return [f"{name} {part}" for name in names for part in parts]
