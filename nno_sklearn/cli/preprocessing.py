"""Tables of numbers, labels, texts and dates to a matrix that linear models can use.

skrub encodes dates and columns of many labels. Its TableVectorizer is not used for the rest: it
returns dense float32, which rounds time stamps by two minutes and does not suit tf-idf columns.
"""

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)

from nno_sklearn.cli.times import DAY, HOUR

MOST_CATEGORIES = 100
LONG_TEXT = 20  # mean number of characters
DAY_KNOTS = 9  # of a periodic spline: one in three hours
WORD_LENGTH = 15  # mean number of characters between spaces; more in languages without spaces


def make_preprocessor(X):
    """Make the transformer for a data set: scaled numbers, one-hot labels, tf-idf, parts of dates
    and times.

    Parameters
    ----------
    X : DataFrame (of float64, datetime64, timedelta64 and objects), ndarray or sparse matrix

    Returns
    -------
    Transformer
        Not fitted; only its layout depends on X.
    """
    if sparse.issparse(X):
        return MaxAbsScaler()
    if isinstance(X, np.ndarray):
        return _numbers() if np.isnan(X).any() else StandardScaler()
    names = {kind: [] for kind in ("numbers", "labels", "dates", "times", "text")}
    for name in X.columns:
        names[_kind(X[name])].append(name)
    parts = [
        ("numbers", _numbers(), names["numbers"]),
        ("labels", _labels(), names["labels"]),
        ("elapsed days", _elapsed(), names["dates"]),
    ]
    # skrub and tf-idf take one column at a time.
    parts += [(f"calendar of {name}", _calendar(), name) for name in names["dates"]]
    parts += [(f"time of {name}", _time_of_day(), [name]) for name in names["times"]]
    parts += [(f"text of {name}", _text(X[name]), name) for name in names["text"]]
    return ColumnTransformer([part for part in parts if part[2]])


def _kind(column):
    if column.dtype.kind == "M":
        return "dates"
    if column.dtype.kind == "m":
        return "times"
    if column.dtype.kind == "f":
        return "numbers"
    long = column.str.len().mean() > LONG_TEXT and column.nunique() > MOST_CATEGORIES
    return "text" if long else "labels"


def _numbers():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def _labels():
    # A missing label is a label of its own; infrequent labels share one column.
    return OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES)


def _calendar():
    """Year, and periodic splines of month, day, weekday and hour."""
    from skrub import DatetimeEncoder

    parts = DatetimeEncoder(
        resolution="hour", add_weekday=True, add_total_seconds=False, periodic_encoding="spline"
    )
    return make_pipeline(parts, _numbers())


def _elapsed():
    # skrub's total_seconds are float32, with a resolution of two minutes.
    return make_pipeline(
        FunctionTransformer(_elapsed_days, feature_names_out="one-to-one"), _numbers()
    )


def _elapsed_days(frame):
    """Days since 1970, as floats."""
    return frame.apply(_days)


def _days(dates):
    seconds = dates.to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(float)) / DAY


def _time_of_day():
    """Periodic splines of the hour, minutes and seconds included."""
    knots = np.linspace(0.0, 24.0, DAY_KNOTS)[:, None]
    return make_pipeline(
        FunctionTransformer(_hours, feature_names_out="one-to-one"),
        SimpleImputer(strategy="median"),
        SplineTransformer(knots=knots, extrapolation="periodic"),
        StandardScaler(),
    )


def _hours(frame):
    """Hours since midnight, as floats."""
    return frame.apply(lambda times: times.dt.total_seconds() / HOUR)


def _text(column):
    """tf-idf of words, or of characters in languages without spaces between words."""
    words_per_text = (column.str.count(r"\s") + 1).mean()
    if column.str.len().mean() / words_per_text < WORD_LENGTH:
        vectorizer = TfidfVectorizer(sublinear_tf=True)
    else:
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    fill = FunctionTransformer(_without_gaps, feature_names_out="one-to-one")
    return make_pipeline(fill, vectorizer)


def _without_gaps(column):
    return column.fillna("")
