"""Durations and times of day: what they are read as, what is said, and what models make of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from nno_sklearn.cli.columns import recognise
from nno_sklearn.cli.kinds import Numbers
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.reading import read
from nno_sklearn.cli.times import Durations, TimesOfDay, seconds_in
from tests.cli.commands import N, lines

SECONDS = {
    "7:30": 27000, "07:30:15": 27015, "12:05 AM": 300, "12:05 PM": 43500, "7:30 p.m.": 70200,
    "95:30": 343800, "1:05.250": 65.25, "0:01:05,5": 65.5, "-0:30": -1800,
    "2 days 01:00:00": 176400, "2h 05m": 7500, "1 hour 3 min": 3780, "45s": 45, "PT12M30S": 750,
    "P1DT2H": 93600, "-1 day, 22:30:00": -5400, "-1 days +22:30:00": -5400, "24:00": 86400,
    "90 min": 5400, "1.5h": 5400, "1,5 h": 5400, "PT1.5H": 5400, "2h30": 9000, "14 h 05": 50700,
    "14h": 50400, "1d 3h": 97200, "1 day, 3 hrs.": 97200, "2 weeks": 1209600, "P1W": 604800,
}  # fmt: skip


@pytest.mark.parametrize("text", SECONDS)
def test_seconds(text):
    assert seconds_in(text) == SECONDS[text]


@pytest.mark.parametrize(
    "text",
    ["", "P", "3:2", "7:60", "13:05 PM", "12", "1:2:3", "m", "a 7:30", "2h75", "2h5", "1h05.250"],
)
def test_other_texts_are_no_times(text):
    assert np.isnan(seconds_in(text))


def test_durations_are_numbers_of_seconds(file):
    data = read(
        file("a,y\n" + lines(lambda k: f"{k}:{k % 7}5:00,{k % 9}" if k % 7 < 6 else "n/k,1"))
    )
    assert data.notes[1:] == [
        "column 'a': durations are in seconds, '0:05:00' is 300",
        "column 'a': 8 of 60 values are no durations ('n/k'): taken as missing",
    ]
    expected = [3600 * k + 600 * (k % 7) + 300 if k % 7 < 6 else np.nan for k in range(N)]
    np.testing.assert_array_equal(data.X["a"], expected)


def test_times_of_day_meet_at_midnight(file):
    minutes = [24 * k for k in range(N)]
    values = np.cos(2 * np.pi * np.array(minutes) / 1440)
    rows = lines(lambda k: f"{minutes[k] // 60:02d}:{minutes[k] % 60:02d},{values[k]:.6f}")
    data = read(file("start,y\n" + rows))
    assert data.notes[1:] == ["column 'start' has times of day: '00:00' is 0 s after midnight"]
    model = make_pipeline(make_preprocessor(data.X), LinearRegression()).fit(data.X, data.y)
    assert model.score(data.X, data.y) > 0.999
    ends = data.X.iloc[[0, 1]].assign(start=np.array([0, 86399], "timedelta64[s]"))
    assert np.ptp(model.predict(ends)) < 1e-3


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["00:00", "13:30", "24:00"], TimesOfDay),
        (["01:00", "13:30", "24:30"], Durations),
        (["9h", "14h30", "18h"], TimesOfDay),
        (["2h30", "1h05"], Durations),
        (["90 min", "2 h", "45 min", "1.5h"], Durations),
        (["90 min"] * 9 + ["2h 05m"], Durations),  # most are numbers of minutes
        (["90 min", "45 min"], Numbers),
        (["1 day", "2 days", "5 days"], Durations),
        (["1.5h", "2d"], Durations),
    ],
)
def test_kinds(texts, kind):
    assert isinstance(recognise(pd.Series(texts * 5, dtype=object), "."), kind)


def test_codes_stay_labels(file):
    data = read(file("a,y\n" + lines(lambda k: f"{k % 5}{'dhs'[k % 3]},{k % 2}")))
    assert data.X["a"].dtype.kind == "O"


def test_a_target_is_in_seconds(file):
    data = read(file("a,y\n" + lines(lambda k: f"{k % 5},{k % 24}:30")))
    assert data.notes[1:] == ["the target is in seconds since midnight"]
    np.testing.assert_array_equal(data.y, [3600 * (k % 24) + 1800 for k in range(N)])
