"""Random problems, hard in one or several ways; problem i is the same on every machine."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from benchmarks.fuzzing import formulas
from benchmarks.fuzzing.oracle import Objective
from benchmarks.fuzzing.shapes import MAKERS, Shape
from nno_sklearn import NNOClassifier, NNORegressor
from nno_sklearn.losses import Quantile

REGRESSION = ("squared_error", "huber", "poisson", "gamma")
CLASSIFICATION = ("log_loss", "squared_hinge", "modified_huber")
PENALTIES = ("l2", "l1", "elasticnet", None)
#: Problems from this number on are those before with other losses and penalties with a shape.
SHAPED = 1_000_000
#: What takes the place of a loss there: losses of the same kind of targets.
RELATED = {
    "squared_error": ("squared_error", "squared_epsilon_insensitive", "concomitant_huber"),
    "huber": ("quantile", "absolute_error", "epsilon_insensitive"),
    "poisson": ("poisson", "tweedie", "negative_binomial"),
    "gamma": ("gamma", "inverse_gaussian", "tweedie"),
    "log_loss": ("log_loss",),
    "squared_hinge": ("hinge", "squared_hinge"),
    "modified_huber": ("hinge", "modified_huber"),
}
SOLVERS = ("auto", "gd", "nearest_neighbor", "proximal")
FORMATS = ("C", "F", "csr", "csc")
SHAPES = ("tall", "wide", "square", "one column", "two rows")
RANKS = ("full", "full", "collinear", "duplicated", "constant")
WEIGHTS = (None, None, "integer", "random", "uneven", "tiny", "huge")


@dataclass(frozen=True)
class FuzzProblem:
    """Data, parameters, and what is hard about them.

    ``X`` is a dense float64 array here, of numbers that ``dtype`` can hold. A fit that takes more
    than ``seconds`` of the processor is made again with few iterations.
    """

    seed: int
    loss: str
    penalty: str | None
    alpha: float
    l1_ratio: float
    solver: str
    fit_intercept: bool
    tol: float
    layout: str
    dtype: type
    warm: str | None
    traits: tuple[str, ...]
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    shape: Shape | None = None
    max_iter: int = 1000
    seconds: float | None = None

    def replaced(self, **changes):
        """The same problem with some parts replaced."""
        return replace(self, **changes)

    def estimator(self, **changes):
        """The estimator as a user would write it."""
        names = "loss penalty alpha l1_ratio solver fit_intercept tol max_iter"
        parameters = {name: getattr(self, name) for name in names.split()}
        if self.loss == "quantile":
            parameters["loss"] = Quantile(float(formulas.QUANTILE))
        if self.shape is not None:
            parameters["penalty"] = self.shape.penalty
        if parameters["penalty"] != "elasticnet":
            del parameters["l1_ratio"]
        kind = NNOClassifier if self.is_classification else NNORegressor
        return kind(**parameters | changes)

    def data(self):
        """X as the user has it."""
        X = self.X.astype(self.dtype)
        if self.layout in ("csr", "csc"):
            return sparse.csr_array(X).asformat(self.layout)
        return np.asarray(X, order=self.layout)

    @property
    def is_classification(self):
        return self.loss in (*CLASSIFICATION, "hinge")

    @property
    def is_smooth(self):
        """Whether the penalty is differentiable, as "gd" asks."""
        return self.penalty in ("l2", None)

    @property
    def targets(self):
        """Targets of shape (n, K): numbers, or labels as 0 and 1."""
        if not self.is_classification:
            return self.y.reshape(len(self.y), -1)
        classes = np.unique(self.y)
        columns = classes[1:] if len(classes) == 2 else classes
        return (self.y[:, None] == columns).astype(float)

    def objective(self):
        """The oracle's objective."""
        share = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty, 0.0)
        alpha = self.alpha if self.penalty in ("l1", "l2", "elasticnet") else 0.0
        weight = np.ones(len(self.y)) if self.weight is None else self.weight
        parts = (alpha * share, alpha * (1.0 - share), self.fit_intercept, self.shape, self.alpha)
        return Objective(self.loss, self.X, self.targets, weight, *parts)

    def __str__(self):
        n, p = self.X.shape
        penalty = self.penalty or "no penalty"
        words = f"{self.loss} {penalty} alpha={self.alpha:.3g} {self.solver} tol={self.tol:.0e}"
        traits = ", ".join(self.traits)
        return f"{words} {n}x{p} {self.layout} {np.dtype(self.dtype).name}: {traits}"


