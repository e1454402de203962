"""What belongs to the user stays as it is: fitted models that are interrupted, and all data."""

import inspect
import pickle
import sys
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import joblib
import numpy as np
import pytest
from scipy import sparse

from nno_sklearn import (
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    ScoreTraining,
    _data_checks,
    condense,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] + 0.3 * RNG.normal(size=120) > 0).astype(int)
OTHER_X = RNG.normal(size=(120, 5))
OTHER_Y = np.where(OTHER_X[:, 1] > 0, "red", "blue")


class Interrupt:
    """Ctrl-C at the n-th function call; None only counts them.

    Python swallows what is raised while it finalises a generator, so calls of these are passed by.
    """

    def __init__(self, at=None):
        self.at, self.n_calls = at, 0

    def __call__(self, frame, event, argument):
        if event == "call":
            self.n_calls += 1
            is_due = self.at is not None and self.n_calls >= self.at
            if is_due and not frame.f_code.co_flags & inspect.CO_GENERATOR:
                self.at = None
                raise KeyboardInterrupt

    def during(self, action):
        """Whether the action was interrupted."""
        sys.setprofile(self)
        try:
            action()
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(None)
        return False


def search(model):
    return NNOSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2)


ACTIONS = {
    "fit": (NNOClassifier, lambda model: model.fit(OTHER_X, OTHER_Y)),
    "fit of a regressor": (NNORegressor, lambda model: model.fit(OTHER_X, OTHER_X[:, :2])),
    "score training": (
        lambda: NNOClassifier(ScoreTraining("f1", cv=2), random_state=0),
        lambda model: model.fit(OTHER_X, OTHER_Y == "red"),
    ),
    "search": (lambda: search(NNOClassifier()), lambda model: model.fit(OTHER_X, OTHER_Y)),
    "stream": (
        lambda: NNOClassifier(class_weight="balanced"),
        lambda model: model.partial_fit(X, 1 - Y),
    ),
    "stream of steps": (
        lambda: NNOClassifier("log_loss", solver="gd"),
        lambda model: model.partial_fit(X, 1 - Y),
    ),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_interrupt_leaves_the_old_model_or_the_new_one(name):
    make, action = ACTIONS[name]

    model = make()
    if "stream" in name:
        model.partial_fit(X, Y, classes=[0, 1])
    else:
        model.fit(X, Y)
    before, prediction, counter = pickle.dumps(vars(model)), model.predict(X), Interrupt()
    action(deepcopy(model))  # caches and imports of the first call
    twin = deepcopy(model)
    assert not counter.during(lambda: action(twin))
    # Runs differ by some per cent: rounding depends on the alignment of arrays.
    for place in np.linspace(1, 0.9 * counter.n_calls, 25).astype(int):
        assert Interrupt(place).during(lambda: action(model))
        assert pickle.dumps(vars(model)) == before
    np.testing.assert_array_equal(model.predict(X), prediction)


@pytest.mark.parametrize("make", [NNOClassifier, NNORegressor])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_first_fit_that_fails_leaves_no_attribute(make, method):
    model = make()
    for X_bad, y_bad in ((OTHER_X, np.full(120, np.nan)), (np.full((120, 2), np.inf), Y)):
        with pytest.raises(ValueError):
            getattr(model, method)(X_bad, y_bad)
        assert set(vars(model)) == set(model.get_params(deep=False))


def unsorted_with_duplicates(X, kind=sparse.csr_array):
    """Each entry in two halves, the columns from last to first."""
    n, p = X.shape
    if kind in (sparse.csc_array, sparse.csc_matrix):
        transposed = unsorted_with_duplicates(X.T)
        return kind((transposed.data, transposed.indices, transposed.indptr), shape=X.shape)
    data = np.repeat(X[:, ::-1] / 2, 2, axis=1).ravel()
    indices = np.tile(np.repeat(np.arange(p)[::-1], 2), n)
    return kind((data, indices, np.arange(0, 2 * n * p + 1, 2 * p)), shape=X.shape)


def read_only(X):
    for array in (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,):
        array.setflags(write=False)
    return X


def stored(X):
    """The user's arrays, and the flags that scipy has recorded of them."""
    return joblib.hash(vars(X) if sparse.issparse(X) else X)


FORMATS = {
    "C": np.array,
    "Fortran": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "read-only": lambda X: read_only(X.copy()),
    "csr": unsorted_with_duplicates,
    "csc": lambda X: unsorted_with_duplicates(X, sparse.csc_array),
    "csr_matrix": lambda X: unsorted_with_duplicates(X, sparse.csr_matrix),
    "read-only csr": lambda X: read_only(unsorted_with_duplicates(X)),
    "read-only csc": lambda X: read_only(unsorted_with_duplicates(X, sparse.csc_array)),
    "coo": lambda X: unsorted_with_duplicates(X).tocoo(),
    "lil": sparse.lil_array,
}


@pytest.mark.parametrize("name", FORMATS)
def test_data_are_read_only_to_us(name):
    rows, weight = FORMATS[name](X), read_only(RNG.integers(0, 3, 120).astype(float))
    labels, numbers = read_only(Y.copy()), read_only(X[:, 0] + 1.0)
    classes, alphas = read_only(np.array([0, 1])), [0.1, 1.0]
    factors, grid = {0: 1.0, 1: 2.0}, {"alpha": [1.0, 0.1], "class_weight": [{0: 1.0, 1: 3.0}]}
    given = [labels, numbers, weight, classes, alphas, factors, grid]
    before = stored(rows), joblib.hash(given)
    for solver in ("gd", "nearest_neighbor", "proximal"):
        model = NNOClassifier(solver=solver, class_weight=factors, tol=1e-8)
        plain = NNOClassifier(solver=solver, class_weight=factors, tol=1e-8)
        model.fit(rows, labels, weight)
        plain.fit(X, Y, weight)
        atol = 1e-3 if name == "float32" else 1e-5
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=atol)
        np.testing.assert_allclose(model.predict_proba(rows), plain.predict_proba(X), atol=atol)
        NNOClassifier(solver=solver).partial_fit(rows, labels, classes, weight).predict(rows)
    NNORegressor(penalty="l1").fit(rows, numbers, weight).predict(rows)
    NNORegressor("poisson").fit(rows, np.abs(numbers), weight)
    NNOClassifier("f1", random_state=0).fit(rows, labels)
    condense(rows, numbers, 20, sample_weight=weight)
    NNOSearchCV(NNOClassifier(), grid, cv=2).fit(rows, labels)
    NNOSearchCV(NNOClassifier(), alphas=alphas, cv=2).fit(rows, labels)
    assert (stored(rows), joblib.hash(given)) == before


