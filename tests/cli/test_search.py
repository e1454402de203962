"""The command `nno-sklearn search`, from files to the saved model."""

import re
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier
from nno_sklearn.cli.arguments import LOSSES
from nno_sklearn.cli.reading import read
from tests.cli.commands import complaint_of

FEW = ("--cv", "3", "--alphas", "4")
QUICK = (*FEW, "--l1-ratios", "0.5")


@pytest.fixture
def complain(search):
    return complaint_of(search)


@pytest.fixture
def path(table, tmp_path):
    table.to_csv(tmp_path / "d.csv", index=False)
    return tmp_path / "d.csv"


@pytest.fixture
def narrow(narrow_table, tmp_path):
    narrow_table["stars"] = 1 + np.arange(len(narrow_table)) % 2
    narrow_table["count"] = 1 + np.arange(len(narrow_table)) * 7 % 40
    narrow_table["share"] = narrow_table["count"] / 41
    narrow_table.to_csv(tmp_path / "d.csv", index=False)
    return tmp_path / "d.csv"


def rows(out):
    """Cells of the table, one list for each candidate, without the arrow."""
    lines = [line.replace("→", " ") for line in out.splitlines() if " ± " in line]
    return [line.split() for line in lines if re.match(r" +\d", line)]


def chosen(out):
    """The rank, the score and the alpha of the line with the arrow."""
    (line,) = (line for line in out.splitlines() if line.startswith("→"))
    _, rank, score, _, _, alpha, *_ = line.split()
    return int(rank), float(score), alpha


def each_loss():
    """Each task with each of its losses."""
    for task, losses in LOSSES.items():
        for loss in losses:
            takes_long = loss in ("concomitant_huber", "quantile")
            yield pytest.param(task, loss, marks=pytest.mark.exhaustive if takes_long else ())


