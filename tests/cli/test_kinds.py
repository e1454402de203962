"""Kinds of columns: numbers with marks and units, dates, and what is said of stray values."""

import numpy as np
import pandas as pd
import pytest

from nno_sklearn.cli.choice import Choice
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.reading import read
from tests.cli.commands import N, lines

#: Values of a column, one of which is odd, and what is read.
NUMBERS = {
    "decimal comma": (["0,5", "1,25", "-3,125"], [0.5, 1.25, -3.125]),
    "decimal comma and point": (["1.234,5", "0,5", "1.000.000"], [1234.5, 0.5, 1e6]),
    "thousands": (["1,234", "12,345,678", "5"], [1234, 12345678, 5]),
    "thousands and fraction": (["1,234.5", "2.25", "3"], [1234.5, 2.25, 3]),
    "blank": (["1 234", "1\u00a0234\u00a0567", "2"], [1234, 1234567, 2]),
    "apostrophe": (["1'234.5", "2’000", "2"], [1234.5, 2000, 2]),
    "unit": (["12 kg", "3kg", "4.5 kg"], [12, 3, 4.5]),
    "unit at some": (["12 kg", "3", "4"], [12, 3, 4]),
    "rate": (["12 km/h", "3 km/h", "4 km/h"], [12, 3, 4]),
    "percent": (["5 %", "7%", "0.5 %"], [5, 7, 0.5]),
    "euro before": (["€ 3", "€4.5", "-€5"], [3, 4.5, -5]),
    "euro behind, comma": (["3,50 €", "1.200,25 €", "4 €"], [3.5, 1200.25, 4]),
    "code of a currency": (["USD 3", "USD 1,500", "USD 2"], [3, 1500, 2]),
    "degrees": (["20 °C", "-3 °C", "4 °C"], [20, -3, 4]),
    "accounts": (["(12.5)", "3", "4"], [-12.5, 3, 4]),
    "minus sign": (["−3", "4", "5.5"], [-3, 4, 5.5]),
    "exponent": (["1e3", "2.5E-2", "3"], [1000, 0.025, 3]),
    "beyond 64 bits": ([str(10**24), "-5", str(2**64)], [1e24, -5, 2.0**64]),
    "Indian": (["₹1,23,456", "₹12,34,567.5", "₹5"], [123456, 1234567.5, 5]),
    "real": (["R$ 1.234,50", "R$ 0,25", "R$ 3,00"], [1234.5, 0.25, 3]),
    "thin blank": (["1\u2009234", "1\u2009234\u2009567", "2"], [1234, 1234567, 2]),
    "wide digits": (["１２．５", "−３", "４"], [12.5, -3, 4]),
    "Arabic digits": (["٣٫٥", "٤", "١٬٢٣٤٫٥"], [3.5, 4, 1234.5]),
    "uncertain": (["1.5 ± 0.1", "-2.25±.2", "3 +/- 1 kg"], [1.5, -2.25, 3]),
    "words for truth": (["Yes", "no", "TRUE", "N"], [1, 0, 1, 0]),
    "truth values": (["TRUE", "False", "true"], [1, 0, 1]),
}


