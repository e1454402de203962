"""PathDisplay draws the path of a search."""

from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.inspection import PathDisplay
from nno_sklearn.model_selection import one_standard_error


def search_of(estimator=None, *args, **params):
    X, y = load_diabetes(return_X_y=True)
    estimator = estimator or NNORegressor(penalty="l1")
    return NNOSearchCV(estimator, *args, cv=3, **params).fit(X, y)


@pytest.fixture(scope="module")
def lasso():
    return search_of(alphas=8, scoring="r2", refit="one_standard_error")


class TestPathDisplay:
    def test_draws_coefficients_and_scores(self, lasso):
        display = PathDisplay.from_search(lasso)
        results, increasing = lasso.cv_results_, slice(None, None, -1)
        coefs, scores = display.axes_
        assert len(display.lines_) == 10
        drawn = np.array([line.get_ydata() for line in display.lines_])
        expected = np.array(lasso.mean_coef_)[increasing].T
        largest_first = np.argsort(-np.abs(expected).max(axis=1))
        np.testing.assert_array_equal(drawn, expected[largest_first])
        for line in [*display.lines_, display.errorbar_.lines[0]]:
            np.testing.assert_array_equal(line.get_xdata(), results["strength"][increasing])
        mean, error = results["mean_test_score"], results["std_test_score"] / np.sqrt(2)
        np.testing.assert_array_equal(display.errorbar_.lines[0].get_ydata(), mean[increasing])
        (bars,) = display.errorbar_.lines[2]
        low, high = np.array(bars.get_segments())[..., 1].T
        np.testing.assert_allclose((high - low)[increasing], 2 * error)
        assert coefs.get_ylabel() == "coefficients (mean over splits)"
        assert scores.get_ylabel() == "r2 ± standard error"
        assert {axes.get_xscale() for axes in display.axes_} == {"log"}
        assert {axes.get_xlabel() for axes in display.axes_} == {"alpha"}

    def test_marks_the_chosen_point_and_the_rule(self, lasso):
        display = PathDisplay.from_search(lasso)
        alpha, results = lasso.best_params_["alpha"], lasso.cv_results_
        in_coefs, in_scores, mark = display.chosen_
        assert set(in_coefs.get_xdata()) == set(in_scores.get_xdata()) == {alpha}
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (alpha, lasso.best_score_)
        assert mark.get_label() == f"chosen: alpha={alpha:.3g}"
        best = results["mean_test_score"].argmax()
        assert best != lasso.best_index_
        least = results["mean_test_score"][best] - results["std_test_score"][best] / np.sqrt(2)
        np.testing.assert_allclose(display.threshold_.get_ydata(), least)
        assert lasso.best_score_ >= least

    def test_without_that_rule_there_is_no_line(self):
        display = PathDisplay.from_search(search_of(alphas=3))
        assert display.threshold_ is None
        assert display.axes_[1].get_ylabel() == "score ± standard error"

    def test_keeps_to_the_other_settings_of_the_chosen_one(self):
        grid = {"enet__l1_ratio": [0.5], "scale__with_std": [True, False]}
        steps = [("scale", StandardScaler()), ("enet", NNORegressor(penalty="elasticnet"))]
        # The l1_ratio is one of the strengths, too.
        search = search_of(Pipeline(steps), {**grid, "enet__alpha": [0.5, 0.2, 5.0]})
        display = PathDisplay.from_search(search)
        params = search.cv_results_["params"]
        path = [k for k in range(len(params)) if all(
            params[k][name] == search.best_params_[name] for name in grid)]  # fmt: skip
        assert sorted(display.alphas) == [0.2, 0.5, 5.0]
        path = sorted(path, key=lambda k: -params[k]["enet__alpha"])
        np.testing.assert_array_equal(display.scores, search.cv_results_["mean_test_score"][path])
        assert display.alphas[display.chosen] == search.best_params_["enet__alpha"]

    def test_draws_the_largest_coefficients(self, lasso):
        display = PathDisplay.from_search(lasso, n_coefs=3)
        assert len(display.lines_) == 3
        assert display.axes_[0].get_ylabel() == (
            "coefficients (the 3 largest of 10, mean over splits)"
        )
        left_out = PathDisplay.from_search(lasso).lines_[3:]
        least = min(np.abs(line.get_ydata()).max() for line in display.lines_)
        assert all(np.abs(line.get_ydata()).max() <= least for line in left_out)
        with pytest.raises(ValueError, match="n_coefs=0: draw at least 1"):
            PathDisplay.from_search(lasso, n_coefs=0)

    def test_names_are_in_the_legend(self, lasso):
        names = load_diabetes().feature_names
        display = PathDisplay.from_search(lasso, feature_names=names)
        legend = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
        assert sorted(legend) == sorted(names)
        weakest = lasso.mean_coef_[-1]
        assert all(
            line.get_ydata()[0] == weakest[names.index(line.get_label())] for line in display.lines_
        )
        assert PathDisplay.from_search(lasso).axes_[0].get_legend() is None
        with pytest.raises(ValueError, match="feature_names has 3 names, but .* 10 columns"):
            PathDisplay.from_search(lasso, feature_names=["a", "b", "c"])

    def test_the_largest_of_many_are_named(self):
        X, y = load_breast_cancer(return_X_y=True)
        names = [str(name) for name in load_breast_cancer().feature_names]
        names[0] = "a name that is too long for a legend, number 1"
        search = NNOSearchCV(NNOClassifier(penalty="l1"), alphas=4, cv=3).fit(scale(X), y)
        display = PathDisplay.from_search(search, feature_names=names)
        legend = display.axes_[0].get_legend()
        assert legend.get_title().get_text() == "the 12 largest"
        texts = [text.get_text() for text in legend.get_texts()]
        largest = np.argsort(-np.abs(search.mean_coef_).max(axis=0).ravel())[:12]
        assert texts == [names[k] for k in largest]
        # Those with a name differ in colour or style; the others have one colour.
        looks = {(line.get_color(), line.get_linestyle()) for line in display.lines_[:12]}
        assert len(looks) == 12
        assert {line.get_color() for line in display.lines_[12:]} == {"lightgrey"}
        # In its place beside the axes, the legend covers no line of either.
        display.figure_.canvas.draw()
        box = legend.get_window_extent()
        assert not any(axes.bbox.overlaps(box) for axes in display.axes_)
        display.plot(ax=Figure().subplots(1, 2), color="red")
        assert {line.get_color() for line in display.lines_} == {"red"}
        display.names = names[:1] * 30
        display.plot(n_coefs=2)
        shortened = display.axes_[0].get_legend().get_texts()[0].get_text()
        assert shortened == "a name that …gend, number 1"[:12] + "…" + "d, number 1"

    @pytest.mark.parametrize("length", [5, 60, 150])
    def test_labels_of_axes_are_not_clipped(self, length):
        name = ("score of many words " * 9)[:length]
        display = PathDisplay(
            alphas=[0.1, 1.0],
            scores=[0.5, 0.6],
            standard_errors=[0.1, 0.1],
            chosen=0,
            coefs=np.ones((2, 60)),
            score_name=name,
        ).plot()
        display.figure_.canvas.draw()
        figure = display.figure_.bbox
        for axes in display.axes_:
            box = axes.yaxis.label.get_window_extent()
            assert figure.ymin <= box.ymin < box.ymax <= figure.ymax
            assert figure.xmin <= box.xmin
        assert display.axes_[1].get_ylabel() == f"{name} ± standard error"

    def test_the_score_may_have_another_name(self, lasso):
        display = PathDisplay.from_search(lasso, score_name="R²")
        assert display.axes_[1].get_ylabel() == "R² ± standard error"

    def test_one_line_per_class_and_column(self):
        X, y = load_iris(return_X_y=True)
        search = NNOSearchCV(NNOClassifier(), alphas=4, cv=3).fit(X, y)
        display = PathDisplay.from_search(search, feature_names=["a", "b", "c", "d"])
        assert len(display.lines_) == 12
        labels = {f"{name}, output {k}" for name in "abcd" for k in range(3)}
        assert {line.get_label() for line in display.lines_} == labels
        first = next(line for line in display.lines_ if line.get_label() == "b, output 2")
        assert first.get_ydata()[-1] == search.mean_coef_[0][2, 1]

    def test_draws_numbers_of_coefficients_where_columns_differ_between_splits(self):
        texts = [f"{'good' if k % 3 else 'bad'} word{k}" for k in range(61)]
        model = make_pipeline(TfidfVectorizer(), NNOClassifier(penalty="l1"))
        search = NNOSearchCV(model, alphas=4, cv=3).fit(texts, np.arange(61) % 3 > 0)
        assert search.mean_coef_[0] is None
        display = PathDisplay.from_search(search)
        assert display.axes_[0].get_ylabel() == "nonzero coefficients (mean over splits)"
        (line,) = display.lines_
        expected = search.cv_results_["mean_n_nonzeros"][::-1]
        np.testing.assert_array_equal(line.get_ydata(), expected)

    def test_several_metrics(self):
        scoring = ["r2", "neg_mean_absolute_error"]
        search = search_of(alphas=4, scoring=scoring, refit="r2")
        assert PathDisplay.from_search(search).score_name == "r2"
        display = PathDisplay.from_search(search, metric="neg_mean_absolute_error")
        assert display.axes_[1].get_ylabel() == "neg_mean_absolute_error ± standard error"
        expected = search.cv_results_["mean_test_neg_mean_absolute_error"]
        np.testing.assert_array_equal(display.scores, expected)
        with pytest.raises(ValueError, match="metric='mse': the search has the scores"):
            PathDisplay.from_search(search, metric="mse")
        rule = partial(one_standard_error, metric="r2")
        search = search_of(alphas=4, scoring=scoring, refit=rule)
        assert PathDisplay.from_search(search).threshold_ is not None
        display = PathDisplay.from_search(search, metric="neg_mean_absolute_error")
        assert display.threshold_ is None
        search = search_of(alphas=4, scoring=scoring, refit=lambda results: 1)
        with pytest.raises(ValueError, match="metric=None: the search has the scores"):
            PathDisplay.from_search(search)

    def test_an_alpha_of_0_has_a_place(self):
        display = PathDisplay.from_search(search_of(None, {"alpha": [0.0, 0.1, 1.0]}))
        assert {axes.get_xscale() for axes in display.axes_} == {"symlog"}
        assert list(display.lines_[0].get_xdata()) == [0.0, 0.1, 1.0]

    def test_dropped_candidates_leave_gaps(self):
        search = search_of(alphas=9, halving=3)
        display = PathDisplay.from_search(search)
        drawn = display.errorbar_.lines[0].get_ydata()
        assert 0 < np.isnan(drawn).sum() < 9
        assert display.chosen_[2].get_ydata()[0] == search.best_score_

    def test_draws_on_given_axes_with_given_style(self, lasso):
        axes = Figure().subplots(2, 1)
        display = PathDisplay.from_search(lasso, ax=axes, linewidth=5)
        assert list(display.axes_) == list(axes)
        lines = [*display.lines_, display.errorbar_.lines[0]]
        assert {line.get_linewidth() for line in lines} == {5}
        again = Figure().subplots(1, 2)
        assert display.plot(ax=again, n_coefs=2) is display
        assert len(display.lines_) == 2
        with pytest.raises(ValueError, match="ax must be two Axes, for coefficients and for"):
            PathDisplay.from_search(lasso, ax=Figure().subplots())

    def test_needs_a_path(self):
        with pytest.raises(NotFittedError):
            PathDisplay.from_search(NNOSearchCV(NNORegressor(), alphas="auto"))
        with pytest.raises(ValueError, match=r"Only one alpha \(0.1\) goes with"):
            grid = {"alpha": [0.1], "l1_ratio": [0.1, 0.9]}
            PathDisplay.from_search(search_of(NNORegressor(penalty="elasticnet"), grid))
        scoring = ["r2", "neg_mean_absolute_error"]
        unchosen = search_of(alphas=3, scoring=scoring, refit=False)
        with pytest.raises(ValueError, match=r"chose no candidate \(refit=False\)"):
            PathDisplay.from_search(unchosen)

    def test_needs_strengths(self):
        with pytest.raises(ValueError, match="no NNO estimator"):
            PathDisplay.from_search(search_of(Ridge(), {"alpha": [0.1, 1.0]}))
        X, y = load_diabetes(return_X_y=True)
        plain = GridSearchCV(NNORegressor(), {"alpha": [0.1, 1.0]}).fit(X, y)
        with pytest.raises(ValueError, match="GridSearchCV does not keep strengths"):
            PathDisplay.from_search(plain)
