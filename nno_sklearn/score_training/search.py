"""Search in coefficient space for a score without derivatives: cross-fitted, line by line."""

from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from nno_sklearn.score_training.ascent import Ascent, tune_intercept
from nno_sklearn.score_training.directions import Whitening
from nno_sklearn.score_training.folds import make_folds
from nno_sklearn.score_training.scored_rows import make_rows
from nno_sklearn.score_training.scorer import class_numbers
from nno_sklearn.solvers import Record, SolverResult, Status

#: Rounds without a better held-out score after which the search ends.
PATIENCE = 7
#: The same as long as none was better than the start: it may be what a linear model can reach.
FIRST_PATIENCE = 4
#: Share by which a held-out score must raise the gain over the start to count as better.
LEAST_IMPROVEMENT = 0.01
#: Held-out gain, in standard errors over the folds, below which the start is kept.
LEAST_GAIN = 0.5
#: Iterations of a convex solution at most.
CONVEX_MAX_ITER = 1000
#: Accuracy of convex solutions, as a share of ``tol``. Those of the folds start at that of all
#: rows; solved less exactly, they would keep information on their held-out rows.
CONVEX_ACCURACY = 1e-3


class Model(NamedTuple):
    """Coefficients, and the intercept for centred columns."""

    coef: np.ndarray
    intercept: np.ndarray


class TrainedModel(NamedTuple):
    """Start and end of a search; the objective of both is minus the score."""

    start: SolverResult
    result: SolverResult