class TestNumbers:
    @pytest.mark.parametrize("kind", NUMBERS)
    def test_marks_and_units(self, file, kind):
        texts, expected = NUMBERS[kind]
        path = file("a\ty\n" + "\n".join(f"{text}\t{k % 2}" for k, text in enumerate(texts)))
        data = read(path)
        assert data.X["a"].dtype == "float64"
        np.testing.assert_allclose(data.X["a"], expected)

    def test_are_read_alike_in_a_target(self, file):
        path = file("a;y\n" + lines(lambda k: f"{k % 7},5;€ {k % 9 + 1}.000,25"))
        data = read(path)
        assert data.notes[1:] == ["decimal comma in 'a', 'y'"]
        np.testing.assert_allclose(data.y, [k % 9 * 1000 + 1000.25 for k in range(N)])

    @pytest.mark.parametrize("token", ["?", "-", "n/k", "<0.1", "#DIV/0!", "NA", "unknown"])
    def test_stray_tokens_are_gaps(self, file, token):
        path = file("a,y\n" + lines(lambda k: f"{token if k == 7 else k % 5},{k % 2}"))
        data = read(path)
        expected = [np.nan if k == 7 else k % 5 for k in range(N)]
        np.testing.assert_array_equal(data.X["a"], expected)
        assert data.notes[1:] == [
            f"column 'a': 1 of 60 values is no number ('{token}'): taken as missing"
        ]

    def test_gaps_of_many_columns_are_one_note(self, file):
        path = file("a,b,c,d,e,f,y\n" + lines(lambda k: "?,1,?,2,?,3,1" if k == 5 else
                                              f"1,?,2,?,3,?,{k % 2}" if k == 6 else
                                              f"{k % 3},{k % 4},5,3,1,2,{k % 2}"))  # fmt: skip
        assert read(path).notes[1:] == [
            "columns 'a', 'b', 'c', 'd' …: 6 values are no numbers or dates ('?'): taken as missing"
        ]

    @pytest.mark.parametrize(
        "words", [["20-29", "30-39", "40+"], ["A1", "B2", "C3"], ["m1", "m2", "m3"],
                  ["1:3", "2:4", "3:1"], ["1.2.3", "1.2.4", "2.0.0"]],
    )  # fmt: skip
    def test_labels_with_digits_stay_labels(self, file, words):
        path = file("a,y\n" + lines(lambda k: f"{words[k % 3]},{k % 2}"))
        data = read(path)
        assert list(data.X["a"][:3]) == words
        assert len(data.notes) == 1

    def test_several_units_are_no_numbers(self, file):
        path = file("a,y\n" + lines(lambda k: f"{k % 5} {'kg' if k % 2 else 'g'},{k % 2}"))
        data = read(path)
        assert data.X["a"][0] == "0 g"
        assert data.notes[1:] == [
            "column 'a' is taken for labels: its numbers have several units (g, kg)"
        ]

    def test_too_few_numbers_are_labels(self, file):
        path = file("a,y\n" + lines(lambda k: f"{'high' if k % 3 == 0 else k % 7},{k % 2}"))
        note = "column 'a' is taken for labels: only 40 of 60 values are numbers"
        assert read(path).notes[1:] == [note]

    def test_long_codes_are_not_rounded(self, file):
        path = file("code,y\n" + lines(lambda k: f"{2**63 + k // 20},{k % 2}"))
        data = read(path)
        assert data.X["code"].nunique() == 3
        assert "its long whole numbers would be rounded" in data.notes[1]

    def test_ambiguous_marks_follow_the_file(self, file):
        rows = lines(lambda k: f"1.{k:03d};{k},5;{k % 2}")
        np.testing.assert_allclose(read(file("a;b;y\n" + rows)).X["a"][:2], [1000, 1001])
        rows = rows.replace(",5", ".5")
        np.testing.assert_allclose(read(file("a;b;y\n" + rows)).X["a"][:2], [1, 1.001])

    @pytest.mark.parametrize("word", ["inf", "1e400", "Infinity", "-inf"])
    def test_infinity_is_found(self, file, complain, word):
        path = file("a,b,y\n" + lines(lambda k: f"{word if k == 30 else k % 7},{k % 5},{k % 2}"))
        said = complain(path)
        assert f"d.csv: column 'a' has an infinite value ('{word}') in row 31; --na-values" in said
        assert np.isnan(read(path, choice=Choice(na_values=(word,))).X["a"][30])

    def test_infinite_targets_are_dropped(self, file):
        data = read(file("a,y\n" + lines(lambda k: f"{k % 7},{'inf' if k == 30 else k / 7}")))
        assert len(data.y) == 59
        assert data.notes[-1] == "dropped row 31, which is without a target ('inf')"


