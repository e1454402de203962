"""The command `nno-sklearn compare`, from files to the table."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, SGDClassifier, SGDRegressor

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.cli.arguments import LOSSES
from nno_sklearn.cli.baseline import make_baseline
from nno_sklearn.cli.contenders import TimedFit
from nno_sklearn.cli.main import main

QUICK = ("--cv", "2", "--solver", "nearest_neighbor")
NULL_MODELS = ("majority class", "mean")


def rows(out):
    """Cells of the table by name of the solver, without the row of the null model."""
    body = out.split("─\n")[-1]
    lines = [line for line in body.splitlines() if "±" in line]
    return {line.split()[0]: line.split() for line in lines if not line.startswith(NULL_MODELS)}


class TestTable:
    def test_default_compares_all_solvers_on_breast_cancer(self, compare):
        code, out, err = compare("--cv", "3")
        assert (code, err) == (0, "")
        assert "breast_cancer: 569 rows × 30 columns after preprocessing" in out
        assert "loss=log_loss, penalty=l2, alpha=0.0001, cv=3, score: accuracy" in out
        found = rows(out)
        assert list(found) == ["gd", "nearest_neighbor", "proximal"]
        for _, score, _, _, seconds, passes, gap, nonzeros, converged in found.values():
            assert 0.95 < float(score) < 1
            assert float(seconds) >= 0
            assert float(passes) > 1
            assert 0 <= float(gap) <= 1e-4
            assert nonzeros == "30"
            assert converged == "3/3"

    def test_parameters_of_the_penalty(self, compare):
        options = (*QUICK, "--baseline", "--penalty", "elasticnet", "--l1-ratio", "0.3")
        _, out, _ = compare(*options, "--set", "penalty__positive=true")
        assert "penalty=ElasticNet(l1_ratio=0.3, positive=True), alpha=0.0001" in out
        assert "baseline: left out: it is found by names of loss and penalty" in out
        code, _, err = compare(*QUICK, "--penalty", "none", "--set", "penalty__gamma=3")
        assert code == 2 and "--set penalty__gamma: there is no penalty" in err

    def test_solvers_are_compared_on_the_same_folds(self, compare):
        _, out, _ = compare("--cv", "2", "--tol", "1e-9", "--alpha", "0.01")
        assert len({tuple(cells[1:4]) for cells in rows(out).values()}) == 1

    def test_folds_follow_the_random_state(self, compare):
        scores = {rows(compare(*QUICK, "--random-state", seed)[1])["nearest_neighbor"][1]
                  for seed in range(4)}  # fmt: skip
        assert len(scores) > 1

    def test_a_solver_that_cannot_is_explained(self, compare):
        code, out, _ = compare("--cv", "2", "--penalty", "l1", "--alpha", "0.01")
        assert code == 0
        assert list(rows(out)) == ["nearest_neighbor", "proximal"]
        assert "gd: not run. solver='gd' needs a penalty with a gradient" in out
        assert int(rows(out)["proximal"][7]) < 30

    def test_penalties_have_names(self, compare):
        options = ("--penalty", "mcp", "--alpha", "0.05", "--solver", "proximal", "--baseline")
        code, out, _ = compare("--cv", "2", *options)
        assert code == 0 and "penalty=mcp, alpha=0.05" in out
        assert "baseline: scikit-learn has no estimator with this objective" in out

    def test_no_certificate_without_a_conjugate(self, compare, tmp_path):
        X = np.random.default_rng(0).normal(size=(60, 2))
        rate = np.exp(X[:, :1] / 2) + 0.25
        path = tmp_path / "rates.csv"
        np.savetxt(path, np.hstack([X, rate]), delimiter=",", header="a,b,y", comments="")
        given = str(path), "--target", "y", "--loss", "inverse_gaussian"
        _, out, _ = compare(*given, *QUICK, "--penalty", "none", "--tol", "0.1")
        assert rows(out)["nearest_neighbor"][6] == "–" and "did not converge" not in out

    def test_no_optimum_without_a_penalty(self, compare):
        _, out, _ = compare(*QUICK, "--penalty", "none", "--tol", "0.1")
        assert rows(out)["nearest_neighbor"][6:9:2] == ["inf", "0/2"]
        assert "choose a penalty" in out

    def test_fits_that_do_not_converge_are_counted(self, compare):
        code, out, err = compare("--cv", "2", "--solver", "gd", "--max-iter", "2")
        assert (code, err) == (0, "")
        assert rows(out)["gd"][-1] == "0/2"
        assert "2 of 2 fits did not converge (tol=0.0001, max_iter=2)" in out

    def test_plot_is_drawn(self, compare, tmp_path):
        image = tmp_path / "image.png"
        code, out, _ = compare("--cv", "2", "--penalty", "l1", "--baseline", "--plot", image)
        assert code == 0
        assert f"drew {image}" in out
        assert image.read_bytes().startswith(b"\x89PNG")

    def test_progress_bar_only_on_a_terminal(self, compare, monkeypatch):
        assert compare(*QUICK)[2] == ""
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert "Cross-validating" in compare(*QUICK)[2]

    def test_runs_as_a_module(self):
        command = [sys.executable, "-m", "nno_sklearn", "compare", "--solver", "nonsense"]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 2
        assert run.stderr.startswith("nno-sklearn: error: argument --solver: invalid choice")


class TestBaseline:
    ALPHA = 0.05

    @pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
    @pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial"])
    def test_has_the_same_optimum(self, loss, penalty):
        n_classes = 3 if loss == "multinomial" else 2
        X, y = make_classification(
            150, 5, n_informative=5, n_redundant=0, n_classes=n_classes, flip_y=0.3, random_state=0
        )
        loss = loss.replace("multinomial", "log_loss")
        Estimator = NNORegressor if loss == "squared_error" else NNOClassifier
        self.check(Estimator, X, y, loss, penalty)

    @pytest.mark.parametrize("penalty", ["l2", None])
    @pytest.mark.parametrize("loss", ["poisson", "gamma"])
    def test_of_a_deviance_has_the_same_optimum(self, loss, penalty):
        X, _ = make_regression(150, 5, random_state=0)
        y = np.random.default_rng(0).poisson(np.exp(0.3 * X[:, 0])) + 1.0
        self.check(NNORegressor, X, y, loss, penalty)

    def check(self, Estimator, X, y, loss, penalty):
        problem = {
            "loss": loss, "penalty": penalty, "alpha": self.ALPHA,
            "l1_ratio": 0.3 if penalty == "elasticnet" else 0.5,
            "tol": 1e-8, "max_iter": 100_000, "random_state": 0,
        }  # fmt: skip
        expected = make_baseline(len(y), **problem).fit(X, y)
        model = Estimator(**problem).fit(X, y)
        # Without a penalty the intercepts of three classes are known up to a constant only.
        coef, reference = (np.atleast_2d(m.coef_) for m in (model, expected))
        if penalty is None:
            coef, reference = coef - coef.mean(0), reference - reference.mean(0)
        np.testing.assert_allclose(coef, reference, atol=2e-4)

    @pytest.mark.parametrize("loss", ["squared_hinge", "modified_huber", "huber"])
    def test_of_other_losses_is_stochastic(self, loss):
        X, y = make_classification(400, 5, flip_y=0.2, random_state=0)
        problem = {
            "loss": loss, "penalty": "l2", "alpha": self.ALPHA, "l1_ratio": 0.5,
            "tol": 1e-6, "max_iter": 2000, "random_state": 0,
        }  # fmt: skip
        baseline = make_baseline(len(y), **problem)
        assert type(baseline) is (SGDRegressor if loss == "huber" else SGDClassifier)
        model = (NNORegressor if loss == "huber" else NNOClassifier)(**problem).fit(X, y)
        baseline.fit(X, y)
        eta = X @ baseline.coef_.ravel() + baseline.intercept_
        objective = model.loss_.value(y, eta).mean() + self.ALPHA / 2 * np.sum(baseline.coef_**2)
        assert model.objective_ <= objective < 1.01 * model.objective_

    def test_is_a_row_of_the_table(self, compare):
        _, out, err = compare("--cv", "2", "--baseline", "--alpha", "0.01", "--tol", "1e-6")
        cells = rows(out)["LogisticRegression"]
        assert cells[1:4] == rows(out)["gd"][1:4]
        assert cells[5:7] == ["–", "–"]
        assert err == ""

    def test_may_not_exist(self, compare, narrow_table, tmp_path):
        narrow_table["price"] = np.exp(narrow_table["price"])
        path = tmp_path / "data.csv"
        narrow_table.drop(columns="label").to_csv(path, index=False)
        _, out, _ = compare(path, *QUICK, "--loss", "gamma", "--penalty", "l1", "--baseline")
        assert "baseline: scikit-learn has no estimator with this objective" in out
        assert list(rows(out)) == ["nearest_neighbor"]

    def test_unpenalised_least_squares(self):
        problem = dict.fromkeys(("tol", "max_iter", "random_state", "l1_ratio"))
        baseline = make_baseline(9, loss="squared_error", penalty="l1", alpha=0.0, **problem)
        assert type(baseline) is LinearRegression


class TestTask:
    @pytest.fixture
    def path(self, narrow_table, tmp_path):
        narrow_table["stars"] = (narrow_table["price"] > 0) + 1
        narrow_table["count"] = 1 + np.arange(len(narrow_table)) * 7 % 40
        narrow_table["share"] = narrow_table["count"] / 41
        narrow_table.to_csv(tmp_path / "d.csv", index=False)
        return tmp_path / "d.csv"

    @pytest.mark.parametrize(
        ("target", "task"),
        [("label", "classification"), ("stars", "classification"), ("ready", "classification"),
         ("price", "regression"), ("count", "regression")],
    )  # fmt: skip
    def test_is_inferred_from_the_target(self, compare, path, target, task):
        code, out, _ = compare(path, "--target", target, *QUICK, "--alpha", "0.1")
        assert code == 0
        assert f"{task} (inferred from '{target}'; --task overrides)" in out
        assert f"score: {'r2' if task == 'regression' else 'accuracy'}" in out

    def test_is_overridden(self, compare, path):
        _, out, _ = compare(path, "--target", "stars", "--task", "regression", *QUICK)
        assert "\nregression, loss=squared_error" in out

    def test_is_that_of_the_loss(self, compare, path):
        _, out, _ = compare(path, "--target", "stars", "--loss", "poisson", *QUICK)
        assert "\nregression, loss=poisson" in out

    @pytest.mark.parametrize("loss", ["poisson", "gamma"])
    def test_score_is_the_deviance_where_it_is_the_loss(self, compare, path, loss):
        code, out, _ = compare(path, "--target", "stars", "--loss", loss, *QUICK)
        assert code == 0
        assert f"score: neg_mean_{loss}_deviance" in out
        assert -1 < float(rows(out)["nearest_neighbor"][1]) < 0

    def test_file_may_follow_an_option_with_several_values(self, compare, path):
        for file in ([path, "--solver", "gd", "proximal"], ["--solver", "gd", "proximal", path]):
            code, out, err = compare("--target", "stars", "--cv", "2", "--alpha", "0.1", *file)
            assert (code, err) == (0, "")
            assert out.startswith("d.csv: 120 rows")
            assert list(rows(out)) == ["gd", "proximal"]

    def test_a_value_is_no_file(self, compare, path, monkeypatch):
        (path.parent / "gd").mkdir()
        monkeypatch.chdir(path.parent)
        _, out, _ = compare("--cv", "2", "--solver", "proximal", "gd", "gd")
        assert out.startswith("breast_cancer")
        assert list(rows(out)) == ["proximal", "gd"]

    @pytest.mark.parametrize("task", LOSSES)
    def test_every_loss_can_be_compared(self, compare, path, task):
        for loss in LOSSES[task]:
            target, same = "stars" if task == "classification" else "count", "share"
            if (task, loss) == ("regression", "log_loss"):
                target, same = same, target
            options = ("--target", target, "--task", task, "--loss", loss, "--alpha", "0.1")
            code, out, _ = compare(path, *options, *QUICK, "--drop", same)
            assert code == 0
            assert f"\n{task}, loss={loss}," in out

    def test_text_labels_are_predicted(self, compare, path):
        _, out, _ = compare(path, "--target", "label", *QUICK, "--alpha", "0.01")
        assert float(rows(out)["nearest_neighbor"][1]) > 0.7


class TestMistakes:
    def write(self, path, text):
        path.write_text(text)
        return path

    def test_file(self, complain, tmp_path):
        assert "there is no such file" in complain(tmp_path / "gone.csv")
        assert "it is a directory" in complain(tmp_path)
        assert "is empty" in complain(self.write(tmp_path / "empty.csv", ""))
        assert "must end in one of .csv, .tsv" in complain(self.write(tmp_path / "d.doc", "x"))

    def test_column(self, complain, tmp_path):
        path = self.write(tmp_path / "d.csv", "carat,price\n1.5,2\n2.5,3\n")
        said = complain(path, "--target", "pric")
        assert "no column 'pric'" in said
        assert "did you mean 'price'? Its columns: carat, price" in said
        assert "did you mean" not in complain(path, "--target", "zzz")
        assert "brings its own y" in complain("--target", "price")

    def test_target(self, complain, tmp_path, table):
        table["same"] = 1
        table["negative"] = -np.arange(len(table)) - 0.5
        table.to_csv(tmp_path / "d.csv", index=False)

        def mistake(target, *options):
            return complain(tmp_path / "d.csv", "--target", target, *options)

        assert "is text ('" in mistake("colour", "--task", "regression")
        assert "use --task regression" in mistake("price", "--task", "classification")
        assert "is always 1; classification needs two" in mistake("same")
        told = mistake("remark")
        assert "different texts in 118 rows, too many for classes; name another column" in told
        assert "with --target: " in told and ", colour, " in told
        assert "holds no rows" in mistake("nothing")
        assert "loss='poisson' needs targets y >= 0" in mistake("negative", "--loss", "poisson")
        assert "loss='gamma' needs targets y > 0" in mistake("negative", "--loss", "gamma")

    @pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
    def test_a_score_that_is_no_number_on_any_fold(self, complain, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,.5\n2,1.5\n4,2.25\n")
        assert "r2 is not a number for any model" in complain(tmp_path / "d.csv", "--cv", "3")

    def test_options(self, complain, tmp_path):
        assert "invalid choice: 'newton'" in complain("--solver", "newton")
        said = complain("--solver", "gd", "newton")
        assert "argument --solver: invalid choice: 'newton' (choose from auto, gd" in said
        assert "invalid choice: 'perceptron'" in complain("--loss", "perceptron")
        assert "1 is too few folds" in complain("--cv", "1")
        assert "invalid float value: 'much'" in complain("--alpha", "much")
        assert "alpha=-1.0: it must be a number of at least 0" in complain("--alpha", "-1")
        assert "too few for cross-validation in 600 folds; --cv 357 takes fewer" in complain(
            "--cv", "600"
        )
        said = complain("--task", "classification", "--loss", "huber")
        assert "loss huber is for regression, not for classification; use one of log_loss" in said
        assert "unrecognized arguments: --what" in complain("--what")

    def test_options_without_effect(self, complain):
        said = complain("--l1-ratio", "0.5")
        assert "--l1-ratio is the share of l1 in elasticnet, and has no effect on l2;" in said
        said = complain("--penalty", "elasticnet", "--l1-ratio", ".5", "--set",
                        "penalty__l1_ratio=.5")  # fmt: skip
        assert "--l1-ratio and --set penalty__l1_ratio say the same" in said
        said = complain("--penalty", "none", "--alpha", "0.0001")
        assert "--alpha has no effect without a penalty; leave it out, or take another" in said

    def test_two_texts_are_classes_in_however_few_rows(self, complain, tmp_path):
        (tmp_path / "d.csv").write_text("a,y\n1,no\n2,yes\n4,yes\n")
        said = complain(tmp_path / "d.csv")
        assert "d.csv has 2 rows of the largest class of 'y', too few for cross-validation" in said

    def test_no_command(self, capsys):
        assert main([]) == 2
        assert "the following arguments are required: COMMAND" in capsys.readouterr().err

    def test_no_solver_accepts_the_problem(self, complain):
        assert "solver='gd' needs" in complain("--solver", "gd", "--penalty", "l1")

    def test_plot(self, complain, tmp_path):
        assert "its name must end in one of" in complain("--plot", tmp_path / "image.doc")
        assert "there is no directory" in complain("--plot", tmp_path / "gone" / "image.png")

    @pytest.mark.parametrize("module", ["rich.console", "pandas", "matplotlib.backend_bases"])
    def test_missing_extras(self, complain, monkeypatch, tmp_path, module):
        path = self.write(tmp_path / "d.csv", "a,y\n1,0\n2,1\n")
        monkeypatch.setitem(sys.modules, module, None)
        said = complain(path, "--plot", tmp_path / "image.png")
        assert (
            f'{module.partition(".")[0]} is not installed; run: pip install "nno_sklearn[cli]"'
            in said
        )

    def test_an_error_of_ours_is_not_hidden(self, monkeypatch):
        def broken(*_):
            raise ModuleNotFoundError("No module named 'other'", name="other")

        monkeypatch.setattr("nno_sklearn.cli.compare.read_data", broken)
        with pytest.raises(ModuleNotFoundError, match="other"):
            main(["compare"])


class TestTimedFit:
    class Noisy(NNOClassifier):
        def fit(self, X, y):
            warnings.warn("slow", ConvergenceWarning, stacklevel=2)
            warnings.warn("strange", RuntimeWarning, stacklevel=2)
            return self

    def test_counts_convergence_warnings_and_passes_others(self):
        with pytest.warns(RuntimeWarning, match="strange") as caught:
            fit = TimedFit.of(self.Noisy(), np.eye(2), [0, 1])
        assert len(caught) == 1
        assert not fit.converged