class TestTable:
    def test_default_searches_all_penalties_on_breast_cancer(self, search):
        code, out, err = search("--alphas", "5")
        assert (code, err) == (0, "")
        assert "breast_cancer: 569 rows × 30 columns after preprocessing" in out
        assert "loss=log_loss, 25 candidates, cv=5, score: accuracy" in out
        found = rows(out)
        assert len(found) == 10
        scores = [float(cells[1]) for cells in found]
        assert scores == sorted(scores, reverse=True)
        assert 0.96 < scores[0] < 1
        assert chosen(out)[:2] == (1, scores[0])
        assert re.search(r"chosen \(→\): alpha=.*: the best mean score, 0\.9\d+ ± 0\.0\d+", out)
        assert re.search(r"\n125 fits with \d+ passes over the data in \d+\.\d s; ", out)
        assert re.search(r"; \d+\.\d s of preprocessing saved", out)

    def test_scores_are_those_of_a_grid_search(self, search):
        _, out, _ = search(*FEW, "--penalty", "l2", "--tol", "1e-8", "--top", "4")
        data = read()
        grid = {"nnoclassifier__alpha": [float(cells[4]) for cells in rows(out)]}
        expected = GridSearchCV(
            make_pipeline(StandardScaler(), NNOClassifier(tol=1e-8)),
            grid,
            cv=StratifiedKFold(3, shuffle=True, random_state=0),
        ).fit(data.X, data.y)
        mean, std = (expected.cv_results_[f"{key}_test_score"] for key in ("mean", "std"))
        found = np.array([[float(cells[1]), float(cells[3])] for cells in rows(out)])
        # The table's alphas are rounded, so that a row near the boundary may change sides.
        np.testing.assert_allclose(found[:, 0], mean, atol=0.002)
        np.testing.assert_allclose(found[:, 1], std / np.sqrt(2), atol=0.002)

    def test_settings_of_the_grid_have_columns(self, search):
        _, out, _ = search(*FEW, "--penalty", "l1")
        assert "penalty" in out and "l1 ratio" not in out and "class weight" not in out
        weights = ("--class-weight", "none", "balanced", "--penalty", "elasticnet")
        _, out, _ = search(*QUICK, *weights, "--top", "99")
        assert "l1 ratio" in out and "class weight" in out
        assert {(cells[5], cells[6]) for cells in rows(out)} == {("elasticnet", "0.5")}
        assert {cells[7] for cells in rows(out)} == {"none", "balanced"}
        assert len(rows(out)) == 8

    def test_parameters_of_loss_and_penalty(self, search, narrow):
        given = (narrow, "--target", "price", *FEW, "--top", "99")
        _, out, _ = search(
            *given, "--loss", "quantile", "--set", "loss__quantile=0.9", "--penalty", "l1"
        )
        assert "loss=Quantile(quantile=0.9)" in out
        assert "score: neg_mean_pinball_loss of 0.9" in out
        parts = ("penalty__gamma=5", "penalty__positive=true")
        _, out, _ = search(*given, "--penalty", "mcp", "l2", "elasticnet", "--set", *parts)
        assert "L2(positive=True)" in out
        assert "MCP(gamma=5)" in out and "ElasticNet(positive=True)" in out
        parts = ("penalty__gamma=2", "penalty__weights=adaptive")
        _, out, _ = search(*given, "--penalty", "l1", "--set", *parts)
        assert "L1(gamma=2, weights='adaptive')" in out

    def test_parameters_that_do_not_exist(self, complain, narrow):
        given = (narrow, "--target", "price")
        said = complain(*given, "--set", "loss__quantile=0.9")
        assert "SquaredError has no parameter quantile; --loss names another loss" in said
        said = complain(*given, "--penalty", "mcp", "--set", "penalty__lower=0")
        assert "MCP has no parameter lower, but gamma, groups; --penalty names" in said
        said = complain(*given, "--set", "penalty__gamma=3")
        assert "gamma has no effect on L2 and L1 and ElasticNet without --set pen" in said
        assert "'alpha=1' is neither loss__NAME=VALUE nor" in complain(*given, "--set", "alpha=1")

    def test_one_standard_error_chooses_a_stronger_penalty(self, search):
        options = ("--penalty", "l1", "--alphas", "10", "--top", "1")
        _, best, _ = search(*options)
        _, sparser, _ = search(*options, "--refit", "1se")
        error = float(rows(best)[0][3])
        assert float(chosen(sparser)[2]) > float(chosen(best)[2])
        assert chosen(best)[1] - error - 1e-4 <= chosen(sparser)[1] <= chosen(best)[1]
        # The chosen one is shown although it is not among the top 1.
        assert len(rows(best)) == 1 and len(rows(sparser)) == 2
        assert f"within one standard error, {error:.4f}, of the best mean score" in sparser

    def test_one_standard_error_may_choose_the_best(self, search, tmp_path):
        X = np.random.default_rng(0).normal(size=(90, 3))
        np.savez(tmp_path / "exact.npz", X=X, y=X @ [1.0, 2.0, 3.0])
        _, out, _ = search(tmp_path / "exact.npz", "--penalty", "l1", "--refit", "1se", *FEW)
        assert chosen(out)[0] == 1
        assert "no stronger penalty is within" in out

    def test_the_end_of_the_grid_is_pointed_out(self, search):
        hint = "it is the weakest of its 2 strengths"
        options = ("--cv", "2", "--penalty", "l1", "--alphas")
        assert hint in search(*options, "2")[1]
        assert "it is the weakest" not in search(*options, "10")[1]

    def test_score_is_that_of_the_option_the_loss_or_the_task(self, search, narrow):
        options = (narrow, "--target", "stars", "--cv", "2", "--alphas", "2", "--penalty", "l2")
        assert "score: accuracy" in search(*options)[1]
        assert "score: r2" in search(*options, "--loss", "huber")[1]
        assert "score: neg_mean_poisson_deviance" in search(*options, "--loss", "poisson")[1]
        assert "score: roc_auc" in search(*options, "--scoring", "roc_auc")[1]

    def test_fits_that_do_not_converge_are_counted(self, search):
        for workers in ("1", "2"):
            code, out, err = search(
                *FEW, "--penalty", "l1", "--max-iter", "1", "--tol", "1e-9", "--n-jobs", workers
            )
            assert (code, err) == (0, "")
            said = re.search(r"(\d+) of 13 fits did not converge \(tol=1e-09, max_iter=1\)", out)
            assert 0 < int(said[1]) <= 13

    def test_workers_find_the_same(self, search):
        one, two = (search(*QUICK, "--n-jobs", n)[1] for n in ("1", "2"))
        assert [cells[:6] for cells in rows(one)] == [cells[:6] for cells in rows(two)]

    def test_progress_bar_only_on_a_terminal(self, search, monkeypatch):
        assert search(*QUICK)[2] == ""
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert "Searching" in search(*QUICK)[2]

    def test_file_may_follow_an_option_with_several_values(self, search, narrow):
        options = ("--target", "label", "--cv", "2", "--alphas", "2")
        assert "d.csv: 120 rows" in search(*options, "--l1-ratios", "0.1", "0.9", narrow)[1]
        assert "d.csv: 120 rows" in search(*options, "--penalty", "l1", "l2", narrow)[1]

    @pytest.mark.parametrize(("task", "loss"), list(each_loss()))
    def test_every_loss_can_be_searched(self, search, narrow, task, loss):
        options = ("--task", task, "--cv", "2", "--alphas", "2", "--l1-ratios", "0.5")
        target, same = "stars" if task == "classification" else "count", "share"
        if (task, loss) == ("regression", "log_loss"):
            target, same = same, target
        code, out, _ = search(narrow, *options, "--loss", loss, "--target", target, "--drop", same)
        assert code == 0
        assert f"\n{task}, loss={loss}, 6 candidates" in out


