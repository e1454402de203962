"""Search in coefficient space for a metric that has values only: cross-fitted, line by line."""

from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from nno_sklearn.losses.metric import class_numbers
from nno_sklearn.solvers.ascent import Ascent, tune_intercept
from nno_sklearn.solvers.base import SolverResult, Status
from nno_sklearn.solvers.directions import Whitening
from nno_sklearn.solvers.folds import make_folds
from nno_sklearn.solvers.metric_rows import make_rows

#: Rounds without a better held-out score after which the search ends.
PATIENCE = 8
#: Held-out gain, in standard errors over the folds, below which the start is kept.
LEAST_GAIN = 0.5
#: Iterations that a convex solution may take.
CONVEX_MAX_ITER = 1000


class MetricRecord(NamedTuple):
    """One round of the search: a line in each fold."""

    #: Mean score of the folds on the rows that they search on.
    score: float
    #: Mean score of the folds on the rows held out of them.
    validation_score: float
    #: Mean length of the steps, in spreads of the raw predictions.
    step_size: float
    n_nonzeros: int
    n_passes: float
    seconds: float

    def __str__(self):
        return (
            f"score {self.score:.6f}  held out {self.validation_score:.6f}  "
            f"passes {self.n_passes:.1f}  {self.seconds:.2f} s"
        )


class Model(NamedTuple):
    """Coefficients, and the intercept of the centred columns."""

    coef: np.ndarray
    intercept: np.ndarray


@dataclass(frozen=True)
class MetricResult(SolverResult):
    """A solver's result, and its start: the convex solution with tuned thresholds."""

    start: SolverResult


