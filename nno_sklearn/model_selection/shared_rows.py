"""Fits of many settings over the same rows: what does not depend on the setting is done once."""

from itertools import zip_longest

import numpy as np

from nno_sklearn.model_selection.settings import key_of

#: Parameters that change neither rows, targets, weights nor the data loss.
FREE = frozenset(
    "alpha l1_ratio max_iter penalty random_state solver stream tol verbose warm_start".split()
)
#: Passes over X that a fit near a solved one takes, about.
PASSES_PER_FIT = 3.0


class SharedRows:
    """Training rows on which models are fitted one after the other, each near a solved one.

    The data are checked, encoded and centred for the first model; those that differ from it
    only in penalty, strength or solver share this, and the memory that solvers keep of the rows
    (Gram matrices, curvatures, landmarks). A start among them costs no pass over X.

    Parameters
    ----------
    X, y : array-like
        As for ``fit``.
    params : dict
        Further arguments of ``fit``, such as ``sample_weight``.
    n_models : int
        How many models will share the rows.
    """

    def __init__(self, X, y, params, n_models):
        self._X, self._y, self._params = X, y, params
        self._budget = PASSES_PER_FIT * n_models
        self._first = {}  # by data key: the attributes of a first model, and its problem
        self._points = {}  # by model: where its fit ended

    def pose(self, model):
        """The problem that a model states on these rows, and its solver."""
        key = _data_key(model)
        if key in self._first:
            learnt, first = self._first[key]
            vars(model).update(learnt)
            return model._pose_like(first)
        given = set(vars(model))
        problem, solver = model._pose(self._X, self._y, **self._params, summary_budget=self._budget)
        learnt = {name: value for name, value in vars(model).items() if name not in given}
        self._first[key] = learnt, problem
        return problem, solver

    def fit(self, model, starts):
        """Fit a model from the first usable one of ``starts``, models fitted here before.

        Nobody is warned of fits that did not converge; ``converged_`` tells.
        """
        problem, solver = self.pose(model)
        result = model._solve(problem, solver, self._start(problem, starts))
        if result.point is not None:
            self._points[id(model)] = result.point
        return model

    def _start(self, problem, starts):
        for model, other in zip_longest(starts, starts[1:]):
            last, before = self._point(problem, model), self._point(problem, other)
            if last is not None:
                return last.of(problem) if before is None else _ahead(problem, before, last)
            point = model._point_in(problem)
            if point is not None:
                return point
        return problem.null

    def _point(self, problem, model):
        """Where the fit of a model on the problem's rows ended, if that is known."""
        point = self._points.get(id(model))
        return None if point is None or point.problem.memory is not problem.memory else point

    def forget(self, model):
        """Let go of a model's point, which is as long as the data: no later fit starts there."""
        self._points.pop(id(model), None)


def _data_key(model):
    """The parameters that shape the problem's rows and its loss."""
    params = model.get_params()
    return key_of({k: v for k, v in params.items() if k.split("__")[0] not in FREE})


def _ahead(problem, before, last):
    """The optimum that two known ones let expect: on the line through both, in the logarithm of
    alpha, where the penalty has no kinks; the last one, if that is better.
    """
    start = last.of(problem)
    old, new, alpha = before.problem.alpha, last.problem.alpha, problem.alpha
    if old == new or not problem.is_smooth:
        return start
    t = float(np.clip(np.log(alpha / new) / np.log(new / old), -1.0, 1.0))
    expected = problem.with_raw_prediction(
        last.coef + t * (last.coef - before.coef),
        last.linear + t * (last.linear - before.linear),
        last.intercept + t * (last.intercept - before.intercept),
    )
    return expected if expected.value < start.value else start
