"""The command `nno-sklearn predict`: saved models and the files that they learnt from."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file
from sklearn.linear_model import LinearRegression

from nno_sklearn.cli.main import main
from nno_sklearn.cli.reading import read
from tests.cli.commands import complaint_of

QUICK = ("--cv", "2", "--alphas", "2", "--penalty", "l2")
N = 60
RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, N)).round(3)


@pytest.fixture
def complain(predict):
    return complaint_of(predict)


@pytest.fixture
def learn(tmp_path, capsys):
    """A function that writes a file, searches, and returns the file's and the model's path."""

    def learn(text, *options, name="d.csv"):
        path, model = tmp_path / name, tmp_path / "m.joblib"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert main(["search", str(path), *QUICK, "--save", str(model), *options]) == 0
        capsys.readouterr()
        return path, model

    return learn


def table(names, row):
    """A csv with these names and N rows."""
    return f"{names}\n" + "\n".join(map(row, range(N)))


def csv(text):
    return pd.read_csv(io.StringIO(text))


DATES = pd.date_range("2020-01-01", periods=N).strftime("%d.%m.%Y")
#: Files with classes, and options with which they are read.
FILES = {
    "plain": (table("a,b,y", lambda k: f"{A[k]},{B[k]},{'ny'[int(A[k] > 0)]}"), ()),
    "no header": (table("0.5,0.25,y", lambda k: f"{A[k]},{B[k]},{'ny'[int(A[k] > 0)]}"), ()),
    "cp1252, decimal comma, dates, title": (
        table("Mein Titel\ngröße;wann;b;y", lambda k: f"{A[k]} kg;{DATES[k]};{B[k]};"
              f"{'ny'[int(A[k] > 0)]}".replace(".", ",", 1)).encode("cp1252"), ()),
    "title, header of two lines, serial dates, total": (
        table("My title\nat,p,,\ndate,a,b,class",
              lambda k: f"{44000 + k},{A[k]},{B[k]},{'ny'[int(A[k] > 0)]}") + "\nTotal,9,9,", ()),
    "truth values and gaps": (
        table("a,t,y", lambda k: f"{'?' if k == 3 else A[k]},{k % 2 > 0},{A[k] > 0}"), ()),
    "target first": (table("y,a,b", lambda k: f"{'ny'[int(A[k] > 0)]},{A[k]},{B[k]}"),
                     ("--target", "y")),
    "blanks": (table("a  b   y", lambda k: f"{A[k]}   {B[k]}  {'ny'[int(A[k] > 0)]}"), ()),
    "row numbers": (table(",a,y", lambda k: f"{k},{A[k]},{'ny'[int(A[k] > 0)]}"), ()),
    "row numbers that are kept": (table(",a,y", lambda k: f"{k},{A[k]},{'ny'[int(A[k] > 0)]}"),
                                  ("--keep", "Unnamed: 0")),
    "-9 for a gap": (table("a,b,y", lambda k: f"{A[k] if k % 9 else -9},{B[k]},{k % 2}"),
                     ("--na-values", "-9")),
    "colons": (table("a:b:y", lambda k: f"{A[k]}:{B[k]}:{k % 2}"), ("--sep", ":")),
}  # fmt: skip


class TestFiles:
    @pytest.mark.parametrize("kind", FILES)
    def test_the_same_file_is_predicted(self, learn, predict, kind):
        text, options = FILES[kind]
        path, model = learn(text, *options)
        code, out, _ = predict(model, path)
        assert code == 0
        found, pipeline = csv(out), joblib.load(model)
        frame = pipeline[0].read(path, pipeline[0].layout)[0]
        assert len(found) == len(frame) == N + (kind == "no header")
        assert list(found["prediction"].astype(str)) == list(pipeline.predict(frame).astype(str))
        first, second = pipeline.classes_
        names = ["prediction", f"probability of {first}", f"probability of {second}"]
        assert list(found.columns) == names
        np.testing.assert_allclose(found[names[1:]].sum(axis=1), 1)
        np.testing.assert_allclose(found[names[1:]], pipeline.predict_proba(frame))

    def test_without_the_target_and_in_another_order(self, learn, predict, tmp_path):
        path, model = learn(FILES["plain"][0])
        expected = predict(model, path)[1]
        frame = pd.read_csv(path)
        frame[["b", "a"]].to_csv(tmp_path / "other.csv", index=False)
        frame.assign(more=1)[["more", "y", "b", "a"]].to_csv(tmp_path / "more.txt", sep=";")
        for name in ("other.csv", "more.txt"):
            assert predict(model, tmp_path / name)[1] == expected

    def test_without_header_and_target(self, learn, predict, complain, tmp_path):
        path, model = learn(FILES["no header"][0], "--target", "2")
        expected = predict(model, path)[1]
        frame = pd.read_csv(path, header=None)
        frame[[0, 1]].to_csv(tmp_path / "other.csv", index=False, header=False)
        assert predict(model, tmp_path / "other.csv")[1] == expected
        frame[[0]].to_csv(tmp_path / "few.csv", index=False, header=False)
        said = complain(model, tmp_path / "few.csv")
        assert "has 1 column; the model learnt from 3 without names, the target included" in said

    def test_rows_without_a_target_are_predicted_too(self, learn, predict):
        text = table("a,b,y", lambda k: f"{A[k]},{B[k]},{'' if k == 5 else A[k]}")
        path, model = learn(text)
        out = predict(model, path)[1]
        assert len(csv(out)) == N
        assert list(csv(out).columns) == ["prediction"]

    def test_what_cannot_be_read_is_told(self, learn, predict, tmp_path):
        _, model = learn(FILES["plain"][0])
        (tmp_path / "new.csv").write_text("a,b\n1,2\n<0.1,3\n")
        _, out, err = predict(model, tmp_path / "new.csv")
        assert err == "column 'a': 1 of 2 values is no number ('<0.1'): taken as missing\n"
        assert len(csv(out)) == 2

    def test_one_row(self, learn, predict, tmp_path):
        path, model = learn(FILES["cp1252, decimal comma, dates, title"][0])
        (tmp_path / "one.csv").write_text("b;größe;wann\n0,5;1.25 kg;05.03.2020\n")
        first = csv(predict(model, tmp_path / "one.csv")[1])
        assert first["prediction"][0] == "y"

    @pytest.mark.parametrize("name", ["d.npz", "d.svm"])
    def test_matrices(self, learn, predict, complain, tmp_path, name):
        X, y = np.c_[A, B], (A > 0).astype(int)
        path, model = tmp_path / name, tmp_path / "m.joblib"
        if name == "d.npz":
            np.savez(path, X=X, y=y)
        else:
            dump_svmlight_file(sparse.csr_matrix(X), y, str(path), zero_based=False)
        assert main(["search", str(path), *QUICK, "--save", str(model)]) == 0
        pipeline = joblib.load(model)
        out = predict(model, path)[1]
        np.testing.assert_array_equal(csv(out[out.index("prediction"):])["prediction"],
                                      pipeline.predict(read(path).X))  # fmt: skip
        np.savez(tmp_path / "wide.npz", X=np.eye(5))
        assert "has 5 columns; the model needs 2" in complain(model, tmp_path / "wide.npz")
        said = complain(model, path, "--sep", ";")
        assert "--encoding and --sep are for delimited text, which" in said

    def test_output(self, learn, predict, complain, tmp_path):
        path, model = learn(FILES["plain"][0])
        expected = predict(model, path)[1]
        file = tmp_path / "out.csv"
        code, out, err = predict(model, path, "--output", file)
        assert (code, out, err) == (0, f"wrote {N} predictions to {file}\n", "")
        assert file.read_text() == expected
        assert "cannot write" in complain(model, path, "--output", tmp_path / "gone" / "out.csv")


class TestSavedPipeline:
    def test_names_its_features(self, learn):
        _, model = learn(FILES["cp1252, decimal comma, dates, title"][0])
        pipeline = joblib.load(model)
        names = pipeline[:-1].get_feature_names_out()
        assert len(names) == pipeline[-1].coef_.size
        assert "numbers__größe" in names
        assert "calendar of wann__wann_weekday_spline_0" in names

    def test_says_how_its_file_is_read(self, tmp_path, capsys):
        path, model = tmp_path / "d.csv", tmp_path / "m.joblib"
        path.write_text(FILES["no header"][0].replace(",", ";"))
        main(["search", str(path), *QUICK, "--save", str(model)])
        out = capsys.readouterr().out
        told = "the columns '0', '1': pandas.read_csv('d.csv', sep=';', header=None)"
        assert told in out
        assert f"nno-sklearn predict {model} FILE" in out
        frame = pd.read_csv(path, sep=";", header=None)
        pipeline = joblib.load(model)
        assert set(pipeline.predict(frame)) == {"n", "y"}
        with pytest.raises(ValueError, match=r"no column '0', '1'.*\(pandas: header=None\)"):
            pipeline.predict(pd.read_csv(path, sep=";"))


class TestMistakes:
    def test_models(self, complain, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,2\n")
        assert "there is no such file" in complain(tmp_path / "gone", tmp_path / "d.csv")
        (tmp_path / "old.csv").write_text("kept")  # what is there to be replaced names nothing else
        said = complain(tmp_path / "gone", tmp_path / "d.csv", "--output", tmp_path / "old.csv")
        assert f"cannot read {tmp_path / 'gone'}: there is no such file" in said
        assert "is no saved model" in complain(tmp_path / "d.csv", tmp_path / "d.csv")
        for junk in (b"G" * 40, b"(((", b"\x80\x05junk"):
            (tmp_path / "junk.joblib").write_bytes(junk)
            assert "is no saved model" in complain(tmp_path / "junk.joblib", tmp_path / "d.csv")
        joblib.dump(LinearRegression(), tmp_path / "m")
        said = complain(tmp_path / "m", tmp_path / "d.csv")
        assert "was not written by nno-sklearn search --save" in said

    def test_files(self, learn, complain, tmp_path):
        path, model = learn(FILES["plain"][0])
        assert "there is no such file" in complain(model, tmp_path / "gone.csv")
        (tmp_path / "old.csv").write_text("kept")
        said = complain(model, tmp_path / "gone.csv", "--output", tmp_path / "old.csv")
        assert "gone.csv" in said
        assert "there is no such file" in said
        assert (tmp_path / "old.csv").read_text() == "kept"
        (tmp_path / "other.csv").write_text("a,c\n1,2\n")
        assert "no column 'b'; the model needs 'a', 'b'" in complain(model, tmp_path / "other.csv")
        (tmp_path / "none.csv").write_text("a,b\n")
        assert "holds no rows to predict" in complain(model, tmp_path / "none.csv")
        (tmp_path / "inf.csv").write_text("a,b\n1,2\n1,inf\n")
        assert "column 'b' has an infinite value" in complain(model, tmp_path / "inf.csv")
        np.savez(tmp_path / "d.npz", X=np.eye(2))
        assert "has no named columns" in complain(model, tmp_path / "d.npz")

    def test_version(self, capsys):
        with pytest.raises(SystemExit) as end:
            main(["--version"])
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith("nno_sklearn 0.")
