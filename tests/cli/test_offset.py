"""The options --offset and --exposure: a column that is no feature."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import KFold

from nno_sklearn import NNORegressor
from nno_sklearn.cli.baseline import OF_RESIDUALS, WithOffset
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
    assert "60 rows × 1 column" in out
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


class TestCompare:
    """`nno-sklearn compare` gives the column to every solver, and to the baseline's targets."""

    OPTIONS = ("--penalty", "l2", "--alpha", "0.01", "--cv", "3", "--tol", "1e-8")

    @pytest.mark.parametrize("option", ["--exposure", "--offset"])
    @pytest.mark.parametrize("loss", ["poisson", "squared_error", "negative_binomial"])
    def test_scores_are_those_of_fits_with_the_column(self, loss, option, table, compare):
        column = TIME if option == "--exposure" else np.log(TIME).round(3)
        offset = np.log(TIME) if option == "--exposure" else column
        scoring = ("--scoring", "neg_mean_absolute_error")
        code, out, err = compare(
            table(column), option, "time", "--loss", loss, *self.OPTIONS, *scoring
        )
        assert (code, err) == (0, "")
        assert "60 rows × 1 column" in out
        folds = KFold(3, shuffle=True, random_state=0)
        expected = [
            self.score(NNORegressor(loss, alpha=0.01, tol=1e-10), offset, *fold)
            for fold in folds.split(A)
        ]
        constant = [
            self.score(NNORegressor(loss, alpha=1e12), offset, *fold) for fold in folds.split(A)
        ]
        scores = {line.split()[0]: line.split()[-8:] for line in out.splitlines() if "±" in line}
        for solver in ("gd", "nearest_neighbor", "proximal"):
            assert float(scores[solver][0]) == pytest.approx(np.mean(expected), abs=1e-4)
        assert f"offset and a constant  {np.mean(constant):.4f}" in out

    @staticmethod
    def score(model, offset, train, test):
        X = ((A - A[train].mean()) / A[train].std())[:, None]
        model.fit(X[train], Y[train], offset=offset[train])
        return -mean_absolute_error(Y[test], model.predict(X[test], offset=offset[test]))

    @pytest.mark.parametrize(
        "loss", ["poisson", "gamma", "tweedie", "squared_error", "concomitant_huber"]
    )
    def test_the_baseline_is_told_in_other_words(self, loss, table, file, compare):
        path = table() if loss != "gamma" else positive(file)
        options = ("--loss", loss, *self.OPTIONS, "--baseline")
        _, out, err = compare(path, "--exposure", "time", "--solver", "gd", *options)
        rows = [line.split() for line in out.splitlines() if "±" in line]
        (ours, theirs) = (float(row[1]) for row in rows[-3:-1])
        assert rows[-2][0] == BASELINES[loss]
        assert theirs == pytest.approx(ours, rel=1e-3)
        assert err == ""

    def test_where_nothing_replaces_it_the_baseline_is_left_out(self, file, compare):
        labels = file(f"a,time,y\n{lines(lambda k: f'{A[k]},{TIME[k]},{int(Y[k] > 9)}')}", "l.csv")
        _, out, _ = compare(labels, "--offset", "time", *self.OPTIONS, "--baseline")
        assert "baseline: LogisticRegression is left out: it takes no offset" in out
        assert "offset and a constant" in out

    def test_is_drawn_with_it(self, table, tmp_path, compare):
        image = tmp_path / "image.png"
        options = ("--loss", "poisson", *self.OPTIONS, "--plot", image)
        assert compare(table(), "--exposure", "time", *options)[0] == 0
        assert image.exists()


BASELINES = {
    "poisson": "PoissonRegressor",
    "gamma": "GammaRegressor",
    "tweedie": "TweedieRegressor",
    "squared_error": "Ridge",
    "concomitant_huber": "HuberRegressor",
}


def positive(file):
    return file(f"a;time;y\n{lines(lambda k: f'{A[k]};{TIME[k]};{Y[k] + 0.5}')}")


@pytest.mark.parametrize(
    "loss",
    ["poisson", "gamma", "tweedie", "inverse_gaussian", "squared_error", "concomitant_huber"],
)
def test_the_baseline_has_the_optimum_of_the_fit_with_an_offset(loss):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 2))
    offset = rng.normal(size=80) + 9.0
    y = np.exp(offset + 0.3 * X[:, 0]) * rng.uniform(0.8, 1.2, 80)
    if loss in OF_RESIDUALS:
        y = offset + X[:, 0] + 0.1 * rng.normal(size=80)
    problem = {"loss": loss, "penalty": "l2", "alpha": 0.05, "l1_ratio": 0.5}
    limits = {"tol": 1e-10, "max_iter": 10_000}
    theirs = WithOffset(problem | limits).fit(X, y, offset)
    ours = NNORegressor(**problem, **limits).fit(X, y, offset=offset)
    np.testing.assert_allclose(theirs.coef_, ours.coef_, atol=1e-5)
    np.testing.assert_allclose(theirs.predict(X, offset), ours.predict(X, offset=offset), rtol=1e-4)