class TestDates:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [(["2024-02-01", "2024-03-13"], ["2024-02-01", "2024-03-13"]),
         (["2024-02-01T12:00Z", "2024-02-01T18:00+02:00"], ["2024-02-01T12", "2024-02-01T16"]),
         (["2024-02-01", "2024-02-01 18:00"], ["2024-02-01", "2024-02-01T18"]),
         (["02/01/2024", "03/13/2024"], ["2024-02-01", "2024-03-13"]),
         (["02/01/2024", "13/01/2024"], ["2024-01-02", "2024-01-13"]),
         (["02.01.2024", "03.01.2024"], ["2024-01-02", "2024-01-03"]),
         (["13-01-2024 06:30", "02-01-2024 07:00"], ["2024-01-13T06:30", "2024-01-02T07"]),
         (["1 Feb 2024", "2 Feb 2024"], ["2024-02-01", "2024-02-02"]),
         (["02/13/2024 01:30 PM", "02/01/2024 12:00 AM"], ["2024-02-13T13:30", "2024-02-01"]),
         (["13.02.24", "01.02.24"], ["2024-02-13", "2024-02-01"]),
         (["2024年2月1日", "2024年12月13日"], ["2024-02-01", "2024-12-13"]),
         (["2024-02-01", "13/02/2024", "3 Feb 2024"], ["2024-02-01", "2024-02-13", "2024-02-03"])],
    )  # fmt: skip
    def test_formats(self, file, written, expected):
        data = read(file("when,y\n" + "\n".join(f"{text},{k}" for k, text in enumerate(written))))
        assert list(data.X["when"]) == [pd.Timestamp(text) for text in expected]

    @pytest.mark.parametrize(
        ("name", "written", "expected"),
        [("order date", ["44811", "44812.5"], ["2022-09-07", "2022-09-08T12"]),
         ("ts_ms", ["1615848257000", "1615852800000"], ["2021-03-15T22:44:17", "2021-03-16"]),
         ("createdTime", ["1615848257", "1615852800"], ["2021-03-15T22:44:17", "2021-03-16"]),
         ("Date", ["20210304", "20211231"], ["2021-03-04", "2021-12-31"])],
    )  # fmt: skip
    def test_numbers_by_the_name_of_the_column(self, file, name, written, expected):
        rows = "\n".join(f"{text},{text}" for text in written)
        data = read(file(f"{name},size\n{rows}"))
        assert list(data.X[name]) == [pd.Timestamp(text) for text in expected]
        np.testing.assert_array_equal(data.y, [float(text) for text in written])
        assert read(file(f"size,y\n{rows}")).X["size"].dtype == "float64"
        as_target = read(file(f"size,{name}\n{rows}"))
        assert as_target.y.dtype.kind in "if" or name == "Date"

    @pytest.mark.parametrize(
        ("name", "first"), [("time", 26000), ("date_price", 37000), ("time", 158_000_000)]
    )
    def test_durations_and_prices_stay_numbers(self, file, name, first):
        text = f"{name},y\n" + lines(lambda k: f"{first + 700 * k},{k}")
        assert read(file(text)).X[name].dtype == "float64"

    def test_others_stay_numbers(self, file):
        assert read(file("date,y\n" + lines(lambda k: f"{k + 1},{k}"))).X["date"].dtype == "float64"
        text = "date,y\n" + lines(lambda k: f"{20211300 + k},{k}")  # a month 13
        assert read(file(text)).X["date"].dtype == "float64"

    def test_ambiguity_is_told(self, file):
        text = "when,y\n" + lines(lambda k: f"{k % 12 + 1:02d}/{k % 11 + 1:02d}/2020,{k % 2}")
        assert read(file(text)).notes[1:] == [
            "column 'when': dates such as '01/01/2020' are read month first"
        ]
        text = text.replace("/", ".")
        assert "are read day first" in read(file(text)).notes[1]

    def test_far_and_stray_ones(self, file):
        dates = ["1850-01-05", "2020-05-06", "9999-12-31", "2021-05-06", "2020-05-07", "n/k"]
        data = read(file("when,y\n" + lines(lambda k: f"{dates[k % 6]},{k % 2}")))
        assert list(data.X["when"].isna()[:6]) == [False, False, True, False, False, True]
        assert data.notes[1:] == [
            "column 'when': 20 of 60 values are no dates ('9999-12-31', 'n/k'): taken as missing"
        ]

    def test_year_1000(self, file):
        data = read(file("when,y\n" + lines(lambda k: f"{1000 + k}-03-0{k % 9 + 1},{k % 2}")))
        # pandas 2 has dates from 1677 on: labels there, or told to be missing.
        assert data.X["when"].dtype.kind == "M" or data.notes[1:]

    def test_parts_suit_a_linear_model(self, compare, file):
        when = pd.date_range("2012-08-25", periods=600, freq="30h")
        y = 10 * np.sin(2 * np.pi * when.day_of_year / 365.25) + 3 * (when.hour == 12)
        text = pd.DataFrame({"when": when.strftime("%d-%m-%Y %H:%M"), "y": y}).to_csv(index=False)
        code, out, err = compare(file(text), "--solver", "auto", "--cv", "3")
        assert (code, err) == (0, "")
        assert float(out.split("auto")[1].split()[0]) > 0.95

    def test_minutes_are_told_apart(self):
        when = pd.DataFrame({"when": pd.date_range("2024-01-01 12:00:00", periods=9, freq="s")})
        elapsed = make_preprocessor(when).fit_transform(when)[:, 0]
        np.testing.assert_allclose(np.diff(elapsed), np.diff(elapsed)[0], rtol=1e-3)

    def test_words_are_not_dates(self, file):
        words = [["may", "june"], ["A1", "B2"], ["10-20", "20-30"], ["1/2", "3/4"]]
        path = file(
            "a,b,c,d,y\n" + lines(lambda k: ",".join(w[k % 2] for w in words) + f",{k % 2}")
        )
        assert {column.dtype.kind for _, column in read(path).X.items()} == {"O"}