def draw(seed):
    """Problem number ``seed``."""
    return _draw(seed) if seed < SHAPED else _shaped(seed)


def _shaped(seed):
    """The problem without the first million with a related loss or a penalty with a shape."""
    first = _draw(seed - SHAPED)
    rng = np.random.default_rng([15, seed])
    loss = str(rng.choice(RELATED[first.loss]))
    is_as_before = loss in REGRESSION + CLASSIFICATION
    names = ["mcp", "scad"] if loss in formulas.NOT_CONVEX else list(MAKERS)
    if loss in formulas.CORNERED:  # way_down needs curvatures
        names = [name for name in names if name not in ("mcp", "scad")]
    if not is_as_before and rng.random() < 0.4:
        return first.replaced(seed=seed, loss=loss)
    name = str(rng.choice(names))
    solver = "auto" if first.solver == "gd" else first.solver
    shape = MAKERS[name](first.X.shape[1], rng)
    return first.replaced(seed=seed, loss=loss, penalty=name, solver=solver, shape=shape)


def _draw(seed):
    rng = np.random.default_rng([14, seed])
    traits = []
    loss = rng.choice(REGRESSION + CLASSIFICATION)
    X = _columns(rng, traits)
    eta = _signal(X, rng)
    X, dtype = _placed(X, loss, rng, traits)
    y = _targets(loss, eta, rng, traits)
    weight = _weights(len(X), rng, traits)
    if weight is not None:
        weight = _covering(weight, y, loss)
    penalty = PENALTIES[rng.integers(len(PENALTIES))]
    solvers = [one for one in SOLVERS if one != "gd" or penalty in ("l2", None)]
    l1_ratio = float(rng.choice([0.05, 0.5, 0.95]))
    fit_intercept = bool(rng.random() < 0.75)
    if not fit_intercept:
        traits.append("no intercept")
    warm = rng.choice(["alpha", "data"]) if rng.random() < 0.15 else None
    if warm:
        traits.append(f"warm start from other {warm}")
    return FuzzProblem(
        seed=seed,
        loss=str(loss),
        penalty=penalty,
        alpha=_alpha(X, y, penalty, rng),
        l1_ratio=l1_ratio,
        solver=solvers[rng.integers(len(solvers))],
        fit_intercept=fit_intercept,
        tol=float(10.0 ** -rng.integers(3, 11)),
        layout=FORMATS[rng.integers(len(FORMATS))],
        dtype=dtype,
        warm=None if warm is None else str(warm),
        traits=tuple(traits),
        X=X,
        y=y,
        weight=weight,
    )


