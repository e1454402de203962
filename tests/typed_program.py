"""A program of a user's that type checkers read; `test_types.py` runs it, and mypy over it.

Lines with "type: ignore" are mistakes that have to be found: mypy is told to warn of others.
"""

import numpy as np

from nno_sklearn import (
    Loss,
    NNOClassifier,
    NNORegressor,
    NNOSearchCV,
    Penalty,
    Solver,
    check_loss,
    check_penalty,
    condense,
    nno_minimize,
)
from nno_sklearn.problem import Line, Point, Problem
from nno_sklearn.session import Coefficients, FitSession
from nno_sklearn.solvers import Record, Run, SolverResult
from nno_sklearn.solvers.base import Callback
from nno_sklearn.types import Array, RandomState


class Pseudo(Loss):
    """Smooth near 0, a line far out."""

    def __init__(self, width: float = 1.0) -> None:
        self.width = width

    def value(self, y: Array, eta: Array) -> Array:
        return self.width**2 * (np.hypot(1.0, (eta - y) / self.width) - 1.0)

    def gradient(self, y: Array, eta: Array) -> Array:
        return (eta - y) / np.hypot(1.0, (eta - y) / self.width)


class Quartic(Penalty):
    def value(self, w: Array) -> float:
        return float((w**4).sum())

    def gradient(self, w: Array) -> Array:
        return 4 * w**3


class Wrong(Penalty):
    def value(self, w: str) -> float:  # type: ignore[override]
        return 0.0


class Descent(Solver):
    requires = frozenset({"loss.gradient", "penalty.gradient"})

    def solve(
        self,
        problem: Problem,
        start: Point,
        *,
        max_iter: int,
        tol: float,
        callback: Callback | None = None,
        random_state: RandomState = None,
    ) -> SolverResult:
        run, point = Run(problem, max_iter=max_iter, tol=tol, callback=callback), start
        while not run.done(point):
            line: Line = point.towards(-point.gradient)
            first, second = line.derivatives(np.zeros(1))
            point = line.point(-first / second)
        return run.result(point)


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * rng.normal(size=60)

    check_loss(Pseudo())
    check_penalty(Quartic())
    model = NNORegressor(Pseudo(2.0), penalty=Quartic(), alpha=0.01).fit(X, y)
    size: int = model.predict(X).size
    records: list[Record] = model.history_
    gap: float = records[-1].dual_gap + model.dual_gap_
    NNORegressor(solver=Descent(), tol=1e-3).fit(X, y).score(X, y)

    session: FitSession = NNORegressor().open_session(X, y, n_models=2)
    first = session.solve(NNORegressor(penalty="l1", alpha=0.1))
    second, result = session.solve(NNOClassifier(alpha=0.1), [first.result]) if size < 0 else first
    session.solve(NNORegressor(alpha=0.1), [result, Coefficients.of(result)])
    fitted: NNORegressor = first.model

    search = NNOSearchCV(
        NNORegressor(penalty="elasticnet"), {"l1_ratio": [0.1, 0.9]}, alphas=3, cv=2
    ).fit(X, y)
    score: float = search.score(X, y)
    rows, targets, weights = condense(X, y, 5, sample_weight=np.ones(60))
    best: float = nno_minimize(lambda x: float(x @ x), [1.0, 2.0], max_evaluations=40).fun
    print(gap, fitted, score, rows, targets, weights, best)


def mistakes() -> None:
    NNORegressor(alpha="strong")  # type: ignore[arg-type]
    NNORegressor(C=1.0)  # type: ignore[call-arg]
    NNOClassifier(solver=0.1)  # type: ignore[arg-type]
    NNORegressor().open_session([[1.0]], [1.0], n_models="two")  # type: ignore[arg-type]
    check_loss("log_loss")  # type: ignore[arg-type]
    condense([[1.0]], [1.0], n_cells=None)  # type: ignore[arg-type]
