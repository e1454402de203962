"""Displays of coefficients, of training on a score, and of streams."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from nno_sklearn import EarlyStopping, NNOClassifier, NNORegressor
from nno_sklearn.inspection import CoefficientDisplay, ScoreTrainingDisplay, StreamDisplay

IRIS, LABELS = load_iris(return_X_y=True, as_frame=True)
X, Y = load_breast_cancer(return_X_y=True)


class TestCoefficients:
    def test_the_largest_of_each_class(self):
        model = NNOClassifier(alpha=0.01).fit(IRIS, LABELS)
        display = CoefficientDisplay.from_estimator(model, X=IRIS, n_coefs=2, color="C3")
        effects = model.coef_ * IRIS.to_numpy().std(axis=0)
        assert [axes.get_title() for axes in display.axes_] == ["0", "1", "2"]
        for axes, bars, values in zip(display.axes_, display.bars_, effects, strict=True):
            largest = np.argsort(-np.abs(values))[:2]
            np.testing.assert_allclose([bar.get_width() for bar in bars], values[largest])
            labels = [label.get_text() for label in axes.get_yticklabels()]
            assert labels == list(IRIS.columns[largest])
            assert axes.get_xlabel() == "coefficient × standard deviation"

    def test_without_rows_coefficients_are_drawn_as_they_are(self):
        model = NNORegressor().fit(IRIS, LABELS)
        axes = plt.figure().add_subplot()
        display = CoefficientDisplay.from_estimator(model, ax=axes)
        widths = [bar.get_width() for bar in display.bars_[0]]
        np.testing.assert_allclose(np.sort(widths), np.sort(model.coef_))
        assert display.axes_[0] is axes and axes.get_xlabel() == "coefficient"

    def test_mistakes(self):
        model = NNOClassifier(alpha=0.01).fit(IRIS, LABELS)
        with pytest.raises(ValueError, match="ax must be 3 Axes, one for each output, but it is 1"):
            CoefficientDisplay.from_estimator(model, ax=plt.figure().add_subplot())
        with pytest.raises(ValueError, match="n_coefs=0: draw at least 1"):
            CoefficientDisplay.from_estimator(model, n_coefs=0)


class TestScoreTraining:
    def test_both_scores_of_each_round(self):
        model = NNOClassifier("f1", random_state=0).fit(X, Y)
        display = ScoreTrainingDisplay.from_estimator(model, linestyle=":")
        held_out = [record.validation_score for record in model.history_]
        np.testing.assert_array_equal(display.held_out_line_.get_ydata(), held_out)
        searched = [-record.objective for record in model.history_]
        np.testing.assert_array_equal(display.searched_line_.get_ydata(), searched)
        assert display.best_.get_ydata() == [max(held_out)]
        assert display.axes_.get_ylabel() == "f1" and display.figure_ is display.axes_.figure

    def test_early_stopping_has_held_out_rows_only(self):
        stop = EarlyStopping(validation_fraction=0.2)
        model = NNOClassifier(solver="gd").set_callbacks(stop).fit(X, Y)
        display = ScoreTrainingDisplay.from_estimator(model)
        assert display.searched_line_ is None and len(display.axes_.lines) == 2

    def test_no_scores(self):
        with pytest.raises(ValueError, match="no scores of held-out rows. Train on a score, as"):
            ScoreTrainingDisplay.from_estimator(NNOClassifier().fit(IRIS, LABELS))


class TestStreams:
    def test_the_mean_of_all_rows_so_far(self):
        models = {name: NNOClassifier(stream=name) for name in ("adagrad", "ftrl")}
        for model in models.values():
            for first, last in ((0, 50), (50, 150), (150, 170), (170, 569)):
                model.partial_fit(X[first:last], Y[first:last], classes=[0, 1])
        display = StreamDisplay.from_estimators(models)
        assert [line.get_label() for line in display.lines_] == ["adagrad", "ftrl"]
        losses = np.array([record.objective for record in models["ftrl"].history_])[1:]
        line = display.lines_[1]
        np.testing.assert_array_equal(line.get_xdata(), [150, 170, 569])
        assert line.get_ydata()[-1] == pytest.approx(np.average(losses, weights=[100, 20, 399]))
        np.testing.assert_array_equal(display.batches_[1].get_ydata(), losses)

    def test_mistakes(self):
        one = NNOClassifier().partial_fit(X, Y, classes=[0, 1])
        with pytest.raises(ValueError, match="'one' has fewer than two batches"):
            StreamDisplay.from_estimators({"one": one})
        with pytest.raises(ValueError, match="'fit' was fitted to all rows at once. Draw"):
            StreamDisplay.from_estimators({"fit": NNOClassifier().fit(IRIS, LABELS)})
