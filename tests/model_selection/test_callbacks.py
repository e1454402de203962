"""Callbacks of scikit-learn 1.9 see of NNOSearchCV what they see of GridSearchCV."""

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from tests.model_selection.searches import ALPHAS, LABELS, NUMBERS, WEIGHT, X

pytest.importorskip("sklearn.callback", reason="callbacks are new in scikit-learn 1.9")

CLASSIFIER, GRID = NNOClassifier(), {"alpha": ALPHAS}


class Recorder:
    """Records the arguments of each hook."""

    def __init__(self):
        self.record, self.n_open = [], 0

    def setup(self, estimator, context):
        self.n_open += 1

    def teardown(self, estimator, context):
        self.n_open -= 1

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self._note("begin", estimator, context, X, y, metadata)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None):
        self._note("end", estimator, context, X, y, metadata)

    def _note(self, what, estimator, context, X, y, metadata):
        path, one = [], context
        while one is not None:
            path.append((one.task_name, one.task_id, one.max_subtasks))
            one = one.parent
        told = [None if part is None else np.asarray(part).tolist() for part in (X, y)]
        weights = {k: np.asarray(v).tolist() for k, v in (metadata or {}).items()}
        self.record.append((what, path, *told, weights))
        self.estimator = estimator


class Propagated(Recorder):
    """Asks for the tasks within estimators, too."""

    max_propagation_depth = None

    def _note(self, what, estimator, context, X, y, metadata):
        self.record.append((what, type(estimator).__name__, context.task_name))


def recorded(search, *data, recorder=Recorder, **params):
    callback = recorder()
    search.set_callbacks(callback).fit(*data, **params)
    assert callback.n_open == 0
    if recorder is Recorder:
        assert callback.estimator is search
    return sorted(callback.record, key=repr)


CASES = {
    "model": (CLASSIFIER, GRID),
    "pipeline": (
        make_pipeline(StandardScaler(), CLASSIFIER),
        {"standardscaler__with_mean": [True, False], "nnoclassifier__alpha": ALPHAS},
    ),
    "other": (LogisticRegression(), {"C": [0.1, 1.0, 10.0]}),
}


@pytest.mark.each_value
@pytest.mark.parametrize("refit", [True, False, lambda results: 1])
@pytest.mark.parametrize("name", CASES)
def test_hooks_get_what_they_get_of_grid_search(name, refit):
    estimator, grid = CASES[name]
    weights = {} if name == "pipeline" else {"sample_weight": WEIGHT}
    ours, theirs = (
        recorded(kind(estimator, grid, cv=2, refit=refit), X, LABELS, **weights)
        for kind in (NNOSearchCV, GridSearchCV)
    )
    assert ours == theirs
    assert len(ours) == 2 * (2 + bool(refit) + 2 * len(GridSearchCV(estimator, grid).fit(
        X, LABELS).cv_results_["params"]))  # fmt: skip


def test_tasks_come_in_time():
    callback = Recorder()
    NNOSearchCV(CLASSIFIER, GRID, cv=2).set_callbacks(callback).fit(X, LABELS)
    names = [(what, path[0][0]) for what, path, *_ in callback.record]
    fit = [("begin", "candidate-split-evaluation"), ("end", "candidate-split-evaluation")]
    assert names[:2] == [("begin", "fit"), ("begin", "search")]
    assert names[2:-4] == 4 * fit
    assert [what for what, _ in names[-4:]] == ["end", "begin", "end", "end"]
    assert [name for _, name in names[-3:]] == 2 * ["refit-with-best-params"] + ["fit"]


def test_callbacks_go_on_into_other_estimators():
    model = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0]}
    ours, theirs = (
        recorded(kind(model, grid, cv=2), X, LABELS, recorder=Propagated)
        for kind in (NNOSearchCV, GridSearchCV)
    )
    ours = [tuple(part.replace("NNOSearchCV", "GridSearchCV") for part in one) for one in ours]
    assert sorted(ours) == sorted(theirs) and len({name for _, name, _ in ours}) > 2


