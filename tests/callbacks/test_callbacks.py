"""Callbacks see each iteration of every fit, and end it."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from nno_sklearn import NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.callbacks import Callback
from nno_sklearn.linear_model import LassoCV, LogisticRegression
from nno_sklearn.solvers import Record, Status

X, Y = load_iris(return_X_y=True)
X2, Y2 = load_breast_cancer(return_X_y=True)
X2 = scale(X2)

#: An estimator of each kind of fit: solvers, losses with corners, coupled classes, a score.
KINDS = {
    "gd": NNOClassifier(solver="gd"),
    "proximal": NNOClassifier(solver="proximal", penalty="l1", alpha=1e-3),
    "nearest_neighbor": NNOClassifier(solver="nearest_neighbor", random_state=0),
    "corners": NNORegressor("absolute_error", solver="gd"),
    "scale": NNORegressor("concomitant_huber"),
    "intercepts": NNOClassifier("ordinal"),
    "regression": NNORegressor("poisson", penalty="elasticnet"),
    "score": NNOClassifier("f1_macro", random_state=0),
    "twin": LogisticRegression(),
}


class Watch(Callback):
    """Keeps the iterations, and ends the fit at one of them."""

    def __init__(self, last=np.inf):
        self.last, self.records, self.models, self.begun = last, [], [], 0

    def on_begin(self, fit):
        self.begun += 1

    def on_iteration(self, iteration):
        self.records.append(iteration.record)
        self.models.append(iteration.model)
        return iteration.number >= self.last


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_is_seen_with_its_coefficients(kind):
    watch = Watch()
    model = clone(KINDS[kind]).set_callbacks(watch).fit(X, Y)
    assert watch.begun == 1 and watch.records[: len(model.history_) - 1] == model.history_[:-1]
    plain = clone(KINDS[kind]).set_callbacks().fit(X, Y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    last = watch.models[-1]
    np.testing.assert_allclose(last.coef_, model.coef_, atol=1e-5)
    np.testing.assert_allclose(last.intercept_, model.intercept_, atol=1e-5)
    assert last.predict(X).shape == model.predict(X).shape


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_fit_ends_where_a_callback_says_so(kind, last):
    model = clone(KINDS[kind]).set_callbacks(Watch(last)).fit(X, Y)
    assert model.status_ is Status.STOPPED and not model.converged_
    assert len(model.history_) == last + 1
    if kind != "score":
        seen = model.history_[-1]
        assert (model.objective_, model.dual_gap_) == (seen.objective, seen.dual_gap)


def test_many_coupled_classes_end_too():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 60, 3000)
    rows = (np.eye(60)[words] @ rng.normal(size=(60, 8)) + rng.normal(size=(3000, 8))).astype("f4")
    model = NNOClassifier(alpha=1e-4).set_callbacks(Watch(2)).fit(rows, words)
    assert model.status_ is Status.STOPPED and len(model.history_) <= 5


@pytest.mark.parametrize("stream", ["cells", "adagrad", "ftrl"])
def test_batches_of_a_stream_are_seen(stream):
    watch = Watch(last=0)
    model = NNOClassifier(stream=stream, alpha=1e-3).set_callbacks(watch)
    for first in range(0, 500, 100):
        rows = slice(first, first + 100)
        model.partial_fit(X2[rows], Y2[rows], classes=[0, 1])
        assert model.status_ is Status.STOPPED
    assert [record.n_samples for record in model.history_] == [100, 200, 300, 400, 500]
    assert watch.records == model.history_
    np.testing.assert_array_equal(watch.models[-1].coef_, model.coef_)
    losses = [record.objective for record in model.history_]
    assert np.isnan(losses[0]) and max(losses[1:]) < np.log(2)
    seconds = [record.seconds for record in model.history_]
    assert np.all(np.diff(seconds) > 0)
    assert model.set_callbacks().partial_fit(X2[500:], Y2[500:]).status_ is None


def test_the_loss_of_a_batch_is_that_before_it_is_learnt():
    model = NNORegressor(stream="adagrad", alpha=0.1).partial_fit(X2[:100], X2[:100, 0])
    coef, residual = model.coef_, model.predict(X2[100:]) - X2[100:, 0]
    record = model.partial_fit(X2[100:], X2[100:, 0]).history_[-1]
    assert record.objective == pytest.approx(0.5 * (residual @ residual) / len(residual)
                                             + 0.05 * coef @ coef)  # fmt: skip


def test_the_history_of_a_stream_is_bounded():
    model = NNORegressor(stream="adagrad")
    for k in range(1203):
        model.partial_fit(X[k % 150 : k % 150 + 1], Y[k % 150 : k % 150 + 1])
    seen = [record.n_samples for record in model.history_]
    assert len(seen) <= 500 and seen == sorted(set(seen)) and seen[-1] == 1203
    assert np.isfinite([record.objective for record in model.history_]).all()


@pytest.mark.parametrize("kind", [*KINDS, "stream"])
def test_every_history_is_a_table_with_the_same_columns(kind):
    model = NNORegressor().partial_fit(X, Y) if kind == "stream" else clone(KINDS[kind]).fit(X, Y)
    table = pd.DataFrame(model.history_)
    assert tuple(table.columns) == Record._fields and len(table) == len(model.history_)
    numbers = table.drop(columns="start")
    assert all(dtype.kind in "fi" for dtype in numbers.dtypes)
    assert (table.n_samples == 150).all() and (table.n_nonzeros >= 0).all()


def test_models_that_a_fit_makes_on_its_way_have_no_callbacks():
    watch = Watch()
    model = clone(KINDS["score"]).set_callbacks(watch).fit(X, Y)
    for made in (model.start_, *watch.models):
        assert not any("callback" in name for name in vars(made))


def test_a_clone_has_the_same_callbacks_and_a_pipeline_calls_them():
    watch = Watch()
    model = NNOClassifier().set_callbacks(watch)
    make_pipeline(StandardScaler(), clone(model)).fit(X, Y)
    assert watch.begun == 1 and len(watch.records) > 2
    clone(model.set_callbacks()).fit(X, Y)
    assert watch.begun == 1
    assert type(pickle.loads(pickle.dumps(model.set_callbacks(watch))).fit(X, Y)) is NNOClassifier


def test_searches_call_the_callbacks_of_their_model():
    watch = Watch(last=1)
    search = NNOSearchCV(NNOClassifier().set_callbacks(watch), {"alpha": [0.1, 0.01]}, cv=2)
    assert search.fit(X, Y).best_estimator_.status_ is Status.STOPPED
    assert watch.begun == 5 and {len(model.history_) for model in watch.models} == {1}


def test_twins_that_cross_validate_call_them_in_each_fit():
    watch = Watch()
    LassoCV(cv=2, alphas=[1.0, 0.1]).set_callbacks(watch).fit(X, Y)
    assert watch.begun == 5
    assert {type(model).__name__ for model in watch.models} == {"Lasso"}


def test_an_error_in_a_callback_leaves_the_model_as_it_was():
    class Failing(Watch):
        n_open = 0

        def setup(self, estimator, context):
            self.n_open += 1

        def teardown(self, estimator, context):
            self.n_open -= 1

        def on_iteration(self, iteration):
            raise RuntimeError("as asked")

    model, failing = NNOClassifier().fit(X, Y), Failing()
    before = model.coef_
    with pytest.raises(RuntimeError, match="as asked"):
        model.set_callbacks(failing).set_params(alpha=1.0).fit(X, Y)
    assert model.coef_ is before and failing.n_open == 0


@pytest.mark.parametrize("wrong", [Watch, print])
def test_what_is_no_callback_is_refused(wrong):
    with pytest.raises(TypeError, match="callbacks must be instances"):
        NNOClassifier().set_callbacks(wrong)
