"""Search in coefficient space for a metric that has values only: cross-fitted, line by line."""

from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from nno_sklearn.score_training.ascent import Ascent, tune_intercept
from nno_sklearn.score_training.directions import Whitening
from nno_sklearn.score_training.folds import make_folds
from nno_sklearn.score_training.score import class_numbers
from nno_sklearn.score_training.scored_rows import make_rows
from nno_sklearn.solvers.base import SolverResult, Status
from nno_sklearn.solvers.gd import GradientDescent
from nno_sklearn.solvers.metric import too_coupled

#: Rounds without a better held-out score after which the search ends.
PATIENCE = 7
#: Share of what was gained so far that a better score has to add.
WORTH = 0.01
#: Held-out gain, in standard errors over the folds, below which the start is kept.
LEAST_GAIN = 0.5
#: Iterations that a convex solution may take.
CONVEX_MAX_ITER = 1000
#: Share of ``tol`` that convex solutions are found to: a fold's begins at that of all rows, and
#: shall forget the rows that it holds out.
FOLD_ACCURACY = 1e-3


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


@dataclass(frozen=True, kw_only=True)
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
        Many classes with many features take "gd" instead, as "auto" would.
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
        plain = problem.is_smooth and too_coupled(problem)
        self._solver = GradientDescent() if plain else convex_solver
        self._tol, self._cv = tol, cv
        self._max_iter, self._callback, self.history = max_iter, callback, []

    def run(self):
        """Search; a :class:`MetricResult`."""
        problem = self.problem
        self._everything = self._rows(problem.y, problem.weight)
        convex = problem.without_metric()
        start = self._convex(convex, convex.null)
        ascents = self._ascents(start)
        shift = self._thresholds([ascent.eta for ascent in ascents])
        for ascent in ascents:
            ascent.shift(shift)
        start = Model(start.coef, start.intercept + shift)
        found, status = self._climb(ascents, start)
        return MetricResult(
            **self._fields(found, status, self.history),
            start=SolverResult(**self._fields(start, status, self.history[:1])),
        )

    def _fields(self, model, status, history):
        """Of a :class:`SolverResult`; the objective is minus the score on all rows."""
        problem = self.problem
        eta = problem.design.matvec(model.coef) + model.intercept
        return {
            "coef": model.coef,
            "intercept": problem.outer_intercept(model),
            "n_iter": len(history),
            "n_passes": history[-1].n_passes,
            "status": status,
            "optimality": np.nan,
            "dual_gap": np.inf,
            "objective": -self._everything.score(eta[self._everything.index]),
            "history": history,
        }

    def _rows(self, y, weight):
        return make_rows(self.metric, y, weight, self._rng)

    def _convex(self, problem, point):
        options = {"max_iter": CONVEX_MAX_ITER, "tol": FOLD_ACCURACY * self._tol}
        found = self._solver.solve(problem, point, random_state=self._rng, **options)
        return problem.at(found.coef, problem.inner_intercept(found.coef, found.intercept))

    def _ascents(self, start):
        """One for each fold; where some class has too few rows for folds, one over all rows."""
        problem, ascents = self.problem, []
        is_regressor = self.metric.classes is None
        strata = np.zeros(problem.n_samples) if is_regressor else class_numbers(problem.y)
        whole = [(problem.weight, problem.weight)]
        folds = make_folds(problem, self._cv, strata, self._rng) or whole
        whitening = Whitening(start)
        for train, held_out in folds:
            rows = np.flatnonzero(train)
            part = problem.rows(rows, train[rows], problem.y[rows])
            fitted = self._convex(part, part.at(start.coef, start.intercept))
            views = [self._rows(problem.y, weight) for weight in (train, held_out)]
            ascents.append(Ascent(problem, fitted, *views, whitening, self._rng))
        index = [np.flatnonzero(held_out) for _, held_out in folds]
        weight = [held_out[rows] for (_, held_out), rows in zip(folds, index, strict=True)]
        self._index = index
        self._pool = self._rows(problem.y[np.concatenate(index)], np.concatenate(weight))
        return ascents

    def _thresholds(self, predictions):
        """Best shifts of the intercept for the predictions of the folds' held-out rows."""
        if not self.problem.fit_intercept:
            return np.zeros(self.problem.n_outputs)
        eta = [one[rows] for one, rows in zip(predictions, self._index, strict=True)]
        return tune_intercept(self._pool, np.concatenate(eta))

    def _climb(self, ascents, start):
        """Search while the held-out score rises; the best model, and how it ended."""
        first = best = self._look(ascents)
        while len(self.history) < self._max_iter:
            waited = len(self.history) - best.round
            if waited > PATIENCE or all(ascent.exhausted for ascent in ascents):
                break
            for ascent in ascents:
                ascent.advance()
            look = self._look(ascents)
            gained = best.scores.mean() - first.scores.mean()
            if look.scores.mean() > best.scores.mean() + WORTH * gained:
                best = look
        ended = Status.MAX_ITER if len(self.history) >= self._max_iter else Status.CONVERGED
        if not _is_better(best.scores - first.scores):
            return start, ended
        way = [
            np.mean([to - since for to, since in zip(after, before, strict=True)], axis=0)
            for after, before in ((best.coefs, first.coefs), (best.intercepts, first.intercepts))
        ]
        again = self._thresholds(best.predictions)
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