class ScoreSearch:
    """A cross-fitted search: each fold searches on its rows; its held-out rows decide the result.

    1. The convex solution is found on all rows, and on the training rows of each fold.
    2. Thresholds are tuned on the predictions for held-out rows: this is the start.
    3. All folds search line by line. The mean held-out score decides when to stop, and whether
       the start was better.
    4. The mean change of the folds' coefficients is added to the start on all rows.

    Parameters
    ----------
    problem : Problem
        Convex; its solution is the start.
    solver : Solver
        For the convex solutions.
    scorer : RawPredictionScorer
    cv : int or splitter
    max_iter : int
        Rounds at most.
    tol : float
        Relative to this, convex solutions are found to :data:`CONVEX_ACCURACY`.
    callback : callable or None
        Called with each new :class:`Record`.
    random_state : int, RandomState instance or None
        Seed of folds and directions.
    """

    def __init__(self, problem, solver, scorer, cv, *, max_iter, tol, callback, random_state):
        self._started = perf_counter()
        self.problem, self.scorer = problem, scorer
        self._rng = check_random_state(random_state)
        self._solver, self._tol, self._cv = solver, tol, cv
        self._max_iter, self._callback, self.history = max_iter, callback, []

    def run(self) -> TrainedModel:
        """The model at the start and the best one found, with their histories."""
        problem = self.problem
        everything = self._rows(problem.rows.y, problem.rows.weight)
        convex, point = self._solve(problem, problem.null)
        ascents = self._ascents(point)
        shift = self._thresholds([ascent.eta for ascent in ascents])
        for ascent in ascents:
            ascent.shift(shift)
        start = Model(point.coef, point.intercept + shift)
        found, status = self._climb(ascents, start)
        return TrainedModel(
            self._result(convex, start, convex.status, self.history[:1], everything),
            self._result(convex, found, status, self.history, everything),
        )

    def _result(self, convex, model, status, history, rows):
        """A solver's result; the objective is minus the score of all ``rows``."""
        eta = self.problem.rows.design.matvec(model.coef) + model.intercept
        return replace(
            convex,
            coef=model.coef,
            intercept=self.problem.outer_intercept(model),
            n_iter=max(1, len(history) - 1),
            n_passes=history[-1].n_passes,
            status=status,
            optimality=np.nan,
            dual_gap=np.inf,
            objective=-rows.score(eta[rows.index]),
            history=history,
            point=None,
        )

    def _rows(self, y, weight):
        return make_rows(self.scorer, y, weight, self._rng)

    def _solve(self, problem, start):
        """The convex solution: a solver's result, and its point."""
        options = {"max_iter": CONVEX_MAX_ITER, "tol": CONVEX_ACCURACY * self._tol}
        # A seed of its own: what the search draws must not depend on how much a solver draws.
        seed = self._rng.randint(np.iinfo(np.int32).max)
        found = self._solver.solve(problem, start, random_state=seed, **options)
        intercept = problem.inner_intercept(found.coef, found.intercept)
        return found, problem.at(found.coef, intercept)

    def _ascents(self, start):
        """One search per fold; a single one over all rows where a class has too few for folds."""
        problem, ascents = self.problem, []
        is_regressor = self.scorer.classes is None
        strata = np.zeros(problem.n_samples) if is_regressor else class_numbers(problem.rows.y)
        whole = [(problem.rows.weight, problem.rows.weight)]
        folds = make_folds(problem, self._cv, strata, self._rng) or whole
        whitening = Whitening(start)
        for train, held_out in folds:
            rows = np.flatnonzero(train)
            part = problem.over(problem.rows.taken(rows, train[rows], problem.rows.y[rows]))
            _, fitted = self._solve(part, part.at(start.coef, start.intercept))
            views = [self._rows(problem.rows.y, weight) for weight in (train, held_out)]
            ascents.append(Ascent(problem, fitted, *views, whitening, self._rng))
        index = [np.flatnonzero(held_out) for _, held_out in folds]
        weight = [held_out[rows] for (_, held_out), rows in zip(folds, index, strict=True)]
        self._index = index
        self._pool = self._rows(problem.rows.y[np.concatenate(index)], np.concatenate(weight))
        return ascents

    def _thresholds(self, predictions):
        """Shifts of the intercept, tuned on the folds' held-out rows."""
        if not self.problem.fit_intercept:
            return np.zeros(self.problem.n_outputs)
        eta = [one[rows] for one, rows in zip(predictions, self._index, strict=True)]
        return tune_intercept(self._pool, np.concatenate(eta))

    def _climb(self, ascents, start):
        """Search while the held-out score rises; the best model, and how the search ended."""
        first = best = self._look(ascents)
        is_stopped = self._record(first, ascents, lambda: start)
        while not is_stopped and len(self.history) <= self._max_iter:
            waited = len(self.history) - best.round
            patience = FIRST_PATIENCE if best is first else PATIENCE
            if waited > patience or all(ascent.exhausted for ascent in ascents):
                break
            for ascent in ascents:
                ascent.advance()
            look = self._look(ascents)
            gained = best.scores.mean() - first.scores.mean()
            if look.scores.mean() > best.scores.mean() + LEAST_IMPROVEMENT * gained:
                best = look
            is_stopped = self._record(
                look, ascents, lambda best=best: self._moved(start, first, best)
            )
        ended = Status.MAX_ITER if len(self.history) > self._max_iter else Status.CONVERGED
        return self._moved(start, first, best), Status.STOPPED if is_stopped else ended

    def _moved(self, start, first, best):
        """The start, moved as the folds are; unless their held-out scores do not support that."""
        if not _is_better(best.scores - first.scores):
            return start
        change = [
            np.mean([to - since for to, since in zip(after, before, strict=True)], axis=0)
            for after, before in ((best.coefs, first.coefs), (best.intercepts, first.intercepts))
        ]
        again = self._thresholds(best.predictions)
        return Model(start.coef + change[0], start.intercept + change[1] + again)

    def _look(self, ascents):
        """The folds after a round, and the scores of their held-out rows."""
        return _Look(
            len(self.history) + 1,
            np.array([ascent.validation_score for ascent in ascents]),
            [ascent.coef for ascent in ascents],
            [ascent.intercept for ascent in ascents],
            [ascent.eta for ascent in ascents],
        )

    def _record(self, look, ascents, make_model):
        """Record a round; whether the callback ends the search there."""
        record = Record(
            objective=-float(np.mean([ascent.score for ascent in ascents])),
            optimality=np.nan,
            dual_gap=np.inf,
            step_size=float(np.mean([ascent.step_size for ascent in ascents])),
            n_nonzeros=int(np.mean([np.count_nonzero(ascent.coef) for ascent in ascents])),
            n_passes=self.problem.n_passes,
            seconds=perf_counter() - self._started,
            validation_score=float(look.scores.mean()),
        )
        self.history.append(record)

        def coefficients():
            model = make_model()
            return model.coef, self.problem.outer_intercept(model)

        return self._callback is not None and bool(self._callback(record, coefficients))


class _Look(NamedTuple):
    """State of the folds after a round; arrays are shared with them, and never changed in place."""

    round: int
    scores: np.ndarray
    coefs: list
    intercepts: list
    predictions: list


def _is_better(gains):
    """Whether the mean gain exceeds :data:`LEAST_GAIN` standard errors."""
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return gains.mean() > LEAST_GAIN * error