def test_threads_share_rows_that_are_stored_twice():
    rows = unsorted_with_duplicates(np.tile(X, (20, 1)))
    y = np.tile(Y, 20)
    with ThreadPoolExecutor(8) as pool:
        fits = list(pool.map(lambda _: NNOClassifier().fit(rows, y).coef_, range(16)))
    for coef in fits:
        np.testing.assert_array_equal(coef, fits[0])


LOSSES = {
    "squared_error": NNORegressor,
    "poisson": NNORegressor,
    "log_loss": NNOClassifier,
    "squared_hinge": NNOClassifier,
    "f1_macro": NNOClassifier,
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1500, 4)) + [0, 5, 0, 0]
    eta = X @ [0.3, 0.5, -0.5, 0.2] - 2.5
    weight = rng.uniform(0.1, 3, 1500) * (rng.random(1500) < 0.7)
    idle = weight == 0
    X[idle] *= 1e6
    X[idle, 0] = 1e100
    numbers = rng.poisson(np.exp(0.3 * eta)).astype(float)
    numbers[idle] = -5.0
    labels = np.where(eta + rng.logistic(size=1500) > 0, "yes", "no").astype(object)
    labels[idle] = "neither"
    return X, numbers, labels, weight


class TestRowsOfWeightZero:
    """They have no influence, and cost no memory."""

    @pytest.mark.each_value
    @pytest.mark.parametrize("container", [np.asarray, np.asfortranarray, sparse.csr_array,
                                           sparse.csc_array])  # fmt: skip
    @pytest.mark.parametrize("loss", LOSSES)
    def test_they_do_not_occur(self, loss, container, data, monkeypatch):
        X, numbers, labels, weight = data
        y = numbers if LOSSES[loss] is NNORegressor else labels
        penalties = ["l2", "l1", None] if loss != "f1_macro" else ["l2"]
        for penalty in penalties:
            model = LOSSES[loss](loss, penalty=penalty, alpha=1e-3, tol=1e-10, random_state=0)
            model.fit(container(X), y, weight)  # a small copy
            coef, objective = model.coef_, model.objective_
            monkeypatch.setattr(_data_checks, "SMALL_COPY", 0)
            model.fit(container(X), y, weight)
            monkeypatch.undo()
            is_search = loss == "f1_macro"  # which may end elsewhere from the same start
            assert model.objective_ == pytest.approx(objective, rel=3e-2 if is_search else 1e-6)
            if not is_search:
                np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("make", [NNORegressor, NNOClassifier])
    def test_they_do_not_copy_a_memory_map(self, make, tmp_path):
        n, p = 70_000, 32
        X = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=(n, p))
        X[:] = RNG.normal(size=(n, p))
        X.flush()
        X = np.memmap(tmp_path / "X", dtype=np.float64, mode="r", shape=(n, p))
        y = X[:, 0] > 0.5 * RNG.normal(size=n)
        weight = np.ones(n)
        weight[0] = 0.0
        assert X.nbytes > _data_checks.SMALL_COPY
        tracemalloc.start()
        make().fit(X, y, weight)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < X.nbytes / 2


def test_a_warning_as_an_error_leaves_the_old_model():
    model = NNOClassifier().fit(X, Y)
    model.set_params(max_iter=1, tol=1e-12)
    before = joblib.hash(vars(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Warning, match="did not converge"):
            model.fit(OTHER_X, OTHER_Y)
    assert joblib.hash(vars(model)) == before
