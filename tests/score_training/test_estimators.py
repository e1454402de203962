"""Estimators trained on a metric: never worse than their start, reproducible, well-behaved."""

import re
import warnings
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    get_scorer,
    hinge_loss,
    make_scorer,
    mean_absolute_error,
    mean_pinball_loss,
)
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV, ScoreTraining
from nno_sklearn.inspection import ConvergenceDisplay
from nno_sklearn.losses import LogLoss
from nno_sklearn.penalties import L2
from nno_sklearn.score_training.confusion import recognise
from nno_sklearn.score_training.folds import make_folds
from nno_sklearn.solvers import SOLVERS
from tests.problems import pose


def rare(n=900, p=4, seed=0):
    """The first column decides, except for a few outlying positives that move the logistic loss."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = (X[:, 0] + 0.3 * rng.normal(size=n) > 1.0).astype(int)
    far = rng.random(n) < 0.03
    X[far, :2] += (-8.0, 6.0)
    y[far] = 1
    return X, y


X, Y = rare()


@pytest.fixture(scope="module")
def trained():
    return NNOClassifier("f1", random_state=0).fit(X, Y)


class TestClassifier:
    def test_it_beats_its_start_on_new_data(self, trained):
        new_X, new_y = rare(5000, seed=1)
        f1 = [f1_score(new_y, model.predict(new_X)) for model in (trained, trained.start_)]
        assert f1[0] > f1[1] + 0.02

    def test_history_has_both_scores(self, trained):
        first, last = trained.history_[0], trained.history_[-1]
        assert last.objective < first.objective
        assert max(record.validation_score for record in trained.history_) > first.validation_score
        passes = [record.n_passes for record in trained.history_]
        assert (np.diff(passes) > 0).all()
        assert trained.n_iter_ == len(trained.history_) - 1
        assert trained.converged_

    def test_history_is_drawn_like_any_other(self, trained):
        display = ConvergenceDisplay.from_estimators({"f1": trained})
        assert not display.certified_
        height = display.lines_[0].get_ydata()
        assert height[0] == pytest.approx(trained.history_[0].objective - display.reference_)
        assert len(display.lines_[1].get_xdata()) == trained.n_iter_ + 1

    def test_no_certificate_is_claimed(self, trained):
        for model in (trained, trained.start_):
            assert np.isnan(model.optimality_) and model.dual_gap_ == np.inf
        assert trained.start_.n_iter_ == 1

    def test_a_round_is_printed_with_both_scores(self, capsys):
        NNOClassifier("f1", random_state=0, verbose=1).fit(X, Y)
        first = capsys.readouterr().out.splitlines()[0]
        assert re.fullmatch(
            r"\[NNOClassifier\] objective -\d.*  held-out score 0\.\d{6}  nonzeros \d.*", first
        )

    @pytest.mark.parametrize("penalty", ["l2", "l1", None])
    @pytest.mark.parametrize("solver", ["gd", "proximal", "nearest_neighbor"])
    def test_every_solver_finds_the_start(self, solver, penalty, trained):
        if solver == "gd" and penalty == "l1":
            return
        model = NNOClassifier("f1", solver=solver, penalty=penalty, random_state=0).fit(X, Y)
        assert type(model.solver_) is SOLVERS[solver]
        assert model.objective_ == pytest.approx(trained.objective_, abs=0.03)

    def test_folds_are_tuned_as_parameters_of_the_loss(self):
        search = GridSearchCV(
            NNOClassifier(ScoreTraining("f1"), random_state=0),
            {"loss__cv": [2, 3], "loss__scorer": ["f1", "balanced_accuracy"]},
            cv=2,
            scoring="f1",
        ).fit(X[:200], Y[:200])
        model = search.best_estimator_
        assert len(search.cv_results_["params"]) == 4
        assert model.get_params()["loss__cv"] == search.best_params_["loss__cv"]
        assert clone(model).loss is not model.loss

    def test_the_name_is_short_for_the_object(self, trained):
        again = NNOClassifier(ScoreTraining("f1", cv=5), random_state=0).fit(X, Y)
        np.testing.assert_array_equal(again.coef_, trained.coef_)

    def test_objective_is_minus_the_score(self, trained):
        for model in (trained, trained.start_):
            assert -model.objective_ == pytest.approx(f1_score(Y, model.predict(X)))

    def test_scores_of_the_folds_never_fall_on_their_own_rows(self, trained):
        scores = [-record.objective for record in trained.history_]
        assert (np.diff(scores) >= -1e-12).all()

    def test_random_state_reproduces(self, trained):
        again = clone(trained).fit(X, Y)
        np.testing.assert_array_equal(again.coef_, trained.coef_)

    def test_a_scorer_is_as_good_as_its_name(self, trained):
        again = NNOClassifier(make_scorer(f1_score), random_state=0).fit(X, Y)
        np.testing.assert_array_equal(again.coef_, trained.coef_)

    def test_no_probabilities(self, trained):
        assert not hasattr(trained, "predict_proba")
        assert not hasattr(trained.start_, "predict_proba")

    @pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_array, np.asfortranarray])
    def test_layouts_agree(self, container, trained):
        again = clone(trained).fit(container(X), Y)
        score = f1_score(Y, again.predict(X))
        assert score == pytest.approx(-trained.objective_, abs=0.02)

    def test_labels_may_be_text(self, trained):
        scorer = make_scorer(f1_score, pos_label="yes")
        model = NNOClassifier(scorer, random_state=0).fit(X, np.where(Y, "yes", "no"))
        np.testing.assert_array_equal(model.coef_, trained.coef_)

    def test_float32_stays(self):
        model = NNOClassifier("f1", random_state=0).fit(X.astype(np.float32), Y)
        assert model.coef_.dtype == model.start_.coef_.dtype == np.float32

    def test_without_an_intercept(self):
        model = NNOClassifier("balanced_accuracy", fit_intercept=False, random_state=0).fit(X, Y)
        assert model.intercept_ == 0
        best = max(-record.objective for record in model.history_)
        assert -model.objective_ == pytest.approx(best, abs=0.02)

    def test_from_a_model_without_coefficients(self):
        model = NNOClassifier("f1", penalty="l1", alpha=10.0, random_state=0).fit(X, Y)
        assert not model.start_.coef_.any()
        assert f1_score(Y, model.predict(X)) > 0.5

    def test_a_refit_by_a_loss_forgets_the_start(self, trained):
        model = clone(trained).fit(X, Y).set_params(loss="log_loss").fit(X, Y)
        assert not hasattr(model, "start_")


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_other_scorers(metric):
    model = NNOClassifier(metric, random_state=0).fit(X[:80], Y[:80])
    validation = [record.validation_score for record in model.history_]
    assert max(validation) >= validation[0]
    assert -model.objective_ >= -model.start_.objective_ - 1e-3


HINGE = make_scorer(hinge_loss, greater_is_better=False, response_method="decision_function")


@pytest.mark.parametrize("metric", ["f1_macro", "balanced_accuracy", HINGE])
def test_several_classes(metric):
    X, y = load_iris(return_X_y=True)
    rows = slice(None, None, 2) if metric is HINGE else slice(None)
    model = NNOClassifier(metric, random_state=0).fit(X[rows], y[rows])
    assert model.score(X, y) > 0.95
    assert model.coef_.shape == (3, 4)


def test_many_features():
    """Sparse X of more features than a matrix of them could hold."""
    said = sparse.random(400, 5, density=0.3, random_state=1, format="csr")
    rest = sparse.random(400, 30_000, density=0.002, random_state=0, format="csr")
    y = (np.asarray(said.sum(axis=1)).ravel() > 0.8).astype(int)
    X = sparse.hstack([5 * said, 0.1 * rest], format="csr")
    model = NNOClassifier("f1", random_state=0).fit(X, y)
    assert f1_score(y, model.predict(X)) > 0.9


@pytest.mark.parametrize(
    "metric",
    ["neg_mean_absolute_percentage_error",
     make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False)],
    ids=["mape", "pinball"],
)  # fmt: skip
def test_regression(metric):
    X, y = load_diabetes(return_X_y=True)
    model = NNORegressor(metric, random_state=0).fit(X, y)
    assert -model.objective_ >= -model.start_.objective_
    scorer = get_scorer(metric) if isinstance(metric, str) else metric
    assert scorer(model, X, y) == pytest.approx(-model.objective_)


def test_several_outputs():
    X, y = load_diabetes(return_X_y=True)
    targets = np.column_stack([y, np.sqrt(y)])[:150]
    model = NNORegressor("neg_mean_absolute_percentage_error", random_state=0).fit(X[:150], targets)
    assert model.predict(X).shape == (442, 2)
    assert -model.objective_ >= -model.start_.objective_ - 1e-3


class TestFolds:
    def problem(self, X, y, weight=None):
        return pose(X, y[:, None].astype(float), LogLoss(), L2(), 1e-3, sample_weight=weight)

    def test_weights_are_repetitions(self):
        times = np.random.default_rng(0).integers(1, 5, len(Y))
        weighted = make_folds(self.problem(X, Y, times.astype(float)), 5, Y,
                              np.random.RandomState(0))  # fmt: skip
        rows = np.repeat(np.arange(len(Y)), times)
        repeated = make_folds(self.problem(X[rows], Y[rows]), 5, Y[rows], np.random.RandomState(0))
        assert len(weighted) == len(repeated) == 5
        for one, other in zip(weighted, repeated, strict=True):
            for part, copies in zip(one, other, strict=True):
                np.testing.assert_allclose(np.bincount(rows, copies), part, atol=1e-15)

    def test_parts_add_up_and_have_all_classes(self):
        problem = self.problem(X, Y)
        folds = make_folds(problem, 5, Y, np.random.RandomState(0))
        np.testing.assert_allclose(sum(held_out for _, held_out in folds), problem.rows.weight)
        for train, held_out in folds:
            np.testing.assert_allclose(train + held_out, problem.rows.weight)
            assert not (train * held_out).any()
            assert set(Y[held_out > 0]) == set(Y[train > 0]) == {0, 1}
            assert held_out.sum() == pytest.approx(0.2, abs=0.01)

    def test_a_splitter_may_be_given(self):
        cv = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
        model = NNOClassifier(ScoreTraining("f1", cv=cv), random_state=0).fit(X, Y)
        assert -model.objective_ >= -model.start_.objective_ - 0.05

    def test_one_row_of_a_class(self):
        y = np.zeros(20, dtype=int)
        y[3] = 1
        model = NNOClassifier("balanced_accuracy", random_state=0).fit(X[:20], y)
        assert model.score(X[:20], y) > 0.5


def test_a_scorer_is_recognised_once_for_all_that_share_data(monkeypatch):
    asked = []

    def counting(*args):
        asked.append(args)
        return recognise(*args)

    monkeypatch.setattr("nno_sklearn.score_training.scorer.recognise", counting)
    NNOClassifier("f1", random_state=0).fit(X[:200], Y[:200])
    assert len(asked) == 1
    model = NNOClassifier("f1", random_state=0)
    NNOSearchCV(model, {"alpha": [0.01, 0.1]}, cv=2).fit(X[:200], Y[:200])
    assert len(asked) == 1 + 2 + 1  # the splits, and the refit


def test_weights_are_repetitions():
    times = np.random.default_rng(0).integers(1, 4, 100)
    rows = np.repeat(np.arange(100), times)
    weighted = NNOClassifier("f1", random_state=0).fit(X[:100], Y[:100], times)
    repeated = NNOClassifier("f1", random_state=0).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6)


def test_the_limit_of_rounds_is_told():
    with pytest.warns(UserWarning, match="rounds, while the held-out score may still rise. Raise"):
        NNOClassifier("f1", max_iter=2, random_state=0).fit(X, Y)


class TestErrors:
    def test_a_solver_that_cannot_take_the_penalty(self):
        with pytest.raises(ValueError, match="solver='gd' needs a penalty with a gradient"):
            NNOClassifier("f1", penalty="l1", solver="gd").fit(X, Y)

    def test_unknown_names(self):
        with pytest.raises(ValueError, match="'f2' is not known. Use one of 'log_loss'.* a scorer"):
            NNOClassifier("f2").fit(X, Y)

    def test_metrics_of_the_other_kind(self):
        with pytest.raises(ValueError, match="loss='f1' cannot score"):
            NNORegressor("f1").fit(X, X[:, 0])
        with pytest.raises(ValueError, match="cannot score 3 classes"):
            NNOClassifier("f1").fit(*load_iris(return_X_y=True))

    @pytest.mark.parametrize(
        "metric",
        [
            f1_score,
            mean_absolute_error,
            partial(f1_score, average="macro"),
            lambda true, predicted: 0.0,
            lambda y_true, y_pred, sample_weight=None, scale=1: 0.0,
        ],
    )
    @pytest.mark.parametrize("make", [NNOClassifier, NNORegressor])
    def test_a_metric_is_no_scorer(self, make, metric):
        said = r"loss=.* looks like a metric function rather than a scorer: .*make_scorer\("
        with pytest.raises(ValueError, match=said):
            make(metric).fit(X, Y)

    @pytest.mark.parametrize("score", [np.nan, -np.inf, "high", np.ones(2)])
    def test_scores_that_are_no_finite_numbers(self, score):
        scorer = make_scorer(lambda true, predicted: score)
        for make in (NNOClassifier, NNORegressor):
            with pytest.raises(ValueError, match="as a score, which says nothing of what is"):
                make(scorer).fit(X, Y)

    @pytest.mark.parametrize("name", ["neg_log_loss", "neg_brier_score", "roc_auc_ovr"])
    def test_scorers_that_ask_for_probabilities(self, name):
        with pytest.raises(ValueError, match=f"loss='{name}' asks for prob.*Use loss='log_loss'"):
            NNOClassifier(name).fit(X, Y)

    def test_scorers_of_labels_refuse_a_regressor_at_once(self):
        with pytest.raises(ValueError, match="loss='accuracy' cannot score a regressor"):
            NNORegressor("accuracy").fit(X, Y)

    def test_functions_of_a_model_are_scorers(self):
        def plain(estimator, X, y):
            return accuracy_score(y, estimator.predict(X))

        model = NNOClassifier(plain, random_state=0).fit(X, Y)
        assert -model.objective_ == pytest.approx(plain(model, X, Y))

    def test_scorers_without_weights(self):
        scorer = make_scorer(lambda true, predicted: -np.abs(true - predicted).max())
        with pytest.raises(ValueError, match="takes no sample_weight, but rows have different"):
            NNORegressor(scorer).fit(X, X[:, 0], np.arange(1.0, 1 + len(X)))

    @pytest.mark.parametrize("cv", [1, 2.5, "five"])
    def test_cv(self, cv):
        with pytest.raises(ValueError, match="cv is a count, so it must be a whole number of at"):
            NNOClassifier(ScoreTraining("f1", cv=cv)).fit(X, Y)


def test_real_data_without_a_warning():
    X, y = load_breast_cancer(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = NNOClassifier("matthews_corrcoef", random_state=0)
        model.fit(StandardScaler().fit_transform(X), y)
    assert -model.objective_ > 0.9
