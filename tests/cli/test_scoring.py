"""--scoring and --positive of both commands, and the row of the null model."""

import re

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import f1_score, get_scorer_names, make_scorer, precision_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier
from nno_sklearn.cli.scoring import SCORES_OF_ONE_CLASS
from tests.cli.commands import complaint_of, runner

QUICK = {
    "search": ("--cv", "3", "--alphas", "2", "--penalty", "l2"),
    "compare": ("--cv", "3", "--solver", "nearest_neighbor", "--alpha", "0.01"),
}
FOLDS = {"shuffle": True, "random_state": 0}


@pytest.fixture(params=["search", "compare"])
def command(request):
    return request.param


@pytest.fixture
def run(command, capsys):
    run = runner(command, capsys)
    return lambda *args: run(*args, *QUICK[command])


@pytest.fixture
def complain(run):
    return complaint_of(run)


@pytest.fixture
def data(tmp_path):
    """Writes a table with a target of the values given, which its columns nearly tell."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))

    def write(values):
        ranks = (X[:, 0] + 0.7 * rng.normal(size=90)).argsort().argsort()
        y = np.asarray(values)[ranks * len(values) // 90]
        lines = [f"{a:.6f},{b:.6f},{label}" for (a, b), label in zip(X, y, strict=True)]
        (tmp_path / "d.csv").write_text("\n".join(["a,b,y", *lines]))
        return tmp_path / "d.csv", X.round(6), y

    return write


def scores(out):
    """Mean and standard error of the rows that have one."""
    return [tuple(map(float, pair)) for pair in re.findall(r"(-?\d\S*) ± (\d\S*)", out)]


class TestPositiveClass:
    @pytest.mark.parametrize("name", [*SCORES_OF_ONE_CLASS, "roc_auc"])
    def test_is_the_last_one_and_said(self, run, data, name):
        if name not in get_scorer_names():
            pytest.skip(f"this scikit-learn has no {name}")
        code, out, err = run(data(["no", "yes"])[0], "--scoring", name)
        assert (code, err) == (0, "")
        assert "positive class: 'yes', the last of 'no' or 'yes'; --positive names ano" in out
        assert f"score: {name} ± standard error" in out

    @pytest.mark.parametrize("labels", [[0, 1], [-1, 1], [1, 2], [False, True]])
    def test_may_be_a_number(self, run, data, labels):
        _, out, _ = run(data(labels)[0], "--scoring", "f1")
        assert f"positive class: {labels[1]}, the last of {labels[0]} or {labels[1]}; --pos" in out

    @pytest.mark.parametrize("positive", ["no", "yes"])
    @pytest.mark.parametrize("metric", [f1_score, precision_score])
    def test_is_that_of_the_option(self, data, capsys, positive, metric):
        path, X, y = data(["no", "no", "yes"])
        name = metric.__name__.removesuffix("_score")
        options = ("--scoring", name, "--positive", positive, "--tol", "1e-9")
        _, out, _ = runner("compare", capsys)(path, *options, *QUICK["compare"])
        model = make_pipeline(StandardScaler(), NNOClassifier(alpha=0.01, tol=1e-9))
        expected = cross_val_score(
            model,
            X,
            y,
            cv=StratifiedKFold(3, **FOLDS),
            scoring=make_scorer(metric, pos_label=positive),
        )
        assert f"positive class: '{positive}'\n" in out
        error = expected.std(ddof=1) / np.sqrt(3)
        np.testing.assert_allclose(scores(out)[0], (expected.mean(), error), atol=1e-4)

    def test_numbers_are_named_by_their_value(self, run, data):
        path, *_ = data([1.0, 2.0])
        assert "positive class: 1\n" in run(path, "--scoring", "f1", "--positive", "1")[1]

    def test_is_not_said_of_other_scores(self, run, data):
        assert "positive class" not in run(data(["no", "yes"])[0])[1]
        assert "positive class" not in run(data(list("abc"))[0], "--scoring", "f1_macro")[1]

    def test_mistakes(self, complain, data):
        path, *_ = data(["no", "yes"])
        said = complain(path, "--scoring", "f1", "--positive", "maybe")
        assert "--positive maybe: there is no such class; 'y' is 'no' or 'yes'" in said
        assert "--positive has no effect on the score accuracy" in complain(
            path, "--positive", "no"
        )
        path, *_ = data(list("abc"))
        said = complain(path, "--positive", "a", "--scoring", "f1_macro")
        assert "--positive names one of two classes, but 'y' has 3; leave it out" in said
        path, *_ = data(np.linspace(0, 1, 90))
        assert "but this is regression; leave it out" in complain(path, "--positive", "a")


class TestScoresThatCannotBe:
    @pytest.mark.parametrize(
        ("labels", "options", "why", "instead"),
        [
            ("ab", "--loss squared_hinge --scoring neg_log_loss", "needs probabilities, which loss "
             "squared_hinge does not give", "accuracy, balanced_accuracy, roc_auc"),
            ("ab", "--scoring r2", "is not for two classes", "accuracy"),
            ([0, 1], "--scoring r2", "is not for two classes", "accuracy"),
            ("ab", "--scoring f1_samples", "is not for two classes", "accuracy"),
            ("ab", "--scoring top_k_accuracy", "is not for two classes", "accuracy"),
            ("abc", "--scoring f1", "is for two classes, and 'y' has 3", "f1_macro, f1_micro"),
            ("abc", "--scoring roc_auc", "is for two classes, and 'y' has 3", "roc_auc_ovo"),
            ("abc", "--scoring r2", "is not for classification", "accuracy"),
            (np.linspace(0, 1, 90), "--scoring roc_auc", "is not for regression", "r2, neg_mean_"),
            (np.linspace(0, 1, 90), "--scoring rand_score", "is not for regression", "r2, neg_"),
            (range(40), "--scoring accuracy", "is not for regression", "r2, neg_mean_abs"),
        ],
    )  # fmt: skip
    def test_others_are_named(self, complain, data, labels, options, why, instead):
        said = complain(data(list(labels))[0], *options.split())
        assert f"score {options.split()[-1]} {why}; scores that do: {instead}" in said

    @pytest.mark.parametrize("labels", ["ab", "abc"])
    @pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
    def test_the_others_do(self, data, capsys, loss, labels):
        run = runner("compare", capsys)
        path, *_ = data(list(labels))
        options = (path, "--loss", loss, "--baseline", *QUICK["compare"])
        said = complaint_of(run)(*options, "--scoring", "f1_samples")
        for name in said.strip().partition("scores that do: ")[2].split(", "):
            code, out, err = run(*options, "--scoring", name)
            assert (code, err) == (0, "")
            assert "nan" not in out

    def test_a_score_that_fails_on_these_predictions(self, complain, data):
        path, *_ = data(np.linspace(-5, 1, 90))
        said = complain(path, "--scoring", "neg_mean_poisson_deviance")
        assert "score neg_mean_poisson_deviance: Mean Tweedie deviance" in said
        assert said.endswith("Name another with --scoring.\n")

    def test_an_error_of_the_fit_is_not_blamed_on_the_score(self, complain, data):
        path, *_ = data(np.linspace(-5, 1, 90))
        assert "scoring" not in complain(path, "--loss", "gamma")


def test_labels_may_be_bytes(run, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, "größer".encode(), b"no")
    np.savez(tmp_path / "d.npz", X=X, y=y)
    code, out, err = run(tmp_path / "d.npz", "--scoring", "f1", "--positive", "größer")
    assert (code, err) == (0, "")
    assert "positive class: 'größer'" in out


class TestNullModel:
    @pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "neg_log_loss", "recall"])
    def test_is_the_last_row(self, run, data, scoring):
        path, X, y = data([0, 0, 1])
        _, out, err = run(path, "--scoring", scoring)
        assert err == ""
        dummy, folds = DummyClassifier(strategy="prior"), StratifiedKFold(3, **FOLDS)
        expected = cross_val_score(dummy, X, y, cv=folds, scoring=scoring)
        found = scores(out.split("\n\n")[1])[-1]
        error = expected.std(ddof=1) / np.sqrt(3)
        np.testing.assert_allclose(found, (expected.mean(), error), atol=1e-4)
        assert "majority class" in out
        assert "is not better than" not in out

    def test_is_the_mean_in_regression(self, run, data):
        path, X, y = data(np.linspace(0, 1, 90))
        _, out, _ = run(path)
        expected = cross_val_score(DummyRegressor(), X, y, cv=KFold(3, **FOLDS)).mean()
        np.testing.assert_allclose(scores(out.split("\n\n")[1])[-1][0], expected, atol=1e-4)
        assert re.search(r"\bmean\b.*–", out)

    def test_no_better_is_said(self, run, tmp_path):
        rng = np.random.default_rng(3)
        np.savez(tmp_path / "d.npz", X=rng.normal(size=(90, 2)), y=np.arange(90) % 10 == 0)
        _, out, _ = run(tmp_path / "d.npz")
        assert "is not better than the majority class by more than one standard error" in out
