"""NNOSearchCV: a search over settings in which each fit starts at its nearest solved neighbour."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import GridSearchCV
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from nno_sklearn._containers import is_lazy
from nno_sklearn._dispatch import brings_home, draft_of
from nno_sklearn._documentation import LinkedToDocumentation
from nno_sklearn.callbacks.protocol import CallbackSupport, with_callbacks
from nno_sklearn.model_selection.callbacks import SearchTask
from nno_sklearn.model_selection.candidates import candidates_of
from nno_sklearn.model_selection.chain import with_setting
from nno_sklearn.model_selection.in_parts import score_in_parts
from nno_sklearn.model_selection.parameters import check_parameters
from nno_sklearn.model_selection.progress import progress
from nno_sklearn.model_selection.refit import (
    SCORE,
    check_refit,
    choose,
    deciding_metric,
    metric_to_score,
)
from nno_sklearn.model_selection.results import (
    make_results,
    mean_coef,
    metrics_of,
    report_failures,
)
from nno_sklearn.model_selection.routing import route
from nno_sklearn.model_selection.tasks import evaluate, groups_of, tasks_of
from nno_sklearn.types import Array, Matrix, RandomState

#: Fewest settings that halving keeps after each split.
FEWEST_ALIVE = 3


def _where_grid_search_has(name):
    """A condition of a method, which says why GridSearchCV has none where it has not."""

    def has(search):
        try:
            getattr(super(NNOSearchCV, search), name)
        except AttributeError as error:
            raise error.__cause__ or error from None
        return True

    return available_if(has)


class NNOSearchCV(LinkedToDocumentation, CallbackSupport, GridSearchCV):
    """Search over hyper-parameters that solves each setting from its nearest solved neighbour.

    The interface, the attributes and the scores are those of scikit-learn's GridSearchCV and
    RandomizedSearchCV; repeated work is saved. In each split the preprocessing is fitted once for
    each of its own settings; the settings of an NNO model behind it share the checked and
    centred rows and the solvers' cached curvature, and each starts at the optimum of the nearest
    setting solved before (:class:`sklearn.neighbors.NearestNeighbors` over the
    hyper-parameters, logarithms for those that span decades). The model's ``tol`` bounds how
    much scores can differ from those of fits from scratch. Other estimators are fitted as in
    GridSearchCV.

    Parameters
    ----------
    estimator : estimator
        An NNO model, a Pipeline that ends in one, or anything else with ``fit``.
    param_grid : dict or list of dict, default=None
        Lists of values, as in GridSearchCV.
    param_distributions : dict or list of dict, default=None
        Lists or distributions, of which ``n_iter`` settings are drawn, as in
        RandomizedSearchCV. At most one of the two is given.
    n_iter : int, default=10
        Number of draws from ``param_distributions``.
    alphas : "auto", int or array-like, default=None
        Values of alpha of an NNO model, combined with every other setting. An int is a number of
        strengths, spaced evenly in logarithms down from alpha_max of the whole data, and "auto"
        is 30 of them: three decades below the strength that sets all coefficients to 0 (two
        where features outnumber rows), six for smooth penalties. A strength means the same on
        folds as on all rows, because the objective is a mean.
    scoring : str, callable, list, tuple or dict, default=None
        As in GridSearchCV.
    n_jobs : int, default=None
        Workers that share the splits and preprocessings; ``joblib.parallel_config`` takes these
        elsewhere.
    cv : int, splitter or iterable, default=None
        As in GridSearchCV; None is five folds. Of a collection of Dask an int or None: each fold is
        a range of the rows of each part.
    verbose : int, default=0
        1 shows a bar of the progress (with rich installed, and one worker).
    pre_dispatch : int or str, default="2*n_jobs"
        As in GridSearchCV.
    error_score : "raise" or float, default=nan
        As in GridSearchCV.
    return_train_score : bool, default=False
        As in GridSearchCV.
    refit : bool, str or callable, default=True
        Which setting is fitted to all rows. True: the best by the only metric, which may also be
        called by its name in ``scoring``, or "score". With several metrics, the name of the one
        that chooses. "one_standard_error", for one metric: the strongest alpha within one standard
        error of the best score, other settings as in the best; with several,
        ``functools.partial(one_standard_error, metric=...)``. A callable gets ``cv_results_`` and
        returns the number of a candidate. False: none is fitted. Other names are refused.
    halving : int, default=None
        Drop bad settings early: after each split only the best 1 of ``halving``, but at least 3,
        continue. Dropped ones have score nan on the splits where they were not fitted, and rank
        last. None fits all.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws from ``param_distributions``.

    Attributes
    ----------
    cv_results_ : dict of str to array or list
        As in GridSearchCV, and of each candidate "strength" (the model's alpha), "mean_n_iter",
        "mean_n_passes", "mean_n_nonzeros" and "mean_converged".
    best_index_, best_params_, best_score_, best_estimator_, refit_time_, scorer_, n_splits_, \
    multimetric_
        As in GridSearchCV.
    n_fits_ : int
        Number of fits in the search.
    n_passes_ : float
        Passes over the rows of all fits together.
    saved_seconds_ : float
        Time of preprocessing that candidates shared instead of repeating, in worker seconds.
    mean_coef_ : list of ndarray or None
        Of each candidate, the mean of the models' ``coef_`` over the splits; None where the
        splits have different columns.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from nno_sklearn import NNOClassifier, NNOSearchCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), NNOClassifier(penalty="elasticnet"))
    >>> grid = {"nnoclassifier__l1_ratio": [0.1, 0.5, 0.9]}
    >>> search = NNOSearchCV(model, grid, alphas=10, refit="one_standard_error").fit(X, y)
    >>> search.n_fits_
    150
    >>> bool(search.best_score_ > 0.95)
    True
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Sequence[Any]]
        | Sequence[Mapping[str, Sequence[Any]]]
        | None = None,
        *,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        n_iter: int = 10,
        alphas: int | str | ArrayLike | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[[dict[str, Any]], int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        halving: int | None = None,
        random_state: RandomState = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.alphas = alphas
        self.halving = halving
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags = get_tags(self.estimator).target_tags  # several outputs, for instance
        return tags

    @brings_home
    def fit(self, X: Matrix, y: ArrayLike | None = None, **params: Any) -> Self:
        """Search, and fit the best setting to all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A collection of Dask for an NNO model by itself: rows stay where they are.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        **params : dict
            Further arguments of the estimator's ``fit``, such as ``sample_weight``, and
            ``groups`` for the splitter; routed where metadata routing is on.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For invalid parameters, and where every fit fails. Attributes of an earlier fit then
            stay unchanged.
        TypeError, IndexError
            Where a callable ``refit`` returns no index of a candidate; a TypeError also where
            ``scoring`` is None and the estimator has no ``score``.
        """
        draft = draft_of(self)
        draft._fit(X, y, params, told=self)
        self.__dict__ = vars(draft)
        return self

    @with_callbacks
    def _fit(self, X, y, params, told):
        check_parameters(self, y is not None)
        data, splits, scoring = route(self, X, y, params)
        candidates = candidates_of(self, data)
        groups = groups_of(self.estimator, candidates)
        whole = SearchTask.of(self, told)
        with whole.running(data.X, data.y, params):
            n_fits = len(candidates) * len(splits) if self.halving is None else None
            search = whole.part("search", max_subtasks=n_fits, sequential_subtasks=False)
            with search.running():
                fits = self._evaluate(groups, len(candidates), splits, data, scoring, search)
            report_failures(fits, self.error_score)
            self.scorer_ = scoring.scorers
            self._keep_results(candidates, groups, fits)
            if self.refit:
                self._refit(data, whole.part("refit-with-best-params"))

    def _refit(self, data, task):
        self.best_estimator_ = with_setting(self.estimator, self.best_params_)
        began = time.perf_counter()
        with task.fitting(self.best_estimator_, data.X, data.y, data.for_fit):
            self.best_estimator_.fit(*data.given, **data.for_fit)
        self.refit_time_ = time.perf_counter() - began
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def score(self, X: Matrix, y: ArrayLike | None = None, **params: Any) -> float:
        """Score of the best estimator, by the metric that chose it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        **params : dict
            Arguments of the scorer, where metadata routing is on.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            Where a callable ``refit`` chose among several metrics, as it names none of them.
        """
        chosen = copy(self)  # GridSearchCV takes the metric's name from refit
        if self.refit and getattr(self, "multimetric_", False):
            chosen.refit = metric_to_score(self.refit, metrics_of(self.cv_results_), self.scorer_)
        if is_lazy(X) and self.refit:
            return score_in_parts(chosen, X, y, params)
        return GridSearchCV.score(chosen, X, y, **params)

    @_where_grid_search_has("predict")
    def predict(self, X: Matrix, **params: Any) -> Array:
        """Predictions of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        **params : dict
            Of its method, such as ``offset``.

        Returns
        -------
        ndarray
        """
        return self._of_best("predict", X, params)

    @_where_grid_search_has("predict_proba")
    def predict_proba(self, X: Matrix, **params: Any) -> Array:
        """Probabilities of the best estimator; as :meth:`predict`."""
        return self._of_best("predict_proba", X, params)

    @_where_grid_search_has("predict_log_proba")
    def predict_log_proba(self, X: Matrix, **params: Any) -> Array:
        """Logarithms of its probabilities; as :meth:`predict`."""
        return self._of_best("predict_log_proba", X, params)

    @_where_grid_search_has("decision_function")
    def decision_function(self, X: Matrix, **params: Any) -> Array:
        """Its raw predictions of classes; as :meth:`predict`."""
        return self._of_best("decision_function", X, params)

    def _of_best(self, method, X, params):
        if not params:
            return getattr(super(), method)(X)
        check_is_fitted(self)
        return getattr(self.best_estimator_, method)(X, **params)

    def _evaluate(self, groups, n_candidates, splits, data, scoring, whole):
        """Fits of all candidates on all splits, (n_candidates, n_splits); None: not fitted."""
        fits = np.full((n_candidates, len(splits)), None, dtype=object)
        numbers, alive = np.arange(len(splits)), np.arange(n_candidates)
        rounds = [numbers] if self.halving is None else numbers[:, None]
        self.saved_seconds_ = 0.0
        with progress(fits.size, self.verbose) as report:
            for now in rounds:
                left = [part for part in (group.of(alive) for group in groups) if part.settings]
                tasks = tasks_of(left, now, self.n_jobs)
                found, saved = evaluate(tasks, splits, scoring, self, data, report, whole)
                for position, fit in found.items():
                    fits[position] = fit
                self.saved_seconds_ += saved
                if self.halving is not None:
                    alive = self._best(fits[:, : now[-1] + 1], alive)
        return fits

    def _best(self, fits, alive):
        """The candidates that continue with the next split."""
        results = make_results([{}] * len(alive), fits[alive], np.nan)
        rank = results[f"rank_test_{deciding_metric(self.refit, metrics_of(results))}"]
        count = max(FEWEST_ALIVE, -(-len(alive) // self.halving))
        return np.sort(alive[np.argsort(rank, kind="stable")[:count]])

    def _keep_results(self, candidates, groups, fits):
        results = make_results(candidates, fits, self.error_score)
        strength = np.full(len(candidates), np.nan)
        for group in groups:
            strength[group.candidates] = group.strengths
        results["strength"] = strength
        ran = [fit for fit in fits.flat if fit is not None]
        self.n_fits_, self.n_splits_ = len(ran), fits.shape[1]
        self.n_passes_ = float(np.nansum([fit.n_passes for fit in ran]))
        self.mean_coef_ = [mean_coef(row) for row in fits]
        metrics = metrics_of(results)
        self.multimetric_ = metrics != [SCORE] or isinstance(self.scorer_, dict)
        self.cv_results_ = results
        if callable(self.scoring):
            check_refit(self.refit, metrics)
        if self.refit or not self.multimetric_:
            self.best_index_, score = choose(results, self.refit, metrics)
            self.best_params_ = candidates[self.best_index_]
            if score is not None:
                self.best_score_ = score
