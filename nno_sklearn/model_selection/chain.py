"""What runs in a worker: the settings of one group, on the rows of one split."""

import time
import traceback
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from joblib import parallel_backend
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from nno_sklearn._linear_model import LinearModel
from nno_sklearn.model_selection.settings import key_of
from nno_sklearn.model_selection.shared_rows import SharedRows


@dataclass
class Fit:
    """What one setting gave on one split."""

    model: object = None
    #: Why there is no model.
    failure: str | None = None
    fit_time: float = 0.0
    score_time: float = 0.0
    n_iter: float = np.nan
    n_passes: float = np.nan
    n_nonzeros: float = np.nan
    converged: float = np.nan
    coef: np.ndarray | None = None
    #: Key of the names of the columns that the coefficients belong to; None for the user's own.
    columns: str | None = None
    #: One dict of scores per set of rows: those of the test, then those of the training.
    scores: list = field(default_factory=list)


def run_chain(chain, split, scorer, X, y, params, return_train_score):
    """Fit and score a chain on one split.

    GridSearchCV cuts rows and arguments, and routes metadata, the way the installed
    scikit-learn does.

    Returns
    -------
    fits : list of Fit
        Without the models, which are not worth sending home.
    preparing_seconds : float
    """
    scorer = copy(scorer)  # other threads have theirs
    cut = GridSearchCV(
        chain,
        {},
        scoring=scorer,
        cv=[split],
        n_jobs=1,
        refit=False,
        error_score="raise",
        return_train_score=return_train_score,
    )
    # Some backends send even one job away (Dask), and the scorer would not see its chain.
    with parallel_backend("sequential"):
        cut.fit(X, y, **params)
    fits, preparing_seconds = scorer.chain.fits_, scorer.chain.preparing_seconds_
    prepared = scorer.chain.prepared_
    columns = None if prepared is None else prepared.columns
    for fit in fits:
        fit.fit_time += preparing_seconds / len(fits)
        if isinstance(fit.model, LinearModel):
            fit.n_iter, fit.n_passes = fit.model.n_iter_, fit.model.n_passes_
            fit.converged = float(fit.model.converged_)
            fit.coef, fit.n_nonzeros = fit.model.coef_, np.count_nonzero(fit.model.coef_)
            fit.columns = columns
        fit.model = None
    return fits, preparing_seconds


class Chain(MetaEstimatorMixin, BaseEstimator):
    """An estimator that is fitted in several settings, one after the other, on the same rows.

    Settings of an NNO model share the rows as the steps before it transform them, and each
    begins at the optimum of the nearest one before it. Of another estimator there is one
    setting, its own.

    Parameters
    ----------
    estimator : estimator
    settings : list of dict
        Parameters of the model at its end, in the order in which they are fitted.
    starts : list of ndarray of int
        For each setting, the positions of the earlier ones that are near, nearest first.
    error_score : "raise" or number
    advance : callable or None
        Called after each fit.
    tasks : list of SearchTask
        For each setting, the task that callbacks see in its fit.

    Attributes
    ----------
    fits_ : list of Fit
    prepared_ : Prepared or None
        The fitted steps before the model.
    preparing_seconds_ : float
        Time of these steps, once for all settings.
    """

    def __init__(self, estimator, settings, starts, error_score, advance, tasks):
        self.estimator = estimator
        self.settings = settings
        self.starts = starts
        self.error_score = error_score
        self.advance = advance
        self.tasks = tasks

    def __sklearn_tags__(self):
        return get_tags(self.estimator)

    def get_metadata_routing(self):
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=mapping)

    def fit(self, X, y=None, **params):
        """Fit all settings; those that fail are kept with the reason."""
        if get_config()["enable_metadata_routing"]:
            params = process_routing(self, "fit", **params).estimator.fit
        self.fits_, self.prepared_, self.preparing_seconds_ = [], None, 0.0
        if is_ours(self.estimator):
            self._fit_models(X, y, params)
        else:
            data, fresh = (X,) if y is None else (X, y), clone(self.estimator)
            with self.tasks[0].fitting(fresh, X, y, params):
                self._add(lambda: _fitted(fresh, *data, **params))
        return self

    def _fit_models(self, X, y, params):
        began = time.perf_counter()
        self.prepared_, failure = self._attempt(
            lambda: Prepared(clone(self.estimator), X, y, params)
        )
        self.preparing_seconds_ = time.perf_counter() - began
        if failure:
            for task in self.tasks:
                with task.fitting(None, X, y, params):
                    self.fits_.append(Fit(failure=failure))
            return
        rows = SharedRows(self.prepared_.rows, y, self.prepared_.params, len(self.settings))
        last_use = {k: step for step, near in enumerate(self.starts) for k in near[:2]}
        model = final_step(self.estimator)
        for step, (setting, near) in enumerate(zip(self.settings, self.starts, strict=True)):
            starts = [self.fits_[k].model for k in near if self.fits_[k].failure is None]
            fresh = with_setting(model, setting)  # an unknown parameter is no failed fit
            with self.tasks[step].fitting(None, X, y, params):
                self._add(lambda fresh=fresh, starts=starts: rows.fit(fresh, starts))
            for k in (*near[:2], step):
                if last_use.get(k, step) == step:
                    rows.forget(self.fits_[k].model)
        self.prepared_.rows = self.prepared_.params = None

    def _add(self, fit):
        began = time.perf_counter()
        model, failure = self._attempt(fit)
        self.fits_.append(Fit(model, failure, fit_time=time.perf_counter() - began))
        if self.advance is not None:
            self.advance()

    def _attempt(self, make):
        """What ``make`` gives, and None; or None, and the reason."""
        try:
            return make(), None
        except Exception:
            if self.error_score == "raise":
                raise
            return None, traceback.format_exc()


