"""Files to tables and matrices: what is read, and what is said of it."""

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from nno_sklearn.cli.errors import UserError
from nno_sklearn.cli.reading import read
from tests.cli.commands import N, lines


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

    def test_a_tsv_without_tabs(self, tmp_path):
        for mark in "|,;":
            rows = lines(lambda k, mark=mark: mark.join(map(str, (k, k % 7, k % 2))))
            (tmp_path / "d.tsv").write_text(f"{mark.join('aby')}\n{rows}")
            assert list(read(tmp_path / "d.tsv").X) == ["a", "b"]

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


class TestContents:
    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [("d.csv", "a,b\n", "holds no rows"), ("d.csv", "a\n1\n2\n", "has no column besides"),
         ("d.csv", "a~b\n1~2\n", "has no column besides 'a~b'; if it has, --sep names"),
         ("d.csv", "a,y\n1,.5\n2,1.5\n3,2.5\n", "d.csv has 3 rows, too few for"),
         ("d.csv", "a,y\n1,0\n2,0\n3,1\n", "2 rows of the largest class of 'y', too few"),
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
