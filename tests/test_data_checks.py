"""Data that need no check are taken as they are; all others are checked by scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.utils.validation import validate_data

from nno_sklearn import NNORegressor
from nno_sklearn._data_checks import X_FORMAT
from nno_sklearn._validation import validated

X = np.arange(12.0).reshape(4, 3)
Y = np.arange(4.0)
NAN, INF, HUGE = X.copy(), X.copy(), np.full((4, 3), 1.7e308)
NAN[1, 1], INF[1, 1] = np.nan, -np.inf
Y_NAN = np.array([0.0, np.nan, 1.0, 2.0])


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
        (np.asmatrix(X), Y),
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
