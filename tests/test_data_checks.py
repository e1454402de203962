"""Data that need no check are taken as they are; all others are checked by scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import validate_data

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn._data_checks import X_FORMAT
from nno_sklearn._validation import validated

X = np.arange(12.0).reshape(4, 3)
Y = np.arange(4.0)
NAN, INF, HUGE = X.copy(), X.copy(), np.full((4, 3), 1.7e308)
NAN[1, 1], INF[1, 1] = np.nan, -np.inf
Y_NAN = np.array([0.0, np.nan, 1.0, 2.0])


class Subclass(np.ndarray):
    """Arrays with a type of their own, as memory maps have."""


def outcome(check):
    """What a check returns or raises, what it warns of, and what it leaves in the estimator."""
    model = NNORegressor()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            found = check(model)
        except (ValueError, TypeError) as error:
            found = type(error), str(error)
    told = [str(one.message) for one in seen]
    kept = {name: value for name, value in vars(model).items() if name.endswith("_in_")}
    return found, told, kept


def assert_alike(ours, theirs):
    assert type(ours[0]) is type(theirs[0])
    if isinstance(theirs[0], tuple) and not isinstance(theirs[0][0], type):
        for a, b in zip(ours[0], theirs[0], strict=True):
            assert type(a) is type(b) and a.dtype == b.dtype
            a, b = (one.toarray() if sparse.issparse(one) else one for one in (a, b))
            np.testing.assert_array_equal(a, b)
    elif isinstance(theirs[0], np.ndarray):
        assert ours[0].dtype == theirs[0].dtype
        np.testing.assert_array_equal(ours[0], theirs[0])
    else:
        assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    assert ours[2].keys() == theirs[2].keys()
    assert ours[2].get("n_features_in_") == theirs[2].get("n_features_in_")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("multi_output", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        (X, Y),
        (X.astype(np.float32), Y.astype(np.float32)),
        (X.astype(">f8"), Y),
        (np.asfortranarray(X), Y.astype(int)),
        (X.astype(int), Y > 1),
        (X, np.array(["a", "b", "a", "b"])),
        (X, np.array(["a", "b", "a", "b"], dtype=object)),
        (X, Y[:, None]),
        (X, np.c_[Y, Y]),
        (X, Y + 0j),
        (X.tolist(), Y.tolist()),
        (HUGE, Y),
        (NAN, Y),
        (INF, Y),
        (X, Y_NAN),
        (X, Y[:3]),
        (X, None),
        (X[:0], Y[:0]),
        (X[:, :0], Y),
        (X[0], Y),
        (X[None], Y),
        (X.view(Subclass), Y),
        (sparse.csr_array(X), Y),
        (pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(Y)),
    ],
    ids=str,
)
def test_training_data_are_checked_as_by_scikit_learn(given, multi_output):
    checks = {"multi_output": multi_output, "y_numeric": False}
    ours = outcome(lambda model: validated(model, *given, **checks))
    assert_alike(ours, outcome(lambda model: validate_data(model, *given, **X_FORMAT, **checks)))


@pytest.mark.parametrize("fitted_to", [X, pd.DataFrame(X, columns=["a", "b", "c"])], ids=str)
@pytest.mark.parametrize("new", [X, X[:, :2], NAN, X.tolist(), X[0]], ids=str)
def test_new_data_are_checked_as_by_scikit_learn(fitted_to, new):
    def new_data_by(check, **options):
        def checked(model):
            validate_data(model, fitted_to, **X_FORMAT)
            return check(model, new, reset=False, **options)

        return outcome(checked)

    assert_alike(new_data_by(validated), new_data_by(validate_data, **X_FORMAT))


def test_names_of_an_earlier_fit_are_forgotten():
    model = NNORegressor()
    validated(model, pd.DataFrame(X, columns=["a", "b", "c"]), Y)
    validated(model, X[:, :2], Y)
    assert model.n_features_in_ == 2 and not hasattr(model, "feature_names_in_")


def test_plain_arrays_are_not_copied():
    found, target = validated(NNORegressor(), X, Y)
    assert found is X and target is Y


ROWS = np.random.default_rng(0).normal(size=(60, 3))
TARGET = ROWS @ [1.0, 2.0, 0.0] + np.random.default_rng(1).normal(size=60)


@pytest.mark.parametrize(
    "y",
    [
        TARGET,
        TARGET.astype(np.float32),
        np.round(TARGET).astype(int),
        np.full(60, 2.0),
        TARGET.tolist(),
        pd.Series(TARGET),
        TARGET[:, None],
    ],
    ids=lambda y: type(y).__name__ + str(getattr(y, "dtype", "")),
)
def test_scores_of_regressors_are_r2(y):
    model = NNORegressor().fit(ROWS, TARGET)
    predicted = model.predict(ROWS)
    assert model.score(ROWS, y) == pytest.approx(r2_score(y, predicted), rel=1e-6, abs=1e-12)
    assert model.score(ROWS, predicted) == 1.0


def test_one_row_has_no_r2():
    model = NNORegressor().fit(ROWS, TARGET)
    with pytest.warns(UserWarning, match="two samples"):
        assert np.isnan(model.score(ROWS[:1], TARGET[:1]))


@pytest.mark.parametrize(
    "labels", [np.array([3, 5, 9]), np.array(["a", "bc", "d"]), np.array([0.5, 1.5, 2.5])], ids=str
)
@pytest.mark.parametrize("form", [np.asarray, list, pd.Series], ids=lambda form: form.__name__)
def test_scores_of_classifiers_are_accuracies(labels, form):
    codes = np.digitize(TARGET, [-1.0, 1.0])
    model = NNOClassifier().fit(ROWS, np.array(["x", "y", "z"])[codes])
    model.classes_ = labels
    y, predicted = labels[codes], model.predict(ROWS)
    if labels.dtype.kind == "f":  # scikit-learn takes them for numbers, not for labels
        with pytest.raises(ValueError, match="continuous"):
            model.score(ROWS, form(y))
        return
    assert model.score(ROWS, form(y)) == accuracy_score(form(y), predicted) < 1.0


def test_labels_of_another_type_are_left_to_scikit_learn():
    def outcome(score, *given):  # an error or 0, depending on its version
        try:
            return score(*given)
        except (ValueError, TypeError) as error:
            return type(error)

    model, words = (
        NNOClassifier().fit(ROWS, (TARGET > 0).astype(int)),
        np.where(TARGET > 0, "1", "0"),
    )
    assert outcome(model.score, ROWS, words) == outcome(accuracy_score, words, model.predict(ROWS))
    assert model.score(ROWS, TARGET > 0) == model.score(ROWS, (TARGET > 0).astype(int))
