"""Twins that choose the strength of their penalty by cross-validation."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import linear_model
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Tags

from nno_sklearn._containers import is_lazy, refuse_lazy
from nno_sklearn._dispatch import brings_home
from nno_sklearn._labels import weights_of_classes
from nno_sklearn._online import OF_A_FIT
from nno_sklearn.callbacks.protocol import callbacks_of
from nno_sklearn.linear_model.classification import LogisticRegression
from nno_sklearn.linear_model.multi_task import MultiTaskElasticNet, MultiTaskLasso
from nno_sklearn.linear_model.paths import Rows, adopt, mean_squared_error, over_folds
from nno_sklearn.linear_model.regression import ElasticNet, Lasso, Ridge
from nno_sklearn.linear_model.twin import ClassifierTwin, RegressorTwin, Twin
from nno_sklearn.losses import Loss
from nno_sklearn.model_selection import NNOSearchCV
from nno_sklearn.model_selection.alphas import alpha_max
from nno_sklearn.model_selection.in_parts import metric_in_parts
from nno_sklearn.penalties import Penalty
from nno_sklearn.types import Array, Matrix


class CrossValidated(Twin):
    """Base class of twins that fit another twin in the settings that they try."""

    #: The twin that is fitted.
    fits: type[Twin]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.array_api_support = False  # folds are of rows in this process
        return tags

    def _objective(self) -> tuple[Loss, Penalty]:
        return self._model()._objective()

    def _model(self) -> Any:
        """The twin that is fitted, with the parameters and callbacks that both have."""
        names = self.fits().get_params()
        model = self.fits(**{name: getattr(self, name) for name in names if hasattr(self, name)})
        return model.set_callbacks(*callbacks_of(self))


class ElasticNetCV(CrossValidated, RegressorTwin, of=linear_model.ElasticNetCV):
    """:class:`ElasticNet` whose ``alpha`` and ``l1_ratio`` cross-validation chooses, by the mean
    squared error.

    A twin of :class:`sklearn.linear_model.ElasticNetCV`: the same parameters and attributes. The
    fit to all rows is certified; on the folds, each fit starts at its neighbour's optimum.
    """

    fits = ElasticNet
    tol_is_of_gradient = False
    alphas: Any
    eps: float

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags

    @brings_home
    def fit(  # type: ignore[override]  # a choice has no start
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose ``alpha``, and fit with it to all rows; see :meth:`nno_sklearn.NNORegressor.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or of multi-task models (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        rows = self._rows(X, y, sample_weight)
        model, ratios = self._model(), np.atleast_1d(getattr(self, "l1_ratio", 1.0))
        shares = [{"l1_ratio": float(one)} if hasattr(self, "l1_ratio") else {} for one in ratios]
        grids = self._grids(model, rows, shares)
        settings = [
            {**share, "alpha": float(alpha)}
            for share, grid in zip(shares, grids, strict=True)
            for alpha in grid
        ]
        splits = list(check_cv(self.cv).split(rows.X, rows.y))
        errors = over_folds(model, settings, rows, splits, mean_squared_error, self.n_jobs)
        table = np.reshape(errors, (len(splits), len(ratios), -1))
        best = settings[int(np.mean(errors, axis=0).argmin())]
        chosen: dict[str, Any] = {f"{name}_": value for name, value in best.items()}
        chosen["mse_path_"] = np.squeeze(np.moveaxis(table, 0, 2))
        is_one_grid = len(ratios) == 1 or not self._are_automatic()
        chosen["alphas_"] = grids[0] if is_one_grid else np.array(grids)
        adopt(self, clone(model).set_params(**best).fit(X, rows.y, sample_weight), chosen)
        return self

    def _rows(self, X, y, sample_weight):
        return Rows.checked(self, X, y, sample_weight, y_numeric=True)

    def _are_automatic(self):
        """Whether the grids of ``alpha`` are scaled to the data."""
        return self.alphas is None or isinstance(self.alphas, int | np.integer)

    def _grids(self, model: Any, rows: Rows, shares: list[dict[str, float]]) -> list[Array]:
        """Strengths to try, the strongest first, for each ``l1_ratio``."""
        if not self._are_automatic():
            return [np.sort(np.asarray(self.alphas, dtype=float))[::-1]] * len(shares)
        count = getattr(self, "n_alphas", 100) if self.alphas is None else self.alphas
        session = model.open_session(*rows)
        problems = [session.pose(clone(model).set_params(**share)).problem for share in shares]
        return [np.geomspace(1.0, self.eps, count) * alpha_max(problem) for problem in problems]


class LassoCV(ElasticNetCV, of=linear_model.LassoCV):
    """:class:`Lasso` whose ``alpha`` cross-validation chooses, by the mean squared error.

    A twin of :class:`sklearn.linear_model.LassoCV`, as :class:`ElasticNetCV` is of its namesake.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nno_sklearn.linear_model import LassoCV
    >>> model = LassoCV(cv=3).fit(*load_diabetes(return_X_y=True))
    >>> model.mse_path_.shape, bool(model.converged_)
    ((100, 3), True)
    """

    fits = Lasso


class MultiTaskElasticNetCV(ElasticNetCV, of=linear_model.MultiTaskElasticNetCV):
    """:class:`MultiTaskElasticNet` whose ``alpha`` and ``l1_ratio`` cross-validation chooses, by
    the mean squared error of all targets.

    A twin of :class:`sklearn.linear_model.MultiTaskElasticNetCV`, as :class:`ElasticNetCV` is of
    its namesake; sparse X and ``sample_weight`` are taken, too.
    """

    fits = MultiTaskElasticNet

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output, tags.target_tags.single_output = True, False
        return tags

    def _rows(self, X, y, sample_weight):
        rows = Rows.checked(self, X, y, sample_weight, y_numeric=True, multi_output=True)
        if rows.y.ndim == 1:
            raise ValueError(
                f"For mono-task outputs, use {self.fits.of_one_target}CV: y is one-dimensional, "
                f"and {type(self).__name__} is for several targets, columns of y."
            )
        return rows


class MultiTaskLassoCV(MultiTaskElasticNetCV, of=linear_model.MultiTaskLassoCV):
    """:class:`MultiTaskLasso` whose ``alpha`` cross-validation chooses, by the mean squared error
    of all targets.

    A twin of :class:`sklearn.linear_model.MultiTaskLassoCV`, as :class:`ElasticNetCV` is of its
    namesake; sparse X and ``sample_weight`` are taken, too.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from nno_sklearn.linear_model import MultiTaskLassoCV
    >>> model = MultiTaskLassoCV(cv=2).fit(*load_linnerud(return_X_y=True))
    >>> model.mse_path_.shape, model.coef_.shape
    ((100, 2), (3, 3))
    """

    fits = MultiTaskLasso


class RidgeCV(CrossValidated, RegressorTwin, of=linear_model.RidgeCV):
    """:class:`Ridge` whose ``alpha`` cross-validation chooses.

    A twin of :class:`sklearn.linear_model.RidgeCV`: the same parameters and attributes. Without a
    ``cv``, ``alpha`` is the one that scikit-learn's RidgeCV chooses, whose leave-one-out errors
    have a closed form; the fit with it is ours, and certified.
    """

    fits = Ridge
    tol = 1e-6
    alphas: Any
    scoring: Any
    cv: Any

    @brings_home
    def fit(  # type: ignore[override]  # a choice has no start
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose ``alpha``, and fit with it to all rows; see :meth:`nno_sklearn.NNORegressor.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        if self.cv is None:
            refuse_lazy("RidgeCV without cv, whose leave-one-out errors are of single rows,", X, y)
            theirs = self.theirs(**self.get_params(deep=False)).fit(X, y, sample_weight)
            names = {"alpha_", "best_score_", "cv_results_"} & set(vars(theirs))
            chosen = {name: getattr(theirs, name) for name in names}
            best = self._model().set_params(alpha=theirs.alpha_).fit(X, y, sample_weight)
        else:
            self._check_options()
            params = {} if sample_weight is None else {"sample_weight": sample_weight}
            grid = {"alpha": list(np.atleast_1d(self.alphas))}
            search = NNOSearchCV(
                self._model(), grid, cv=self.cv, scoring=self.scoring, error_score="raise"
            ).fit(X, y, **params)
            best = search.best_estimator_
            chosen = {"alpha_": best.alpha, "best_score_": search.best_score_}
        adopt(self, best, chosen)
        return self

    def _check_options(self):
        for name in ("store_cv_results", "alpha_per_target"):
            if getattr(self, name):
                raise ValueError(
                    f"cv!=None and {name}=True are incompatible: only leave-one-out errors, "
                    "cv=None, are of single rows and targets."
                )


class LogisticRegressionCV(CrossValidated, ClassifierTwin, of=linear_model.LogisticRegressionCV):
    """:class:`LogisticRegression` whose ``C`` and ``l1_ratio`` cross-validation chooses.

    A twin of :class:`sklearn.linear_model.LogisticRegressionCV`: the same parameters and
    attributes. Where scikit-learn warns that a default will change (``l1_ratios``, ``scoring``,
    ``use_legacy_attributes``), the twin keeps the present one, in silence.
    """

    fits = LogisticRegression
    loss = LogisticRegression.loss
    Cs: Any
    cv: Any
    scoring: Any
    refit: bool

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags

    @brings_home
    def fit(  # type: ignore[override]  # a choice has no start
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose ``C``, and fit with it to all rows; see :meth:`nno_sklearn.NNOClassifier.fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        rows = Rows.checked(self, X, y, sample_weight)
        model = self._model().set_params(class_weight=self._factors(rows))
        Cs = np.logspace(-4, 4, self.Cs) if isinstance(self.Cs, int) else np.asarray(self.Cs)
        ratios = self._ratios()
        settings = [{"l1_ratio": ratio, "C": float(C)} for ratio in ratios for C in Cs]
        splits = list(check_cv(self.cv, rows.y, classifier=True).split(rows.X, rows.y))
        measured = over_folds(model, settings, rows, splits, self._measure, self.n_jobs)
        shape = len(splits), len(ratios), len(Cs)
        scores = np.array([[one[0] for one in fold] for fold in measured])
        coefs = np.array([[one[1] for one in fold] for fold in measured])
        n_iter = np.array([[one[2] for one in fold] for fold in measured])
        if self.refit:
            best = settings[int(scores.sum(axis=0).argmax())]
            fitted = clone(model).set_params(**best).fit(X, rows.y, sample_weight)
        else:
            chosen_of_fold = scores.argmax(axis=1)
            fitted = clone(model).set_params(**settings[0]).fit(X, rows.y, sample_weight)
            _average(fitted, coefs[np.arange(len(splits)), chosen_of_fold].mean(axis=0))
            best = {
                name: np.mean([settings[k][name] or 0.0 for k in chosen_of_fold])
                for name in ("C", "l1_ratio")
            }
        tables = scores.reshape(shape), coefs.reshape(*shape, *coefs.shape[2:])
        chosen = {"Cs_": Cs, "l1_ratios_": np.array(ratios)}
        adopt(self, fitted, chosen | self._attributes(fitted, best, *tables, n_iter.reshape(shape)))
        return self

    def score(  # type: ignore[override]  # scorers take no offset
        self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Score by ``scoring``; accuracy where that is None.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        if any(map(is_lazy, (X, y, sample_weight))):
            return metric_in_parts(self, self._metric, X, y, weight)
        return self._scorer()(self, X, y, **weight)

    @property
    def _metric(self):
        is_default = self.scoring is None or self.scoring == "warn"
        return "accuracy" if is_default else self.scoring

    def _scorer(self):
        return get_scorer(self._metric)

    def _measure(self, fitted: Any, held_out: Rows) -> tuple[float, Array, int]:
        """Score, coefficients with the intercept last, and number of iterations."""
        weight = {} if held_out.weight is None else {"sample_weight": held_out.weight}
        score = self._scorer()(fitted, held_out.X, held_out.y, **weight)
        intercept = [fitted.intercept_[:, None]] if self.fit_intercept else []
        return score, np.hstack([fitted.coef_, *intercept]), int(fitted.n_iter_[0])

    def _ratios(self) -> list[float | None]:
        """Each ``l1_ratio`` to try; one of None where the penalty has none."""
        given = self.l1_ratios
        return [None] if given is None or isinstance(given, str) else list(given)

    def _factors(self, rows: Rows) -> Any:
        """The classes' weights: "balanced" ones are those of all rows, on every fold."""
        if not isinstance(self.class_weight, str):
            return self.class_weight
        classes, codes = np.unique(rows.y, return_inverse=True)
        weight = np.ones(len(rows.y)) if rows.weight is None else rows.weight
        mass = np.bincount(codes, weight, len(classes))
        factors = weights_of_classes(self.class_weight, classes, mass)
        return dict(zip(classes, factors, strict=True))

    def _attributes(
        self,
        fitted: Any,
        best: dict[str, Any],
        scores: Array,
        coefs: Array,
        n_iter: NDArray[np.integer],
    ) -> dict[str, Any]:
        """What was tried, of axes (fold, l1_ratio, C, ...), in the layout that was asked for."""
        found = {"scores_": scores, "coefs_paths_": coefs, "n_iter_": n_iter}
        if not getattr(self, "use_legacy_attributes", True):
            return {**found, "C_": float(best["C"]), "l1_ratio_": float(best["l1_ratio"] or 0.0)}
        found = {name: np.swapaxes(table, 1, 2) for name, table in found.items()}
        if self._ratios() == [None]:
            found = {name: table[:, :, 0] for name, table in found.items()}
        classes = fitted.classes_[-coefs.shape[3] :]
        return {
            "scores_": dict.fromkeys(classes, found["scores_"]),
            "coefs_paths_": {
                one: found["coefs_paths_"][..., k, :] for k, one in enumerate(classes)
            },
            "n_iter_": found["n_iter_"][None],
            "C_": np.full(len(classes), best["C"]),
            "l1_ratio_": np.full(len(classes), best["l1_ratio"]),
        }


def _average(fitted: Any, coef: Array) -> None:
    """Set the coefficients, with the intercept last, to those that the folds have on average."""
    n_features = fitted.coef_.shape[1]
    fitted.coef_ = coef[:, :n_features]
    has_intercept = coef.shape[1] > n_features
    fitted.intercept_ = coef[:, -1] if has_intercept else np.zeros(len(coef))
    for name in OF_A_FIT:
        vars(fitted).pop(name, None)
