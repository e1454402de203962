"""Fits of many settings over the same rows: what does not depend on the setting is done once."""

from nno_sklearn.model_selection.settings import key_of
from nno_sklearn.problem import summarise

#: Parameters that change neither rows, targets, weights nor the data loss.
FREE = frozenset(
    "alpha l1_ratio max_iter penalty random_state solver tol verbose warm_start".split()
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
        problem, solver = model._pose(self._X, self._y, **self._params)
        problem = summarise(problem, self._budget)
        learnt = {name: value for name, value in vars(model).items() if name not in given}
        self._first[key] = learnt, problem
        return problem, solver

    def fit(self, model, starts=()):
        """Fit a model from the first usable one of ``starts``, models fitted here before."""
        problem, solver = self.pose(model)
        point = model._solve(problem, solver, self._start(problem, starts))
        if point is not None:
            self._points[id(model)] = point
        return model

    def _start(self, problem, starts):
        for model in starts:
            known = self._points.get(id(model))
            if known is not None and known.problem.memory is problem.memory:
                return known.of(problem)
            point = model._point_in(problem)
            if point is not None:
                return point
        return problem.null

    def forget(self, model):
        """Let go of a model's point, which is as long as the data: no later fit starts there."""
        self._points.pop(id(model), None)


def _data_key(model):
    """The parameters that shape the problem's rows and its loss."""
    params = model.get_params()
    return key_of({k: v for k, v in params.items() if k.split("__")[0] not in FREE})