def _columns(rng, traits):
    shape, rank = rng.choice(SHAPES, p=[0.5, 0.15, 0.15, 0.1, 0.1]), rng.choice(RANKS)
    small, large = int(rng.integers(1, 9)), int(10 ** rng.uniform(1, 2.2))
    n, p = {
        "tall": (large, small),
        "wide": (int(rng.integers(5, 20)), int(rng.integers(10, 31))),
        "square": (small + 3, small + 3),
        "one column": (large, 1),
        "two rows": (2, small),
    }[shape]
    X = rng.standard_normal((n, p))
    if rng.random() < 0.2:
        X = rng.standard_t(1.5, (n, p))
        traits.append("heavy tails")
    if rng.random() < 0.25:
        X[rng.random((n, p)) < rng.uniform(0.3, 0.95)] = 0.0
        traits.append("many zeros")
    if rank == "collinear" and p > 1:
        near = 10 ** -rng.uniform(1, 9)
        X[:, -1] = X[:, :-1] @ rng.standard_normal(p - 1) + near * X[:, -1]
        rank = f"collinear to {near:.0e}"
    elif rank == "duplicated" and p > 1:
        X[:, p // 2 :] = X[:, : p - p // 2]
    elif rank == "constant":
        X[:, rng.integers(p)] = rng.choice([0.0, 1.0, 0.1, 1e5])
    traits += [str(shape), str(rank)] if rank != "full" else [str(shape)]
    return X


def _signal(X, rng):
    """Raw predictions that the targets follow; in no units."""
    spread = X.std(axis=0)
    coef = rng.standard_normal(X.shape[1]) * (rng.random(X.shape[1]) < 0.7)
    if rng.random() < 0.3:  # what only a combination of nearly equal columns can explain
        Q, R = np.linalg.qr(X - X.mean(axis=0))
        size = np.abs(np.diag(R)).argmin()
        return np.clip(2 * Q[:, size] * np.sqrt(len(X)), -6, 6)
    eta = X / np.where(spread > 0, spread, 1.0) @ coef / np.sqrt(X.shape[1])
    return np.clip(eta * 10 ** rng.uniform(-1, 1), -6, 6)


def _placed(X, loss, rng, traits):
    """Columns in units and at a place of their own, as numbers of the drawn type."""
    p = X.shape[1]
    if rng.random() < 0.4:
        limit = rng.choice([3, 9])
        X = X * 10 ** rng.uniform(-limit, limit, p if rng.random() < 0.5 else 1)
        traits.append(f"column scales to 1e{limit}")
    if rng.random() < 0.35:
        decades = rng.uniform(0, 9, p if rng.random() < 0.5 else 1)
        spread = X.std(axis=0)
        X = X + np.where(spread > 0, spread, 1.0) * 10**decades * rng.choice([-1, 1])
        traits.append(f"column offsets to 1e{decades.max():.0f} spreads")
    dtype = np.float32 if rng.random() < 0.25 else np.float64
    if dtype is np.float32:
        traits.append("float32")
    return X.astype(dtype).astype(np.float64), dtype


def _targets(loss, eta, rng, traits):
    n = len(eta)
    noise = 10 ** rng.uniform(-9, 0.5)
    if loss in CLASSIFICATION:
        n_classes = int(rng.choice([2, 2, 3, 4])) if n > 8 else 2
        score = eta + noise * rng.logistic(size=n)
        cuts = np.quantile(score, np.sort(rng.uniform(0.1, 0.9, n_classes - 1)))
        y = (score[:, None] > cuts).sum(axis=1)
        y[rng.permutation(n)[:n_classes]] = np.arange(n_classes)
        traits.append(f"{n_classes} classes")
        return y
    n_outputs = int(rng.choice([1, 1, 1, 1, 2, 3]))
    if n_outputs > 1:
        traits.append(f"{n_outputs} outputs")
    eta = eta[:, None] * rng.choice([1.0, -0.5, 0.0], n_outputs, p=[0.8, 0.1, 0.1])
    if loss == "poisson":
        y = rng.poisson(np.exp(eta + rng.uniform(-2, 3))).astype(float)
        y[rng.integers(n)] += 1
    elif loss == "gamma":
        y = np.exp(eta) * rng.gamma(2.0, 0.5, eta.shape) + 1e-6
        y = y * 10 ** (rng.uniform(-6, 6) if rng.random() < 0.3 else 0.0)
    else:
        y = eta + noise * rng.standard_t(3, eta.shape)
        if rng.random() < 0.5:
            y = np.round(y * 2**10) / 2**10  # then it can be shifted without rounding
        if rng.random() < 0.3:
            decades = rng.uniform(-9, 9)
            y = y * 10**decades
            traits.append(f"target scale 1e{decades:.0f}")
        if rng.random() < 0.3:
            decades = rng.uniform(0, 9)
            y = y + (y.std() or 1.0) * 10**decades
            traits.append(f"target offset 1e{decades:.0f} spreads")
    return y[:, 0] if n_outputs == 1 else y


def _weights(n, rng, traits):
    kind = WEIGHTS[rng.integers(len(WEIGHTS))]
    if kind is None:
        return None
    traits.append(f"{kind} weights")
    return {
        "integer": lambda: rng.integers(0, 4, n).astype(float),
        "random": lambda: rng.exponential(size=n),
        "uneven": lambda: 10 ** rng.uniform(-8, 8, n),
        "tiny": lambda: rng.uniform(0.5, 2, n) * 1e-300,
        "huge": lambda: rng.uniform(0.5, 2, n) * 1e306,
    }[kind]()


def _covering(weight, y, loss):
    """Weights that leave every class, and two rows with different targets."""
    weight = weight.copy()
    if loss in CLASSIFICATION:
        for label in np.unique(y):
            if not weight[y == label].any():
                weight[np.flatnonzero(y == label)[0]] = 1.0
    elif not weight.any():
        weight[:] = 1.0
    elif loss == "poisson" and not (y[weight > 0] > 0).any(axis=0).all():
        weight[:] = 1.0
    return weight


def _alpha(X, y, penalty, rng):
    """A strength in the users' range, or one that matters for these columns."""
    if rng.random() < 0.05:
        return 0.0
    if rng.random() < 0.5:
        return float(10 ** rng.uniform(-10, 2))
    spread = X.std(axis=0)
    spread = np.exp(np.log(spread[spread > 0]).mean()) if (spread > 0).any() else 1.0
    unit = spread * (y.std() or 1.0) if penalty == "l1" else spread**2
    return float(unit * 10 ** rng.uniform(-6, 1))
