"""Files to tables and matrices: what is read, and what is said of it."""

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest
from _cli import complaint_of, mixed_table, runner
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from nno_sklearn.cli.choice import Choice
from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.preprocessing import make_preprocessor
from nno_sklearn.cli.reading import read
from nno_sklearn.cli.text import Layout

N = 60


@pytest.fixture
def table():
    return mixed_table()


@pytest.fixture
def compare(capsys):
    return runner("compare", capsys)


@pytest.fixture
def complain(compare):
    return complaint_of(compare)


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and returns its path."""

    def write(content, name="d.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def lines(row, n=N):
    """Text of n lines, made of their numbers."""
    return "\n".join(map(row, range(n)))


class TestReading:
    @pytest.mark.parametrize(
        "name", ["d.csv", "d.tsv", "d.txt", "d.csv.gz", "d.tsv.bz2", "d.csv.xz", "d.csv.zip"]
    )
    @pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
    def test_delimited(self, tmp_path, table, name, separator):
        separator = "\t" if ".tsv" in name else separator
        table = table[["size", "colour", "label"]]
        table.to_csv(tmp_path / name, sep=separator, index=False)
        data = read(tmp_path / name)
        assert (data.name, data.target) == (name, "label")
        assert data.notes == ["target: the last column, 'label'"]
        np.testing.assert_allclose(data.X["size"], table["size"])
        assert list(data.y) == list(table["label"])

    @pytest.mark.parametrize("extension", ["", ".gz", ".bz2", ".xz"])
    @pytest.mark.parametrize("kind", [".svm", ".svmlight", ".libsvm"])
    def test_svmlight(self, tmp_path, kind, extension):
        X = np.array([[0.0, 1.5], [2.0, 0.0], [0.0, 3.0]])
        opener = {"": open, ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[extension]
        with opener(tmp_path / f"d{kind}{extension}", "wb") as file:
            dump_svmlight_file(X, [1, -1, 1], file)
        data = read(tmp_path / f"d{kind}{extension}")
        assert sparse.issparse(data.X)
        np.testing.assert_array_equal(data.X.toarray(), X)
        np.testing.assert_array_equal(data.y, [1, -1, 1])

    @pytest.mark.parametrize(
        ("given", "used"),
        [("uint8", "float32"), ("float16", "float32"), ("bool", "float32"),
         ("float32", "float32"), ("int64", "float64"), ("float64", "float64")],
    )  # fmt: skip
    def test_npz(self, tmp_path, given, used):
        X = np.eye(3, dtype=given)
        np.savez(tmp_path / "d.npz", X=X, y=np.array([["a"], ["b"], ["a"]]))
        data = read(tmp_path / "d.npz")
        assert data.X.dtype == used
        np.testing.assert_array_equal(data.X, np.eye(3))
        assert list(data.y) == ["a", "b", "a"]

    @pytest.mark.parametrize("first", ["1,2,3", "9,2,a long remark", "7.5,8.5,blue"])
    def test_without_a_header(self, tmp_path, first):
        (tmp_path / "d.csv").write_text(f"{first}\n4,5,red\n9,7,blue\n")
        data = read(tmp_path / "d.csv", target="0")
        assert list(data.X.columns) == ["1", "2"]
        assert list(data.y) == [float(first.split(",")[0]), 4, 9]
        assert data.notes == ["no header line: the columns are called 0 to 2"]

    @pytest.mark.parametrize("names", ["2019,2020,y", "0,1,2", "y,0,1"])
    def test_numbers_may_be_names(self, tmp_path, names):
        (tmp_path / "d.csv").write_text(f"{names}\n0,1,3\n4,0,1\n")
        data = read(tmp_path / "d.csv")
        assert [*data.X.columns, data.target] == names.split(",")
        assert len(data.y) == 2

    def test_lone_quotes_in_tsv(self, tmp_path):
        (tmp_path / "d.tsv").write_text('label\ttext\nham\t"well\nspam\tnow\nham\tquoted" end\n')
        assert list(read(tmp_path / "d.tsv", "label").X["text"]) == ['"well', "now", 'quoted" end']

    def test_quoted_tsv(self, tmp_path):
        (tmp_path / "d.tsv").write_text('"text"\t"y"\n"a\tb"\t1\n"c"\t2\n')
        assert list(read(tmp_path / "d.tsv").X["text"]) == ["a\tb", "c"]

    def test_rows_without_target_are_dropped(self, tmp_path, table):
        table = table[["size", "price"]].copy()
        table.loc[:2, "price"] = np.nan
        table.to_csv(tmp_path / "d.csv", index=False)
        np.savez(tmp_path / "d.npz", X=table[["size"]], y=table["price"])
        for name in ("d.csv", "d.npz"):
            data = read(tmp_path / name)
            assert data.X.shape == (117, 1)
            np.testing.assert_allclose(data.y, table["price"][3:])
            assert data.notes[-1] == "dropped 3 rows without a target"


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
            f"column 'a': 1 of 60 value is no numbers ('{token}'): taken as missing"
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
                  ["1:30", "2:45", "3:10"], ["1.2.3", "1.2.4", "2.0.0"]],
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
         (["13.02.24", "01.02.24"], ["2024-02-13", "2024-02-01"])],
    )  # fmt: skip
    def test_formats(self, file, written, expected):
        data = read(file("when,y\n" + "\n".join(f"{text},{k}" for k, text in enumerate(written))))
        assert list(data.X["when"]) == [pd.Timestamp(text) for text in expected]

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


class TestTargets:
    @pytest.mark.parametrize("word", ["NA", "None", "null", "n/a", "-"])
    def test_a_frequent_word_is_a_class(self, file, word):
        data = read(file("a,y\n" + lines(lambda k: f"{k},{word if k % 3 else 'EU'}")))
        assert set(data.y) == {word, "EU"}
        assert data.notes[1] == (
            f"target 'y': '{word}' (40 of 60) is taken for a class; --na-values {word} takes it "
            "for missing"
        )

    def test_unless_the_user_says_otherwise(self, file):
        path = file("a,y\n" + lines(lambda k: f"{k},{['NA', 'x', 'y'][k % 3]}"))
        data = read(path, choice=Choice(na_values=("NA",)))
        assert set(data.y) == {"x", "y"}
        assert data.notes[1] == "dropped 20 rows without a target"

    @pytest.mark.parametrize("word", ["", "NA", "?", "none"])
    def test_a_rare_one_is_missing(self, file, word):
        data = read(file("a,y\n" + lines(lambda k: f"{k},{word if k < 2 else 'xy'[k % 2]}")))
        assert set(data.y) == {"x", "y"}
        told = f" ('{word}')" if word else ""
        assert data.notes[1] == f"dropped 2 rows without a target{told}"

    def test_signs_are_classes(self, file):
        data = read(file(lines(lambda k: f"{k / 7:.3f},{'+-'[k % 2]}")))
        assert set(data.y) == {"+", "-"}

    @pytest.mark.parametrize(
        ("texts", "expected"),
        [(["1", "2"], "i"), (["1.5", "2"], "f"), (["true", "FALSE"], "b"), (["a", "b"], "O"),
         ([str(2**63), str(2**63 + 1)], "O"), (["2024-01-01", "2024-01-02"], "O")],
    )  # fmt: skip
    def test_types(self, file, texts, expected):
        data = read(file("a,y\n" + lines(lambda k: f"{k % 5},{texts[k % 2]}")))
        assert data.y.dtype.kind == expected
        assert len(np.unique(data.y)) == 2


class TestColumns:
    @pytest.mark.parametrize("name", ["", "Unnamed: 0", "id", "index", "customer_id", "rowId"])
    def test_row_numbers_are_left_out(self, file, name):
        path = file(f"{name},a,y\n" + lines(lambda k: f"{k},{k % 7},{k % 2}"))
        data = read(path)
        name = name or "Unnamed: 0"
        assert list(data.X.columns) == ["a"]
        assert f"column '{name}' looks like a row number: left out, --keep " in data.notes[1]
        assert list(read(path, choice=Choice(keep=(name,))).X.columns) == [name, "a"]

    def test_other_columns_that_count_are_told(self, file):
        data = read(file("day,y\n" + lines(lambda k: f"{k + 1},{k % 2}")))
        assert data.notes[1:] == ["column 'day' counts the rows; --drop day leaves it out"]

    def test_ids_that_repeat_are_used(self, file):
        data = read(file("grid,customer_id,y\n" + lines(lambda k: f"{2 * k},{k % 7},{k % 2}")))
        assert list(data.X.columns) == ["grid", "customer_id"]

    def test_codes_are_left_out(self, file):
        data = read(file("code,a,y\n" + lines(lambda k: f"x{k:03d}q,{k % 7},{k % 2}")))
        assert data.notes[1:] == [
            "column 'code' differs in every row: left out, --keep code uses it"
        ]

    def test_the_last_one_is_not(self, file):
        assert list(read(file("id,y\n" + lines(lambda k: f"{k},{k % 2}"))).X.columns) == ["id"]

    def test_options(self, file):
        path = file("a,b,c,y\n" + lines(lambda k: f"{k % 7},{k % 5},{-9 if k % 9 else 1},{k % 2}"))
        data = read(path, choice=Choice(drop=("a",), keep=("b",), na_values=("-9.0", "none")))
        assert list(data.X.columns) == ["b", "c"]
        assert data.X["c"].isna().sum() == 53
        assert "column 'b' needs no --keep" in data.notes
        assert "no cell holds the value 'none' of --na-values" in data.notes

    def test_decimal_option(self, file):
        path = file("a;y\n" + lines(lambda k: f"1.{k:03d};{k % 2}"))
        assert read(path).X["a"][1] == 1.001
        assert read(path, choice=Choice(decimal=",")).X["a"][1] == 1001

    def test_unknown_and_unfit_options(self, file, complain):
        path = file("a,b,y\n1,2,0\n2,1,1\n")
        assert "no column 'zz'" in complain(path, "--drop", "zz")
        assert "no column 'bb' in" in complain(path, "--keep", "bb")
        assert "--drop y is the target" in complain(path, "--drop", "y")
        assert "'xx' is no single character" in complain(path, "--sep", "xx")
        assert "Python knows no --encoding nonsense" in complain(path, "--encoding", "nonsense")
        assert "has no column besides" in complain(path, "--sep", ";")
        assert "are for tables, which breast_cancer is not" in complain("--decimal", ",")
        svm = file("1 1:2\n0 2:1\n", "d.svm")
        assert "are for tables" in complain(svm, "--na-values", "0")

    def test_a_file_may_follow_columns(self, file, compare):
        path = file("a,b,y\n" + lines(lambda k: f"{k % 7},{k % 5},{k % 2}"))
        code, out, _ = compare("--cv", "2", "--solver", "auto", "--drop", "a", path)
        assert code == 0
        assert out.startswith("d.csv: 60 rows × 1 columns")


def row(k, mark=","):
    return mark.join([f"{k % 7}.5", f"{k % 5 - 2}.25", "ny"[k % 2]])


#: Odd files: the text, and the features' names, the number of rows, and a note.
LAYOUTS = {
    "plain": ("a,b,y\n" + lines(row), "ab", N, None),
    "semicolons, commas in the header": (
        "a, in cm;b, in kg;y\n" + lines(lambda k: row(k, ";")), ["a, in cm", "b, in kg"], N, None),
    "quoted names": ('"a;1";"b, c";y\n' + lines(lambda k: row(k, ";")), ["a;1", "b, c"], N, None),
    "padded": (" a , b , y \n" + lines(lambda k: row(k, " , ")), "ab", N, None),
    "delimiter at line ends": ("a,b,y,\n" + lines(lambda k: row(k) + ","), "ab", N, None),
    "delimiter at the end of the rows": ("a,b,y\n" + lines(lambda k: row(k) + ","), "ab", N, None),
    "delimiters of a spreadsheet": (
        "a,b,y,,\n" + lines(lambda k: row(k) + ",,") + "\n,,,,\n,,,,\n", "ab", N, None),
    "names of rows, as R": (
        "a b y\n" + lines(lambda k: f'"r {k}" {row(k, " ")}'), "ab", N, "as in files of R"),
    "title": ("Report of June\na,b,y\n" + lines(row), "ab", N, "skipped 1 line above"),
    "titles": ("Report, June\nby me\n\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines above"),
    "title of a spreadsheet": (
        "Report of June,,\n,,\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines above"),
    "long title": ("One, two, three, four\na,b,y\n" + lines(row), "ab", N, "skipped 1 line above"),
    "sep line of Excel": ("sep=;\na;b;y\n" + lines(lambda k: row(k, ";")), "ab", N, "skipped 1"),
    "comments": ("# by me\n# units: a, b\na,b,y\n" + lines(row), "ab", N, "skipped 2 lines"),
    "quoted line ends": ('"a\n1",b,y\n' + lines(lambda k: f'{k % 7},"x\n{k % 2}",{k % 2}'),
                         ["a 1", "b"], N, None),
    "empty lines": ("\na,b,y\n\n" + lines(row) + "\n\n\n", "ab", N, None),
    "carriage returns": (("a,b,y\n" + lines(row)).replace("\n", "\r"), "ab", N, None),
    "equal names": ("a,a,y\n" + lines(row), ["a", "a.1"], N, "one of them is now 'a.1'"),
    "years": ("2019,2020,2021\n" + lines(lambda k: f"{k % 9}.5,{k % 7}.2,{k % 5}.1"),
              ["2019", "2020"], N, None),
    "years behind a word": ("land,2019,2020\n" + lines(lambda k: f"{'AB'[k % 2]},{k % 7},{k % 5}"),
                            ["land", "2019"], N, None),
    "months over numbers": ("2020-01,2020-02,y\n" + lines(row), ["2020-01", "2020-02"], N, None),
    "no header": (lines(row), "01", N, "no header line: the columns are called 0 to 2"),
    "no header, equal values": ("1.00,1.00,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, NA first": ("1.10,NA,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, gap first": ("1.10,,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, stray first": ("1.10,<0.1,n\n" + lines(row), "01", N + 1, "no header line"),
    "no header, whole numbers": (
        "3,1,4\n" + lines(lambda k: f"{k % 7},{k % 5},{k % 4}"), "01", N + 1, "no header line"),
    "no header, years": (
        lines(lambda k: f"{1990 + k % 30},{k % 7},{k % 5}"), "01", N, "no header line"),
    "no header, dates": (
        lines(lambda k: f"2020-01-{k % 28 + 1:02d},{k % 5},{'ny'[k % 2]}"), "01", N, "no header"),
    "no header, texts": (lines(lambda k: f"{'uvw'[k % 3]},{'rs'[k % 2]},{'ny'[k % 2]}"), "01", N,
                         "no header line"),
    "aligned by blanks": (lines(lambda k: f"{k % 7:>4}.5   {k % 5:>3}.2  {'ny'[k % 2]}"), "01", N,
                          "no header line"),
    "blanks and a tab": (lines(lambda k: f"{k % 7}.5  {k % 5:>3}.2\t\"big {'ny'[k % 2]}\""), "01",
                         N, "no header line"),
    "bars": ("a|b|y\n" + lines(lambda k: row(k, "|")), "ab", N, None),
    "texts with delimiters": (
        "a,b,y\n" + lines(lambda k: f'{k % 7},"one; two, three; {k % 3}",{k % 2}'), "ab", N, None),
}  # fmt: skip


class TestLayouts:
    @pytest.mark.parametrize("kind", LAYOUTS)
    def test_is_found(self, file, kind):
        text, names, n_rows, note = LAYOUTS[kind]
        data = read(file(text, "d.txt"))
        assert list(data.X.columns) == list(names)
        assert data.X.shape[0] == n_rows
        assert all("left out" in said or "target" in said for said in data.notes) is (note is None)
        if note:
            assert any(note in said for said in data.notes)

    def test_the_target_tells_the_header(self, file):
        text = "1,2,3\n" + lines(lambda k: f"{k % 7},{k % 5},{k % 2}")
        assert read(file(text)).target == "2"
        assert read(file(text), "3").X.shape == (N, 2)

    def test_columns_are_not_shifted(self, file):
        text = "a,b,y\n" + lines(lambda k: f"{k}.5,-{k}.25,{k % 9}.5,")
        np.testing.assert_allclose(read(file(text), "b").y, [-k - 0.25 for k in range(N)])

    def test_svmlight_by_another_name(self, file):
        for name in ("d.txt", "d.data"):
            data = read(file("# comment\n1 1:2.5 3:1\n-1 2:1\n1 1:1\n", name))
            assert sparse.issparse(data.X)
            assert data.X.shape == (3, 3)

    @pytest.mark.parametrize(
        ("encoding", "word", "guessed"),
        [("utf-8", "größe", None), ("utf-8-sig", "größe", None), ("utf-16", "größe", None),
         ("utf-32", "größe", None), ("latin-1", "größe", "cp1252"), ("cp1252", "5 €", "cp1252"),
         ("latin-1", "blåbær", "cp1252"), ("utf-16-le", "größe", "utf_16_le"),
         ("utf-16-be", "größe", "utf_16_be"), ("cp1251", "красный цвет", "cp1251"),
         ("gb18030", "长度是多少", "gb18030"), ("shift_jis", "赤い色の本", "shift_jis")],
    )  # fmt: skip
    def test_encodings(self, file, encoding, word, guessed):
        text = f"{word},y\n" + lines(lambda k: f"{word} {k % 3},{k % 2}")
        data = read(file(text.encode(encoding)))
        assert list(data.X) == [word]
        assert data.X[word][1] == f"{word} 1"
        told = [note for note in data.notes if note.startswith("encoding")]
        assert told == ([f"encoding: {guessed}, guessed (--encoding overrides)"] if guessed else [])

    def test_encoding_and_sep_options(self, file):
        path = file("größe:y\n1:0\n2:1\n3:1".encode("cp850"))
        data = read(path, layout=Layout(encoding="cp850", delimiter=":"))
        assert list(data.X) == ["größe"]


class TestFormats:
    @pytest.fixture
    def frame(self):
        return pd.DataFrame({
            "a": np.arange(N) % 7 / 2, "when": pd.date_range("2020-01-01", periods=N),
            "label": np.where(np.arange(N) % 3, "x", "z"), "y": np.arange(N) / 7,
        })  # fmt: skip

    def check(self, path):
        data = read(path)
        assert [column.dtype.kind for _, column in data.X.items()] == ["f", "M", "O"]
        np.testing.assert_allclose(data.y, np.arange(N) / 7)
        assert data.notes == ["target: the last column, 'y'"]

    def test_parquet(self, frame, tmp_path):
        pytest.importorskip("pyarrow")
        frame["label"] = frame["label"].astype("category")
        frame.to_parquet(tmp_path / "d.parquet")
        self.check(tmp_path / "d.parquet")

    def test_nullable_columns(self, tmp_path):
        pytest.importorskip("pyarrow")
        frame = pd.DataFrame({"a": pd.array([1, None] * 9, dtype="Int64"), "b": [True, False] * 9,
                              "y": range(18)})  # fmt: skip
        frame.to_parquet(tmp_path / "d.parquet")
        data = read(tmp_path / "d.parquet")
        np.testing.assert_array_equal(data.X[:2], [[1, 1], [np.nan, 0]])

    def test_spreadsheet(self, frame, tmp_path):
        pytest.importorskip("openpyxl")
        frame.to_excel(tmp_path / "d.xlsx", index=False, startrow=0)
        self.check(tmp_path / "d.xlsx")

    def test_arff(self, file):
        head = "@relation r\n@attribute a numeric\n@attribute c {u,v}\n@attribute y {n,p}\n@data\n"
        rows = lines(lambda k: f"{'?' if k == 3 else k % 7},{'uv'[k % 2]},{'np'[k % 2]}")
        data = read(file(head + rows, "d.arff"))
        assert np.isnan(data.X["a"][3])
        assert list(data.X["c"][:2]) == ["u", "v"]
        assert list(data.y[:2]) == ["n", "p"]

    @pytest.mark.parametrize(("reader", "name"), [("excel", "d.xls"), ("parquet", "d.parquet")])
    def test_a_reader_that_is_not_installed(self, monkeypatch, file, reader, name):
        def fail(*args, **kwargs):
            raise ImportError("pip install\nits package")

        monkeypatch.setattr(pd, f"read_{reader}", fail)
        with pytest.raises(UserError, match="cannot be imported: pip install its package"):
            read(file(b"any", name))

    @pytest.mark.parametrize("name", ["d.parquet", "d.xlsx", "d.arff", "d.svm", "d.npz", "d.csv"])
    @pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\n" + bytes(range(256))])
    def test_what_is_in_them_may_be_anything(self, file, complain, name, content):
        if name == "d.parquet":
            pytest.importorskip("pyarrow")
        if name == "d.xlsx":
            pytest.importorskip("openpyxl")
        assert name in complain(file(content, name))


class TestPreprocessing:
    def test_each_kind_of_column(self, table, tmp_path):
        table.drop(columns="price").to_csv(tmp_path / "d.csv", index=False)
        data = read(tmp_path / "d.csv")
        assert data.notes[1:] == ["dropped columns without any value: nothing"]
        preprocessor = make_preprocessor(data.X).fit(data.X)
        found = {part[0]: part[2] for part in preprocessor.transformers_}
        assert found == {
            "numbers": ["size", "ready"], "labels": ["colour"], "elapsed days": ["when"],
            "calendar of when": "when", "text of remark": "remark",
        }  # fmt: skip
        # Red, green, blue, and missing.
        labels = preprocessor.named_transformers_["labels"].transform(data.X[["colour"]])
        assert labels.shape == (120, 4)
        names = preprocessor.get_feature_names_out()
        assert {"numbers__size", "labels__colour_red", "text of remark__remark"} <= set(names)
        assert {"elapsed days__when", "calendar of when__when_month_spline_00"} <= set(names)
        assert len(names) == preprocessor.transform(data.X).shape[1]

    def test_text_without_spaces_is_cut_into_characters(self):
        texts = [
            f"这家酒店的房间很大服务也很好我们一家人都十分满意下次还会再来住{i}" for i in range(150)
        ]
        X = pd.DataFrame({"review": texts}, dtype=object)
        vectorizer = make_preprocessor(X).fit(X).named_transformers_["text of review"][-1]
        assert "酒店" in vectorizer.vocabulary_

    def test_labels_and_gaps_not_met_in_training(self):
        X = pd.DataFrame({"colour": ["red", "blue", None], "size": [1.0, None, 3.0]}, dtype=object)
        X["size"] = X["size"].astype(float)
        fitted = make_preprocessor(X).fit(X.iloc[[0, 2]])
        np.testing.assert_allclose(fitted.transform(X), [[-1, 1, 0], [0, 0, 0], [1, 0, 1]])

    def test_arrays_are_scaled(self):
        dense = np.array([[1.0, 10.0], [3.0, 30.0]], dtype=np.float32)
        np.testing.assert_allclose(
            make_preprocessor(dense).fit_transform(dense), [[-1] * 2, [1] * 2]
        )
        gaps = np.array([[1.0], [np.nan], [3.0]])
        assert make_preprocessor(gaps).fit_transform(gaps)[1, 0] == 0
        zeros = sparse.csr_matrix([[0.0, 5.0], [2.0, 0.0]])
        scaled = make_preprocessor(zeros).fit_transform(zeros)
        np.testing.assert_array_equal(scaled.toarray(), [[0, 1], [1, 0]])


class TestContents:
    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [("d.csv", "a,b\n", "holds no rows"), ("d.csv", "a\n1\n2\n", "has no column besides"),
         ("d.csv", "a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
         ("d.csv.gz", "a,b\n1,2\n", "Not a gzipped file"),
         ("d.csv.zip", "a,b\n1,2\n", "not a zip file"),
         ("d.csv.xz", "a,b\n1,2\n", "cannot read"), ("d.csv.bz2", "a,b\n1,2\n", "cannot read"),
         ("d.csv", "\n", "holds no line of text"),
         ("d.svm", "what is this\n", "is not in svmlight format"),
         ("d.npz", "what is this\n", "is not an npz file")],
    )  # fmt: skip
    def test_contents(self, complain, file, name, text, reason):
        assert reason in complain(file(text, name))

    def test_npz(self, complain, tmp_path):
        path = tmp_path / "d.npz"
        np.savez(path, features=np.eye(2))
        assert "must hold the arrays X and y; it holds features" in complain(path)
        np.savez(path, X=np.eye(2), y=np.ones(3))
        assert "X is float64 of shape (2, 2) and y has shape (3,)" in complain(path)
        np.savez(path, X=np.array([["a"]]), y=np.ones(1))
        assert "must hold a table of numbers" in complain(path)