class TestTruthValues:
    def test_several_words_are_told(self, file):
        data = read(file("a,b,y\n" + lines(lambda k: f"{k},{('yes', 'Y', 'no')[k % 3]},{k}.5")))
        told = "column 'b' has several words for true and false: 'no', 'y', 'yes'"
        assert data.notes[-1] == told
        np.testing.assert_array_equal(data.X["b"][:3], [1, 1, 0])

    @pytest.mark.parametrize("words", ["y n", "t f n", "yes no", "Y N"])
    def test_labels_stay_labels(self, file, words):
        words = words.split()
        data = read(file("a,b,y\n" + lines(lambda k: f"{k},{words[k % len(words)]},{k}.5")))
        assert set(data.X["b"]) == set(words)

    def test_a_target_has_two_classes(self, file):
        data = read(file("a,y\n" + lines(lambda k: f"{k},{('Yes', 'yes', 'no', 'No')[k % 4]}")))
        np.testing.assert_array_equal(data.y[:4], [True, True, False, False])


class TestDoubtfulNumbers:
    """What stays a number although it may mean something else is told."""

    def test_a_minus_may_be_behind(self, file):
        path = file("a;y\n" + lines(lambda k: f"{k}.50{'-' * (k % 2)};{k / 7:.3f}"))
        a = read(str(path)).X["a"]
        np.testing.assert_array_equal(a, [(k + 0.5) * (-1) ** k for k in range(N)])

    def test_a_minus_behind_a_grade_is_none(self, file):
        path = file("a;y\n" + lines(lambda k: f"{k % 4 + 1}{'-' * (k % 2)};{k / 7:.3f}"))
        assert set(read(str(path)).X["a"]) == {"1", "2-", "3", "4-"}

    def test_numbers_that_stand_for_missing_ones(self, file):
        path = file(
            "a,age,y\n" + lines(lambda k: f"{-999 if k % 9 == 0 else k % 7},{k + 40},{k / 7:.3f}")
        )
        data = read(str(path))
        told = "column 'a': -999, which 7 of 60 rows have, lies far from the rest; --na-values -999"
        assert [note for note in data.notes if "lies far" in note] == [
            f"{told} takes it for missing"
        ]  # and not 99 among the ages
        taken = read(str(path), choice=Choice(na_values=("-999",)))
        assert taken.X["a"].isna().sum() == 7
        assert not any("lies far" in note for note in taken.notes)

    def test_zeros_in_front(self, file):
        path = file("zip,y\n" + lines(lambda k: f"{k % 9 + 1:05d},{k / 7:.3f}"))
        assert "column 'zip' has numbers with zeros in front: '00001' is 1" in read(str(path)).notes

    def test_times_of_several_zones(self, file):
        zones = ("Z", "+02:00", "-0500")
        path = file(
            "t,y\n"
            + lines(lambda k: f"2024-01-{k % 28 + 1:02d}T10:00:00{zones[k % 3]},{k / 7:.3f}")
        )
        data = read(str(path))
        assert (
            "column 't' has times of several zones ('+02:00', '-0500', 'Z'): all are read as UTC"
        ) in data.notes
        assert list(data.X["t"].dt.hour[:3]) == [10, 8, 15]