class Prepared:
    """Training rows as the steps of a pipeline before its model, fitted on them, make them.

    Attributes
    ----------
    rows : array-like
    params : dict
        Arguments of ``fit`` that are the model's.
    """

    def __init__(self, estimator, X, y, params):
        self._before, self._name = None, None
        self.rows, self.params = X, params
        if is_pipeline(estimator):
            self._name = estimator.steps[-1][0]
            own, self.params = _split_params(estimator, params)
            if len(estimator.steps) > 1:
                self._before = estimator[:-1]
                self.rows = self._before.fit_transform(X, y, **own)
            elif own:
                raise ValueError(f"fit got {sorted(own)}, but no step takes arguments so named.")

    @property
    def columns(self):
        """A key of the columns that the model sees, which may differ between splits."""
        if self._before is None:
            return None
        try:
            names = self._before.get_feature_names_out()
        except (AttributeError, ValueError):  # a step that does not tell names
            return None
        return None if names is None else key_of(dict.fromkeys(names))  # None of no steps at all

    def transform(self, X):
        """Rows as the model takes them."""
        # Step by step: a pipeline would ask of its last step whether it is fitted, which those
        # that learn nothing cannot tell.
        for _, step in [] if self._before is None else self._before.steps:
            if step is not None and not isinstance(step, str):  # "passthrough"
                X = step.transform(X)
        return X

    def whole(self, model):
        """The estimator that the user gave, with a fitted model."""
        if self._name is None:
            return model
        before = [] if self._before is None else self._before.steps
        return Pipeline([*before, (self._name, model)])


def _fitted(estimator, *data, **params):
    """The estimator after its ``fit``, whatever that returns."""
    estimator.fit(*data, **params)
    return estimator


def with_setting(estimator, setting):
    """A fresh estimator with a setting's parameters."""
    fresh = clone(estimator)
    if setting:  # a set_params of the user's own may need some
        fresh.set_params(**clone(setting, safe=False))
    return fresh


def is_pipeline(estimator):
    """Whether it is scikit-learn's Pipeline itself: kinds of it may fit in their own way."""
    return type(estimator) is Pipeline


def final_step(estimator):
    """The model at the end of a pipeline, or the estimator itself."""
    return estimator.steps[-1][1] if is_pipeline(estimator) else estimator


def split_names(pipeline, values):
    """Values whose names do not begin with the last step's, and the others without that prefix."""
    own = f"{pipeline.steps[-1][0]}__"
    others = {name: value for name, value in values.items() if not name.startswith(own)}
    return others, {k[len(own) :]: v for k, v in values.items() if k.startswith(own)}


def is_ours(estimator):
    """Whether the model is an NNO model, unless one of a kind that fits in its own way."""
    model = final_step(estimator)
    return isinstance(model, LinearModel) and type(model).fit is LinearModel.fit


def _split_params(pipeline, params):
    """Arguments of a pipeline's ``fit``: those of the steps before the model, and the model's."""
    if not get_config()["enable_metadata_routing"]:
        return split_names(pipeline, params)
    of_model = process_routing(pipeline, "fit", **params)[pipeline.steps[-1][0]].fit
    if len(pipeline.steps) == 1:
        return {}, of_model
    taken = pipeline[:-1].get_metadata_routing().consumes("fit_transform", params)
    return {k: params[k] for k in taken}, of_model
