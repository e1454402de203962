"""Ways to search: NNOSearchCV, GridSearchCV, scikit-learn's and celer's CV classes, loops."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV

from benchmarks.search_task import paths_of
from nno_sklearn import NNOSearchCV
from nno_sklearn.counterparts import INVERSE, logistic_penalty
from nno_sklearn.model_selection import tasks


class Found(NamedTuple):
    """Mean test scores of settings, and passes over X where they are counted."""

    scores: np.ndarray
    passes: float | None = None


@dataclass(frozen=True)
class Rival:
    """A way to search.

    Parameters
    ----------
    name : str
    tol : float
        In its own meaning.
    module : str, default="sklearn"
        What must be importable.
    """

    name: str
    tol: float
    module: str = "sklearn"

    #: Whether ``scores`` fits the best setting to all rows, too.
    refits = False

    def units(self, settings):
        """Positions of settings that only make sense together."""
        return [list(range(len(settings)))]

    def search(self, task, settings):
        """Score settings; returns Found."""
        raise NotImplementedError

    def refit(self, task, setting):
        """Fit one setting to all rows."""
        raise NotImplementedError


# Ours --------------------------------------------------------------------------------------------


def from_scratch(settings, strength):
    """Strong to weak, every fit from the constant model."""
    order = np.argsort(-strength, kind="stable")
    return order, [np.array([], dtype=int)] * len(order)


def along_paths(settings, strength):
    """Path by path, every fit from the next stronger setting that is otherwise the same."""
    paths = paths_of(settings)
    starts = [path[max(step - 1, 0) : step] for path in paths for step in range(len(path))]
    return np.concatenate(paths), [np.array(start, dtype=int) for start in starts]


#: What takes the place of :func:`nno_sklearn.model_selection.settings.nearest_first`.
STARTS = {"cold": from_scratch, "path": along_paths}


@dataclass(frozen=True)
class Ours(Rival):
    """NNOSearchCV; ``starts`` is "nearest", or what is compared with it."""

    starts: str = "nearest"

    def units(self, settings):
        alone = self.starts == "cold"
        return [[k] for k in range(len(settings))] if alone else super().units(settings)

    def search(self, task, settings):
        model = clone(task.model).set_params(tol=self.tol)
        search = NNOSearchCV(
            task.pipeline(model),
            task.grid(model, settings),
            cv=task.splits,
            scoring=task.scoring,
            refit=False,
            error_score="raise",
        )
        with self._other_starts():
            search.fit(task.X, task.y)
        return Found(search.cv_results_["mean_test_score"], search.n_passes_)

    def refit(self, task, setting):
        task.pipeline(clone(task.model).set_params(tol=self.tol, **setting)).fit(task.X, task.y)

    def _other_starts(self):
        if self.starts == "nearest":
            return nullcontext()
        # The settings themselves instead of their coordinates: paths are seen in those.
        return patch.multiple(
            tasks, coordinates=lambda settings: settings, nearest_first=STARTS[self.starts]
        )


# Others ------------------------------------------------------------------------------------------


def logistic_params(setting, n_samples):
    """Parameters of LogisticRegression for the objective of a setting."""
    alpha, l1_ratio = setting["alpha"], setting.get("l1_ratio", 0)
    return {"C": INVERSE.of_alpha(alpha, n_samples), **logistic_penalty(l1_ratio)}


def same(setting, n_samples):
    """Parameters where the names and meanings are ours."""
    return setting


@dataclass(frozen=True)
class Grid(Rival):
    """GridSearchCV.

    Parameters
    ----------
    make : callable
        ``make(tol=)`` gives the model.
    params : callable
        ``params(setting, n_samples)`` gives its parameters.
    """

    make: Callable = None
    params: Callable = same

    def units(self, settings):
        return [[position] for position in range(len(settings))]

    def search(self, task, settings):
        model = self.make(tol=self.tol)
        params = [self.params(setting, task.n_train) for setting in settings]
        search = GridSearchCV(
            task.pipeline(model),
            task.grid(model, params),
            cv=task.splits,
            scoring=task.scoring,
            refit=False,
            error_score="raise",
        )
        return Found(search.fit(task.X, task.y).cv_results_["mean_test_score"])

    def refit(self, task, setting):
        model = self.make(tol=self.tol)
        model.set_params(**self.params(setting, len(task.y)))
        task.pipeline(model).fit(task.X, task.y)


@dataclass(frozen=True)
class Loop(Grid):
    """A loop by hand: per split preprocessing once, and per path models with ``warm_start``."""

    def units(self, settings):
        return paths_of(settings)

    def search(self, task, settings):
        score, found = get_scorer(task.scoring), np.empty((len(settings), len(task.splits)))
        for number, (train, test) in enumerate(task.splits):
            (X, y), (X_test, y_test) = task.rows(train), task.rows(test)
            if task.before is not None:
                before = clone(task.before)
                X, X_test = before.fit_transform(X, y), before.transform(X_test)
            for path in paths_of(settings):
                model = self.make(tol=self.tol).set_params(warm_start=True)
                for position in path:
                    model.set_params(**self.params(settings[position], task.n_train))
                    found[position, number] = score(model.fit(X, y), X_test, y_test)
        return Found(found.mean(axis=1))


@dataclass(frozen=True)
class LassoPaths(Rival):
    """LassoCV, of scikit-learn or of celer; ``make(alphas, cv, tol)`` gives it."""

    make: Callable = None

    refits = True

    def search(self, task, settings):
        alphas = np.array([setting["alpha"] for setting in settings])
        model = self.make(alphas=alphas, cv=task.splits, tol=self.tol).fit(task.X, task.y)
        scores = np.empty(len(alphas))
        scores[np.argsort(-alphas)] = -model.mse_path_.mean(axis=1)
        return Found(scores)


@dataclass(frozen=True)
class LogisticPaths(Rival):
    """LogisticRegressionCV, one l1_ratio after the other."""

    solver: str = "lbfgs"

    def units(self, settings):
        return paths_of(settings)

    def search(self, task, settings):
        from sklearn.linear_model import LogisticRegressionCV

        scores = np.empty(len(settings))
        for path in paths_of(settings):
            l1_ratio = settings[path[0]].get("l1_ratio", 0)
            penalty = {k: v for k, v in logistic_penalty(l1_ratio).items() if k == "penalty"}
            model = LogisticRegressionCV(
                Cs=[INVERSE.of_alpha(settings[k]["alpha"], task.n_train) for k in path],
                l1_ratios=np.array([l1_ratio]),  # a list fails in scikit-learn 1.9
                cv=task.splits,
                scoring=task.scoring,
                refit=False,
                **penalty,
                **_logistic_options(self.solver, self.tol),
            ).fit(task.X, task.y)
            (of_class,) = model.scores_.values()
            scores[path] = of_class.reshape(len(task.splits), len(path)).mean(axis=0)
        return Found(scores)

    def refit(self, task, setting):
        model = logistic(self.tol, self.solver).set_params(**logistic_params(setting, len(task.y)))
        model.fit(task.X, task.y)


#: No limit of iterations ends a fit before its tolerance does.
MAX_ITER = 100_000


def logistic(tol, solver):
    """LogisticRegression."""
    return LogisticRegression(**_logistic_options(solver, tol))


def _logistic_options(solver, tol):
    return {"solver": solver, "tol": tol, "max_iter": MAX_ITER, "random_state": 0}
