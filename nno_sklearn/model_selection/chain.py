"""The work of one task: fit and score the settings of a group on the rows of a split."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import process_routing

from nno_sklearn._labels import as_in_all_rows
from nno_sklearn._split import Data
from nno_sklearn.model_selection.callbacks import SearchTask
from nno_sklearn.session import Coefficients, has_sessions, key_of
from nno_sklearn.solvers import Status


@dataclass
class Fit:
    """The outcome of one setting on one split."""

    model: object = None
    #: Traceback of the error; None for a fitted model.
    failure: str | None = None
    fit_time: float = 0.0
    score_time: float = 0.0
    n_iter: float = np.nan
    n_passes: float = np.nan
    n_nonzeros: float = np.nan
    converged: float = np.nan
    #: Whether it did not converge, and no callback stopped it.
    is_unfinished: bool = False
    coef: np.ndarray | None = None
    #: Key of the names of the coefficients' columns; None for the user's own columns.
    columns: str | None = None
    #: One dict of scores per set of rows: test rows, then training rows.
    scores: list = field(default_factory=list)

    def describe(self, columns):
        """Record the attributes of a fitted NNO model."""
        self.n_iter = float(np.max(self.model.n_iter_))  # an array in some twins
        self.n_passes = self.model.n_passes_
        self.converged = float(self.model.converged_)
        self.is_unfinished = self.model.status_ not in (Status.CONVERGED, Status.STOPPED)
        self.coef, self.n_nonzeros = self.model.coef_, np.count_nonzero(self.model.coef_)
        self.columns = columns


@dataclass(frozen=True)
class Chain:
    """An estimator that is fitted in several settings, one after the other, on the same rows.

    Settings of an NNO model share the transformed rows, and each starts at the optimum of the
    nearest one before it. Any other estimator has a single setting, its own.
    """

    estimator: Any
    #: Parameters of the model at its end, in the order in which they are fitted.
    settings: list[dict[str, Any]]
    #: For each setting, the positions of the earlier ones that are near, nearest first.
    starts: list[Any]
    #: "raise" or number
    error_score: Any
    #: Called after each fit.
    advance: Callable[[], None] | None
    #: For each setting, the task of its fit, for callbacks.
    tasks: list[SearchTask]

    def run(self, split, scoring, return_train_score, *data):
        """Fit and score all settings on one split.

        Parameters
        ----------
        split : IndexSplit or RangeSplit
        scoring : Scoring
        return_train_score : bool
        *data : Data
            All rows, as separate arguments, which some backends send only once.

        Returns
        -------
        fits : list of Fit
            Without the models, which need not be sent back; failed ones have the reason.
        preparing_seconds : float
            Time of the steps before the model, once for all settings.
        """
        whole = Data(*data)
        train, test = split.parts(whole, self.estimator)
        if is_classifier(self.estimator):
            train = train._replace(y=as_in_all_rows(train.y, whole.y))
        if is_ours(self.estimator):
            fits, prepared, seconds = self._fit_models(train)
        else:
            fits, prepared, seconds = [self._fit_other(train)], None, 0.0
        for rows in [test, train] if return_train_score else [test]:
            scoring.score(fits, prepared, rows)
        for fit in fits:
            fit.fit_time += seconds / len(fits)
            if prepared is not None and fit.model is not None:
                fit.describe(prepared.columns)
            fit.model = None
        return fits, seconds

    def _fit_other(self, data):
        fresh = clone(self.estimator)
        with self.tasks[0].fitting(fresh, data.X, data.y, data.for_fit):
            fit, _ = self._timed(lambda: fresh.fit(*data.given, **data.for_fit))
        fit.model = fresh  # not what its fit returned
        return fit

    def _fit_models(self, data):
        began = time.perf_counter()
        opened, failure = self._attempt(lambda: self._open(data))
        seconds = time.perf_counter() - began
        if failure:
            fits = []
            for task in self.tasks:
                with task.fitting(None, data.X, data.y, data.for_fit):
                    fits.append(Fit(failure=failure))
            return fits, None, seconds
        prepared, session = opened
        last_use = {k: step for step, near in enumerate(self.starts) for k in near[:2]}
        model, fits, results = final_step(self.estimator), [], []
        for step, (setting, near) in enumerate(zip(self.settings, self.starts, strict=True)):
            starts = [results[k] for k in near if results[k] is not None]
            fresh = with_setting(model, setting)  # raises for an unknown parameter
            with self.tasks[step].fitting(fresh, data.X, data.y, data.for_fit):
                fit, done = self._timed(
                    lambda one=fresh, near=starts: session.solve(one, near, is_returned=False)
                )
            fit.model, result = done or (None, None)
            fits.append(fit)
            results.append(result)
            for k in (*near[:2], step):  # raw predictions are as long as the data
                if last_use.get(k, step) == step and results[k] is not None:
                    results[k] = Coefficients.of(results[k])
        return fits, prepared, seconds

    def _open(self, data):
        """The fitted steps before the model, and a session on the rows they return."""
        prepared = Prepared(clone(self.estimator), data)
        return prepared, prepared.open_session(data.y, len(self.settings))

    def _timed(self, make):
        """A timed Fit, without its model yet, and the result of ``make``."""
        began = time.perf_counter()
        made, failure = self._attempt(make)
        fit = Fit(failure=failure, fit_time=time.perf_counter() - began)
        if self.advance is not None:
            self.advance()
        return fit, made

    def _attempt(self, make):
        """The result of ``make`` and None; or None and the traceback."""
        try:
            return make(), None
        except Exception:
            if self.error_score == "raise":
                raise
            return None, traceback.format_exc()


class Prepared:
    """The steps of a pipeline before its model, fitted to training rows; none for a bare model."""

    def __init__(self, estimator, data):
        self._estimator = estimator
        self._before, self._name, self._model = None, None, final_step(estimator)
        self._rows, self._params = data.X, data.for_fit
        if is_pipeline(estimator):
            self._name = estimator.steps[-1][0]
            own, self._params = _split_params(estimator, data.for_fit)
            if len(estimator.steps) > 1:
                self._before = estimator[:-1]
                self._rows = self._before.fit_transform(data.X, data.y, **own)
            elif own:
                raise ValueError(f"fit got {sorted(own)}, but no step takes arguments so named.")

    def open_session(self, y, n_models):
        """A session of the model on the transformed rows, which this object then drops."""
        rows, params, self._rows, self._params = self._rows, self._params, None, None
        return self._model.open_session(rows, y, **params, n_models=n_models)

    def model_params(self, data):
        """The arguments of ``fit`` that go to the model itself, of these rows."""
        if not is_pipeline(self._estimator):
            return data.for_fit
        return _split_params(self._estimator, data.for_fit)[1]

    @property
    def columns(self):
        """A key of the names of the model's columns, which may differ between splits."""
        if self._before is None:
            return None
        try:
            names = self._before.get_feature_names_out()
        except (AttributeError, ValueError):  # a step without feature names
            return None
        return None if names is None else key_of(dict.fromkeys(names))  # None: no steps

    def transform(self, X):
        """Rows transformed by the steps before the model."""
        # Step by step: a pipeline checks that its last step is fitted, which stateless steps do not
        # pass.
        for _, step in [] if self._before is None else self._before.steps:
            if step is not None and not isinstance(step, str):  # "passthrough"
                X = step.transform(X)
        return X

    def whole(self, model):
        """The user's estimator with a fitted model at its end."""
        if self._name is None:
            return model
        before = [] if self._before is None else self._before.steps
        return Pipeline([*before, (self._name, model)])


