"""What users do to one model, in any order: it stays what its last good fit made of it."""

import pickle
import tempfile
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.callbacks import Callback

NAMES = ["age", "bmi", "bp"]
#: Losses of each estimator, with targets that suit all of them.
KINDS = {
    NNOClassifier: ("log_loss", "squared_hinge", "modified_huber", "hinge"),
    NNORegressor: ("squared_error", "huber", "poisson", "gamma", "quantile", "concomitant_huber"),
}
SOLVERS = ("auto", "proximal", "nearest_neighbor", "gd")
SCALES = (1.0, 1e-9, 1e9)


class Interrupt(Callback):
    """Ctrl-C at an iteration, or at a batch."""

    def __init__(self, at):
        self.at, self.seen = at, 0

    def on_iteration(self, iteration):
        self.seen += 1
        if self.seen > self.at:
            raise KeyboardInterrupt


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def mapped(X):
    """On a disk, not to be written."""
    with tempfile.TemporaryFile() as file:  # the map outlives it
        rows = np.memmap(file, X.dtype, "w+", shape=X.shape)
    rows[:] = X
    rows.flags.writeable = False
    return rows


def frame(X, order=(0, 1, 2)):
    return pd.DataFrame(X, columns=NAMES).iloc[:, list(order)]


#: Ways of handing over the same numbers.
CONTAINERS = {
    "plain": np.array,
    "Fortran": np.asfortranarray,
    "read only": read_only,
    "memory map": mapped,
    "every second row of another": lambda X: np.repeat(X, 2, axis=0)[::2],
    "objects": lambda X: X.astype(object),
    "lists": np.ndarray.tolist,
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
}
#: Data of which no model can be made, and what the error says.
USELESS = {
    "one class": (NNOClassifier, lambda X, y: (X, np.zeros(len(y)), None), "class"),
    "no rows": (None, lambda X, y: (X[:0], y[:0], None), "sample"),
    "NaN": (None, lambda X, y: (np.where(X > 0, np.nan, X), y, None), "NaN"),
    "text": (None, lambda X, y: (np.full(X.shape, "a"), y, None), "string"),
    "weights of 0": (None, lambda X, y: (X, y, np.zeros(len(y))), "weight"),
    "targets short": (None, lambda X, y: (X, y[:-1], None), "inconsistent"),
    "one dimension": (None, lambda X, y: (X[:, 0], y, None), "2D"),
}


