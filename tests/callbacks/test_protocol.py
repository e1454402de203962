"""scikit-learn's own callbacks on NNO models, and the same protocol where it is older."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.callbacks import protocol, substitute

X, Y = load_iris(return_X_y=True)


class Hooks:
    """Notes what scikit-learn's hooks are told, and ends the fit after some iterations."""

    def __init__(self, n_iterations=np.inf):
        self.n_iterations, self.told, self.n_open = n_iterations, [], 0

    def setup(self, estimator, context):
        self.n_open += 1

    def teardown(self, estimator, context):
        self.n_open -= 1

    def on_fit_task_begin(self, estimator, context):
        self.told.append(("begin", context.task_name, context.parent is None))

    def on_fit_task_end(self, estimator, context, *, X, metadata, fitted_estimator):
        score = None if fitted_estimator is None else fitted_estimator.score(X, Y)
        self.told.append(("end", context.task_name, context.parent is None, score, metadata))
        n_done = sum(one[:2] == ("end", "iteration") for one in self.told)
        return n_done >= self.n_iterations


class Old(substitute.CallbackSupportMixin):
    """An estimator's callbacks where scikit-learn has none."""

    def fit(self, data, n):
        return _fit(self, data, n)


@substitute.with_callbacks
def _fit(estimator, data, n):
    context = estimator._init_callback_context(max_subtasks=None)
    context.call_on_fit_task_begin(estimator=estimator, X=data)
    for k in range(n):
        part = context.subcontext(task_name="iteration").call_on_fit_task_begin(estimator=estimator)
        make = lambda k=k: {"score": lambda X, y: k}  # noqa: E731
        if part.call_on_fit_task_end(estimator=estimator, X=data, reconstruction_attributes=make):
            break
    with context.propagate_callback_context(LogisticRegression()):
        context.call_on_fit_task_end(estimator=estimator, X=data)
    return estimator


def test_hooks_of_iterations_and_of_the_fit():
    hooks = Hooks(n_iterations=3)
    model = NNOClassifier(solver="gd").set_callbacks(hooks).fit(X, Y, np.ones(150))
    kinds = [one[:3] for one in hooks.told]
    part = [("begin", "iteration", False), ("end", "iteration", False)]
    assert kinds == [("begin", "fit", True), *3 * part, ("end", "fit", True)]
    assert hooks.told[-1][3] == model.score(X, Y) and hooks.n_open == 0
    assert set(hooks.told[-1][4]) == {"sample_weight"}
    assert not model.converged_ and len(model.history_) == 3


def test_the_substitute_tells_the_same():
    hooks = Hooks(n_iterations=3)
    Old().set_callbacks(hooks).fit(X, 9)
    part = [("begin", "iteration", False), ("end", "iteration", False)]
    assert [one[:3] for one in hooks.told] == [
        ("begin", "fit", True), *3 * part, ("end", "fit", True)
    ]  # fmt: skip
    assert [one[3] for one in hooks.told if one[0] == "end"] == [0, 1, 2, None]
    assert hooks.n_open == 0 and not vars(Old().set_callbacks(hooks).set_callbacks())


@pytest.mark.parametrize("wrong", [Hooks, print])
def test_the_substitute_refuses_what_is_no_callback(wrong):
    with pytest.raises(TypeError, match="callbacks must be instances with the hooks setup, tear"):
        Old().set_callbacks(wrong)


def test_the_search_is_told_of_too():
    hooks = Hooks()
    NNOSearchCV(NNORegressor(), {"alpha": [0.1, 0.01]}, cv=2).set_callbacks(hooks).fit(X, Y)
    names = [name for what, name, *_ in hooks.told if what == "end"]
    fits = 4 * ["candidate-split-evaluation"]
    assert names == [*fits, "search", "refit-with-best-params", "fit"] and hooks.n_open == 0


class TestTheirs:
    """Those that scikit-learn brings."""

    @pytest.fixture(autouse=True)
    def _new(self):
        self.theirs = pytest.importorskip("sklearn.callback", reason="new in scikit-learn 1.9")

    @pytest.mark.parametrize("kind", [NNOClassifier(), NNOClassifier("f1_macro", random_state=0)])
    def test_scoring_monitor(self, kind):
        monitor = self.theirs.ScoringMonitor(scoring="accuracy")
        model = clone(kind).set_callbacks(monitor).fit(X, Y)
        scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] != "fit"]
        assert len(scores) == len(model.history_) and scores[-1] == model.score(X, Y)

    def test_progress_bar_of_a_fit_and_of_a_search(self, capsys):
        bar = self.theirs.ProgressBar()
        NNOClassifier().set_callbacks(bar).fit(X, Y)
        assert "NNOClassifier - fit" in capsys.readouterr().out
        search = NNOSearchCV(NNOClassifier(), {"alpha": [0.1, 0.01]}, cv=2)
        search.set_callbacks(self.theirs.ProgressBar()).fit(X, Y)
        out = capsys.readouterr().out
        assert "NNOSearchCV - fit" in out and "NNOClassifier - fit" in out

    def test_a_monitor_on_a_search_sees_the_iterations_within(self):
        class Deep(Hooks):
            max_propagation_depth = None

            def on_fit_task_end(self, estimator, context):
                self.told.append((type(estimator).__name__, context.task_name))

        deep = Deep()
        search = NNOSearchCV(NNOClassifier(), {"alpha": [0.1]}, cv=2).set_callbacks(deep).fit(X, Y)
        assert deep.told.count(("NNOClassifier", "fit")) == 3  # two splits, and the refit
        assert deep.told.count(("NNOClassifier", "iteration")) > 6
        assert not protocol.callbacks_of(search.best_estimator_)
