"""Rows with any number of labels: an indicator table as y of NNOClassifier."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils import get_tags

from nno_sklearn import NNOClassifier, NNOSearchCV
from tests.user_objects import Tempered

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = (X @ RNG.normal(size=(4, 3)) + RNG.normal(size=(120, 3)) > [0.0, 0.5, -0.5]).astype(int)
WEIGHT = RNG.integers(1, 4, 120)
ALPHA = 0.01


def model(loss="log_loss", **params):
    return NNOClassifier(loss, alpha=ALPHA, tol=1e-12, **params)


@pytest.mark.parametrize("columns", [2, 3])
def test_same_optimum_and_shapes_as_one_vs_rest(columns):
    y = Y[:, :columns]
    logistic = LogisticRegression(C=1 / (ALPHA * 120), tol=1e-12, max_iter=10_000)
    theirs = OneVsRestClassifier(logistic).fit(X, y)
    ours = model().fit(X, y)
    for method in ("decision_function", "predict_proba"):
        expected = getattr(theirs, method)(X)
        np.testing.assert_allclose(getattr(ours, method)(X), expected, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.multilabel_ and theirs.multilabel_
    assert ours.score(X, y) == theirs.score(X, y)
    assert ours.dual_gap_ < 1e-10


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge", "modified_huber"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_each_label_is_a_fit_of_its_own(loss, penalty):
    ours = model(loss, penalty=penalty).fit(X, Y, WEIGHT)
    for k, label in enumerate(Y.T):
        alone = model(loss, penalty=penalty).fit(X, label, WEIGHT)
        np.testing.assert_allclose(ours.coef_[k], alone.coef_[0], atol=1e-6)
        np.testing.assert_array_equal(ours.predict(X)[:, k], alone.predict(X))


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, np.ndarray.tolist, bool])
def test_tables_of_every_kind(kind):
    given = Y.astype(bool) if kind is bool else kind(Y)
    np.testing.assert_array_equal(model().fit(X, given).coef_, model().fit(X, Y).coef_)


def test_a_label_that_never_occurs():
    y = np.column_stack([Y[:, 0], np.zeros(120, dtype=int)])
    with pytest.warns(UserWarning, match="Label 1 is 0 in all training rows.*0 is predicted"):
        ours = model().fit(X, y)
    assert (ours.predict(X)[:, 1] == 0).all()
    assert (ours.predict_proba(X)[:, 1] < 1e-6).all()
    np.testing.assert_allclose(ours.coef_[0], model().fit(X, y[:, 0]).coef_[0], atol=1e-6)


def test_a_label_that_always_occurs_where_a_weight_counts():
    y = np.column_stack([Y[:, 0], np.ones(120, dtype=int)])
    y[:3, 1] = 0
    weight = np.where(np.arange(120) < 3, 0.0, 1.0)
    with pytest.warns(UserWarning, match="Label 1 is 1 in all training rows.*1 is predicted"):
        ours = model().fit(X, y, weight)
    assert (ours.predict(X)[:, 1] == 1).all()


def test_margins_are_labels_as_for_one_vs_rest():
    margins = 2 * Y - 1
    theirs = OneVsRestClassifier(LogisticRegression(C=1 / (ALPHA * 120))).fit(X, margins)
    ours = model().fit(X, margins)
    np.testing.assert_array_equal(ours.coef_, model().fit(X, Y).coef_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_pickled_models_predict_the_same():
    ours = model().fit(X, Y)
    again = pickle.loads(pickle.dumps(ours))
    assert again.multilabel_
    for method in ("predict", "predict_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(again, method)(X), getattr(ours, method)(X))
    assert again.score(X, Y) == ours.score(X, Y)


def test_searches_take_it():
    grid = {"alpha": [1.0, 0.01]}
    ours = NNOSearchCV(NNOClassifier(), grid, cv=3).fit(X, Y)
    theirs = GridSearchCV(NNOClassifier(), grid, cv=3).fit(X, Y)
    assert ours.best_params_ == theirs.best_params_
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_one_column_is_one_label():
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        ours = model().fit(X, Y[:, :1])
    assert not ours.multilabel_
    assert ours.predict(X).shape == (120,)


def test_tags_say_what_is_taken():
    takes = {"log_loss": NNOClassifier(), "score": NNOClassifier("f1"),
             "weights": NNOClassifier(class_weight="balanced")}  # fmt: skip
    found = {name: get_tags(one).classifier_tags.multi_label for name, one in takes.items()}
    assert found == {"log_loss": True, "score": False, "weights": False}


@pytest.mark.parametrize(
    ("estimator", "y", "said"),
    [
        (NNOClassifier(), Y + 1, r"y has 3 columns, so each is to tell by 0 or 1 .*MultiOutput"),
        (NNOClassifier(), 2 * Y, r"there is (np.int64\()?2"),
        (NNOClassifier(), np.array([["a", "b"]] * 120), r"but there is np.str_\('a'\)|'a'"),
        (NNOClassifier(), Y.astype(str), r"but there is np.str_\('[01]'\)|'[01]'"),
        (NNOClassifier("f1"), Y, r"loss='f1' is a score, which is trained for one label per row"),
        (NNOClassifier(class_weight="balanced"), Y, "class_weight='balanced' is for one label per"),
        (NNOClassifier(Tempered()), Y, r"loss=Tempered\(\) takes one label per row"),
    ],
)
def test_what_is_refused(estimator, y, said):
    with pytest.raises(ValueError, match=said):
        estimator.fit(X, y)


def test_batches_are_refused():
    with pytest.raises(ValueError, match="partial_fit learns one label per row, .*MultiOutputCl"):
        NNOClassifier().partial_fit(X, Y, classes=[0, 1])