class TestSavedModel:
    @pytest.mark.parametrize("target", ["price", "label"])
    def test_predicts_a_table_as_pandas_reads_it(self, search, path, target):
        file = path.parent / "model.joblib"
        options = ("--target", target, "--cv", "2", "--alphas", "3", "--penalty", "l2")
        code, out, _ = search(path, *options, "--save", file)
        assert code == 0
        assert f"saved {file}; in Python: joblib.load('{file}').predict(X), where X is a" in out
        model, frame, data = joblib.load(file), pd.read_csv(path), read(path, target)
        np.testing.assert_array_equal(model.predict(frame), model.predict(data.X))
        assert model.score(frame, frame[target]) > 0.5
        assert len(model.predict(frame[:1])) == 1

    def test_is_the_chosen_one(self, search, tmp_path):
        file = tmp_path / "model.joblib"
        _, out, _ = search(*FEW, "--penalty", "l1", "--save", file)
        assert "where X is an array or sparse matrix of 30 columns" in out
        model = joblib.load(file)[-1]
        assert (model.penalty, f"{model.alpha:.3g}") == ("l1", chosen(out)[2])
        assert model.converged_


class TestPlot:
    def test_is_drawn(self, search, path, tmp_path):
        image = tmp_path / "image.png"
        # Texts, so that the columns differ from split to split.
        for options in ((), (path, "--target", "label")):
            code, out, _ = search(*options, *FEW, "--penalty", "l1", "--plot", image)
            assert code == 0
            assert f"drew {image}" in out
            assert image.read_bytes().startswith(b"\x89PNG")
            image.unlink()


class TestMistakes:
    def test_options(self, complain, path):
        said = complain("--scoring", "acuracy")
        assert "argument --scoring: scikit-learn has no score 'acuracy'; did you mean acc" in said
        assert "did you mean" not in complain("--scoring", "zzzzz")
        assert "invalid choice: 'none' (choose from l2, l1, elast" in complain("--penalty", "none")
        assert "1 is too few strengths, 2 are the least" in complain("--alphas", "1")
        assert "invalid int value: 'many'" in complain("--alphas", "many")
        assert "0 is too few rows, 1 is the least" in complain("--top", "0")
        assert "1.5 is no share" in complain("--l1-ratios", "0.5", "1.5")
        assert "invalid value: 'half'" in complain("--l1-ratios", "half")
        said = complain("--penalty", "l1", "l2", "--l1-ratios", "0.5")
        assert "--l1-ratios is the share of l1 in elasticnet, and has no effect on l1 and" in said
        said = complain("--l1-ratios", "0.5", "--set", "penalty__l1_ratio=.5")
        assert "--l1-ratios and --set penalty__l1_ratio say the same" in said
        assert "invalid choice: '2se'" in complain("--refit", "2se")
        said = complain(path, "--target", "price", "--class-weight", "balanced")
        assert "--class-weight is for classification, not for regression" in said
        assert "too few for cross-validation in 600 folds; --cv 357 takes fewer" in complain(
            "--cv", "600", "--alphas", "2"
        )

    def test_a_score_that_does_not_fit(self, complain, path):
        said = complain(path, "--target", "label", *QUICK, "--scoring", "r2")
        assert "score r2 is not for two classes; scores that do: accuracy, balanced_acc" in said
        said = complain(path, "--target", "price", *QUICK, "--loss", "gamma")
        assert "loss='gamma' needs targets y > 0" in said

    def test_files(self, complain, tmp_path):
        assert "cannot save" in complain("--save", tmp_path / "gone" / "model.joblib")
        assert "it is a directory" in complain("--save", tmp_path)
        assert "its name must end in one of" in complain("--plot", tmp_path / "image.doc")
        assert "there is no such file" in complain(tmp_path / "gone.csv")


class TestCoefficients:
    def test_the_largest_are_printed_and_all_are_written(self, search, narrow, tmp_path):
        options = ("--penalty", "l2", "--alphas", "3", "--cv", "3")
        csv = tmp_path / "coefficients.csv"
        code, out, err = search(*options, "--coefficients", str(csv))
        assert (code, err) == (0, "")
        table = pd.read_csv(csv)
        assert len(table) == 31 and table["feature"][0] == "(intercept)"
        effects = table["effect"].abs().dropna().sort_values(ascending=False)
        assert "the 20 largest of 30 coefficients, by their effect" in out
        lines = out.split("by their effect")[1].splitlines()
        shown = [line for line in lines if table["feature"][effects.index[0]] in line]
        assert f"{table['coefficient'][effects.index[0]]:.4g}" in shown[0]
        code, out, _ = search(str(narrow), "--target", "stars", *options, "--coefficients")
        assert code == 0 and "by their effect" in out and "wrote" not in out

    def test_the_file_is_checked_before_the_search(self, complain, narrow, tmp_path):
        lost = tmp_path / "no" / "where.csv"
        assert "there is no directory" in complain("--coefficients", str(lost))
        told = complain(str(narrow), "--target", "stars", "--coefficients", str(narrow))
        assert "it is the file of the data" in told