def test_a_search_in_a_search():
    records = []
    for kind in (NNOSearchCV, GridSearchCV):
        inner = kind(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
        outer = GridSearchCV(inner, {"cv": [2, 3]}, cv=2)
        record = recorded(outer, X, LABELS, recorder=Propagated)
        # Both end alike: NNOSearchCV, GridSearchCV.
        records.append(sorted((what, name[-8:], task) for what, name, task in record))
    assert records[0] == records[1] and records[0]


@pytest.mark.parametrize("step", [True, False])
def test_callbacks_of_the_estimator(step):
    records = []
    for kind in (NNOSearchCV, GridSearchCV):
        callback = Recorder()
        model = LogisticRegression().set_callbacks(callback)
        grid = {"logisticregression__C": [0.1, 1.0]} if step else {"C": [0.1, 1.0]}
        kind(make_pipeline(StandardScaler(), model) if step else model, grid, cv=2).fit(X, LABELS)
        records.append(sorted(callback.record, key=repr))
    assert records[0] == records[1] and records[0]


def test_nothing_is_said_of_models_without_tasks(recwarn):
    assert recorded(NNOSearchCV(CLASSIFIER, GRID, cv=2), X, LABELS, recorder=Propagated)
    assert not recwarn


class MayFail(ClassifierMixin, BaseEstimator):
    def __init__(self, fails=False):
        self.fails = fails

    def fit(self, X, y):
        if self.fails:
            raise RuntimeError("as asked")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class NoRows(StandardScaler):
    """A step that fails."""

    def fit(self, X, y=None, sample_weight=None):
        raise RuntimeError("no rows")


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (MayFail(), {"fails": [False, True]}),
        (CLASSIFIER, {"alpha": [0.1, -1.0]}),
        (
            make_pipeline(StandardScaler(), CLASSIFIER),
            {"standardscaler": [StandardScaler(), NoRows()]},
        ),
    ],
)
def test_fits_that_fail_end_too(estimator, grid):
    search = NNOSearchCV(estimator, grid, cv=2, refit=False, error_score=0.0)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4. The score on"):
        record = recorded(search, X, LABELS)
    assert [what for what, *_ in record].count("begin") == 1 + 1 + 4 == len(record) / 2
    callback = Recorder()
    with pytest.raises((ValueError, RuntimeError)):
        search.set_params(error_score="raise").set_callbacks(callback).fit(X, LABELS)
    assert callback.n_open == 0
    begun = [path[0] for what, path, *_ in callback.record if what == "begin"]
    ended = [path[0] for what, path, *_ in callback.record if what == "end"]
    assert {one[0] for one in begun} - {one[0] for one in ended} == {"fit", "search"}


def test_mistakes_are_no_fits():
    callback = Recorder()
    with pytest.raises(ValueError, match="nothing to search"):
        NNOSearchCV(CLASSIFIER).set_callbacks(callback).fit(X, LABELS)
    assert callback.n_open == 0 and callback.record == []


def test_halving_does_not_know_the_number_of_its_fits():
    search = NNOSearchCV(NNORegressor(), {"alpha": np.logspace(0, -3, 8)}, cv=3, halving=2)
    record = recorded(search, X, NUMBERS)
    assert len(record) == 2 * (3 + search.n_fits_) and search.n_fits_ < 24
    assert {path[0][2] for _, path, *_ in record if path[0][0] == "search"} == {None}


def test_threads_and_processes():
    from sklearn.callback import ProgressBar

    alone = recorded(NNOSearchCV(CLASSIFIER, GRID, cv=2), X, LABELS)
    with joblib.parallel_config("threading", n_jobs=2):
        assert recorded(NNOSearchCV(CLASSIFIER, GRID, cv=2), X, LABELS) == alone
    splits = [(range(45), range(45, 60)), (range(15, 60), range(15))]
    search = NNOSearchCV(CLASSIFIER, GRID, cv=(split for split in splits), n_jobs=2)
    assert search.fit(X, LABELS).n_fits_ == 4  # a generator cannot be sent to another process
    search = NNOSearchCV(CLASSIFIER, GRID, cv=splits, n_jobs=2).set_callbacks(ProgressBar())
    assert search.fit(X, LABELS).n_fits_ == 4