def with_setting(estimator, setting):
    """A fresh estimator with a setting's parameters."""
    fresh = clone(estimator)
    if setting:  # a user's own set_params may require arguments
        fresh.set_params(**clone(setting, safe=False))
    return fresh


def is_pipeline(estimator):
    """Whether it is scikit-learn's Pipeline itself: a subclass may override ``fit``."""
    return type(estimator) is Pipeline


def final_step(estimator):
    """The model at the end of a pipeline, or the estimator itself."""
    return estimator.steps[-1][1] if is_pipeline(estimator) else estimator


def split_names(pipeline, values):
    """Values whose names lack the last step's prefix, and the others without that prefix."""
    own = f"{pipeline.steps[-1][0]}__"
    others = {name: value for name, value in values.items() if not name.startswith(own)}
    return others, {k[len(own) :]: v for k, v in values.items() if k.startswith(own)}


def is_ours(estimator):
    """Whether the model is an NNO model (a subclass with a ``fit`` of its own is not)."""
    return has_sessions(final_step(estimator))


def _split_params(pipeline, params):
    """Arguments of a pipeline's ``fit``: those of the steps before the model, and the model's."""
    if not get_config()["enable_metadata_routing"]:
        return split_names(pipeline, params)
    of_model = process_routing(pipeline, "fit", **params)[pipeline.steps[-1][0]].fit
    if len(pipeline.steps) == 1:
        return {}, of_model
    taken = pipeline[:-1].get_metadata_routing().consumes("fit_transform", params)
    return {k: params[k] for k in taken}, of_model
