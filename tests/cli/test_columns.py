"""Targets and columns: what is predicted, what is left out, and what is said of it."""

import numpy as np
import pytest

from nno_sklearn.cli.choice import Choice
from nno_sklearn.cli.reading import read
from tests.cli.commands import lines


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
        assert "--keep y is the target" in complain(path, "--keep", "y")
        assert "both name column 'a'" in complain(path, "--keep", "a", "--drop", "b", "a")
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
        assert out.startswith("d.csv: 60 rows × 1 column")
