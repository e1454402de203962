"""EarlyStopping: which rows are scored, when a fit ends, and which model is kept."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold, train_test_split
from sklearn.preprocessing import scale

from nno_sklearn import EarlyStopping, NNOClassifier, NNORegressor, NNOSearchCV
from nno_sklearn.solvers import Status

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
#: Few rows, many columns of noise: the optimum without a penalty generalises badly.
RNG = np.random.default_rng(0)
WIDE = RNG.normal(size=(300, 80))
LABELS = (WIDE[:, :5].sum(axis=1) + RNG.normal(size=300) > 0).astype(int)
TRAIN, TEST = slice(0, 120), slice(120, 300)
OVERFIT = NNOClassifier(solver="gd", alpha=1e-4)
#: Scores of one model after the other.
CURVE = [1.0, 3.0, 3.0, 2.0, 2.5, 3.0, 1.0, 1.0, 1.0, 1.0, 9.0]


class Scripted:
    """A scorer that returns given scores, one after the other."""

    def __init__(self, scores):
        self.scores, self.models = list(scores), []

    def __call__(self, model, X, y):
        self.models.append(model.coef_)
        return self.scores[len(self.models) - 1]


def scores_of(model):
    return [record.validation_score for record in model.history_]


def test_patience_counts_from_the_last_rise_and_the_best_model_is_kept():
    script = Scripted(CURVE)
    stop = EarlyStopping(script, patience=4)
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS)
    assert scores_of(model) == CURVE[:6]  # raised at 1; then four that do not raise it
    np.testing.assert_allclose(model.coef_, script.models[5])  # of equal scores the last
    assert model.status_ is Status.STOPPED and not model.converged_
    first = Scripted([3.0, 1.0, 1.0])
    model = clone(OVERFIT).set_callbacks(EarlyStopping(first, patience=2)).fit(WIDE, LABELS)
    np.testing.assert_allclose(model.coef_, 0.0, atol=1e-12)
    assert model.objective_ == pytest.approx(model.history_[0].objective)


def test_a_target_ends_the_fit_as_soon_as_it_is_reached():
    stop = EarlyStopping("accuracy", target=0.95, patience=None)
    model = NNOClassifier(solver="gd").set_callbacks(stop).fit(X, Y)
    assert model.score(X, Y) >= 0.95 and model.status_ is Status.STOPPED
    assert all(score < 0.95 for score in scores_of(model)[:-1])


@pytest.mark.parametrize("solver", ["gd", "proximal", "nearest_neighbor"])
def test_held_out_rows_are_not_fitted(solver):
    seen = []

    def score(model, X, y):
        seen.append((X, y))
        return model.score(X, y)

    stop = EarlyStopping(score, validation_fraction=0.25, patience=None)
    model = NNOClassifier(solver=solver, alpha=0.01).set_callbacks(stop).fit(X, Y)
    held_out, labels = seen[0]
    assert len(labels) == 143 and labels.mean() == pytest.approx(Y.mean(), abs=0.005)
    others = ~(X[:, None, 0] == held_out[None, :, 0]).any(axis=1)
    rest = [row for row, one in enumerate(X) if not (held_out == one).all(axis=1).any()]
    assert len(rest) == 426 and others.sum() <= 426
    best = max(scores_of(model))
    assert best == model.score(held_out, labels)
    if model.converged_:
        plain = NNOClassifier(solver=solver, alpha=0.01).fit(X[rest], Y[rest])
        np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=1e-9)


def test_stopping_generalises_better_than_the_optimum():
    stop = EarlyStopping("neg_log_loss", X_val=WIDE[TEST], y_val=LABELS[TEST])
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE[TRAIN], LABELS[TRAIN])
    whole = clone(OVERFIT).fit(WIDE[TRAIN], LABELS[TRAIN])
    judge = lambda one: -np.log(one.predict_proba(WIDE[TEST])[range(180), LABELS[TEST]]).mean()  # noqa: E731
    assert judge(model) < 0.7 * judge(whole)
    assert -judge(model) == pytest.approx(max(scores_of(model)))
    # The certificate is that of the model kept: its gap holds of the optimum.
    assert model.objective_ - model.dual_gap_ <= whole.objective_ <= model.objective_


def test_folds_choose_the_number_of_iterations():
    stop = EarlyStopping("neg_log_loss", cv=KFold(3))
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS)
    whole = clone(OVERFIT).fit(WIDE, LABELS)
    assert 1 < len(model.history_) < len(whole.history_) / 2
    assert [r[:5] for r in model.history_] == [r[:5] for r in whole.history_[: len(model.history_)]]
    assert model.status_ is Status.STOPPED


def test_what_converges_with_the_best_score_is_the_optimum():
    stop = EarlyStopping("neg_mean_squared_error", patience=None)
    X, y = load_diabetes(return_X_y=True)
    model = NNORegressor(alpha=0.0).set_callbacks(stop).fit(X, y)
    assert model.converged_ and model.status_ is Status.CONVERGED
    np.testing.assert_allclose(model.coef_, NNORegressor(alpha=0.0).fit(X, y).coef_)


def test_float32_models_are_certified_as_they_are_kept():
    stop = EarlyStopping(Scripted([1, 2, 3, 1, 1, 1]), patience=3)
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE.astype("f4"), LABELS)
    assert model.coef_.dtype == np.float32 and model.status_ is Status.STOPPED
    eta = WIDE.astype("f4").astype(float) @ model.coef_[0].astype(float) + model.intercept_[0]
    value = np.logaddexp(0, np.where(LABELS, -eta, eta)).mean()
    value += 0.5e-4 * (model.coef_.astype(float) ** 2).sum()
    assert model.objective_ == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame, lambda X: X.tolist()])
def test_rows_come_in_any_container_and_bring_their_weights(wrap):
    weight = np.ones(120)
    weight[100:] = 0.0
    stop = EarlyStopping(make_scorer(weighted), validation_fraction=0.5, patience=2)
    clone(OVERFIT).set_callbacks(stop).fit(wrap(WIDE[TRAIN]), LABELS[TRAIN], weight)


def weighted(y, predicted, sample_weight):
    assert len(sample_weight) == len(y) == 60
    return sample_weight @ (y == predicted)


OFFSET = np.linspace(-3.0, 3.0, 300)
COUNTS = RNG.poisson(np.exp(0.3 * WIDE[:, 0] + OFFSET / 2))
POISSON = NNORegressor("poisson", solver="gd", alpha=1e-4)


def counts_are_scored(model, X, y):
    """Scores a model by what is left of the counts; rows of large counts tell the offset."""
    return -abs(y - model.predict(X)).sum()


@pytest.mark.parametrize("rows", ["training", "X_val", "validation_fraction"])
def test_rows_are_scored_with_their_offsets(rows):
    options = {
        "training": {},
        "X_val": {"X_val": WIDE[TEST], "y_val": COUNTS[TEST], "offset_val": OFFSET[TEST]},
        "validation_fraction": {"validation_fraction": 0.3},
    }[rows]
    stop = EarlyStopping(counts_are_scored, patience=None, **options)
    model = clone(POISSON).set_callbacks(stop).fit(WIDE, COUNTS, offset=OFFSET)
    scored = {"training": slice(None), "X_val": TEST}.get(rows)
    if scored is None:
        scored = np.sort(train_test_split(np.arange(300), test_size=0.3, random_state=0)[1])
    predicted = model.predict(WIDE[scored], offset=OFFSET[scored])
    assert max(scores_of(model)) == pytest.approx(-abs(COUNTS[scored] - predicted).sum())


def test_a_constant_offset_is_an_intercept():
    shift = np.full(300, 2.0)
    for options in ({}, {"validation_fraction": 0.3}, {"cv": KFold(3)}):
        stop = EarlyStopping("neg_log_loss", **options)
        plain = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS)
        shifted = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS, offset=shift)
        np.testing.assert_allclose(scores_of(shifted), scores_of(plain), rtol=1e-6)
        np.testing.assert_allclose(shifted.intercept_ + 2.0, plain.intercept_, rtol=1e-6)
    stop = EarlyStopping(X_val=WIDE, y_val=COUNTS, offset_val=OFFSET)
    stream = NNORegressor("poisson", stream="adagrad").set_callbacks(stop)
    stream.partial_fit(WIDE, COUNTS, offset=OFFSET)
    expected = stream.score(WIDE, COUNTS, offset=OFFSET)
    assert scores_of(stream)[-1] == pytest.approx(expected)


def test_weights_of_folds_and_of_given_rows_count_as_repetitions():
    weight, scoring = np.random.default_rng(1).integers(0, 3, 300), "neg_log_loss"
    repeated = np.repeat(np.arange(300), weight)
    stop = EarlyStopping(scoring, X_val=WIDE, y_val=LABELS, sample_weight_val=weight)
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS)
    stop = EarlyStopping(scoring, X_val=WIDE[repeated], y_val=LABELS[repeated])
    other = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS)
    np.testing.assert_allclose(scores_of(model), scores_of(other), rtol=1e-6)
    folds = [(TRAIN, TEST), (TEST, TRAIN)]
    numbers = [np.arange(300)[part] for fold in folds for part in fold]
    stop = EarlyStopping(scoring, cv=list(zip(numbers[::2], numbers[1::2], strict=True)))
    model = clone(OVERFIT).set_callbacks(stop).fit(WIDE, LABELS, weight)
    parts = [np.flatnonzero(np.isin(repeated, part)) for part in numbers]
    stop = EarlyStopping(scoring, cv=list(zip(parts[::2], parts[1::2], strict=True)))
    other = clone(OVERFIT).set_callbacks(stop).fit(WIDE[repeated], LABELS[repeated])
    assert len(model.history_) == len(other.history_)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-6)


def test_streams_keep_their_best_model():
    script = Scripted([1.0, 5.0, 2.0, 2.0])
    stop = EarlyStopping(script, X_val=X, y_val=Y, patience=2)
    model = NNOClassifier(stream="adagrad").set_callbacks(stop)
    for first in range(0, 569, 100):
        model.partial_fit(X[first : first + 100], Y[first : first + 100], classes=[0, 1])
        if model.status_ is Status.STOPPED:
            break
    assert scores_of(model) == [1.0, 5.0, 2.0, 2.0] and model.n_samples_seen_ == 400
    np.testing.assert_array_equal(model.coef_, script.models[1])


def test_losses_with_corners_and_scores_stop():
    stop = EarlyStopping(Scripted(CURVE), patience=3)
    model = (
        NNORegressor("absolute_error", solver="gd").set_callbacks(stop).fit(WIDE, abs(WIDE[:, 1]))
    )
    assert len(model.history_) == 5 and model.status_ is Status.STOPPED
    assert model.objective_ in [record.objective for record in model.history_]
    stop = EarlyStopping("accuracy", target=0.5)
    model = NNOClassifier("f1", random_state=0).set_callbacks(stop).fit(X, Y)
    assert model.status_ is Status.STOPPED and len(model.history_) == 1


def test_in_a_search():
    stop = EarlyStopping("accuracy", validation_fraction=0.2, target=0.9)
    model = NNOClassifier(solver="gd").set_callbacks(stop)
    search = NNOSearchCV(model, {"alpha": [0.1, 0.001]}, cv=2).fit(X, Y)
    assert search.best_estimator_.status_ is Status.STOPPED and search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cv": 3, "X_val": X, "y_val": Y}, "got cv and X_val, which each say on which rows to"),
        ({"X_val": X}, "needs X_val and y_val together"),
        (
            {"offset_val": Y},
            r"\(offset_val=...\) is of the rows of X_val, which is None. Pass X_val",
        ),
        (
            {"sample_weight_val": Y, "cv": 3},
            r"sample_weight_val=...\) is of the rows of X_val, whi",
        ),
        ({"validation_fraction": 1.5}, r"validation_fraction=1.5\): it is a share of the rows"),
        ({"patience": 0}, r"patience=0\): it is a number of iterations, so it must be a whole"),
        ({"cv": 3, "target": 0.9}, "folds choose a number of iterations, and know no target"),
    ],
)
def test_mistakes_are_told(params, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**params)


def test_what_cannot_be_scored_is_told():
    model = NNOClassifier().set_callbacks(EarlyStopping(X_val=X, y_val=Y))
    with pytest.raises(ValueError, match="so the rows of X_val need one too. Pass offset_val, of"):
        model.fit(X, Y, offset=np.ones(len(Y)))
    model.set_callbacks(EarlyStopping(validation_fraction=0.1))
    with pytest.raises(ValueError, match="partial_fit learns from all rows it is given. Hold some"):
        model.partial_fit(X, Y, classes=[0, 1])
