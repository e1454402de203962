"""ConvergenceDisplay draws the histories of fits."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale

from nno_sklearn import NNOClassifier
from nno_sklearn.inspection import ConvergenceDisplay


def fit(**params):
    X, y = load_breast_cancer(return_X_y=True)
    return NNOClassifier(**params).fit(scale(X), y)


@pytest.fixture(scope="module")
def fits():
    return {solver: fit(solver=solver, alpha=0.01) for solver in ("gd", "nearest_neighbor")}


def test_draws_passes_and_seconds(fits):
    display = ConvergenceDisplay.from_estimators(fits)
    assert [line.get_label() for line in display.lines_] == [*fits, *fits]
    passes, seconds = display.axes_
    for name, in_passes, in_seconds in zip(fits, passes.lines, seconds.lines, strict=True):
        history = fits[name].history_
        np.testing.assert_array_equal(in_passes.get_xdata(), [r.n_passes for r in history])
        np.testing.assert_array_equal(in_seconds.get_xdata(), [r.seconds for r in history])
        distance = [r.objective - display.reference_ for r in history]
        np.testing.assert_allclose(in_passes.get_ydata(), distance, atol=1e-15)
        np.testing.assert_array_equal(in_passes.get_ydata(), in_seconds.get_ydata())
    assert (passes.get_xlabel(), seconds.get_xlabel()) == ("passes over the data", "seconds")
    assert passes.get_yscale() == seconds.get_yscale() == "log"


def test_reference_is_the_best_lower_bound(fits):
    display = ConvergenceDisplay.from_estimators(fits)
    assert display.certified_
    assert "lower bound" in display.axes_[0].get_ylabel()
    optimum = fit(alpha=0.01, tol=1e-10).objective_
    assert display.reference_ <= optimum
    tightest = min(estimator.dual_gap_ for estimator in fits.values())
    assert display.reference_ >= optimum - tightest * (1 + 1e-9) - 1e-15


def test_without_a_dual_the_reference_is_the_best_objective():
    options = {"penalty": None, "solver": "gd", "max_iter": 3}  # separable: there is no optimum
    with pytest.warns(ConvergenceWarning):
        sloppy, exact = fit(**options | {"max_iter": 2}), fit(**options)
    assert exact.dual_gap_ == np.inf
    display = ConvergenceDisplay.from_estimators({"sloppy": sloppy, "exact": exact})
    assert not display.certified_
    assert display.reference_ == exact.objective_
    assert "best objective" in display.axes_[0].get_ylabel()
    # The best point itself must not fall off the logarithmic axis.
    assert display.lines_[1].get_ydata().min() > 0


def test_draws_on_given_axes_with_given_style(fits):
    axes = Figure().subplots(2, 1)
    display = ConvergenceDisplay.from_estimators(fits, ax=axes, linewidth=5)
    assert list(display.axes_) == list(axes)
    assert display.figure_ is axes[0].figure
    assert {line.get_linewidth() for line in display.lines_} == {5}


def test_plot_again_elsewhere(fits):
    display = ConvergenceDisplay.from_estimators(fits)
    axes = Figure().subplots(1, 2)
    assert display.plot(ax=axes) is display
    assert len(axes[0].lines) == len(axes[1].lines) == 2


def test_one_axes_is_too_few(fits):
    with pytest.raises(ValueError, match="ax must be two Axes"):
        ConvergenceDisplay.from_estimators(fits, ax=Figure().subplots())


def test_needs_fitted_estimators():
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimators({"gd": NNOClassifier()})


def test_needs_something_to_draw():
    with pytest.raises(ValueError, match="Give at least one fitted estimator"):
        ConvergenceDisplay.from_estimators({})


def test_imports_without_the_extras():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['matplotlib', 'pandas', 'rich'])); "
        "import nno_sklearn.inspection, nno_sklearn.cli.main"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