class MetricSearch:
    """A cross-fitted search: folds go up on their own rows and are judged by those held out.

    1. The convex solution is found on all rows, and on the training rows of each fold.
    2. Thresholds are tuned on the predictions for held-out rows: this is the start.
    3. All folds search line by line; the mean held-out score says when to stop, and whether the
       start was better.
    4. The mean of the folds' ways is added to the start on all rows.

    Parameters
    ----------
    problem : Problem
        Its loss is the convex one that ``problem.metric`` starts from.
    convex_solver : Solver
    cv : int or splitter
    max_iter : int
        Most rounds.
    tol : float
        Of the convex solutions.
    callback : callable, default=None
        Called with each new :class:`MetricRecord`.
    random_state : int, RandomState instance or None
    """

    def __init__(self, problem, convex_solver, cv, *, max_iter, tol, callback, random_state):
        self._started = perf_counter()
        self.problem, self.metric = problem, problem.metric
        self._rng = check_random_state(random_state)
        self._solver, self._tol, self._cv = convex_solver, tol, cv
        self._max_iter, self._callback, self.history = max_iter, callback, []

    def run(self):
        """Search; a :class:`MetricResult`."""
        problem = self.problem
        everything = self._rows(problem.weight)
        convex = problem.without_metric()
        start = self._convex(convex, convex.null)
        ascents = self._ascents(start)
        if ascents:
            held_out = self._held_out([ascent.eta for ascent in ascents])
        else:  # too few rows of some class
            held_out = start.raw_prediction
        shift = self._thresholds(everything, held_out)
        start = Model(start.coef, start.intercept + shift)
        found, status = self._climb(ascents, start, shift, everything)
        return MetricResult(
            **self._fields(found, everything, status, self.history),
            start=SolverResult(**self._fields(start, everything, status, self.history[:1])),
        )

    def _fields(self, model, everything, status, history):
        """Of a :class:`SolverResult`; the objective is minus the score on all rows."""
        problem = self.problem
        eta = problem.design.matvec(model.coef) + model.intercept
        return {
            "coef": model.coef,
            "intercept": problem.outer_intercept(model),
            "n_iter": max(1, len(history)),
            "n_passes": history[-1].n_passes if history else problem.n_passes,
            "status": status,
            "optimality": np.nan,
            "dual_gap": np.inf,
            "objective": -everything.score(eta[everything.index]),
            "history": history,
        }

    def _rows(self, weight):
        return make_rows(self.metric, self.problem.y, weight, self._rng)

    def _convex(self, problem, point):
        options = {"max_iter": CONVEX_MAX_ITER, "tol": self._tol, "random_state": self._rng}
        found = self._solver.solve(problem, point, **options)
        return problem.at(found.coef, problem.inner_intercept(found.coef, found.intercept))

    def _ascents(self, start):
        problem = self.problem
        codes = class_numbers(problem.y) if self.metric.classes is not None else None
        strata = np.zeros(problem.n_samples) if codes is None else codes
        folds = make_folds(problem, self._cv, strata, self._rng)
        whitening = Whitening(start) if folds else None
        self._folds, ascents = [held_out for _, held_out in folds], []
        for train, held_out in folds:
            part = problem.rows(train, problem.weight[train], problem.y[train])
            fitted = self._convex(part, part.at(start.coef, start.intercept))
            views = [self._rows(self._only(rows)) for rows in (train, held_out)]
            ascents.append(Ascent(problem, fitted, *views, whitening, self._rng))
        return ascents

    def _only(self, rows):
        weight = np.zeros_like(self.problem.weight)
        weight[rows] = self.problem.weight[rows]
        return weight

    def _held_out(self, predictions):
        """Each row's raw prediction by the fold that has not seen it; nan where there is none."""
        result = np.full(self.problem.y.shape, np.nan)
        for rows, eta in zip(self._folds, predictions, strict=True):
            result[rows] = eta[rows]
        return result

    def _thresholds(self, everything, eta):
        if not self.problem.fit_intercept:
            return np.zeros(self.problem.n_outputs)
        known = np.isfinite(eta).all(axis=1)
        rows = everything if known.all() else self._rows(np.where(known, self.problem.weight, 0))
        return tune_intercept(rows, eta[rows.index])

    def _climb(self, ascents, start, shift, everything):
        """Search until the held-out score has not risen for some time; the best, and how it ended."""
        for ascent in ascents:
            ascent.shift(shift)
        if not ascents:
            return start, Status.CONVERGED
        first = best = self._look(ascents)
        while len(self.history) < self._max_iter:
            waited = len(self.history) - best.round
            if waited > PATIENCE or all(ascent.exhausted for ascent in ascents):
                break
            for ascent in ascents:
                ascent.advance()
            look = self._look(ascents)
            best = look if look.scores.mean() > best.scores.mean() else best
        ended = Status.MAX_ITER if len(self.history) >= self._max_iter else Status.CONVERGED
        if not _is_better(best.scores - first.scores):
            return start, ended
        way = [
            np.mean([to - since for to, since in zip(after, before, strict=True)], axis=0)
            for after, before in ((best.coefs, first.coefs), (best.intercepts, first.intercepts))
        ]
        again = self._thresholds(everything, self._held_out(best.predictions))
        return Model(start.coef + way[0], start.intercept + way[1] + again), ended

    def _look(self, ascents):
        """Judge all folds by their held-out rows, and note it."""
        scores = np.array([ascent.validation_score for ascent in ascents])
        record = MetricRecord(
            score=float(np.mean([ascent.score for ascent in ascents])),
            validation_score=float(scores.mean()),
            step_size=float(np.mean([ascent.step_size for ascent in ascents])),
            n_nonzeros=int(np.mean([np.count_nonzero(ascent.coef) for ascent in ascents])),
            n_passes=self.problem.n_passes,
            seconds=perf_counter() - self._started,
        )
        self.history.append(record)
        if self._callback is not None:
            self._callback(record)
        return _Look(
            len(self.history),
            scores,
            [ascent.coef for ascent in ascents],
            [ascent.intercept for ascent in ascents],
            [ascent.eta for ascent in ascents],
        )


class _Look(NamedTuple):
    """Where the folds were after a round; their arrays are replaced, never changed."""

    round: int
    scores: np.ndarray
    coefs: list
    intercepts: list
    predictions: list


def _is_better(gains):
    """Whether the folds' gains exceed their noise."""
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return gains.mean() > LEAST_GAIN * error
