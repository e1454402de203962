"""Learners for streams: ours, SGD, and a batch fit on a reservoir of rows."""

from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor

from nno_sklearn import CellStream, NNOClassifier, NNORegressor

ALPHA, CELLS_PER_FEATURE = 1e-4, 20
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass
class Task:
    """A stream of rows, and how a model's error is measured.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    n_cells : int
    classes : ndarray or None
        None for a regression.
    """

    X: np.ndarray
    y: np.ndarray
    n_cells: int
    classes: np.ndarray | None = field(init=False)

    def __post_init__(self):
        self.classes = None if self.y.dtype.kind == "f" else np.unique(self.y)

    def ours(self, stream="auto"):
        """An estimator of this package."""
        kind = NNORegressor if self.classes is None else NNOClassifier
        return kind(alpha=ALPHA, stream=stream)

    def sgd(self, **options):
        """scikit-learn's, with its defaults but for the options."""
        if self.classes is None:
            return SGDRegressor(alpha=ALPHA, random_state=0, **options)
        return SGDClassifier(loss="log_loss", alpha=ALPHA, random_state=0, **options)

    def learn(self, model, X, y):
        """Give a batch to a model."""
        options = {} if self.classes is None else {"classes": self.classes}
        return model.partial_fit(X, y, **options)

    @property
    def measure(self):
        """Name of the error."""
        return "RMSE" if self.classes is None else "log-loss"

    def error(self, model, X, y):
        """Log-loss, or root mean squared error."""
        with np.errstate(all="ignore"):
            if self.classes is None:
                return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))
            return _log_loss(model.decision_function(X), np.searchsorted(self.classes, y))


def _log_loss(raw, codes):
    """By raw predictions: SGD of several classes has no joint probabilities, and gets a softmax."""
    if raw.ndim == 1:
        return float(np.mean(np.logaddexp(0.0, np.where(codes == 1, -raw, raw))))
    top = raw.max(axis=1)
    total = np.log(np.exp(raw - top[:, None]).sum(axis=1)) + top
    return float(np.mean(total - raw[np.arange(len(codes)), codes]))


class Reservoir:
    """A uniform sample of the rows so far (Vitter, 1985); the model is a batch fit on it."""

    def __init__(self, task, seed=0):
        self._task, self._random, self._seen = task, np.random.default_rng(seed), 0
        self._X = self._y = None

    def partial_fit(self, X, y, classes=None):
        """Add rows to the sample."""
        size = self._task.n_cells
        if self._X is None:
            self._X, self._y = np.empty((size, X.shape[1])), np.empty(size, y.dtype)
        for row, target in zip(X, y, strict=True):
            self._seen += 1
            place = self._seen - 1 if self._seen <= size else self._random.integers(self._seen)
            if place < size:
                self._X[place], self._y[place] = row, target
        return self

    def fitted(self):
        """The batch fit on the sample."""
        kept = min(self._seen, len(self._X))
        return self._task.ours().fit(self._X[:kept], self._y[:kept])


def learners(task, half_lives=()):
    """Makers of learners by name; SGD's grid comes as several of one name, the best counts."""
    cells = partial(CellStream, n_cells=task.n_cells)
    makers = [
        ("nearest_neighbor", lambda: task.ours(cells())),
        ("gd", lambda: task.ours("adagrad")),
        ("proximal", lambda: task.ours("ftrl")),
        ("SGD default", task.sgd),
        *(
            ("SGD best of 10", partial(_tuned, task, rate, average))
            for rate, average in product(RATES, (False, True))
        ),
    ]
    for half_life in half_lives:
        forgetting = partial(cells, forgetting=half_life)
        makers.append(("nn, forgetting", lambda make=forgetting: task.ours(make())))
    return makers


def _tuned(task, rate, average):
    return task.sgd(learning_rate="invscaling", eta0=rate, power_t=0.25, average=average)