@settings(
    max_examples=10,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
class Session(RuleBasedStateMachine):
    """A model, and the predictions that it should give: those of the last action that succeeded."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(24, 3))
        self.y = self.X[:, 0] + 0.5 * rng.normal(size=24)
        self.expected = None

    @property
    def target(self):
        if issubclass(self.kind, NNOClassifier):
            return np.where(self.y > 0, "yes", "no")
        return np.exp(self.y)

    def quietly(self, act, *args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return act(*args)

    def learn(self, name, X, y, weight=None):
        """By ``fit``, or where there is one by ``partial_fit``."""
        if name == "fit" or not hasattr(self.model, name):
            return self.quietly(partial(self.model.fit, X, y, sample_weight=weight))
        classes = {"classes": ["no", "yes"]} if issubclass(self.kind, NNOClassifier) else {}
        return self.quietly(partial(self.model.partial_fit, X, y, sample_weight=weight, **classes))

    def remember(self):
        self.expected = self.model.predict(self.X * self.scale)

    @initialize(kind=st.sampled_from(list(KINDS)), data=st.data())
    def begin(self, kind, data):
        self.kind = kind
        self.scale = data.draw(st.sampled_from(SCALES))
        loss = data.draw(st.sampled_from(KINDS[kind]))
        self.model = kind(loss, stream="cells", random_state=0)

    @rule(
        penalty=st.sampled_from(["l2", "l1", "elasticnet", None]),
        alpha=st.sampled_from([1e-4, 0.1, 10.0]),
        solver=st.sampled_from(SOLVERS),
        warm_start=st.booleans(),
    )
    def set_parameters(self, penalty, alpha, solver, warm_start):
        solver = "auto" if solver == "gd" and penalty in ("l1", "elasticnet") else solver
        self.model.set_params(penalty=penalty, alpha=alpha, solver=solver, warm_start=warm_start)

    @rule(container=st.sampled_from(list(CONTAINERS)), n_idle=st.sampled_from([0, 3]))
    def fit(self, container, n_idle):
        """The same as a new model's fit to plain rows of positive weight."""
        X, y, weight = self.X * self.scale, self.target, np.ones(24)
        weight[:n_idle] = 0.0
        self.learn("fit", CONTAINERS[container](X), y, weight)
        fresh = clone(self.model).set_params(warm_start=False)
        self.quietly(fresh.fit, X[n_idle:], y[n_idle:])
        assert self.model.objective_ == pytest.approx(fresh.objective_, rel=2e-3, abs=1e-12)
        self.remember()

    @precondition(lambda self: self.kind is NNORegressor)
    @rule(value=st.sampled_from([1.0, 1e-9, 1e9]))
    def fit_a_constant(self, value):
        """It is predicted for all rows."""
        self.learn("fit", self.X * self.scale, np.full(24, value))
        self.remember()
        np.testing.assert_allclose(self.expected, value, rtol=1e-6)

    @rule(n_rows=st.sampled_from([1, 12, 24]), container=st.sampled_from(list(CONTAINERS)))
    def partial_fit(self, n_rows, container):
        X = CONTAINERS[container](self.X[:n_rows] * self.scale)
        if hasattr(self.model, "partial_fit"):  # not of losses with corners or a scale
            self.learn("partial_fit", X, self.target[:n_rows])
            self.remember()

    @rule(at=st.sampled_from([0, 1, 3]), name=st.sampled_from(["fit", "partial_fit"]))
    def interrupt(self, at, name):
        """Ctrl-C leaves the model as it was, or the fit ends before."""
        self.model.set_callbacks(Interrupt(at))
        try:
            self.learn(name, self.X[::-1] * self.scale * 2.0, self.target)
            self.remember()
        except KeyboardInterrupt:
            pass
        finally:
            self.model.set_callbacks()

    @rule(
        what=st.sampled_from(list(USELESS)),
        name=st.sampled_from(["fit", "partial_fit"]),
    )
    def fail(self, what, name):
        """An error that names the cause leaves the model as it was."""
        kind, make, told = USELESS[what]
        if kind is not None and not issubclass(self.kind, kind):
            return
        # A batch may be of one class, or weigh nothing.
        name = "fit" if what in ("one class", "weights of 0") else name
        given = make(self.X * self.scale, self.target)
        with pytest.raises(ValueError, match=f"(?i){told}"):
            self.learn(name, *given)

    @rule()
    def pickle(self):
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def clone(self):
        with pytest.raises(NotFittedError):
            clone(self.model).predict(self.X)

    @precondition(lambda self: self.expected is not None)
    @rule(order=st.permutations(range(3)))
    def predict_frames(self, order):
        """Columns in another order, or missing, are refused where the fit had names."""
        named = clone(self.model)
        self.quietly(named.fit, frame(self.X * self.scale), self.target)
        expected = named.predict(frame(self.X * self.scale))
        other = frame(self.X * self.scale, order)
        if list(other) == NAMES:
            np.testing.assert_array_equal(named.predict(other), expected)
        else:
            with pytest.raises(ValueError, match="feature names"):
                named.predict(other)
        with pytest.raises(ValueError, match="feature names"):
            named.predict(other.iloc[:, :2])

    @precondition(lambda self: self.expected is not None)
    @rule(container=st.sampled_from(list(CONTAINERS)))
    def predict(self, container):
        found = self.model.predict(CONTAINERS[container](self.X * self.scale))
        if issubclass(self.kind, NNOClassifier):
            assert np.mean(found == self.expected) > 0.95  # ties may be rounded
        else:
            np.testing.assert_allclose(found, self.expected, rtol=1e-7)

    @invariant()
    def is_what_it_was(self):
        if self.expected is None:
            with pytest.raises(NotFittedError):
                self.model.predict(self.X)
        else:
            np.testing.assert_array_equal(self.model.predict(self.X * self.scale), self.expected)


TestSession = Session.TestCase
