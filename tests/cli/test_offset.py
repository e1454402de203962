"""`nno-sklearn search --offset` and `--exposure`: a column that is no feature."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest

from nno_sklearn import NNORegressor
from tests.cli.commands import complaint_of, lines

RNG = np.random.default_rng(0)
N = 60
A, TIME = RNG.normal(size=N).round(3), RNG.uniform(1.0, 90.0, N).round(2)
Y = RNG.poisson(TIME * np.exp(0.5 * A - 1))
SMALL = ("--loss", "poisson", "--penalty", "l2", "--alphas", "2", "--cv", "2")


@pytest.fixture
def complain(search):
    return complaint_of(search)


@pytest.fixture
def table(file):
    """A function that writes a table with other times, and returns its path."""
    return lambda time=TIME, mark=".": file(
        f"a;time;y\n{lines(lambda k: f'{A[k]};{time[k]};{Y[k]}')}".replace(".", mark)
    )


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("option", ["--exposure", "--offset"])
def test_what_is_saved_predicts_with_the_column(option, mark, table, tmp_path, search, predict):
    column = TIME if option == "--exposure" else np.log(TIME).round(3)
    offset, path, saved = (
        np.log(TIME) if option == "--exposure" else column,
        table(column, mark),
        tmp_path / "m",
    )
    code, out, err = search(path, option, "time", "--save", saved, *SMALL)
    assert (code, err) == (0, "")
    assert "60 rows × 1 columns" in out
    assert "offset and a constant" in out and "predict(X, offset=offset)" in out
    code, out, err = predict(saved, path)
    assert (code, err) == (0, "")
    pipeline = joblib.load(saved)
    rows = pipeline[:-1].transform(pd.read_csv(path, sep=";", decimal=mark, dtype=str))
    model = NNORegressor("poisson", alpha=pipeline[-1].alpha, tol=1e-8).fit(rows, Y, offset=offset)
    found = pd.read_csv(io.StringIO(out))["prediction"]
    np.testing.assert_allclose(found, model.predict(rows, offset=offset), rtol=0.01)


def test_a_file_without_the_column_is_refused(table, tmp_path, search, predict):
    saved = tmp_path / "m"
    assert search(table(), "--exposure", "time", "--save", saved, *SMALL)[0] == 0
    other = tmp_path / "other.csv"
    other.write_text("a;b\n1.0;2.0\n3.0;4.0\n")
    complain = complaint_of(predict)
    assert "no column 'time', of which the model takes the offset" in complain(saved, other)


@pytest.mark.parametrize(
    "option, bad, complaint",
    [
        ("--exposure", 0.0, "row 3 has '0.0', but each row needs a number greater than 0"),
        ("--exposure", "", "row 3 has '', but each row needs a number greater than 0"),
        ("--offset", "inf", "row 3 has 'inf', but each row needs a finite number"),
    ],
)
def test_values_that_are_no_offset_are_told_with_their_row(option, bad, complaint, table, complain):
    time = [*TIME[:2], bad, *TIME[3:]]
    assert complaint in complain(table(time), option, "time", *SMALL)


def test_columns_that_are_no_offset_are_refused(file, table, complain):
    words = file(f"a,b,y\n{lines(lambda k: f'{A[k]},w{k % 3},{Y[k]}')}", "w.csv")
    assert "--offset b needs a column of numbers, which it is not" in complain(
        words, "--offset", "b"
    )
    assert "no column 'tim'" in complain(table(), "--offset", "tim")
    assert "--exposure y is a column of its own: neither" in complain(table(), "--exposure", "y")
    drop = ("--drop", "time", "--exposure", "time")
    assert "--exposure time is a column of its own: neither" in complain(table(), *drop)
    assert "--offset a names a column of a table" in complain("--offset", "a")
    both = ("--offset", "a", "--exposure", "time")
    assert "argument --exposure: not allowed with argument --offset" in complain(table(), *both)
